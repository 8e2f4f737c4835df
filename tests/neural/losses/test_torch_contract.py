"""What holds for every torch loss, whatever it compares."""

import copy
import inspect
import pickle
import warnings

import pytest

torch = pytest.importorskip("torch")

from neural_cases import ALL, CROSS_ENTROPY, NUMPY, RANKING, call, draw_batch, with_gradient

import skbudget.neural as neural
from skbudget.neural import PAUCAtBudgetLoss

pytestmark = pytest.mark.filterwarnings("error")


def each(losses):
    return pytest.mark.parametrize("make", losses.values(), ids=list(losses))


each_loss, each_ranking = each(ALL), each(RANKING)
each_with_masks = each(RANKING | CROSS_ENTROPY | NUMPY)


def take(batch, rows):
    return type(batch)(*(None if part is None else part[rows] for part in batch))


def assert_no_loss(loss, batch):
    """A finite zero that can still be trained on."""
    value, gradient = with_gradient(loss, batch)
    assert value == 0
    assert gradient.shape == batch.logits.shape
    assert (gradient == 0).all()


# --- what is given


@each_loss
def test_a_column_is_a_vector(make):
    batch = draw_batch(0)
    wanted = with_gradient(make(), batch)
    column = batch._replace(logits=batch.logits[:, None], targets=batch.targets[:, None])
    value, gradient = with_gradient(make(), column)
    torch.testing.assert_close(value, wanted[0], rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient[:, 0], wanted[1], rtol=1e-14, atol=0)


@each_loss
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.float32])
def test_targets_of_any_dtype(make, dtype):
    batch = draw_batch(1)
    wanted = with_gradient(make(), batch)
    found = with_gradient(make(), batch._replace(targets=batch.targets.to(dtype)))
    assert all(map(torch.equal, found, wanted))


@each_loss
def test_ignored_rows_are_as_if_absent(make):
    batch = draw_batch(2, ignored=0.3)
    kept = batch.targets != -100
    value, gradient = with_gradient(make(), take(batch, kept))
    # Padding may hold anything.
    logits = torch.where(kept, batch.logits, torch.nan)
    for ignore_index in (-100, 7):
        targets = torch.where(kept, batch.targets, ignore_index)
        case = batch._replace(logits=logits, targets=targets)
        found = with_gradient(make(ignore_index=ignore_index), case)
        torch.testing.assert_close(found[0], value, rtol=1e-13, atol=0)
        torch.testing.assert_close(found[1][kept], gradient, rtol=1e-12, atol=1e-18)
        assert (found[1][~kept] == 0).all()


@each_with_masks
def test_a_mask_of_all_rows_is_none(make):
    batch = draw_batch(3)
    wanted = with_gradient(make(), batch)
    everything = torch.ones(120, dtype=torch.bool)
    for mask in (everything, everything[:, None], everything.long()):
        assert all(map(torch.equal, with_gradient(make(), batch._replace(iid=mask)), wanted))


@each_loss
def test_weights_of_one_are_none(make):
    batch = draw_batch(4)
    value, gradient = with_gradient(make(), batch)
    found = with_gradient(make(), batch._replace(weight=torch.ones(120)))
    torch.testing.assert_close(found[0], value, rtol=1e-13, atol=0)
    torch.testing.assert_close(found[1], gradient, rtol=1e-12, atol=1e-18)


@each_loss
def test_the_unit_of_the_weights_does_not_matter(make):
    batch = draw_batch(5, weighted=True)
    value, gradient = with_gradient(make(), batch)
    found = with_gradient(make(), batch._replace(weight=1e-6 * batch.weight))
    torch.testing.assert_close(found[0], value, rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1], gradient, rtol=1e-11, atol=1e-18)


@each_loss
def test_a_weight_has_no_gradient(make):
    batch = draw_batch(6, weighted=True)
    weight = batch.weight.clone().requires_grad_()
    logits = batch.logits.clone().requires_grad_()
    call(make(), batch._replace(weight=weight, logits=logits)).backward()
    assert weight.grad is None
    assert logits.grad.any()


# --- precision


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_computes_in_single_precision_at_least(make, dtype):
    batch = draw_batch(7, dtype=dtype, weighted=True)
    value, gradient = with_gradient(make(), batch)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert gradient.dtype == dtype
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert gradient.any()
    # The logits that half precision rounded are the very same numbers.
    wide = batch._replace(logits=batch.logits.to(value.dtype), weight=batch.weight.to(value.dtype))
    assert torch.equal(with_gradient(make(), wide)[0], value)


@each_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_reach_the_loss(make, dtype):
    batch = draw_batch(8, dtype=torch.float32)
    torch.manual_seed(0)
    model, X = torch.nn.Linear(4, 1), torch.randn(120, 4)
    with torch.autocast("cpu", dtype=dtype):
        logits = model(X)[:, 0]
        assert logits.dtype == dtype
        value = call(make(), batch._replace(logits=logits))
    assert value.dtype == torch.float32
    assert torch.equal(value, call(make(), batch._replace(logits=logits)))
    value.backward()
    for parameter in model.parameters():
        assert torch.isfinite(parameter.grad).all()
    assert model.weight.grad.any()


@each_loss
def test_half_precision_logits_may_sum_beyond_their_range(make):
    batch = draw_batch(9, 20_000, dtype=torch.float16)
    batch = batch._replace(logits=batch.logits - 8)
    assert torch.isinf(batch.logits.sum())
    value, gradient = with_gradient(make(), batch)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


# --- nothing to compare


@each_loss
def test_no_rows(make):
    loss = make()
    assert_no_loss(loss, draw_batch(n=0))
    assert_no_loss(loss, draw_batch(n=0, weighted=True)._replace(logits=torch.zeros(0, 1)[:, 0]))


@each_loss
def test_rows_all_ignored(make):
    batch = draw_batch(10, weighted=True)
    assert_no_loss(make(), batch._replace(targets=torch.full_like(batch.targets, -100)))


@each_loss
def test_rows_all_without_weight(make):
    batch = draw_batch(11)
    assert_no_loss(make(), batch._replace(weight=torch.zeros(120)))


@each_ranking
def test_no_positives(make):
    batch = draw_batch(12)
    assert_no_loss(make(), batch._replace(targets=torch.zeros_like(batch.targets)))


@each({name: make for name, make in RANKING.items() if name != "recall"})
def test_no_negatives(make):
    batch = draw_batch(13)
    assert_no_loss(make(), batch._replace(targets=torch.ones_like(batch.targets)))


@each_loss
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("score", [0.0, -3.0, 1e30])
def test_one_row(make, label, score):
    batch = draw_batch(n=1)._replace(logits=torch.tensor([score]), targets=torch.tensor([label]))
    value, gradient = with_gradient(make(), batch)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@each_loss
@pytest.mark.parametrize("score", [0.0, 3.0, -1e30])
def test_constant_scores(make, score):
    batch = draw_batch(14, dtype=torch.float32)
    batch = batch._replace(logits=torch.full_like(batch.logits, score))
    loss = make()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            value, gradient = with_gradient(loss, batch)
    assert len(seen) <= 1
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@each_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("huge", [1e10, 1e30])
@pytest.mark.parametrize("pick", [[-1, 1], [-1, 0, 1], [0, 0, 0, 1], [-1, 0, 0, 0]])
def test_huge_scores(make, dtype, huge, pick):
    batch = draw_batch(15, dtype=dtype)
    rng = torch.Generator().manual_seed(0)
    sizes = huge * torch.tensor(pick, dtype=dtype)
    logits = batch.logits + sizes[torch.randint(0, len(pick), (120,), generator=rng)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the IQR may be that of the rest
        value, gradient = with_gradient(make(), batch._replace(logits=logits))
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@each_ranking
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_no_class_with_a_loss(make, reduction):
    loss = make(num_classes=3, reduction=reduction)
    logits = torch.randn(4, 3, requires_grad=True)
    out = loss(logits, torch.full((4,), -100), return_per_class=True, return_diagnostics=True)
    value, per_class, valid, found = out
    assert per_class.isnan().all()
    assert not valid.any()
    assert found.keys() == set(loss.diagnostics)
    if reduction == "none":
        assert value.isnan().all()
        return
    assert value == 0
    value.backward()
    assert not logits.grad.any()


# --- as a module


@each_loss
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))], ids=["copy", "pickle"]
)
def test_copies_go_on_alike(make, copied):
    loss = make()
    call(loss, draw_batch(16))
    other, batch = copied(loss), draw_batch(17)
    assert all(map(torch.equal, with_gradient(other, batch), with_gradient(loss, batch)))


@each_ranking
def test_copies_have_a_memory_of_their_own(make):
    loss = make(queue_size=200)
    call(loss, draw_batch(18))
    other = copy.deepcopy(loss)
    call(other, draw_batch(19, 50))
    assert (len(loss.queue), len(other.queue)) == (120, 170)


@each_loss
def test_changes_neither_its_arguments_nor_the_generator(make):
    batch = draw_batch(20, weighted=True, masked=True, ignored=0.2)
    before, state = copy.deepcopy(batch), torch.get_rng_state()
    call(make(), batch)
    assert all(map(torch.equal, batch, before))
    assert torch.equal(torch.get_rng_state(), state)


@each_loss
def test_without_gradient(make):
    batch = draw_batch(21)
    with torch.no_grad():
        value = call(make(), batch)
    assert not value.requires_grad
    assert torch.equal(value, with_gradient(make(), batch)[0])


def test_every_public_loss_is_covered():
    made = {type(make()) for make in ALL.values()}
    public = {getattr(neural, name) for name in neural.__all__ if name.endswith("Loss")}
    # Losses of embeddings are called otherwise, and have tests of their own.
    public = {loss for loss in public if not getattr(loss, "trains_embeddings", False)}
    # So have those of other targets than classes.
    public = {loss for loss in public if getattr(loss, "target", "binary") in ("binary", "classes")}
    # It has tests of its own, for it needs the numbers of the rows.
    assert made == public - {neural.ALMLoss}


@each_loss
def test_parameters_beyond_the_first_are_keywords(make):
    kinds = [p.kind for p in inspect.signature(type(make()).__init__).parameters.values()]
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) == 2


# --- what is refused


BAD = {
    "targets": (
        {"targets": torch.zeros(5)},
        r"targets must have shape \(6,\), as logits have: got \(5,\)",
    ),
    "a class": (
        {"targets": torch.tensor([0, 1, 2, 0, -1, 0])},
        r"targets must be 0 or 1: got \[2, -1\]",
    ),
    "a soft target": (
        {"targets": torch.tensor([0, 1, 0.5, 0, 0, 0])},
        r"targets must be 0 or 1: got \[0.5\]",
    ),
    "NaN": ({"targets": torch.tensor([0, 1, torch.nan, 0, 0, 0])}, r"0 or 1: got \[nan\]"),
    "mask": (
        {"iid": torch.ones(1, dtype=torch.bool)},
        r"iid_mask must have shape \(6,\).*: got \(1,\)",
    ),
    "weight": (
        {"weight": torch.ones(6, 2)},
        r"sample_weight must have shape \(6,\).*: got \(6, 2\)",
    ),
    "negative weight": (
        {"weight": -torch.ones(6)},
        "Negative values in sample_weight: every weight must be at least 0",
    ),
    "infinite weight": ({"weight": torch.full((6,), torch.inf)}, "sample_weight contains NaN or"),
}


@each_with_masks
@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=list(BAD))
def test_bad_inputs(make, change, message):
    batch = draw_batch(n=6)._replace(**change)
    with pytest.raises(ValueError, match=message):
        call(make(), batch)


@each_ranking
def test_columns_that_are_not_there(make):
    with pytest.raises(ValueError, match=r"logits must have shape \(n_rows, 1\): got \(6, 2\)"):
        make()(torch.zeros(6, 2), torch.zeros(6))


@each_ranking
def test_a_class_out_of_range(make):
    with pytest.raises(ValueError, match=r"class indices from 0 to 2: got \[3, -7\]"):
        make(num_classes=3)(torch.zeros(3, 3), torch.tensor([3, 0, -7]))


@each_ranking
def test_a_refused_batch_is_not_remembered(make):
    loss = make(queue_size=10)
    with pytest.raises(ValueError, match="targets"):
        loss(torch.zeros(3), torch.tensor([0, 1, 5]))
    assert len(loss.queue) == 0


def test_a_vector_of_logits_is_for_one_class():
    with pytest.raises(ValueError, match=r"logits must have shape \(n_rows, 3\): got \(6,\)"):
        PAUCAtBudgetLoss(3)(torch.zeros(6), torch.zeros(6))
