"""The published lines in closed form, and what trained lines do, on small tables."""

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.significance import (
    CASES,
    METHODS,
    PUBLISHED,
    Line,
    Row,
    efficiencies,
    fit_line,
    main,
    scan,
)
from skbudget.datasets import bayes_two_backgrounds_score, make_two_backgrounds
from skbudget.datasets._two_backgrounds import CROSS_SECTIONS, LUMINOSITY

CROSS_ENTROPY = Line(*PUBLISHED["cross-entropy", 1])
SIGNIFICANCE = {case: Line(*PUBLISHED["significance", case]) for case in CASES}
# Lines that training arrives at: cross-entropy, and with the rates as weights.
CONVERGED, RATES = Line(0.055, 2.956), Line(0.453, 2.258)


def test_select_all():
    found = scan(CROSS_ENTROPY, 1).significance[0]
    assert found == pytest.approx(300 / np.sqrt(303_000))
    assert found == pytest.approx(0.545, abs=5e-4)


@pytest.mark.parametrize(
    ("line", "published", "tolerance"),
    [
        # Figures that were read off plots of 50 000 draws per process.
        (CROSS_ENTROPY, {0.5: 3.15, 0.8: 1.85}, 0.03),
        (SIGNIFICANCE[1], {0.2: 3.7, 0.8: 3.7}, 0.06),
    ],
    ids=["cross-entropy", "significance"],
)
def test_the_significance_of_published_lines_in_case_1(line, published, tolerance):
    for efficiency, significance in published.items():
        assert scan(line, 1).at(efficiency) == pytest.approx(significance, rel=tolerance)


@pytest.mark.parametrize(
    ("line", "case", "greatest", "efficiency"),
    [
        (SIGNIFICANCE[1], 1, 4.77, 0.53),
        (CONVERGED, 1, 3.22, 0.06),
        (RATES, 1, 5.77, 0.29),
        (CROSS_ENTROPY, 2, 1.37, 0.19),
        (SIGNIFICANCE[2], 2, 3.79, 0.25),
    ],
    ids=["significance 1", "converged 1", "rates 1", "cross-entropy 2", "significance 2"],
)
def test_the_greatest_significance_in_closed_form(line, case, greatest, efficiency):
    found = scan(line, case).best()
    assert found == pytest.approx((greatest, efficiency), abs=0.006)


def test_the_greatest_published_significance():
    """4.52 at half of the signal, off a plot: within six per cent of the closed form."""
    assert scan(SIGNIFICANCE[1], 1).best()[0] == pytest.approx(4.52, rel=0.06)
    # The one of cross-entropy, 4.22 at 0.18, lies where the plot has less than ten rows.
    assert scan(CROSS_ENTROPY, 1).at(0.18) == pytest.approx(4.22, rel=0.2)


@pytest.mark.parametrize(
    ("line", "rates"),
    [(CROSS_ENTROPY, {0.1: 0.74, 0.2: 0.865}), (SIGNIFICANCE[1], {0.1: 0.38, 0.2: 0.61})],
    ids=["cross-entropy", "significance"],
)
def test_the_signal_kept_at_rates_of_all_background_rows(line, rates):
    for rate, kept in rates.items():
        assert scan(line, 1).signal_at(rate) == pytest.approx(kept, rel=0.03)


def test_the_signal_kept_at_a_rate_of_background_events():
    assert scan(CROSS_ENTROPY, 1).signal_at(0.1, case=1) == pytest.approx(0.87, rel=0.03)
    assert scan(SIGNIFICANCE[1], 1).signal_at(0.1, case=1) == pytest.approx(0.965, rel=0.03)


@pytest.mark.parametrize(("case", "greatest"), [(1, 6.66), (2, 4.23)])
def test_the_best_line(case, greatest):
    lines = [Line(float(np.tan(turn)), 0.0) for turn in np.linspace(-1.5, 1.5, 151)]
    assert max(scan(line, case).best()[0] for line in lines) == pytest.approx(greatest, abs=0.01)


@pytest.mark.parametrize(("case", "greatest"), [(1, 17.83), (2, 9.22)])
def test_the_likelihood_ratio_beats_every_line(case, greatest):
    """By sums over a fine grid of the plane, at no less than a twentieth of the signal."""
    grid = np.linspace(-3.0, 16.0, 951)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    means, cell = np.array([[4.0, 7.0], [2.0, 5.0], [2.0, 10.0]]), (grid[1] - grid[0]) ** 2
    density = np.exp(-0.5 * ((points[:, None] - means) ** 2).sum(axis=2)) * cell / (2 * np.pi)
    order = np.argsort(-bayes_two_backgrounds_score(points, case=case))
    share = np.cumsum(density[order], axis=0)
    events = LUMINOSITY * np.array(CROSS_SECTIONS[case]) * share
    background = events[:, 1] + events[:, 2]
    kept = (share[:, 0] >= 0.05) & (background >= 5)
    best = (events[kept, 0] / np.sqrt(background[kept])).max()
    assert best == pytest.approx(greatest, rel=0.001)


def test_the_closed_form_is_what_draws_show():
    X, _, process = make_two_backgrounds(300_000, random_state=0, return_process=True)
    for line in (CROSS_ENTROPY, SIGNIFICANCE[1], SIGNIFICANCE[2]):
        normal = np.array([1.0, -line.slope]) / np.hypot(1.0, line.slope)
        beyond = X @ normal - line.intercept / np.hypot(1.0, line.slope) > 0.3
        drawn = np.bincount(process, beyond) / np.bincount(process)
        closed = efficiencies(line, np.array([0.3]))[:, 0]
        np.testing.assert_allclose(drawn, closed, atol=4 * np.sqrt(closed.max() / 4 / 1e5))
        background = LUMINOSITY * (np.array(CROSS_SECTIONS[1]) * drawn)[1:].sum()
        found = scan(line, 1)
        at = found.at(closed[0])
        assert 300 * drawn[0] / np.sqrt(background) == pytest.approx(at, rel=0.03)


@pytest.mark.parametrize(("case", "least"), [(1, 0.00731), (2, 0.0194)])
def test_the_least_regulariser_with_which_a_line_beats_selecting_nothing(case, least):
    """That of the source, the signal over the background, is seven and twenty times too small."""
    sections = np.array(CROSS_SECTIONS[case])
    of_source = sections[0] / sections[1:].sum()
    scans = [
        efficiencies(Line(float(np.tan(turn)), 0.0), np.linspace(-12.0, 12.0, 1_201))
        for turn in np.linspace(-1.55, 1.55, 621)
    ]
    kept = np.array([one[0] for one in scans])
    accepted = np.array([sections[1:] @ one[1:] for one in scans]) / sections[1:].sum()

    def is_better(r):
        return (kept > np.sqrt(1 + accepted / r) / 2).any()

    assert is_better(1.01 * least)
    assert not is_better(0.99 * least)
    assert not is_better(of_source)


# --- trained ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_what_the_paper_claims_of_the_loss(case):
    """The line turns to the heavy background, and Z is greatest where more signal is kept."""
    small = {"n_samples": 9_000, "n_epochs": 40, "batch_size": 3_000}
    plain = fit_line("cross-entropy", case, 0, **small)
    ours = fit_line("significance", case, 0, regularizer=0.03, **small)
    assert abs(plain.slope) < 0.15
    turn = ours.slope - plain.slope
    assert (turn if case == 1 else -turn) > 0.3
    (z_plain, kept_plain), (z_ours, kept_ours) = (scan(one, case).best() for one in (plain, ours))
    assert kept_ours > kept_plain + 0.2
    assert z_ours > z_plain
    # Rates as weights turn the line as well.
    rates = fit_line("rates as weights", case, 0, **small)
    assert (rates.slope if case == 1 else -rates.slope) > 0.3


def test_the_command(capsys):
    main(["--seeds", "2", "--rows", "900", "--epochs", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| case | method | slope")
    assert len(lines) == 2 + len(CASES) * (len(METHODS) + 3 + 2)
    assert all("±" in line or "published" in line for line in lines[2:])


def test_a_row_of_one_line_has_no_interval():
    figures = Row(1, "published", [SIGNIFICANCE[1]]).figures()
    assert figures["slope"].mean == pytest.approx(0.6627)
    assert figures["slope"].half == 0.0
