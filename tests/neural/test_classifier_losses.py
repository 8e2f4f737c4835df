"""`PAUCClassifier` on losses other than its own: names, NumPy losses, torch modules, targets."""

import copy
import pickle
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

import toy_losses as toys
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn

from skbudget import PAUCClassifier, coverage_at_budget_score
from skbudget.band import default_beta
from skbudget.neural import (
    ALMLoss,
    CoralLoss,
    CriticalRankLoss,
    FocalLoss,
    HardNegativeCrossEntropyLoss,
    LogCoshLoss,
    LossWarmup,
    MultilabelCrossEntropyLoss,
    NumpyLoss,
    OrdinalAllThresholdLoss,
    OrdinalLogLoss,
    PAUCAtBudgetLoss,
    QuantileLoss,
    RankRegLoss,
    RecallAtQuantileLoss,
    SignificanceLoss,
    SmoothAPLoss,
    VectorScalingCrossEntropyLoss,
    VectorScalingSoftmaxLoss,
    WeightedCrossEntropyLoss,
)
from skbudget.neural.training._criterion import torch_losses
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    OneVsRest,
    PairwisePAUC,
    TrapezoidPAUC,
    VectorScalingSoftmax,
    WeightedSum,
    available,
    find_loss,
)
from skbudget.objectives._registry import loss_classes

torch.set_num_threads(1)

NO_WARMUP = {
    "binary_cross_entropy",
    "class_balanced_cross_entropy",
    "focal",
    "focal_loss",
    "hard_negative_cross_entropy",
    "hinge",
    "ldam_loss",
    "margin_cross_entropy",
    "rank_weighted_cross_entropy",
    "segment_scaling_cross_entropy",
    "squared_hinge",
    "vector_scaling_cross_entropy",
    "vector_scaling_softmax",
    "weighted_cross_entropy",
}
NAMES = sorted(
    {
        *available("binary"),
        *(name for name, one in torch_losses().items() if not hasattr(one, "target")),
    }
)


def needed_columns(name, n):
    """Columns without which a loss cannot be trained on."""
    needs = find_loss(name).needs if name in available() else ()
    return {column: np.arange(n) % 3 for column in needs}


def draw_table(n=600, rate=0.1, seed=0, n_features=6):
    """Rows whose first two features tell the positives."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    X = rng.normal(size=(n, n_features))
    X[:, :2] += 1.5 * y[:, None]
    return X, y


def make(loss=None, **params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 200,
        "max_epochs": 15,
        "lr": 1e-2,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(loss=loss, **{**small, **params})


@pytest.fixture(scope="module")
def table():
    return draw_table()


@pytest.fixture(scope="module")
def fresh_table():
    return draw_table(2000, seed=1)


@pytest.fixture(scope="module")
def levels():
    """Three ordered levels, by the sum of two features."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    noisy = X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=500)
    return X, np.array([10, 20, 40])[np.digitize(noisy, [-0.5, 1.5])], noisy


def loss_of(model, member=0):
    return model.net_.criterion_.main_loss.of_member[member]


def scores_well(model, fresh_table, least=0.4):
    """Chance would catch a tenth."""
    X, y = fresh_table
    return coverage_at_budget_score(y, model.decision_function(X), budget=0.1) > least


# --- names ------------------------------------------------------------------------------


def test_names_of_torch_losses():
    assert torch_losses() == {
        "alm": ALMLoss,
        "coral": CoralLoss,
        "ordinal_all_threshold": OrdinalAllThresholdLoss,
        "ordinal_log": OrdinalLogLoss,
        "critical_rank": CriticalRankLoss,
        "focal": FocalLoss,
        "hard_negative_cross_entropy": HardNegativeCrossEntropyLoss,
        "log_cosh": LogCoshLoss,
        "multilabel_cross_entropy": MultilabelCrossEntropyLoss,
        "pauc_at_budget": PAUCAtBudgetLoss,
        "quantile": QuantileLoss,
        "rank_reg": RankRegLoss,
        "recall_at_quantile": RecallAtQuantileLoss,
        "significance": SignificanceLoss,
        "smooth_ap": SmoothAPLoss,
        "vector_scaling_cross_entropy": VectorScalingCrossEntropyLoss,
        "vector_scaling_softmax": VectorScalingSoftmaxLoss,
        "weighted_cross_entropy": WeightedCrossEntropyLoss,
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_name(name, table, fresh_table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = needed_columns(name, table[1].size)
        model = make(name, max_epochs=30).fit(*table, **columns)
    assert scores_well(model, fresh_table)
    found = model.diagnostics_
    assert np.isfinite(found["train_loss"]).all()
    # Warm-up, where it is of use.
    assert found["main_weight"][0] == (1.0 if name in NO_WARMUP else 0.0)
    assert found["main_weight"][-1] == 1.0
    has_band = "pauc" in name and name != "recall_pauc"
    assert hasattr(model, "beta_") == has_band
    if has_band:
        assert model.beta_ == make().fit(*table).beta_
    assert np.isfinite(found["t_beta"][-1]) == has_band
    probability = model.predict_proba(fresh_table[0])[:, 1]
    assert probability.mean() == pytest.approx(fresh_table[1].mean(), abs=0.05)


OF_GRADES = {name for name in NAMES if hasattr(loss_classes().get(name), "graded")}


@pytest.mark.parametrize("name", sorted(OF_GRADES))
def test_more_than_two_labels_are_no_grades_unless_the_loss_is_told(name, levels):
    X, y, _ = levels
    message = f"is {loss_classes()[name].__name__}, which takes two labels, .*graded=True"
    with pytest.raises(ValueError, match=message):
        make(name).fit(X, y, **needed_columns(name, y.size))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in {"trapezoid_pauc", *OF_GRADES}])
def test_every_name_with_three_classes(name, levels):
    X, y, _ = levels
    model = make(name, max_epochs=20).fit(X, y, **needed_columns(name, y.size))
    assert model.decision_function(X).shape == model.predict_proba(X).shape == (500, 3)
    # The most common one is less than half.
    assert np.mean(model.predict(X) == y) > 0.55
    if name == "pairwise_pauc":
        assert model.beta_ == make().fit(X, y).beta_


def test_what_follows_from_all_rows_is_the_same_in_every_batch(table):
    X, y = table
    n_pos, n_neg = np.count_nonzero(y == 1), np.count_nonzero(y == 0)
    found = loss_of(make("ldam_loss", max_epochs=1).fit(X, y))
    assert type(found) is VectorScalingCrossEntropyLoss
    assert found.pos_margin == 0.5
    assert found.neg_margin == pytest.approx(0.5 * (n_pos / n_neg) ** 0.25)
    found = loss_of(make("class_balanced_cross_entropy", max_epochs=1).fit(X, y))
    wanted = (1 - 0.999**n_neg) / (1 - 0.999**n_pos)
    assert found.pos_weight / found.neg_weight == pytest.approx(wanted, rel=1e-6)
    softmax = loss_of(make(VectorScalingSoftmax("balanced"), max_epochs=1).fit(X, y))
    assert type(softmax) is VectorScalingSoftmaxLoss
    np.testing.assert_allclose(softmax.weight.numpy(), [2 * n_pos / y.size, 2 * n_neg / y.size])


def test_smooth_ap_by_name_by_class_and_as_an_instance(table, fresh_table):
    """The package's own loss, which the estimator could not take."""
    models = [make(loss) for loss in ("smooth_ap", SmoothAPLoss, SmoothAPLoss(queue_size=400))]
    for model in models:
        assert scores_well(model.fit(*table), fresh_table, 0.55)
        assert isinstance(loss_of(model), SmoothAPLoss)
        assert np.isfinite(model.diagnostics_["idle_share"][-1])
        assert len(loss_of(model).queue) == 400
    scores = [model.decision_function(table[0]) for model in models]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_the_own_loss_under_its_other_names(table):
    """The same numbers, to the last bit, as with loss=None."""
    X, y = table
    model = make().fit(X, y)
    same = PAUCAtBudgetLoss(beta=model.beta_, temperature=0.2, queue_size=400)
    scores = make(same).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(scores, model.decision_function(X))
    named = make("pauc_at_budget").fit(X, y)
    assert loss_of(named).temperature < 0.2
    assert named.beta_ == model.beta_
    twin = PairwisePAUC(beta=model.beta_, link="sigmoid", temperature=0.2, tau_scale="iqr")
    scores = make(twin).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(scores, model.decision_function(X))


def test_a_band_by_name_is_that_of_the_parameters(table):
    model = make("pairwise_pauc", alpha=0.02, beta=0.3, queue_size=77, max_pool_size=150)
    loss = loss_of(model.fit(*table))
    assert (loss.alpha, loss.beta, loss.queue_size, loss.max_pool_size) == (0.02, 0.3, 77, 150)
    assert loss.queue.size == 77
    assert model.beta_ == 0.3
    recall = loss_of(make("recall_at_quantile", budget=0.07, max_epochs=1).fit(*table))
    assert recall.budget == 0.07


def test_unknown_names_are_told_the_known_ones(table):
    with pytest.raises(
        ValueError, match="'loss' parameter of PAUCClassifier names no loss"
    ) as caught:
        make("smooth-ap").fit(*table)
    assert all(f" {name}" in str(caught.value) for name in NAMES)


# --- NumPy losses -------------------------------------------------------------------------


def test_a_loss_and_its_torch_module_train_alike(table):
    """With a batch of all rows there is no difference but rounding."""
    X, y = table
    params = {"batch_size": 1000, "max_epochs": 10}
    for loss in (PairwisePAUC(beta=0.3), TrapezoidPAUC(beta=0.3), BinaryCrossEntropy(5.0)):
        in_torch, in_numpy = (make(one, **params).fit(X, y) for one in (loss, NumpyLoss(loss)))
        assert type(loss_of(in_torch)) is type(loss.torch_loss())
        assert isinstance(loss_of(in_numpy), NumpyLoss)
        np.testing.assert_allclose(
            in_torch.decision_function(X), in_numpy.decision_function(X), atol=1e-3
        )


def test_at_a_budget_of_its_own(table):
    X, y = table
    model = make(AtBudget(TrapezoidPAUC(), budget=0.1), max_epochs=1).fit(X, y)
    assert model.beta_ == pytest.approx(default_beta(0.1, y.sum(), y.size - y.sum()))
    assert loss_of(model).beta == model.beta_
    # Each class has its own; there is no one end to tell.
    three = y + (X[:, 2] > 1)
    model = make(AtBudget(OneVsRest(PairwisePAUC()), budget=0.1), max_epochs=2).fit(X, three)
    assert not hasattr(model, "beta_")


def test_a_weighted_sum(table, fresh_table):
    loss = WeightedSum(((0.2, BinaryCrossEntropy()), (1.0, AtBudget(PairwisePAUC(), budget=0.1))))
    model = make(loss).fit(*table)
    assert scores_well(model, fresh_table)
    assert isinstance(loss_of(model), NumpyLoss)
    # In the size of a mean, as the cross-entropy that it is blended with.
    assert model.diagnostics_["train_loss"][-1] < 2
    assert model.diagnostics_["main_weight"][0] == 0


def test_temperatures_end_where_the_loss_has_its_own(table):
    X, y = table
    for loss, end in (
        (PairwisePAUC(beta=0.3, temperature=0.8), 0.8),
        (WeightedSum(((1.0, PairwisePAUC(beta=0.3, temperature=0.6)),)), 0.6),
        (SmoothAPLoss(temperature=0.05), 0.05),
    ):
        model = make(loss, temperature=0.2, temperature_start=0.6, max_epochs=40).fit(X, y)
        found = model.diagnostics_["temperature"]
        assert found[0] == pytest.approx(3 * end)
        assert found[-1] == pytest.approx(end, rel=0.05)
        assert (np.diff(found) <= 0).all()
    assert np.isnan(make("focal", max_epochs=1).fit(X, y).diagnostics_["temperature"]).all()


def test_values_apart_from_weights(table):
    """A NumPy loss is told both, a torch loss their product."""
    X, y = table
    rng = np.random.default_rng(0)
    weight, value = rng.integers(1, 3, y.size).astype(float), rng.lognormal(size=y.size)
    three = y + (X[:, 2] > 1)
    loss = WeightedSum(((1.0, PairwisePAUC(beta=0.5)),))
    plain, valued = make(loss, max_epochs=4), make(loss, max_epochs=4)
    plain.fit(X, three, sample_weight=weight)
    valued.fit(X, three, sample_weight=weight, value=value)
    assert np.abs(plain.decision_function(X) - valued.decision_function(X)).max() > 1e-3
    with pytest.raises(ValueError, match="value and weights .* cannot be combined"):
        make("smooth_ap").fit(X, three, sample_weight=weight, value=value)
    population = PairwisePAUC(beta=0.5, basis="population")
    model = make(population, max_epochs=1).fit(X, y, sample_weight=weight, value=value)
    assert isinstance(loss_of(model), NumpyLoss)
    with pytest.raises(ValueError, match="value and weights .* cannot be combined"):
        make(PAUCAtBudgetLoss(beta=0.5, basis="population")).fit(
            X, y, sample_weight=weight, value=value
        )


def test_a_stream_whose_first_part_has_one_class(table, fresh_table):
    X, y = table
    for loss in ("pairwise_pauc", AtBudget(PairwisePAUC(), 0.1), "smooth_ap", "focal_loss"):
        model = make(loss, n_members=1, calibration_cv=None, warmup=0.1)
        model.partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
        for _ in range(20):
            model.partial_fit(X, y)
        assert scores_well(model, fresh_table)


# --- torch modules --------------------------------------------------------------------------


class Recorder(nn.Module):
    """Cross-entropy that remembers what it was called with."""

    calls: list = []

    def __init__(self, pos_weight=3.0):
        super().__init__()
        self.pos_weight = pos_weight

    def forward(self, scores, targets, *, sample_weight=None, process=None, hint=1.0):
        Recorder.calls.append((scores.detach(), targets, sample_weight, process))
        return nn.functional.binary_cross_entropy_with_logits(
            scores, targets, pos_weight=torch.tensor(self.pos_weight)
        )


class Learns(nn.Module):
    """A loss with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, scores, targets):
        return nn.functional.binary_cross_entropy_with_logits(self.scale * scores, targets)


class Vector(nn.Module):
    def forward(self, scores, targets):
        return scores


class Soft(nn.Module):
    """Says that it takes numbers."""

    target = "real"

    def forward(self, scores, targets, sample_weight=None):
        return nn.functional.smooth_l1_loss(scores, targets)


@pytest.mark.parametrize(
    "loss",
    [nn.BCEWithLogitsLoss, nn.BCEWithLogitsLoss(), Recorder, Recorder(2.0), Learns, FocalLoss()],
    ids=lambda loss: str(loss)[:12],
)
def test_modules(loss, table, fresh_table):
    before = copy.deepcopy(loss.state_dict()) if isinstance(loss, nn.Module) else {}
    model = make(loss).fit(*table)
    assert scores_well(model, fresh_table)
    assert np.isnan(model.diagnostics_["idle_share"]).all()
    if isinstance(loss, nn.Module):
        assert loss_of(model) is not loss
        assert before.keys() == loss.state_dict().keys()


def test_a_loss_may_have_weights_to_learn(table):
    loss = Learns()
    model = make(loss).fit(*table)
    assert loss.scale.item() == pytest.approx(0.1)
    assert loss_of(model).scale.item() != pytest.approx(0.1)
    assert not model.net_.criterion_.main_loss.has_sparse_gradient


def test_what_a_module_is_called_with(table):
    X, y = table
    process, weight = np.arange(600) % 3, np.random.default_rng(0).uniform(1, 2, 600)
    Recorder.calls = []
    model = make(Recorder, max_epochs=1, batch_size=600, n_members=3, warmup=0.0, blend=0.0)
    model.fit(X, y, sample_weight=weight, process=process)
    assert len(Recorder.calls) == 3
    for scores, targets, weights, processes in Recorder.calls:
        # A member's own rows: without those of its fold.
        n = scores.numel()
        assert 500 < n < 600
        assert scores.shape == targets.shape == weights.shape == processes.shape == (n,)
        assert targets.dtype == scores.dtype == torch.float32
        assert set(targets.tolist()) == {0.0, 1.0}
        assert set(processes.tolist()) == {0, 1, 2}
    Recorder.calls = []
    with pytest.raises(ValueError, match="with Recorder does not read the column 'group'"):
        make(Recorder).fit(X, y, group=process)
    with pytest.raises(ValueError, match="with Recorder does not read the column 'iid_mask'"):
        make(Recorder).fit(X, y, iid_mask=process == 1)
    assert Recorder.calls == []
    # A value is a weight to a loss that takes weights.
    value = np.where(y == 1, 1.0 + process, 1.0)
    model.fit(X, y, value=value)
    seen = torch.cat([weights[targets == 1] for _, targets, weights, _ in Recorder.calls])
    assert seen.unique().numel() == 3


def test_columns_of_a_torch_loss(table):
    X, y = table
    hard = (X[:, 2] > 1) & (y == 0)
    params = {"max_epochs": 3}
    loss = HardNegativeCrossEntropyLoss(factor=100.0)
    plain, oracle = make(loss, **params).fit(X, y), make(loss, **params).fit(X, y, hard_mask=hard)
    difference = oracle.decision_function(X) - plain.decision_function(X)
    assert np.abs(difference).max() > 1e-3


def test_weights_need_a_loss_that_takes_them(table):
    X, y = table
    for params, given in (({}, {"sample_weight": 1.0 + y}), ({"class_weight": "balanced"}, {})):
        with pytest.raises(ValueError, match="BCEWithLogitsLoss does not take sample_weight"):
            make(nn.BCEWithLogitsLoss, **params).fit(X, y, **given)
    with pytest.raises(ValueError, match="with BCEWithLogitsLoss does not read the column 'value'"):
        make(nn.BCEWithLogitsLoss).fit(X, y, value=1.0 + y)


def test_several_classes_in_a_module(levels):
    X, y, _ = levels
    model = make(nn.CrossEntropyLoss, max_epochs=20).fit(X, y)
    assert np.mean(model.predict(X) == y) > 0.6
    assert model.diagnostics_["main_weight"][0] == 1.0
    focal = make("focal", max_epochs=1).fit(X, y)
    assert loss_of(focal).activation == "softmax"


def test_modules_that_are_no_loss(table):
    for wrong in (3, dict, lambda scores, targets: 0.0, PAUCClassifier()):
        with pytest.raises(
            TypeError, match="'loss' parameter of PAUCClassifier must be None, the n"
        ):
            make(wrong).fit(*table)
    with pytest.raises(ValueError, match=r"Vector must return one number for a batch.*\(\d+,\)"):
        make(Vector).fit(*table)
    for loss in (SmoothAPLoss(reduction="none"), nn.BCEWithLogitsLoss(reduction="none")):
        with pytest.raises(ValueError, match="has reduction='none'"):
            make(loss).fit(*table)
    # The warm-up is the estimator's.
    with pytest.raises(ValueError, match="PAUCClassifier warms up by itself"):
        make(LossWarmup(WeightedCrossEntropyLoss(), SmoothAPLoss())).fit(*table)


# --- targets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss", [toys.SquaredError(), Soft, Soft()], ids=["NumPy", "class", "torch"]
)
def test_real_targets(loss, levels):
    X, _, y = levels
    model = make(loss, max_epochs=30)
    assert is_regressor(model)
    assert not is_classifier(model)
    assert model.fit(X, y) is model
    assert not hasattr(model, "classes_")
    predicted = model.predict(X)
    assert predicted.shape == y.shape
    np.testing.assert_array_equal(predicted, model.decision_function(X))
    assert model.score(X, y) == pytest.approx(r2_score(y, predicted))
    assert model.score(X, y) > 0.7
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError) as caught:
        _ = model.predict_proba
    assert "takes the target 'real'" in str(caught.value.__cause__)
    assert model.diagnostics_["main_weight"].tolist() == [1.0] * 30
    assert cross_val_score(make(loss, max_epochs=30), X, y, cv=2).min() > 0.6
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), predicted)
    # Labels again: nothing of the numbers is left, and the other way round.
    model.set_params(loss=None).fit(X, y > 0)
    assert model.classes_.tolist() == [False, True]
    assert is_classifier(model)
    assert not hasattr(model.set_params(loss=loss).fit(X, y), "classes_")


def test_a_stream_of_numbers(levels):
    X, _, y = levels
    model = make(toys.SquaredError())
    for part in np.array_split(np.arange(500), 25):
        model.partial_fit(X[part], y[part], sample_weight=np.ones(part.size))
    assert model.score(X, y) > 0.3
    with pytest.raises(ValueError, match="SquaredError takes a real target, which has no classes"):
        make(toys.SquaredError()).partial_fit(X, y, classes=[0, 1])


def test_a_stream_keeps_its_loss(table):
    model = make(max_epochs=2).partial_fit(*table)
    before = model.decision_function(table[0])
    with pytest.raises(
        ValueError, match="loss of the earlier calls, PAUCAtBudgetLoss, and loss is S"
    ):
        model.set_params(loss="smooth_ap").partial_fit(*table)
    np.testing.assert_array_equal(model.decision_function(table[0]), before)
    # What scikit-learn is told is what the parameters say.
    assert is_regressor(model.set_params(loss=toys.SquaredError()))
    assert is_classifier(model.set_params(loss=None).partial_fit(*table))


def test_a_warm_start_with_numbers(levels):
    X, _, y = levels
    model = make(toys.SquaredError(), warm_start=True).fit(X, y)
    first = model.predict(X)
    np.testing.assert_allclose(model.set_params(lr=1e-30).fit(X, y).predict(X), first, atol=1e-5)
    with pytest.raises(
        ValueError, match=r"they were none \(a real target, or several labels\), and y has \[10, 20"
    ):
        model.set_params(loss="focal_loss").fit(X, levels[1])


def test_levels_with_thresholds(levels):
    X, y, _ = levels
    model = make(toys.Thresholds(), max_epochs=30).fit(X, y)
    assert model.classes_.tolist() == [10, 20, 40]
    margins = model.decision_function(X)
    assert margins.shape == (500, 2)
    predicted = model.predict(X)
    np.testing.assert_array_equal(predicted, model.classes_[(margins > 0).sum(axis=1)])
    assert model.score(X, y) == accuracy_score(y, predicted) > 0.75
    assert is_classifier(model)
    probability = model.predict_proba(X)
    assert probability.shape == (500, 3)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    shares = np.bincount(np.searchsorted(model.classes_, y)) / y.size
    np.testing.assert_allclose(probability.mean(axis=0), shares, atol=0.03)
    ranker = make(toys.Thresholds(), calibration_cv=None, max_epochs=1).fit(X, y)
    assert not hasattr(ranker, "predict_proba")
    assert set(ranker.predict(X)) <= {10, 20, 40}
    two = make(toys.Thresholds(), max_epochs=30).fit(X, y > 10)
    assert two.decision_function(X).shape == (500, 1)
    assert two.score(X, y > 10) > 0.8
    weighted = make(toys.Thresholds(), class_weight={10: 1, 20: 5, 40: 1}).fit(X, y)
    assert np.mean(weighted.predict(X) == 20) > np.mean(predicted == 20)


def test_levels_in_one_score(levels):
    X, y, _ = levels
    model = make(toys.LevelError(), max_epochs=60, weight_decay=0.0).fit(X, y)
    assert model.decision_function(X).shape == (500,)
    predicted = model.predict(X)
    assert model.score(X, y) > 0.75
    # As many of each level as there are.
    for level in (10, 20, 40):
        assert np.mean(predicted == level) == pytest.approx(np.mean(y == level), abs=0.01)
    weight = np.where(y == 40, 3.0, 1.0)
    weighted = make(toys.LevelError(), max_epochs=60).fit(X, y, sample_weight=weight).predict(X)
    assert np.average(weighted == 40, weights=weight) == pytest.approx(
        np.average(y == 40, weights=weight), abs=0.02
    )


@pytest.mark.parametrize("n_members", [1, 2])
def test_one_margin_per_class(levels, table, n_members):
    X, y = table
    model = make(toys.SoftmaxCrossEntropy(), n_members=n_members).fit(X, y)
    scores = model.decision_function(X)
    assert scores.shape == (600,)
    assert model.net_.scores_of(_rows(X)).shape == (600, n_members, 2)
    probability = model.predict_proba(X)
    np.testing.assert_array_equal(scores > 0, probability[:, 1] > 0.5)
    assert probability[:, 1].mean() == pytest.approx(y.mean(), abs=0.05)
    assert coverage_at_budget_score(y, scores, budget=0.1) > 0.5
    stopped = make(toys.SoftmaxCrossEntropy(), early_stopping=True).fit(X, y)
    assert np.isfinite(stopped.diagnostics_["valid_coverage"]).all()
    ranker = make(toys.SoftmaxCrossEntropy(), calibration_cv=None, max_epochs=1).fit(X, y)
    assert ranker.decision_function(X).shape == (600,)
    X, y, _ = levels
    model = make(toys.SoftmaxCrossEntropy()).fit(X, y)
    assert model.decision_function(X).shape == model.predict_proba(X).shape == (500, 3)
    assert model.score(X, y) > 0.6


def _rows(X):
    from skbudget.neural.training._rows import TableDataset

    return TableDataset(np.asarray(X, dtype=np.float32))


def test_what_needs_classes(levels):
    X, y, real = levels
    for loss, target in ((toys.SquaredError(), real), (toys.Thresholds(), y)):
        with pytest.raises(ValueError, match="early_stopping=True .* needs classes: .* takes the"):
            make(loss, early_stopping=True).fit(X, target)
    with pytest.raises(ValueError, match="class_weight needs classes: SquaredError takes"):
        make(toys.SquaredError(), class_weight="balanced").fit(X, real)
    with pytest.raises(ValueError, match="up to 100 levels that are no whole numbers.*y has 500"):
        make(toys.Thresholds()).fit(X, real)
    with pytest.raises(ValueError, match="NaN"):
        make(toys.SquaredError()).fit(X, np.where(y == 10, np.nan, real))


# --- columns and groups ---------------------------------------------------------------------


def draw_groups(seed=0, n_groups=80):
    """Rows of queries of 3 to 9 rows; scores of different queries do not compare."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), rng.integers(3, 10, n_groups))
    X = rng.normal(size=(group.size, 4))
    y = (X[:, 0] + 0.5 * rng.normal(size=group.size) > 0.8).astype(int)
    return X, y, rng.permutation(1000)[group]


class Groups(skorch.callbacks.Callback):
    """Sees the groups of each batch."""

    def __init__(self):
        self.batches = []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            self.batches.append(batch[1]["group"].numpy())


def test_batches_hold_whole_groups():
    X, y, group = draw_groups()
    watch = Groups()
    model = make(
        toys.WithinGroups(), batch_size=60, max_epochs=10, net_params={"callbacks": [watch]}
    ).fit(X, y, group=group)
    n_batches = -(-y.size // 60)
    assert len(watch.batches) == 10 * n_batches
    for epoch in range(10):
        shown = watch.batches[epoch * n_batches : (epoch + 1) * n_batches]
        assert sum(part.size for part in shown) == y.size
        assert sum(np.unique(part).size for part in shown) == 80
        assert max(part.size for part in shown) < 80
    assert coverage_at_budget_score(y, model.decision_function(X), budget=0.2) > 0.5


def test_groups_are_held_out_as_a_whole():
    X, y, group = draw_groups()
    watch = Groups()
    params = {"batch_size": 60, "max_epochs": 3, "net_params": {"callbacks": [watch]}}
    model = make(toys.WithinGroups(), early_stopping=True, validation_fraction=0.3, **params)
    model.fit(X, y, group=group)
    assert np.isfinite(model.diagnostics_["valid_coverage"]).all()
    seen = np.concatenate(watch.batches)
    assert np.unique(seen).size == 56
    assert np.isin(group, seen).sum() * 3 == seen.size
    with pytest.raises(ValueError, match="Of the groups that are held out.*rows of every class"):
        model.fit(X, (group == group[0]).astype(int), group=group)


def test_columns_are_checked_before_training(table):
    X, y = table
    message = "PAUCClassifier with WithinGroups needs the column 'group'.*pass group="
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(make(toys.WithinGroups()), method)(X, y)
    with pytest.raises(ValueError, match="does not read the column 'process'.*'group', 'value'"):
        make(toys.WithinGroups()).fit(X, y, group=y, process=y)
    with pytest.raises(ValueError, match="group must have one entry per sample: expected"):
        make(toys.WithinGroups()).fit(X, y, group=y[:5])
    with pytest.raises(
        ValueError, match="PAUCClassifier does not read the column 'group'.*'iid_ma"
    ):
        make().fit(X, y, group=y)
    with pytest.raises(ValueError, match="with FocalLoss does not read the column 'iid_mask'"):
        make("focal").fit(X, y, iid_mask=y == 1)
    # A column that is None is none.
    make(max_epochs=1).fit(X, y, group=None)


def test_columns_that_are_words(table):
    X, y = table
    words, numbers = np.array(list("abcdef"))[np.arange(600) % 6], np.arange(600) % 6
    scores = [
        make(toys.WithinGroups(), max_epochs=3).fit(X, y, group=column).decision_function(X)
        for column in (words, numbers)
    ]
    np.testing.assert_array_equal(*scores)


# --- parameters ------------------------------------------------------------------------------


LOSSES = [
    "smooth_ap",
    PairwisePAUC(beta=0.3),
    WeightedSum(((1.0, AtBudget(TrapezoidPAUC(), 0.1)),)),
    NumpyLoss("focal_loss"),
    Recorder,
    SmoothAPLoss(),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: str(loss)[:20])
def test_rules_of_scikit_learn(loss, table):
    X, y = table
    model = make(loss, max_epochs=2)
    assert model.get_params()["loss"] is loss
    assert clone(model).get_params().keys() == model.get_params().keys()
    assert type(clone(model).loss) is type(loss)
    scores = model.fit(X, y).decision_function(X)
    assert model.loss is loss
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.decision_function(X), scores)
    np.testing.assert_array_equal(
        copy.deepcopy(model).partial_fit(X, y).decision_function(X),
        other.partial_fit(X, y).decision_function(X),
    )
    np.testing.assert_array_equal(clone(model).fit(X, y).decision_function(X), scores)
    assert repr(model).startswith("PAUCClassifier(")


def test_a_grid_over_losses(table):
    grid = {"loss": [None, "smooth_ap", PairwisePAUC(beta=0.5)]}
    search = GridSearchCV(make(max_epochs=3), grid, cv=2, scoring="average_precision")
    assert np.isfinite(search.fit(*table).cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("loss", "params", "message"),
    [
        (
            "smooth_ap",
            {"beta": 0.1},
            "beta of PAUCClassifier sets the band.*SmoothAPLoss is neither",
        ),
        (PairwisePAUC(), {"alpha": 0.001}, "alpha of PAUCClassifier.*PairwisePAUC is neither"),
        (
            "pairwise_pauc",
            {"link": "logistic"},
            "link of PAUCClassifier.*no effect on PairwisePAUC",
        ),
        ("smooth_ap", {"surrogate": "trapezoid"}, "surrogate of .*no effect on SmoothAPLoss"),
        (toys.NeedsBudget(1.0), {"tau_scale": None}, "tau_scale of .*no effect on NeedsBudget"),
    ],
)
def test_parameters_without_effect_are_refused(loss, params, message, table):
    with pytest.raises(ValueError, match=message):
        make(loss, **params).fit(*table)


def test_a_loss_with_parameters_to_set(table, monkeypatch):
    from skbudget.neural.training import _criterion

    monkeypatch.setattr(_criterion, "loss_classes", lambda: {"needs_budget": toys.NeedsBudget})
    with pytest.raises(
        ValueError, match=r"has parameters without a default.*NeedsBudget\(\.\.\.\)"
    ):
        make("needs_budget").fit(*table)


def test_a_column_that_would_be_lost(table):
    class Clash(nn.Module):
        def forward(self, scores, targets, fold=None):
            return scores.sum()

    with pytest.raises(ValueError, match="Clash reads a column 'fold'.*give the column another"):
        make(Clash).fit(*table)


def test_before_fit_a_bad_loss_does_no_harm():
    for bad in ("nonsense", 3):
        model = make(bad)
        assert is_classifier(model)
        assert hasattr(model, "predict_proba")
        with pytest.raises(NotFittedError):
            model.predict(np.zeros((2, 3)))


# --- divergence -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "loss", [NumpyLoss("pairwise_pauc"), toys.SquaredError(), "smooth_ap"], ids=str
)
def test_divergence_is_never_silent(loss, table):
    X, y = table
    with pytest.raises(FloatingPointError, match="diverged.*Lower lr, or scale the features"):
        make(loss, lr=1e30).fit(X, y)


def test_levels_that_have_no_order_are_refused():
    y = np.tile(["low", "medium", "high"], 20)
    model = PAUCClassifier(loss=toys.Thresholds(), n_members=1, max_epochs=1)
    with pytest.raises(ValueError, match=r"needs ordered levels.*must be numbers.*'high', 'low'"):
        model.fit(np.zeros((60, 2)), y)


def test_the_parameters_of_a_loss_are_set_by_name():
    from skbudget.objectives import PairwisePAUC

    model = PAUCClassifier(loss=PairwisePAUC(beta=0.01))
    assert model.set_params(loss__beta=0.5).loss == PairwisePAUC(beta=0.5)
    with pytest.raises(ValueError, match="loss__betta of PAUCClassifier: PairwisePAUC has"):
        model.set_params(loss__betta=0.5)
    with pytest.raises(ValueError, match="loss=None is no loss with parameters"):
        PAUCClassifier().set_params(loss__beta=0.5)


@pytest.mark.parametrize(
    ("loss", "params", "meant"),
    [
        ("quantile", {"alpha": 0.9}, "pass loss=Quantile(tau=0.9)."),
        ("focal_loss", {"alpha": 0.3}, "Pass loss=FocalLoss(alpha=0.3)."),
        ("softmax_cross_entropy", {"alpha": 0.3}, "Pass a loss with its band"),
        ("smooth_ap", {"alpha": 0.3}, "Pass a loss with its band"),
    ],
    ids=["quantile", "focal", "none", "module"],
)
def test_the_parameter_of_the_loss_that_was_meant_is_named(loss, params, meant):
    with pytest.raises(ValueError, match=re.escape(meant)):
        PAUCClassifier(loss=loss, **params).fit(np.eye(4), [0, 1, 0, 1])
