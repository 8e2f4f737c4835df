"""The significance loss in torch: its errors, processes, classes, and the collapse."""

import copy
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neural_cases import draw_batch, with_gradient
from scipy.special import expit

from skbudget.datasets import make_two_backgrounds
from skbudget.neural import SignificanceLoss
from skbudget.neural.losses import _significance
from skbudget.objectives import CollapseWarning, LovaszSignificance

torch.set_num_threads(1)

ERRORS = {
    "hinge": lambda v: np.maximum(1 + v, 0),
    "sigmoid": expit,
    "cross_entropy": lambda v: np.logaddexp(0, v),
    "focal": lambda v: expit(v) ** 2 * np.logaddexp(0, v),
}
each_error = pytest.mark.parametrize("error", list(ERRORS))
SECTIONS = {1: (0.1, 1.0, 100.0), 2: (0.1, 100.0, 1.0)}


@each_error
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_the_numpy_loss_times_the_error(error, weighted):
    batch = draw_batch(0, weighted=weighted, ties=True)
    (y, raw, weight), _ = batch.numpy
    twin = LovaszSignificance(0.2, 0.3)
    held = twin.hold(twin.rows(y, raw, weight))
    wrong = np.where(y == 1, 0.3 - raw, raw - 0.3)
    value, gradient = with_gradient(SignificanceLoss(error, regularizer=0.2, centre=0.3), batch)
    assert value.item() == pytest.approx(held.weights @ ERRORS[error](wrong), rel=1e-12)
    step = 1e-6
    slope = (ERRORS[error](wrong + step) - ERRORS[error](wrong - step)) / (2 * step)
    np.testing.assert_allclose(
        gradient.numpy(), held.weights * slope * np.where(y == 1, -1, 1), atol=1e-8
    )


@pytest.mark.parametrize("error", ["hinge", "cross_entropy"])
def test_a_convex_error_makes_the_loss_convex(error):
    batch, loss = draw_batch(1), SignificanceLoss(error, regularizer=0.1)
    other = torch.randn(120, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ends = loss(batch.logits, batch.targets), loss(other, batch.targets)
    for share in (0.1, 0.5, 0.8):
        between = loss(share * batch.logits + (1 - share) * other, batch.targets)
        assert between <= share * ends[0] + (1 - share) * ends[1] + 1e-12


def test_processes_are_weights():
    batch = draw_batch(2)
    process = torch.where(batch.targets == 1, 0, 1 + torch.arange(120) % 2)
    sections = torch.tensor([0.1, 1.0, 100.0], dtype=torch.float64)
    weight = sections[process] / torch.bincount(process)[process]
    loss = SignificanceLoss(regularizer=0.1, cross_sections=sections.tolist())
    wanted = with_gradient(SignificanceLoss(regularizer=0.1), batch._replace(weight=weight))
    logits = batch.logits.clone().requires_grad_()
    found = loss(logits, batch.targets, process=process[:, None])
    found.backward()
    torch.testing.assert_close(found.detach(), wanted[0])
    torch.testing.assert_close(logits.grad, wanted[1])


def test_what_is_refused(monkeypatch):
    batch = draw_batch(3)
    process = torch.zeros(120)
    with pytest.raises(ValueError, match="given process, which needs cross_sections"):
        SignificanceLoss()(batch.logits, batch.targets, process=process)
    with pytest.raises(ValueError, match="given cross_sections, which needs process"):
        SignificanceLoss(cross_sections=(1.0, 2.0))(batch.logits, batch.targets)
    loss = SignificanceLoss(cross_sections=(1.0, 2.0))
    with pytest.raises(ValueError, match="whole numbers from 0 to 1"):
        loss(batch.logits, batch.targets, process=process + 2)
    with pytest.raises(ValueError, match=r"process must have shape \(120,\)"):
        loss(batch.logits, batch.targets, process=process[:5])
    for wrong in ({"error": "logistic"}, {"regularizer": 0}, {"gamma": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SignificanceLoss(**wrong)
    monkeypatch.setattr(_significance, "is_distributed", lambda: True)
    with pytest.raises(NotImplementedError, match="train in one process"):
        SignificanceLoss()(batch.logits, batch.targets)


def test_several_columns_are_one_class_each_against_the_rest():
    batch = draw_batch(4, num_classes=3)
    loss = SignificanceLoss(regularizer=0.2)
    of_class = [
        loss(batch.logits[:, k], (batch.targets == k).long()) for k in range(batch.logits.shape[1])
    ]
    torch.testing.assert_close(loss(batch.logits, batch.targets), sum(of_class) / 3)
    # A class that no row has takes no part.
    two = torch.where(batch.targets == 2, 0, batch.targets)
    of_two = [loss(batch.logits[:, k], (two == k).long()) for k in range(2)]
    torch.testing.assert_close(loss(batch.logits, two), sum(of_two) / 2)


# --- the collapse ----------------------------------------------------------------------------


def train_line(case, regularizer, n_steps=400):
    """A linear model on all rows of a small table; returns the norm of its weights."""
    X, y, process = make_two_backgrounds(3_000, case=case, random_state=0, return_process=True)
    features = torch.from_numpy((X - X.mean(axis=0)) / X.std(axis=0))
    loss = SignificanceLoss(regularizer=regularizer, cross_sections=SECTIONS[case])
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[2.0, 0.0]]))
        model.bias.fill_(0.0)
    optimizer = torch.optim.RAdam(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    targets, process = torch.from_numpy(y), torch.from_numpy(process)
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss(model(features)[:, 0], targets, process=process).backward()
        optimizer.step()
        schedule.step()
    return float(model.weight.detach().norm()), loss


@pytest.mark.parametrize("case", [1, 2])
def test_the_choice_of_the_source_collapses(case):
    """Selecting nothing is the least of the loss: the weights of the model go to zero."""
    with pytest.warns(CollapseWarning, match="SignificanceLoss has collapsed"):
        norm, loss = train_line(case, "signal")
    assert norm < 0.05
    # Once is enough.
    assert loss._warned_of_collapse


@pytest.mark.parametrize("case", [1, 2])
def test_a_hundred_times_its_regulariser_does_not(case):
    sections = SECTIONS[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        norm, _ = train_line(case, 100 * sections[0] / sum(sections[1:]))
    assert norm > 0.5


@pytest.mark.parametrize("case", [1, 2])
def test_selecting_nothing_is_the_least_in_every_direction(case):
    """Of linear models under the source's regulariser, on exact shares of a large table."""
    X, y, process = make_two_backgrounds(30_000, case=case, random_state=1, return_process=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    targets, process = torch.from_numpy(y), torch.from_numpy(process)
    loss = SignificanceLoss(regularizer="signal", cross_sections=SECTIONS[case])
    loss.eval()
    for turn in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        for bias in (-2.0, -1.0, 0.0, 1.0, 2.0):
            score = 0.1 * (X @ [np.cos(turn), np.sin(turn)] + bias)
            assert loss(torch.from_numpy(score), targets, process=process) > 1.0


def test_evaluation_does_not_count_towards_a_collapse():
    batch, loss = draw_batch(5), SignificanceLoss(regularizer=1e-3)
    zeros = torch.zeros(120, dtype=torch.float64, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            copy.deepcopy(loss).eval()(zeros, batch.targets)
            with torch.no_grad():
                loss(zeros, batch.targets)
    assert loss._n_near == 0
