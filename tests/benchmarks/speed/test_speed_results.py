import json

import pytest
from speed_cases import FIT, GROWTH, PEAKS, RANK, SPEED

from benchmarks.speed import Speed, fit_exponent, read_speed
from benchmarks.speed._results import describe_machine


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.7])
def test_the_exponent_of_a_power_is_exact(exponent):
    rows = [10**5, 3 * 10**5, 10**6, 10**7]
    assert fit_exponent(rows, [3e-8 * n**exponent for n in rows]) == pytest.approx(
        exponent, rel=1e-12
    )


def test_the_exponent_is_that_of_least_squares():
    # The ends are off by the same amount, so the line stays parallel.
    assert fit_exponent([10**5, 10**6, 10**7], [2.0, 5.0, 200.0]) == pytest.approx(1.0)


def test_sizes_where_fixed_costs_show_are_left_out():
    rows, seconds = [1000, 10_000, 100_000, 200_000], [1.0, 1.0, 1.0, 2.0]
    assert fit_exponent(rows, seconds) == pytest.approx(1.0)
    assert fit_exponent(rows, seconds, least_rows=0) < 0.5


def test_no_exponent_of_a_single_size():
    assert fit_exponent([1000, 10_000, 100_000], [1.0, 2.0, 3.0]) is None
    assert fit_exponent([], []) is None
    assert fit_exponent([100_000, 100_000], [1.0, 2.0]) is None


def test_ratios_are_of_pairs():
    assert FIT.ratio("binary") == pytest.approx((1.65, 1.5, 2.0))
    assert FIT.ratio("no-op objective") == pytest.approx((2.0, 1.1, 3.0))
    assert (FIT.ours, FIT.peers) == ("PAUCObjective", ["binary", "no-op objective"])
    assert FIT.typical("PAUCObjective") == 3.3
    assert RANK.ratio("lambdarank, 15 queries at random").median == 0.25


def test_bytes_per_row():
    assert [peak.per_row for peak in PEAKS] == [10.1, 20.2]


def test_bytes_added_are_those_of_the_pairs():
    assert GROWTH[0].added_per_row("binary") == 20.0
    assert GROWTH[2].added_per_row("binary") == -4.0


def test_files_from_before_growth_can_be_read():
    content = Speed((FIT,)).to_dict()
    del content["turns"][0]["peaks"]
    assert Speed.from_dict(content) == Speed((FIT,))


def test_everything_survives_a_file(tmp_path):
    file = tmp_path / "speed.json"
    file.write_text(json.dumps(SPEED.to_dict(), allow_nan=False))
    assert read_speed(file) == SPEED
    assert Speed.from_dict(Speed().to_dict()) == Speed()


def test_the_machine_is_described_without_its_name():
    about = describe_machine()
    assert {"skbudget", "python", "numpy", "scikit-learn"} <= set(about["versions"])
    assert about["cores"] >= 1
    assert set(about) == {"versions", "platform", "cores"}
