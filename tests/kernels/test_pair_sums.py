import subprocess
import sys
import tracemalloc
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from skbudget.kernels import _dispatch, _grid, _sorted, pair_sums
from skbudget.kernels._grid import CUTOFF

pytestmark = pytest.mark.filterwarnings("error")

KERNELS = ("sigma", "dsigma", "softplus")
METHODS = ("brute", "grid", "sorted", "auto")


def all_pairs(pos, neg, temperature, weight_pos=None, weight_neg=None):
    """Every field of PairSums from full matrices."""
    pos, neg = np.asarray(pos, float), np.asarray(neg, float)
    x = (neg[None, :] - pos[:, None]) / temperature
    w_pos = np.ones(pos.size) if weight_pos is None else np.asarray(weight_pos)
    w_neg = np.ones(neg.size) if weight_neg is None else np.asarray(weight_neg)
    sigma, dsigma = expit(x), expit(x) * expit(-x)
    return {
        "sigma_pos": sigma @ w_neg,
        "sigma_neg": w_pos @ sigma,
        "dsigma_pos": dsigma @ w_neg,
        "dsigma_neg": w_pos @ dsigma,
        "sigma_total": w_pos @ sigma @ w_neg,
        "softplus_total": w_pos @ np.logaddexp(0.0, x) @ w_neg,
        "softplus_pos": np.logaddexp(0.0, x) @ w_neg,
        "softplus_neg": w_pos @ np.logaddexp(0.0, x),
    }


def assert_sums(sums, wanted, asked=KERNELS):
    """Agreement to 1e-6 of the largest sum, and nothing that was not asked for."""
    for name, reference in wanted.items():
        got = getattr(sums, name)
        if name.split("_")[0] not in asked:
            assert got is None, name
            continue
        error, largest = np.max(np.abs(got - reference)), np.max(np.abs(reference))
        # Below 1e-290 nothing but subnormal numbers is left to compare.
        assert error <= 1e-6 * largest + 1e-290, f"{name}: {error / largest:.2g} of the largest"


def grid_fits(pos, neg, temperature):
    span = max(np.max(pos), np.max(neg)) - min(np.min(pos), np.min(neg))
    return 6 * span / temperature <= 2**23


# --- families of scores, each a function of (rng, n_pos, n_neg, scale, temperature)


def normal(rng, n_pos, n_neg, scale, temperature):
    return rng.normal(1, 1, n_pos) * scale, rng.normal(0, 1, n_neg) * scale


def heavily_tied(rng, n_pos, n_neg, scale, temperature):
    pos, neg = normal(rng, n_pos, n_neg, 1.0, temperature)
    return np.round(pos) * scale, np.round(neg) * scale


def far_from_zero(rng, n_pos, n_neg, scale, temperature):
    pos, neg = normal(rng, n_pos, n_neg, scale, temperature)
    return pos + 1e9 * scale, neg + 1e9 * scale


def all_equal(rng, n_pos, n_neg, scale, temperature):
    return np.full(n_pos, scale), np.full(n_neg, scale)


def positives_above(rng, n_pos, n_neg, scale, temperature):
    # The nearest pair is 1 to 700 temperatures apart: sums from 1 to 1e-300.
    gap, width = temperature * 10 ** rng.uniform(0, 2.85), temperature * 10 ** rng.uniform(-1, 3)
    return gap + width * rng.random(n_pos), -width * rng.random(n_neg)


def positives_below(rng, n_pos, n_neg, scale, temperature):
    pos, neg = positives_above(rng, n_pos, n_neg, scale, temperature)
    return -pos, -neg


def alternating_and_far(rng, n_pos, n_neg, scale, temperature):
    # Clusters of either class in turn: no close pair, yet many wrong ones.
    step = temperature * rng.uniform(12, 60)
    cluster_pos, cluster_neg = 2 * rng.integers(0, 4, n_pos), 2 * rng.integers(0, 4, n_neg) + 1
    return (
        cluster_pos * step + temperature * rng.random(n_pos),
        cluster_neg * step + temperature * rng.random(n_neg),
    )


def clusters_far_apart(rng, n_pos, n_neg, scale, temperature):
    centres = np.cumsum(10 ** rng.uniform(1, 7, 6)) * temperature
    width = temperature * rng.choice([0.1, 1.0, 10.0])
    return (
        rng.choice(centres, n_pos) + width * rng.normal(size=n_pos),
        rng.choice(centres, n_neg) + width * rng.normal(size=n_neg),
    )


FAMILIES = [
    normal,
    heavily_tied,
    far_from_zero,
    all_equal,
    positives_above,
    positives_below,
    alternating_and_far,
    clusters_far_apart,
]


def draw_weights(rng, size):
    """None, or weights of which about a third are zero and one is not."""
    if rng.random() < 0.4:
        return None
    weights = rng.integers(0, 3, size) * rng.uniform(0.1, 10.0)
    weights[rng.integers(size)] = 1.0
    return weights


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("seed", range(12))
def test_every_method_agrees_with_all_pairs(family, seed):
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    # Small sides and large ones; 299 x 400 is beyond what "auto" forms pair by pair.
    n_pos, n_neg = np.ceil(400 ** rng.random(2)).astype(int) if seed % 2 else (299, 400)
    temperature, scale = 10 ** rng.uniform(-4, 4), 10 ** rng.uniform(-2, 3)
    pos, neg = family(rng, n_pos, n_neg, scale, temperature)
    weights = {"weight_pos": draw_weights(rng, n_pos), "weight_neg": draw_weights(rng, n_neg)}
    wanted = all_pairs(pos, neg, temperature, **weights)
    for method in METHODS:
        too_large = method == "grid" and not grid_fits(pos, neg, temperature)
        with pytest.raises(ValueError, match="too large") if too_large else nullcontext():
            sums = pair_sums(pos, neg, temperature, **weights, kernels=KERNELS, method=method)
            assert_sums(sums, wanted)


@pytest.mark.parametrize("asked", [{"sigma"}, {"dsigma"}, {"softplus"}, {"sigma", "softplus"}])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", [normal, positives_above, positives_below, clusters_far_apart])
def test_kernels_may_be_asked_for_one_by_one(family, method, asked):
    rng = np.random.default_rng(5)
    pos, neg = family(rng, 200, 300, 1.0, 0.1)
    if method == "grid" and not grid_fits(pos, neg, 0.1):
        pytest.skip("no grid for these")
    sums = pair_sums(pos, neg, 0.1, kernels=asked, method=method)
    assert_sums(sums, all_pairs(pos, neg, 0.1), asked)


@pytest.mark.parametrize("range_over_temperature", [1e5, 1e6, 1e8])
@pytest.mark.parametrize("rounded", [False, True])
def test_tiny_temperatures_stay_exact(range_over_temperature, rounded):
    rng = np.random.default_rng(0)
    pos, neg = rng.random(300), rng.random(400)
    if rounded:
        pos, neg = pos.round(2), neg.round(2)
    temperature = 1 / range_over_temperature
    assert_sums(pair_sums(pos, neg, temperature, kernels=KERNELS), all_pairs(pos, neg, temperature))


@pytest.mark.parametrize("asked", [KERNELS, {"sigma"}, {"dsigma"}, {"softplus"}])
@pytest.mark.parametrize("gap", [1, 3, 5, 7, 8.9, 9.1, 12, 20, 35, 37, 100, 600])
def test_separated_classes_keep_their_small_sums(gap, asked):
    # Of many pairs, all at least `gap` temperatures apart: what is left is exp(-gap).
    rng = np.random.default_rng(7)
    far, near = gap + 3 * rng.random(200), -3 * rng.random(300)
    for pos, neg in ((far, near), (-far, -near)):
        wanted = all_pairs(pos, neg, 1.0)
        for method in METHODS:
            assert_sums(pair_sums(pos, neg, kernels=asked, method=method), wanted, asked)


@pytest.mark.parametrize("seed", range(50))
def test_pairs_at_the_cutoff_are_counted_once(seed):
    # Their distance rounds to either side of the place where the kernel becomes a step.
    rng = np.random.default_rng(seed)
    temperature = 10 ** rng.uniform(-4, 4)
    unit = CUTOFF * temperature
    pos, neg = rng.integers(-9, 9, 40) * unit, rng.integers(-9, 9, 30) * unit
    sums = pair_sums(pos, neg, temperature, kernels=KERNELS, method="sorted")
    assert_sums(sums, all_pairs(pos, neg, temperature))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("distance", [1e2, 1e6, 1e9])
def test_empty_stretches_are_cut_out_without_a_trace(monkeypatch, distance, weighted):
    rng = np.random.default_rng(1)

    def draw(size):
        clusters = rng.integers(-2, 3, size) * distance + rng.normal(size=size) * 3
        return np.concatenate([clusters, rng.uniform(-2.5, 2.5, 5) * distance])

    def unreachable(*args):
        raise AssertionError("went through the pairs one by one")

    pos, neg = draw(600), draw(800)
    weights = {}
    if weighted:
        weights = {"weight_pos": rng.random(605), "weight_neg": rng.integers(0, 3, 805) * 1.0}
    monkeypatch.setattr(_sorted, "_near_pairs", unreachable)
    sums = pair_sums(pos, neg, 1.0, **weights, kernels=KERNELS, method="sorted")
    assert_sums(sums, all_pairs(pos, neg, 1.0, **weights))


@pytest.mark.parametrize("method", METHODS)
def test_float32_scores_are_summed_in_float64(method):
    pos, neg = (x.astype(np.float32) for x in normal(np.random.default_rng(2), 300, 400, 1.0, 0.3))
    sums = pair_sums(pos, neg, 0.3, kernels=KERNELS, method=method)
    assert sums.sigma_pos.dtype == sums.dsigma_neg.dtype == np.float64
    assert_sums(sums, all_pairs(pos, neg, 0.3))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n_pos", "n_neg"), [(0, 3), (3, 0), (0, 0)])
def test_an_empty_side_sums_to_zero(method, n_pos, n_neg):
    sums = pair_sums(
        np.arange(n_pos),
        np.arange(n_neg),
        weight_pos=np.ones(n_pos),
        weight_neg=np.ones(n_neg),
        kernels=KERNELS,
        method=method,
    )
    for name in KERNELS:
        np.testing.assert_array_equal(getattr(sums, f"{name}_pos"), np.zeros(n_pos))
        np.testing.assert_array_equal(getattr(sums, f"{name}_neg"), np.zeros(n_neg))
    assert sums.sigma_total == sums.softplus_total == 0.0


@pytest.mark.parametrize("temperature", [1e-4, 1.0, 1e4])
def test_a_single_pair(temperature):
    wanted = all_pairs([0.3], [0.7], temperature)
    assert_sums(pair_sums([0.3], [0.7], temperature, kernels=KERNELS), wanted)


def test_a_weight_of_two_is_the_row_twice():
    rng = np.random.default_rng(3)
    pos, neg = normal(rng, 250, 350, 1.0, 0.2)
    times_pos, times_neg = rng.integers(0, 3, pos.size), rng.integers(0, 3, neg.size)
    sums = pair_sums(pos, neg, 0.2, weight_pos=times_pos, weight_neg=times_neg, kernels=KERNELS)
    repeated = pair_sums(np.repeat(pos, times_pos), np.repeat(neg, times_neg), 0.2, kernels=KERNELS)
    assert sums.sigma_total == pytest.approx(repeated.sigma_total, rel=1e-6)
    assert sums.softplus_total == pytest.approx(repeated.softplus_total, rel=1e-6)
    np.testing.assert_allclose(
        np.repeat(sums.dsigma_pos, times_pos), repeated.dsigma_pos, rtol=1e-5
    )
    np.testing.assert_allclose(np.repeat(sums.sigma_neg, times_neg), repeated.sigma_neg, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", [1e-3, 1e-5])
@pytest.mark.parametrize("kept_rows", [0, 1000])
def test_chunks_leave_no_row_out(monkeypatch, method, temperature, kept_rows):
    rng = np.random.default_rng(8)
    pos, neg = rng.random(90), rng.random(70)
    weights = {"weight_pos": rng.random(90), "weight_neg": rng.random(70)}
    for module, name in (
        (_dispatch, "_BRUTE_CHUNK"),
        (_grid, "_CHUNK"),
        (_grid, "_LARGE_CHUNK"),
        (_sorted, "_CHUNK"),
    ):
        monkeypatch.setattr(module, name, 4)
    monkeypatch.setattr(_grid, "_KEPT_ROWS", kept_rows)
    sums = pair_sums(pos, neg, temperature, **weights, kernels=KERNELS, method=method)
    assert_sums(sums, all_pairs(pos, neg, temperature, **weights))


def test_kept_stencils_are_those_found_again(monkeypatch):
    rng = np.random.default_rng(9)
    pos, neg, weight = rng.normal(1, 1, 9000), rng.normal(0, 1, 300), rng.random(300)
    kept = pair_sums(pos, neg, weight_neg=weight, kernels=KERNELS, method="grid")
    monkeypatch.setattr(_grid, "_KEPT_ROWS", 0)
    found = pair_sums(pos, neg, weight_neg=weight, kernels=KERNELS, method="grid")
    for name in all_pairs([0.0], [0.0], 1.0):
        np.testing.assert_array_equal(getattr(kept, name), getattr(found, name))


def test_large_samples_agree_row_by_row():
    rng = np.random.default_rng(4)
    pos, neg = rng.normal(1, 1, 100_000), rng.normal(0, 1, 150_000)
    for temperature in (1.0, 1e-2, 1e-5):
        sums = pair_sums(pos, neg, temperature)
        for name, x in (
            ("pos", (neg[None, :] - pos[:5, None]) / temperature),
            ("neg", (neg[:5, None] - pos[None, :]) / temperature),
        ):
            for kernel, value in (("sigma", expit(x)), ("dsigma", expit(x) * expit(-x))):
                got = getattr(sums, f"{kernel}_{name}")
                wanted = value.sum(axis=1)
                assert np.abs(got[:5] - wanted).max() <= 1e-6 * got.max()


# --- limits


@pytest.mark.parametrize("temperature", [1.0, 1e-2, 1e-6])
def test_memory_is_linear_in_the_rows(temperature):
    rng = np.random.default_rng(0)
    pos, neg = rng.normal(size=200_000), rng.normal(size=200_000)
    tracemalloc.start()
    try:
        pair_sums(pos, neg, temperature, kernels=KERNELS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The matrix of one kernel would take 320 GB.
    assert peak < 100e6


def test_the_reference_forms_its_pairs_in_chunks():
    scores = np.random.default_rng(0).normal(size=3_000)
    tracemalloc.start()
    try:
        pair_sums(scores, scores, kernels=KERNELS, method="brute")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # One matrix would take 72 MB.
    assert peak < 10e6


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("temperature", [1.0, 1e-4])
def test_a_million_by_a_million_fits_in_400_megabytes(temperature):
    script = f"""
import numpy as np
from skbudget.kernels import pair_sums
rng = np.random.default_rng(0)
pair_sums(rng.normal(size=10**6), rng.normal(size=10**6), {temperature})
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert int(shown.stdout) * 1024 < 400e6


@pytest.mark.parametrize("method", ["brute", "sorted", "auto"])
def test_huge_scores_are_a_step(method):
    sums = pair_sums([1e300, -1e300], [0.0, 1.0], kernels=KERNELS, method=method)
    np.testing.assert_array_equal(sums.sigma_pos, [0.0, 2.0])
    np.testing.assert_array_equal(sums.sigma_neg, [1.0, 1.0])
    np.testing.assert_array_equal(sums.dsigma_pos, [0.0, 0.0])
    assert sums.softplus_total == pytest.approx(2e300)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("scores", "temperature"), [([1e300, -1e300], 1e-10), ([1.7e308, -1.7e308], 1.0)]
)
def test_scores_that_overflow_at_the_temperature(method, scores, temperature):
    with pytest.raises(ValueError, match="temperature must be larger"):
        pair_sums(scores, [0.0, 1.0], temperature, method=method)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["positives", "negatives"])
def test_scores_that_are_not_finite(side, bad):
    scores = {"positives": [0.0, 1.0], "negatives": [0.0, 1.0]} | {side: [0.0, bad]}
    with pytest.raises(ValueError, match=f"Input {side} contains (NaN|infinity)"):
        pair_sums(**scores)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "'temperature' parameter of pair_sums"),
        ({"temperature": -1.0}, "'temperature' parameter of pair_sums"),
        ({"temperature": np.nan}, "'temperature' parameter of pair_sums"),
        ({"temperature": np.inf}, "'temperature' parameter of pair_sums"),
        ({"method": "fft"}, "'method' parameter of pair_sums must be one of .*'grid'"),
        ({"kernels": ["relu"]}, "'kernels' parameter of pair_sums must be one of .*'softplus'"),
        ({"weight_pos": [1.0, -1.0]}, "Negative values in weight_pos"),
        ({"weight_neg": [1.0, np.nan, 1.0]}, "Input weight_neg contains NaN"),
        ({"weight_neg": [0.0, 0.0, 0.0]}, "All values in weight_neg are zero"),
        ({"weight_pos": [1.0]}, "weight_pos must have one entry per sample: expected 2, got 1"),
        ({"positives": [[0.0, 1.0]]}, r"positives must have shape \(n_samples,\)"),
        ({"positives": [[0.0], [1.0, 2.0]]}, "positives must be an array"),
        ({"negatives": None}, r"negatives must have shape \(n_samples,\): got \(\)"),
        ({"negatives": [0, 2**60 + 1, 2**60]}, "negatives holds numbers that float64 rounds"),
        ({"weight_neg": [1e308] * 3}, "The sum of weight_neg is too large for a float"),
        ({"temperature": True}, "'temperature' parameter of pair_sums"),
        ({"temperature": np.timedelta64(1, "s")}, "'temperature' parameter of pair_sums"),
        ({"positives": [0.0, 1e308]}, "pos and neg of a kernel.* spread over more than"),
        ({"method": np.array(["grid", "auto"])}, "'method' parameter of pair_sums"),
    ],
)
def test_bad_arguments(changes, message):
    arguments = {"positives": [0.0, 1.0], "negatives": [0.0, 1.0, 2.0]} | changes
    with pytest.raises(ValueError, match=message):
        pair_sums(**arguments)


@pytest.mark.parametrize("kernels", ["sigma", None, 5, np.array(0.1)])
def test_kernels_are_a_list(kernels):
    with pytest.raises(TypeError, match="kernels must be a list of some of"):
        pair_sums([0.0], [1.0], kernels=kernels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", [1.0, 0.01])
@pytest.mark.parametrize("exponents", [(-1000, 0), (900, 0), (-1000, 900), (-300, -300)])
def test_weights_near_the_ends_of_the_range(method, temperature, exponents):
    rng = np.random.default_rng(0)
    pos, neg = rng.normal(1.0, size=40), rng.normal(size=60)
    weights = {"weight_pos": rng.random(40) + 0.5, "weight_neg": rng.random(60) + 0.5}
    options = {"kernels": KERNELS, "method": method}
    expected = pair_sums(pos, neg, temperature, **weights, **options)
    scaled = {
        name: np.ldexp(weight, exponent)
        for (name, weight), exponent in zip(weights.items(), exponents)
    }
    found = pair_sums(pos, neg, temperature, **scaled, **options)
    of_pos, of_neg = exponents
    for side, exponent in (("pos", of_neg), ("neg", of_pos)):
        for kernel in KERNELS:
            name = f"{kernel}_{side}"
            np.testing.assert_allclose(
                getattr(found, name), np.ldexp(getattr(expected, name), exponent), rtol=1e-12
            )
    for name in ("sigma_total", "softplus_total"):
        wanted = np.ldexp(getattr(expected, name), of_pos + of_neg)
        assert getattr(found, name) == pytest.approx(wanted, rel=1e-12, abs=0)


def test_a_total_that_no_float_holds_is_refused():
    with pytest.raises(ValueError, match="The sums are too large for a float"):
        pair_sums([0.0], [1.0], weight_pos=[1e200], weight_neg=[1e200])
