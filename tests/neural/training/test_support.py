"""What is asked around training: modules that cannot be made, devices, targets of another scale."""

import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import toy_losses as toys
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch import nn

from skbudget import PAUCClassifier
from skbudget.objectives import Derivatives

torch.set_num_threads(1)


def make(loss=None, **params):
    small = {"n_members": 1, "hidden_layer_sizes": (16,), "max_epochs": 30, "random_state": 0}
    return PAUCClassifier(loss=loss, **{**small, **params})


@pytest.fixture(scope="module")
def table():
    X = np.random.default_rng(0).normal(size=(500, 3))
    return X, X[:, 0] + 0.5 * X[:, 1]


def test_a_module_that_cannot_be_called_is_named(table):
    X, y = table
    for module in (len, nn.Linear, lambda width: nn.Linear(3, width)):
        with pytest.raises(
            TypeError, match=r"module=.* cannot be called with \{.*: .*required|len"
        ):
            make(module=module).fit(X, y > 1)


@pytest.mark.parametrize("device", [2**70, -(10**400), np.timedelta64(1), np.arange(3), "gpu9"])
def test_no_device(table, device):
    X, y = table
    model = make(max_epochs=1).fit(X, y > 1)
    with pytest.raises(ValueError, match=re.escape(f"device={str(device)!r} is not available")):
        model.to(device)


# --- real targets


FAR = [(1e3, 5.0), (2e5, 8e4), (-50.0, 1.0), (0.0, 1e3), (0.0, 1e-4)]


class Absolute(nn.Module):
    target = "real"

    def forward(self, scores, targets):
        return (scores - targets).abs().mean()


@pytest.mark.parametrize("loss", [toys.SquaredError(), Absolute()], ids=["NumPy", "torch"])
@pytest.mark.parametrize(("mean", "spread"), FAR)
def test_targets_of_another_scale_are_warned_of_and_the_remedy_works(table, loss, mean, spread):
    X, y = table
    y = mean + spread * y
    message = r"y has mean .* TransformedTargetRegressor\(PAUCClassifier\(...\), transformer="
    with pytest.warns(UserWarning, match=message) as caught:
        model = make(loss).fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.score(X, y) < 0.6
    remedy = TransformedTargetRegressor(make(loss, lr=0.01), transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        remedy.fit(X, y)
    assert r2_score(y, remedy.predict(X)) > 0.95


@pytest.mark.parametrize("loss", [toys.SquaredError(), Absolute()], ids=["NumPy", "torch"])
@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (0.5, 0.3), (2.0, 3.0), (-1.0, 10.0)])
def test_targets_of_about_the_scale_of_scores_are_not_warned_of(table, loss, mean, spread):
    X, y = table
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(loss, max_epochs=1).fit(X, mean + spread * y)


class PoissonLoss(toys.SquaredError):
    """Counts, of which the score is the logarithm."""

    def value(self, rows, held=None):
        return float(toys.share_of(rows) @ (np.exp(rows.raw) - rows.target * rows.raw))

    def derivatives(self, rows, held=None):
        share, mean = toys.share_of(rows), np.exp(rows.raw)
        return Derivatives(None, share * (mean - rows.target), share * mean)


def test_scores_of_another_unit_are_not_warned_of(table):
    X, y = table
    counts = np.random.default_rng(0).poisson(np.exp(3.0 + 0.3 * y))
    assert counts.mean() > 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(PoissonLoss(), lr=0.02, max_epochs=200).fit(X, counts)
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.9
    assert np.exp(model.predict(X)).mean() == pytest.approx(counts.mean(), rel=0.1)


@pytest.mark.parametrize("target", [np.zeros(500), np.zeros(500, dtype=int), np.full(500, 0.7)])
def test_a_constant_target_is_a_target(table, target):
    X, _ = table
    model = make(toys.SquaredError(), lr=0.01, max_epochs=100).fit(X, target)
    np.testing.assert_allclose(model.predict(X), target, atol=0.3)
