"""The torch losses against imbalanced-losses 0.6, in double precision.

Loss, gradient, per-class losses, validity and diagnostics agree to 1e-10 once the
defaults are set alike. Each deliberate difference has a test under "differences",
or where it says; docs/losses.md tells users.

Band and pool:

- ``alpha=0`` has no upper end: a mined (non-iid) negative above every iid one is in
  the band. Theirs leaves it out.
- ``basis="population"`` (their ``budget_basis``): the temperature is the dispersion of the iid
  negatives, as for "fpr". Theirs takes that of all iid rows.
- ``quantile_interpolation="rank"``, the order statistics of `skbudget.band`, is the
  default. For the others, positions are found in double precision and one that means
  an integer is one; theirs, in that of the scores (test_band_twin.py).
- Pools beyond 2^24 rows work; `torch.quantile` refuses (test_band_twin.py).
- More than 2^20 pairs are summed on a CPU without forming them, to about 1e-6
  (test_pairs.py).
- Padded rows take no place in the queue.
- The queue keeps the precision of the logits; theirs rounds to float32.
- A target out of range, or a refused batch, raises; theirs warns and counts it as
  positive.
- Without any row, ``reduction="none"`` is NaN, as for any class without a loss;
  theirs is zero.

Data-parallel training (test_distributed.py):

- The gradient is multiplied by the number of ranks, so that its average is that of one
  process; theirs is 1 / world of it.
- ``grad_pos_count`` counts the positives of all ranks that take part; theirs the rank's.
- Masks and weights may be given on one rank alone.

Only here: ``link="logistic"``, ``tau_scale=None``, ``weighted_budget=True`` (all in
test_pauc_loss.py), ``budget=1`` of `RecallAtQuantileLoss`, ``reduction="mean_positive"``
of the sigmoid `FocalLoss`.

Only theirs: gathering in the focal losses, another ``background_class``.

Defaults: ``num_classes=1``, ``surrogate="pairwise"``, interpolation "rank" (theirs:
required, "trapezoid", "higher"), no focal ``alpha`` (theirs: 0.25), no temperature
schedule (theirs: 0.05 to 0.005).

`LossWarmup`: the mask reaches the warm-up loss too; from construction on the main loss
has ``temperature_start`` (theirs: from the switch on); arguments reach a warm-up loss that
names them, ``**kwargs`` is not enough.
"""

import inspect
import random
import warnings
from itertools import product

import pytest

torch = pytest.importorskip("torch")
reference = pytest.importorskip("imbalanced_losses")

from neural_cases import INTERPOLATIONS, Batch, draw_batch
from torch import nn

from skbudget import neural

# A budget of 1 is taken with a warning.
pytestmark = pytest.mark.filterwarnings(
    "error", "ignore:budget=1 reviews everything", "ignore:.*it needs surrogate"
)

GRID = {
    "num_classes": [1, 3],
    "surrogate": ["pairwise", "trapezoid"],
    "n_knots": [2, 5],
    "tau_scale": ["iqr", "band"],
    "alpha": [0.0, 0.03],
    "pos_numerator": ["pool", "live"],
    "basis": ["fpr", "population"],
    "queue_size": [0, 70, 500],
    "quantile_interpolation": list(INTERPOLATIONS),
    "reduction": ["mean", "sum", "none"],
    "weighted": [False, True],
    "masked": [False, True],
    "ignored": [0.0, 0.2],
}
OF_BATCH = ("weighted", "masked", "ignored")
# Unequal batches, of which one wraps around a queue of 70 and one is larger than it.
SIZES = (55, 40, 130, 61)


def comparable(cell):
    """Whether nothing in the cell is a deliberate difference."""
    if cell["basis"] == "population" and cell["tau_scale"] == "iqr":
        return False
    if cell["masked"] and cell["alpha"] == 0 and cell["surrogate"] == "pairwise":
        return False
    # Padding takes slots of theirs: the same as long as nothing is pushed out.
    return not (cell["ignored"] and cell["queue_size"] == 70)


def thinned(grid, n, seed=0):
    """A random sample of the cells, completed until every pair of settings occurs."""
    cells = [dict(zip(grid, values)) for values in product(*grid.values())]
    cells = [cell for cell in cells if comparable(cell)]
    random.Random(seed).shuffle(cells)

    def pairs(cell):
        items = list(cell.items())
        return {(one, other) for i, one in enumerate(items) for other in items[:i]}

    kept, seen = cells[:n], set()
    for cell in kept:
        seen |= pairs(cell)
    for cell in cells[n:]:
        if not pairs(cell) <= seen:
            kept.append(cell)
            seen |= pairs(cell)
    return kept


THEIR_NAMES = {
    "basis": "budget_basis",
    "temperature_start": "temp_start",
    "temperature_end": "temp_end",
    "temperature_decay_steps": "temp_decay_steps",
}


def named_by_them(kwargs):
    return {THEIR_NAMES.get(name, name): value for name, value in kwargs.items()}


def run(loss, batch, **kwargs):
    logits = batch.logits.clone().requires_grad_()
    rows = logits[:, None] if logits.ndim == 1 else logits
    out = loss(rows, batch.targets, iid_mask=batch.iid, sample_weight=batch.weight, **kwargs)
    value, *others = out if isinstance(out, tuple) else (out,)
    value.nansum().backward()
    return value.detach(), logits.grad, *others


def assert_alike(found, wanted):
    for got, want in zip(found, wanted, strict=True):
        if isinstance(want, dict):
            assert got.keys() == want.keys()
            assert_alike([got[name] for name in want], want.values())
        else:
            torch.testing.assert_close(
                got, want, rtol=1e-10, atol=1e-13, equal_nan=True, check_dtype=False
            )


def assert_parity(ours, theirs, batches, **kwargs):
    """Compare them batch by batch; return how many classes had a loss."""
    # Otherwise its queue would round.
    theirs.double()
    n_losses = 0
    for batch in batches:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found, wanted = run(ours, batch, **kwargs), run(theirs, batch, **kwargs)
        assert_alike(found, wanted)
        n_losses += int(found[3].sum()) if len(found) > 3 else 0
    return n_losses


def batches_of(cell, **kwargs):
    given = {name: cell[name] for name in OF_BATCH}
    for seed, n in enumerate(SIZES):
        yield draw_batch(seed, n, cell["num_classes"], **given, **kwargs)


# --- agreement


def test_partial_auc_over_the_grid():
    cells, compared = thinned(GRID, 500), 0
    for cell in cells:
        kwargs = {name: value for name, value in cell.items() if name not in OF_BATCH}
        kwargs |= {"beta": 0.15, "temperature": 0.5}
        ours = neural.PAUCAtBudgetLoss(**kwargs)
        theirs = reference.PAUCAtBudgetLoss(**named_by_them(kwargs))
        try:
            compared += assert_parity(
                ours, theirs, batches_of(cell), return_per_class=True, return_diagnostics=True
            )
        except AssertionError as error:
            raise AssertionError(f"{cell}: {error}") from error
    assert compared > 0.95 * len(SIZES) * sum(cell["num_classes"] for cell in cells)
    for name, values in GRID.items():
        assert {cell[name] for cell in cells} == set(values)


def pauc_pair(num_classes=1, **kwargs):
    kwargs = {"beta": 0.2, "surrogate": "pairwise", "quantile_interpolation": "higher", **kwargs}
    return (
        neural.PAUCAtBudgetLoss(num_classes, **kwargs),
        reference.PAUCAtBudgetLoss(num_classes, **named_by_them(kwargs)),
    )


@pytest.mark.parametrize("surrogate", ["pairwise", "trapezoid"])
@pytest.mark.parametrize("label", [0, 1, 2, -100])
def test_partial_auc_of_one_class_alone(surrogate, label):
    batch = draw_batch(0, 30, 3)
    batch = batch._replace(targets=torch.full_like(batch.targets, label))
    pair = pauc_pair(3, surrogate=surrogate, queue_size=0)
    assert_parity(*pair, [batch], return_per_class=True, return_diagnostics=True)


@pytest.mark.parametrize("what", ["collapsed", "no iid negative", "no weight", "one row"])
def test_partial_auc_of_what_has_none(what):
    batch = draw_batch(0, 30)
    batch = {
        "collapsed": batch._replace(logits=torch.zeros_like(batch.logits)),
        "no iid negative": batch._replace(iid=batch.targets == 1),
        "no weight": batch._replace(weight=(batch.targets == 0).double()),
        "one row": Batch(batch.logits[:1], batch.targets[:1]),
    }[what]
    assert_parity(*pauc_pair(), [batch], return_per_class=True, return_diagnostics=True)


def test_partial_auc_in_evaluation_and_after_a_reset():
    for in_eval in (False, True):
        ours, theirs = pauc_pair(queue_size=70, update_queue_in_eval=in_eval)
        batches = [draw_batch(seed, 50) for seed in range(6)]
        assert_parity(ours, theirs, batches[:2])
        ours.eval(), theirs.eval()
        assert_parity(ours, theirs, batches[2:4])
        ours.train(), theirs.train()
        assert_parity(ours, theirs, batches[4:5])
        ours.reset_queue(), theirs.reset_queue()
        assert_parity(ours, theirs, batches[4:])


@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("queue_size", [0, 70, 500])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_smooth_ap(num_classes, queue_size, weighted, reduction, temperature):
    kwargs = {"queue_size": queue_size, "reduction": reduction, "temperature": temperature}
    batches = [draw_batch(s, n, num_classes, weighted=weighted) for s, n in enumerate(SIZES)]
    assert_parity(
        neural.SmoothAPLoss(num_classes, **kwargs),
        reference.SmoothAPLoss(num_classes, **kwargs),
        batches,
        return_per_class=True,
    )


@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("queue_size", [0, 70, 500])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("budget", [0.005, 0.13])
def test_recall(num_classes, queue_size, weighted, interpolation, budget):
    kwargs = {
        "queue_size": queue_size,
        "temperature": 0.2,
        "quantile_interpolation": interpolation,
    }
    batches = [draw_batch(s, n, num_classes, weighted=weighted) for s, n in enumerate(SIZES)]
    assert_parity(
        neural.RecallAtQuantileLoss(num_classes, budget=budget, **kwargs),
        reference.RecallAtQuantileLoss(num_classes, quantile=budget, **kwargs),
        batches,
        return_per_class=True,
    )


def value_and_gradient(loss, logits, targets, weight):
    logits = logits.clone().requires_grad_()
    value = loss(logits, targets, sample_weight=weight)
    value.sum().backward()
    return value.detach(), logits.grad


def focal_rows(shape, of_targets, n_labels, *, weighted, ignored=0.0):
    rng = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(*shape, dtype=torch.float64, generator=rng)
    targets = torch.randint(0, n_labels, of_targets, generator=rng)
    targets[torch.rand(*of_targets, generator=rng) < ignored] = -100
    weight = torch.rand(*of_targets, dtype=torch.float64, generator=rng) if weighted else None
    return logits, targets, weight


@pytest.mark.parametrize("shape", [(60,), (20, 3), (4, 3, 5)])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_sigmoid_focal(shape, alpha, gamma, reduction, weighted):
    logits, targets, weight = focal_rows(shape, shape, 2, weighted=weighted)
    ours = neural.FocalLoss(alpha=alpha, gamma=gamma, reduction=reduction)
    theirs = reference.SigmoidFocalLoss(
        alpha=-1 if alpha is None else alpha, gamma=gamma, reduction=reduction
    )
    assert_alike(
        value_and_gradient(ours, logits, targets, weight),
        value_and_gradient(theirs, logits, targets.double(), weight),
    )


@pytest.mark.parametrize("shape", [(60, 3), (4, 3, 5), (2, 3, 4, 4)])
@pytest.mark.parametrize("alpha", [None, [0.5, 1.0, 0.3]])
@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "mean_positive", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_softmax_focal(shape, alpha, gamma, smoothing, reduction, weighted):
    of_targets = (shape[0], *shape[2:])
    rows = focal_rows(shape, of_targets, 3, weighted=weighted, ignored=0.2)
    kwargs = {"gamma": gamma, "alpha": alpha, "label_smoothing": smoothing, "reduction": reduction}
    assert_alike(
        value_and_gradient(neural.FocalLoss("softmax", **kwargs), *rows),
        value_and_gradient(reference.SoftmaxFocalLoss(**kwargs), *rows),
    )


SCHEDULES = {
    "steps": {"warmup_steps": 5, "blend_steps": 4},
    "hard switch": {"warmup_steps": 5},
    "mixed for good": {"warmup_steps": 3, "blend_steps": 2, "final_main_weight": 0.7},
    "epochs": {"warmup_epochs": 1, "blend_epochs": 1},
    "resets": {"warmup_epochs": 1, "reset_queue_each_epoch": True},
    "at once": {},
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=list(SCHEDULES))
def test_warmup_over_a_schedule(schedule):
    temperatures = {
        "temperature_start": 0.9,
        "temperature_end": 0.1,
        "temperature_decay_steps": 9,
    }
    schedule = {**schedule, **temperatures}
    warm = nn.BCEWithLogitsLoss()

    class Column(nn.Module):
        def forward(self, logits, targets):
            return warm(logits[:, 0], targets.double())

    ours, theirs = pauc_pair(queue_size=90)
    ours = neural.LossWarmup(Column(), ours, **schedule)
    theirs = reference.LossWarmupWrapper(Column(), theirs, **named_by_them(schedule))
    seen = set()
    for step in range(24):
        for loss in (ours, theirs):
            if step % 6 == 0:
                loss.on_train_epoch_start(step // 6)
            loss.on_train_batch_start(step)
        assert ours.in_warmup == theirs.in_warmup
        assert ours.in_blend == theirs.in_blend
        assert ours.main_weight == pytest.approx(theirs.main_weight, rel=1e-14)
        if not ours.in_warmup:
            assert ours.current_temperature == pytest.approx(theirs.current_temperature, rel=1e-13)
        seen.add((ours.in_warmup, ours.in_blend))
        assert_parity(ours, theirs, [draw_batch(step, 40)._replace(weight=None)])
    phases = 1 + any("warmup" in name for name in schedule) + any("blend_" in n for n in schedule)
    assert len(seen) == phases


# --- differences


def both(pair, batch, **kwargs):
    ours, theirs = pair
    theirs.double()
    return run(ours, batch, **kwargs), run(theirs, batch, **kwargs)


def assert_differ(found, wanted):
    assert abs(found - wanted) > 1e-6


def test_without_an_upper_end_the_band_holds_mined_negatives_above():
    batch = draw_batch(0, 60)
    mined = batch.logits.max() + torch.tensor([0.1, 0.2], dtype=torch.float64)
    batch = Batch(
        torch.cat([batch.logits, mined]),
        torch.cat([batch.targets, torch.zeros(2, dtype=torch.long)]),
        torch.arange(62) < 60,
    )
    ours, theirs = both(pauc_pair(queue_size=0), batch)
    assert (ours[1][60:] > 0).all()
    assert not theirs[1][60:].any()
    # With an upper end the two agree.
    assert_alike(*both(pauc_pair(queue_size=0, alpha=0.01), batch))


def test_the_temperature_is_that_of_the_negatives_whatever_the_basis():
    batch = draw_batch(1, 80, rate=0.4)
    batch = batch._replace(logits=batch.logits + 3.0 * batch.targets)
    pair = pauc_pair(queue_size=0, basis="population", beta=0.7)
    ours, theirs = both(pair, batch, return_diagnostics=True)
    negatives = batch.logits[batch.targets == 0]

    def iqr(scores):
        levels = torch.tensor([0.75, 0.25], dtype=torch.float64)
        upper, lower = torch.quantile(scores, levels, interpolation="higher")
        return 0.1 * (upper - lower)

    assert ours[2]["tau_eff"].item() == pytest.approx(iqr(negatives).item())
    assert theirs[2]["tau_eff"].item() == pytest.approx(iqr(batch.logits).item())
    assert_alike([ours[2]["t_beta"]], [theirs[2]["t_beta"]])


def test_a_position_that_means_an_integer_is_one():
    # Of 11 negatives, position 10 * (1 - 0.9) is 0.9999999999999998.
    logits = torch.cat([torch.arange(11.0), torch.tensor([5.5])]).double()
    batch = Batch(logits, (torch.arange(12) == 11).long())
    pair = pauc_pair(queue_size=0, beta=0.9, quantile_interpolation="lower")
    ours, theirs = both(pair, batch, return_diagnostics=True)
    assert (ours[2]["t_beta"].item(), theirs[2]["t_beta"].item()) == (1.0, 0.0)


def test_ranks_by_default():
    batch = draw_batch(2, 60)
    ours = neural.PAUCAtBudgetLoss(beta=0.2, queue_size=0)
    _, found = ours(batch.logits, batch.targets, return_diagnostics=True)
    negatives = batch.logits[batch.targets == 0].sort(descending=True).values
    assert found["t_beta"].item() == negatives[-(-negatives.numel() // 5) - 1]


def test_padding_takes_no_place_in_the_queue():
    ours, theirs = pauc_pair(queue_size=40)
    for loss in (ours, theirs.double()):
        run(loss, draw_batch(3, 30))
        run(loss, draw_batch(4, 35)._replace(targets=torch.full((35,), -100)))
    assert len(ours.queue) == 30
    assert (theirs._q_targets != -100).sum() == 5
    batch = draw_batch(5, 30)
    assert_differ(run(ours, batch)[0], run(theirs, batch)[0])


def test_the_queue_does_not_round():
    # Not made double, as theirs are in the other tests.
    ours, theirs = pauc_pair(queue_size=200)
    for seed in range(2):
        batch = draw_batch(seed, 60)
        found, wanted = run(ours, batch)[0], run(theirs, batch)[0]
    assert 1e-12 < abs(found - wanted) < 1e-5
    assert torch.equal(ours.queue.logits[:60, 0], draw_batch(0, 60).logits)
    assert not torch.equal(theirs._q_logits[:60, 0].double(), draw_batch(0, 60).logits)


@pytest.mark.parametrize("name", ["PAUCAtBudgetLoss", "SmoothAPLoss", "RecallAtQuantileLoss"])
def test_a_target_out_of_range_raises(name):
    logits, targets = torch.randn(6, 1), torch.tensor([0, 1, 2, 0, 0, 1])
    with pytest.raises(ValueError, match=r"targets must be 0 or 1: got \[2\]"):
        getattr(neural, name)(1)(logits, targets)
    with pytest.warns(UserWarning, match="Non-zero values are treated as positive"):
        getattr(reference, name)(1)(logits, targets)


def test_without_rows_no_class_has_a_loss():
    logits, targets = torch.zeros(3, 2), torch.full((3,), -100)
    ours, theirs = pauc_pair(2, reduction="none")
    assert ours(logits, targets).isnan().all()
    assert (theirs(logits, targets) == 0).all()


def test_positives_are_counted_that_take_part():
    batch = draw_batch(6, 400)
    ours, theirs = pauc_pair(queue_size=0, max_pool_size=60, beta=0.5)
    found = run(ours, batch, return_diagnostics=True)[2]["grad_pos_count"]
    with pytest.warns(UserWarning, match="max_pool_size"):
        wanted = run(theirs.double(), batch, return_diagnostics=True)[2]["grad_pos_count"]
    positives = (batch.targets == 1).sum()
    assert found < positives == wanted


def test_a_weight_may_be_a_repeated_row():
    batch = draw_batch(7, 60, weighted=True)
    rows = torch.arange(60).repeat_interleave(batch.weight.long())
    kwargs = {"beta": 0.2, "queue_size": 0}
    repeated = run(
        neural.PAUCAtBudgetLoss(**kwargs), Batch(batch.logits[rows], batch.targets[rows])
    )
    weighted = run(neural.PAUCAtBudgetLoss(weighted_budget=True, **kwargs), batch)
    assert weighted[0].item() == pytest.approx(repeated[0].item(), rel=1e-12)
    assert_differ(weighted[0], run(pauc_pair(queue_size=0)[1].double(), batch)[0])


def test_what_only_this_package_has():
    for name, values in {"link": "logistic", "tau_scale": None, "weighted_budget": True}.items():
        neural.PAUCAtBudgetLoss(**{name: values})
        with pytest.raises((TypeError, ValueError)):
            reference.PAUCAtBudgetLoss(1, **{name: values})
    neural.RecallAtQuantileLoss(budget=1.0)
    with pytest.raises(ValueError, match="quantile"):
        reference.RecallAtQuantileLoss(1, quantile=1.0)


def defaults(cls):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }


@pytest.mark.parametrize(
    ("name", "theirs", "renamed", "differ"),
    [
        (
            "PAUCAtBudgetLoss",
            "PAUCAtBudgetLoss",
            {"budget_basis": "basis"},
            {"surrogate", "quantile_interpolation"},
        ),
        ("SmoothAPLoss", "SmoothAPLoss", {}, set()),
        (
            "RecallAtQuantileLoss",
            "RecallAtQuantileLoss",
            {"quantile": "budget"},
            {"quantile_interpolation"},
        ),
        ("FocalLoss", "SigmoidFocalLoss", {}, {"alpha"}),
        ("FocalLoss", "SoftmaxFocalLoss", {}, set()),
        (
            "LossWarmup",
            "LossWarmupWrapper",
            {theirs: ours for ours, theirs in THEIR_NAMES.items()},
            {"temperature_start", "temperature_end"},
        ),
    ],
)
def test_defaults(name, theirs, renamed, differ):
    mine = defaults(getattr(neural, name))
    known = {renamed.get(k, k): v for k, v in defaults(getattr(reference, theirs)).items()}
    only_theirs = known.keys() - mine.keys()
    assert only_theirs <= {"gather_distributed", "background_class"}
    shared = known.keys() - only_theirs
    assert {key for key in shared if mine[key] != known[key]} == differ


def test_the_mask_reaches_the_warmup_loss_too():
    class Warm(nn.Module):
        def forward(self, logits, targets, iid_mask=None, **others):
            self.given = iid_mask, others
            return logits.sum()

    iid, weight = torch.ones(3, dtype=torch.bool), torch.ones(3)
    seen = []
    for wrapper, main in zip((neural.LossWarmup, reference.LossWarmupWrapper), pauc_pair()):
        loss = wrapper(Warm(), main, warmup_steps=2)
        loss.on_train_batch_start(0)
        loss(torch.zeros(3, 1), torch.zeros(3), iid_mask=iid, sample_weight=weight)
        seen.append(loss.warmup_loss.given)
    assert seen[0] == (iid, {})
    assert seen[1] == (None, {"sample_weight": weight})


def test_the_first_temperature_is_set_at_once():
    kwargs = {"warmup_steps": 2, "temperature_start": 0.9, "temperature_end": 0.1}
    ours, theirs = pauc_pair()
    ours = neural.LossWarmup(nn.Identity(), ours, **kwargs)
    theirs = reference.LossWarmupWrapper(nn.Identity(), theirs, **named_by_them(kwargs))
    assert (ours.current_temperature, theirs.current_temperature) == (0.9, 0.1)
