import json
from pathlib import Path

import numpy as np
import pytest

for library in ("lightgbm", "xgboost", "torch", "skorch", "dask", "pandas", "matplotlib"):
    pytest.importorskip(library)

import benchmarks.snapshot
from benchmarks.snapshot import _kernels, _record
from benchmarks.snapshot.__main__ import main
from benchmarks.snapshot._names import build

FOLDER = Path(benchmarks.snapshot.__file__).parent
# Three examples of six arrays each.
FEW = "bands/200/plain/fpr-0.01-0.1-"


def _changed(path, edit):
    """Apply ``edit`` to the examples of a file."""
    contents = json.loads(path.read_text())
    edit(contents["examples"])
    path.write_text(json.dumps(contents))


@pytest.fixture
def written(tmp_path, capsys):
    """A file of a few examples."""
    path = tmp_path / "before.json"
    assert main(["write", str(path), "--only", FEW]) == 0
    assert capsys.readouterr().out == "3 examples, 0 failed\n"
    return path


def test_list_names_examples_of_every_room(capsys):
    assert main(["write", "unused.json", "--list"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert len(set(names)) == len(names) > 3_000
    listed = {name.partition("/")[0] for name in names}
    rooms = {
        room: {
            name
            for name, function in _record.GROUPS.items()
            if function.__module__ == f"benchmarks.snapshot._{room}"
        }
        for room in _record.ROOMS
    }
    assert all(groups and groups <= listed for groups in rooms.values()), rooms
    assert set().union(*rooms.values()) == listed


def test_every_file_of_examples_is_listed():
    files = {path.stem.lstrip("_") for path in FOLDER.glob("_[a-z]*.py")}
    assert files - {"record", "names", "rows"} == set(_record.ROOMS)
    assert len(set(_record.ROOMS)) == len(_record.ROOMS)


def test_list_computes_and_writes_nothing(tmp_path, capsys):
    path = tmp_path / "none.json"
    assert main(["compare", str(path), "--list", "--only", "readme/"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out
    assert all(name.startswith("readme/") for name in out)
    assert not path.exists()


def test_same_numbers_agree(written, capsys):
    assert main(["compare", str(written), "--only", FEW]) == 0
    assert capsys.readouterr().out == "3 examples, 3 identical, 0 differ\n"


def test_only_a_part_of_a_file_is_compared(written, capsys):
    assert main(["compare", str(written), "--only", FEW + "iqr"]) == 0
    assert capsys.readouterr().out == "1 examples, 1 identical, 0 differ\n"


def test_an_edited_file_differs(written, capsys):
    def edit(examples):
        array = examples[FEW + "iqr"]["total_weight"]
        array["sha256"] = "0" * 64
        array["sum"] = (float.fromhex(array["sum"]) * 1.01).hex()

    _changed(written, edit)
    assert main(["compare", str(written), "--only", FEW]) == 1
    assert capsys.readouterr().out.splitlines() == [
        FEW + "iqr",
        "    total_weight: differs, by 9.9e-03",
        "3 examples, 2 identical, 1 differ",
    ]


def test_a_change_of_the_last_bit_differs(tmp_path, monkeypatch, capsys):
    path, rule = tmp_path / "before.json", _kernels.default_beta
    assert main(["write", str(path), "--only", "bands/default_beta"]) == 0
    monkeypatch.setattr(_kernels, "default_beta", lambda *args: np.nextafter(rule(*args), 2.0))
    capsys.readouterr()
    assert main(["compare", str(path), "--only", "bands/default_beta"]) == 1
    name, difference, total = capsys.readouterr().out.splitlines()
    assert name == "bands/default_beta"
    assert difference.startswith("    value: differs, by ")
    assert 0 < float(difference.rpartition(" ")[2]) < 1e-15
    assert total == "1 examples, 0 identical, 1 differ"


def test_missing_arrays_and_examples_differ(written, capsys):
    def edit(examples):
        del examples[FEW + "None"]
        del examples[FEW + "iqr"]["members"]
        examples[FEW + "band"]["count"]["shape"] = [2]
        examples[FEW + "gone"] = {}

    _changed(written, edit)
    assert main(["compare", str(written), "--only", FEW]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index(FEW + "None") + 1] == "    not in the file"
    assert lines[lines.index(FEW + "iqr") + 1] == "    members: only now"
    assert "has become" in lines[lines.index(FEW + "band") + 1]
    assert lines[lines.index(FEW + "gone") + 1] == "    only in the file"
    assert lines[-1] == "4 examples, 0 identical, 4 differ"


def test_an_example_that_raises_never_agrees(tmp_path, monkeypatch, capsys):
    def fails(*args):
        raise ValueError("no rule")

    path, only = tmp_path / "before.json", ["--only", "bands/default_beta"]
    monkeypatch.setattr(_kernels, "default_beta", fails)
    assert main(["write", str(path), *only]) == 1
    assert "bands/default_beta: error: ValueError: no rule" in capsys.readouterr().out
    assert main(["compare", str(path), *only]) == 1
    assert "1 examples, 0 identical, 1 differ" in capsys.readouterr().out


def test_other_libraries_are_named(written, capsys):
    contents = json.loads(written.read_text())
    contents["environment"]["numpy"] = "0.1"
    written.write_text(json.dumps(contents))
    assert main(["compare", str(written), "--only", FEW]) == 0
    assert "numpy was 0.1, and is " in capsys.readouterr().out


def test_a_name_that_nothing_has_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["write", str(tmp_path / "none.json"), "--only", "nothing like it"])
    assert stopped.value.code == 2
    assert "no example has 'nothing like it' in its name" in capsys.readouterr().err


def test_group_names_are_unique():
    _record.load_rooms()
    with pytest.raises(ValueError, match="two groups called 'bands'"):
        _record.group(_kernels.bands)


def test_older_names_of_parameters_are_found():
    def older(*, budget_basis="fpr", calibrate=True):
        return budget_basis, calibrate

    def newer(*, basis="fpr", calibration_cv="auto"):
        return basis, calibration_cv

    given = {"basis": "population", "calibration_cv": None}
    assert build(older, **given) == ("population", False)
    assert build(newer, **given) == ("population", None)
    assert build(older, calibration_cv="auto") == ("fpr", True)
    with pytest.raises(TypeError, match="no_such_name"):
        build(newer, no_such_name=1)
