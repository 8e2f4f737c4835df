"""The data sets of the comparison, each with its own way of splitting the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .._utils.naming import naming
from .._utils.validation import (
    BASES,
    _invalid,
    check_binary_labels,
    check_budget,
    check_option,
    check_positive,
)
from ._defaults import (
    CUES,
    DEFAULT_BUDGET,
    DEFAULT_DRAWS,
    DEFAULT_FOLDS,
    DEFAULT_REPEATS,
    DEFAULT_TEST_ROWS,
    DEFAULT_TRAIN_ROWS,
)

__all__ = ["ContestedTop", "Problem", "Split", "Table", "TableError"]

POS_RATE = 0.0015
N_FEATURES = 20
MIN_ROWS, MOST_ROWS = 16, 10**9
_GREATEST_SEED = 2**30


class TableError(ValueError):
    """A table that cannot be used.

    Parameters
    ----------
    message : str
        What is wrong, and what is allowed.
    argument : str, default="path"
        The argument of `read_table` or `Table` that it is about.
    """

    def __init__(self, message: str, argument: str = "path") -> None:
        super().__init__(message, argument)
        self.message = message
        self.argument = argument

    def __str__(self) -> str:
        return f"{self.argument}: {self.message}"


class Split(NamedTuple):
    """Training and test rows of one run, and the best possible coverage of the test rows."""

    X_train: Any
    y_train: NDArray[np.int64]
    X_test: Any
    y_test: NDArray[np.int64]
    random_state: int
    ceiling: float | None = None


class Problem(Protocol):
    """A data set with its budget and its splits."""

    @property
    def name(self) -> str:
        """Name in tables and plots."""

    @property
    def budget(self) -> float:
        """Review budget, a fraction in (0, 1]."""

    @property
    def basis(self) -> str:
        """What the budget is a fraction of: "population" or "fpr"."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks about the data that readers should know."""

    @property
    def about(self) -> str:
        """The beginning of the sentence that says what a comparison shows: "On this table"."""

    @property
    def n_splits(self) -> int:
        """Number of runs of each method."""

    @property
    def test_train_ratio(self) -> float:
        """Ratio of test rows to training rows if splits share rows, otherwise 0."""

    def splits(self) -> Iterator[Split]:
        """Yield the splits. Every call yields the same ones."""

    def describe(self) -> dict[str, Any]:
        """Return sizes and settings.

        The keys are ``design`` (the splits in words), ``n_features``, ``n_train``,
        ``n_test``, ``positives_train`` and ``positives_test``.
        """


def _check(problem: Problem) -> None:
    owner = type(problem).__name__
    check_budget(problem.budget, owner)
    check_option(problem.basis, "basis", BASES, owner)


def _check_seed(random_state: Any, owner: str) -> None:
    # The splits have greater seeds, up to twice as great.
    check_positive(
        random_state, "random_state", owner, integer=True, minimum=0, maximum=_GREATEST_SEED
    )


@dataclass(frozen=True)
class ContestedTop:
    """Independent draws of `make_contested_top`. Their ceiling is known.

    Parameters
    ----------
    cue : {"linear", "product", "radial"}, default="product"
        Form of the cue.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of.
    n_draws : int, default=4
        Number of draws. Each has its own training and test rows.
    n_train, n_test : int, default=100_000, 200_000
        Numbers of training and test rows.
    random_state : int, default=0
        Number of the first draw; the others follow. Draw ``i`` has the table of seed
        ``2 * i`` for training and that of seed ``2 * i + 1`` for testing.

    Examples
    --------
    >>> from skbudget.cli import ContestedTop
    >>> problem = ContestedTop("radial", n_draws=2, n_train=2_000, n_test=10_000)
    >>> [round(split.ceiling, 2) for split in problem.splits()]
    [0.8, 0.93]
    """

    cue: str = "product"
    budget: float = DEFAULT_BUDGET
    basis: str = "population"
    n_draws: int = DEFAULT_DRAWS
    n_train: int = DEFAULT_TRAIN_ROWS
    n_test: int = DEFAULT_TEST_ROWS
    random_state: int = 0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        _check(self)
        check_option(self.cue, "cue", CUES, owner)
        check_positive(self.n_draws, "n_draws", owner, integer=True, minimum=1)
        check_positive(self.n_train, "n_train", owner, integer=True, minimum=MIN_ROWS)
        check_positive(self.n_test, "n_test", owner, integer=True, minimum=MIN_ROWS)
        _check_seed(self.random_state, owner)
        for name in ("n_train", "n_test"):
            if getattr(self, name) > MOST_ROWS:
                raise ValueError(
                    f"{owner} cannot hold a table of {name}={getattr(self, name)} in memory."
                )

    @property
    def name(self) -> str:
        """Name in tables and plots."""
        return f"contested top, {self.cue} cue"

    @property
    def notes(self) -> tuple[str, ...]:
        """No remarks."""
        return ()

    @property
    def about(self) -> str:
        """The beginning of the sentence that says what a comparison shows."""
        return "On this synthetic table, whose top is crowded with hard negatives"

    @property
    def n_splits(self) -> int:
        """Number of runs of each method."""
        return self.n_draws

    @property
    def test_train_ratio(self) -> float:
        """The ratio is 0, because draws share no rows."""
        return 0.0

    def splits(self) -> Iterator[Split]:
        """Yield the draws."""
        from ..datasets import bayes_contested_top_score, make_contested_top
        from ..metrics import coverage_at_budget_score

        for number in range(self.random_state, self.random_state + self.n_draws):
            shared: dict[str, Any] = {
                "pos_rate": POS_RATE,
                "n_features": N_FEATURES,
                "cue": self.cue,
            }
            X_train, y_train = make_contested_top(self.n_train, random_state=2 * number, **shared)
            X_test, y_test = make_contested_top(self.n_test, random_state=2 * number + 1, **shared)
            ceiling = coverage_at_budget_score(
                y_test,
                bayes_contested_top_score(X_test, cue=self.cue),
                budget=self.budget,
                basis=self.basis,
            )
            yield Split(X_train, y_train, X_test, y_test, number, ceiling)

    def describe(self) -> dict[str, Any]:
        """Return sizes and settings."""
        return {
            "design": f"{self.n_draws} independent draw{'s' if self.n_draws > 1 else ''}",
            "n_features": N_FEATURES,
            "n_train": self.n_train,
            "n_test": self.n_test,
            "positives_train": _n_positives(self.n_train),
            "positives_test": _n_positives(self.n_test),
        }


def _n_positives(n_rows: int) -> int:
    return max(8, round(POS_RATE * n_rows))


def _take(X: Any, rows: NDArray[np.intp]) -> Any:
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _shape_of(X: Any) -> str:
    shape = getattr(X, "shape", None)
    return type(X).__name__ if shape is None else f"shape {tuple(shape)}"


@dataclass(frozen=True)
class Table:
    """A table that is split into stratified folds several times.

    Parameters
    ----------
    name : str
        Name in tables and plots.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Features. Columns of a DataFrame may be categorical.
    y : array-like of shape (n_samples,)
        Two labels. The positive class is 1, or the one that ``pos_label`` names.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of.
    n_repeats, n_folds : int, default=5, 3
        Numbers of repeats and of folds. Each repeat shuffles the rows and tests every fold
        once.
    random_state : int, default=0
        Seed of the shuffles.
    pos_label : int, float, bool or str, default=None
        Label of the positive class.
    folded : bool, default=True
        Whether the folds are used, and both classes must suffice for them.
    notes : tuple of str, default=()
        Remarks on how the table was read.
    about : str, default="On this table"
        The beginning of the sentence that says what a comparison shows.

    Examples
    --------
    >>> from skbudget.cli import Table
    >>> from skbudget.datasets import load_mammography
    >>> X, y = load_mammography(return_X_y=True)
    >>> problem = Table("mammography", X, y, budget=0.03)
    >>> problem.n_splits, problem.test_train_ratio
    (15, 0.5)
    """

    name: str
    X: Any = field(repr=False)
    y: Any = field(repr=False)
    budget: float = DEFAULT_BUDGET
    basis: str = "population"
    n_repeats: int = DEFAULT_REPEATS
    n_folds: int = DEFAULT_FOLDS
    random_state: int = 0
    pos_label: Any = None
    folded: bool = True
    notes: tuple[str, ...] = ()
    about: str = "On this table"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        _check(self)
        check_positive(self.n_repeats, "n_repeats", owner, integer=True, minimum=1)
        check_positive(self.n_folds, "n_folds", owner, integer=True, minimum=2)
        _check_seed(self.random_state, owner)
        if not isinstance(self.folded, bool | np.bool_):
            raise _invalid("folded", self.folded, owner, "True or False")
        if isinstance(self.X, list | tuple):
            with naming("X"):
                object.__setattr__(self, "X", np.asarray(self.X))
        shape: tuple[int, ...] = getattr(self.X, "shape", ())
        if len(shape) != 2 or shape[1] == 0:
            raise ValueError(
                f"The 'X' parameter of {owner} must be an array or a DataFrame of shape "
                "(n_samples, n_features), with at least one column. Got "
                f"{_shape_of(self.X)} instead."
            )
        if np.iscomplexobj(self.X):
            raise ValueError(f"The 'X' parameter of {owner} must be real. Got complex numbers.")
        positive = check_binary_labels(
            self.y, pos_label=self.pos_label, name="y", consistent_with=(self.X,)
        )
        fewest = min(positive.sum(), (~positive).sum())
        if self.folded and fewest < self.n_folds:
            raise TableError(
                f"{self.name} has {positive.sum()} positive and {(~positive).sum()} negative rows: "
                f"too few for {self.n_folds} folds with both in each; at most {fewest} are "
                "possible.",
                "n_folds",
            )
        object.__setattr__(self, "y", positive.astype(np.int64))

    @property
    def n_splits(self) -> int:
        """Number of runs of each method."""
        return self.n_repeats * self.n_folds

    @property
    def test_train_ratio(self) -> float:
        """Ratio of test rows to training rows."""
        return 1.0 / (self.n_folds - 1)

    def splits(self) -> Iterator[Split]:
        """Yield the folds of all repeats."""
        from sklearn.model_selection import RepeatedStratifiedKFold

        folds = RepeatedStratifiedKFold(
            n_splits=self.n_folds, n_repeats=self.n_repeats, random_state=self.random_state
        )
        for number, (train, test) in enumerate(folds.split(self.y, self.y)):
            yield Split(
                _take(self.X, train),
                self.y[train],
                _take(self.X, test),
                self.y[test],
                self.random_state + number,
            )

    def describe(self) -> dict[str, Any]:
        """Return sizes and settings. The sizes of a fold are rounded."""
        n_rows, n_positives = len(self.y), int(self.y.sum())
        test_share = 1.0 / self.n_folds
        return {
            "design": f"{self.n_repeats} x {self.n_folds} stratified folds",
            "n_features": int(self.X.shape[1]),
            "n_rows": n_rows,
            "positives": n_positives,
            "n_train": round((1.0 - test_share) * n_rows),
            "n_test": round(test_share * n_rows),
            "positives_train": round((1.0 - test_share) * n_positives),
            "positives_test": round(test_share * n_positives),
        }
