"""What the generators refuse: sizes beyond the memory, and numbers that are none."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from skbudget.datasets import (
    ContestedTopTransformer,
    TablePreparer,
    bayes_contested_top_score,
    make_contested_top,
    make_hard_bulk,
)


@pytest.mark.parametrize("value", [True, np.True_, 10**400, Fraction(1, 3), np.timedelta64(1, "s")])
def test_no_boolean_duration_or_huge_integer_is_a_magnitude(value):
    for make, name in ((make_contested_top, "sep"), (make_hard_bulk, "mu_bulk")):
        with pytest.raises(ValueError, match=f"'{name}' parameter of {make.__name__} must be"):
            make(100, pos_rate=0.2, **{name: value})


@pytest.mark.parametrize("rows", [10**12, 2**53 + 1, 2**70])
def test_a_table_that_no_machine_holds_is_refused_at_once(rows):
    with pytest.raises(ValueError, match=f"cannot hold a table of n_samples={rows} and n_features"):
        make_contested_top(rows)
    with pytest.raises(ValueError, match=f"n_samples=64 and n_bulk=4 and .* and n_noise={rows} in"):
        make_hard_bulk(64, n_noise=rows)


def test_an_array_that_cannot_be_allocated_is_an_error_of_size(monkeypatch):
    def refuse(*args, **kwargs):
        raise MemoryError("Unable to allocate 16 GiB")

    monkeypatch.setattr("skbudget.datasets._contested_top.draw_labels", refuse)
    with pytest.raises(ValueError, match="n_samples=1000 and n_features=20 in memory"):
        make_contested_top(1000)


def test_counts_of_features_may_be_narrow_integers():
    narrow = make_hard_bulk(64, pos_rate=0.2, n_noise=np.int8(100), n_bulk=np.int8(100))
    wide = make_hard_bulk(64, pos_rate=0.2, n_noise=100, n_bulk=100)
    assert narrow[0].shape == wide[0].shape == (64, 203)


def test_the_best_score_of_entries_that_no_table_has_is_refused():
    X, _ = make_contested_top(64, pos_rate=0.2, random_state=0)
    assert np.isfinite(bayes_contested_top_score(X)).all()
    X = X.astype(np.float64)
    X[0, 0] = -1e308
    with pytest.raises(ValueError, match=r"X has entries as large as 1e\+308"):
        bayes_contested_top_score(X)


def test_errors_of_a_table_name_it():
    words = np.full((4, 8), "yes")
    with pytest.raises(ValueError, match="X must be a table of numbers: could not convert"):
        bayes_contested_top_score(words)
    with pytest.raises(ValueError, match=r"X must be a table of numbers: Complex data .*ed$"):
        ContestedTopTransformer().fit(np.zeros((4, 8)) + 1j)


def test_columns_without_a_scale_are_named():
    table = np.random.default_rng(0).normal(size=(40, 9))
    table[:, 8] = np.arange(40) % 4
    table[::2, 6], table[1::2, 6] = 1e308, -1e308
    contest = ContestedTopTransformer(role_column=-1)
    with pytest.raises(ValueError, match=r"Columns \[6\] of X spread over more than a float"):
        contest.fit(table)
    with pytest.raises(ValueError, match="'cue_features' .* must be a sequence of columns. Got"):
        contest.set_params(cue_features=np.array(5)).fit(table)
    with pytest.raises(ValueError, match="input_features must hold the names of the input columns"):
        contest.set_params(cue_features=[5], scale=None).fit(table).get_feature_names_out("x")


def test_a_table_that_cannot_be_prepared_names_the_column():
    frame = pd.DataFrame(np.arange(12.0).reshape(3, 4), columns=["a", "b", 1, "1"])
    with pytest.raises(ValueError, match="X has several columns called '1': rename them"):
        TablePreparer().fit(frame)
    with pytest.raises(ValueError, match="Column 'b' of X has complex numbers"):
        TablePreparer().fit(frame[["a", "b"]].assign(b=1j))
    with pytest.raises(ValueError, match="X must be a table of one type, or a DataFrame"):
        TablePreparer().fit(np.zeros((3, 2), dtype=[("a", float)]))
    nested = frame[["a", "b"]].set_axis(pd.MultiIndex.from_product([["x"], ["y", "z"]]), axis=1)
    assert TablePreparer().fit(nested).get_feature_names_out().tolist() == [
        "('x'_ 'y')",
        "('x'_ 'z')",
    ]


def test_numbers_of_half_precision_are_prepared_without_a_warning():
    table = np.array([[1.0, np.inf], [2.0, 3.0]], dtype=np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = TablePreparer().fit_transform(table)
    np.testing.assert_array_equal(prepared, [[1.0, np.nan], [2.0, 3.0]])
