"""Significance: S over the root of B, by budget and threshold, processes, scorer and display."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from skbudget.datasets import make_two_backgrounds
from skbudget.metrics import (
    SignificanceDisplay,
    make_significance_scorer,
    significance_score,
)
from skbudget.metrics._significance import significance


def draw(seed=0, n=300, rate=0.3):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    return y, (rng.normal(size=n) + y).round(1), rng.lognormal(size=n)


def asimov(s, b):
    return math.sqrt(2 * ((s + b) * math.log(1 + s / b) - s))


FORMULAS = {"simple": lambda s, b: s / math.sqrt(b), "asimov": asimov}
each_kind = pytest.mark.parametrize("kind", list(FORMULAS))


@each_kind
@pytest.mark.parametrize("eps", [0.0, 7.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_above_a_threshold(kind, eps, weighted):
    y, score, weight = draw()
    weight = weight if weighted else np.ones(y.size)
    for threshold in (-0.2, 0.5, 1.5):
        selected = score >= threshold
        s, b = weight[selected & (y == 1)].sum(), weight[selected & (y == 0)].sum()
        found = significance_score(
            y, score, threshold=threshold, eps=eps, kind=kind, sample_weight=weight
        )
        assert found == pytest.approx(FORMULAS[kind](s, b + eps), rel=1e-12)


def test_at_a_budget_ties_are_shared():
    y, score, _ = draw()
    order = np.argsort(-score, kind="stable")
    level = score[order][59]
    above, at = score > level, score == level
    share = (60 - above.sum()) / at.sum()
    s, b = ((above + share * at)[y == label].sum() for label in (1, 0))
    found = significance_score(y, score, budget=0.2)
    assert found == pytest.approx(s / math.sqrt(b), rel=1e-12)
    constant = significance_score(y, np.zeros(y.size), budget=0.2)
    assert constant == pytest.approx(0.2 * y.sum() / math.sqrt(0.2 * (1 - y).sum()))


def test_a_weight_repeats_a_row():
    y, score, _ = draw()
    weight = np.random.default_rng(1).integers(0, 4, y.size)
    index = np.repeat(np.arange(y.size), weight)
    for cut in ({"budget": 0.1}, {"threshold": 0.7}):
        one = significance_score(y, score, sample_weight=weight, **cut)
        assert one == pytest.approx(significance_score(y[index], score[index], **cut), rel=1e-12)


def test_processes_stand_for_their_cross_sections():
    X, y, process, weight = make_two_backgrounds(
        3_000, case=2, random_state=0, return_process=True, return_weight=True
    )
    score = X[:, 0].astype(float)
    about = {"process": process, "cross_sections": (0.1, 100.0, 1.0), "luminosity": 3000.0}
    for cut in ({"budget": 0.01}, {"threshold": 3.0}):
        found = significance_score(y, score, **cut, **about)
        wanted = significance_score(y, score, sample_weight=weight, **cut)
        assert found == pytest.approx(wanted, rel=1e-12)
        assert (
            significance_score(y, score, **cut, **{**about, "luminosity": Fraction(3000)}) == found
        )


def test_values_are_the_signal():
    y, score, value = draw()
    s = value[(score >= 0.5) & (y == 1)].sum()
    b = ((score >= 0.5) & (y == 0)).sum()
    found = significance_score(y, score, threshold=0.5, value=value)
    assert found == pytest.approx(s / math.sqrt(b), rel=1e-12)


# --- no background, no signal -----------------------------------------------------------------


@each_kind
def test_what_no_background_and_no_signal_come_to(kind):
    y, score = [0, 0, 1, 1], [0.0, 0.1, 0.2, 0.3]
    assert significance_score(y, score, threshold=0.2, kind=kind) == math.inf
    assert significance_score(y, score, threshold=0.9, kind=kind) == 0.0
    found = significance_score(y, score, threshold=0.2, kind=kind, eps=4.0)
    assert found == pytest.approx(FORMULAS[kind](2, 4))
    assert significance_score(y, [3, 2, 1, 0], threshold=2, kind=kind) == 0.0


def test_asimov_of_hardly_any_signal():
    found = significance(np.array([1e-190]), np.array([1e90]), "asimov")[0]
    assert found == pytest.approx(1e-190 / math.sqrt(1e90))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_threshold_selects_what_numpy_selects(dtype):
    scores = np.array([0.1, 0.7, 0.7, 0.9], dtype=dtype)
    y = np.array([0, 1, 0, 1])
    selected = scores >= 0.7
    assert selected.sum() == 3
    expected = y[selected].sum() / math.sqrt((1 - y)[selected].sum())
    assert significance_score(y, scores, threshold=0.7) == expected


def test_asimov_in_exact_arithmetic():
    """Its two terms cancel where the signal is small: the series has all digits."""
    from decimal import Decimal, getcontext

    getcontext().prec = 60
    for s, b in [(1e-9, 1.0), (1e-3, 50.0), (3.0, 3.1e4), (3.0, 2.9e4), (5.0, 2.0), (1e40, 1e-40)]:
        S, B = Decimal(s), Decimal(b)
        wanted = float((2 * ((S + B) * (1 + S / B).ln() - S)).sqrt())
        found = significance(np.array([s]), np.array([b]), "asimov")[0]
        assert found == pytest.approx(wanted, rel=1e-7)
        assert found <= s / math.sqrt(b) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({}, "either budget or threshold"),
        ({"budget": 0.1, "threshold": 0.0}, "either budget or threshold"),
        ({"budget": 2.0}, "budget"),
        ({"threshold": np.nan}, "threshold"),
        ({"budget": 0.1, "eps": -1.0}, "eps"),
        ({"budget": 0.1, "kind": "exact"}, "kind"),
        ({"budget": 0.1, "luminosity": 10.0}, r"luminosity.*without cross_sections"),
        ({"budget": 0.1, "process": [0, 0, 1]}, "given process, which needs cross_sections"),
        ({"budget": 0.1, "cross_sections": [1.0]}, "given cross_sections, which needs process"),
        (
            {"budget": 0.1, "cross_sections": [1.0], "process": [0, 1, 0]},
            r"whole numbers from 0 to 0.*got \[1\]",
        ),
        (
            {"budget": 0.1, "cross_sections": [0.0, 1.0], "process": [1, 1, 0]},
            "all signal has weight zero: see cross_sections",
        ),
        ({"budget": 0.1, "sample_weight": [1.0, -1.0, 1.0]}, "Negative values in sample_weight"),
        ({"budget": 0.1, "sample_weight": [1e200, 1.0, 1.0]}, r"takes 1e\+100 at most"),
        ({"budget": 0.1, "value": [1.0, 1.0, 0.0]}, "no value"),
    ],
)
def test_what_is_refused(params, match):
    with pytest.raises(ValueError, match=match):
        significance_score([0, 0, 1], [0.1, 0.2, 0.3], **params)


# --- the scorer --------------------------------------------------------------------------------


def test_the_scorer_ranks_by_the_positive_class():
    X, y, weight = make_two_backgrounds(3_000, random_state=0, return_weight=True)
    model = LogisticRegression().fit(X, y)
    scorer = make_significance_scorer(0.1, eps=5.0)
    wanted = significance_score(y, model.decision_function(X), budget=0.1, eps=5.0)
    assert scorer(model, X, y) == pytest.approx(wanted)
    weighted = significance_score(
        y, model.decision_function(X), budget=0.1, eps=5.0, sample_weight=weight
    )
    assert scorer(model, X, y, sample_weight=weight) == pytest.approx(weighted)
    # Of two labels that say nothing, the rarer one is the signal, with a warning.
    named = np.where(y == 1, "a signal", "background")
    other = LogisticRegression().fit(X, named)
    with pytest.warns(UserWarning, match="a signal"):
        assert scorer(other, X, named) == pytest.approx(wanted)
    told = make_significance_scorer(0.1, eps=5.0, pos_label="a signal")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told(other, X, named) == pytest.approx(wanted)


def test_the_scorer_in_a_search_with_processes():
    X, y, process = make_two_backgrounds(1_500, random_state=0, return_process=True)
    rates = {"cross_sections": [0.1, 1.0, 100.0], "luminosity": 3000.0}
    scorer = make_significance_scorer(0.05, eps=10.0, **rates)
    assert "luminosity=3000.0" in repr(scorer)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = scorer.set_score_request(process=True)
        found = cross_validate(
            LogisticRegression(), X, y, scoring=scorer, params={"process": process}
        )
        search = GridSearchCV(LogisticRegression(), {"C": [1e-4, 1.0]}, scoring=scorer)
        search.fit(X, y, process=process)
    assert np.isfinite(found["test_score"]).all()
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "params", [{"budget": 0}, {"eps": -1}, {"kind": 1}, {"cross_sections": []}, {"luminosity": 2.0}]
)
def test_parameters_of_the_scorer(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        make_significance_scorer(**params)


# --- the display -------------------------------------------------------------------------------


@pytest.fixture
def table():
    pytest.importorskip("matplotlib").use("Agg")
    return make_two_backgrounds(3_000, random_state=0, return_weight=True)


@each_kind
def test_the_display_is_the_score_at_each_threshold(table, kind):
    X, y, weight = table
    score = X[:, 0].astype(float).round(1)
    given = {"eps": 3.0, "kind": kind, "sample_weight": weight}
    display = SignificanceDisplay.from_predictions(y, score, **given)
    for place in range(0, display.thresholds.size, 7):
        threshold = display.thresholds[place]
        assert display.significance[place] == pytest.approx(
            significance_score(y, score, threshold=threshold, **given), rel=1e-10
        )
        kept = weight[(y == 1) & (score >= threshold)].sum() / weight[y == 1].sum()
        assert display.efficiency[place] == pytest.approx(kept)
    assert display.efficiency.min() >= 0.05
    assert display.significance[display.best_] == display.significance.max()
    assert display.line_.get_markevery() == [display.best_]
    assert display.ax_.get_xlabel() == "Signal efficiency (%)"


def test_the_display_over_thresholds_and_of_an_estimator(table):
    X, y, weight = table
    model = LogisticRegression().fit(X, y)
    display = SignificanceDisplay.from_estimator(
        model, X, y, sample_weight=weight, x="threshold", name="Line"
    )
    np.testing.assert_array_equal(display.line_.get_xdata(), display.thresholds)
    assert display.ax_.get_xlabel() == "Threshold"
    assert display.line_.get_label().startswith("Line (Z = ")
    again = SignificanceDisplay(
        thresholds=display.thresholds,
        efficiency=display.efficiency,
        significance=display.significance,
    ).plot(ax=display.ax_, name="Again")
    assert again.line_.get_label().startswith("Again (")


def test_the_display_leaves_out_what_has_no_background(table):
    X, y, _ = table
    score = np.where(y == 1, 1.0 + X[:, 0], -1.0 - X[:, 0])
    for least in (0.0, 5.0):
        display = SignificanceDisplay.from_predictions(y, score, min_background=least)
        assert np.isfinite(display.significance).all()
        assert display.significance.max() == pytest.approx(y.sum() / math.sqrt(max(least, 1.0)))
    with pytest.raises(ValueError, match="found no threshold with min_efficiency"):
        SignificanceDisplay.from_predictions(y, score, min_background=1e6)
    with pytest.raises(ValueError, match="'x' parameter"):
        SignificanceDisplay.from_predictions(y, score, x="budget")
