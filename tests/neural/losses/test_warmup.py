"""The schedule from a warm-up loss to a ranking loss."""

import copy
import pickle
import warnings
from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient
from torch import nn

from skbudget.neural import (
    FocalLoss,
    LossWarmup,
    PAUCAtBudgetLoss,
    SmoothAPLoss,
    WeightedCrossEntropyLoss,
)

pytestmark = pytest.mark.filterwarnings("error")

PHASES = {"warmup_steps": 4, "blend_steps": 3}
TEMPERATURES = {"temperature_start": 0.8, "temperature_end": 0.05, "temperature_decay_steps": 10}


class Recorder(nn.Module):
    """A loss that returns a constant and remembers how it was called."""

    def __init__(self, value, *, extra=()):
        super().__init__()
        self.value, self.extra, self.calls, self.resets = value, extra, [], 0

    def forward(self, logits, targets, iid_mask=None, *, sample_weight=None, **others):
        given = {"iid_mask": iid_mask, "sample_weight": sample_weight, **others}
        self.calls.append({name: part for name, part in given.items() if part is not None})
        value = torch.tensor(self.value)
        return (value, *self.extra) if self.extra else value

    def reset_queue(self):
        self.resets += 1


class Plain(Recorder):
    """One that takes logits and targets alone."""

    def forward(self, logits, targets):
        return super().forward(logits, targets)


def make(**kwargs):
    return LossWarmup(Recorder(8.0), Recorder(1.0), **kwargs)


def run(loss, steps=range(12), **kwargs):
    values = []
    for step in steps:
        loss.on_train_batch_start(step)
        values.append(loss(torch.zeros(2), torch.zeros(2), **kwargs).item())
    return values


# --- phases


def test_phases_in_steps():
    loss, seen = make(**PHASES), []
    for step in range(9):
        loss.on_train_batch_start(step)
        seen.append((loss.in_warmup, loss.in_blend, loss.main_weight))
    warm, ramp, done = (True, False, 0.0), (0.25, 0.5, 0.75), (False, False, 1.0)
    assert seen == [warm] * 4 + [(False, True, weight) for weight in ramp] + [done] * 2


def test_phases_in_epochs():
    loss, seen, step = make(warmup_epochs=2, blend_epochs=1), [], 0
    for epoch in range(5):
        loss.on_train_epoch_start(epoch)
        for _ in range(3):
            loss.on_train_batch_start(step)
            step += 1
            seen.append(loss.main_weight)
    assert seen == [0.0] * 6 + [0.5] * 3 + [1.0] * 6


def test_values_are_blended():
    assert run(make(**PHASES)) == [8.0] * 4 + [6.25, 4.5, 2.75] + [1.0] * 5
    half = make(**PHASES, final_main_weight=0.5)
    assert run(half) == [8.0] * 4 + [7.125, 6.25, 5.375] + [4.5] * 5
    assert run(make(warmup_steps=2), range(4)) == [8.0, 8.0, 1.0, 1.0]
    assert run(make(blend_steps=1), range(3)) == [4.5, 1.0, 1.0]
    assert run(make(), range(3)) == [1.0] * 3


def test_each_loss_is_called_only_where_it_counts():
    loss = make(**PHASES)
    run(loss)
    assert len(loss.warmup_loss.calls) == 7
    assert len(loss.main_loss.calls) == 8


def test_gradient_is_blended():
    batch = draw_batch(0)
    warmup, main = WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(beta=0.3, queue_size=0)
    loss = LossWarmup(warmup, main, blend_steps=3)
    loss.on_train_batch_start(0)
    parts = [with_gradient(part, batch) for part in (warmup, main)]
    for got, warm, ranked in zip(with_gradient(loss, batch), *parts):
        torch.testing.assert_close(got, 0.75 * warm + 0.25 * ranked, rtol=1e-13, atol=0)


# --- the memory


def test_the_memory_is_emptied_once_at_the_switch():
    loss = make(**PHASES)
    run(loss, range(4))
    assert loss.main_loss.resets == 0
    run(loss, range(4, 5))
    assert loss.main_loss.resets == 1
    run(loss, range(5, 20))
    assert loss.main_loss.resets == 1


def test_the_memory_is_emptied_at_each_later_epoch_if_asked_to():
    loss, resets, step = make(warmup_epochs=1, reset_queue_each_epoch=True), [], 0
    for epoch in range(4):
        loss.on_train_epoch_start(epoch)
        for _ in range(2):
            loss.on_train_batch_start(step)
            step += 1
        resets.append(loss.main_loss.resets)
    assert resets == [0, 1, 2, 3]


def test_a_main_loss_without_memory_or_temperature_will_do():
    loss = LossWarmup(WeightedCrossEntropyLoss(), FocalLoss(), warmup_steps=1)
    for step in range(3):
        loss.on_train_batch_start(step)
        assert torch.isfinite(loss(torch.zeros(3), torch.tensor([0, 1, 0])))
    assert loss.current_temperature is None


def test_what_was_remembered_before_the_switch_is_gone():
    loss = LossWarmup(WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(beta=0.3), warmup_steps=2)
    loss.main_loss(torch.randn(20), torch.arange(20) % 2)
    run(loss, range(2))
    assert len(loss.main_loss.queue) == 20
    loss.on_train_batch_start(2)
    assert len(loss.main_loss.queue) == 0


# --- the temperature


def test_the_temperature_moves_geometrically_from_the_switch_on():
    loss, path = LossWarmup(Recorder(1.0), SmoothAPLoss(), **PHASES, **TEMPERATURES), []
    for step in range(20):
        loss.on_train_batch_start(step)
        path.append(loss.main_loss.temperature)
        assert loss.current_temperature == path[-1]
    assert path[:5] == [0.8] * 5
    ratios = [later / earlier for earlier, later in pairwise(path[4:15])]
    assert ratios == pytest.approx([(0.05 / 0.8) ** 0.1] * 10)
    assert path[14:] == pytest.approx([0.05] * 6)


def test_the_temperature_acts():
    batch = draw_batch(1)
    kwargs = {"beta": 0.3, "queue_size": 0}
    loss = LossWarmup(Recorder(1.0), PAUCAtBudgetLoss(**kwargs), **TEMPERATURES)
    for step, temperature in ((0, 0.8), (5, 0.2), (10, 0.05)):
        loss.on_train_batch_start(step)
        wanted = with_gradient(PAUCAtBudgetLoss(temperature=temperature, **kwargs), batch)
        for got, want in zip(with_gradient(loss, batch), wanted):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-17)


def test_without_a_schedule_the_temperature_is_left_alone():
    loss = LossWarmup(Recorder(1.0), SmoothAPLoss(temperature=0.3), **PHASES)
    run(loss, range(4))
    assert loss.current_temperature == 0.3


# --- checkpoints


def trained(steps, loss=None):
    """Phase, temperature, value and gradient at each step."""
    if loss is None:
        main = PAUCAtBudgetLoss(beta=0.4, queue_size=64)
        loss = LossWarmup(WeightedCrossEntropyLoss(), main, **PHASES, **TEMPERATURES)
    seen = []
    for step in steps:
        loss.on_train_batch_start(step)
        value, gradient = with_gradient(loss, draw_batch(step, 30, rate=0.4))
        clock = loss.in_warmup, loss.in_blend, loss.main_weight, loss.current_temperature
        seen.append((*clock, value.item(), gradient.tolist()))
    return loss, seen


@pytest.mark.parametrize("until", [0, 2, 4, 6, 9, 16], ids=lambda step: f"step {step}")
@pytest.mark.parametrize("how", ["state_dict", "pickle", "deepcopy"])
def test_a_resumed_run_goes_on_as_if_never_interrupted(until, how, tmp_path):
    loss, _ = trained(range(until))
    if how == "state_dict":
        torch.save(loss.state_dict(), tmp_path / "loss.pt")
        resumed, _ = trained(range(0))
        resumed.load_state_dict(torch.load(tmp_path / "loss.pt", weights_only=True))
    else:
        resumed = pickle.loads(pickle.dumps(loss)) if how == "pickle" else copy.deepcopy(loss)
    now = [
        (each.in_warmup, each.in_blend, each.main_weight, each.current_temperature)
        for each in (loss, resumed)
    ]
    assert now[0] == now[1]
    _, wanted = trained(range(until, 20), loss)
    _, found = trained(range(until, 20), resumed)
    assert found == wanted


@pytest.mark.parametrize("until", [1, 3, 5])
def test_a_run_in_epochs_resumes_within_an_epoch(until):
    def go_on(loss, steps):
        seen = []
        for step in steps:
            if step % 2 == 0:
                loss.on_train_epoch_start(step // 2)
            loss.on_train_batch_start(step)
            seen.append((loss.main_weight, loss.current_temperature, loss.main_loss.resets))
        return seen

    def start():
        main = Recorder(1.0)
        main.temperature = 1.0
        return LossWarmup(Recorder(2.0), main, warmup_epochs=1, blend_epochs=1, **TEMPERATURES)

    loss, resumed = start(), start()
    go_on(loss, range(until))
    resumed.load_state_dict(loss.state_dict())
    resumed.main_loss.resets = loss.main_loss.resets
    assert go_on(loss, range(until, 10)) == go_on(resumed, range(until, 10))


# --- what is passed on


@pytest.mark.parametrize("step", [0, 5, 9])
def test_rows_arguments_reach_both_losses(step):
    weight, iid = torch.ones(2), torch.ones(2, dtype=torch.bool)
    loss = make(**PHASES)
    run(loss, [step], sample_weight=weight, iid_mask=iid, return_per_class=False)
    for call in loss.warmup_loss.calls:
        assert call.keys() == {"sample_weight", "iid_mask"}
    for call in loss.main_loss.calls:
        assert call.keys() == {"sample_weight", "iid_mask", "return_per_class"}
    assert loss.warmup_loss.calls or loss.main_loss.calls


@pytest.mark.parametrize("step", [0, 5, 9])
def test_a_loss_that_takes_nothing_else_is_given_nothing_else(step):
    loss = LossWarmup(Plain(8.0), Recorder(1.0), **PHASES)
    run(loss, [step], sample_weight=torch.ones(2))
    assert all(call == {} for call in loss.warmup_loss.calls)
    alone = LossWarmup(nn.BCEWithLogitsLoss(), FocalLoss(), **PHASES)
    alone.on_train_batch_start(step)
    assert torch.isfinite(alone(torch.zeros(2), torch.tensor([0.0, 1.0]), None))


def test_the_mask_may_be_positional_and_nothing_after_it():
    loss, iid = make(**PHASES), torch.ones(2, dtype=torch.bool)
    loss.on_train_batch_start(5)
    loss(torch.zeros(2), torch.zeros(2), iid)
    assert loss.warmup_loss.calls[0]["iid_mask"] is loss.main_loss.calls[0]["iid_mask"] is iid
    with pytest.raises(TypeError, match="positional"):
        loss(torch.zeros(2), torch.zeros(2), iid, torch.ones(2))


def test_what_else_the_main_loss_returns_is_passed_through():
    loss = LossWarmup(Recorder(8.0), Recorder(1.0, extra=("per class", "valid")), **PHASES)
    returned = []
    for step in (0, 5, 9):
        loss.on_train_batch_start(step)
        returned.append(loss(torch.zeros(2), torch.zeros(2)))
    assert returned[0].item() == 8.0
    assert [part[0].item() for part in returned[1:]] == [4.5, 1.0]
    assert [part[1:] for part in returned[1:]] == [("per class", "valid")] * 2


# --- the clock


@pytest.mark.parametrize(
    "kwargs", [PHASES, TEMPERATURES, {**TEMPERATURES, "blend_epochs": 2}], ids=str
)
def test_a_clock_that_is_never_told_the_step_warns_once(kwargs):
    loss = LossWarmup(WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(beta=0.5), **kwargs)
    args = torch.arange(6.0), torch.arange(6) % 2
    loss.eval()
    loss(*args)
    loss.train()
    with pytest.warns(UserWarning, match="on_train_batch_start was never called") as seen:
        loss(*args)
    loss(*args)
    assert len(seen) == 1


def test_a_clock_that_is_told_the_step_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(range(12))
        # Nothing here moves with the step.
        LossWarmup(WeightedCrossEntropyLoss(), FocalLoss(), warmup_epochs=1)(
            torch.zeros(2), torch.zeros(2)
        )


# --- parameters


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"warmup_steps": 1, "blend_epochs": 1}, "in steps or in epochs, not in both"),
        ({"warmup_steps": 0, "warmup_epochs": 2}, "in steps or in epochs, not in both"),
        ({"warmup_steps": -1}, r"'warmup_steps' parameter of LossWarmup.*\[0, inf\). Got -1"),
        ({"blend_steps": 1.5}, r"'blend_steps'.*Got 1.5"),
        ({"warmup_epochs": -2}, r"'warmup_epochs'.*Got -2"),
        ({"blend_epochs": -2}, r"'blend_epochs'.*Got -2"),
        (
            {"temperature_start": 0.1},
            "temperature_start and temperature_end of LossWarmup go together",
        ),
        (
            {"temperature_end": 0.1},
            "temperature_start and temperature_end of LossWarmup go together",
        ),
        (
            {"temperature_start": 0.0, "temperature_end": 0.1},
            r"'temperature_start'.*\(0.0, inf\). Got 0.0",
        ),
        (
            {"temperature_start": 0.1, "temperature_end": -1},
            r"'temperature_end'.*\(0.0, inf\). Got -1",
        ),
        ({"temperature_decay_steps": 0}, r"'temperature_decay_steps'.*\[1, inf\). Got 0"),
        ({"final_main_weight": 0}, r"'final_main_weight'.*\(0.0, 1.0\]. Got 0"),
        ({"final_main_weight": 1.1}, r"'final_main_weight'.*Got 1.1"),
    ],
    ids=str,
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        LossWarmup(WeightedCrossEntropyLoss(), PAUCAtBudgetLoss(), **kwargs)


def test_a_temperature_needs_a_loss_that_has_one():
    with pytest.raises(ValueError, match="FocalLoss has no temperature"):
        LossWarmup(
            WeightedCrossEntropyLoss(), FocalLoss(), temperature_start=1.0, temperature_end=0.1
        )
