"""Torch losses of ordered levels against those in NumPy, and what is their own."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.autograd import gradcheck

from skbudget.neural import CoralLoss, OrdinalAllThresholdLoss, OrdinalLogLoss
from skbudget.neural.losses._ordinal import OrderedThresholds
from skbudget.objectives import Coral, OrdinalAllThreshold
from skbudget.objectives import OrdinalLogLoss as NumpyOrdinalLogLoss

TWINS = {
    "thresholds": (OrdinalAllThreshold((-1.0, 0.5, 2.0)), None),
    "coral": (Coral(), 3),
    "importance": (Coral(importance=(2.0, 1.0, 0.5)), 3),
    "square": (NumpyOrdinalLogLoss(), 4),
    "power": (NumpyOrdinalLogLoss(power=1.5), 4),
    "exponential": (NumpyOrdinalLogLoss("exponential"), 4),
}
LOSSES = {
    "learnt": (OrdinalAllThresholdLoss(4), None),
    "hinge": (OrdinalAllThresholdLoss(4, penalty="hinge"), None),
    "coral": (CoralLoss(), 3),
    "log": (OrdinalLogLoss(), 4),
}
each_twin = pytest.mark.parametrize(("loss", "n_columns"), TWINS.values(), ids=list(TWINS))
each_loss = pytest.mark.parametrize(("loss", "n_columns"), LOSSES.values(), ids=list(LOSSES))


def draw(n_columns, n_rows=20, seed=0):
    rng = np.random.default_rng(seed)
    shape = n_rows if n_columns is None else (n_rows, n_columns)
    raw = torch.from_numpy(2.0 * rng.normal(size=shape)).requires_grad_()
    weight = torch.from_numpy(rng.uniform(0.0, 3.0, n_rows))
    return raw, torch.from_numpy(np.arange(n_rows) % 4), weight


@each_twin
def test_torch_and_numpy_compute_the_same(loss, n_columns):
    raw, levels, weight = draw(n_columns)
    for given in (None, weight):
        raw.grad = None
        value = loss.torch_loss()(raw, levels, sample_weight=given)
        value.backward()
        plain = raw.detach().numpy(), None if given is None else given.numpy()
        assert value.item() == pytest.approx(loss.loss(levels.numpy(), *plain), rel=1e-6)
        wanted = loss.gradient(levels.numpy(), *plain)
        np.testing.assert_allclose(raw.grad.numpy(), wanted, rtol=1e-6, atol=1e-9)


@each_loss
def test_gradients_are_those_of_autograd(loss, n_columns):
    loss = copy.deepcopy(loss).double()
    raw, levels, weight = draw(n_columns, n_rows=6)
    assert gradcheck(lambda scores: loss(scores, levels, sample_weight=weight), (raw,))


@each_loss
def test_rows_to_ignore_and_weights(loss, n_columns):
    raw, levels, weight = draw(n_columns)
    wanted = loss(raw[5:], levels[5:], sample_weight=weight[5:])
    padded = levels.clone()
    padded[:5] = -100
    with torch.no_grad():
        raw[:5] = torch.nan
    torch.testing.assert_close(loss(raw, padded, sample_weight=weight), wanted)
    torch.testing.assert_close(loss(raw, padded[:, None], sample_weight=weight), wanted)
    raw = draw(n_columns)[0]
    times = torch.arange(20) % 3
    repeated = torch.repeat_interleave(torch.arange(20), times)
    torch.testing.assert_close(
        loss(raw, levels, sample_weight=times), loss(raw[repeated], levels[repeated])
    )
    assert loss(raw, torch.full((20,), -100)).item() == 0.0


@each_loss
def test_what_every_loss_refuses(loss, n_columns):
    raw, levels, _ = draw(n_columns)
    with pytest.raises(ValueError, match=r"targets must be levels from 0 to 3: got \[4\]"):
        loss(raw, levels.masked_fill(torch.arange(20) == 0, 4))
    with pytest.raises(ValueError, match=r"targets must be levels from 0 to 3: got \[0.5"):
        loss(raw, levels + 0.5)
    with pytest.raises(FloatingPointError, match="NaN or infinite in 20 of 20 rows"):
        loss(raw * torch.nan, levels)
    with pytest.raises(ValueError, match=r"targets must have shape \(20,\)"):
        loss(raw, levels[1:])
    with pytest.raises(ValueError, match="Negative values in sample_weight"):
        loss(raw, levels, sample_weight=-torch.ones(20))


def test_ordered_thresholds():
    thresholds = OrderedThresholds(4, 2)
    wanted = np.array([-3.0, -2.9, 0.0, 40.0])
    thresholds.begin_at(wanted)
    np.testing.assert_allclose(thresholds().detach().numpy(), [wanted, wanted], rtol=1e-5)
    with torch.no_grad():
        thresholds.step_bias.fill_(-100.0)
    assert (thresholds().double().diff(dim=1) > 0).all()


@pytest.mark.parametrize("penalty", ["logistic", "hinge"])
def test_learnt_thresholds_go_where_the_loss_is_least(penalty):
    rng = np.random.default_rng(0)
    raw = torch.from_numpy(2.0 * rng.normal(size=400))
    levels = torch.from_numpy(np.digitize(raw.numpy() + rng.logistic(size=400), [-1.0, 0.5, 3.0]))
    loss = OrdinalAllThresholdLoss(4, penalty=penalty).double()
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        value = loss(raw, levels)
        value.backward()
        optimiser.step()
    assert (loss.thresholds.diff() > 0).all()
    if penalty == "logistic":
        wanted = OrdinalAllThreshold().thresholds_of(levels.numpy(), raw.numpy())
        np.testing.assert_allclose(loss.thresholds.detach().numpy(), wanted, atol=5e-3)
    else:
        margin = np.where(levels[:, None] > torch.arange(3), 1, -1)
        grid = np.linspace(-6, 6, 2401)
        for number, found in enumerate(loss.thresholds.tolist()):
            apart = margin[:, number, None] * (raw.numpy()[:, None] - grid)
            total = np.maximum(0, 1 - apart).sum(axis=0)
            own = np.maximum(0, 1 - margin[:, number] * (raw.numpy() - found)).sum()
            assert own <= total.min() * (1 + 5e-3)


def test_thresholds_of_levels_that_are_not_known_yet():
    loss = OrdinalAllThresholdLoss()
    with pytest.raises(ValueError, match="does not know how many levels there are: pass n_levels"):
        loss(torch.zeros(3), torch.tensor([0, 1, 2]))
    loss._begin_at_levels(np.array([80.0, 15.0, 5.0]))
    np.testing.assert_allclose(
        torch.sigmoid(-loss.thresholds).detach().numpy(), [0.2, 0.05], rtol=1e-5
    )
    # What was given stays.
    for given in (OrdinalAllThresholdLoss(3), OrdinalAllThresholdLoss(thresholds=(0.0, 1.0))):
        before = given.thresholds.tolist()
        given._begin_at_levels(np.array([80.0, 15.0, 5.0]))
        assert given.thresholds.tolist() == before
    with pytest.raises(ValueError, match=r"no row with weight has the level \[1\]"):
        OrdinalAllThresholdLoss()._begin_at_levels(np.array([80.0, 0.0, 5.0]))


def test_parameters():
    for n_levels in (1, 2.5, "3", True):
        with pytest.raises(ValueError, match="'n_levels' parameter of OrdinalAllThresholdLoss"):
            OrdinalAllThresholdLoss(n_levels)
    with pytest.raises(ValueError, match="takes n_levels or thresholds, not both"):
        OrdinalAllThresholdLoss(3, thresholds=(0.0, 1.0))
    with pytest.raises(ValueError, match="'thresholds' parameter of OrdinalAllThresholdLoss"):
        OrdinalAllThresholdLoss(thresholds=(1.0, 0.0))
    with pytest.raises(ValueError, match="'penalty' parameter of OrdinalAllThresholdLoss"):
        OrdinalAllThresholdLoss(3, penalty="square")
    with pytest.raises(ValueError, match="takes one column of logits: got 2.*CoralLoss"):
        OrdinalAllThresholdLoss(3)(torch.zeros(3, 2), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="importance of CoralLoss has 1 entries.* 2 thresholds"):
        CoralLoss([1.0])(torch.zeros(3, 2), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="'distance' parameter of OrdinalLogLoss"):
        OrdinalLogLoss("linear")
    with pytest.raises(ValueError, match="a column of logits per level: got 1"):
        OrdinalLogLoss()(torch.zeros(3), torch.tensor([0, 1, 1]))
    fixed = OrdinalAllThresholdLoss(thresholds=torch.tensor([0.0, 1.0]))
    assert not list(fixed.parameters())
    assert CoralLoss(torch.tensor([1.0, 2.0])).importance.tolist() == [1.0, 2.0]
