"""Two backgrounds of different rates: means, events and the likelihood ratio."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from skbudget.datasets import bayes_two_backgrounds_score, make_two_backgrounds

MEANS = np.array([[4.0, 7.0], [2.0, 5.0], [2.0, 10.0]])


def draw(**params):
    given = {"random_state": 0, "return_process": True, "return_weight": True, **params}
    return make_two_backgrounds(**given)


def test_means_and_spreads_by_process():
    X, y, process, _ = draw(n_samples=90_000)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(y, process == 0)
    for number, mean in enumerate(MEANS):
        rows = X[process == number]
        np.testing.assert_allclose(rows.mean(axis=0), mean, atol=0.03)
        np.testing.assert_allclose(np.cov(rows.T), np.eye(2), atol=0.04)


@pytest.mark.parametrize(
    ("case", "events"), [(1, [300, 3_000, 300_000]), (2, [300, 300_000, 3_000])]
)
def test_weights_are_events(case, events):
    X, _, process, weight = draw(n_samples=1_000, case=case)
    np.testing.assert_array_equal(np.bincount(process), [334, 333, 333])
    np.testing.assert_allclose(np.bincount(process, weight), events)
    np.testing.assert_array_equal(X, draw(n_samples=1_000)[0])
    given = draw(n_samples=1_000, cross_sections=[1, 2, 0], luminosity=10.0)[3]
    np.testing.assert_allclose(np.bincount(process, given), [10.0, 20.0, 0.0])


def test_what_is_returned():
    assert len(make_two_backgrounds(60)) == 2
    assert len(make_two_backgrounds(60, return_weight=True)) == 3
    one, other = (make_two_backgrounds(60, random_state=seed)[0] for seed in (1, 2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("case", [1, 2])
def test_the_score_is_the_log_of_the_ratio_of_densities(case):
    X, _ = make_two_backgrounds(300, random_state=3)
    density = np.stack([multivariate_normal(mean).pdf(X) for mean in MEANS])
    heavy = 2 if case == 1 else 1
    mixed = (100 * density[heavy] + density[3 - heavy]) / 101
    wanted = np.log(density[0] / mixed)
    np.testing.assert_allclose(bayes_two_backgrounds_score(X, case=case), wanted, rtol=1e-9)
    found = bayes_two_backgrounds_score(X, cross_sections=[5.0, *(1, 100)[:: 3 - 2 * case]])
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    "params",
    [
        {"n_samples": 23},
        {"case": 3},
        {"case": True},
        {"luminosity": 0.0},
        {"cross_sections": [1.0, 2.0]},
        {"cross_sections": [1.0, -1.0, 2.0]},
        {"return_process": "yes"},
    ],
    ids=lambda params: f"{next(iter(params))}={next(iter(params.values()))}",
)
def test_parameters_are_checked(params):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter"):
        make_two_backgrounds(**params)


def test_rows_of_another_table_are_refused():
    with pytest.raises(ValueError, match="2 columns"):
        bayes_two_backgrounds_score(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="entries as large as 1e"):
        bayes_two_backgrounds_score([[1e9, 0.0]])
    with pytest.raises(ValueError, match="greater than 0 for one of the two"):
        bayes_two_backgrounds_score([[1.0, 0.0]], cross_sections=[1.0, 0.0, 0.0])
