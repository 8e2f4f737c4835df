import pytest
from speed_cases import GROWTH, LIBAUC, PEAKS, RANK, SCALE, SPEED, one_call

from benchmarks.speed import PARTS, Speed, plot_scaling, render_speed
from benchmarks.speed._boosters import CONTEXT
from benchmarks.speed._report import scale_curves


def lines_with(text, *words):
    return [line.strip() for line in text.splitlines() if all(word in line for word in words)]


def test_a_fit_is_times_and_ratios():
    text = render_speed(SPEED)
    assert "LightGBM, 5 % positives; 1 000 000 rows, 100 rounds" in text
    ours, builtin, no_op = (
        lines_with(text, name, "s  ")[0].removeprefix(name).split()
        for name in ("PAUCObjective", "binary", "no-op objective")
    )
    assert ours == ["3.30", "s", "33.0", "ms"]
    assert builtin == ["2.00", "s", "20.0", "ms", "1.65", "[1.50,", "2.00]"]
    assert lines_with(text, "in the objective  ")[0].split()[3:] == ["500", "ms", "5.00", "ms"]
    assert no_op == ["2.00", "s", "20.0", "ms", "2.00", "[1.10,", "3.00]"]


def test_ranking_shows_coverage_and_its_ceiling():
    text = render_speed(SPEED)
    peer = lines_with(text, "lambdarank, 15 queries", "[")[0]
    assert peer.split("at random")[1].split() == [
        "4.00", "s", "20.0", "ms", "0.250", "[0.250,", "0.250]", "0.610",
    ]  # fmt: skip
    assert lines_with(text, "ceiling")[0].split() == ["ceiling", "0.870"]
    assert "in the objective" not in render_speed(Speed((RANK,)))


def test_calls_are_by_rows_with_an_exponent():
    text = render_speed(SPEED)
    assert lines_with(text, "rows", "exponent")[0].split() == [
        "rows", "10k", "100k", "1M", "exponent",
    ]  # fmt: skip
    timed, ratio = lines_with(text, "1 %, whole AUC")
    assert timed.split("AUC")[1].split() == ["1.00", "ms", "4.00", "ms", "40.0", "ms", "1.00"]
    assert ratio.split("AUC")[1].split() == ["0.100"]
    assert lines_with(text, CONTEXT)[0].split("context")[1].split() == ["3.00", "ms"]


def test_growth_is_by_rows_with_exponents_and_bytes():
    text = render_speed(Speed(GROWTH))
    assert "LightGBM, contested top; 100 rounds" in text
    lines = [
        lines_with(text, start, "  ")[0].split() for start in ("10 000", "250 000", "1 000 000")
    ]
    assert [line[-1] for line in lines] == ["0.0", "-4.0", "20.0"]
    assert lines[2] == [
        "1",
        "000",
        "000",
        "5.00",
        "s",
        "10.0",
        "s",
        "0.500",
        "[0.400,",
        "0.600]",
        "20.0",
    ]
    # Sizes where fixed costs show are left out.
    assert lines_with(text, "exponent  ")[0].split() == ["exponent", "0.50", "1.00"]
    assert "has a process of its own" in " ".join(text.split())
    assert "without the first turn" not in text
    assert "without the first turn" in " ".join(render_speed(SPEED).split())


def test_a_single_size_has_no_exponent():
    text = render_speed(Speed((one_call(200_000, 0.01),)))
    assert lines_with(text, "whole AUC")[0].split()[-1] == "-"
    assert "brute force, pair by pair" not in text


def test_curves_are_by_rows_with_the_context_last():
    curves = scale_curves(Speed(SCALE[::-1]))
    assert list(curves) == ["1 % positives, whole AUC", CONTEXT]
    assert [turns.rows for turns in curves["1 % positives, whole AUC"]] == [
        10_000, 100_000, 1_000_000,
    ]  # fmt: skip


def test_memory_is_bytes_per_row():
    text = render_speed(Speed(peaks=PEAKS))
    assert "bytes per row, of 1 000 000 rows" in text
    assert lines_with(text, "default band")[0].split() == ["default", "band", "10.1", "20.2"]


def test_steps_are_in_fractions_of_a_second():
    text = render_speed(Speed((LIBAUC,)))
    assert "pairwise, no queue; 4 096 rows" in text
    assert lines_with(text, "PAUCAtBudgetLoss  ")[0].split()[1:] == ["250", "µs"]
    assert lines_with(text, "LibAUC pAUC")[0].split()[2:5] == ["2.00", "ms", "0.125"]


def test_the_header_says_where_and_with_what():
    text = render_speed(SPEED)
    assert "skbudget 1.2, numpy 3.4" in text
    assert "Linux x86_64, 8 cores, 1 thread, --quick" in text


def test_what_was_left_out_is_said_even_without_notes():
    short, long = render_speed(SPEED, notes=False), render_speed(SPEED)
    for text in (short, long):
        assert 'fit with XGBoost left out: needs xgboost: pip install "skbudget[xgboost]"' in text
    for words in ("Below 1 ours is faster", "no query of more than 10 000 rows", "8 bytes per row"):
        assert words in " ".join(long.split())
        assert words not in " ".join(short.split())


def test_parts_that_were_not_run_are_not_mentioned():
    text = render_speed(Speed(SCALE))
    assert [part for part in PARTS if f"{part}: {PARTS[part]}" in text] == ["scale"]
    assert "LibAUC" not in text
    assert "fresh draw" not in text


def test_a_line_for_each_setting(tmp_path):
    pytest.importorskip("matplotlib")
    figure = plot_scaling(SPEED)
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [line.get_label() for line in axes.lines] == [
        "1 % positives, whole AUC: exponent 1.00",
        CONTEXT,
    ]
    assert axes.lines[0].get_xdata().tolist() == [10_000, 100_000, 1_000_000]
    assert axes.lines[0].get_ydata().tolist() == [0.001, 0.004, 0.04]
    assert axes.lines[1].get_ydata().tolist() == [0.003]
    figure.savefig(tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw():
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="part 'scale' was not measured"):
        plot_scaling(Speed((LIBAUC,)))
