import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skbudget import band as band_module
from skbudget.band import default_beta, find_band, fpr_band, knot_thresholds

pytestmark = pytest.mark.filterwarnings("error")

# No deadline: the machine may be busy.
quick = settings(max_examples=150, deadline=None)


class Rows(NamedTuple):
    score: np.ndarray
    negative: np.ndarray
    times: np.ndarray
    iid: np.ndarray


@st.composite
def rows(draw, min_size=1, max_size=20):
    """Tied scores, labels, integer weights (some zero, not all) and iid flags."""
    n = draw(st.integers(min_size, max_size))

    def column(values):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)))

    scores = draw(st.sampled_from([st.integers(-3, 3), st.floats(-1e3, 1e3)]))
    times = column(st.integers(0, 3))
    times[draw(st.integers(0, n - 1))] += 1
    return Rows(column(scores).astype(float), column(st.booleans()), times, column(st.booleans()))


# In percent, so that ranks are exact integer arithmetic.
bands = st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda band: band[0] < band[1])
bases = st.sampled_from(["fpr", "population"])


def at_rank(descending, percent, *, last):
    """The score at rank ceil(f M), or floor(f M) + 1."""
    share = percent * len(descending)
    return descending[-(-share // 100) - 1 if last else share // 100]


def sorted_band(rows, percents, basis, tau_scale):
    """The definition in the docstring of skbudget.band, by sorting repeated rows."""
    alpha, beta = percents
    counted = rows.iid & (rows.negative if basis == "fpr" else True)
    reference = np.sort(np.repeat(rows.score[counted].astype(float), rows.times[counted]))[::-1]
    if not reference.size:
        return None
    t_alpha = at_rank(reference, alpha, last=False)
    t_beta = at_rank(reference, beta, last=True)
    upper = math.inf if alpha == 0 else t_alpha
    between = (t_beta <= rows.score) & (rows.score <= upper)
    members = np.flatnonzero(rows.negative & (rows.times > 0) & between)
    dispersion = {None: 1.0, "band": t_alpha - t_beta}.get(tau_scale)
    if tau_scale == "iqr":
        counted = rows.iid & rows.negative
        spread = np.sort(np.repeat(rows.score[counted].astype(float), rows.times[counted]))[::-1]
        dispersion = 0.0
        if spread.size:
            dispersion = at_rank(spread, 25, last=True) - at_rank(spread, 75, last=True)
    return t_alpha, t_beta, members, rows.times[members].sum(), dispersion


def assert_band(band, wanted):
    if wanted is None:
        assert math.isnan(band.t_alpha)
        assert math.isnan(band.t_beta)
        assert band.is_empty
        assert band.members.size == band.total_weight == band.dispersion == 0
        return
    t_alpha, t_beta, members, total, dispersion = wanted
    assert (band.t_alpha, band.t_beta) == (t_alpha, t_beta)
    np.testing.assert_array_equal(band.members, members)
    assert band.count == len(members)
    assert band.total_weight == total
    assert band.is_empty == (total == 0)
    assert band.dispersion == pytest.approx(dispersion, rel=1e-12)


def same(first, second):
    """Whether two bands are equal to the last bit."""
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("t_alpha", "t_beta", "members", "total_weight", "dispersion")
    )


def negatives_only(scores, **kwargs):
    return fpr_band(scores, np.ones(len(scores), dtype=bool), **kwargs)


# --- the definition


@quick
@given(rows(), bands, bases, st.sampled_from([None, "iqr", "band"]), st.booleans(), st.booleans())
def test_agrees_with_sorting_all_rows(rows, percents, basis, tau_scale, weighted, masked):
    if not weighted:
        rows = rows._replace(times=np.ones_like(rows.times))
    if not masked:
        rows = rows._replace(iid=np.ones_like(rows.iid))
    band = fpr_band(
        rows.score,
        rows.negative,
        alpha=percents[0] / 100,
        beta=percents[1] / 100,
        basis=basis,
        sample_weight=rows.times if weighted else None,
        iid_mask=rows.iid if masked else None,
        tau_scale=tau_scale,
    )
    assert_band(band, sorted_band(rows, percents, basis, tau_scale))


@quick
@given(rows(), bands, bases, st.sampled_from([None, "iqr", "band"]))
def test_a_weight_repeats_a_row(rows, percents, basis, tau_scale):
    kwargs = {
        "alpha": percents[0] / 100,
        "beta": percents[1] / 100,
        "basis": basis,
        "tau_scale": tau_scale,
    }
    weighted = fpr_band(rows.score, rows.negative, sample_weight=rows.times, **kwargs)
    index = np.repeat(np.arange(rows.score.size), rows.times)
    repeated = fpr_band(rows.score[index], rows.negative[index], **kwargs)
    assert (
        index[repeated.members].tolist()
        == np.repeat(weighted.members, rows.times[weighted.members]).tolist()
    )
    alike = dataclasses.replace(repeated, rows=weighted.members)
    assert same(weighted, alike)


@quick
@given(rows(), bands, bases, st.sampled_from([1e-12, 0.1, 1e12]), st.sampled_from(["iqr", "band"]))
def test_the_unit_of_the_weights_does_not_matter(rows, percents, basis, unit, tau_scale):
    kwargs = {
        "alpha": percents[0] / 100,
        "beta": percents[1] / 100,
        "basis": basis,
        "tau_scale": tau_scale,
    }
    band = fpr_band(rows.score, rows.negative, sample_weight=rows.times, **kwargs)
    scaled = fpr_band(rows.score, rows.negative, sample_weight=rows.times * unit, **kwargs)
    assert scaled.total_weight == pytest.approx(band.total_weight * unit)
    assert same(dataclasses.replace(scaled, total_weight=band.total_weight), band)


@pytest.mark.parametrize("n", [10, 100, 700])
def test_unit_weights_of_a_booster_change_nothing(n):
    scores = np.random.default_rng(n).permutation(n).astype(np.float32)
    for percent in range(1, 101):
        kwargs = {
            "alpha": (percent - 1) / 100,
            "beta": percent / 100,
            "basis": "fpr",
            "iid_mask": None,
            "tau_scale": "iqr",
        }
        negative = np.ones(n, dtype=bool)
        plain = find_band(scores, negative, weight=None, **kwargs)
        # Both boosters hand weights out in float32.
        weighted = find_band(scores, negative, weight=np.ones(n, dtype=np.float32), **kwargs)
        assert same(plain, weighted), percent


@quick
@given(rows(), bands, bases, st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(rows, percents, basis, seed):
    order = np.random.default_rng(seed).permutation(rows.score.size)
    kwargs = {"alpha": percents[0] / 100, "beta": percents[1] / 100, "basis": basis}
    band = fpr_band(rows.score, rows.negative, **kwargs)
    shuffled = fpr_band(rows.score[order], rows.negative[order], **kwargs)
    assert sorted(order[shuffled.members]) == band.members.tolist()
    assert same(dataclasses.replace(shuffled, rows=band.members), band)


@pytest.mark.parametrize("percent", range(1, 101))
def test_whole_percentages_are_not_lost_to_rounding(percent):
    # 0.07 * 100 is 7.000000000000001.
    scores = np.arange(100.0)
    assert negatives_only(scores, beta=percent / 100).count == percent
    assert negatives_only(scores, beta=percent / 100, sample_weight=np.full(100, 0.1)).count == (
        percent
    )
    if percent < 100:
        upper = negatives_only(scores, alpha=percent / 100, beta=1.0)
        assert upper.count == 100 - percent


def test_alpha_zero_has_no_upper_end():
    scores, negative = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.ones(5, dtype=bool)
    mined = np.array([True, False, False, False, False])
    band = fpr_band(scores, negative, beta=0.5, iid_mask=~mined)
    assert (band.t_alpha, band.t_beta) == (4.0, 3.0)
    # A mined negative above every reference score is inside all the same.
    assert band.members.tolist() == [0, 1, 2]
    assert fpr_band(scores, negative, alpha=0.1, beta=0.5, iid_mask=~mined).members.tolist() == [
        1,
        2,
    ]


def test_alpha_excludes_the_top_and_beta_one_takes_all():
    scores = np.array([3.0, 9.0, 7.0, 1.0, 5.0])
    assert negatives_only(scores, beta=0.4).t_alpha == 9.0
    assert negatives_only(scores, alpha=0.2, beta=0.6).members.tolist() == [2, 4]
    assert negatives_only(scores, beta=1.0).members.tolist() == [0, 1, 2, 3, 4]


def test_rows_of_weight_zero_are_no_rows():
    scores, weight = np.array([9.0, 3.0, 2.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    band = negatives_only(scores, beta=0.3, sample_weight=weight)
    assert (band.t_alpha, band.members.tolist()) == (3.0, [1])


def test_population_counts_rows_and_fpr_counts_negatives():
    scores = np.arange(10.0)
    negative = scores < 6
    assert fpr_band(scores, negative, beta=0.5, basis="fpr").members.tolist() == [3, 4, 5]
    assert fpr_band(scores, negative, beta=0.5, basis="population").members.tolist() == [5]


@quick
@given(
    rows(),
    bands,
    bases,
    st.sampled_from(["iqr", "band"]),
    st.booleans(),
    st.lists(st.floats(-10, 10), min_size=1, max_size=5),
)
def test_mined_negatives_move_neither_edges_nor_dispersion(
    rows, percents, basis, tau_scale, weighted, mined
):
    kwargs = {
        "alpha": percents[0] / 100,
        "beta": percents[1] / 100,
        "basis": basis,
        "tau_scale": tau_scale,
    }
    n, extra = rows.score.size, len(mined)
    before = fpr_band(
        rows.score,
        rows.negative,
        sample_weight=rows.times if weighted else None,
        iid_mask=np.ones(n, dtype=bool),
        **kwargs,
    )
    assume(not math.isnan(before.t_beta))
    after = fpr_band(
        np.concatenate([rows.score, mined]),
        np.concatenate([rows.negative, np.ones(extra, dtype=bool)]),
        sample_weight=np.concatenate([rows.times, np.ones(extra)]) if weighted else None,
        iid_mask=np.arange(n + extra) < n,
        **kwargs,
    )
    assert (after.t_alpha, after.t_beta) == (before.t_alpha, before.t_beta)
    assert after.dispersion == before.dispersion
    # Those between the edges are in the band nevertheless.
    upper = math.inf if percents[0] == 0 else before.t_alpha
    inside = [n + i for i, score in enumerate(mined) if before.t_beta <= score <= upper]
    assert after.members.tolist() == [*before.members, *inside]


@quick
@given(rows(), bases, st.booleans(), st.lists(st.integers(1, 100), min_size=1, max_size=4))
def test_knots_lie_at_their_ranks(rows, basis, weighted, percents):
    counted = rows.iid & (rows.negative if basis == "fpr" else True)
    times = rows.times if weighted else np.ones_like(rows.times)
    reference = sorted(np.repeat(rows.score[counted], times[counted]), reverse=True)
    thresholds = knot_thresholds(
        rows.score,
        rows.negative,
        np.array(percents) / 100,
        basis=basis,
        weight=times if weighted else None,
        iid_mask=rows.iid,
    )
    wanted = [at_rank(reference, p, last=True) if reference else math.nan for p in percents]
    np.testing.assert_array_equal(thresholds, wanted)


# --- many rows: edges are found from a guess that must never show

N_MANY = 60_000
STEP = N_MANY // 8_192


def drawn(rng):
    return rng.normal(size=N_MANY)


def sample_sees_only_the_top(rng):
    scores = rng.normal(size=N_MANY)
    scores[::STEP] += 100.0
    return scores


def sample_misses_the_top(rng):
    scores = rng.normal(size=N_MANY) + 100.0
    scores[::STEP] -= 100.0
    return scores


def sample_sees_slightly_too_much(rng):
    scores = rng.normal(size=N_MANY)
    scores[::STEP] += 0.3
    return scores


def slow_wave(rng):
    return np.sin(np.arange(N_MANY) * 2 * np.pi / STEP)


ORDERS = [
    drawn,
    sample_sees_only_the_top,
    sample_misses_the_top,
    sample_sees_slightly_too_much,
    slow_wave,
    lambda rng: np.arange(N_MANY, dtype=float),
    lambda rng: np.arange(N_MANY, dtype=float)[::-1],
    lambda rng: np.zeros(N_MANY),
    lambda rng: rng.integers(0, 5, N_MANY).astype(float),
    lambda rng: np.where(np.arange(N_MANY) == 12_345, 1.0, 0.0),
]


@pytest.mark.parametrize("percents", [(0, 1), (1, 3), (0, 19), (5, 60)])
@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_misleading_sample_does_not_show(order, basis, percents):
    rng = np.random.default_rng(0)
    scores = order(rng)
    rows = Rows(scores, rng.random(N_MANY) < 0.9, np.ones(N_MANY, int), rng.random(N_MANY) < 0.8)
    # The topmost rows are mined negatives.
    top = np.argsort(scores)[-3:]
    rows.negative[top], rows.iid[top] = True, False
    alpha, beta = percents
    for dtype in (np.float64, np.float32):
        rows = rows._replace(score=scores.astype(dtype))
        band = find_band(
            rows.score,
            rows.negative,
            alpha=alpha / 100,
            beta=beta / 100,
            basis=basis,
            weight=None,
            iid_mask=rows.iid,
            tau_scale="band",
        )
        assert_band(band, sorted_band(rows, percents, basis, "band"))


def test_a_good_sample_spares_a_second_pass(monkeypatch):
    found = []
    original = band_module._rows_near_top

    def spy(*args):
        found.append(original(*args))
        return found[-1]

    monkeypatch.setattr(band_module, "_rows_near_top", spy)
    scores = drawn(np.random.default_rng(0))
    negatives_only(scores, beta=0.01)
    negatives_only(sample_misses_the_top(np.random.default_rng(0)), beta=0.01)
    assert 600 <= found[0].size < 2_000
    assert found[1] is None


# --- defined outcomes at the limits


@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("weight", [None, np.ones(3)])
@pytest.mark.parametrize("tau_scale", [None, "iqr", "band"])
def test_no_reference_row_is_an_empty_band(basis, weight, tau_scale):
    band = fpr_band(
        np.arange(3.0),
        np.array([True, True, False]),
        beta=0.5,
        basis=basis,
        sample_weight=weight,
        iid_mask=np.zeros(3, dtype=bool),
        tau_scale=tau_scale,
    )
    assert_band(band, None)
    assert band.temperature(0.3) == 0.3


def test_only_positives_at_the_top_of_the_population_is_an_empty_band():
    scores = np.arange(100.0)
    band = fpr_band(scores, scores < 90, beta=0.1, basis="population", tau_scale="iqr")
    assert (band.t_alpha, band.t_beta) == (99.0, 90.0)
    assert band.is_empty
    assert band.count == 0
    assert band.dispersion > 0


@pytest.mark.parametrize("tau_scale", ["iqr", "band"])
def test_constant_scores_have_no_dispersion_and_keep_the_multiplier(tau_scale):
    band = negatives_only(np.full(50, 3.25), alpha=0.1, beta=0.2, tau_scale=tau_scale)
    # Ties at the edge are all inside.
    assert (band.t_alpha, band.t_beta, band.count) == (3.25, 3.25, 50)
    assert band.dispersion == 0.0
    assert band.temperature(0.7) == 0.7


def test_temperature_is_the_multiplier_in_units_of_the_dispersion():
    scores = np.arange(101.0)
    assert negatives_only(scores, beta=0.1).temperature(0.5) == 0.5
    assert negatives_only(scores, beta=0.1, tau_scale="iqr").temperature(0.5) == 25.0
    assert negatives_only(scores, beta=0.1, tau_scale="band").temperature(0.5) == 5.0


def test_float32_scores_are_compared_as_they_are():
    rng = np.random.default_rng(0)
    scores = (rng.normal(size=3_000) * 1e-3 + 0.1).astype(np.float32)
    narrow = negatives_only(scores, alpha=0.01, beta=0.03, tau_scale="iqr")
    assert same(
        narrow, negatives_only(scores.astype(float), alpha=0.01, beta=0.03, tau_scale="iqr")
    )
    assert narrow.count >= 60


def test_lists_and_integers_will_do():
    band = fpr_band([3, 1, 2], [True, True, True], beta=0.5, sample_weight=[1, 2, 1])
    assert band.members.tolist() == [0, 2]


def test_a_band_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        negatives_only([1.0, 2.0]).t_beta = 0.0


# --- bad arguments


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 0.5, "beta": 0.5}, "'alpha' parameter of fpr_band must be smaller than beta"),
        ({"alpha": 0.6, "beta": 0.5}, "'alpha' parameter of fpr_band must be smaller than beta"),
        (
            {"alpha": -0.1},
            r"'alpha' parameter of fpr_band must be a float in the range \[0.0, beta",
        ),
        ({"alpha": np.nan}, "'alpha' parameter of fpr_band must be a float"),
        ({"beta": 0.0}, r"'beta' parameter of fpr_band must be a float in the range \(0.0, 1.0\]"),
        ({"beta": np.nan}, "'beta' parameter of fpr_band must be a float"),
        ({"beta": "0.5"}, "'beta' parameter of fpr_band must be a float"),
        ({"beta": True}, "'beta' parameter of fpr_band must be a float"),
        ({"beta": 50}, "50 basis points are 0.005"),
        ({"basis": "rows"}, r"'basis' parameter of fpr_band must be one of {'fpr', 'population'}"),
        ({"tau_scale": "std"}, "'tau_scale' parameter of fpr_band must be one of .*'iqr'"),
        ({"scores": [1.0, np.nan, 2.0]}, "Input scores contains NaN"),
        ({"scores": [1.0, np.inf, 2.0]}, "Input scores contains infinity"),
        ({"scores": []}, r"Found array with 0 sample\(s\)"),
        ({"scores": [[1.0, 2.0, 3.0]]}, r"scores must have shape \(n_samples,\)"),
        ({"negatives": [1, 0, 1]}, "negatives must be a boolean array .* got dtype int"),
        ({"negatives": [True, False]}, r"negatives must be .* shape \(3,\), got .* shape \(2,\)"),
        ({"iid_mask": [1.0, 0.0, 1.0]}, "iid_mask must be a boolean array .* got dtype float"),
        ({"iid_mask": [[True, False, True]]}, "iid_mask must be a boolean array"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, "Negative values in sample_weight"),
        ({"sample_weight": [1.0, np.nan, 1.0]}, "Input sample_weight contains NaN"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "All values in sample_weight are zero"),
        ({"sample_weight": [1.0, 1.0]}, "sample_weight must have one entry per sample: expected 3"),
    ],
)
def test_bad_arguments(changes, message):
    arguments = {"scores": [1.0, 2.0, 3.0], "negatives": [True, False, True], "beta": 0.5}
    with pytest.raises(ValueError, match=message):
        fpr_band(**arguments | changes)


@pytest.mark.parametrize("n_rows", [1, 7, 1_024, 1_025, 5_000])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_whole_curve_ends_at_the_extreme_negatives(n_rows, share, dtype):
    rng = np.random.default_rng(n_rows)
    for _ in range(20):
        scores = rng.normal(size=n_rows).round(2).astype(dtype)
        negatives = rng.random(n_rows) < share
        band = fpr_band(scores, negatives, alpha=0.0, beta=1.0)
        if negatives.any():
            assert (band.t_alpha, band.t_beta) == (scores[negatives].max(), scores[negatives].min())
        else:
            assert np.isnan(band.t_alpha)
            assert np.isnan(band.t_beta)


# --- the band that a budget is trained with


@pytest.mark.parametrize(
    ("basis", "widening", "positives", "beta"),
    [
        ("fpr", 3.0, 100, 0.015),
        ("fpr", 1.0, 100, 0.005),
        # 1.5 negatives for each positive.
        ("fpr", 3.0, 2_000, 0.03),
        ("fpr", 1.0, 2_000, 0.03),
        # All positives on top, and as many negatives below them.
        ("population", 3.0, 1_000, (1_000 + 1_500) / 101_000),
        ("population", 1.0, 1_000, (1_000 + 1_500) / 101_000),
        ("population", 3.0, 100, (100 + 1_500) / 100_100),
        ("population", 1.0, 100, (100 + 500) / 100_100),
        ("fpr", 3.0, 90_000, 1.0),
        ("population", 1.0, 90_000, 1.0),
    ],
)
def test_default_beta(basis, widening, positives, beta):
    found = default_beta(0.005, positives, 100_000, basis, widening=widening)
    assert found == pytest.approx(beta, rel=1e-12)


def test_a_band_of_three_budgets_unless_told_otherwise():
    assert default_beta(0.01, 1, 1_000) == default_beta(0.01, 1, 1_000, widening=3.0)


@quick
@given(
    st.floats(1e-6, 1.0),
    st.one_of(st.integers(1, 10**7), st.floats(1e-3, 1e9)),
    st.one_of(st.integers(1, 10**7), st.floats(1e-3, 1e9)),
)
def test_ratios_do_for_weights(budget, positives, negatives):
    # With positives per negative the rule is free of rounding.
    ratio = positives / negatives
    beta = default_beta(budget, ratio, 1.0, widening=1.0)
    assert beta == min(1.0, max(budget, 1.5 * ratio))
    assert beta == pytest.approx(
        default_beta(budget, positives, negatives, widening=1.0), rel=1e-15, abs=0
    )


@pytest.mark.parametrize("budget", [0.0, -0.1, 1.5, 50, math.nan])
def test_a_budget_that_is_no_fraction(budget):
    with pytest.raises(ValueError, match="'budget' parameter of default_beta"):
        default_beta(budget, 10, 1_000)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"budget": True}, "'budget' parameter of default_beta"),
        ({"budget": "1%"}, "A budget is a fraction: pass 0.01"),
        ({"negative_weight": True}, "'negative_weight' parameter of default_beta"),
        ({"positive_weight": False}, "'positive_weight' parameter of default_beta"),
        ({"positive_weight": -1}, "'positive_weight' parameter of default_beta"),
        ({"positive_weight": math.nan}, "'positive_weight' parameter"),
        ({"positive_weight": "10"}, "'positive_weight' parameter"),
        ({"positive_weight": 10**400}, "'positive_weight' parameter"),
        ({"negative_weight": 0}, "'negative_weight' parameter"),
        ({"negative_weight": math.inf}, "'negative_weight' parameter"),
        ({"negative_weight": [1.0]}, "'negative_weight' parameter"),
        ({"basis": "rows"}, "'basis' parameter of default_beta"),
        ({"basis": None}, "'basis' parameter of default_beta"),
        ({"widening": 0.0}, "'widening' parameter"),
        ({"widening": "no"}, "'widening' parameter"),
        ({"widening": True}, "'widening' parameter"),
    ],
)
def test_the_rule_for_the_band_checks_its_arguments(wrong, message):
    arguments = {"budget": 0.01, "positive_weight": 10, "negative_weight": 1_000}
    with pytest.raises(ValueError, match=message) as caught:
        default_beta(**{**arguments, **wrong})
    assert "of default_beta" in str(caught.value)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
def test_the_rule_for_the_band_takes_any_numbers(kind):
    found = default_beta(np.float64(0.25), kind(8), kind(64), widening=kind(2))
    assert found == default_beta(0.25, 8, 64, widening=2) == 0.5
    assert default_beta(1, 8, 64) == 1.0
    assert default_beta(0.5, 1e300, 1e300) == 1.0
    # No positive is no error, whatever the type of the zero.
    assert default_beta(0.25, kind(0), kind(64)) == 0.75


# --- near the ends of what a float holds


@quick
@given(rows(min_size=2), bands, bases, st.integers(-1070, 1000))
def test_only_ratios_of_weights_count(rows, percents, basis, exponent):
    about = {
        "alpha": percents[0] / 100,
        "beta": percents[1] / 100,
        "basis": basis,
        "tau_scale": "iqr",
        "iid_mask": rows.iid,
    }
    expected = fpr_band(rows.score, rows.negative, sample_weight=rows.times + 0.5, **about)
    found = fpr_band(
        rows.score, rows.negative, sample_weight=np.ldexp(rows.times + 0.5, exponent), **about
    )
    np.testing.assert_equal(
        (found.t_alpha, found.t_beta, found.dispersion),
        (expected.t_alpha, expected.t_beta, expected.dispersion),
    )
    np.testing.assert_array_equal(found.members, expected.members)
    assert found.total_weight == math.ldexp(expected.total_weight, exponent)


def test_a_reference_of_nearly_no_weight_is_one():
    weight = np.where(np.arange(8) == 0, 1e307, 1e-320)
    band = fpr_band(np.arange(8.0), np.arange(8) > 0, beta=0.5, sample_weight=weight)
    assert (band.t_alpha, band.t_beta, band.count) == (7.0, 4.0, 4)


def test_weights_whose_sum_no_float_holds():
    with pytest.raises(ValueError, match="The sum of sample_weight is too large for a float"):
        fpr_band(np.arange(4.0), np.ones(4, bool), sample_weight=np.full(4, 1e308))


@pytest.mark.parametrize("tau_scale", ["iqr", "band"])
def test_scores_that_no_float_can_measure_apart(tau_scale):
    scores = np.array([-1e308, -1e308, 1e308, 1e308])
    with pytest.raises(ValueError, match="The scores spread over more than a float holds"):
        fpr_band(scores, np.ones(4, bool), beta=1.0, tau_scale=tau_scale)
    band = fpr_band(scores, np.ones(4, bool), beta=1.0)
    assert (band.t_alpha, band.t_beta) == (1e308, -1e308)


def test_scores_that_floats_would_tie_are_refused():
    with pytest.raises(ValueError, match="scores holds numbers that float64 rounds"):
        fpr_band(2**60 + np.arange(4), np.ones(4, bool))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beta": "1%"}, "A beta is a fraction: pass 0.01"),
        ({"alpha": 5}, "An alpha is a fraction: 5 basis points are 0.0005"),
        ({"basis": np.array(["fpr", "fpr"])}, "'basis' parameter of fpr_band"),
        ({"negatives": [[True], [True, False]]}, "negatives must be an array"),
        ({"negatives": None}, "negatives must be a boolean array"),
    ],
)
def test_hints_and_shapes(wrong, message):
    arguments = {"scores": np.arange(4.0), "negatives": np.ones(4, bool)}
    with pytest.raises(ValueError, match=message):
        fpr_band(**{**arguments, **wrong})
