"""From a constant start the first rounds of every loss grow trees that have splits."""

import warnings

import numpy as np
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from small_models import CLASSES, only_rank

from skbudget.boosting import PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.datasets import make_contested_top
from skbudget.objectives import (
    BinaryCrossEntropy,
    ClassBalancedCrossEntropy,
    CollapseWarning,
    FocalLoss,
    Hinge,
    LDAMLoss,
    MarginCrossEntropy,
    Quantile,
    SegmentScalingCrossEntropy,
    VectorScalingCrossEntropy,
    VectorScalingSoftmax,
    available,
    find_loss,
)

each_classifier = pytest.mark.parametrize("cls", CLASSES)


def draw_target(loss, score):
    """A target of the loss's kind that rises with a score."""
    if loss.target == "real":
        return score
    edges = [1.5] if loss.target == "binary" else [-0.5, 1.0]
    return np.digitize(score, edges)


def n_splits(model):
    """How many splits the trees of a model have."""
    if isinstance(model, PAUCLGBMClassifier):
        return int(model.booster_.trees_to_dataframe()["split_feature"].notna().sum())
    return int((model.get_booster().trees_to_dataframe()["Feature"] != "Leaf").sum())


def fit(cls, loss, X, score, **params):
    columns = {name: np.arange(score.size) % 3 for name in loss.needs}
    model = only_rank(cls, loss, **{"n_estimators": 3, **params})
    return model.fit(X, draw_target(loss, score), **columns)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 4))
    return X, X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.normal(size=1000)


@each_classifier
@pytest.mark.parametrize("name", available(model="boosters"))
def test_three_rounds_grow_a_split(cls, name, rows):
    X, score = rows
    model = fit(cls, find_loss(name), X, score)
    assert n_splits(model) >= 1
    margins = model.decision_function(X)
    assert np.ptp(margins if margins.ndim == 1 else margins[:, -1]) > 0


@each_classifier
@pytest.mark.parametrize("name", available("binary", model="boosters"))
def test_three_rounds_grow_a_split_with_few_positives_and_a_weak_signal(cls, name):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(6000) < 30).astype(int)
    X = rng.normal(size=(6000, 3)) + y[:, None]
    loss = find_loss(name)
    columns = {name: np.arange(6000) % 3 for name in loss.needs}
    model = only_rank(cls, loss, n_estimators=3).fit(X, y, **columns)
    assert n_splits(model) >= 1
    margins = model.decision_function(X)
    margins = margins if margins.ndim == 1 else margins[:, -1]
    assert margins[y == 1].mean() > margins[y == 0].mean()


SCALED = {
    "vector scaling": VectorScalingCrossEntropy(
        2.0, pos_multiplier=0.5, neg_multiplier=1.5, pos_margin=1.0, neg_margin=0.5
    ),
    "from counts": VectorScalingCrossEntropy.from_counts(70, 930, gamma=0.2, tau=1.0, beta=0.99),
    "margin": MarginCrossEntropy(2.0),
    "one margin": MarginCrossEntropy(2.0, "positives"),
    "asymmetric focal": FocalLoss(1.0, 0.5, gamma_positive=0.0),
    "share": BinaryCrossEntropy(("balanced", 1 / 3)),
    "class-balanced": ClassBalancedCrossEntropy(0.99),
    "LDAM": LDAMLoss(logit_scale=4.0, pos_weight=("effective", 0.99)),
    "segments": SegmentScalingCrossEntropy("balanced", (0.5, 1.0, 1.5), (0.5, 0.0, -0.5)),
}


@each_classifier
@pytest.mark.parametrize("loss", SCALED.values(), ids=list(SCALED))
def test_boosters_learn_the_ranking(cls, loss, rows):
    X, score = rows
    model = fit(cls, loss, X, score, n_estimators=20)
    assert np.corrcoef(model.decision_function(X), score)[0, 1] > 0.6


@each_classifier
def test_boosters_learn_classes_by_a_scaled_softmax(cls, rows):
    X, score = rows
    loss = VectorScalingSoftmax("balanced", (0.5, 1.0, 1.5), (0.0, -0.5, 0.5), (0.5, 0.0, 0.0))
    model = fit(cls, loss, X, score, n_estimators=20)
    assert np.mean(model.predict(X) == draw_target(loss, score)) > 0.6


@each_classifier
def test_a_shift_of_both_classes_moves_scores_and_nothing_else(cls, rows):
    X, score = rows
    plain = fit(cls, BinaryCrossEntropy(), X, score, n_estimators=10)
    adjusted = VectorScalingCrossEntropy.from_counts(70, 930, tau=1.0)
    moved = fit(cls, adjusted, X, score, n_estimators=10)
    difference = moved.decision_function(X) - plain.decision_function(X)
    np.testing.assert_allclose(difference, np.log(930 / 70), atol=1e-3)
    # Not so with a margin of one class.
    margin = fit(cls, MarginCrossEntropy(2.0, "positives"), X, score, n_estimators=10)
    assert np.ptp(margin.decision_function(X) - plain.decision_function(X)) > 0.1


@pytest.mark.parametrize("objective", [None, "binary_cross_entropy"])
@pytest.mark.parametrize(
    ("cls", "name"), [(PAUCLGBMClassifier, "init_score"), (PAUCXGBClassifier, "base_margin")]
)
def test_given_scores_take_the_place_of_the_start(cls, name, objective):
    X, y = make_contested_top(1000, pos_rate=0.05, random_state=0)
    given = {name: np.full(1000, -2.5)}
    # A step so small that the trees change nothing.
    model = cls(
        objective=objective,
        n_estimators=1,
        learning_rate=1e-6,
        selection_cv=None,
        calibration_cv=None,
        n_jobs=1,
    )
    model.fit(X, y, **given)
    np.testing.assert_allclose(model.decision_function(X, **given), -2.5, atol=1e-3)
    np.testing.assert_allclose(model.decision_function(X), 0.0, atol=1e-3)


def test_a_hinge_that_comes_to_nothing_says_so():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_000, 5))
    y = (X[:, 0] + rng.logistic(size=5_000) > 5).astype(int)
    params = {"n_estimators": 20, "selection_cv": None, "calibration_cv": None, "verbose": -1}
    told = "PAUCLGBMClassifier gives all rows nearly the same"
    with pytest.warns(CollapseWarning, match=told) as found:
        PAUCLGBMClassifier(objective=Hinge(pos_weight=1.0), n_jobs=1, **params).fit(X, y)
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        for remedy in ("squared_hinge", "hinge"):
            PAUCLGBMClassifier(objective=remedy, n_jobs=1, **params).fit(X, y)


@pytest.mark.parametrize("name", ["quantile", "absolute_error"])
def test_a_quantile_that_comes_to_nothing_says_so(name):
    # Trees split, and the median is 0 in every leaf.
    X, y = make_contested_top(4_000, pos_rate=0.005, random_state=0)
    told = r"PAUCLGBMClassifier gives (all|99.*% of the) rows the score 0.*99.5% are 0\). Take squ"
    with pytest.warns(CollapseWarning, match=told) as found:
        model = only_rank(PAUCLGBMClassifier, name).fit(X, y)
    assert found[0].filename == __file__
    assert model.booster_.feature_importance("split").any()
    assert np.mean(model.predict(X) == 0) > 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        for remedy in ("squared_error", Quantile(0.99)):
            only_rank(PAUCLGBMClassifier, remedy).fit(X, y)
        # Rows of one score that rank the others, and targets of which none is common.
        only_rank(PAUCLGBMClassifier, name).fit(X, X[:, 0])


@each_classifier
def test_trees_without_a_split_are_warned_of(cls):
    X, y = make_contested_top(1_500, pos_rate=0.05, random_state=0)
    with pytest.warns(CollapseWarning, match=f"{cls.__name__} found no split") as found:
        only_rank(cls, **{cls._split_gain_name: 1e9}).fit(X, y)
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        for weight in (np.full(y.size, 1.0 / y.size), np.full(y.size, 1e-6)):
            model = only_rank(cls).fit(X, y, sample_weight=weight)
            assert np.unique(model.decision_function(X)).size > 100
