"""The command ``python -m benchmarks.study``: public tables, and lifts on them."""

import sys

from ._public import main

if __name__ == "__main__":
    sys.exit(main())
