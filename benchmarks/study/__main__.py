"""The command ``python -m benchmarks.study``, which writes public tables for the study and measures lifts on them."""

import sys

from ._public import main

if __name__ == "__main__":
    sys.exit(main())
