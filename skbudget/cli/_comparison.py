"""The comparison: it trains every method on every split and summarises the results."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from .._utils.entries import entries_of
from .._utils.statistics import LEVEL, Estimate, t_interval
from ._methods import Method, Task, find_methods, split_by_availability
from ._problems import ContestedTop, Problem, Split
from ._threads import choose_processes, choose_threads

__all__ = [
    "Comparison",
    "MethodSummary",
    "ProblemSummary",
    "Run",
    "compare",
    "default_problems",
    "iter_runs",
]

LARGE = 20_000_000
"""Number of values in the training rows from which on fits share all processors.

Two fits of larger tables at a time could need more memory than there is.
"""


@dataclass(frozen=True)
class Run:
    """One method trained and measured on one split.

    Parameters
    ----------
    problem, method : str
        Names.
    split : int
        Number of the split, from 0.
    random_state : int
        Seed of the split and of the method.
    coverage : float
        Coverage at the budget on the test rows.
    seconds : float
        Wall time of training.
    ceiling : float, default=None
        Coverage of the best possible score on the same rows, if it is known.
    threads : int, default=1
        Number of threads of the fit.
    """

    problem: str
    method: str
    split: int
    random_state: int
    coverage: float
    seconds: float
    ceiling: float | None = None
    threads: int = 1


@dataclass(frozen=True)
class MethodSummary:
    """The results of one method on one data set.

    Parameters
    ----------
    method : Method
        The method.
    coverage : Estimate
        Mean coverage.
    seconds : float
        Median seconds of training.
    over : dict of str to Estimate
        Mean difference from each peer, by the peer's name and paired by split. Plain
        LightGBM counts as a peer.
    """

    method: Method
    coverage: Estimate
    seconds: float
    over: dict[str, Estimate]


@dataclass(frozen=True)
class ProblemSummary:
    """The results of a comparison on one data set.

    Parameters
    ----------
    problem : Problem
        The data set.
    methods : tuple of MethodSummary
        One entry for each method that ran.
    best_peer : str or None
        Name of the peer with the greatest mean coverage.
    ceiling : Estimate or None
        Mean of the best possible coverage, if it is known.
    n_splits : int
        Number of splits that every method finished. The figures are based on these.
    """

    problem: Problem
    methods: tuple[MethodSummary, ...]
    best_peer: str | None
    ceiling: Estimate | None
    n_splits: int


@dataclass(frozen=True)
class Comparison:
    """Runs of several methods on several data sets.

    Parameters
    ----------
    problems : tuple of Problem
        Data sets.
    methods : tuple of Method
        Methods that could run.
    runs : tuple of Run
        Finished runs.
    n_jobs : int
        Number of fits that ran at a time.
    skipped : dict of str to str, default={}
        Reasons why other methods could not run, by label.
    """

    problems: tuple[Problem, ...]
    methods: tuple[Method, ...]
    runs: tuple[Run, ...]
    n_jobs: int
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def n_planned(self) -> int:
        """Number of runs of the complete comparison."""
        return count_runs(self.problems, self.methods)

    @property
    def complete(self) -> bool:
        """Whether every run was finished."""
        return len(self.runs) == self.n_planned

    def summary(self) -> list[ProblemSummary]:
        """Return means, intervals and paired differences for each data set.

        If the comparison was interrupted, splits that some method did not finish are left
        out, and so are data sets without any run.
        """
        summaries = []
        for problem in self.problems:
            runs = [run for run in self.runs if run.problem == problem.name]
            if runs:
                summaries.append(self._summarise(problem, runs))
        return summaries

    def _summarise(self, problem: Problem, runs: list[Run]) -> ProblemSummary:
        by_method: dict[str, dict[int, Run]] = {}
        for run in runs:
            by_method.setdefault(run.method, {})[run.split] = run
        finished = sorted(set.intersection(*(set(done) for done in by_method.values())))
        coverage = {
            name: np.array([done[split].coverage for split in finished])
            for name, done in by_method.items()
        }

        def estimate(values: np.ndarray) -> Estimate:
            return t_interval(values.tolist(), test_train_ratio=problem.test_train_ratio)

        methods = [method for method in self.methods if method.name in coverage]
        peers = [method.name for method in methods if method.role != "band"]
        best_peer = max(peers, key=lambda name: coverage[name].mean(), default=None)
        of_first = by_method[methods[0].name]
        ceilings = [
            of_first[split].ceiling for split in finished if of_first[split].ceiling is not None
        ]
        return ProblemSummary(
            problem=problem,
            methods=tuple(
                MethodSummary(
                    method=method,
                    coverage=estimate(coverage[method.name]),
                    seconds=median(by_method[method.name][split].seconds for split in finished),
                    over={
                        peer: estimate(coverage[method.name] - coverage[peer])
                        for peer in peers
                        if peer != method.name
                    },
                )
                for method in methods
            ),
            best_peer=best_peer,
            ceiling=estimate(np.array(ceilings)) if ceilings else None,
            n_splits=len(finished),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return runs, summaries, settings and versions, ready for JSON."""

        def numbers(estimate: Estimate | None) -> dict[str, Any] | None:
            return None if estimate is None else estimate.to_dict()

        return {
            "complete": self.complete,
            "level": LEVEL,
            "n_jobs": self.n_jobs,
            "versions": _versions(self.methods),
            "skipped": dict(self.skipped),
            "problems": [
                {
                    "name": summary.problem.name,
                    "budget": summary.problem.budget,
                    "basis": summary.problem.basis,
                    "notes": list(summary.problem.notes),
                    **summary.problem.describe(),
                    "n_splits": summary.n_splits,
                    "test_train_ratio": summary.problem.test_train_ratio,
                    "ceiling": numbers(summary.ceiling),
                    "best_peer": summary.best_peer,
                    "methods": [
                        {
                            "name": entry.method.name,
                            "label": entry.method.label,
                            "coverage": numbers(entry.coverage),
                            "over": {peer: gain.to_dict() for peer, gain in entry.over.items()},
                            "seconds": entry.seconds,
                        }
                        for entry in summary.methods
                    ],
                }
                for summary in self.summary()
            ],
            "runs": [asdict(run) for run in self.runs],
        }


def _versions(methods: Iterable[Method]) -> dict[str, str]:
    from .. import __version__

    packages = ["numpy", "scipy", "sklearn", *dict.fromkeys(method.package for method in methods)]
    return {
        "skbudget": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        # A package need not say which version it is.
        **{name: str(getattr(import_module(name), "__version__", "unknown")) for name in packages},
    }


def count_runs(problems: Sequence[Problem], methods: Sequence[Method]) -> int:
    """Return the number of runs of a complete comparison."""
    return sum(problem.n_splits for problem in problems) * len(methods)


class _Goal(NamedTuple):
    """What a process needs to know of a data set besides the rows of a split."""

    problem: str
    budget: float
    basis: str


def run_method(method: Method, goal: _Goal, split: Split, n_threads: int) -> tuple[float, float]:
    """Return a method's coverage on a split and the seconds of its training."""
    from threadpoolctl import threadpool_limits

    from ..metrics import coverage_at_budget_score

    model = method.build(Task(goal.budget, n_threads, split.random_state))
    # The limit is for libraries that use all processors to predict, or take no number.
    with threadpool_limits(limits=n_threads):
        start = time.perf_counter()
        model = method.fit(model, split.X_train, split.y_train)
        seconds = time.perf_counter() - start
        scores = method.score(model, split.X_test)
    coverage = coverage_at_budget_score(split.y_test, scores, budget=goal.budget, basis=goal.basis)
    return coverage, seconds


def iter_runs(
    problems: Sequence[Problem],
    methods: Sequence[Method],
    n_jobs: int,
    n_threads: int | None = None,
) -> Iterator[Run]:
    """Train and measure the methods.

    Fits run in processes of one thread each, so that no thread waits for another one. The
    figures do not depend on the number of processes.

    Parameters
    ----------
    problems : sequence of Problem
        Data sets. All runs of one are finished before the next one is begun.
    methods : sequence of Method
        Methods whose packages are installed.
    n_jobs : int
        Number of fits at a time.
    n_threads : int, default=None
        Number of threads of a fit to a large table (20 000 000 values or more). Such fits
        run one after the other. None stands for ``n_jobs``.

    Yields
    ------
    run : Run
        With several fits at a time, the runs of a data set come in the order in which they
        are finished.

    Raises
    ------
    ValueError
        If something among the data sets or the methods is none, or a number is below 1.
    """
    from .._utils.validation import check_positive

    problems, methods = _check_problems(problems, "iter_runs"), _check_methods(methods)
    n_jobs = check_positive(n_jobs, "n_jobs", "iter_runs", integer=True, minimum=1)
    if n_threads is not None:
        n_threads = check_positive(n_threads, "n_threads", "iter_runs", integer=True, minimum=1)
    return _runs(problems, methods, n_jobs, n_threads)


def _runs(
    problems: Sequence[Problem], methods: Sequence[Method], n_jobs: int, n_threads: int | None
) -> Iterator[Run]:
    for problem in problems:
        about = problem.describe()
        goal = _Goal(problem.name, problem.budget, problem.basis)
        splits = enumerate(problem.splits())
        if about["n_train"] * about["n_features"] >= LARGE:
            n_threads = n_jobs if n_threads is None else n_threads
            yield from _run_in_turn(goal, splits, methods, n_threads)
        elif n_jobs == 1:
            yield from _run_in_turn(goal, splits, methods, 1)
        else:
            yield from _run_at_a_time(goal, splits, methods, n_jobs)


def _run(method: Method, goal: _Goal, number: int, split: Split, n_threads: int) -> Run:
    coverage, seconds = run_method(method, goal, split, n_threads)
    return Run(
        problem=goal.problem,
        method=method.name,
        split=number,
        random_state=split.random_state,
        coverage=coverage,
        seconds=seconds,
        ceiling=split.ceiling,
        threads=n_threads,
    )


def _run_in_turn(
    goal: _Goal, splits: Iterable[tuple[int, Split]], methods: Sequence[Method], n_threads: int
) -> Iterator[Run]:
    for number, split in splits:
        for method in methods:
            yield _run(method, goal, number, split, n_threads)


def _run_at_a_time(
    goal: _Goal, splits: Iterable[tuple[int, Split]], methods: Sequence[Method], n_jobs: int
) -> Iterator[Run]:
    """Run the methods in processes of one thread each."""
    from joblib import Parallel, delayed, parallel_config

    # The last methods take longest. They go first, so that no process waits at the end.
    tasks = (
        delayed(_run)(method, goal, number, split, 1)
        for number, split in splits
        for method in reversed(methods)
    )
    with parallel_config("loky", inner_max_num_threads=1):
        running = Parallel(n_jobs=n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
        yield from running(tasks)


def in_order(
    runs: Iterable[Run], problems: Sequence[Problem], methods: Sequence[Method]
) -> tuple[Run, ...]:
    """Return runs in the order of their data sets, splits and methods."""
    places = {problem.name: number for number, problem in enumerate(problems)}
    columns = {method.name: number for number, method in enumerate(methods)}
    return tuple(
        sorted(runs, key=lambda run: (places[run.problem], run.split, columns[run.method]))
    )


def default_problems() -> list[Problem]:
    """Return the default data sets: mammography and the product cue."""
    from ._files import load_table

    return [load_table("mammography"), ContestedTop()]


def compare(
    problems: Sequence[Problem] | None = None,
    methods: Iterable[str | Method] | None = None,
    *,
    n_jobs: int | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Comparison:
    """Compare methods on data sets, paired split by split.

    Parameters
    ----------
    problems : sequence of Problem, default=None
        Data sets with different names. None stands for mammography and the product cue.
    methods : iterable of str or Method, default=None
        Methods or their names in `METHODS`. None stands for the methods that run by
        default. Methods whose package is not installed are left out.
    n_jobs : int, default=None
        Number of fits that run at a time, with one thread each. None stands for the
        processors that are free, but at least two where there are two; -1 stands for all.
        Fits to a table of 20 000 000 values or more run one after the other, with that many
        threads.
    on_run : callable, default=None
        Called with each `Run` when it is finished.

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    ImportError
        If none of the methods can run.
    ValueError
        If a method is unknown, a data set is none, two data sets have the same name, or
        ``on_run`` cannot be called.

    Examples
    --------
    >>> from skbudget.cli import ContestedTop, compare
    >>> problem = ContestedTop(n_draws=2, n_train=10_000, n_test=10_000)
    >>> comparison = compare([problem], ["lightgbm", "pauc-lightgbm"], n_jobs=1)
    >>> [summary] = comparison.summary()
    >>> ours = summary.methods[1]
    >>> ours.method.label, ours.coverage.n, ours.over["lightgbm"].mean > 0
    ('PAUCLGBMClassifier', 2, True)
    """
    problems = default_problems() if problems is None else _check_problems(problems, "compare")
    check_names(problems)
    if on_run is not None and not callable(on_run):
        raise ValueError(f"The 'on_run' parameter of compare must be a function. Got {on_run!r}.")
    able, skipped = split_by_availability(find_methods(methods))
    processes, threads = choose_processes(n_jobs), choose_threads(n_jobs)
    runs = []
    for run in iter_runs(problems, able, processes, threads):
        runs.append(run)
        if on_run is not None:
            on_run(run)
    return Comparison(
        tuple(problems), tuple(able), in_order(runs, problems, able), processes, skipped
    )


def _check_problems(problems: Any, owner: str) -> list[Problem]:
    """Return data sets as a list."""
    listed = entries_of(problems)
    found = [problems] if listed is None else listed
    for problem in found:
        if not all(hasattr(problem, name) for name in ("name", "budget", "splits", "describe")):
            raise ValueError(
                f"The 'problems' parameter of {owner} must be data sets, such as ContestedTop() or "
                f"a Table. Got {problem!r} among them."
            )
    if not found:
        raise ValueError(f"The 'problems' parameter of {owner} must hold a data set. Got none.")
    return found


def _check_methods(methods: Any) -> list[Method]:
    """Return methods as a list."""
    listed = entries_of(methods)
    found = [methods] if listed is None else listed
    for method in found:
        if not isinstance(method, Method):
            raise ValueError(
                f"The 'methods' parameter of iter_runs must be methods, such as the values of "
                f"METHODS. Got {method!r} among them."
            )
    return found


def _check_comparison(comparison: Any, owner: str) -> Comparison:
    """Return the comparison, which must be one."""
    if not isinstance(comparison, Comparison):
        raise ValueError(
            f"The 'comparison' parameter of {owner} must be what compare returned. "
            f"Got {comparison!r} instead."
        )
    return comparison


def check_names(problems: Sequence[Problem]) -> None:
    """Raise an error if two data sets have the same name."""
    names = [problem.name for problem in problems]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"There are two data sets called {name!r}.")
