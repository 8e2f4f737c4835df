"""The torch losses that promise recall: memory, scale, precision, ties, multipliers."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient

from skbudget.neural import ALMLoss, CriticalRankLoss, LossWarmup, RankRegLoss
from skbudget.neural.losses import _critical_rank
from skbudget.objectives import CriticalRank, RankReg

LOSSES = {
    "rank_reg": lambda **p: RankRegLoss(**{"queue_size": 0, **p}),
    "critical_rank": lambda **p: CriticalRankLoss(power=3, **{"queue_size": 0, **p}),
    "critical_rank in units of the spread": lambda **p: CriticalRankLoss(
        power=3, tau_scale="iqr", **{"queue_size": 0, **p}
    ),
}
each_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=list(LOSSES))


# --- the scale of a loss must not show in its interpolation


@pytest.mark.parametrize("factor", [2.0, 1e-3, 65536.0])
def test_the_gradient_of_a_multiple_is_the_multiple_of_the_gradient(factor):
    batch = draw_batch(0)
    logits = batch.logits.clone().requires_grad_()
    loss = RankRegLoss(queue_size=0)
    (once,) = torch.autograd.grad(loss(logits, batch.targets), logits)
    (scaled,) = torch.autograd.grad(factor * loss(logits, batch.targets), logits)
    assert once.abs().max() > 0
    # A power of two multiplies exactly.
    exact = np.log2(factor) % 1 == 0
    torch.testing.assert_close(scaled, factor * once, rtol=0 if exact else 1e-12, atol=0)
    # As a scale of mixed precision does it, in the backward pass.
    (handed,) = torch.autograd.grad(loss(logits, batch.targets), logits, torch.tensor(factor))
    torch.testing.assert_close(handed, scaled)
    # A sum over classes is the mean times their number.
    three = draw_batch(1, num_classes=3)
    mean = with_gradient(RankRegLoss(3, queue_size=0), three)[1]
    total = with_gradient(RankRegLoss(3, queue_size=0, reduction="sum"), three)[1]
    torch.testing.assert_close(total, 3 * mean)


def test_a_gradient_scaler_leaves_the_step_as_it_is():
    batch = draw_batch(2, dtype=torch.float32)
    weights = []
    for enabled in (False, True):
        weight = torch.nn.Parameter(batch.logits.clone())
        optimizer = torch.optim.SGD([weight], lr=0.1)
        scaler = torch.amp.GradScaler("cpu", enabled=enabled, init_scale=1024.0)
        scaler.scale(RankRegLoss(queue_size=0)(weight, batch.targets)).backward()
        scaler.step(optimizer)
        scaler.update()
        weights.append(weight.detach())
    torch.testing.assert_close(*weights, rtol=1e-6, atol=0)


@each_loss
def test_the_order_of_the_rows_does_not_matter(make):
    for ties in (False, True):
        batch = draw_batch(3, ties=ties, weighted=True)
        order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
        value, gradient = with_gradient(make(), batch)
        shuffled = batch._replace(
            logits=batch.logits[order], targets=batch.targets[order], weight=batch.weight[order]
        )
        found = with_gradient(make(), shuffled)
        torch.testing.assert_close(found[0], value)
        torch.testing.assert_close(found[1], gradient[order], rtol=1e-10, atol=1e-15)


@each_loss
def test_constant_scores_lift_the_positives_alike(make):
    batch = draw_batch(4)._replace(logits=torch.zeros(120, dtype=torch.float64))
    _, gradient = with_gradient(make(), batch)
    positive = batch.targets == 1
    torch.testing.assert_close(
        gradient[positive], gradient[positive][0].expand(int(positive.sum()))
    )
    assert (gradient[positive] < 0).all()
    assert (gradient[~positive] > 0).all()


def test_ranks_do_not_lose_rows_in_half_precision():
    # Half precision has no whole numbers beyond 2048, and no more than 65504.
    rng = torch.Generator().manual_seed(0)
    targets = (torch.rand(70_000, generator=rng) < 0.01).long()
    logits = torch.randn(70_000, generator=rng).half()
    found = RankRegLoss(queue_size=0)(logits, targets)
    wanted = RankReg().loss(targets.numpy(), logits.double().numpy())
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(wanted, rel=1e-6)


# --- memory


def test_ranks_are_among_live_and_remembered_rows():
    past, batch = draw_batch(5, 60), draw_batch(6, 60)
    loss = RankRegLoss(queue_size=60)
    loss(past.logits, past.targets)
    value, gradient = with_gradient(loss, batch)
    together = RankReg()
    y = torch.cat([batch.targets, past.targets]).numpy()
    scores = torch.cat([batch.logits, past.logits]).numpy()
    assert value.item() == pytest.approx(together.loss(y, scores))
    # Only live rows have a gradient, that of all rows together.
    np.testing.assert_allclose(gradient.numpy(), together.gradient(y, scores)[:60], rtol=1e-9)


@pytest.mark.parametrize("tau_scale", [None, "iqr"])
def test_pairs_are_of_live_and_remembered_rows(tau_scale):
    past, batch = draw_batch(5, 60), draw_batch(6, 60)
    loss = CriticalRankLoss(queue_size=60, tau_scale=tau_scale)
    loss(past.logits, past.targets)
    value, gradient = with_gradient(loss, batch)
    together = CriticalRank(tau_scale=tau_scale)
    y = torch.cat([batch.targets, past.targets]).numpy()
    scores = torch.cat([batch.logits, past.logits]).numpy()
    assert value.item() == pytest.approx(together.loss(y, scores))
    np.testing.assert_allclose(gradient.numpy(), together.gradient(y, scores)[:60], rtol=1e-9)


@each_loss
def test_without_a_positive_there_is_a_zero_with_a_gradient(make):
    for label in (0, 1):
        logits = torch.randn(8, requires_grad=True)
        value = make()(logits, torch.full((8,), label))
        value.backward()
        assert value.item() == 0
        assert (logits.grad == 0).all()
    # A remembered positive is lifted by nothing, but negatives above it are pushed.
    loss = make(queue_size=8)
    loss(torch.tensor([-1.0, 0.5]), torch.tensor([1, 0]))
    logits = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)
    loss(logits, torch.zeros(3, dtype=torch.long)).backward()
    assert (logits.grad >= 0).all()
    assert logits.grad.any()


@each_loss
def test_a_warm_up_forgets_what_it_remembered(make):
    loss = LossWarmup(torch.nn.BCEWithLogitsLoss(), make(queue_size=16), warmup_steps=2)
    batch = draw_batch(7, 10)
    loss.main_loss(batch.logits, batch.targets)
    assert len(loss.main_loss.queue) == 10
    loss.on_train_batch_start(1)
    assert len(loss.main_loss.queue) == 10
    loss.on_train_batch_start(2)
    assert len(loss.main_loss.queue) == 0


@each_loss
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_scores_that_are_not_finite(make, bad):
    loss = make(queue_size=4)
    with pytest.raises(FloatingPointError, match="logits that are NaN or infinite in 1 of 3"):
        loss(torch.tensor([0.0, bad, 1.0]), torch.tensor([0, 1, 0]))
    assert len(loss.queue) == 0
    with pytest.raises(FloatingPointError, match="logits that spread over more than float32"):
        loss(torch.tensor([-3e38, 3e38, 3e38, 0.0, -3e38]), torch.tensor([0, 0, 0, 1, 1]))


# --- weights


def test_a_weight_is_importance_or_a_repeated_row():
    batch = draw_batch(8, weighted=True)
    positive, weight = batch.targets == 1, batch.weight
    importance = RankRegLoss(queue_size=0)
    found = with_gradient(importance, batch)
    # Negatives' weights have no effect on importance, and ranks count rows.
    others = torch.where(positive, weight, 5.0)
    same = with_gradient(importance, batch._replace(weight=others))
    assert all(map(torch.equal, found, same))
    ranks = np.array([(batch.logits > one).sum().item() + 0.5 for one in batch.logits])
    wanted = np.average((ranks[positive] / 120) ** 2, weights=weight[positive])
    assert found[0].item() == pytest.approx(wanted)
    index = torch.repeat_interleave(torch.arange(120), weight.long())
    repeated = batch._replace(logits=batch.logits[index], targets=batch.targets[index], weight=None)
    once = with_gradient(RankRegLoss(queue_size=0, weighted_budget=True), batch)
    many = with_gradient(RankRegLoss(queue_size=0), repeated)
    torch.testing.assert_close(once[0], many[0])
    summed = torch.zeros(120, dtype=torch.float64).index_add_(0, index, many[1])
    torch.testing.assert_close(once[1], summed, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("link", ["logistic", "sigmoid"])
@pytest.mark.parametrize("side", ["positives", "negatives"])
def test_many_pairs_are_summed_by_the_kernels(monkeypatch, link, side):
    batch = draw_batch(9, 300, weighted=True)
    loss = CriticalRankLoss(side=side, link=link, queue_size=0, temperature=0.4)
    value, gradient = with_gradient(loss, batch)
    monkeypatch.setattr(_critical_rank, "_MANY_PAIRS", 1)
    found = with_gradient(loss, batch)
    torch.testing.assert_close(found[0], value, rtol=1e-7, atol=0)
    torch.testing.assert_close(found[1], gradient, rtol=1e-5, atol=1e-6 * gradient.abs().max())


# --- the constraint, with its multipliers


def by_hand(scores, y, multipliers, margin, mu):
    """Loss, gradient and excess by a double loop."""
    pos, neg = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    value, gradient, excess = 0.0, np.zeros(y.size), np.zeros(y.size)
    for i in pos:
        active = [j for j in neg if margin - (scores[i] - scores[j]) > 0]
        excess[i] = sum(margin - (scores[i] - scores[j]) for j in active)
        value += mu / 2 * excess[i] ** 2 + multipliers[i] * excess[i]
        pull = mu * excess[i] + multipliers[i]
        gradient[i] -= pull * len(active)
        gradient[active] += pull
    share = 1 / (pos.size * neg.size)
    return value * share, gradient * share, excess


def test_multipliers_after_two_steps():
    batch = draw_batch(10, 30, rate=0.3)
    y, row_id = batch.targets.numpy(), torch.arange(30)
    loss = ALMLoss(margin=0.5, mu=0.2)
    multipliers, logits = np.zeros(30), batch.logits.clone()
    for _ in range(2):
        at = logits.clone().requires_grad_()
        value = loss(at, batch.targets, row_id)
        (gradient,) = torch.autograd.grad(value, at)
        wanted = by_hand(logits.numpy(), y, multipliers, 0.5, 0.2)
        assert value.item() == pytest.approx(wanted[0])
        np.testing.assert_allclose(gradient.numpy(), wanted[1], rtol=1e-6, atol=1e-9)
        loss.end_step()
        multipliers = multipliers + 0.2 * wanted[2]
        np.testing.assert_allclose(loss.multipliers.numpy(), multipliers, rtol=1e-6)
        logits = logits - gradient
    assert (multipliers[y == 0] == 0).all()
    assert multipliers.max() > 0


def test_a_row_grows_once_in_a_step():
    loss = ALMLoss(margin=1.0, mu=1.0)
    logits, targets = torch.tensor([0.0, 0.0, 0.5]), torch.tensor([1, 1, 0])
    # Drawn twice, and evaluated again.
    for _ in range(3):
        loss(logits, targets, torch.tensor([4, 4, 7]))
    assert not loss.multipliers.any()
    loss.end_step()
    assert loss.multipliers.tolist() == [0, 0, 0, 0, 1.5, 0, 0, 0]
    loss.end_step()
    assert loss.multipliers[4] == 1.5


def test_an_optimizer_ends_the_step():
    loss, weight = ALMLoss(margin=1.0, mu=1.0), torch.nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    targets, row_id = torch.tensor([1, 0, 0]), torch.arange(3)
    for step in range(2):
        value = loss(weight, targets, row_id)
        assert (loss.multipliers[0] > 0) == (step > 0)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    # In evaluation nothing is remembered.
    loss.eval()
    before = loss.multipliers.clone()
    loss(weight, targets, row_id)
    loss.end_step()
    loss(weight, targets, row_id)
    assert loss.multipliers[0] >= before[0]
    loss.end_step()
    frozen = loss.multipliers.clone()
    loss(weight, targets, row_id)
    loss.end_step()
    assert torch.equal(loss.multipliers, frozen)


def test_the_penalty_grows_when_validation_falls():
    loss = ALMLoss(mu=1e-3, rho=10.0, max_mu=0.05, max_drop=0.05)
    mus = []
    for score in (0.8, 0.9, 0.86, 0.8, 0.7, 0.6):
        loss.on_validation(score)
        mus.append(loss.current_mu)
    assert mus == pytest.approx([1e-3, 1e-3, 1e-3, 1e-2, 0.05, 0.05])
    with pytest.raises(ValueError, match="'score' parameter of ALMLoss.on_validation"):
        loss.on_validation(np.nan)
    assert ALMLoss(mu=1.0, rho=2.0).max_mu is None


def test_multipliers_are_saved():
    loss = ALMLoss(margin=1.0, mu=1.0)
    loss(torch.zeros(3), torch.tensor([1, 0, 0]), torch.arange(3))
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        other.end_step()
        assert not other.multipliers.any()
    loss.end_step()
    loss.on_validation(0.5)
    other = ALMLoss(margin=1.0, mu=1.0)
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.multipliers, loss.multipliers)
    other.on_validation(0.1)
    assert other.current_mu == 2.0
    loss.forget_rows()
    assert loss.multipliers.numel() == 0
    with pytest.raises(ValueError, match="state of ALMLoss must be what get_extra_state"):
        loss.set_extra_state({})


def test_classes_are_ranked_against_the_rest():
    batch = draw_batch(11, 40, num_classes=3)
    row_id = torch.arange(40)
    found = ALMLoss(3, margin=0.5, mu=0.2)(batch.logits, batch.targets, row_id)
    one_by_one = []
    for k in range(3):
        own = batch.logits[:, k].numpy(), (batch.targets == k).long().numpy()
        one_by_one.append(by_hand(*own, np.zeros(40), 0.5, 0.2)[0])
    assert found.item() == pytest.approx(np.mean(one_by_one))


def test_batches_without_a_constraint():
    loss = ALMLoss()
    for targets in (torch.zeros(4), torch.ones(4), torch.full((4,), -100.0)):
        logits = torch.randn(4, requires_grad=True)
        value = loss(logits, targets, torch.arange(4))
        value.backward()
        assert value.item() == 0
        assert (logits.grad == 0).all()
    weight = torch.tensor([0.0, 1.0])
    assert loss(torch.zeros(2), torch.tensor([1, 0]), torch.arange(2), sample_weight=weight) == 0


@pytest.mark.parametrize(
    ("row_id", "message"),
    [
        (torch.arange(4), r"row_id must have shape \(3,\), as targets have: got \(4,\)"),
        (torch.zeros(3), "row_id must hold whole numbers of rows, int64: got torch.float32"),
        (torch.tensor([0, -1, 2]), "row_id must number the rows .* from -1 to 2"),
        (torch.tensor([0, 1, 2**40]), "row_id must number the rows"),
    ],
    ids=["length", "floats", "negative", "huge"],
)
def test_row_numbers_that_are_none(row_id, message):
    with pytest.raises(ValueError, match=message):
        ALMLoss()(torch.zeros(3), torch.tensor([0, 1, 0]), row_id)
    with pytest.raises(TypeError, match="row_id must be a torch Tensor"):
        ALMLoss()(torch.zeros(3), torch.tensor([0, 1, 0]), [0, 1, 2])
    with pytest.raises(TypeError, match="row_id"):
        ALMLoss()(torch.zeros(3), torch.tensor([0, 1, 0]))
