"""What is built: the wheel has the package alone, and the sdist has the benchmarks too."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import skbudget

ROOT = Path(__file__).parents[2]
if not (ROOT / "pyproject.toml").exists():
    pytest.skip("an installed package cannot be built again", allow_module_level=True)

PACKAGE = Path(skbudget.__file__).parent
DATA = {"NOTICE.txt", "mammography.csv.gz"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel and return its path."""
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    return Path(next(builder.build(directory=str(tmp_path_factory.mktemp("wheel")))))


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_has_the_package_alone(names):
    assert {name.split("/")[0] for name in names} == {
        "skbudget", f"skbudget-{skbudget.__version__}.dist-info",
    }  # fmt: skip
    words = [part for name in names for part in name.removesuffix(".py").split("/")]
    for word in ("benchmark", "benchmarks", "study", "speed", "reproduction", "tests"):
        assert word not in words


def test_the_wheel_has_every_module_and_no_other_data(names):
    modules = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    data = {f"skbudget/datasets/data/{name}" for name in DATA}
    built = {name for name in names if name.startswith("skbudget/")}
    assert built == modules | data | {"skbudget/py.typed"}


def test_the_wheel_has_the_console_script(wheel, names):
    (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(entry_points).decode()
    assert text.split() == ["[console_scripts]", "skbudget", "=", "skbudget.__main__:main"]


def test_the_sdist_has_benchmarks_tests_and_docs(tmp_path):
    builder = pytest.importorskip("hatchling.builders.sdist").SdistBuilder(str(ROOT))
    (path,) = builder.build(directory=str(tmp_path))
    with tarfile.open(path) as archive:
        built = {name.split("/", 1)[1] for name in archive.getnames()}
    for name in (
        "pyproject.toml",
        "README.md",
        "conftest.py",
        "skbudget/__main__.py",
        "benchmarks/study/_command.py",
        "benchmarks/speed/_command.py",
        "benchmarks/reproduction/_command.py",
        "tests/cli/test_wheel.py",
        "docs/conf.py",
        "docs/study-results.csv",
        "notebooks/study.ipynb",
    ):
        assert name in built
    assert not [name for name in built if "_build/" in name or "__pycache__" in name]


def run(arguments, folder, cwd):
    return subprocess.run(
        [sys.executable, "-m", "skbudget", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package without the rest of the repository, as a wheel installs it."""
    folder = tmp_path_factory.mktemp("site-packages")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "skbudget", ignore=ignored)
    return folder


@pytest.mark.parametrize("command", ["reproduce", "bench", "speed"])
def test_from_a_wheel_a_command_says_where_it_is(installed, tmp_path, command):
    # The repository's own folder of benchmarks may be on the path of this interpreter, and
    # another one is in the current folder. Neither lies beside the installed package.
    shutil.copytree(ROOT / "benchmarks", tmp_path / "benchmarks")
    done = run([command], installed, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python -m skbudget: error: the command ")
    assert "source repository" in done.stderr
    assert "sdist" in done.stderr
    assert f"python -m skbudget {command}" in done.stderr
    assert "Traceback" not in done.stderr


def test_from_a_wheel_the_other_commands_work(installed, tmp_path):
    pytest.importorskip("lightgbm")
    words = ["--cue", "product", "--seeds", "1", "--train-rows", "2000", "--test-rows", "2000"]
    done = run([*words, "--methods", "lightgbm", "--n-jobs", "1", "--quiet"], installed, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "contested top, product cue" in done.stdout
    done = run(["report", "--help"], installed, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "adoption_report" in done.stdout
