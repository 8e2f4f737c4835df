"""The memory of past rows against a plain list of slots."""

import copy

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st
from neural_cases import RANKING, call, draw_batch, with_gradient

from skbudget.neural import PAUCAtBudgetLoss
from skbudget.neural.losses._queue import MemoryQueue, Pool

pytestmark = pytest.mark.filterwarnings("error")

each_ranking = pytest.mark.parametrize("make", RANKING.values(), ids=list(RANKING))


def rows(first, n, *, columns=1, masked=False, weighted=False):
    """Rows that can be told apart by their logits."""
    number = torch.arange(first, first + n, dtype=torch.float32)
    return Pool(
        number[:, None].repeat(1, columns),
        number.long() % 2,
        number % 3 > 0 if masked else None,
        1.0 + number if weighted else None,
    )


def slots(queue):
    """What the queue holds, in the order in which a pool holds it."""
    n = len(queue)
    columns = (queue.logits[:, 0], queue.targets, queue.iid, queue.weight)
    return list(zip(*(column[:n].tolist() for column in columns)))


class Ring:
    """The queue as a list of rows."""

    def __init__(self, size):
        self.size, self.rows, self.at = size, [], 0

    def append(self, live):
        n = live.targets.numel()
        iid = [True] * n if live.iid is None else live.iid.tolist()
        weight = [1.0] * n if live.weight is None else live.weight.tolist()
        new = list(zip(live.logits[:, 0].tolist(), live.targets.tolist(), iid, weight))
        if n >= self.size:
            self.rows, self.at = new[n - self.size :], 0
            return
        for row in new:
            self.rows[self.at : self.at + 1] = [row]
            self.at = (self.at + 1) % self.size


# --- which rows it holds


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 7),
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), max_size=8),
)
def test_holds_the_last_rows(size, batches):
    queue, ring, first = MemoryQueue(size, 1), Ring(size), 0
    for n, masked, weighted in batches:
        live = rows(first, n, masked=masked, weighted=weighted)
        first += n
        queue.append(live)
        ring.append(live)
        assert slots(queue) == ring.rows
        assert len(queue) == len(ring.rows)
        latest = {float(number) for number in range(max(0, first - size), first)}
        assert {row[0] for row in slots(queue)} == latest


def test_oldest_rows_give_way_across_the_seam():
    queue = MemoryQueue(5, 1)
    for first, n in ((0, 3), (3, 3), (6, 2)):
        queue.append(rows(first, n))
    assert queue.logits[:, 0].tolist() == [5, 6, 7, 3, 4]


def test_of_a_large_batch_the_last_rows_are_kept_from_the_start():
    queue = MemoryQueue(4, 1)
    queue.append(rows(0, 3))
    queue.append(rows(10, 9))
    assert queue.logits[:, 0].tolist() == [15, 16, 17, 18]
    queue.append(rows(30, 1))
    assert queue.logits[:, 0].tolist() == [30, 16, 17, 18]


def test_a_queue_of_no_rows_is_no_queue():
    queue, live = MemoryQueue(0, 2), rows(0, 3, columns=2)
    queue.append(live)
    assert len(queue) == 0
    assert queue.pool(live) is live


# --- the pool


def test_live_rows_come_first_with_flags_and_weights_of_their_own():
    queue = MemoryQueue(4, 1)
    queue.append(rows(0, 3, masked=True, weighted=True))
    logits = rows(10, 2).logits.requires_grad_()
    pool = queue.pool(rows(10, 2)._replace(logits=logits))
    assert pool.logits[:, 0].tolist() == [10, 11, 0, 1, 2]
    assert pool.targets.tolist() == [0, 1, 0, 1, 0]
    assert pool.live.tolist() == [True, True, False, False, False]
    assert pool.iid.tolist() == [True, True, False, True, True]
    assert pool.weight.tolist() == [1, 1, 1, 2, 3]
    pool.logits.sum().backward()
    assert logits.grad.tolist() == [[1], [1]]
    assert not queue.logits.requires_grad


def test_without_masks_and_weights_there_are_none():
    queue = MemoryQueue(4, 1)
    queue.append(rows(0, 3))
    pool = queue.pool(rows(3, 2))
    assert pool.iid is None
    assert pool.weight is None
    queue.append(rows(0, 3)._replace(weight=torch.ones(3), iid=torch.ones(3, dtype=torch.bool)))
    assert queue.pool(rows(3, 2)).weight is None
    assert queue.pool(rows(3, 2)).iid is None


def test_masks_and_weights_are_forgotten_with_their_rows():
    queue = MemoryQueue(4, 1)
    queue.append(rows(0, 3, masked=True, weighted=True))
    queue.append(rows(3, 4))
    assert queue.pool(rows(9, 1)).weight is None
    assert queue.pool(rows(9, 1)).iid is None


def test_rows_remembered_are_not_those_the_caller_goes_on_with():
    queue, live = MemoryQueue(4, 1), rows(0, 3)
    queue.append(live)
    live.logits.add_(100.0)
    assert queue.logits[:3, 0].tolist() == [0, 1, 2]


def test_select_keeps_what_is_none():
    part = rows(0, 4, masked=True).select(torch.tensor([2, 0]))
    assert part.logits[:, 0].tolist() == [2, 0]
    assert part.iid.tolist() == [True, False]
    assert part.weight is None
    assert part.live is None


# --- precision


def test_precision_is_that_of_the_logits():
    third = torch.full((2, 1), 1 / 3, dtype=torch.float64)
    queue = MemoryQueue(4, 1)
    queue.append(Pool(third, torch.zeros(2), None, third[:, 0]))
    assert queue.logits[:2].tolist() == third.tolist()
    assert queue.weight[:2].tolist() == third[:, 0].tolist()
    assert queue.pool(Pool(third, torch.zeros(2))).logits.dtype == torch.float64
    single = MemoryQueue(4, 1).append(Pool(third.float(), torch.zeros(2)))
    assert single is None
    restored = MemoryQueue(4, 1)
    restored.load_state_dict(queue.state_dict())
    assert restored.logits[:2].tolist() == third.tolist()


# --- checkpoints


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_resumes_in_mid_cycle(after, dtype):
    def make():
        return PAUCAtBudgetLoss(beta=0.3, queue_size=75)

    batches = [
        draw_batch(seed, n, masked=seed % 2 == 0, weighted=seed % 3 == 0, dtype=dtype)
        for seed, n in enumerate([30, 41, 20, 80, 33, 12])
    ]
    loss = make()
    for batch in batches[:after]:
        call(loss, batch)
    resumed = make()
    resumed.load_state_dict(loss.state_dict())
    assert len(resumed.queue) == len(loss.queue)
    for batch in batches[after:]:
        one, other = with_gradient(loss, batch), with_gradient(resumed, batch)
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
    for name, value in loss.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("build", [copy.deepcopy, lambda queue: queue])
def test_loading_replaces_what_was_there(build):
    full, fresh = MemoryQueue(4, 1), MemoryQueue(4, 1)
    full.append(rows(0, 6, masked=True, weighted=True))
    saved = copy.deepcopy(fresh.state_dict())
    full = build(full)
    full.load_state_dict(saved)
    assert len(full) == 0
    assert full.pool(rows(0, 2)).weight is None


@pytest.mark.parametrize(("size", "columns"), [(3, 1), (5, 1), (4, 2)])
def test_a_memory_of_another_size_is_refused(size, columns):
    saved = MemoryQueue(size, columns)
    saved.append(rows(0, 3, columns=columns))
    queue = MemoryQueue(4, 1)
    queue.append(rows(7, 2))
    with pytest.raises(RuntimeError, match=rf"\(4, 1\).*queue_size.*\({size}, {columns}\)"):
        queue.load_state_dict(saved.state_dict())
    # And nothing was half loaded.
    assert [row[0] for row in slots(queue)] == [7, 8]


def test_the_memory_is_part_of_the_loss():
    loss = PAUCAtBudgetLoss(queue_size=8)
    names = {"logits", "targets", "iid", "weight", "cursor"}
    assert set(loss.state_dict()) == {f"queue.{name}" for name in names}
    assert not list(loss.parameters())


# --- in a loss


@each_ranking
def test_a_loss_remembers_after_it_has_compared(make):
    first, second = draw_batch(0, 60), draw_batch(1, 50)
    loss = make(queue_size=500)
    alone = with_gradient(make(), first)
    assert torch.equal(with_gradient(loss, first)[0], alone[0])
    value, gradient = with_gradient(loss, second)
    # The same rows at once, the later ones first.
    together = draw_batch(1, 50)._replace(
        logits=torch.cat([second.logits, first.logits]),
        targets=torch.cat([second.targets, first.targets]),
    )
    wanted, all_gradients = with_gradient(make(), together)
    assert torch.equal(value, wanted)
    assert torch.equal(gradient, all_gradients[:50])


@each_ranking
@pytest.mark.parametrize("in_eval", [False, True])
def test_evaluation_leaves_the_memory_alone_unless_told(make, in_eval):
    loss = make(queue_size=100, update_queue_in_eval=in_eval)
    call(loss, draw_batch(0, 30))
    assert len(loss.queue) == 30
    loss.eval()
    call(loss, draw_batch(1, 30))
    assert len(loss.queue) == (60 if in_eval else 30)


def test_reset_forgets():
    loss, batch = PAUCAtBudgetLoss(beta=0.3, queue_size=70), draw_batch(5)
    fresh = with_gradient(PAUCAtBudgetLoss(beta=0.3), batch)
    for seed in (1, 2):
        call(loss, draw_batch(seed, 50, masked=True, weighted=True))
    loss.reset_queue()
    assert len(loss.queue) == 0
    assert loss.state_dict()["queue.cursor"].tolist() == [0, 0]
    for got, wanted in zip(with_gradient(loss, batch), fresh):
        assert torch.equal(got, wanted)


@pytest.mark.parametrize("numerator", ["pool", "live"])
@pytest.mark.parametrize("surrogate", ["pairwise", "trapezoid"])
def test_which_positives_are_averaged_over(numerator, surrogate):
    kwargs = {"beta": 0.5, "tau_scale": None, "temperature": 1.0, "surrogate": surrogate}
    loss = PAUCAtBudgetLoss(queue_size=8, pos_numerator=numerator, **kwargs)
    loss(torch.tensor([2.0, 0.5]), torch.tensor([1, 0]))
    logits = torch.tensor([-1.0, 1.0], requires_grad=True)
    value = loss(logits, torch.tensor([1, 0]))
    loss.queue.reset()
    positives = [-1.0, 2.0] if numerator == "pool" else [-1.0]
    # The band holds the upper of the two negatives, 1.0 and 0.5.
    margins = torch.tensor([1.0 - positive for positive in positives])
    assert value.item() == pytest.approx(torch.sigmoid(margins).mean().item(), rel=1e-6)
    value.backward()
    share = torch.sigmoid(margins[0]) * torch.sigmoid(-margins[0]) / len(positives)
    assert logits.grad[0].item() == pytest.approx(-share.item(), rel=1e-6)


def test_a_live_numerator_without_live_positives_is_no_loss():
    loss = PAUCAtBudgetLoss(beta=0.5, queue_size=50, pos_numerator="live")
    call(loss, draw_batch(0, 40))
    batch = draw_batch(1, 30)
    batch = batch._replace(targets=torch.zeros_like(batch.targets))
    value, gradient, _, valid = with_gradient(loss, batch, return_per_class=True)
    assert value == 0
    assert not gradient.any()
    assert not valid.any()
