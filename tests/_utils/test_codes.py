import numpy as np
import pandas as pd
import pytest

from skbudget._utils.codes import code_known_labels, code_labels, hint_of_sizes


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


DAYS = np.array(["2026-01-03", "2026-01-01", "2026-01-02"], dtype="datetime64[D]")


@pytest.mark.parametrize(
    ("known", "column", "wanted"),
    [
        (["c", "a", "b"], np.array(["b", "c", "b"], dtype=object), [1, 2, 1]),
        ([3, 1, 2], [2.0, 3.0], [1, 2]),
        ([True, False], [1, 0], [1, 0]),
        (DAYS, DAYS.astype("datetime64[ns]"), [2, 0, 1]),
    ],
    ids=["strings", "numbers", "booleans", "dates"],
)
def test_known_labels_keep_their_numbers(known, column, wanted):
    labels, _ = code_labels(known, "item")
    codes = code_known_labels(column, "item", labels, len(column), "strange items")
    assert codes.tolist() == wanted
    assert codes.dtype == np.intp


def test_labels_that_are_not_known_are_named():
    labels, _ = code_labels(["a", "b"], "item")
    with pytest.raises(ValueError, match=r"item holds strange items: \['c'\]. .* \['a', 'b'\]\."):
        code_known_labels(["c", "a"], "item", labels, 2, "strange items")
    labels, _ = code_labels(np.arange(20), "item")
    with pytest.raises(ValueError, match=r"\['1'\].* 9\] \.\.\.\."):
        code_known_labels(["1"], "item", labels, 1, "strange items")


def test_codes_are_those_of_numpy():
    rng = np.random.default_rng(0)
    for column in (rng.integers(-5, 5, 200), rng.random(50), rng.integers(0, 2, 30) == 1):
        labels, codes = code_labels(column, "item")
        wanted = np.unique(column, return_inverse=True)
        np.testing.assert_array_equal(labels, wanted[0])
        np.testing.assert_array_equal(codes, wanted[1])
        again, same = code_labels(column.astype(object), "item")
        np.testing.assert_array_equal(again.astype(labels.dtype), labels)
        np.testing.assert_array_equal(same, codes)


@pytest.mark.parametrize(
    ("given", "is_of_sizes"),
    [([2, 3], True), (np.array([0, 5]), True), ([5], True), ([2, 2], False), ([2.0, 3.0], False)]
    + [([-1, 6], False), ([1, 1, 1, 1, 1], False), ([[2, 3]], False), (["a", "b"], False)],
    ids=["list", "with-none", "one", "other-sum", "floats", "negative", "rows", "table", "names"],
)
def test_sizes_of_groups_are_known(given, is_of_sizes):
    hint = hint_of_sizes(given, 5)
    assert ("np.repeat(np.arange(len(sizes)), sizes)" in hint) == is_of_sizes
    assert bool(hint) == is_of_sizes
