import math
from dataclasses import replace

import pytest
from study_fakes import ONE

from benchmarks.study import Results, ResultsError, read_results
from benchmarks.study._search import BASES

CELLS = [(0.005, basis) for basis in BASES]


def test_what_is_written_is_read(tmp_path):
    results = Results(tmp_path / "study.csv")
    nothing = replace(ONE, basis="population", validation=math.nan)
    results.add([ONE, nothing])
    first, second = read_results(tmp_path / "study.csv")
    assert replace(first, test=ONE.test) == ONE
    assert first.test == pytest.approx(ONE.test, abs=1e-6)
    assert math.isnan(second.validation)


def test_results_go_on_where_they_stopped(tmp_path):
    path = tmp_path / "study.csv"
    Results(path).add([ONE])
    results = Results(path)
    assert not results.holds("one", 0, "lightgbm", CELLS)
    results.add([ONE, replace(ONE, basis="population")])
    assert results.holds("one", 0, "lightgbm", CELLS)
    assert not results.holds("one", 1, "lightgbm", CELLS)
    assert len(read_results(path)) == 2  # nothing twice


def test_a_line_that_was_cut_off_is_dropped_and_found_anew(tmp_path):
    path = tmp_path / "study.csv"
    Results(path).add([ONE, replace(ONE, basis="population")])
    whole = path.read_bytes()
    for kept in range(len(whole) - 60, len(whole)):
        path.write_bytes(whole[:kept])
        results = Results(path)
        assert len(results.measures) == 1
        results.add([replace(ONE, basis="population")])
        assert path.read_bytes() == whole


def test_other_files_are_refused_and_left_alone(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ResultsError, match=r"mine\.csv is not a file of results"):
        Results(path)
    assert path.read_text() == "a,b\n1,2\n"
    Results(tmp_path / "good.csv").add([ONE])
    text = (tmp_path / "good.csv").read_text()
    path.write_text(text.replace(",0.25,", ",many,"))
    with pytest.raises(ResultsError, match="many"):
        Results(path)


def test_an_empty_file_is_a_start(tmp_path):
    (tmp_path / "study.csv").touch()
    results = Results(tmp_path / "study.csv")
    results.add([ONE])
    assert len(read_results(tmp_path / "study.csv")) == 1


def test_reading_leaves_the_file_alone(tmp_path):
    path = tmp_path / "study.csv"
    Results(path).add([ONE])
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    assert len(Results(path).measures) == 0
    assert path.read_bytes() == before
    Results(tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
