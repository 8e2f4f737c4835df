import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import ShuffleSplit, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt

from skbudget import BudgetThresholdClassifier
from skbudget.band import fpr_band
from skbudget.metrics import (
    CoverageCurveDisplay,
    PartialROCDisplay,
    ScoreBandDisplay,
    TrainingCurveDisplay,
    coverage_at_budget_score,
    coverage_curve,
    make_coverage_scorer,
    partial_auc_score,
)
from skbudget.metrics.intervals._coverage_interval import bootstrap_coverage

# Budgets up to 1 are drawn, and curves end there.
pytestmark = pytest.mark.filterwarnings("ignore:budget=1 reviews everything")

CURVES = [CoverageCurveDisplay, PartialROCDisplay]
DISPLAYS = [*CURVES, ScoreBandDisplay]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    return make_classification(
        600, weights=[0.85], n_informative=4, class_sep=0.6, flip_y=0.1, random_state=0
    )


@pytest.fixture(scope="module")
def model(data):
    return LogisticRegression().fit(*data)


@pytest.fixture(scope="module")
def cv_results(data):
    cv = StratifiedKFold(3)
    return cross_validate(
        LogisticRegression(), *data, cv=cv, return_estimator=True, return_indices=True
    )


@pytest.fixture(scope="module")
def extras(data):
    rng = np.random.default_rng(0)
    n = data[1].size
    return {"sample_weight": rng.integers(0, 3, n), "value": rng.gamma(2.0, size=n)}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def quick(display):
    return {"n_resamples": 0} if display is CoverageCurveDisplay else {}


# --- coverage -------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["population", "fpr"])
@pytest.mark.parametrize("weighted", [False, True])
def test_coverage_is_that_of_the_metrics(basis, weighted, data, model, extras):
    X, y = data
    options = {"basis": basis, **(extras if weighted else {})}
    display = CoverageCurveDisplay.from_estimator(
        model, X, y, budget=0.05, random_state=0, n_resamples=50, **options
    )
    score = model.decision_function(X)
    _, expected = coverage_curve(y, score, budgets=display.budgets, **options)
    np.testing.assert_array_equal(display.line_.get_xdata(), display.budgets)
    np.testing.assert_array_equal(display.line_.get_ydata(), expected)
    (marked,) = display.line_.get_markevery()
    at = coverage_at_budget_score(y, score, budget=0.05, **options)
    assert display.budgets[marked] == 0.05
    assert display.coverage[marked] == pytest.approx(at, rel=1e-12)
    assert legend(display.ax_)[0] == f"LogisticRegression ({at:.3f} at 5 %)"
    resamples = bootstrap_coverage(
        y, score, budgets=display.budgets, n_resamples=50, random_state=0, **options
    )
    np.testing.assert_allclose(display.interval, np.quantile(resamples, [0.025, 0.975], axis=0))
    assert display.interval_ in display.ax_.collections


def test_perfect_ranking_is_capped_by_the_budget():
    y = np.repeat([0, 1], [900, 100])
    display = CoverageCurveDisplay.from_predictions(y, np.zeros(1000), budget=0.01, n_resamples=0)
    whole = np.ceil(display.budgets * 1000 * (1 - 1e-9)) / 1000
    np.testing.assert_allclose(display.perfect, np.minimum(1.0, whole / 0.1))
    # A constant score is a random order.
    np.testing.assert_allclose(display.coverage, whole)
    np.testing.assert_array_equal(display.chance_level_.get_ydata(), display.budgets)


def test_perfect_ranking_takes_the_dearest_first():
    y, value = np.repeat([0, 1], [98, 2]), np.repeat([0.0, 9.0, 1.0], [98, 1, 1])
    display = CoverageCurveDisplay.from_predictions(
        y, np.zeros(100), budgets=[0.01, 0.02], value=value, n_resamples=0
    )
    np.testing.assert_allclose(display.perfect, [0.9, 1.0])


def test_nothing_is_out_of_reach_of_a_false_positive_rate(data, model):
    display = CoverageCurveDisplay.from_estimator(
        model, *data, budget=0.05, basis="fpr", n_resamples=0
    )
    assert display.perfect is None
    assert display.perfect_ is None
    assert display.ax_.get_xlabel() == "Budget (% of the negatives)"


def test_ceiling(data, model):
    X, y = data
    best = y + 0.1 * X[:, 0]
    display = CoverageCurveDisplay.from_estimator(
        model, X, y, budget=0.05, ceiling=best, n_resamples=0
    )
    expected = coverage_curve(y, best, budgets=display.budgets)[1]
    np.testing.assert_array_equal(display.ceiling_.get_ydata(), expected)
    assert "Ceiling" in legend(display.ax_)


@pytest.mark.parametrize(("unit", "text"), [("percent", "1 %"), ("bps", "100 bps")])
def test_units_label_and_leave_the_data(unit, text, data, model):
    display = CoverageCurveDisplay.from_estimator(
        model, *data, budget=0.01, unit=unit, n_resamples=0
    )
    assert legend(display.ax_)[0].endswith(f"at {text})")
    assert display.ax_.xaxis.get_major_formatter()(0.02, 0) == {"percent": "2", "bps": "200"}[unit]
    assert 0.01 in display.line_.get_xdata()


@pytest.mark.parametrize("budget", [0.0001, 0.05, 1.0, None])
@pytest.mark.parametrize("n", [2, 30, 5000])
def test_any_budget_and_size_has_a_picture(budget, n):
    y = np.arange(n) == 0
    display = CoverageCurveDisplay.from_predictions(
        y.astype(int), np.arange(n), budget=budget, n_resamples=10, random_state=0
    )
    left, right = display.ax_.get_xlim()
    assert 0 < left < right <= 1
    assert budget is None or left <= budget <= right
    display.figure_.draw_without_rendering()


def test_a_budget_that_is_not_on_the_curve_cannot_be_marked():
    display = CoverageCurveDisplay(
        budgets=np.array([0.1, 0.2]), coverage=np.array([0.5, 0.6]), budget=0.15
    )
    with pytest.raises(ValueError, match=r"budget=0\.15 must be one of budgets"):
        display.plot()


# --- partial ROC ----------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("band", [(0.0, 0.1), (0.05, 0.3), (0.0, 1.0)])
def test_partial_roc_is_that_of_the_metrics(standardize, weighted, band, data, model, extras):
    X, y = data
    score = np.round(model.decision_function(X), 1)  # tied rows are lines
    alpha, beta = band
    options = extras if weighted else {}
    display = PartialROCDisplay.from_predictions(
        y, score, alpha=alpha, beta=beta, standardize=standardize, name="model", **options
    )
    area = partial_auc_score(y, score, alpha=alpha, beta=beta, standardize=standardize, **options)
    assert display.partial_auc == area
    measure = "standardised pAUC" if standardize else "pAUC"
    assert legend(display.ax_)[0] == f"model ({measure} = {area:.3f})"
    # The drawn part is that part of the whole curve, and has the area in the legend.
    at = np.linspace(0.001, beta, 300)
    _, expected = coverage_curve(y, score, budgets=at, basis="fpr", **options)
    fpr, tpr = display.line_.get_data()
    np.testing.assert_allclose(np.interp(at, fpr, tpr), expected, rtol=1e-7)
    assert fpr[-1] >= display.ax_.get_xlim()[1] - 1e-12
    assert display.band_.get_window_extent().x0 == pytest.approx(
        display.ax_.transData.transform((alpha, 0))[0]
    )


@pytest.mark.parametrize(
    ("standardize", "label"), [(False, "Chance (0.15)"), (True, "Chance (0.5)")]
)
def test_chance_of_a_constant_score(standardize, label, data):
    y = data[1]
    display = PartialROCDisplay.from_predictions(
        y, np.zeros(y.size), alpha=0.1, beta=0.2, standardize=standardize
    )
    assert display.partial_auc == pytest.approx(0.5 if standardize else 0.15)
    assert label in legend(display.ax_)
    np.testing.assert_allclose(display.fpr, display.tpr)


def test_partial_roc_needs_a_rate_for_each():
    rates = [np.array([0.0, 1.0])] * 2
    with pytest.raises(ValueError, match=r"same length.*fpr: 2, tpr: 1"):
        PartialROCDisplay(fpr=rates, tpr=rates[:1]).plot()


# --- cross-validation -----------------------------------------------------------------


def test_coverage_of_folds_and_their_mean(data, cv_results, extras):
    X, y = data
    display = CoverageCurveDisplay.from_cv_results(cv_results, X, y, budget=0.05, **extras)
    expected = []
    for estimator, rows in zip(cv_results["estimator"], cv_results["indices"]["test"]):
        parts = {name: values[rows] for name, values in extras.items()}
        score = estimator.decision_function(X[rows])
        expected.append(coverage_curve(y[rows], score, budgets=display.budgets, **parts)[1])
    np.testing.assert_array_equal([line.get_ydata() for line in display.line_], expected)
    np.testing.assert_array_equal(display.mean_line_.get_ydata(), np.mean(expected, axis=0))
    (marked,) = display.mean_line_.get_markevery()
    at = np.array(expected)[:, marked]
    assert legend(display.ax_)[0] == f"LogisticRegression ({at.mean():.3f} ± {at.std():.3f} at 5 %)"


def test_partial_roc_of_folds_and_their_mean(data, cv_results):
    X, y = data
    display = PartialROCDisplay.from_cv_results(cv_results, X, y, beta=0.2)
    areas = []
    for estimator, rows in zip(cv_results["estimator"], cv_results["indices"]["test"]):
        areas.append(partial_auc_score(y[rows], estimator.decision_function(X[rows]), beta=0.2))
    assert display.partial_auc == areas
    fpr, tpr = display.mean_line_.get_data()
    inside = np.append(fpr[fpr < 0.2], 0.2)
    heights = np.append(tpr[fpr < 0.2], np.interp(0.2, fpr, tpr))
    area = np.sum(np.diff(inside) * (heights[1:] + heights[:-1]) / 2) / 0.2
    assert area == pytest.approx(np.mean(areas), rel=1e-9)


@pytest.mark.parametrize("display", CURVES)
def test_a_list_of_styles_labels_the_folds(display, data, cv_results):
    styles = [{"c": colour} for colour in ("red", "green", "blue")]
    shown = display.from_cv_results(cv_results, *data, name="model", curve_kwargs=styles)
    assert [line.get_color() for line in shown.line_] == ["red", "green", "blue"]
    assert [text for text in legend(shown.ax_) if "fold 2" in text]
    with pytest.raises(ValueError, match=r"`curve_kwargs` must be None, .* length 3"):
        display.from_cv_results(cv_results, *data, curve_kwargs=styles[:2])


@pytest.mark.parametrize("display", CURVES)
def test_folds_that_leave_rows_out(display, data):
    found = cross_validate(
        LogisticRegression(),
        *data,
        cv=ShuffleSplit(2, train_size=0.5, test_size=0.3, random_state=0),
        return_estimator=True,
        return_indices=True,
    )
    assert len(display.from_cv_results(found, *data).line_) == 2


@pytest.mark.parametrize("display", CURVES)
def test_cv_results_without_what_is_needed(display, data, cv_results):
    X, y = data
    for missing, option in (("estimator", "return_estimator"), ("indices", "return_indices")):
        less = {key: value for key, value in cv_results.items() if key != missing}
        with pytest.raises(ValueError, match=f"{missing}.*`{option}=True`"):
            display.from_cv_results(less, X, y)
    with pytest.raises(ValueError, match="`X` must hold the rows that were cross-validated"):
        display.from_cv_results(cv_results, X[:100], y[:100])


# --- the band -------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("weighted", [False, True])
def test_score_band_is_that_of_the_package(basis, weighted, data, model, extras):
    X, y = data
    score = model.decision_function(X)
    weight = extras["sample_weight"] if weighted else None
    display = ScoreBandDisplay.from_estimator(
        model, X, y, alpha=0.05, beta=0.2, basis=basis, sample_weight=weight
    )
    band = fpr_band(score, y == 0, alpha=0.05, beta=0.2, basis=basis, sample_weight=weight)
    w = np.ones(y.size) if weight is None else weight
    assert (display.t_alpha, display.t_beta) == (band.t_alpha, band.t_beta)
    assert display.band_negatives.sum() == band.total_weight
    assert display.positives.sum() == w[y == 1].sum()
    assert display.other_negatives.sum() == w[y == 0].sum() - band.total_weight
    caught = w[(y == 1) & (score >= band.t_beta)].sum() / w[y == 1].sum()
    assert display.reached == pytest.approx(caught)
    # No bin of the band reaches below its lower edge.
    assert band.t_beta in display.edges
    assert display.band_negatives[display.edges[:-1] < band.t_beta].sum() == 0
    assert [line.get_xdata()[0] for line in display.edge_lines_] == [band.t_beta, band.t_alpha]
    assert display.ax_.get_yscale() == "log"


def test_score_band_from_the_top_has_one_edge(data, model):
    display = ScoreBandDisplay.from_estimator(model, *data, beta=0.1)
    assert len(display.edge_lines_) == 1
    assert display.ax_.get_xlabel() == "Score of LogisticRegression"


def test_score_band_of_a_constant_score(data):
    y = data[1]
    display = ScoreBandDisplay.from_predictions(y, np.full(y.size, 3.0), beta=0.01)
    assert display.band_negatives.sum() == (y == 0).sum()
    assert display.reached == 1.0
    assert not any("Other" in text for text in legend(display.ax_))


def test_score_band_without_negatives():
    with pytest.raises(ValueError, match="holds no negative"):
        ScoreBandDisplay.from_predictions([0, 1, 1], [0.0, 1.0, 2.0], beta=0.5, basis="population")


# --- what all displays have in common -------------------------------------------------


@pytest.mark.parametrize("display", CURVES)
def test_several_models_share_the_axes(display, data, model):
    X, y = data
    other = make_pipeline(StandardScaler(), LogisticRegression(C=0.001)).fit(X, y)
    options = {"ceiling": y + X[:, 0], "budget": 0.1} if display is CoverageCurveDisplay else {}
    first = display.from_estimator(model, X, y, **options, **quick(display))
    lines, entries, limits = len(first.ax_.lines), len(legend(first.ax_)), first.ax_.axis()
    second = display.from_estimator(
        other, X, y, ax=first.ax_, name="other", **options, **quick(display)
    )
    assert second.ax_ is first.ax_
    assert second.chance_level_ is first.chance_level_
    assert len(first.ax_.lines) == lines + 1
    assert len(legend(first.ax_)) == entries + 1
    assert first.ax_.axis() == limits
    assert second.line_.get_color() != first.line_.get_color()
    assert second.line_.get_linestyle() != first.line_.get_linestyle()
    assert legend(first.ax_)[1].startswith("other")


def test_limits_only_grow(data, model):
    first = PartialROCDisplay.from_estimator(model, *data, beta=0.5)
    PartialROCDisplay.from_estimator(model, *data, beta=0.1, ax=first.ax_)
    assert first.ax_.get_xlim()[1] == pytest.approx(0.625)
    PartialROCDisplay.from_estimator(model, *data, beta=0.7, ax=first.ax_)
    assert first.ax_.get_xlim()[1] == pytest.approx(0.875)


@pytest.mark.parametrize("display", CURVES)
def test_styles(display, data, model):
    shown = display.from_estimator(
        model,
        *data,
        curve_kwargs={"c": "green", "lw": 3},
        plot_chance_level=False,
        despine=False,
        **quick(display),
    )
    assert (shown.line_.get_color(), shown.line_.get_linewidth()) == ("green", 3)
    assert shown.chance_level_ is None
    assert shown.ax_.spines["top"].get_visible()
    shown.plot(chance_level_kw={"ls": ":", "label": "a coin"}, name="again")
    assert shown.chance_level_.get_linestyle() == ":"
    assert "a coin" in legend(shown.ax_)
    assert not shown.ax_.spines["top"].get_visible()
    assert legend(shown.ax_)[0].startswith("again")


@pytest.mark.parametrize("display", DISPLAYS)
def test_axes_of_the_user_are_used(display, data, model):
    figure, ax = plt.subplots()
    shown = display.from_estimator(model, *data, ax=ax, **quick(display))
    assert (shown.ax_, shown.figure_) == (ax, figure)


@pytest.mark.parametrize("display", DISPLAYS)
def test_any_two_labels_and_either_of_them(display, data, model):
    X, y = data
    named = np.where(y == 1, "fraud", "ok")
    of_names = LogisticRegression().fit(X, named)
    options = {**quick(display)}
    turned = display.from_estimator(of_names, X, named, pos_label="fraud", **options)
    plain = display.from_predictions(
        y, -of_names.decision_function(X), name="LogisticRegression", **options
    )
    for name, value in vars(plain).items():
        if not name.endswith("_") and name != "pos_label":
            np.testing.assert_array_equal(getattr(turned, name), value)
    if display is not ScoreBandDisplay:
        assert "(positive label: fraud)" in turned.ax_.get_ylabel()
    with pytest.raises(ValueError, match="pos_label='nonsense' is not a valid label"):
        display.from_estimator(of_names, X, named, pos_label="nonsense", **options)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        display.from_predictions(named, X[:, 0], **options)


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam"), (1, 2)])
def test_only_an_estimator_of_ours_says_which_label_is_positive(display, labels, data):
    X, y = data
    named = np.array(labels)[y]
    of_names = LogisticRegression().fit(X, named)
    options = quick(display)
    with pytest.raises(ValueError, match="pass the label of the positive class as pos_label"):
        display.from_estimator(of_names, X, named, **options)
    ours = BudgetThresholdClassifier(of_names, pos_label=labels[1], cv="prefit").fit(X, named)
    shown = display.from_estimator(make_pipeline(ours), X, named, **options)
    score = ours.decision_function(X) * (1 if labels[1] > labels[0] else -1)
    given = display.from_predictions(y, score, name="Pipeline", **options)
    for name, value in vars(given).items():
        if not name.endswith("_") and name != "pos_label":
            np.testing.assert_array_equal(getattr(shown, name), value)
    if display is ScoreBandDisplay:
        return
    folds = {"return_estimator": True, "return_indices": True, "cv": StratifiedKFold(3)}
    results = cross_validate(
        clone(ours).set_params(cv=2, estimator=clone(of_names)), X, named, **folds
    )
    of_folds = display.from_cv_results(results, X, named)
    assert of_folds.pos_label == labels[1]
    with pytest.raises(ValueError, match="pass the label of the positive class as pos_label"):
        display.from_cv_results(cross_validate(of_names, X, named, **folds), X, named)


@pytest.mark.parametrize("pos_label", [-1, None, 1])
def test_ranks_as_the_scorers_do(pos_label):
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(95, 2)), rng.normal(4, 1, size=(5, 2))]
    y = np.r_[np.ones(95, int), -np.ones(5, int)]
    forest = IsolationForest(n_estimators=20, random_state=0).fit(X)
    display = CoverageCurveDisplay.from_estimator(
        forest, X, y, budget=0.1, pos_label=pos_label, n_resamples=0
    )
    expected = make_coverage_scorer(0.1, pos_label=pos_label)(forest, X, y)
    assert display.coverage[display.budgets == 0.1] == pytest.approx(expected)


@pytest.mark.parametrize("display", DISPLAYS)
def test_estimators_that_do_not_rank(display, data):
    X, y = data
    with pytest.raises(TypeError, match="estimator must be .* classifier with decision_function"):
        display.from_estimator(LinearRegression().fit(X, y), X, y)
    for nothing in (None, "model", LogisticRegression):
        with pytest.raises((TypeError, NotFittedError), match=r"estimator"):
            display.from_estimator(nothing, X, y)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        display.from_estimator(LogisticRegression(), X, y)
    three = LogisticRegression().fit(X, np.arange(y.size) % 3)
    with pytest.raises(ValueError, match="Expected 'estimator' to be a binary classifier"):
        display.from_estimator(three, X, y)


@pytest.mark.parametrize(
    ("display", "options", "message"),
    [
        (CoverageCurveDisplay, {"budget": 50}, "budget"),
        (CoverageCurveDisplay, {"basis": "rows"}, "'basis'"),
        (CoverageCurveDisplay, {"unit": "ppm"}, "'unit'"),
        (CoverageCurveDisplay, {"n_resamples": -1}, "'n_resamples'"),
        (CoverageCurveDisplay, {"confidence_level": 95}, "'confidence_level'"),
        (CoverageCurveDisplay, {"ceiling": [1.0]}, "inconsistent numbers of samples"),
        (PartialROCDisplay, {"beta": 2}, "beta"),
        (PartialROCDisplay, {"alpha": 0.1}, "alpha"),
        (PartialROCDisplay, {"standardize": "yes"}, "standardize"),
        (ScoreBandDisplay, {"bins": 0}, "bins"),
        (ScoreBandDisplay, {"basis": "rows"}, "basis"),
    ],
)
def test_bad_input_leaves_no_figure(display, options, message, data):
    X, y = data
    with pytest.raises(ValueError, match=message):
        display.from_predictions(y, X[:, 0], **options)
    assert not plt.get_fignums()


def test_without_matplotlib():
    code = """
import sys; sys.modules["matplotlib"] = None
import numpy as np
from skbudget import metrics
y, s = [0, 1, 0], [0.1, 0.2, 0.3]
for call in (
    lambda: metrics.CoverageCurveDisplay.from_predictions(y, s),
    lambda: metrics.PartialROCDisplay.from_predictions(y, s),
    lambda: metrics.ScoreBandDisplay.from_predictions(y, s),
    lambda: metrics.CoverageCurveDisplay.from_estimator(None, None, y),
    lambda: metrics.PartialROCDisplay.from_cv_results({}, None, y),
    lambda: metrics.TrainingCurveDisplay.from_estimator(None),
    lambda: metrics.TrainingCurveDisplay(panels={"loss": {"a": np.ones(3)}}).plot(),
):
    try: call()
    except ImportError as error: print(error)
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(found) == 7
    assert all("requires matplotlib" in line for line in found)


# --- training -------------------------------------------------------------------------


def training_display(**options):
    panels = {"loss": {"train": np.array([3.0, 2.0, 1.5]), "valid": np.array([3.5, 2.0, 1.9])}}
    return TrainingCurveDisplay(panels=panels, **options)


def test_training_curves():
    display = training_display(best_round=2, main_weight=np.array([0.0, 1.0, 1.0])).plot()
    train, valid = display.lines_["loss"]
    np.testing.assert_array_equal(train.get_data(), [[1, 2, 3], [3.0, 2.0, 1.5]])
    assert valid.get_markevery() == [1]
    assert display.best_lines_[0].get_xdata()[0] == 2
    assert legend(display.axes_[0]) == ["train", "valid", "Warm-up"]
    training_display(name="other").plot(ax=display.axes_)
    assert legend(display.axes_[0])[2:4] == ["other: train", "other: valid"]
    with pytest.raises(ValueError, match=r"one axes for each of the 1 panels \['loss'\]. Got 2"):
        display.plot(ax=plt.subplots(1, 2)[1])


def test_training_of_a_network(data):
    pytest.importorskip("skorch")
    from skbudget import PAUCClassifier

    network = PAUCClassifier(
        budget=0.1,
        n_members=1,
        max_epochs=8,
        early_stopping=True,
        random_state=0,
        calibration_cv=None,
    )
    pipeline = make_pipeline(StandardScaler(), network).fit(*data)
    display = TrainingCurveDisplay.from_estimator(pipeline)
    found = pipeline[-1].diagnostics_
    assert list(display.panels) == [
        "Training loss",
        "Held-out coverage",
        "Band edges",
        "Rows per step",
    ]
    (line,) = display.lines_["Training loss"]
    np.testing.assert_array_equal(line.get_ydata(), found["train_loss"])
    upper, lower = display.lines_["Band edges"]
    np.testing.assert_array_equal(upper.get_ydata(), found["t_alpha"])
    np.testing.assert_array_equal(lower.get_ydata(), found["t_beta"])
    # The epoch that was kept is the best of those after the warm-up.
    coverage = np.where(found["main_weight"] < 1, -1.0, found["valid_coverage"])
    assert coverage[display.best_round - 1] == coverage.max()
    assert list(TrainingCurveDisplay.from_estimator(pipeline, panels=["Temperature"]).panels) == [
        "Temperature"
    ]
    with pytest.raises(ValueError, match=r"panels must be some of \['Training loss'.*'nonsense'"):
        TrainingCurveDisplay.from_estimator(pipeline, panels=["nonsense"])


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_training_of_a_booster(library, data):
    pytest.importorskip(library)
    import skbudget

    X, y = data
    common = {"budget": 0.1, "n_estimators": 6, "selection_cv": None, "calibration_cv": None}
    if library == "lightgbm":
        model = skbudget.PAUCLGBMClassifier(**common, n_jobs=1, verbose=-1)
    else:
        model = skbudget.PAUCXGBClassifier(**common, n_jobs=1, early_stopping_rounds=4)
    silent = {} if library == "lightgbm" else {"verbose": False}
    model.fit(X[:400], y[:400], eval_set=[(X[400:], y[400:])], **silent)
    display = TrainingCurveDisplay.from_estimator(model, name="trees")
    assert list(display.panels) == ["coverage@0.1"]
    (line,) = display.lines_["coverage@0.1"]
    kept = display.best_round or 6
    found = coverage_at_budget_score(y[400:], model.decision_function(X[400:]), budget=0.1)
    assert line.get_ydata()[kept - 1] == pytest.approx(found)
    assert (display.best_round is None) == (library == "lightgbm")
    again = clone(model)
    if library == "xgboost":
        again.set_params(early_stopping_rounds=None)
    with pytest.raises(ValueError, match="recorded nothing while it trained: fit it with an eval"):
        TrainingCurveDisplay.from_estimator(again.fit(X, y))


@pytest.mark.parametrize("name", [[], ["a", "b"], b"", {}, 3])
def test_a_name_is_text_whatever_it_is(name):
    display = TrainingCurveDisplay(panels={"loss": {"train": np.ones(3)}}, name=name).plot()
    assert legend(display.axes_[0]) == [str(name)]
    curve = CoverageCurveDisplay(budgets=np.array([0.5, 1.0]), coverage=np.array([0.5, 1.0]))
    assert str(name) in legend(curve.plot(name=name).ax_)


class LongDoubles(LogisticRegression):
    """A model that answers in more digits than a float has."""

    def decision_function(self, X):
        return super().decision_function(X).astype(np.longdouble) / 3


@pytest.mark.parametrize("display", DISPLAYS)
def test_scores_of_a_model_in_any_precision(display, data):
    shown = display.from_estimator(LongDoubles().fit(*data), *data, **quick(display))
    assert shown.name == "LongDoubles"


def test_a_class_is_no_trained_model():
    with pytest.raises(TypeError, match="estimator must be a fitted estimator, and not a class"):
        TrainingCurveDisplay.from_estimator(LogisticRegression)


def test_training_of_what_keeps_no_history(model):
    with pytest.raises(ValueError, match="LogisticRegression keeps no history"):
        TrainingCurveDisplay.from_estimator(model)


# --- options, styles and attributes


FLAGS = [
    *((CoverageCurveDisplay, name) for name in ("plot_chance_level", "despine", "plot_perfect")),
    *((PartialROCDisplay, name) for name in ("plot_chance_level", "despine", "standardize")),
    (ScoreBandDisplay, "despine"),
]


@pytest.mark.parametrize(("display", "name"), FLAGS)
@pytest.mark.parametrize("value", ["no", 2, None, 0.5, np.array([True, False])])
def test_flags_are_booleans(display, name, value):
    y, score = np.repeat([0, 1], [40, 10]), np.arange(50.0)
    with pytest.raises(ValueError, match=f"'{name}' parameter of {display.__name__}"):
        display.from_predictions(y, score, **{**quick(display), name: value})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ax": "axes"}, "ax must be a matplotlib Axes: got 'axes'"),
        ({"ax": 5}, "ax must be a matplotlib Axes"),
        ({"chance_level_kw": "red"}, "chance_level_kw must be None or a dictionary: got 'red'"),
        ({"curve_kwargs": "red"}, "`curve_kwargs` must be None, a dictionary or a list"),
        ({"curve_kwargs": ["red"]}, "`curve_kwargs` must be None, a dictionary or a list"),
        ({"n_resamples": 2.5}, "'n_resamples' parameter"),
        ({"n_resamples": 10**9}, "'n_resamples' parameter"),
        ({"confidence_level": 95}, "95 percent are 0.95"),
        ({"budget": "1%"}, "A budget is a fraction: pass 0.01"),
        ({"unit": "percents"}, "'unit' parameter"),
        ({"random_state": -1}, "random_state must be an int"),
    ],
)
def test_options_are_checked(wrong, message):
    y, score = np.repeat([0, 1], [40, 10]), np.arange(50.0)
    with pytest.raises((TypeError, ValueError), match=message):
        CoverageCurveDisplay.from_predictions(
            y, score, **{"budget": 0.2, "n_resamples": 5, **wrong}
        )


POINTS = np.linspace(0.1, 1.0, 5)
COVERAGE = {"budgets": POINTS, "coverage": POINTS, "budget": POINTS[2]}
ROC = {"fpr": POINTS, "tpr": POINTS, "beta": 0.5}
BAND = {
    "edges": np.arange(6.0),
    **dict.fromkeys(["positives", "band_negatives", "other_negatives"], POINTS),
    "t_alpha": 4.0,
    "t_beta": 3.0,
}


@pytest.mark.parametrize(
    ("display", "given", "wrong", "message"),
    [
        (CoverageCurveDisplay, COVERAGE, {"coverage": POINTS[:3]}, "curves of the same shape"),
        (CoverageCurveDisplay, COVERAGE, {"coverage": []}, "coverage must be an array, or a list"),
        (CoverageCurveDisplay, COVERAGE, {"coverage": "abc"}, "must be an array of numbers"),
        (CoverageCurveDisplay, COVERAGE, {"perfect": 1j * POINTS}, "must be an array of numbers"),
        (CoverageCurveDisplay, COVERAGE, {"interval": POINTS}, "interval must be two arrays"),
        (CoverageCurveDisplay, COVERAGE, {"interval": 0.5}, "interval must be two arrays"),
        (CoverageCurveDisplay, COVERAGE, {"budget": "x"}, "'budget' parameter"),
        (CoverageCurveDisplay, COVERAGE, {"budget": 0.123}, "must be one of budgets"),
        (CoverageCurveDisplay, COVERAGE, {"basis": "rows"}, "'basis' parameter"),
        (CoverageCurveDisplay, COVERAGE, {"confidence_level": 95}, "95 percent are 0.95"),
        (PartialROCDisplay, ROC, {"tpr": POINTS[:3]}, "curves of the same shape"),
        (PartialROCDisplay, ROC, {"alpha": 0.7}, "'alpha' parameter"),
        (PartialROCDisplay, ROC, {"partial_auc": "x"}, "'partial_auc' parameter"),
        (PartialROCDisplay, ROC, {"partial_auc": np.nan}, "'partial_auc' parameter"),
        (PartialROCDisplay, ROC, {"standardize": "no"}, "'standardize' parameter"),
        (ScoreBandDisplay, BAND, {"edges": POINTS}, "curves of the same shape"),
        (ScoreBandDisplay, BAND, {"positives": None}, "positives"),
        (ScoreBandDisplay, BAND, {"t_beta": np.nan}, "'t_beta' parameter"),
        (ScoreBandDisplay, BAND, {"reached": "x"}, "'reached' parameter"),
        (TrainingCurveDisplay, {}, {"panels": {}}, "panels must be a dictionary"),
        (TrainingCurveDisplay, {}, {"panels": {"a": {}}}, "panels must be a dictionary"),
        (TrainingCurveDisplay, {}, {"panels": {"a": 5}}, "panels must be a dictionary"),
        (TrainingCurveDisplay, {}, {"panels": {"a": {"b": 5}}}, "curves of the same shape"),
        (TrainingCurveDisplay, {"panels": {"a": {"b": POINTS}}}, {"best_round": 0}, "'best_round'"),
        (
            TrainingCurveDisplay,
            {"panels": {"a": {"b": POINTS}}},
            {"main_weight": "x"},
            "main_weight must be an array of numbers",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(display, given, wrong, message):
    if "panels" not in wrong:
        display(**given).plot()
    with pytest.raises(ValueError, match=message):
        display(**{**given, **wrong}).plot()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (5, "`cv_results` must be what `cross_validate` returned"),
        ({"estimator": [], "indices": {"test": []}}, "an estimator for each fold"),
        ({"estimator": [1], "indices": {"test": []}}, "an estimator for each fold"),
        ({"estimator": [1], "indices": 5}, "must be a dictionary with the rows of 'test'"),
    ],
)
def test_results_of_a_cross_validation_are_checked(wrong, message):
    for display in CURVES:
        with pytest.raises((TypeError, ValueError), match=message):
            display.from_cv_results(wrong, np.zeros((4, 1)), [0, 1, 0, 1])
