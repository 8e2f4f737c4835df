"""Errors of other packages get the name of the argument, once."""

import numpy as np
import pytest
from sklearn.utils import check_array

from skbudget._utils.naming import naming


def test_a_name_is_put_before_a_message_that_lacks_it():
    strings = pytest.raises(ValueError, match="^X must be numbers: could not convert string")
    with strings, naming("X", "numbers"):
        np.array(["a"]).astype(float)
    with pytest.raises(TypeError, match="^X must be a table of numbers: float"), naming("X"):
        float([])
    index = pytest.raises(ValueError, match="^cv must be splits: index 9 is out of bounds")
    with index, naming("cv", "splits"):
        np.arange(3)[9]


def test_a_message_that_has_the_name_stays():
    with pytest.raises(ValueError, match="^Input X contains NaN"), naming("X"):
        check_array([[np.nan]], input_name="X")


def test_complex_numbers_are_not_listed():
    short = pytest.raises(ValueError, match="^X must be a table of numbers: Complex data not .*ed$")
    with short, naming("X"):
        check_array(np.zeros((3, 3)) + 1j)
