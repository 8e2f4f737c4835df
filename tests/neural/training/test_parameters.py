"""Parameters of the network that no float, no count and no step can be."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from torch import nn

from skbudget import PAUCClassifier
from skbudget.neural.training._parameters import NetworkParameters

torch.set_num_threads(1)

NUMBERS = [
    name
    for name, constraints in NetworkParameters._parameter_constraints.items()
    if any(type(constraint).__name__ == "Interval" for constraint in constraints)
]
ODD = [True, np.timedelta64(1, "s"), Fraction(1, 2), Decimal("0.5"), 10**400, -(10**400)]


def make(**params):
    small = {"n_members": 1, "hidden_layer_sizes": (4,), "max_epochs": 1, "random_state": 0}
    return PAUCClassifier(**{**small, **params})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (np.arange(120) % 6 == 0).astype(int)
    return rng.normal(size=(120, 3)) + y[:, None], y


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ODD, ids=lambda value: f"{type(value).__name__} {value!r:.8}")
def test_what_is_a_number_to_python_alone_is_refused_by_name(table, name, value):
    message = f"The '{name}' parameter of PAUCClassifier must be"
    with pytest.raises(ValueError, match=message):
        make(**{name: value}).fit(*table)


def test_numbers_of_numpy_are_numbers(table):
    found = make(lr=np.float32(1e-3), batch_size=np.int16(60), blend=np.float64(0.1)).fit(*table)
    wanted = make(lr=float(np.float32(1e-3)), batch_size=60, blend=0.1).fit(*table)
    X, _ = table
    np.testing.assert_array_equal(found.decision_function(X), wanted.decision_function(X))


@pytest.mark.parametrize("params", [{"weight_decay": 1e3}, {"input_decay": 1e12}, {"lr": 0.5}])
def test_a_step_may_not_turn_weights_round(table, params):
    message = r"lr \* (weight|input)_decay of PAUCClassifier must be less than 1, .* got lr="
    with pytest.raises(ValueError, match=message):
        make(**params).fit(*table)


class Linear(nn.Linear):
    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)


def test_decays_without_effect_are_not_judged(table):
    # A module has no decay of its first layer, and another optimizer none of ours.
    make(module=Linear, input_decay=1e12).fit(*table)
    optimizer = {"optimizer": torch.optim.SGD}
    make(net_params=optimizer, weight_decay=1e12, input_decay=1e12).fit(*table)


def test_more_networks_than_there_is_time_or_memory_for(table):
    with pytest.raises(ValueError, match=r"'n_members' .* an int in the range \[1, 100000\]"):
        make(n_members=100_001).fit(*table)
    for widths in ((2**45,), (2**70,)):
        message = r"cannot make n_members=1 networks with hidden_layer_sizes=\(\d+,\)"
        with pytest.raises(ValueError, match=message):
            make(hidden_layer_sizes=widths).fit(*table)
    for widths in (np.array(3), (np.timedelta64(3),), (np.True_,)):
        with pytest.raises(ValueError, match="'hidden_layer_sizes' .* must hold ints"):
            make(hidden_layer_sizes=widths).fit(*table)
