import numpy as np
import pytest
from workers import Threads, join, split

from skbudget._utils.collective import find_levels, gather
from skbudget.band import find_band, knot_thresholds
from skbudget.kernels._dispatch import sum_pairs
from skbudget.kernels._tables import BAND_NEGATIVE, POSITIVE, tabulate_pairs
from skbudget.metrics import coverage_at_budget_score
from skbudget.metrics._ranking import common_coverage
from skbudget.objectives import (
    BinaryCrossEntropy,
    CriticalRank,
    HardNegativeCrossEntropy,
    PairwisePAUC,
    Rows,
    TrapezoidPAUC,
    WeightedSum,
)
from skbudget.objectives._loss import HESSIAN_FLOOR

SIZES = [2, 3, 5]


def table(rng, n_rows=3000, ties=False, weighted=False):
    positive = rng.random(n_rows) < 0.05
    positive[:2] = True, False
    raw = (rng.standard_normal(n_rows) + 1.5 * positive).astype(np.float32)
    if ties:
        raw = np.round(raw * 2) / 2
    weight = None
    if weighted:
        weight = rng.choice([0.0, 0.5, 1.0, 3.0], n_rows).astype(np.float32)
        weight[:2] = 1.0
    return positive, raw, weight


def spread(rng, size, positive, raw, weight):
    """Return the workers' parts, the last of which has no positive, and their row numbers."""
    rows = np.arange(raw.size)
    parts = split(rng, size, rows, positive, raw, weight)
    moved = parts[-1][1]
    first, last = (
        tuple(
            None if array is None else np.concatenate([array, other[moved]])
            for array, other in zip(parts[0], parts[-1])
        ),
        tuple(None if array is None else array[~moved] for array in parts[-1]),
    )
    parts = [first, *parts[1:-1], last]
    return [part[1:] for part in parts], [part[0] for part in parts]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_levels_are_those_of_a_sort(size, dtype):
    rng = np.random.default_rng(size)
    for n_rows in (1, 2, 50, 4000):
        scores = rng.choice(
            np.array([0.0, -0.0, 1e-30, -1e30, 3.0, np.pi, *rng.standard_normal(n_rows)]), n_rows
        ).astype(dtype)
        weight = rng.uniform(0.1, 2.0, n_rows)
        masses = [0.0, 0.3 * weight.sum(), 0.9 * weight.sum(), 2.0 * weight.sum()]
        for weights in (None, weight):
            for exceed in (False, True):
                parts = split(rng, size, scores, weights)
                found = Threads(size).run(
                    lambda worker, s, w, masses=masses, exceed=exceed: find_levels(
                        worker, s, w, masses, exceed=exceed
                    ),
                    parts,
                )
                assert all(levels == found[0] for levels in found)
                values = np.unique(scores)[::-1]
                w = np.ones(n_rows) if weights is None else weights
                at = np.array([w[scores == value].sum() for value in values])
                down_to = np.cumsum(at)
                for mass, level in zip(masses, found[0]):
                    reached = np.flatnonzero(down_to > mass if exceed else down_to >= mass)
                    k = reached[0] if reached.size else values.size - 1
                    assert level.score == values[k]
                    np.testing.assert_allclose(level.at, at[k])
                    np.testing.assert_allclose(level.above, down_to[k] - at[k], atol=1e-9)


def test_levels_take_messages_of_fixed_size():
    sent = []
    for n_rows in (10, 10_000):
        threads = Threads(2)
        scores = np.random.default_rng(0).standard_normal(n_rows).astype(np.float32)
        threads.run(
            lambda worker, s: find_levels(worker, s, None, [3.0], exceed=False),
            [(scores,), (scores[:0],)],
        )
        sent.append(threads.messages)
    assert sent[0] == sent[1]
    assert sent[0][0] == [2048, 2048, 1024]


def test_gather():
    parts = [(np.arange(3.0), np.array([])), (np.array([]), np.array([7.0])), (np.ones(2),) * 2]

    def work(worker, a, b):
        whole, mine = gather(worker, a, b)
        assert all(np.array_equal(w[m], p) for w, m, p in zip(whole, mine, (a, b)))
        return whole

    for a, b in Threads(3).run(work, parts):
        assert a.tolist() == [0, 1, 2, 1, 1]
        assert b.tolist() == [7, 1, 1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("tau_scale", [None, "iqr", "band"])
def test_the_band_is_that_of_all_rows(size, weighted, ties, basis, tau_scale):
    rng = np.random.default_rng(size)
    positive, raw, weight = table(rng, ties=ties, weighted=weighted)
    parts, rows = spread(rng, size, positive, raw, weight)
    for alpha, beta in [(0.0, 0.01), (0.005, 0.07), (0.2, 1.0), (0.0, 1.0)]:
        options = {"alpha": alpha, "beta": beta, "basis": basis, "tau_scale": tau_scale,
                   "iid_mask": None}  # fmt: skip
        alone = find_band(raw, ~positive, weight=weight, **options)
        bands = Threads(size).run(
            lambda worker, y, s, w, options=options: find_band(
                s, ~y, weight=w, collective=worker, **options
            ),
            parts,
        )
        for band in bands:
            assert (band.t_alpha, band.t_beta) == (alone.t_alpha, alone.t_beta)
            assert band.dispersion == alone.dispersion
            np.testing.assert_allclose(band.total_weight, alone.total_weight)
        members = np.concatenate([of[band.members] for of, band in zip(rows, bands)])
        assert sorted(members) == alone.members.tolist()
    knots = np.array([0.01, 0.5])
    of_all = knot_thresholds(raw, ~positive, knots, basis=basis, weight=weight, iid_mask=None)
    for found in Threads(size).run(
        lambda worker, y, s, w: knot_thresholds(
            s, ~y, knots, basis=basis, weight=w, iid_mask=None, collective=worker
        ),
        parts,
    ):
        assert found.tolist() == of_all.tolist()


@pytest.mark.parametrize("percent", [1, 7, 14, 28, 29, 56, 57, 58, 99])
@pytest.mark.parametrize("unit", [None, 0.1, 1e-12, 3e7])
def test_whole_percentages_of_all_workers_are_not_lost_to_rounding(percent, unit):
    # 0.07 * 100 is 7.000000000000001, and a tenth is no sum of powers of two.
    scores = np.arange(100.0)
    weight = None if unit is None else np.full(100, unit)
    parts, _ = spread(np.random.default_rng(percent), 3, scores < 0, scores, weight)

    def work(worker, y, s, w):
        options = {"basis": "fpr", "weight": w, "iid_mask": None, "collective": worker}
        top = find_band(s, ~y, alpha=0.0, beta=percent / 100, tau_scale=None, **options)
        rest = find_band(s, ~y, alpha=percent / 100, beta=1.0, tau_scale=None, **options)
        knot = knot_thresholds(s, ~y, np.array([percent / 100]), **options)
        return top.t_beta, rest.t_alpha, *knot

    for found in Threads(3).run(work, parts):
        assert found == (100.0 - percent, 99.0 - percent, 100.0 - percent)


@pytest.mark.parametrize("weight", [None, np.ones(4)])
@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 1.0), (0.0, 0.5), (0.2, 0.5)])
def test_no_reference_row_on_any_worker_is_an_empty_band(alpha, beta, weight):
    def work(worker, s, w):
        options = {"basis": "fpr", "weight": w, "iid_mask": None, "collective": worker}
        nowhere = np.zeros(s.size, dtype=bool)
        knots = knot_thresholds(s, nowhere, np.array([0.1, 0.9]), **options)
        return find_band(s, nowhere, alpha=alpha, beta=beta, tau_scale="iqr", **options), knots

    half = None if weight is None else weight[:2]
    for band, knots in Threads(2).run(work, [(np.arange(2.0), half)] * 2):
        assert np.isnan([band.t_alpha, band.t_beta, *knots]).tolist() == [True] * 4
        assert (band.is_empty, band.count, band.total_weight) == (True, 0, 0.0)


KERNELS = frozenset({"sigma", "dsigma", "softplus", "softplus_rows"})


@pytest.mark.parametrize("sides", [(3, 0), (0, 3), (0, 0)])
def test_pairs_with_a_side_that_no_worker_has_sum_to_zero(sides):
    n_pos, n_neg = sides
    parts = [(np.arange(float(n_pos)), np.arange(float(n_neg)))] * 2
    for sums in Threads(2).run(
        lambda worker, p, n: sum_pairs(p, n, 0.5, None, None, KERNELS, collective=worker), parts
    ):
        for kernel in ("sigma", "dsigma", "softplus"):
            assert getattr(sums, f"{kernel}_pos").tolist() == [0.0] * n_pos
            assert getattr(sums, f"{kernel}_neg").tolist() == [0.0] * n_neg
        assert (sums.sigma_total, sums.softplus_total) == (0.0, 0.0)


def test_pairs_of_single_precision_are_summed_in_double():
    rng = np.random.default_rng(5)
    pos, neg = (100 * rng.standard_normal(n).astype(np.float32) for n in (90, 700))
    alone = sum_pairs(pos, neg, 0.4, None, None, KERNELS, "brute")
    found = Threads(2).run(
        lambda worker, p, n: sum_pairs(p, n, 0.4, None, None, KERNELS, collective=worker),
        [(pos[:30], neg[:300]), (pos[30:], neg[300:])],
    )
    for name in ("sigma_pos", "dsigma_pos", "sigma_neg", "dsigma_neg"):
        expected = getattr(alone, name)
        together = np.concatenate([getattr(sums, name) for sums in found])
        np.testing.assert_allclose(together, expected, atol=1e-6 * expected.max())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("link", ["logistic", "sigmoid"])
def test_tables_are_those_of_all_rows(link, weighted):
    # Enough rows for tables, of which one worker has none.
    rng = np.random.default_rng(2)
    positive, raw, weight = table(rng, 24_000, weighted=weighted)
    objective = PairwisePAUC(beta=1.0, link=link, temperature=0.7)
    parts, rows = spread(rng, 2, positive, raw, weight)
    none = tuple(None if array is None else array[:0] for array in parts[0])

    def work(worker, y, s, w):
        sample = Rows(y, s, w, workers=worker)
        found = objective.derivatives(sample, objective.hold(sample))
        assert found.rows is None  # in tables, not by pairs
        return found.dense(s.size)

    alone = work(None, positive, raw, weight)
    found = Threads(3).run(work, [*parts, none])
    for k in range(2):
        together = join([one[k] for one in found], [*rows, rows[0][:0]])
        np.testing.assert_allclose(together, alone[k], atol=1e-6 * np.abs(alone[k]).max())


@pytest.mark.parametrize("shift", [30.0, -30.0])
def test_there_is_no_table_of_pairs_far_apart(shift):
    rng = np.random.default_rng(3)
    positive = rng.random(8000) < 0.1
    raw = rng.standard_normal(8000) + shift * positive
    parts, _ = spread(rng, 2, positive, raw, None)
    found = Threads(2).run(
        lambda worker, y, s, w: tabulate_pairs(
            s, np.where(y, POSITIVE, BAND_NEGATIVE).astype(np.int8), 1.0, w, KERNELS, worker
        ),
        parts,
    )
    assert found == [None, None]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("temperature", "shift"),
    [(1.0, 0.0), (0.2, 0.0), (1e-5, 0.0), (1.0, 30.0), (1.0, -30.0), (1.0, 1000.0)],
    ids=["usual", "narrow", "tiny", "far above", "far below", "apart"],
)
def test_pair_sums_are_those_of_all_rows(temperature, shift, weighted):
    rng = np.random.default_rng(0)
    pos, neg = rng.standard_normal(90) + shift, rng.standard_normal(700)
    w_pos = rng.uniform(0.5, 2, 90) if weighted else None
    w_neg = rng.uniform(0.5, 2, 700) if weighted else None
    alone = sum_pairs(pos, neg, temperature, w_pos, w_neg, KERNELS, "brute")
    cut_pos, cut_neg = (0, 60, 60, 90), (0, 0, 400, 700)
    parts = [
        tuple(
            None if array is None else array[cuts[k] : cuts[k + 1]]
            for array, cuts in ((pos, cut_pos), (neg, cut_neg), (w_pos, cut_pos), (w_neg, cut_neg))
        )
        for k in range(3)
    ]
    found = Threads(3).run(
        lambda worker, p, n, wp, wn: sum_pairs(
            p, n, temperature, wp, wn, KERNELS, collective=worker
        ),
        parts,
    )
    kernels = ("sigma", "dsigma", "softplus")
    for name in [f"{kernel}_{side}" for kernel in kernels for side in ("pos", "neg")]:
        expected = getattr(alone, name)
        together = np.concatenate([getattr(sums, name) for sums in found])
        np.testing.assert_allclose(together, expected, atol=1e-6 * expected.max(), rtol=1e-6)
    for name in ("sigma_total", "softplus_total"):
        for sums in found:
            np.testing.assert_allclose(getattr(sums, name), getattr(alone, name), rtol=1e-6)


OBJECTIVES = [
    PairwisePAUC(beta=0.05),
    PairwisePAUC(alpha=0.01, beta=1.0, link="sigmoid", temperature=0.5, tau_scale="iqr"),
    PairwisePAUC(beta=0.02, basis="population"),
    TrapezoidPAUC(beta=0.1, n_knots=4),
    CriticalRank(),
    CriticalRank("negatives", 3.0, "sigmoid", 0.5, "iqr"),
    BinaryCrossEntropy(pos_weight="balanced"),
    HardNegativeCrossEntropy(),
    WeightedSum(((0.3, BinaryCrossEntropy()), (0.7, PairwisePAUC(beta=0.1)))),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_derivatives_are_those_of_all_rows(objective, weighted, size):
    rng = np.random.default_rng(1)
    positive, raw, weight = table(rng, weighted=weighted)
    parts, rows = spread(rng, size, positive, raw, weight)

    def work(worker, y, s, w):
        sample = Rows(y, s, w, workers=worker)
        held = objective.hold(sample)
        scale = objective.boosting_factor(sample)
        derivatives = objective.derivatives(sample, held).dense(
            s.size, scale=scale, floor=HESSIAN_FLOOR
        )
        return (*derivatives, objective.value(sample, held))

    alone = work(None, positive, raw, weight)
    found = Threads(size).run(work, parts)
    for k in range(2):
        together = join([one[k] for one in found], rows)
        np.testing.assert_allclose(together, alone[k], atol=1e-6 * np.abs(alone[k]).max())
    for _, _, loss in found:
        np.testing.assert_allclose(loss, alone[2], rtol=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("size", SIZES)
def test_values_of_all_workers_have_one_mean(objective, size):
    rng = np.random.default_rng(4)
    positive, raw, weight = table(rng, weighted=True)

    def value_of(scores):
        # As wild as it must be, and known wherever a row goes.
        return np.exp(2 * np.sin(1e3 * scores.astype(np.float64)))

    parts, rows = spread(rng, size, positive, raw, weight)

    def work(worker, y, s, w):
        value = value_of(s)
        sample = Rows(y, s, w, {"value": value}, worker)
        held = objective.hold(sample)
        scale = objective.boosting_factor(sample)
        derivatives = objective.derivatives(sample, held).dense(s.size, scale=scale)
        coverage = common_coverage(y, s, w, 0.01, "population", worker, value) if worker else 0
        return (*derivatives, coverage)

    alone = work(None, positive, raw, weight)
    found = Threads(size).run(work, parts)
    for k in range(2):
        together = join([one[k] for one in found], rows)
        np.testing.assert_allclose(together, alone[k], atol=1e-6 * np.abs(alone[k]).max())
    expected = coverage_at_budget_score(
        positive, raw, budget=0.01, sample_weight=weight, value=value_of(raw)
    )
    for _, _, coverage in found:
        assert coverage == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:budget=1 reviews everything")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("size", SIZES)
def test_coverage_is_that_of_all_rows(size, basis, ties, weighted):
    rng = np.random.default_rng(2)
    positive, raw, weight = table(rng, ties=ties, weighted=weighted)
    parts, _ = spread(rng, size, positive, raw, weight)
    for budget in (0.0001, 0.01, 0.3, 1.0):
        alone = coverage_at_budget_score(
            positive, raw, budget=budget, basis=basis, sample_weight=weight
        )
        for found in Threads(size).run(
            lambda worker, y, s, w, budget=budget: common_coverage(y, s, w, budget, basis, worker),
            parts,
        ):
            np.testing.assert_allclose(found, alone, rtol=1e-9)


def test_a_class_that_no_worker_has():
    parts = [(np.zeros(3, dtype=bool), np.zeros(3)), (np.zeros(0, dtype=bool), np.zeros(0))]
    with pytest.raises(ValueError, match="rows of all workers together lack one"):
        Threads(2).run(lambda worker, y, s: Rows(y, s, workers=worker), parts)
    with pytest.raises(ValueError, match="Coverage needs rows of both classes"):
        Threads(2).run(lambda worker, y, s: common_coverage(y, s, None, 0.1, "fpr", worker), parts)


@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("positive", [False, True])
def test_coverage_needs_both_classes_on_some_worker(basis, positive):
    parts = [(np.full(3, positive), np.arange(3.0))] * 2
    if basis == "population" and positive:
        found = Threads(2).run(
            lambda worker, y, s: common_coverage(y, s, None, 0.5, basis, worker), parts
        )
        assert found == [0.5, 0.5]
        return
    with pytest.raises(ValueError, match="Coverage needs rows of both classes"):
        Threads(2).run(lambda worker, y, s: common_coverage(y, s, None, 0.5, basis, worker), parts)
