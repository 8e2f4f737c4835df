"""Generated tables of the study, and their ceilings."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from tables_cases import by_name, parts, sizes

from benchmarks.study._generated import ContestedDraw, HardBulkDraw
from skbudget.datasets import bayes_contested_top_score, make_contested_top


@pytest.fixture(autouse=True)
def _no_folder_of_the_users(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)


def test_contested_draws_have_seeds_of_their_own():
    table = by_name(quick=True)["contested-product"]
    draw = table.draw(5)
    assert sizes(draw) == [(20_000, 30), (10_000, 15), (40_000, 60)]
    for (X, y), random_state in zip(parts(draw), (1015, 1016, 1017)):
        X_expected, y_expected = make_contested_top(len(y), random_state=random_state)
        np.testing.assert_array_equal(X, X_expected)
        np.testing.assert_array_equal(y, y_expected)
    np.testing.assert_array_equal(draw.ceiling, bayes_contested_top_score(draw.X_test))


@pytest.mark.parametrize(
    "parameters",
    [
        {"cue": "radial"},
        {"confounder_frac": 0.012},
        {"pos_rate": 0.02},
        {"cue": "linear", "pos_rate": 0.05, "decoy_frac": 0.0},
    ],
)
def test_ceiling_is_of_the_tables_own_geometry(parameters):
    draw = ContestedDraw((1_000, 1_000, 20_000), **parameters)(0)
    rate = parameters.get("pos_rate", 0.0015)
    geometry = {name: value for name, value in parameters.items() if name != "pos_rate"}
    X, y = make_contested_top(20_000, pos_rate=rate, random_state=1002, **geometry)
    np.testing.assert_array_equal(draw.X_test, X)
    np.testing.assert_array_equal(draw.y_test, y)
    np.testing.assert_array_equal(draw.ceiling, bayes_contested_top_score(X, **geometry))


def test_hard_bulk_and_its_ceiling():
    draw = by_name(quick=True)["hard-bulk-flipped"].draw(0)
    assert sizes(draw) == [(8_000, 800), (4_000, 400), (12_000, 1_200)]
    # The log likelihood ratios of the two classes differ by 4 * d in the mean and have the
    # variance 4 * d, where d is the sum of squares of the means. So the AUC is
    # Phi(sqrt(2 * d)). A tenth of the positives and a ninetieth of the negatives exchange
    # labels at random, which leaves 1 - 0.1 - 1 / 90 of its excess over 1/2.
    d = 4 * 0.3**2 + 3 * 0.4**2
    clean = stats.norm.cdf(np.sqrt(2 * d))
    expected = 0.5 + (clean - 0.5) * (1 - 0.1 - 0.1 / 9)
    assert roc_auc_score(draw.y_test, draw.ceiling) == pytest.approx(expected, abs=0.02)
    plain = HardBulkDraw((1_000, 1_000, 50_000))(0)
    assert sizes(plain) == [(1_000, 8), (1_000, 8), (50_000, 250)]
    assert roc_auc_score(plain.y_test, plain.ceiling) == pytest.approx(clean, abs=0.04)
