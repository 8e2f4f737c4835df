"""What README and the other pages show runs as it stands."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
if not README.exists():
    pytest.skip("README.md is not part of an installed package", allow_module_level=True)

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_example_runs(number):
    pytest.importorskip("lightgbm")
    pytest.importorskip("xgboost")
    if "PAUCClassifier(" in BLOCKS[number]:
        pytest.importorskip("torch")
        pytest.importorskip("skorch")
    exec(compile(BLOCKS[number], f"README example {number + 1}", "exec"), {})


@pytest.mark.parametrize(
    "page",
    [
        page
        for folder in ("docs", "docs/guide")
        for page in sorted((README.parent / folder).glob("*.md"))
    ],
    ids=lambda page: page.name,
)
def test_page_runs(page):
    for module in ("torch", "lightgbm", "xgboost", "dask.dataframe", "distributed", "matplotlib"):
        pytest.importorskip(module)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict = {}
    for number, block in enumerate(blocks):
        code = compile(block, f"{page.name}, example {number + 1}", "exec")
        if not block.startswith("# Continued from above."):
            names = {"__name__": "__main__"}
        exec(code, names)


def test_a_network_is_trained_by_two_processes():
    pytest.importorskip("torch")
    script = README.parent / "docs" / "examples" / "two_processes.py"
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*run, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (coverage,) = re.findall(r"^coverage (\S+)$", done.stdout, flags=re.MULTILINE)
    assert float(coverage) > 0.3  # by chance 0.005


def test_the_work_of_a_tree_is_counted():
    for module in ("xgboost", "pandas"):
        pytest.importorskip(module)
    script = README.parent / "docs" / "examples" / "tree_work.py"
    done = subprocess.run(
        [sys.executable, str(script), "5000"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    passes = re.findall(r": (\S+) passes over the table", done.stdout)
    # No node's smaller child has more than half of its rows, and trees are six splits deep.
    assert len(passes) == 2
    assert all(0.0 < float(found) <= 3.0 for found in passes)


def test_losses_are_compared_at_high_recalls():
    for module in ("lightgbm", "xgboost"):
        pytest.importorskip(module)
    script = README.parent / "docs" / "examples" / "recall_losses.py"
    done = subprocess.run(
        [sys.executable, str(script), "1", "20000", "20"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]]
    best = float(rows[-1][2].split(" ")[0])
    assert rows[-1][0] == "the best possible score"
    assert all(best - 0.1 <= float(row[2].split(" ")[0]) <= 1.0 for row in rows)


def test_short_windows_flatter_themselves_and_reviewed_rows_do():
    pytest.importorskip("lightgbm")
    script = README.parent / "docs" / "examples" / "labels.py"
    done = subprocess.run(
        [sys.executable, str(script), "2", "8000"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "|" in line]
    found = {
        row[0]: [float(cell.split(" ")[0]) for cell in row[1:]] for row in rows if "." in row[-1]
    }
    kept, known, measured, true = found["7 days"]
    assert 0.9 < kept < 1.0
    assert known < found["90 days"][1] < 1.0
    assert measured > true + 0.05
    assert found["among reviewed positives"][0] > found["in truth"][0] + 0.1


def test_there_is_an_example_for_each_interface():
    for name in ("lgb.train", "xgb.train", " PAUCClassifier(", "GridSearchCV"):
        assert sum(name in block for block in BLOCKS) == 1


def test_examples_are_ten_lines():
    for block in BLOCKS:
        assert len([line for line in block.splitlines() if line.strip()]) <= 10


def test_the_two_commands_are_there_for_ci_to_find():
    commands = re.findall(
        r"^python -m pip install .* && python -m (\w+)$", TEXT, flags=re.MULTILINE
    )
    assert commands == ["skbudget", "pytest"]


def test_the_picture_names_the_competitor_that_the_table_names():
    script = runpy.run_path(str(README.parent / "docs" / "examples" / "coverage_picture.py"))
    figures = script["read_table"]()
    for cue in script["CUES"]:
        (row,) = re.findall(
            rf"^\| contested top, {cue} cue, 0\.5 % \| (.*) \|$", TEXT, re.MULTILINE
        )
        summary = script["summarise"](figures, cue)
        by_name = {entry.method.name: entry for entry in summary.methods}
        best, ours = by_name[summary.best_peer], by_name["pauc-lightgbm"]
        assert best.coverage.mean == max(
            entry.coverage.mean for entry in summary.methods if entry.method.role != "band"
        )
        gain = ours.over[summary.best_peer]
        assert row.split(" | ") == [
            best.method.label,
            f"{best.coverage.mean:.3f}",
            f"{ours.coverage.mean:.3f}",
            f"**{gain.mean:+.3f} ± {gain.half_width:.3f}**",
        ]


def test_pictures_exist():
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (README.parent / picture).is_file()
