"""How a command is found: its name, the words that called it, and the code of the benchmarks."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import benchmarks
import skbudget
from skbudget.__main__ import COMMANDS, main
from skbudget.cli import _commands
from skbudget.cli._commands import ROOT, CommandError, load_command
from skbudget.cli._options import program

OF_BENCHMARKS = ["reproduce", "bench", "speed"]


def run(arguments, cwd, called="python -m skbudget", path=ROOT):
    """Run a command in a process of its own that finds the package in a folder."""
    if called == "skbudget":
        # What the console script does.
        script = Path(cwd) / "skbudget"
        script.write_text("import sys\nfrom skbudget.__main__ import main\nsys.exit(main())\n")
        start = [sys.executable, str(script)]
    else:
        start = [sys.executable, "-m", "skbudget"]
    return subprocess.run(
        [*start, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(path), "SKBUDGET_DATA": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


def stray_benchmarks(folder):
    """Make a package of the name of ours, as other repositories and distributions have it."""
    for package in ("benchmarks", "benchmarks/study", "benchmarks/speed"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise RuntimeError('stray package')\n")


# --- names --------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["nonsense", "bnech", "0.01", ""])
def test_unknown_command_lists_the_commands(capsys, word):
    assert main([word, "--help"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"python -m skbudget: error: unknown command {word!r}: "
        f"it should be one of {', '.join(COMMANDS)}\n"
    )


def test_every_command_has_a_sentence_and_a_main():
    for name, command in COMMANDS.items():
        assert command.about[0].isupper()
        assert command.about.endswith(".")
        assert callable(load_command(name).main)


@pytest.mark.parametrize(
    ("called", "words"),
    [
        ("/usr/bin/skbudget", "skbudget"),
        ("skbudget.exe", "skbudget"),
        (f"{skbudget.__path__[0]}/__main__.py", "python -m skbudget"),
        ("/usr/bin/pytest", "python -m skbudget"),
        ("", "python -m skbudget"),
    ],
)
def test_the_words_that_start_a_command(monkeypatch, called, words):
    monkeypatch.setattr(sys, "argv", [called, "--help"])
    assert program() == words
    assert program("report") == f"{words} report"
    monkeypatch.setattr(sys, "argv", [])
    assert program() == "python -m skbudget"


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("called", ["skbudget", "python -m skbudget"])
def test_help_shows_how_the_command_was_called(capsys, monkeypatch, called, command):
    script = "/usr/bin/skbudget" if called == "skbudget" else "skbudget/__main__.py"
    monkeypatch.setattr(sys, "argv", [script])
    with pytest.raises(SystemExit) as stopped:
        main([*filter(None, [command]), "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    # The comparison is also what runs without a command.
    words = called if command in ("", "compare") else f"{called} {command}"
    assert shown.startswith(f"usage: {words} [")
    assert f"\n  {words}\n" in shown  # the first example
    assert "PROG" not in shown
    assert ("python -m" in shown) == (called != "skbudget")


@pytest.mark.parametrize("arguments", [["--budget", "2"], ["bench", "--budgets", "2"]])
def test_errors_show_how_the_command_was_called(capsys, monkeypatch, arguments):
    pytest.importorskip("sklearn")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/skbudget"])
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "python -m" not in capsys.readouterr().err


# --- the code of the benchmarks -----------------------------------------------------


@pytest.mark.parametrize("called", ["skbudget", "python -m skbudget"])
def test_commands_run_from_another_folder(tmp_path, called):
    done = run(["reproduce", "--list"], tmp_path, called)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "cues"


@pytest.mark.parametrize("command", OF_BENCHMARKS)
def test_a_stray_package_in_the_current_folder_is_passed_over(tmp_path, command):
    stray_benchmarks(tmp_path)
    done = run([command, "--help"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m skbudget {command} ")


def test_processes_of_a_command_find_our_benchmarks(tmp_path):
    for module in ("lightgbm", "optuna", "joblib"):
        pytest.importorskip(module)
    stray_benchmarks(tmp_path)
    words = ["--quick", "--n-jobs", "2", "--seeds", "2", "--budgets", "0.05", "--quiet"]
    done = run(["bench", "--tables", "mammography", "--methods", "lightgbm", *words], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "LightGBM" in done.stdout
    assert "\nmammography,real,1,lightgbm," in (tmp_path / "study-quick.csv").read_text()


@pytest.mark.parametrize("command", OF_BENCHMARKS)
def test_a_package_that_was_imported_already_is_not_taken_for_ours(capsys, monkeypatch, command):
    stray = ModuleType("benchmarks")
    monkeypatch.setitem(sys.modules, "benchmarks", stray)
    for file in (None, "/elsewhere/benchmarks/__init__.py"):
        stray.__file__ = file
        assert main([command, "--help"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "another package called 'benchmarks' has been imported" in captured.err
        assert f"python -m skbudget {command}" in captured.err


def test_the_path_is_changed_only_for_the_benchmarks(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/first", str(ROOT)])
    load_command("report")
    assert sys.path == ["/first", str(ROOT)]
    load_command("speed")
    load_command("bench")
    assert sys.path == [str(ROOT), "/first", str(ROOT)]
    assert Path(benchmarks.__file__).parent == ROOT / "benchmarks"
    assert find_spec("benchmarks").origin == str(ROOT / "benchmarks" / "__init__.py")


@pytest.mark.parametrize("command", OF_BENCHMARKS)
def test_without_the_benchmarks_a_command_says_where_they_are(
    capsys, monkeypatch, tmp_path, command
):
    # A package of the same name beside ours, where wheels are installed.
    stray_benchmarks(tmp_path)
    monkeypatch.setattr(_commands, "ROOT", tmp_path)
    path = list(sys.path)
    with pytest.raises(CommandError, match="is not part of the installed package"):
        load_command(command)
    assert main([command]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    for words in (
        f"error: the command {command!r} is not part of the installed package.",
        "benchmarks/ of the source repository, which the source distribution (sdist) holds too.",
        'python -m pip install -e ".[bench]"',
        f"python -m skbudget {command}",
    ):
        assert words in captured.err
    assert sys.path == path
