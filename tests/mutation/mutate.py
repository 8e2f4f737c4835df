"""Mutation testing by room: which changes of the code does no test notice?

``mutmut`` changes one expression at a time and runs the tests that call the changed
function. This program draws a random sample of its mutants from a room of the package,
leaves out those that change only the text of a message, and reports the share that the
tests kill, with a 95 % Wilson interval, and each survivor. CONTRIBUTING.md says how to use
it; ``survivors.md`` lists the survivors that no test can kill, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SURVIVORS = Path(__file__).with_name("survivors.md")


@dataclass(frozen=True)
class Room:
    """What is mutated, and the tests that should notice."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()  # sources that are left alone
    ignored: tuple[str, ...] = ()  # tests that take long and add little
    deselected: tuple[str, ...] = ()  # tests that fail through mutmut's wrappers alone


ROOMS = {
    "band": Room(("skbudget/band.py",), ("tests/test_band.py", "tests/_utils/test_collective.py")),
    "kernels": Room(("skbudget/kernels/*",), ("tests/kernels", "tests/_utils/test_collective.py")),
    "objectives": Room(
        ("skbudget/objectives/*",),
        ("tests/objectives", "tests/_utils/test_collective.py"),
        # Starts a program of its own in another folder, where mutmut is not set up.
        ignored=("tests/objectives/test_one_file.py",),
    ),
    "metrics": Room(
        ("skbudget/metrics/*",),
        ("tests/metrics", "tests/_utils/test_collective.py"),
        without=("skbudget/metrics/_displays/*",),
        ignored=(
            "tests/metrics/test_metrics_displays.py",
            "tests/metrics/test_metrics_displays_mixin.py",
            "tests/metrics/test_metrics_memory.py",
        ),
        # mutmut takes the processes that joblib leaves for its own.
        deselected=(
            "tests/metrics/test_metrics_scorers.py::"
            "test_grid_search_with_two_processes_and_a_pipeline",
        ),
    ),
    "model_selection": Room(
        ("skbudget/model_selection/*",),
        ("tests/model_selection",),
        without=("skbudget/model_selection/report/*",),
        ignored=(
            "tests/model_selection/report",
            "tests/model_selection/test_threshold_estimator_checks.py",
        ),
        # A warning points at the caller; a wrapper lies between the two.
        deselected=(
            "tests/model_selection/test_segments.py::"
            "test_a_constant_score_names_the_segment_and_points_at_the_caller",
            "tests/model_selection/test_threshold_positive_class.py::test_labels_of_any_kind_and_container",
            "tests/model_selection/test_threshold_positive_class.py::test_a_name_silences_the_warning_and_either_class_can_be_named",
            "tests/model_selection/test_threshold_positive_class.py::test_a_fitted_estimator_with_its_own_order_of_classes",
            # Workers of joblib may hang in a process that was forked.
            "tests/model_selection/test_budget_threshold_classifier.py::test_nests",
            "tests/model_selection/test_threshold_positive_class.py::test_metadata_routing_and_threads",
            # An iterator among its examples is used up when mutmut runs the test again.
            "tests/model_selection/test_threshold_splits.py::test_any_splitter_or_iterable",
        ),
    ),
}

# A change in one of these calls changes the text of a message, or a name in it.
MESSAGES = re.compile(r"(warn|raise_\w+|_?check_\w+|require_\w+|\w*(Error|Warning)|getLogger)$")
# So does a change of one of these variables and arguments.
TEXTS = {"owner", "message", "hint", "reason", "remedy", "text"}

# mutmut's exit codes of a mutant's tests.
SURVIVED, NO_TESTS, KILLED = {0}, {5, 33}, {1, 3}

# Makes the mutants without running a test. The order is that of `mutmut run`.
GENERATE = """
from pathlib import Path
import mutmut.__main__ as m
m.set_mutant_under_test("mutant_generation")
Path("mutants").mkdir(exist_ok=True)
m.copy_src_dir(); m.copy_also_copy_files(); m.setup_source_paths()
m.create_mutants(1)
"""

# An example that kills one mutant must not be tried first on the next one.
PROFILE = """
import hypothesis

hypothesis.settings.register_profile("mutation", database=None, deadline=None)
hypothesis.settings.load_profile("mutation")
"""


@dataclass(frozen=True)
class Mutant:
    """One change of one function."""

    name: str
    source: str  # the changed file
    function: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.source} {self.function}\n    - {self.before}\n    + {self.after}"


def wilson(killed: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the 95 % interval of Wilson for a share."""
    if n == 0:
        return 0.0, 1.0
    share = killed / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - half, centre + half


# --- which mutants there are -----------------------------------------------------------


def changed(before: ast.AST, after: ast.AST) -> list[ast.AST]:
    """Return the path from the root of ``before`` down to the node that differs."""
    path = [before]
    while True:
        differing = []
        for name, value in ast.iter_fields(before):
            other = getattr(after, name, None)
            if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
                pairs = list(zip(value, other))
            else:
                pairs = [(value, other)]
            for one, two in pairs:
                if isinstance(one, ast.AST) and isinstance(two, ast.AST):
                    if ast.dump(one) != ast.dump(two):
                        differing.append((one, two))
                elif isinstance(one, list) or one != two:
                    return path
        if len(differing) != 1 or type(differing[0][0]) is not type(differing[0][1]):
            return path if len(differing) != 1 else [*path, differing[0][0]]
        before, after = differing[0]
        path.append(before)


def is_message(path: list[ast.AST]) -> bool:
    """Whether a change at the end of the path changes only what a message says."""
    last = path[-1]
    for node, below in zip(path, [*path[1:], last]):
        if isinstance(node, ast.Raise | ast.JoinedStr):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "attr", getattr(called, "id", ""))
            text = isinstance(below, ast.Constant | ast.JoinedStr) or below is node
            if MESSAGES.fullmatch(name) and text:
                return True
            if name == "cast":
                return True
        if isinstance(node, ast.keyword) and node.arg in TEXTS:
            return True
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id in TEXTS for target in node.targets
        ):
            return True
        if isinstance(node, ast.FunctionDef) and re.search("__repr__|__str__", node.name):
            return True
    return False


def lines_that_differ(before: ast.FunctionDef, after: ast.FunctionDef) -> tuple[str, str]:
    """Return the first line that differs, as Python writes it, before and after."""
    after.name = before.name
    one, two = ast.unparse(before).splitlines(), ast.unparse(after).splitlines()
    for left, right in zip(one, two):
        if left != right:
            return left.strip(), right.strip()
    return (one[len(two)].strip(), "") if len(one) > len(two) else ("", two[len(one)].strip())


def read_mutants(folder: Path, source: str) -> list[Mutant]:
    """Return the mutants of one file which change more than a message."""
    meta = folder / "mutants" / f"{source}.meta"
    if not meta.exists():
        return []
    names = list(json.loads(meta.read_text())["exit_code_by_key"])
    text = (folder / "mutants" / source).read_text()
    functions = {
        node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)
    }
    found = []
    for name in names:
        short = name.rpartition(".")[2]
        mangled = short.rpartition("__mutmut_")[0]
        before, after = functions[f"{mangled}__mutmut_orig"], functions[short]
        path = changed(
            ast.Module([*before.body, ast.Expr(before.args)], []),
            ast.Module([*after.body, ast.Expr(after.args)], []),
        )
        # mutmut's names: x_function, or xǁClassǁmethod.
        function = mangled.removeprefix("x").lstrip("_ǁ").replace("ǁ", ".")
        if function.endswith(("__repr__", "__str__")) or is_message(path):
            continue
        found.append(Mutant(name, source, function, *lines_that_differ(before, after)))
    return found


def draw(mutants: dict[str, list[Mutant]], size: int, seed: int) -> list[Mutant]:
    """Return a random sample with as many mutants of each file as its share asks for."""
    total = sum(map(len, mutants.values()))
    if size >= total:
        return [mutant for found in mutants.values() for mutant in found]
    shares = {source: size * len(found) / total for source, found in mutants.items()}
    counts = {source: int(share) for source, share in shares.items()}
    by_rest = sorted(shares, key=lambda source: counts[source] - shares[source])
    for source in by_rest[: size - sum(counts.values())]:
        counts[source] += 1
    # A generator for each file: a change of one file leaves the samples of the others as they are.
    return [
        mutant
        for source, found in mutants.items()
        for mutant in random.Random(f"{seed} {source}").sample(found, counts[source])
    ]


# --- the copy in which they are made ---------------------------------------------------


def copy_repository(folder: Path) -> None:
    """Copy what Git knows and what is new, and nothing that it ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source, target = REPOSITORY / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def configure(folder: Path, room: Room, deselected: list[str]) -> None:
    """Tell mutmut which files it changes, and pytest which tests there are."""
    selection = [
        *room.tests,
        *(f"--ignore={test}" for test in room.ignored),
        *(f"--deselect={test}" for test in (*room.deselected, *deselected)),
    ]
    arguments = ["-p", "no:cacheprovider", "-n", "0", "--hypothesis-seed=0"]
    lines = {
        "source_paths": ["skbudget/"],
        "only_mutate": list(room.sources),
        "do_not_mutate": list(room.without),
        "also_copy": ["tests", "benchmarks", "docs", "notebooks", "conftest.py", "README.md"],
        "pytest_add_cli_args_test_selection": selection,
        "pytest_add_cli_args": arguments,
        "timeout_multiplier": 6,
        "cache_invalidation_exclude": ["*"],
    }
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    with open(folder / "pyproject.toml", "a") as file:
        file.write(f"\n[tool.mutmut]\n{table}\n")
    with open(folder / "conftest.py", "a") as file:
        file.write(PROFILE)


def environment() -> dict[str, str]:
    without = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return {**without, "OMP_NUM_THREADS": "1"}


def run_mutants(folder: Path, names: list[str]) -> dict[str, int | None]:
    """Return the exit code of each mutant's tests."""
    log = folder / "mutmut.log"
    with open(log, "w") as file:
        ended = subprocess.run(
            [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names],
            cwd=folder,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if ended.returncode:
        sys.exit(f"mutmut failed; the end of {log}:\n{log.read_text()[-3000:]}")
    codes: dict[str, int | None] = {}
    for meta in (folder / "mutants").rglob("*.meta"):
        codes |= json.loads(meta.read_text())["exit_code_by_key"]
    return {name: codes[name] for name in names}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--sample", type=int, default=150, help="how many mutants (default: 150)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (default: 0)")
    parser.add_argument("--mutants", nargs="*", help="these instead of a sample")
    parser.add_argument(
        "--survivors", action="store_true", help="try only those again that survived the last run"
    )
    parser.add_argument("--deselect", nargs="*", default=[], help="tests that fail as it is")
    parser.add_argument("--folder", type=Path, help="where to work (default: build/mutation/ROOM)")
    arguments = parser.parse_args()
    room = ROOMS[arguments.room]
    folder = arguments.folder or REPOSITORY / "build" / "mutation" / arguments.room
    folder.mkdir(parents=True, exist_ok=True)
    copy_repository(folder)
    configure(folder, room, arguments.deselect)
    subprocess.run(
        [sys.executable, "-c", GENERATE],
        cwd=folder,
        env=environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    sources = sorted(str(p.relative_to(folder)) for p in (folder / "skbudget").rglob("*.py"))
    mutants = {source: read_mutants(folder, source) for source in sources}
    mutants = {source: found for source, found in mutants.items() if found}
    if arguments.mutants:
        wanted = set(arguments.mutants)
        sample = [m for found in mutants.values() for m in found if m.name in wanted]
    else:
        sample = draw(mutants, arguments.sample, arguments.seed)
    kept = folder / "results.json"
    codes = json.loads(kept.read_text()) if kept.exists() and arguments.survivors else {}
    tried = [m.name for m in sample if codes.get(m.name, 0) in SURVIVED | NO_TESTS]
    begun = time.monotonic()
    codes |= run_mutants(folder, tried)
    kept.write_text(json.dumps(codes, indent=0))

    listed = SURVIVORS.read_text().partition("## Open")[0].replace(r"\|", "|")
    print(f"{'file':45s} {'mutants':>8s} {'tried':>6s} {'killed':>7s} {'no test':>8s}")
    for source, found in mutants.items():
        tried = [codes[m.name] for m in sample if m.source == source]
        without = sum(code in NO_TESTS for code in tried)
        killed = sum(code not in SURVIVED | NO_TESTS for code in tried)
        print(f"{source:45s} {len(found):8d} {len(tried):6d} {killed:7d} {without:8d}")
    survivors = [m for m in sample if codes[m.name] in SURVIVED | NO_TESTS]
    slow = sum(codes[m.name] not in SURVIVED | NO_TESTS | KILLED for m in sample)
    known = [m for m in survivors if f"| `{m.before}` | `{m.after}` |" in listed]
    n = len(sample)
    killed = n - len(survivors)
    low, high = wilson(killed, n)
    print(
        f"{killed} of {n} killed: {killed / max(n, 1):.1%}, 95 % interval {low:.1%} to {high:.1%} "
        f"({slow} by the time limit or a crash); {len(known)} survivors are listed as equivalent; "
        f"{time.monotonic() - begun:.0f} s"
    )
    for mutant in survivors:
        known_text = " (listed)" if mutant in known else ""
        print(f"\n{mutant.name}{known_text}\n  {mutant}")


if __name__ == "__main__":
    main()
