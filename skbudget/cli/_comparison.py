"""The comparison: it trains every method on every split and summarises the results."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np

from .._utils.statistics import LEVEL, Estimate, t_interval
from .._utils.validation import check_positive
from ._methods import Method, Task, find_methods, split_by_availability
from ._problems import ContestedTop, Problem, Split

__all__ = [
    "Comparison",
    "MethodSummary",
    "ProblemSummary",
    "Run",
    "compare",
    "default_problems",
    "iter_runs",
    "resolve_n_jobs",
]


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
    """

    problem: str
    method: str
    split: int
    random_state: int
    coverage: float
    seconds: float
    ceiling: float | None = None


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
        Number of threads of each fit.
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
        ceilings = [
            run.ceiling
            for split, run in by_method[methods[0].name].items()
            if split in finished and run.ceiling is not None
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
        **{name: str(import_module(name).__version__) for name in packages},
    }


def resolve_n_jobs(n_jobs: int | None) -> int:
    """Return a number of threads: None and -1 mean all cores that this process may use.

    If the environment variable ``OMP_NUM_THREADS`` is set, all cores means that number, as
    it does for the boosters.
    """
    if n_jobs is not None and n_jobs != -1:
        return int(check_positive(n_jobs, "n_jobs", "compare", integer=True, minimum=1))
    import joblib

    limit = os.environ.get("OMP_NUM_THREADS", "")
    return int(limit) if limit.isdigit() and int(limit) > 0 else joblib.cpu_count()


def count_runs(problems: Sequence[Problem], methods: Sequence[Method]) -> int:
    """Return the number of runs of a complete comparison."""
    return sum(problem.n_splits for problem in problems) * len(methods)


def run_method(method: Method, problem: Problem, split: Split, n_jobs: int) -> tuple[float, float]:
    """Return a method's coverage on a split and the seconds of its training."""
    from ..metrics import coverage_at_budget_score

    model = method.build(Task(problem.budget, n_jobs, split.random_state))
    start = time.perf_counter()
    model = method.fit(model, split.X_train, split.y_train)
    seconds = time.perf_counter() - start
    coverage = coverage_at_budget_score(
        split.y_test,
        method.score(model, split.X_test),
        budget=problem.budget,
        basis=problem.basis,
    )
    return coverage, seconds


def iter_runs(problems: Sequence[Problem], methods: Sequence[Method], n_jobs: int) -> Iterator[Run]:
    """Train and measure the methods, one run after the other.

    Parameters
    ----------
    problems : sequence of Problem
        Data sets.
    methods : sequence of Method
        Methods whose packages are installed. All of them run on a split before the next
        split is made.
    n_jobs : int
        Number of threads.

    Yields
    ------
    run : Run
    """
    for problem in problems:
        for number, split in enumerate(problem.splits()):
            for method in methods:
                coverage, seconds = run_method(method, problem, split, n_jobs)
                yield Run(
                    problem=problem.name,
                    method=method.name,
                    split=number,
                    random_state=split.random_state,
                    coverage=coverage,
                    seconds=seconds,
                    ceiling=split.ceiling,
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
        Number of threads of each fit. None stands for all cores. The last digits of the
        figures can depend on the number of threads.
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
        If a method is unknown, or two data sets have the same name.

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
    problems = default_problems() if problems is None else problems
    check_names(problems)
    able, skipped = split_by_availability(find_methods(methods))
    n_jobs = resolve_n_jobs(n_jobs)
    runs = []
    for run in iter_runs(problems, able, n_jobs):
        runs.append(run)
        if on_run is not None:
            on_run(run)
    return Comparison(tuple(problems), tuple(able), tuple(runs), n_jobs, skipped)


def check_names(problems: Sequence[Problem]) -> None:
    """Raise an error if two data sets have the same name."""
    names = [problem.name for problem in problems]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"There are two data sets called {name!r}.")
