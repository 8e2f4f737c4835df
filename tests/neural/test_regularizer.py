"""`PAUCClassifier(loss=..., regularizer=...)`: what is added, when, and what is refused."""

import copy
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

import toy_losses as toys
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from skbudget import PAUCClassifier
from skbudget.neural import (
    ALMLoss,
    CriticalRankLoss,
    NumpyLoss,
    PAUCAtBudgetLoss,
    RankRegLoss,
    SmoothAPLoss,
    WeightedCrossEntropyLoss,
)
from skbudget.neural.training._criterion import torch_losses
from skbudget.neural.training._regularizer import Regularized
from skbudget.objectives import ALM, BinaryCrossEntropy, CriticalRank, RankReg, available
from skbudget.objectives._registry import loss_classes

torch.set_num_threads(1)


def draw_table(n=400, rate=0.1, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    X = rng.normal(size=(n, 5))
    X[:, :2] += 1.5 * y[:, None]
    return X, y


def make(regularizer=None, **params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 100,
        "max_epochs": 8,
        "lr": 1e-2,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(regularizer=regularizer, **{**small, **params})


@pytest.fixture(scope="module")
def table():
    return draw_table()


def losses_of(model):
    return model.net_.criterion_.main_loss


# --- what is added


@pytest.fixture(scope="module")
def plain(table):
    return make(loss="binary_cross_entropy").fit(*table)


def _torch_names():
    """Names of torch losses of classes that have no other."""
    return [
        name
        for name, one in torch_losses().items()
        if name not in loss_classes() and not hasattr(one, "target")
    ]


NAMES = sorted({*available("binary"), *_torch_names()})


@pytest.mark.parametrize("name", NAMES)
def test_every_name(name, table, plain):
    found = loss_classes().get(name)
    needs = set() if found is None else found.needs - {"row_id"}
    columns = {column: np.arange(400) % 3 for column in needs}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(name, loss="binary_cross_entropy", max_epochs=4).fit(*table, **columns)
    assert isinstance(losses_of(model), Regularized)
    assert not np.array_equal(model.decision_function(table[0]), plain.decision_function(table[0]))
    assert np.isfinite(model.diagnostics_["train_loss"]).all()


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ("rank_reg", RankRegLoss),
        (RankReg(power=3.0), RankRegLoss),
        (RankRegLoss, RankRegLoss),
        (RankRegLoss(queue_size=7), RankRegLoss),
        ("critical_rank", CriticalRankLoss),
        (CriticalRank("negatives"), CriticalRankLoss),
        ("alm", ALMLoss),
        (ALM(margin=0.5), ALMLoss),
        ("pairwise_pauc", PAUCAtBudgetLoss),
        ("smooth_ap", SmoothAPLoss),
        (WeightedCrossEntropyLoss(), WeightedCrossEntropyLoss),
        ("hard_negative_cross_entropy", NumpyLoss),
    ],
    ids=lambda one: (
        getattr(one, "__name__", type(one).__name__) if not isinstance(one, str) else one
    ),
)
@pytest.mark.parametrize("loss", [None, nn.BCEWithLogitsLoss], ids=["band", "module"])
def test_of_what_the_members_losses_are(loss, given, member, table):
    model = make(given, loss=loss, max_epochs=2).fit(*table)
    losses = losses_of(model)
    assert {type(one) for one in losses.added.of_member} == {member}
    assert type(losses.base.of_member[0]) is (PAUCAtBudgetLoss if loss is None else loss)
    assert len({id(one) for one in losses.added.of_member}) == 2
    if given in ("rank_reg", "critical_rank"):
        assert losses.added.of_member[0].queue_size == 300
    if isinstance(given, RankRegLoss):
        assert losses.added.of_member[0].queue_size == 7


def test_the_sum_is_that_of_the_means(table):
    model = make("critical_rank", loss="binary_cross_entropy", regularizer_weight=0.3).fit(*table)
    losses = losses_of(model)
    scores = torch.randn(40, 2, 1)
    targets = (torch.arange(40) % 5 == 0).long()[:, None].expand(40, 2)
    losses.reset_queue()
    found = losses(scores, targets)
    y = targets[:, 0].numpy()
    wanted = sum(
        BinaryCrossEntropy().loss(y, own) + 0.3 * CriticalRank().loss(y, own)
        for own in scores[:, :, 0].T.double().numpy()
    )
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_a_weight_of_zero_adds_nothing(table, plain):
    X, y = table
    # Warm-up and main phase are the same loss then.
    none = make("rank_reg", loss="binary_cross_entropy", regularizer_weight=0.0).fit(X, y)
    np.testing.assert_allclose(
        none.decision_function(X), plain.decision_function(X), rtol=1e-3, atol=1e-3
    )


# --- when


class Watched(RankRegLoss):
    """A penalty that notes the steps in which it is asked for, and how much it remembers."""

    def __init__(self):
        super().__init__(queue_size=50)
        self.seen = []

    def forward(self, *args, **kwargs):
        self.seen.append(len(self.queue))
        return super().forward(*args, **kwargs)


@pytest.mark.parametrize("loss", [None, "binary_cross_entropy"])
def test_the_loss_is_trained_on_alone_first(loss, table):
    X, y = table
    added = Watched()
    # Left over from elsewhere: the switch empties the memory.
    added(torch.randn(30), (torch.arange(30) % 3 == 0).long())
    added.seen.clear()
    model = make(added, loss=loss, warmup=0.5, blend=0.25, calibration_cv=None).fit(X, y)
    weights = model.diagnostics_["main_weight"]
    assert (weights[:4] == 0).all()
    assert weights[-1] == 1
    own = losses_of(model).added.of_member[0]
    # Four batches in eight epochs, of which half are warm-up.
    assert len(own.seen) == 16
    assert own.seen[0] == 0
    assert own.seen[1] == 50
    # Cross-entropy warms up on itself, and the band on balanced cross-entropy.
    warmup = model.net_.criterion_.warmup_loss
    assert type(warmup).__name__ == ("AllMembers" if loss is None else "OwnColumns")


def test_without_a_regulariser_cross_entropy_has_no_warm_up(table):
    model = make(loss="binary_cross_entropy").fit(*table)
    assert (model.diagnostics_["main_weight"] == 1).all()
    assert model.net_.criterion_.warmup_loss is None


def test_with_early_stopping_the_penalty_of_the_constraint_may_grow(table, monkeypatch):
    told = []
    monkeypatch.setattr(ALMLoss, "on_validation", lambda self, score: told.append(score))
    model = make("alm", loss="binary_cross_entropy", early_stopping=True).fit(*table)
    # Two members, in the epochs of the main phase.
    counted = model.diagnostics_["valid_coverage"][4:]
    assert told == np.repeat(counted, 2).tolist()


# --- rows and columns


class Recorded(nn.Module):
    """A loss that needs row numbers, and keeps what it is handed."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, scores, targets, row_id):
        self.seen.append((row_id, targets))
        return (scores**2).mean()


@pytest.mark.parametrize("place", ["loss", "regularizer"])
def test_rows_have_numbers(place, table):
    X, y = table
    params = {"n_members": 1, "max_epochs": 3, "warmup": 0, "blend": 0, "calibration_cv": None}
    for given, wanted in ((None, np.arange(400)), (np.arange(400) // 2 * 10, np.arange(400) // 2)):
        loss = {place: Recorded()}
        columns = {} if given is None else {"row_id": given}
        model = make(**loss, **params).fit(X, y, **columns)
        losses = losses_of(model)
        own = (losses if place == "loss" else losses.added).of_member[0]
        rows = torch.cat([row_id for row_id, _ in own.seen]).numpy()
        labels = torch.cat([targets for _, targets in own.seen]).numpy()
        assert set(rows) == set(wanted)
        for number in np.unique(rows)[:50]:
            assert set(labels[rows == number]) <= set(y[wanted == number])


def test_multipliers_are_those_of_the_rows(table, monkeypatch):
    kept = []
    monkeypatch.setattr(
        ALMLoss, "forget_rows", lambda self: kept.append(self.multipliers.clone().numpy())
    )
    X, y = table
    make(ALM(mu=0.01), loss="binary_cross_entropy").fit(X, y)
    assert len(kept) == 2
    for multipliers in kept:
        assert multipliers.size <= 400
        positives = np.flatnonzero(multipliers)
        assert positives.size > 20
        assert y[positives].all()


def test_multipliers_do_not_stay_in_the_model(table):
    model = make("alm", loss="binary_cross_entropy").fit(*table)
    assert all(one.multipliers.numel() == 0 for one in losses_of(model).added.of_member)
    again = make("alm", loss="binary_cross_entropy", max_epochs=3)
    for start in (0, 200):
        again.partial_fit(*(part[start : start + 200] for part in table), classes=[0, 1])
    assert np.isfinite(again.decision_function(table[0])).all()


def test_columns_reach_those_that_read_them(table):
    X, y = table
    rng = np.random.default_rng(0)
    columns = {
        "sample_weight": rng.integers(1, 3, y.size),
        "iid_mask": np.arange(y.size) < 300,
        "value": rng.lognormal(size=y.size),
    }
    for name in ("rank_reg", "critical_rank", "alm"):
        # Focal loss reads no mask; the regularisers of ranks do.
        given = dict(columns)
        if name == "alm":
            given.pop("iid_mask")
        model = make(name, loss="focal_loss", max_epochs=3).fit(X, y, **given)
        assert np.isfinite(model.decision_function(X)).all()
    with pytest.raises(ValueError, match="does not read the column 'process'"):
        make("rank_reg", loss="focal_loss").fit(X, y, process=np.arange(y.size))


def test_weights_repeat_rows_and_values_do_not(table):
    X, y = table
    ones = np.ones(y.size)
    weighted = make("rank_reg", max_epochs=2).fit(X, y, sample_weight=ones)
    valued = make("rank_reg", max_epochs=2).fit(X, y, value=ones)
    assert losses_of(weighted).added.of_member[0].weighted_budget
    assert not losses_of(valued).added.of_member[0].weighted_budget
    both = make("rank_reg", max_epochs=2).fit(X, y, value=ones, sample_weight=ones)
    # One weight could not stand for both.
    assert type(losses_of(both).added.of_member[0]) is NumpyLoss


@pytest.mark.parametrize("name", ["rank_reg", "critical_rank", "alm"])
def test_of_three_classes_each_is_ranked(name):
    X, y = draw_table()
    y = y + (X[:, 3] > 1)
    model = make(name, max_epochs=4).fit(X, y)
    assert model.predict_proba(X).shape == (400, 3)
    own = losses_of(model).added.of_member[0]
    if name != "critical_rank":
        assert own.num_classes == 3


# --- as an estimator of scikit-learn


def test_clones_and_copies(table):
    X, y = table
    model = make(RankReg(power=3.0), loss="binary_cross_entropy", regularizer_weight=2.0)
    assert clone(model).get_params() == model.get_params()
    model.fit(X, y)
    scores = model.decision_function(X)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.decision_function(X), scores)
    np.testing.assert_array_equal(clone(model).fit(X, y).decision_function(X), scores)


def test_parameters_of_the_regulariser(table):
    model = make("rank_reg").set_params(regularizer=CriticalRank(), regularizer__power=4.0)
    assert model.regularizer == CriticalRank(power=4.0)
    with pytest.raises(ValueError, match="Invalid parameter regularizer__sharpness"):
        model.set_params(regularizer__sharpness=2)
    with pytest.raises(ValueError, match="regularizer='rank_reg' is no loss with parameters"):
        make("rank_reg").set_params(regularizer__power=2)
    grid = {"regularizer_weight": [0.5, 1.0], "regularizer__power": [1.0, 3.0]}
    search = GridSearchCV(make(RankReg(), max_epochs=2, n_members=1), grid, cv=2).fit(*table)
    assert set(search.best_params_) == set(grid)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"regularizer": "rank"}, ValueError, "'regularizer' parameter of PAUCClassifier names no"),
        ({"regularizer": 0.5}, TypeError, "'regularizer' parameter of PAUCClassifier must be None"),
        ({"regularizer": "alm", "regularizer_weight": -1.0}, ValueError, "'regularizer_weight'"),
        ({"regularizer": "alm", "regularizer_weight": True}, ValueError, "'regularizer_weight'"),
        ({"regularizer": "alm", "regularizer_weight": np.inf}, ValueError, "regularizer_weight"),
        ({"regularizer": toys.SquaredError()}, ValueError, "target that PAUCAtBudgetLoss takes"),
        ({"regularizer": "rank_reg", "loss": toys.SquaredError()}, ValueError, "takes 'binary'"),
    ],
    ids=["name", "kind", "negative", "flag", "infinite", "target", "base"],
)
def test_what_is_refused(params, error, message, table):
    model = make(**params)
    with pytest.raises(error, match=message):
        model.fit(*table)
    assert not hasattr(model, "classes_")
