"""`regularizer=` of the boosters' classifiers, and losses that boosters cannot be trained on."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.boosting import BoosterObjective, PAUCObjective
from skbudget.objectives import (
    ALM,
    AtBudget,
    BinaryCrossEntropy,
    CriticalRank,
    PairwisePAUC,
    RankReg,
    Schedule,
    WeightedSum,
    available,
    find_loss,
)

CLASSES = (PAUCLGBMClassifier, PAUCXGBClassifier)
each_class = pytest.mark.parametrize("cls", CLASSES)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (rng.random(800) < 0.1).astype(int)
    X = rng.normal(size=(800, 4))
    X[:, :2] += 1.2 * y[:, None]
    return X, y


def make(cls, **params):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    small = {"n_estimators": 8, "selection_cv": None, "calibration_cv": None, "n_jobs": 1}
    return cls(**{**quiet, **small, "budget": 0.05, **params})


@each_class
@pytest.mark.parametrize(
    ("objective", "base"),
    [
        (None, AtBudget(PairwisePAUC(), budget=0.05)),
        ("pairwise_pauc", AtBudget(PairwisePAUC(), budget=0.05)),
        ("binary_cross_entropy", BinaryCrossEntropy()),
        (BinaryCrossEntropy(), BinaryCrossEntropy()),
    ],
    ids=["band", "named band", "name", "loss"],
)
def test_the_sum_of_both_is_minimised(cls, objective, base, table):
    X, y = table
    model = make(cls, objective=objective, regularizer="critical_rank", regularizer_weight=0.5)
    scores = model.fit(X, y).decision_function(X)
    both = WeightedSum(((1.0, base), (0.5, CriticalRank())))
    np.testing.assert_allclose(make(cls, objective=both).fit(X, y).decision_function(X), scores)
    plain = make(cls, objective=objective).fit(X, y)
    assert not np.allclose(plain.decision_function(X), scores)
    assert hasattr(model, "beta_") == (objective in (None, "pairwise_pauc"))
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.decision_function(X), scores)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).decision_function(X), scores)


@each_class
def test_a_regulariser_with_a_band_has_that_of_the_budget(cls, table):
    X, y = table
    model = make(cls, objective="binary_cross_entropy", regularizer="pairwise_pauc").fit(X, y)
    band = AtBudget(PairwisePAUC(beta=1.0), budget=0.05)
    both = WeightedSum(((1.0, BinaryCrossEntropy()), (1.0, band)))
    wanted = make(cls, objective=both).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), wanted.decision_function(X))


@each_class
def test_it_is_calibrated_chosen_and_searched(cls, table):
    X, y = table
    params = {"regularizer": CriticalRank(), "selection_cv": 3, "calibration_cv": 3}
    model = make(cls, **params).fit(X, y, value=np.ones(y.size))
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.03)
    grid = {"regularizer__power": [1.0, 3.0], "regularizer_weight": [0.1, 1.0]}
    search = GridSearchCV(make(cls, regularizer=CriticalRank()), grid, cv=2, scoring="roc_auc")
    assert set(search.fit(X, y).best_params_) == set(grid)


@each_class
def test_a_warm_up_is_on_the_loss_alone(cls, table):
    X, y = table
    schedule = Schedule(warmup_rounds=8)
    objective = BinaryCrossEntropy()
    warm = make(cls, objective=objective, regularizer="critical_rank", schedule=schedule)
    alone = make(cls, objective=objective)
    np.testing.assert_allclose(
        warm.fit(X, y).decision_function(X), alone.fit(X, y).decision_function(X)
    )


# --- what is refused


NETWORKS_ONLY = sorted(set(available("binary")) - set(available("binary", model="boosters")))


@pytest.mark.parametrize("name", NETWORKS_ONLY)
def test_losses_for_networks_are_refused_before_the_first_round(name, table):
    X, y = table
    loss, message = find_loss(name), "only networks can be trained on.*CriticalRank"
    base = BinaryCrossEntropy()
    composed = WeightedSum(((1.0, base), (1.0, loss)))
    for cls in CLASSES:
        for params in (
            {"objective": name},
            {"objective": loss},
            {"objective": composed},
            {"regularizer": name},
            {"regularizer": loss},
            {"schedule": Schedule(warmup_rounds=1, warmup=loss)},
        ):
            (parameter,) = params
            with pytest.raises(
                ValueError, match=f"'{parameter}' parameter of {cls.__name__} .*{message}"
            ):
                make(cls, **params).fit(X, y)
    for refused in (name, loss, composed):
        with pytest.raises(
            ValueError, match=f"'objective' parameter of BoosterObjective.*{message}"
        ):
            BoosterObjective(refused)
    for made in (PAUCObjective, lambda schedule: BoosterObjective(base, schedule)):
        with pytest.raises(ValueError, match=f"'schedule' parameter of .*Objective.*{message}"):
            made(schedule=Schedule(warmup_rounds=1, warmup=loss))


def test_a_loss_for_networks_is_not_offered(table):
    for params in ({"objective": "rank"}, {"regularizer": "rank"}):
        with pytest.raises(ValueError, match="critical_rank") as caught:
            make(PAUCLGBMClassifier, **params).fit(*table)
        assert "rank_reg" not in str(caught.value)


@each_class
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"regularizer": "critical"}, "'regularizer' parameter of .* must be None, a loss such as"),
        ({"regularizer": 0.5}, "'regularizer' parameter of .* must be None, a loss such as"),
        ({"regularizer": CriticalRank}, "'regularizer' parameter of .* must be None, a loss"),
        ({"regularizer": "critical_rank", "regularizer_weight": -1.0}, "'regularizer_weight'"),
        ({"regularizer": "critical_rank", "regularizer_weight": np.nan}, "'regularizer_weight'"),
        (
            {"regularizer": "critical_rank", "objective": BoosterObjective(BinaryCrossEntropy())},
            "is added to a loss, and objective=.* is a callable",
        ),
        (
            {"regularizer": "critical_rank", "schedule": Schedule(anneal_rounds=3, beta_start=0.5)},
            "anneals a band or a temperature, and beside a regularizer",
        ),
    ],
    ids=["name", "number", "class", "negative", "nan", "callable", "annealed"],
)
def test_what_is_refused(cls, params, message, table):
    with pytest.raises(ValueError, match=message):
        make(cls, **params).fit(*table)


def test_of_another_target(table):
    class Squares(type(find_loss("binary_cross_entropy"))):
        target = "real"

    with pytest.raises(ValueError, match="'regularizer' parameter of .* must take what the obj"):
        make(PAUCLGBMClassifier, regularizer=Squares()).fit(*table)


# --- the smooth form in both boosters


@pytest.mark.parametrize("name", available("binary", model="boosters"))
def test_trees_grow_from_a_constant_start(name, table):
    X, y = table
    objective = BoosterObjective(name)
    columns = {column: np.arange(y.size) for column in find_loss(name).needs}
    bound = objective.with_columns(**columns) if columns else objective
    booster = lgb.train({"objective": bound, "verbose": -1, "num_threads": 1}, lgb.Dataset(X, y), 3)
    assert all(tree["num_leaves"] > 1 for tree in booster.dump_model()["tree_info"])


def test_both_sides_train(table):
    X, y = table
    for side in ("positives", "negatives"):
        for link in ("logistic", "sigmoid"):
            for cls in CLASSES:
                model = make(cls, objective=CriticalRank(side, link=link), n_estimators=20)
                scores = model.fit(X, y).decision_function(X)
                assert scores[y == 1].mean() > scores[y == 0].mean()


def test_values_and_weights_reach_the_smooth_form(table):
    _, y = table
    objective = BoosterObjective(CriticalRank())
    raw = np.random.default_rng(0).normal(size=y.size)
    value = np.random.default_rng(1).lognormal(size=y.size)
    plain = objective(y, raw)
    bound = objective.with_columns(value=value)
    assert not np.allclose(bound(y, raw)[0], plain[0])
    np.testing.assert_allclose(
        objective.with_columns(value=100 * value)(y, raw)[0], bound(y, raw)[0], rtol=1e-5
    )
    wanted = CriticalRank().gradient(y, raw, value=value) * y.sum()
    np.testing.assert_allclose(bound(y, raw)[0], wanted, rtol=1e-4, atol=1e-6)


def test_the_constraint_and_the_ranks_have_no_hessian():
    for loss in (ALM(), RankReg()):
        rows = next(iter(type(loss).examples()))[1]
        assert not loss.derivatives(rows, loss.hold(rows)).hessian.any()
