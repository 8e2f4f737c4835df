import numpy as np
import pytest


def draw_ranking_problem(n_samples, seed, pos_rate=0.05, n_features=6):
    """A small table whose positives stand out in two features, with noise in the rest."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_samples) < pos_rate).astype(int)
    X = rng.standard_normal((n_samples, n_features))
    X[:, 0] += 1.5 * y
    X[:, 1] += 1.0 * y
    return X, y


@pytest.fixture(scope="session")
def table():
    return draw_ranking_problem(3000, seed=0)


@pytest.fixture(scope="session")
def fresh_table():
    return draw_ranking_problem(3000, seed=1)
