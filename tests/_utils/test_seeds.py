"""The generator that a seed stands for."""

import numpy as np
import pytest
from sklearn.utils import check_random_state as of_scikit_learn

from skbudget._utils.seeds import check_random_state
from skbudget.datasets import make_contested_top


def test_generators_are_those_of_scikit_learn():
    for seed in (0, np.int64(7), 2**32 - 1):
        wanted = of_scikit_learn(seed).randint(1 << 30, size=4)
        assert check_random_state(seed).randint(1 << 30, size=4).tolist() == wanted.tolist()
    generator = np.random.RandomState(0)
    assert check_random_state(generator) is generator
    assert check_random_state(None) is of_scikit_learn(None)


@pytest.mark.parametrize(
    "seed", [np.timedelta64(3, "s"), "word", -1, 2**70, 0.5], ids=lambda seed: repr(seed)
)
def test_an_error_names_the_parameter(seed):
    with pytest.raises((ValueError, TypeError), match="random_state must be an int from 0 to"):
        check_random_state(seed)
    with pytest.raises((ValueError, TypeError), match="random_state"):
        make_contested_top(100, random_state=seed)
