"""A loss is one file: five toys are dropped into a copy of the package, and all else finds them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skbudget

for needed in ("lightgbm", "xgboost", "torch", "skorch"):
    pytest.importorskip(needed)

TOYS = Path(__file__).parent / "toys"
NAMES = ("toy_regulariser", "toy_process", "toy_group", "toy_ordinal", "toy_regression")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with a copy of the package, and the toys in the folder of its losses."""
    folder = tmp_path_factory.mktemp("package")
    source = Path(skbudget.__file__).parent
    shutil.copytree(source, folder / "skbudget", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NAMES:
        shutil.copy(TOYS / f"{name}.py", folder / "skbudget" / "objectives" / "losses")
    return folder


def run(package, *command):
    environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_every_booster_and_the_network_train_on_them(package):
    docs = Path(__file__).parents[2] / "docs"
    if not docs.exists():
        pytest.skip("docs are not part of an installed package")
    done = run(package, TOYS / "train_toys.py", docs)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["package"]).parent == package
    assert set(NAMES) <= set(found["available"])
    assert sorted(found["in_the_table"]) == sorted(NAMES)
    for name, scores in found["worth"].items():
        assert len(scores) == 5
        assert min(scores.values()) > 0.4, (name, scores)


def test_the_contract_tests_find_them(package):
    # In a copy, for the settings of this checkout would put its own package first.
    tests = shutil.copy(Path(__file__).parent / "test_registered_losses.py", package)
    done = run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "toy", tests)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert int(done.stdout.rsplit(" passed", 1)[0].split()[-1]) > 12 * len(NAMES)
