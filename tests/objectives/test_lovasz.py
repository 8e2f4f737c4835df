"""The Lovász engine against brute force, its integral, its vertices, and the Jaccard index."""

from itertools import chain, combinations, pairwise, permutations

import numpy as np
import pytest

from skbudget.objectives._lovasz import lovasz_weights, significance_loss


def draw(seed, n=7, *, decades=4):
    """Errors with ties, classes, and masses over some decades."""
    rng = np.random.default_rng(seed)
    signal = np.arange(n) % 3 == 0
    mass = 10.0 ** rng.uniform(0, decades, n)
    errors = rng.exponential(size=n)
    return (errors.round(1) if seed % 2 else errors), signal, mass


def of_rows(signal, mass, r):
    """The set function of the source's paper, over its greatest value, by a set of wrong rows."""
    background = mass[~signal].sum()
    eps = r * background

    def of(wrong):
        wrong = np.isin(np.arange(signal.size), list(wrong))
        kept = mass[signal & ~wrong].sum()
        accepted = mass[~signal & wrong].sum()
        everything = mass[signal].sum()
        z = everything / np.sqrt(eps) - kept / np.sqrt(eps + accepted)
        return z / (everything / np.sqrt(eps))

    return of


def jaccard_of_rows(signal, mass):
    """One minus intersection over union, by a set of wrong rows."""

    def of(wrong):
        wrong = np.isin(np.arange(signal.size), list(wrong))
        right = mass[signal & ~wrong].sum()
        union = mass[signal].sum() + mass[~signal & wrong].sum()
        return 1 - right / union

    return of


def jaccard(signal):
    def of(kept, accepted):
        return 1 - kept / (signal + accepted)

    return of


SET_FUNCTIONS = {
    "significance": lambda signal, mass: (
        of_rows(signal, mass, 0.03),
        significance_loss(mass[signal].sum(), mass[~signal].sum(), 0.03),
    ),
    "jaccard": lambda signal, mass: (
        jaccard_of_rows(signal, mass),
        jaccard(mass[signal].sum()),
    ),
}
each_function = pytest.mark.parametrize("make", SET_FUNCTIONS.values(), ids=list(SET_FUNCTIONS))


def subsets(n):
    rows = range(n)
    return chain.from_iterable(combinations(rows, k) for k in range(n + 1))


def by_definition(errors, of):
    """The extension: sorted errors times what each row adds to the set."""
    order = np.argsort(-errors)
    return sum(errors[row] * (of(order[: k + 1]) - of(order[:k])) for k, row in enumerate(order))


@each_function
@pytest.mark.parametrize("seed", range(30))
def test_the_sum_of_weights_times_errors_is_the_extension(make, seed):
    errors, signal, mass = draw(seed)
    of, of_masses = make(signal, mass)
    weights = lovasz_weights(errors, signal, mass, of_masses)
    assert weights @ errors == pytest.approx(by_definition(errors, of), rel=1e-12)
    assert (weights >= -1e-15).all()
    assert weights.sum() == pytest.approx(of(range(errors.size)), rel=1e-12)


@each_function
@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_integral_over_thresholds(make, seed):
    """Choquet: the set function of the rows whose error exceeds a level, over all levels."""
    errors, signal, mass = draw(seed)
    of, of_masses = make(signal, mass)
    levels = np.concatenate([[0.0], np.unique(errors)])
    integral = sum(
        (high - low) * of(np.flatnonzero(errors > low)) for low, high in pairwise(levels)
    )
    weights = lovasz_weights(errors, signal, mass, of_masses)
    assert weights @ errors == pytest.approx(integral, rel=1e-12)


@each_function
def test_it_is_the_set_function_at_sets(make):
    _, signal, mass = draw(2)
    of, of_masses = make(signal, mass)
    for wrong in subsets(signal.size):
        errors = np.isin(np.arange(signal.size), wrong).astype(float)
        weights = lovasz_weights(errors, signal, mass, of_masses)
        assert weights @ errors == pytest.approx(of(wrong), rel=1e-12, abs=1e-14)


@each_function
@pytest.mark.parametrize("seed", [0, 1, 5])
def test_the_set_functions_are_submodular(make, seed):
    """What a row adds to a set is no more than it adds to a part of the set."""
    _, signal, mass = draw(seed, 6)
    of, _ = make(signal, mass)
    values = {frozenset(one): of(one) for one in subsets(6)}
    assert values[frozenset()] == pytest.approx(0.0, abs=1e-12)
    for one in values:
        for other in values:
            assert values[one] + values[other] >= values[one | other] + values[one & other] - 1e-12


@pytest.mark.parametrize("seed", range(20))
def test_the_extension_is_convex(seed):
    errors, signal, mass = draw(seed)
    others = np.random.default_rng(seed + 100).exponential(size=errors.size)
    of = SET_FUNCTIONS["significance"](signal, mass)[1]

    def value(at):
        return lovasz_weights(at, signal, mass, of) @ at

    for share in (0.2, 0.5, 0.9):
        between = share * errors + (1 - share) * others
        assert value(between) <= share * value(errors) + (1 - share) * value(others) + 1e-12


# --- ties -------------------------------------------------------------------------------


@each_function
@pytest.mark.parametrize("n_signal", [1, 3, 6])
def test_weights_of_tied_rows_are_a_subgradient(make, n_signal):
    """No set gets more weight than the set function gives it."""
    n = 8
    signal = np.arange(n) < n_signal
    mass = np.where(signal, 1.0, 30.0) * (1.0 + np.arange(n) % 3)
    of, of_masses = make(signal, mass)
    weights = lovasz_weights(np.zeros(n), signal, mass, of_masses)
    assert all(weights[list(one)].sum() <= of(one) + 1e-12 for one in subsets(n))
    assert weights.sum() == pytest.approx(of(range(n)))


def test_a_plain_mean_over_tied_rows_would_be_no_subgradient():
    """Why classes share first: few rows of signal would get next to nothing."""
    signal = np.array([True] + 7 * [False])
    mass = np.ones(8)
    of, _ = SET_FUNCTIONS["significance"](signal, mass)
    mean = np.full(8, of(range(8)) / 8)
    assert mean[1:].sum() > of(range(1, 8))


@pytest.mark.parametrize("seed", range(5))
def test_tied_rows_have_no_order(seed):
    rng = np.random.default_rng(seed)
    n = 12
    errors, signal = rng.integers(0, 3, n).astype(float), rng.random(n) < 0.4
    signal[:2] = True, False
    mass = rng.integers(1, 4, n).astype(float)
    of = SET_FUNCTIONS["significance"](signal, mass)[1]
    wanted = lovasz_weights(errors, signal, mass, of)
    for _ in range(20):
        order = rng.permutation(n)
        found = lovasz_weights(errors[order], signal[order], mass[order], of)
        np.testing.assert_allclose(found, wanted[order], rtol=1e-12)
    # A mass of 3 is three rows.
    index = np.repeat(np.arange(n), mass.astype(int))
    apart = lovasz_weights(errors[index], signal[index], np.ones(index.size), of)
    np.testing.assert_allclose(np.bincount(index, apart), wanted, rtol=1e-12)


def test_the_weights_of_classes_are_a_mean_of_orders():
    """Of one row per class, that is the mean over both orders."""
    signal, mass = np.array([True, False]), np.array([2.0, 5.0])
    of, of_masses = SET_FUNCTIONS["significance"](signal, mass)
    orders = []
    for order in permutations(range(2)):
        gains = np.zeros(2)
        for k, row in enumerate(order):
            gains[row] = of(order[: k + 1]) - of(order[:k])
        orders.append(gains)
    found = lovasz_weights(np.zeros(2), signal, mass, of_masses)
    np.testing.assert_allclose(found, np.mean(orders, axis=0), rtol=1e-12)


# --- Jaccard ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_jaccard_is_the_algorithm_of_berman(seed):
    """Algorithm 1 of the Lovász-softmax, written for itself: cumulated intersections and unions."""
    rng = np.random.default_rng(seed)
    n = 50
    truth, errors = rng.random(n) < 0.3, rng.random(n)
    order = np.argsort(-errors)
    ordered = truth[order].astype(float)
    intersection = ordered.sum() - ordered.cumsum()
    union = ordered.sum() + (1 - ordered).cumsum()
    gradient = 1 - intersection / union
    gradient[1:] = gradient[1:] - gradient[:-1]
    found = lovasz_weights(errors, truth, np.ones(n), jaccard(truth.sum()))
    np.testing.assert_allclose(found[order], gradient, atol=1e-14)


# --- torch ------------------------------------------------------------------------------


@each_function
@pytest.mark.parametrize("seed", range(6))
def test_torch_computes_the_same(make, seed):
    torch = pytest.importorskip("torch")
    from skbudget.neural.losses._lovasz import lovasz_weights as of_torch

    errors, signal, mass = draw(seed, 40)
    _, of = make(signal, mass)
    wanted = lovasz_weights(errors, signal, mass, of)
    found = of_torch(*map(torch.from_numpy, (errors, signal, mass)), of)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-10, atol=1e-15)
