"""Arguments that may be one thing or several."""

import numpy as np
import pytest

from skbudget._utils.entries import entries_of


@pytest.mark.parametrize(
    ("values", "entries"),
    [
        ([1, 2], [1, 2]),
        ((), []),
        ({"a": 1}, ["a"]),
        ((number for number in range(2)), [0, 1]),
        (np.array([1.0]), [1.0]),
        ("ab", None),
        (b"ab", None),
        (None, None),
        (3, None),
        (np.array(1.0), None),
    ],
)
def test_entries(values, entries):
    assert entries_of(values) == entries
