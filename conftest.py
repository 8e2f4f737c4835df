"""Settings for tests and docstring examples alike."""

import os

# The tables of the tests are small: threads would cost more than they bring, and on a
# shared machine the waiting ones starve the others. Has to be set before OpenMP starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
