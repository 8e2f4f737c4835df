"""What losses are made with, and called with: every option is checked, and named if it is wrong."""

import inspect
import re
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neural_cases import ALL, CROSS_ENTROPY, NUMPY, RANKING, call, draw_batch, with_gradient

from skbudget.neural import (
    ALMLoss,
    CriticalRankLoss,
    FocalLoss,
    HardNegativeCrossEntropyLoss,
    LossWarmup,
    NumpyLoss,
    PAUCAtBudgetLoss,
    RankRegLoss,
    RecallAtQuantileLoss,
    SignificanceLoss,
    SmoothAPLoss,
    VectorScalingCrossEntropyLoss,
    VectorScalingSoftmaxLoss,
    WeightedCrossEntropyLoss,
)

each_loss = pytest.mark.parametrize("make", ALL.values(), ids=list(ALL))
each_ranking = pytest.mark.parametrize("make", RANKING.values(), ids=list(RANKING))

NO_FLAGS = [1, 0, "no", 1.0, np.nan, [True], torch.tensor(True)]
NO_INTS = [True, np.True_, 2.0, "3", np.nan, None, [3]]
NO_FLOATS = [True, np.True_, "0.5", np.nan, np.inf, 0, -1.0, None, [0.5], 1e30, 1e-30]

FLAGS = {
    PAUCAtBudgetLoss: ["weighted_budget", "update_queue_in_eval"],
    SmoothAPLoss: ["update_queue_in_eval"],
    CriticalRankLoss: ["update_queue_in_eval"],
    RankRegLoss: ["update_queue_in_eval", "weighted_budget"],
    RecallAtQuantileLoss: ["update_queue_in_eval"],
    NumpyLoss: ["per_row"],
    LossWarmup: ["reset_queue_each_epoch"],
}
INTS = {
    PAUCAtBudgetLoss: ["num_classes", "n_knots", "queue_size", "ignore_index"],
    SmoothAPLoss: ["num_classes", "queue_size", "ignore_index"],
    CriticalRankLoss: ["num_classes", "queue_size", "ignore_index"],
    RankRegLoss: ["num_classes", "queue_size", "ignore_index"],
    ALMLoss: ["num_classes", "ignore_index"],
    RecallAtQuantileLoss: ["num_classes", "queue_size", "ignore_index"],
    WeightedCrossEntropyLoss: ["ignore_index"],
    HardNegativeCrossEntropyLoss: ["ignore_index"],
    FocalLoss: ["ignore_index"],
    VectorScalingCrossEntropyLoss: ["ignore_index"],
    VectorScalingSoftmaxLoss: ["ignore_index"],
    NumpyLoss: ["ignore_index"],
    LossWarmup: ["warmup_epochs", "blend_epochs", "temperature_decay_steps"],
}
FLOATS = {
    PAUCAtBudgetLoss: ["temperature"],
    SmoothAPLoss: ["temperature"],
    CriticalRankLoss: ["temperature", "power"],
    RankRegLoss: ["power", "interpolation"],
    ALMLoss: ["mu", "rho"],
    RecallAtQuantileLoss: ["temperature"],
    WeightedCrossEntropyLoss: ["pos_weight"],
    HardNegativeCrossEntropyLoss: ["pos_weight", "factor"],
    VectorScalingCrossEntropyLoss: [
        "pos_weight",
        "neg_weight",
        "pos_multiplier",
        "neg_multiplier",
    ],
}
OPTIONS = {
    PAUCAtBudgetLoss: [
        "surrogate",
        "link",
        "tau_scale",
        "pos_numerator",
        "basis",
        "quantile_interpolation",
        "reduction",
    ],
    SmoothAPLoss: ["reduction"],
    CriticalRankLoss: ["side", "link", "tau_scale", "reduction"],
    RankRegLoss: ["reduction"],
    RecallAtQuantileLoss: ["quantile_interpolation", "reduction"],
    FocalLoss: ["activation", "reduction"],
}
FRACTIONS = {
    PAUCAtBudgetLoss: ["alpha", "beta"],
    RecallAtQuantileLoss: ["budget"],
    HardNegativeCrossEntropyLoss: ["top_fraction"],
    LossWarmup: ["final_main_weight"],
}
OTHERS = {
    "gather_distributed",
    "max_pool_size",
    "class_weight",
    "alpha",
    "gamma",
    "gamma_positive",
    "pos_margin",
    "neg_margin",
    "weight",
    "multiplier",
    "shift",
    "margin",
    "label_smoothing",
    "loss",
    "warmup_loss",
    "main_loss",
    "warmup_steps",
    "blend_steps",
    "temperature_start",
    "temperature_end",
    "max_mu",
    "max_drop",
}


def make(cls, **params):
    if cls is NumpyLoss:
        return NumpyLoss("pairwise_pauc", **params)
    if cls is LossWarmup:
        return LossWarmup(WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(queue_size=0), **params)
    return cls(**params)


def cases(names, values):
    return [
        pytest.param(cls, name, value, id=f"{cls.__name__}-{name}-{value!r}")
        for cls, listed in names.items()
        for name in listed
        for value in values
    ]


def refused(cls, name, value):
    got = re.escape(repr(value))
    return pytest.raises(
        ValueError, match=rf"The '{name}' parameter of {cls.__name__} must be .*Got {got} instead"
    )


def test_every_parameter_is_looked_at():
    tables = (FLAGS, INTS, FLOATS, OPTIONS, FRACTIONS)
    for cls in FLAGS.keys() | INTS.keys():
        named = {name for table in tables for name in table.get(cls, [])} | OTHERS
        assert set(inspect.signature(cls).parameters) <= named


@pytest.mark.parametrize(("cls", "name", "value"), cases(FLAGS, NO_FLAGS))
def test_flags(cls, name, value):
    with refused(cls, name, value):
        make(cls, **{name: value})
    for right in (True, False, np.True_):
        made = make(cls, **{name: right})
        assert getattr(made, name) is bool(right)


@pytest.mark.parametrize(("cls", "name", "value"), cases(INTS, NO_INTS))
def test_ints(cls, name, value):
    with refused(cls, name, value):
        make(cls, **{name: value})


@pytest.mark.parametrize(("cls", "name", "value"), cases(FLOATS, NO_FLOATS))
def test_floats(cls, name, value):
    with refused(cls, name, value):
        make(cls, **{name: value})


@pytest.mark.parametrize(
    ("cls", "name", "value"), cases(OPTIONS, ["other", 1, True, np.nan, ["mean"]])
)
def test_names(cls, name, value):
    with refused(cls, name, value):
        make(cls, **{name: value})


@pytest.mark.parametrize(
    ("cls", "name", "value"), cases(FRACTIONS, [True, "1%", np.nan, 1.5, -0.1])
)
def test_fractions(cls, name, value):
    with refused(cls, name, value):
        make(cls, **{name: value})


@pytest.mark.parametrize("cls", [PAUCAtBudgetLoss, SmoothAPLoss, RecallAtQuantileLoss])
def test_what_may_be_none(cls):
    for value in (1, "auto", 0.5):
        with refused(cls, "gather_distributed", value):
            make(cls, gather_distributed=value)
    for value in (True, 1, 2.0, "all"):
        with refused(cls, "max_pool_size", value):
            make(cls, max_pool_size=value)
    made = make(cls, gather_distributed=None, max_pool_size=None)
    assert (made.gather_distributed, made.max_pool_size) == (None, None)
    with pytest.raises(ValueError, match=f"{cls.__name__} cannot remember queue_size=.*memory"):
        make(cls, queue_size=10**14)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400, np.timedelta64(1)])
def test_padding_is_marked_by_an_int_of_64_bits(value):
    for cls in INTS:
        if cls is not LossWarmup:
            with refused(cls, "ignore_index", value):
                make(cls, ignore_index=value)


WRONG_WEIGHTS = [
    [1.0, np.nan],
    [1.0, np.inf],
    [1.0, -1.0],
    [0.0, 0.0],
    [],
    [[1.0, 2.0]],
    "balanced",
    True,
    [True, False],
    [1j, 2.0],
    ["a", "b"],
    [1.0, None],
    {0: 1.0},
    object,
]


@pytest.mark.parametrize("value", WRONG_WEIGHTS, ids=repr)
def test_weights_of_classes(value):
    with refused(WeightedCrossEntropyLoss, "class_weight", value):
        WeightedCrossEntropyLoss(class_weight=value)
    with refused(FocalLoss, "alpha", value):
        FocalLoss("softmax", alpha=value)
    for right in ([1, 2], (0.0, 1.5), np.array([1.0, 2.0]), torch.tensor([1, 2])):
        made = WeightedCrossEntropyLoss(class_weight=right)
        assert made.class_weight.dtype == torch.float32
        assert made.class_weight.tolist() == [float(weight) for weight in right]


def test_of_the_focal_loss():
    for value in (True, "0.5", np.nan, 1.5, -0.1, [0.5, 0.5], object()):
        with refused(FocalLoss, "alpha", value):
            FocalLoss(alpha=value)
    for value in (True, "2", np.nan, np.inf, -1.0, 1e308):
        with refused(FocalLoss, "gamma", value):
            FocalLoss(gamma=value)
    for value in (True, "0.1", np.nan, 1.5):
        with refused(FocalLoss, "label_smoothing", value):
            FocalLoss("softmax", label_smoothing=value)


def test_of_the_cross_entropy():
    for value in ("even", "Balanced", ""):
        with refused(WeightedCrossEntropyLoss, "pos_weight", value):
            WeightedCrossEntropyLoss(value)


def test_of_the_multipliers():
    for name, wrong in (("margin", -0.1), ("max_drop", -1.0), ("max_mu", 1e-5), ("rho", 0.5)):
        for value in (wrong, True, "1", np.nan):
            with refused(ALMLoss, name, value):
                ALMLoss(mu=1e-4, **{name: value})
    for cls in (CriticalRankLoss, RankRegLoss):
        for value in (0.99, 1001):
            with refused(cls, "power", value):
                cls(power=value)


def test_of_the_warm_up():
    parts = WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(queue_size=0)
    for value in (PAUCAtBudgetLoss, "pauc", None, 3, lambda x, y: x):
        with refused(LossWarmup, "main_loss", value):
            LossWarmup(parts[0], value)
        if value is not None:
            with refused(LossWarmup, "warmup_loss", value):
                LossWarmup(value, parts[1])
    for name in ("warmup_steps", "blend_steps"):
        for value in (False, 0.0, "3", -1, np.nan):
            with refused(LossWarmup, name, value):
                LossWarmup(*parts, **{name: value})
    for name in ("temperature_start", "temperature_end"):
        for value in (True, "0.5", np.nan, 0.0, 1e-30):
            with refused(LossWarmup, name, value):
                LossWarmup(*parts, **{name: value})
    loss = LossWarmup(*parts)
    for value in (-1, 1.5, "3", None, True):
        with refused(LossWarmup, "step", value):
            loss.on_train_batch_start(value)
        with refused(LossWarmup, "epoch", value):
            loss.on_train_epoch_start(value)
    for state in ({}, None, {"step": 1}, [1]):
        with pytest.raises(ValueError, match="state of LossWarmup must be .*switch_step"):
            loss.set_extra_state(state)


# --- what they are called with


@each_loss
def test_only_tensors_are_taken(make):
    batch = draw_batch(0, 30, weighted=True)
    for name in ("logits", "targets", "weight"):
        shown = "sample_weight" if name == "weight" else name
        for value in (getattr(batch, name).numpy(), getattr(batch, name).tolist(), 3.0, "x"):
            with pytest.raises(TypeError, match=f"{shown} must be a torch Tensor. Got .*as_tensor"):
                call(make(), batch._replace(**{name: value}))
        with pytest.raises(ValueError, match=f"{shown} must be a dense tensor.*to_dense"):
            call(make(), batch._replace(**{name: getattr(batch, name).to_sparse()}))
        with pytest.raises(ValueError, match=f"{shown} must hold real numbers: got torch.complex"):
            call(make(), batch._replace(**{name: getattr(batch, name) * 1j}))


@pytest.mark.parametrize("cls", [PAUCAtBudgetLoss, SmoothAPLoss, RecallAtQuantileLoss])
def test_classes_and_columns_agree(cls):
    with pytest.raises(ValueError, match=r"\(n_rows, 50\): got \(4,\).* num_classes=50 takes one"):
        cls(50)(torch.zeros(4), torch.tensor([0, 1, 0, 1]))
    for num_classes in (2**45, 2**70):
        with pytest.raises(ValueError, match=rf"cannot remember .* num_classes={num_classes}"):
            cls(num_classes)


@pytest.mark.parametrize("cls", [WeightedCrossEntropyLoss, HardNegativeCrossEntropyLoss])
def test_a_weight_may_be_a_fraction(cls):
    batch = draw_batch(0, 30)
    wanted = with_gradient(cls(0.5), batch)
    assert all(map(torch.equal, with_gradient(cls(Fraction(1, 2)), batch), wanted))


@pytest.mark.parametrize("make", [*RANKING.values(), *CROSS_ENTROPY.values(), *NUMPY.values()])
def test_a_mask_is_true_and_false(make):
    batch = draw_batch(0, 30, masked=True)
    wanted = with_gradient(make(), batch)
    for dtype in (torch.uint8, torch.int64, torch.float32):
        found = with_gradient(make(), batch._replace(iid=batch.iid.to(dtype)))
        assert all(map(torch.equal, found, wanted))
    for bad in (torch.nan, 0.5, -1.0, torch.inf):
        mask = batch.iid.double()
        mask[3] = bad
        with pytest.raises(ValueError, match="iid_mask must be True and False: got"):
            call(make(), batch._replace(iid=mask))
    with pytest.raises(TypeError, match="iid_mask must be a torch Tensor"):
        call(make(), batch._replace(iid=[True] * 30))


@each_loss
@pytest.mark.parametrize(
    "dtype", [torch.int8, torch.int16, torch.uint16, torch.uint32, torch.uint64]
)
def test_targets_of_every_kind_of_int(make, dtype):
    batch = draw_batch(1)
    wanted = with_gradient(make(), batch)
    found = with_gradient(make(), batch._replace(targets=batch.targets.to(dtype)))
    assert all(map(torch.equal, found, wanted))


@each_loss
@pytest.mark.parametrize("shape", [(), (6, 1, 1)])
def test_shapes_that_are_none_of_a_batch(make, shape):
    with pytest.raises(ValueError, match=r"logits must have shape|targets must"):
        make()(torch.zeros(shape), torch.zeros(6).long())


@each_ranking
@pytest.mark.parametrize("name", ["return_per_class", "return_diagnostics"])
def test_flags_of_a_call(make, name):
    loss = make(queue_size=10)
    for value in (1, "no", None, np.nan):
        with refused(type(loss), name, value):
            call(loss, draw_batch(0, 30), **{name: value})
    assert len(loss.queue) == 0


@each_loss
def test_weights_beyond_the_range_of_the_loss(make):
    batch = draw_batch(2, dtype=torch.float32)
    weight = torch.ones(120, dtype=torch.float64)
    for scale in (1e300, 1e37, 1e-50):
        case = batch._replace(weight=weight * scale)
        shares = isinstance(make(), SignificanceLoss)
        if shares or (isinstance(make(), NumpyLoss) and scale != 1e300):
            # It goes on in double precision, or takes shares of the weight.
            assert torch.isfinite(call(make(), case))
            continue
        with pytest.raises(ValueError, match="sample_weight is beyond the range .*their mean"):
            call(make(), case)
    # A few that vanish beside the others do no harm.
    weight[5] = 1e-50
    assert torch.isfinite(call(make(), batch._replace(weight=weight)))


def test_weights_of_a_focal_loss_have_the_shape_of_its_targets():
    logits, targets = torch.zeros(4, 3), torch.zeros(4, 3).long()
    for shape in ((1,), (3,), (4, 1), (4, 3)):
        assert torch.isfinite(FocalLoss()(logits, targets, sample_weight=torch.ones(shape)))
    for shape in ((4,), (5, 3), (2, 4, 3), (1, 4, 3)):
        with pytest.raises(ValueError, match=r"sample_weight must broadcast.*\(4, 3\)"):
            FocalLoss()(logits, targets, sample_weight=torch.ones(shape))
