"""The torch band against `skbudget.band`: the same numbers, to the last bit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from neural_cases import INTERPOLATIONS

from skbudget.band import fpr_band, knot_thresholds
from skbudget.neural.losses._band import _Column, find_band, upper_quantile

pytestmark = pytest.mark.filterwarnings("error")

quick = settings(max_examples=200, deadline=None)
bands = st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda band: band[0] < band[1])
bases = st.sampled_from(["fpr", "population"])
tau_scales = st.sampled_from([None, "iqr", "band"])


@st.composite
def tables(draw, max_size=20):
    """Scores (often tied), negatives, integer weights and iid flags; an iid negative counts."""
    n = draw(st.integers(1, max_size))

    def column(values, dtype):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype=dtype)

    scores = column(draw(st.sampled_from([st.integers(-3, 3), st.floats(-1e3, 1e3)])), float)
    negative, iid = column(st.booleans(), bool), column(st.booleans(), bool)
    times = column(st.integers(0, 3), float)
    row = draw(st.integers(0, n - 1))
    negative[row] = iid[row] = True
    times[row] += 1
    return scores, negative, times, iid


def twin(scores, negative, iid, times, basis, **kwargs):
    """`find_band` as `PAUCAtBudgetLoss` calls it."""
    scores, negative, iid = (torch.from_numpy(part) for part in (scores, negative, iid))
    weight = None if times is None else torch.from_numpy(times)
    counted = negative if weight is None else negative & (weight > 0)
    negatives = counted & iid
    reference = iid if basis == "population" else negatives
    kwargs = {"alpha": 0.0, "n_knots": 2, "tau_scale": None, "interpolation": "rank", **kwargs}
    return find_band(scores, reference, negatives, weight=weight, **kwargs)


def assert_twins(table, percents, basis, tau_scale, n_knots, weighted):
    scores, negative, times, iid = table
    times = times if weighted else None
    alpha, beta = percents[0] / 100, percents[1] / 100
    wanted = fpr_band(
        scores,
        negative,
        alpha=alpha,
        beta=beta,
        basis=basis,
        sample_weight=times,
        iid_mask=iid,
        tau_scale=tau_scale,
    )
    fractions = np.linspace(alpha, beta, n_knots)[1:]
    below = knot_thresholds(scores, negative, fractions, basis=basis, weight=times, iid_mask=iid)
    found = twin(
        scores,
        negative,
        iid,
        times,
        basis,
        alpha=alpha,
        beta=beta,
        n_knots=n_knots,
        tau_scale=tau_scale,
    )
    assert (found.t_alpha.item(), found.t_beta.item()) == (wanted.t_alpha, wanted.t_beta)
    assert found.thresholds.tolist() == [wanted.t_alpha, *below]
    assert found.dispersion.item() == wanted.dispersion


# --- the same numbers


@quick
@given(tables(), bands, bases, tau_scales, st.integers(2, 5), st.booleans())
def test_is_the_numpy_band(table, percents, basis, tau_scale, n_knots, weighted):
    assert_twins(table, percents, basis, tau_scale, n_knots, weighted)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 9), bands, bases, st.booleans(), st.sampled_from([1, 9])
)
def test_is_the_numpy_band_among_many_rows(seed, decimals, percents, basis, weighted, coarse):
    # Large enough for every way of selection; few decimals make ties.
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=3000).round(min(decimals, coarse))
    table = scores, rng.random(3000) < 0.9, rng.integers(0, 3, 3000) * 1.0, rng.random(3000) < 0.8
    assert_twins(table, percents, basis, "iqr", 4, weighted)


@quick
@given(tables(), bands, bases, tau_scales, st.integers(2, 5))
def test_a_weight_repeats_a_row(table, percents, basis, tau_scale, n_knots):
    scores, negative, times, iid = table
    kwargs = {
        "alpha": percents[0] / 100,
        "beta": percents[1] / 100,
        "tau_scale": tau_scale,
        "n_knots": n_knots,
    }
    rows = np.repeat(np.arange(scores.size), times.astype(int))
    weighted = twin(scores, negative, iid, times, basis, **kwargs)
    repeated = twin(scores[rows], negative[rows], iid[rows], None, basis, **kwargs)
    assert weighted.thresholds.tolist() == repeated.thresholds.tolist()
    assert weighted.dispersion.item() == repeated.dispersion.item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_edges_are_scores_of_the_reference(dtype, weighted):
    scores = torch.randn(500, dtype=dtype, generator=torch.Generator().manual_seed(0))
    reference = torch.arange(500) % 3 == 0
    band = find_band(
        scores,
        reference,
        reference,
        alpha=0.1,
        beta=0.7,
        n_knots=5,
        tau_scale="iqr",
        interpolation="rank",
        weight=torch.arange(500.0) if weighted else None,
    )
    assert band.thresholds.dtype == band.dispersion.dtype == dtype
    assert torch.isin(band.thresholds, scores[reference]).all()
    assert (band.thresholds.diff() <= 0).all()


def test_ranks_of_weights_in_single_precision_are_not_lost():
    # In float32, 2^24 and a few ones more are 2^24.
    scores, everything = torch.arange(9.0, 0.0, -1.0), torch.ones(9, dtype=torch.bool)
    weight = torch.ones(9)
    weight[0] = 2.0**24
    fraction = (2**24 + 4) / (2**24 + 8)
    assert upper_quantile(scores, fraction, rows=everything, weight=weight) == scores[4]


# --- selection


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 130, 2000])
@pytest.mark.parametrize("ties", [False, True])
def test_selection_is_sorting(n, ties):
    rng = torch.Generator().manual_seed(n)
    scores = torch.randn(n, generator=rng)
    scores = scores.round() if ties else scores
    rows = torch.rand(n, generator=rng) < 0.8
    rows[0] = True
    column = _Column(scores, rows)
    ordered = scores[rows].sort(descending=True).values
    assert column.size == ordered.numel()
    ranks = range(1, column.size + 1) if n < 1000 else (1, 2, 64, 65, 100, 101, 800, column.size)
    for rank in ranks:
        assert column.at_ranks([rank]).item() == ordered[rank - 1].item()
        assert column.at_ranks([rank, 1]).tolist() == [ordered[rank - 1], ordered[0]]


@quick
@given(
    st.integers(0, 10**6),
    st.integers(1, 300),
    st.integers(1, 999),
    st.sampled_from(INTERPOLATIONS),
    st.booleans(),
)
def test_the_other_definitions_are_those_of_torch(seed, n, permille, interpolation, masked):
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, dtype=torch.float64, generator=rng)
    rows = torch.rand(n, generator=rng) < 0.7 if masked else None
    if rows is not None:
        rows[0] = True
    kept = scores if rows is None else scores[rows]
    fraction = permille / 1000
    position = (kept.numel() - 1) * (1.0 - fraction)
    # A hair off an integer, torch.quantile takes the neighbour; see the next test.
    assume(position == round(position) or abs(position - round(position)) > 1e-6)
    wanted = torch.quantile(kept, 1.0 - fraction, interpolation=interpolation)
    found = upper_quantile(scores, fraction, interpolation, rows=rows)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12, abs=1e-12)


def test_a_position_that_means_an_integer_is_one():
    scores = torch.arange(11.0, dtype=torch.float64)
    # (11 - 1) * (1 - 0.9) is 0.9999999999999998.
    assert torch.quantile(scores, 1 - 0.9, interpolation="lower") == 0.0
    assert upper_quantile(scores, 0.9, "lower") == 1.0
    assert torch.quantile(scores, 1 - 0.9, interpolation="midpoint") == 0.5
    assert upper_quantile(scores, 0.9, "midpoint") == 1.0


@pytest.mark.parametrize("interpolation", ["rank", *INTERPOLATIONS])
def test_positions_are_double_precision_whatever_the_scores(interpolation):
    # Past 2^23 rows, positions in float32 would have no fraction.
    n = 2**23 + 10
    position = (n - 1) * (1.0 - 0.3)
    low = int(position)
    assert 0.1 < position - low < 0.9
    scores = torch.zeros(n)
    scores[:low] = -1.0
    scores[low + 1 :] = 2.0
    wanted = {
        "rank": scores[n - int(np.ceil(0.3 * n))].item(),
        "lower": 0.0,
        "higher": 2.0,
        "midpoint": 1.0,
        "linear": pytest.approx(2.0 * (position - low), abs=1e-6),
        "nearest": 2.0 * round(position - low),
    }
    assert upper_quantile(scores, 0.3, interpolation).item() == wanted[interpolation]


def test_more_rows_than_torch_quantile_takes():
    n = 2**24 + 100
    scores = torch.zeros(n, dtype=torch.float32)
    top = torch.arange(1.0, 201.0)
    scores[12_345 : 12_345 + 200] = top
    with pytest.raises(RuntimeError, match="too large"):
        torch.quantile(scores, 0.5)
    everything = torch.ones(n, dtype=torch.bool)
    kwargs = {"alpha": 0.0, "beta": 100 / n, "n_knots": 2, "tau_scale": "band"}
    band = find_band(scores, everything, everything, interpolation="rank", **kwargs)
    assert (band.t_alpha.item(), band.t_beta.item(), band.dispersion.item()) == (200, 101, 99)
    band = find_band(scores, everything, everything, interpolation="higher", **kwargs)
    assert (band.t_alpha.item(), band.t_beta.item()) == (200, 101)
