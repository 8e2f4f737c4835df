"""No loss hides a logit that is NaN or infinite, and none remembers it."""

import copy

import pytest

torch = pytest.importorskip("torch")

from neural_cases import ALL, RANKING, call, draw_batch, with_gradient
from torch import nn

from skbudget.neural import FocalLoss, LossWarmup, PAUCAtBudgetLoss, WeightedCrossEntropyLoss
from skbudget.neural.training._members import IGNORED, EachMember

pytestmark = pytest.mark.filterwarnings("error")


class Hides(nn.Module):
    """A loss of a user in which NaN vanishes."""

    ignore_index = -100

    def forward(self, logits, targets):
        return torch.nan_to_num(logits).square().mean()


def _warm(**phases):
    return lambda **p: LossWarmup(
        WeightedCrossEntropyLoss(**p), PAUCAtBudgetLoss(beta=0.3, **p), **phases
    )


EVERY = ALL | {
    "warm-up": _warm(warmup_steps=3),
    "blend": _warm(blend_steps=3),
    "main": _warm(),
    "of others": lambda **_: LossWarmup(nn.BCEWithLogitsLoss(), Hides(), warmup_steps=3),
    "blend of others": lambda **_: LossWarmup(nn.BCEWithLogitsLoss(), Hides(), blend_steps=3),
    "main of others": lambda **_: LossWarmup(nn.BCEWithLogitsLoss(), Hides()),
}
each = pytest.mark.parametrize("make", EVERY.values(), ids=list(EVERY))
each_own = pytest.mark.parametrize("make", ALL.values(), ids=list(ALL))
each_ranking = pytest.mark.parametrize("make", RANKING.values(), ids=list(RANKING))


def evaluate(loss, batch):
    if isinstance(loss, LossWarmup):
        loss.on_train_batch_start(0)
        return loss(batch.logits, batch.targets.double())
    return call(loss, batch)


def spoilt(batch, bad, rows):
    logits = batch.logits.clone()
    logits[rows] = bad
    return batch._replace(logits=logits)


@each
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(
    ("rows", "n_rows"), [([7], 1), ([0, 5, 119], 3), (slice(None), 120)], ids=["one", "few", "all"]
)
def test_it_is_refused_and_counted(make, bad, rows, n_rows):
    batch = spoilt(draw_batch(0), bad, rows)
    message = f"NaN or infinite in {n_rows} of 120 rows: the network diverged. Lower lr, or scale"
    with pytest.raises(FloatingPointError, match=message):
        evaluate(make(), batch)


@each_own
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_in_every_precision(make, dtype):
    batch = spoilt(draw_batch(0, dtype=dtype), torch.inf, [3])
    with pytest.raises(FloatingPointError, match="in 1 of 120 rows"):
        call(make(), batch)


@each_ranking
def test_in_any_class(make):
    batch = draw_batch(0, num_classes=3)
    batch.logits[[4, 9], [0, 2]] = torch.nan
    with pytest.raises(FloatingPointError, match="in 2 of 120 rows"):
        call(make(num_classes=3), batch)


def test_in_any_class_of_the_others():
    batch = draw_batch(0, num_classes=3)
    batch.logits[[4, 9], [0, 2]] = torch.nan
    for loss in (WeightedCrossEntropyLoss(), FocalLoss("softmax")):
        with pytest.raises(FloatingPointError, match="in 2 of 120 rows"):
            call(loss, batch)
    warmup = LossWarmup(nn.CrossEntropyLoss(), Hides(), blend_steps=2)
    warmup.on_train_batch_start(0)
    with pytest.raises(FloatingPointError, match="LossWarmup.*in 2 of 120 rows"):
        warmup(batch.logits, batch.targets)


def test_padding_may_hold_anything_in_a_warm_up_of_others():
    batch = draw_batch(0, num_classes=3, ignored=0.3)
    padding = batch.targets == -100
    logits = batch.logits.masked_fill(padding[:, None], torch.nan)
    loss = LossWarmup(nn.CrossEntropyLoss(), Hides(), warmup_steps=2)
    loss.on_train_batch_start(0)
    wanted = nn.CrossEntropyLoss()(batch.logits, batch.targets)
    assert loss(logits, batch.targets) == wanted
    logits[(~padding).nonzero()[0]] = torch.nan
    with pytest.raises(FloatingPointError, match="in 1 of 120 rows"):
        loss(logits, batch.targets)


@each_ranking
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("rows", [[7], slice(None)], ids=["one", "all"])
def test_it_is_never_remembered(make, bad, rows):
    loss = make(queue_size=300)
    with_gradient(loss, draw_batch(0))
    other = copy.deepcopy(loss)
    with pytest.raises(FloatingPointError):
        call(loss, spoilt(draw_batch(1), bad, rows))
    for name, value in loss.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    clean = draw_batch(2)
    assert all(map(torch.equal, with_gradient(loss, clean), with_gradient(other, clean)))


@each_own
def test_logits_without_a_problem_raise_nothing_in_a_huge_range(make):
    batch = draw_batch(0, dtype=torch.float32)
    batch = batch._replace(logits=batch.logits * 1e30)
    value, gradient = with_gradient(make(), batch)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("surrogate", ["pairwise", "trapezoid"])
def test_a_spread_beyond_the_floats_is_named(surrogate):
    logits = torch.tensor([3e38, -3e38] * 20)
    loss = PAUCAtBudgetLoss(beta=0.5, surrogate=surrogate, queue_size=50)
    with pytest.raises(FloatingPointError, match="PAUCAtBudgetLoss.*spread over more than float32"):
        loss(logits, torch.arange(40) % 3 == 0)
    assert len(loss.queue) == 0


@pytest.mark.parametrize("loss", [nn.BCEWithLogitsLoss(), Hides(), PAUCAtBudgetLoss(queue_size=0)])
def test_in_an_ensemble(loss):
    scores = torch.zeros(6, 2, 1)
    scores[3, 1] = torch.nan
    targets = torch.tensor([0, 1] * 3)[:, None].repeat(1, 2)
    with pytest.raises(FloatingPointError, match="in 1 of 6 rows"):
        EachMember(loss, 2)(scores, targets)
    # A row that the member leaves out may hold anything.
    targets[3, 1] = IGNORED
    EachMember(loss, 2)(scores, targets)


def test_mixed_precision_can_go_on():
    """As docs/losses.md says: the batch is skipped, and nothing of it is left."""
    if not hasattr(torch.amp, "GradScaler"):
        pytest.skip("this torch has no gradient scaler for CPUs")
    network = nn.Linear(3, 1)
    loss = PAUCAtBudgetLoss(beta=0.3, queue_size=200)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    X = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    y = torch.arange(60) % 4 == 0
    skipped = []
    for step in range(4):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            logits = network(X * (1e6 if step == 2 else 1.0))[:, 0]
        try:
            value = loss(logits, y.clone())
        except FloatingPointError:
            skipped.append(step)
            scaler.update(scaler.get_scale() / 2)
            continue
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
    assert skipped == [2]
    assert len(loss.queue) == 180
    assert scaler.get_scale() == 2.0**9
    assert all(torch.isfinite(weights).all() for weights in network.parameters())
