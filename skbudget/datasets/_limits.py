"""What the generators accept: numbers in a range, and tables that a machine can hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from numbers import Integral
from typing import Any, Final

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError

__all__ = ["MAGNITUDE_MAX", "MOST_ENTRIES", "Within", "fitting"]

# Beyond this, a table of float32 cannot hold the square of a signal.
MAGNITUDE_MAX: Final = 1e18

# A table with more entries (8 TiB) is a mistake.
MOST_ENTRIES: Final = 2**40


class Within(Interval):
    """An interval of plain numbers: no booleans, and nothing that a float cannot hold."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value lies in the interval."""
        # NumPy counts durations among the whole numbers, and takes no logarithm of a `Fraction`.
        unusual = bool | np.bool_ | np.timedelta64 | Fraction
        if not isinstance(val, self.type) or isinstance(val, unusual):
            return False
        try:
            number = float(val)
        except OverflowError:
            return False
        # `Interval` cannot compare a huge integer with NaN.
        return super().is_satisfied_by(val if self.type is Integral else number)


@contextmanager
def fitting(owner: str, n_samples: int, n_features: int, /, **sizes: int) -> Iterator[None]:
    """Refuse a table that is too large for the memory, naming the parameters that set its size.

    Raises
    ------
    InvalidParameterError
        At once if no machine could hold the table, else when an array cannot be allocated.
    """
    sizes = {"n_samples": n_samples, **sizes}
    shown = " and ".join(f"{name}={size}" for name, size in sizes.items())
    message = f"{owner} cannot hold a table of {shown} in memory."
    entries = int(n_samples) * int(n_features)
    if entries > MOST_ENTRIES:
        raise InvalidParameterError(message)
    try:
        yield
    except MemoryError as error:
        raise InvalidParameterError(message) from error
