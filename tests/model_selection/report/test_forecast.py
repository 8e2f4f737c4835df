import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skbudget import PAUCLGBMClassifier, make_contested_top
from skbudget._utils.statistics import Estimate
from skbudget.metrics import coverage_curve
from skbudget.model_selection import adoption_report
from skbudget.model_selection.report._forecast import (
    FITTED,
    FittedForecast,
    forecast_lift,
    shrunk,
    with_forecast,
)
from skbudget.model_selection.report._measure import budgets_near

LINE = FittedForecast(base=0.01, slope=0.5, spread=0.02, n_tables=40, date="2026-01-01")


@pytest.fixture(scope="module")
def table():
    return make_contested_top(3_000, pos_rate=0.04, decoy_frac=0.05, random_state=0)


def lifted(mean, error, confidence=0.95):
    return Estimate(mean, float(norm.ppf(confidence)) * error, 80)


# --- the line -----------------------------------------------------------------------------


def test_an_uncertain_lift_is_believed_less():
    # At an error of the spread of lifts, 0.05, half of it is believed; and no loss is.
    assert shrunk(0.06, 0.05) == pytest.approx(0.03)
    assert shrunk(0.06, 0.0) == pytest.approx(0.06)
    assert shrunk(-0.06, 0.01) == 0.0
    assert shrunk(0.06, 10.0) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_forecast_by_hand(confidence):
    found = forecast_lift(
        lifted(0.08, 0.05, confidence), 0.5, min_lift=0.02, confidence=confidence, fitted=LINE
    )
    assert found.lift.mean == pytest.approx(0.01 + 0.5 * 0.04)
    assert found.lift.half_width == pytest.approx(norm.ppf(confidence) * 0.02)
    assert found.lift.n == 40
    assert found.chance == pytest.approx(norm.cdf(0.5))


def test_no_lift_is_greater_than_what_is_missed():
    found = forecast_lift(lifted(0.2, 0.01), 0.03, min_lift=0.02, confidence=0.95, fitted=LINE)
    assert found.lift.mean == 0.03


def test_a_greater_pilot_is_no_smaller_forecast():
    lifts = [
        forecast_lift(lifted(mean, 0.03), 1.0, min_lift=0.02, confidence=0.95).lift.mean
        for mean in np.linspace(-0.2, 0.3, 26)
    ]
    assert np.all(np.diff(lifts) >= 0.0)
    assert lifts[0] == pytest.approx(FITTED.base)
    assert lifts[-1] > 0.1


# --- the report ---------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["fpr", "population"])
def report(request, table):
    return adoption_report(*table, budget=0.05, basis=request.param, quick=True, random_state=3)


def test_pilot_is_two_short_models_on_one_split(report, table):
    from lightgbm import LGBMClassifier

    X, X_test, y, y_test = train_test_split(
        *table, test_size=0.4, stratify=table[1], random_state=3
    )
    shared = {"n_estimators": 60, "learning_rate": 0.15, "reg_lambda": 5.0, "random_state": 3}
    shared |= {"n_jobs": 1, "deterministic": True, "force_col_wise": True, "verbose": -1}
    plain = LGBMClassifier(**shared).fit(X, y).predict(X_test, raw_score=True)
    ours = PAUCLGBMClassifier(
        budget=0.05, min_split_gain=0.0, selection_cv=None, calibration_cv=None, **shared
    )
    scores = ours.fit(X, y).decision_function(X_test)
    budgets = budgets_near(0.05, 2.0)
    curves = [
        coverage_curve(y_test, one, budgets=budgets, basis=report.basis)[1].mean()
        for one in (scores, plain)
    ]
    pilot = report.forecast.pilot
    assert pilot.mean == pytest.approx(curves[0] - curves[1])
    assert pilot == report["candidate"].lift
    assert report["baseline"].label == "LightGBM, L2 5, 60 trees"
    error = pilot.half_width / norm.ppf(0.95)
    expected = FITTED.base + FITTED.slope * float(shrunk(pilot.mean, error))
    assert report.forecast.lift.mean == pytest.approx(expected)
    assert report.lift_confidence == report.forecast.chance
    assert report.n_splits == 1


def test_text_html_and_dict_have_the_forecast(report):
    lift = report.forecast.lift
    shown = f"{lift.mean:+.3f} [{lift.low:+.3f}, {lift.high:+.3f}]"
    for text in (re.sub(r"\n *", " ", str(report)), report._repr_html_()):
        assert shown in text
        assert f"on {FITTED.n_tables} other tables" in text
        assert "held-out rows of 1 split;" in text
        assert "Worth it" not in text
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["forecast"]["lift"]["mean"] == pytest.approx(lift.mean)
    assert plain["forecast"]["chance"] == report.forecast.chance
    assert report.to_frame().index.tolist() == ["baseline", "candidate"]


def test_same_seed_same_forecast_in_one_process_and_in_two(table):
    one, two = (
        adoption_report(*table, budget=0.05, quick=True, random_state=1, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert one.forecast == two.forecast


class Column(ClassifierMixin, BaseEstimator):
    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, self.column]


@pytest.mark.parametrize(
    ("column", "given", "band_negatives", "expected", "says"),
    [
        (1, {}, 100.0, "measure the lift", "0.02 or more is likelier"),
        (0, {}, 100.0, "keep cross-entropy", "less than 0.02 is likelier"),
        (1, {}, 9.9, "not enough data", "holds"),
        (1, {"basis": "population", "budget": 0.04}, 100.0, "keep cross-entropy", "is not below"),
        (1, {"min_lift": 0.9}, 100.0, "keep cross-entropy", "less than 0.9 is likelier"),
    ],
)
def test_advice(column, given, band_negatives, expected, says):
    rng = np.random.default_rng(0)
    y = np.arange(4_000) % 20 == 0
    X = rng.standard_normal((4_000, 2)) + np.outer(y, [0.5, 2.0])
    options = {"budget": 0.1, "basis": "fpr", **given}
    if expected == "not enough data":
        options["budget"] = 0.002
    measured = adoption_report(
        X, y, baseline=Column(0), candidate=Column(column), hard_negatives="drop", probe="drop",
        cv=2, **options,
    )  # fmt: skip
    assert measured.forecast is None
    assert measured.to_dict()["forecast"] is None
    found = with_forecast(measured, band_negatives)
    assert found.recommendation == expected
    assert says in found.reason
    assert replace(found, forecast=None).models == measured.models


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"baseline": LogisticRegression()}, "takes no baseline: leave out baseline, or"),
        ({"probe": "drop", "cv": 3}, "takes no probe: leave out probe, cv, or"),
        ({"cv": 5}, "takes no cv"),
        ({"quick": 1}, "'quick' parameter of adoption_report must be one of {False, True}"),
    ],
)
def test_what_a_forecast_is_not_for(table, given, message):
    with pytest.raises(ValueError, match=message):
        adoption_report(*table, **{"budget": 0.05, "quick": True, **given})


def test_too_few_positives(table):
    X, y = table
    kept = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:4]])
    with pytest.raises(ValueError, match=r"at least 5 rows of each class\. The positive one has 4"):
        adoption_report(X[kept], y[kept], budget=0.05, quick=True)


@pytest.mark.filterwarnings("ignore:.*y has 3 positives")
def test_a_forecast_from_few_positives_advises_nothing(table):
    X, y = table
    kept = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:5]])
    found = adoption_report(X[kept], y[kept], budget=0.05, quick=True, random_state=0, n_jobs=1)
    assert found.recommendation == "not enough data"
    assert "less than 2 of 5 positives" in found.reason
    assert "takes 100 positives" in found.reason


def test_few_negatives_are_not_due_to_folds(table):
    found = adoption_report(*table, budget=0.005, basis="fpr", quick=True, random_state=0, n_jobs=1)
    assert found.recommendation == "not enough data"
    assert "Use more rows or a wider budget" in found.reason
    assert "folds" not in found.reason


@pytest.mark.parametrize("quick", [True, False])
def test_a_table_of_constants_is_named(table, quick):
    X, y = table
    with pytest.raises(ValueError, match="X of adoption_report has no column that LightGBM"):
        adoption_report(X * 0, y, budget=0.05, quick=quick, n_jobs=1)


def test_without_lightgbm(monkeypatch, table):
    from skbudget.model_selection.report import _report

    monkeypatch.setattr(_report, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="quick=True of adoption_report needs LightGBM"):
        adoption_report(*table, budget=0.05, quick=True)


def test_stored_line():
    assert FITTED.n_tables >= 30
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", FITTED.date)
    assert all(map(math.isfinite, FITTED[:3]))
    assert FITTED.slope > 0.0
    assert FITTED.spread > 0.0
