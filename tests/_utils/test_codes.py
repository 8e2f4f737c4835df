import numpy as np
import pandas as pd
import pytest

from skbudget._utils.codes import code_labels


@pytest.mark.parametrize(
    "column",
    [
        ["b", "a", "b"],
        np.array([7, 2, 7]),
        np.array([True, False, True]),
        np.array([0.5, -1.0, 0.5]),
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"]),
        np.array([[7], [2], [7]]),
    ],
    ids=["strings", "whole", "bool", "float", "objects", "series", "one-column"],
)
def test_labels_are_sorted_and_numbered(column):
    labels, codes = code_labels(column, "item", 3)
    assert codes.tolist() == [1, 0, 1]
    assert labels[codes].tolist() == np.ravel(column).tolist()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([], "item is empty"),
        ([1, 2], "item must have one entry per sample: expected 3, got 2"),
        ([1.0, np.nan, 2.0], "item contains NaN"),
        (["a", None, "b"], "item contains NaN or None"),
        (np.array(["a", 1, 2], dtype=object), "item mixes labels"),
        (np.zeros((3, 2)), r"item must have shape \(n_samples,\)"),
    ],
)
def test_errors_name_the_column(column, words):
    with pytest.raises(ValueError, match=words):
        code_labels(column, "item", 3 if len(column) else None)
