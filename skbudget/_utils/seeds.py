"""The generator that a seed stands for, with an error that names the parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state as _check_random_state

from .naming import naming

__all__ = ["check_random_state"]


def check_random_state(random_state: Any) -> np.random.RandomState:
    """Return a generator of NumPy.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        The seed, the generator itself, or None for the global generator.

    Raises
    ------
    ValueError, TypeError
        For anything else, durations among them, which NumPy counts among whole numbers.
    """
    with naming("random_state", "an int from 0 to 4294967295, a RandomState or None"):
        return _check_random_state(random_state)
