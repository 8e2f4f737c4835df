"""Focal loss against its formula and cross-entropy."""

import copy

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F

from skbudget.neural import FocalLoss

pytestmark = pytest.mark.filterwarnings("error")

REDUCTIONS = ("mean", "mean_positive", "sum", "none")
IGNORED = -100


def draw(*shape, classes=2, seed=0, ignored=0.0):
    rng = torch.Generator().manual_seed(seed)
    of_class = (shape[0], *shape[2:]) if classes > 2 else shape
    logits = 2 * torch.randn(*shape, dtype=torch.float64, generator=rng)
    targets = torch.randint(0, classes, of_class, generator=rng)
    targets[torch.rand(*of_class, generator=rng) < ignored] = IGNORED
    return logits, targets, torch.rand(*of_class, dtype=torch.float64, generator=rng)


def reduced(loss, weight, targets, reduction):
    total = (loss * weight).sum()
    counted = weight * (targets > 0) if reduction == "mean_positive" else weight
    return {"none": loss * weight, "sum": total}.get(reduction, total / counted.sum())


def by_formula(logits, targets, weight, *, gamma, alpha, reduction, softmax):
    kept = targets != IGNORED
    labels = targets * kept
    if softmax:
        p = torch.softmax(logits, 1).gather(1, labels.unsqueeze(1)).squeeze(1)
        share = 1.0 if alpha is None else torch.tensor(alpha)[labels]
    else:
        p = torch.where(labels == 1, torch.sigmoid(logits), 1 - torch.sigmoid(logits))
        share = 1.0 if alpha is None else torch.where(labels == 1, alpha, 1 - alpha).double()
    loss = -share * (1 - p) ** gamma * torch.log(p)
    return reduced(loss, weight * kept, labels, reduction)


CASES = [
    ((50,), 2, None),
    ((50,), 2, 0.25),
    ((8, 3), 2, 0.75),
    ((50, 4), 4, None),
    ((50, 4), 4, [0.5, 1.0, 2.0, 0.0]),
    ((6, 3, 2, 5), 3, [1.0, 2.0, 0.5]),
]


@pytest.mark.parametrize(("shape", "classes", "alpha"), CASES)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 3.5])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [0.0, 0.3])
def test_is_its_formula(shape, classes, alpha, gamma, reduction, weighted, ignored):
    logits, targets, weight = draw(*shape, classes=classes, ignored=ignored)
    softmax = classes > 2
    loss = FocalLoss(
        "softmax" if softmax else "sigmoid", gamma=gamma, alpha=alpha, reduction=reduction
    )
    logits.requires_grad_()
    value = loss(logits, targets, sample_weight=weight if weighted else None)
    wanted = by_formula(
        logits,
        targets,
        weight if weighted else torch.ones_like(weight),
        gamma=gamma,
        alpha=alpha,
        reduction=reduction,
        softmax=softmax,
    )
    assert value.shape == (targets.shape if reduction == "none" else ())
    torch.testing.assert_close(value, wanted, rtol=1e-11, atol=1e-15)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    (of_formula,) = torch.autograd.grad(wanted.sum(), logits)
    torch.testing.assert_close(gradient, of_formula, rtol=1e-9, atol=1e-15)
    hidden = targets == IGNORED
    assert not (gradient.movedim(1, -1) if softmax else gradient)[hidden].any()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_without_focus_it_is_cross_entropy(smoothing):
    logits, targets, _ = draw(40, 5, classes=5, ignored=0.2)
    value = FocalLoss("softmax", gamma=0, label_smoothing=smoothing)(logits, targets)
    wanted = F.cross_entropy(logits, targets, label_smoothing=smoothing)
    torch.testing.assert_close(value, wanted, rtol=1e-13, atol=0)
    logits, targets, _ = draw(40)
    wanted = F.binary_cross_entropy_with_logits(logits, targets.double())
    torch.testing.assert_close(FocalLoss(gamma=0)(logits, targets), wanted, rtol=1e-13, atol=0)


def test_smoothed_targets_keep_the_focus_on_the_true_class():
    logits, targets, _ = draw(40, 5, classes=5)
    loss = FocalLoss("softmax", gamma=2.0, label_smoothing=0.1, reduction="none")
    p = torch.softmax(logits, 1).gather(1, targets[:, None])[:, 0]
    cross_entropy = F.cross_entropy(logits, targets, reduction="none", label_smoothing=0.1)
    torch.testing.assert_close(loss(logits, targets), (1 - p) ** 2 * cross_entropy)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_gradient_is_that_of_finite_differences(activation, gamma):
    softmax = activation == "softmax"
    logits, targets, _ = draw(6, 3, classes=3) if softmax else draw(10)
    loss = FocalLoss(activation, gamma=gamma)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), (logits.requires_grad_(),))


def test_two_softmax_columns_are_one_sigmoid():
    logits, targets, _ = draw(30)
    two = torch.stack([torch.zeros_like(logits), logits], 1)
    torch.testing.assert_close(FocalLoss("softmax")(two, targets), FocalLoss()(logits, targets))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("softmax", [False, True])
def test_rows_got_right_or_wrong_beyond_doubt_stay_finite(dtype, gamma, softmax):
    logits = torch.tensor([-1e30, -200.0, 0.0, 200.0, 1e30], dtype=dtype).repeat(2)
    targets = torch.arange(10) // 5
    if softmax:
        logits = torch.stack([torch.zeros_like(logits), logits], 1)
    logits.requires_grad_()
    loss = FocalLoss("softmax" if softmax else "sigmoid", gamma=gamma, reduction="sum")
    value = loss(logits, targets)
    value.backward()
    assert value.dtype == dtype
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_precision_of_the_class_weight_is_that_of_the_logits():
    logits, targets = torch.zeros(1, dtype=torch.float64), torch.ones(1)
    value = FocalLoss(gamma=0, alpha=0.3)(logits, targets)
    assert value.item() == pytest.approx(0.3 * torch.tensor(2.0).double().log().item(), rel=1e-15)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("reduction", ["mean", "mean_positive", "sum"])
def test_a_mean_over_nothing_is_zero(activation, reduction):
    softmax = activation == "softmax"
    loss = FocalLoss(activation, reduction=reduction)
    for n in (0, 4):
        logits = torch.full((n, 3) if softmax else (n,), torch.nan, requires_grad=True)
        value = loss(logits, torch.full((n,), IGNORED))
        value.backward()
        assert value == 0
        assert not logits.grad.any()


def test_mean_positive_of_negatives_alone_divides_by_one():
    logits, targets = torch.zeros(4), torch.zeros(4)
    value = FocalLoss(reduction="mean_positive")(logits, targets)
    assert value == FocalLoss(reduction="sum")(logits, targets)


@pytest.mark.parametrize("targets", [torch.tensor([0, 1, 1]), torch.tensor([0.0, 1.0, 1.0])])
def test_kinds_of_targets(targets):
    logits = torch.tensor([0.3, -1.0, 2.0])
    assert FocalLoss()(logits, targets) == FocalLoss()(logits, targets.bool())


def test_weights_of_classes_are_saved_and_copied():
    loss = FocalLoss("softmax", alpha=[1.0, 2.0, 0.5])
    other = FocalLoss("softmax", alpha=[1.0, 1.0, 1.0])
    other.load_state_dict(loss.state_dict())
    assert other.alpha.tolist() == copy.deepcopy(loss).alpha.tolist() == [1.0, 2.0, 0.5]
    assert FocalLoss(alpha=torch.tensor(0.25)).alpha == 0.25


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"activation": "tanh"}, r"'activation'.*{'sigmoid', 'softmax'}. Got 'tanh'"),
        ({"gamma": -1}, r"'gamma'.*\[0, inf\). Got -1"),
        ({"alpha": 1.5}, r"'alpha' parameter of FocalLoss.*\[0.0, 1.0\].*Got 1.5"),
        ({"alpha": -1}, r"'alpha' parameter of FocalLoss.*Got -1"),
        ({"alpha": [0.2, 0.8]}, r"'alpha' parameter of FocalLoss.*Got \[0.2, 0.8\]"),
        ({"activation": "softmax", "alpha": 0.5}, r"alpha.*one weight.*per class.*Got 0.5"),
        ({"activation": "softmax", "alpha": [1.0, -1.0]}, r"alpha.*at least 0.*Got \[1.0, -1.0\]"),
        ({"label_smoothing": 0.1}, r"label_smoothing of FocalLoss needs activation='softmax'"),
        ({"activation": "softmax", "label_smoothing": -0.1}, r"'label_smoothing'.*Got -0.1"),
        ({"activation": "softmax", "label_smoothing": 1.5}, r"label_smoothing.*Got 1.5"),
        ({"reduction": "max"}, r"'reduction'.*'mean_positive'.*Got 'max'"),
    ],
    ids=str,
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        FocalLoss(**kwargs)


@pytest.mark.parametrize(
    ("activation", "shape", "targets", "message"),
    [
        ("sigmoid", (3,), [0, 2, 1], r"targets must be 0 or 1: got \[2\]"),
        ("sigmoid", (3,), [0.0, 0.3, 1.0], r"targets must be 0 or 1: got \[0.3"),
        ("sigmoid", (3, 1), [0, 1, 1], r"targets must have shape \(3, 1\).*got \(3,\)"),
        ("softmax", (3, 4), [0, 4, 1], r"class indices from 0 to 3: got \[4\]"),
        ("softmax", (3, 4), [0, -1, 1], r"class indices from 0 to 3: got \[-1\]"),
        ("softmax", (3, 4), [[0, 1, 1]], r"targets must have shape \(3,\).*got \(1, 3\)"),
        ("softmax", (3,), [0, 1, 1], r"logits must have shape \(n_rows, num_classes, ...\)"),
    ],
)
def test_bad_inputs(activation, shape, targets, message):
    with pytest.raises(ValueError, match=message):
        FocalLoss(activation)(torch.zeros(shape), torch.tensor(targets))


@pytest.mark.parametrize(
    ("weight", "message"),
    [([1.0, -1.0, 1.0], "Negative values in sample_weight"), ([1.0, torch.nan, 1.0], "NaN")],
)
def test_bad_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        FocalLoss()(torch.zeros(3), torch.ones(3), sample_weight=torch.tensor(weight))


def test_class_weights_of_other_classes():
    with pytest.raises(ValueError, match=r"alpha of FocalLoss must have shape \(3,\).*got \(2,\)"):
        FocalLoss("softmax", alpha=[1.0, 2.0])(torch.zeros(4, 3), torch.zeros(4))
