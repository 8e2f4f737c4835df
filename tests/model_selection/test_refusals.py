"""Errors of the thresholds and of the report name the argument."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skbudget._utils.rare_class import FewRowsWarning
from skbudget.model_selection import (
    BudgetThresholdClassifier,
    adoption_report,
)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4 == 0
    return rng.normal(size=(400, 3)) + 1.5 * y[:, None], y.astype(int)


def fitted(rows, **settings):
    return BudgetThresholdClassifier(LogisticRegression(), budget=0.25, **settings).fit(*rows)


def report(rows, **settings):
    models = {"baseline": LogisticRegression(), "candidate": LogisticRegression(C=0.5)}
    settings = {"cv": 2, "hard_negatives": "drop", "probe": "drop", "random_state": 0, **settings}
    return adoption_report(*rows, budget=0.25, **models, **settings)


def test_a_guarantee_may_be_a_fraction(rows):
    model = fitted(rows, guarantee=Fraction(3, 4), random_state=0)
    assert model.threshold_ == fitted(rows, guarantee=0.75, random_state=0).threshold_


@pytest.mark.parametrize(
    "cv", [[], {}, [0.5], np.array([0.25, 0.5]), np.array(0.5), [(0, 0.5)], [("a", "b")], 1000]
)
def test_splits_that_are_none(rows, cv):
    for use in (fitted, report):
        with pytest.raises((ValueError, TypeError), match=r"\bcv\b"):
            use(rows, cv=cv)


def test_a_mask_is_a_split_of_the_report(rows):
    test = np.arange(400) < 200
    by_mask, by_number = (
        report(rows, cv=cv).models[-1].lift.mean
        for cv in ([(~test, test)], [(np.flatnonzero(~test), np.flatnonzero(test))])
    )
    assert by_mask == by_number


@pytest.mark.parametrize("verbose", [np.nan, "1%", None, -1, 2.5, [1]])
def test_verbose_is_a_whole_number(rows, verbose):
    with pytest.raises(ValueError, match="'verbose' parameter of adoption_report"):
        report(rows, verbose=verbose)


@pytest.mark.parametrize("n_jobs", [np.nan, "1%", 0, 0.5, [1]])
def test_jobs_are_counted(rows, n_jobs):
    with pytest.raises(ValueError, match="'n_jobs' parameter of adoption_report"):
        report(rows, n_jobs=n_jobs)
    assert report(rows, n_jobs=None).recommendation == report(rows, verbose=False).recommendation


def test_segments_are_named_where_they_are_no_column(rows):
    X, y = rows
    model = fitted((X, y))
    segments = np.arange(400) % 2
    model.fit(X, y, segments=segments)
    for wrong in (0.5, segments[None, :], segments + 1j, iter(segments)):
        with pytest.raises(ValueError, match=r"segments must (have shape|be labels of shape)"):
            model.predict(X, segments=wrong)
    # A number is not the string of its digits.
    for other in (np.zeros(400, dtype=[("a", float)]), segments.astype(str)):
        with pytest.raises(ValueError, match=r"segments without a threshold: .* fit are \[0, 1"):
            model.predict(X, segments=other)
    np.testing.assert_array_equal(
        model.predict(X, segments=segments.astype(float)), model.predict(X, segments=segments)
    )


def test_labels_are_named_where_they_are_no_column(rows):
    X, y = rows
    model = fitted(rows)
    before = model.threshold_
    mixed = y.astype(object)
    mixed[0] = "1%"
    for wrong in (0.5, mixed, y + 1j, iter(y)):
        with pytest.raises((ValueError, TypeError), match=r"\by\b"):
            model.update(X, wrong)
        with pytest.raises((ValueError, TypeError), match=r"\by\b"):
            model.fit(X, wrong)
    assert model.threshold_ == before


@pytest.mark.parametrize("unit", [1e-320, 1e-300, 1.0, 1e300])
def test_the_unit_of_values_is_no_matter(rows, unit):
    value = np.where(rows[1], unit, 0.0)
    found = report(rows, value=value)
    assert np.isfinite(found.resolution.coverage_error)
    expected = report(rows)
    assert found.models[-1].lift.mean == pytest.approx(expected.models[-1].lift.mean)
    assert found.models[-1].lift.half_width == pytest.approx(expected.models[-1].lift.half_width)


def test_one_positive_that_is_worth_all_has_no_interval(rows):
    value = np.ones(400)
    value[0] = 1e200
    found = report(rows, value=value)
    assert found.models[-1].lift.half_width == np.inf
    assert not np.isnan(found.models[-1].lift.mean)


def test_one_negative_that_weighs_all_leaves_the_interval_of_positives(rows):
    weight = np.ones(400)
    weight[1] = 1e300
    assert np.isfinite(report(rows, sample_weight=weight).models[-1].coverage.half_width)


class Precise(LogisticRegression):
    """Answers with more digits than a float has."""

    def decision_function(self, X):
        return super().decision_function(X).astype(np.longdouble) / 3


def test_an_estimator_may_answer_with_more_digits_than_a_float(rows):
    model = BudgetThresholdClassifier(Precise(), budget=0.25).fit(*rows)
    assert model.predict(rows[0]).mean() == pytest.approx(0.25, abs=0.05)
    assert adoption_report(
        *rows, budget=0.25, baseline=Precise(), candidate=Precise(C=0.5), cv=2,
        hard_negatives="drop", probe="drop",
    ).models  # fmt: skip


def test_few_positives_are_warned_of():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), np.arange(300) < 6
    model = BudgetThresholdClassifier(LogisticRegression(), budget=0.1, cv=2)
    with pytest.warns(FewRowsWarning, match="BudgetThresholdClassifier: y has 6 positives"):
        model.fit(X, y)


def test_two_columns_of_labels_are_told_what_takes_them(rows):
    X, y = rows
    told = "array of shape .* BudgetThresholdClassifier takes one label per row.*MultiOutput"
    with pytest.raises(ValueError, match=told):
        fitted(rows).fit(X, np.column_stack([y, y]))
