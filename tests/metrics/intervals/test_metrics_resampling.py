"""Resamples drawn as counts, compared with rows drawn one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_strategies import budgets, quick, rankings
from scipy.stats import chi2, ks_2samp

from skbudget.metrics import coverage_at_budget_score
from skbudget.metrics._ranking import check_rows
from skbudget.metrics.intervals._coverage_interval import bootstrap_coverage
from skbudget.metrics.intervals._resampling import Cells

# Budgets up to 1 are drawn, and curves end there.
pytestmark = [
    pytest.mark.filterwarnings("ignore:budget=1 reviews everything"),
    # So are labels of which any number are positive.
    pytest.mark.filterwarnings("ignore:.*is the majority of y_true"),
]

bases = st.sampled_from(["population", "fpr"])


def checked(ranked, *, weighted, valued, score=None):
    return check_rows(
        ranked.y,
        ranked.score if score is None else score,
        sample_weight=ranked.weight if weighted else None,
        value=ranked.value if valued else None,
        pos_label=None,
    )


def metric(ranked, rows, budget, basis, *, weighted, valued):
    return coverage_at_budget_score(
        ranked.y[rows],
        ranked.score[rows],
        budget=budget,
        basis=basis,
        sample_weight=ranked.weight[rows] if weighted else None,
        value=ranked.value[rows] if valued else None,
    )


@quick
@given(rankings(), budgets, bases, st.booleans(), st.booleans(), st.booleans())
def test_cells_give_the_metric_itself(ranked, budget, basis, weighted, valued, one_left_out):
    rows = checked(ranked, weighted=weighted, valued=valued)
    cells = Cells.of([rows], np.array([budget]), basis, one_left_out=one_left_out)
    everything = slice(None)
    expected = metric(ranked, everything, budget, basis, weighted=weighted, valued=valued)
    assert cells.estimate()[0, 0] == pytest.approx(expected, abs=1e-12)


@quick
@given(rankings(), budgets, bases, st.booleans(), st.booleans())
def test_leaving_one_row_out_is_the_metric_without_it(ranked, budget, basis, weighted, valued):
    keep = ranked.weight > 0 if weighted else np.ones(ranked.y.size, bool)
    rows = checked(ranked, weighted=weighted, valued=valued)
    cells = Cells.of([rows], np.array([budget]), basis, one_left_out=True)
    got = np.repeat(cells.leave_one_out()[0, :, 0], cells.n_rows)
    expected = []
    for left_out in np.flatnonzero(keep):
        rest = keep.copy()
        rest[left_out] = False
        try:
            one = metric(ranked, rest, budget, basis, weighted=weighted, valued=valued)
        except ValueError:  # the only row of its class, or of value
            one = np.nan
            if ranked.y[left_out] == 0:
                return
        expected.append(one)
    np.testing.assert_allclose(np.sort(got), np.sort(expected), atol=1e-9)


@quick
@given(rankings(), st.integers(0, 99), bases)
def test_a_resample_has_the_coverage_of_its_rows(ranked, seed, basis):
    """The counts of cells are turned back into rows, which the metric measures."""
    some_budgets = np.array([0.1, 0.37, 1.0])
    other = np.random.default_rng(seed).permutation(ranked.score)
    rows = [
        checked(ranked, weighted=False, valued=True),
        checked(ranked, weighted=False, valued=True, score=other),
    ]
    cells = Cells.of(rows, some_budgets, basis)
    counts = cells._draw(5, np.random.default_rng(seed), stratified=True)
    got = cells.coverage(counts)
    for ranking in range(2):
        for resample in range(5):
            times = counts[resample].astype(int)
            if not np.any(cells.worth * times):
                assert np.isnan(got[ranking, resample]).all()
                continue
            expected = [
                coverage_at_budget_score(
                    np.repeat(cells.positive, times),
                    -np.repeat(cells.levels[ranking], times),
                    budget=budget,
                    basis=basis,
                    value=np.repeat(cells.worth, times),
                )
                for budget in some_budgets
            ]
            np.testing.assert_allclose(got[ranking, resample], expected, atol=1e-12)


def rows_drawn(y, score, *, budget, basis, stratified, n_resamples, rng, **columns):
    positive, negative = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    coverage = []
    while len(coverage) < n_resamples:
        if stratified:
            rows = np.r_[rng.choice(positive, positive.size), rng.choice(negative, negative.size)]
        else:
            rows = rng.choice(y.size, y.size)
        if 0 < y[rows].sum() < y.size:
            taken = {name: column[rows] for name, column in columns.items()}
            coverage.append(
                coverage_at_budget_score(y[rows], score[rows], budget=budget, basis=basis, **taken)
            )
    return np.array(coverage)


@pytest.mark.parametrize(
    ("basis", "stratified", "weights", "digits"),
    [
        ("population", True, None, 8),
        ("population", True, "whole", 1),
        ("population", False, "any", 8),
        ("population", False, None, 1),
        ("fpr", True, None, 1),
        ("fpr", False, "any", 8),
    ],
)
def test_distribution_is_that_of_drawn_rows(basis, stratified, weights, digits):
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], [1_000, 40])
    score = rng.normal(1.5 * y).round(digits)
    columns = {"value": rng.gamma(2.0, size=y.size)}
    if weights is not None:
        columns["sample_weight"] = (
            rng.integers(1, 4, y.size) if weights == "whole" else rng.uniform(0.5, 3.0, y.size)
        )
    options = {"basis": basis, "stratified": stratified}
    reference = rows_drawn(
        y, score, budget=0.05, n_resamples=1_000, rng=np.random.default_rng(0), **options, **columns
    )
    got = bootstrap_coverage(
        y, score, budgets=[0.05], n_resamples=5_000, random_state=1, **options, **columns
    )[:, 0]
    assert ks_2samp(got, reference).pvalue > 1e-3
    error = reference.std() / np.sqrt(reference.size)
    assert abs(got.mean() - reference.mean()) < 4 * error
    assert got.std() == pytest.approx(reference.std(), rel=0.1)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("digits", [0, 8])
def test_a_resample_has_as_many_rows_as_the_table(stratified, digits):
    # Of many rows for few cells, and of as many cells as rows, counts are drawn in other ways.
    rng = np.random.default_rng(6)
    y = np.repeat([0, 1], [900, 100])
    rows = check_rows(
        y, rng.normal(y).round(digits), sample_weight=None, value=rng.random(1000).round(digits),
        pos_label=None,
    )  # fmt: skip
    cells = Cells.of([rows], np.linspace(0.01, 0.99, 30), "population")
    counts = cells._draw(400, rng, stratified)
    assert (counts.sum(axis=1) == 1000).all()
    positives = counts[:, cells.positive].sum(axis=1)
    if stratified:
        assert (positives == 100).all()
    else:
        # Binomial(1000, 0.1): five standard errors of its mean and of its deviation.
        assert positives.mean() == pytest.approx(100, abs=5 * np.sqrt(90 / 400))
        assert positives.std() == pytest.approx(np.sqrt(90), rel=5 / np.sqrt(800))
    expected = cells.n_rows / 1000
    # Each cell is drawn as often as it is large: a chi-squared test at a level of about 1e-5.
    deviation = counts.sum(axis=0) / 400_000 - expected
    assert 400_000 * (deviation**2 / expected).sum() < chi2.ppf(1 - 1e-5, cells.n_rows.size)


@pytest.mark.parametrize("seed", range(20))
def test_all_that_there_is_is_never_more_than_that(seed):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [10, 40])
    rows = check_rows(
        y, rng.normal(size=50), sample_weight=None, value=rng.random(50), pos_label=None
    )
    cells = Cells.of([rows], np.array([1.0]), "population")
    coverage = cells.coverage(cells._draw(20, rng, stratified=True))
    assert coverage.max() <= 1.0
    assert coverage.min() > 1.0 - 1e-12


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_the_window_of_heavy_rows_is_as_wide_as_that_of_light_ones(basis):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [20_000, 2_000])
    score, sizes = rng.normal(y), []
    for weight in (np.ones(y.size), np.full(y.size, 64.0)):
        rows = check_rows(y, score, sample_weight=weight, value=None, pos_label=None)
        sizes.append(Cells.of([rows], np.array([0.05]), basis).n_rows.size)
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_the_window_of_swaps_of_heavy_rows_is_as_wide_as_that_of_light_ones(basis):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [20_000, 2_000])
    scores, sizes = (rng.normal(y), rng.normal(y)), []
    for weight in (np.ones(y.size), np.full(y.size, 64.0)):
        rankings = [
            check_rows(y, score, sample_weight=weight, value=None, pos_label=None)
            for score in scores
        ]
        sizes.append(Cells.swappable(rankings, 0.05, basis).n_rows.size)
    assert sizes[0] < y.size / 2
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)


def test_resamples_of_a_class_that_is_named_and_of_strata():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [80, 20])
    score = rng.normal(y)
    options = {"budgets": [0.1, 0.5], "n_resamples": 50, "random_state": 0}
    expected = bootstrap_coverage(y, score, **options, stratified=True)
    named = np.where(y == 1, "fraud", "ok")
    found = bootstrap_coverage(named, score, pos_label="fraud", **options, stratified=True)
    np.testing.assert_array_equal(found, expected)
    whole = bootstrap_coverage(y, score, **options, stratified=False)
    assert not np.array_equal(whole, expected)
    # Twenty positives in each resample of strata, any number in others.
    assert np.allclose(expected * 20, np.round(expected * 20))
    assert not np.allclose(whole * 20, np.round(whole * 20))


def test_few_cells_are_left_of_a_large_table():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [50_000, 50_000])
    score = rng.normal(y)
    rows = check_rows(y, score, sample_weight=None, value=None, pos_label=None)
    assert Cells.of([rows], np.array([0.005]), "population").n_rows.size < 1_000
    assert Cells.of([rows], np.array([0.005]), "population", one_left_out=True).n_rows.size < 40


def test_a_window_changes_nothing_but_the_cells():
    """Many budgets keep all levels; one budget keeps only the levels near its cut."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [20_000, 500])
    score = rng.normal(y)
    many_budgets = np.linspace(0.01, 0.99, 25)
    many = bootstrap_coverage(y, score, budgets=many_budgets, n_resamples=4_000, random_state=0)
    for column in (4, 20):
        alone = bootstrap_coverage(y, score, budgets=many_budgets[[column]], random_state=1)[:, 0]
        error = alone.std() / np.sqrt(4_000)
        assert alone.mean() == pytest.approx(many[:, column].mean(), abs=5 * error)
        assert alone.std() == pytest.approx(many[:, column].std(), rel=0.04)


def test_rows_without_weight_are_never_drawn():
    rng = np.random.default_rng(0)
    y, score = np.repeat([0, 1], [80, 20]), rng.normal(size=100)
    weight = rng.integers(0, 2, 100)
    options = {"budgets": [0.1, 0.5], "n_resamples": 50, "random_state": 0}
    np.testing.assert_array_equal(
        bootstrap_coverage(y, score, sample_weight=weight, **options),
        bootstrap_coverage(y[weight > 0], score[weight > 0], sample_weight=np.ones(weight.sum()),
                           **options),
    )  # fmt: skip


def test_a_resample_worth_nothing_is_drawn_again():
    y, score = np.array([1, 1, 0, 0]), np.array([4.0, 1.0, 3.0, 2.0])
    value = np.array([0.0, 5.0, 0.0, 0.0])
    coverage = bootstrap_coverage(
        y, score, budgets=[0.25, 0.9], value=value, random_state=0, n_resamples=500
    )
    assert np.isfinite(coverage).all()


def test_chunks_do_not_change_the_shape(monkeypatch):
    monkeypatch.setattr("skbudget.metrics.intervals._resampling.CHUNK_ENTRIES", 50)
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [80, 20])
    coverage = bootstrap_coverage(
        y, rng.normal(y), budgets=[0.1, 0.2, 0.3], n_resamples=17, random_state=0
    )
    assert coverage.shape == (17, 3)
    assert np.all(np.diff(coverage, axis=1) >= 0)
