"""The rows that a boosted model is trained on, the model, and either booster that trains it."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from .._utils.splits import code_groups
from ..objectives import Rows
from ._calls import BoosterCallable, plain_objective
from ._reach import Work, can_be_bounded

__all__ = ["Binned", "Booster", "Choice", "Model", "Training"]

# Fewer rounds than these end at scores that tell little about those of more rounds.
FEWEST_ROUNDS = 25

# Parameters of a candidate by name: "beta" (None for the rule), least split gain and leaves.
Choice = dict[str, Any]


@dataclass
class Binned:
    """Tables of a booster's own that models share, made by it when they are first needed.

    Attributes
    ----------
    X : array-like, sparse matrix or DataFrame, or None
        The rows, for those of the whole table.
    whole : Binned or None
        Of the table that these rows are some of.
    index : ndarray of int or None
        Their indices there.
    table : lightgbm.Dataset or xgboost.DMatrix, or None
        The rows as the booster bins them.
    """

    X: Any = None
    whole: Binned | None = None
    index: NDArray[np.intp] | None = None
    table: Any = None


@dataclass(frozen=True)
class Training:
    """The rows that a model is trained on.

    Attributes
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
    rows : Rows
        Target as the loss codes it, sample weights and columns. Its scores are zeros.
    base : ndarray of shape (n_samples,) or (n_samples, n_margins), or None
        Scores that boosting begins from.
    groups : ndarray of shape (n_samples,), or None
        Groups of rows that folds keep together.
    for_splitters : mapping of str to mapping
        What the splitter of each parameter gets beside all of the rows.
    binned : Binned or None
        Tables that are shared with the models of other rows of the same table.
    """

    X: Any
    rows: Rows
    base: NDArray[np.float64] | None = None
    groups: NDArray[Any] | None = None
    for_splitters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    binned: Binned | None = field(default=None, repr=False)

    @cached_property
    def counted(self) -> NDArray[np.intp]:
        """Indices of the rows with weight."""
        weight = self.rows.weight
        return np.arange(self.rows.n_samples) if weight is None else np.flatnonzero(weight > 0)

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """Classes of the rows with weight, each of which every fold needs.

        A positive without value counts as a negative here.
        """
        strata = self.rows.target.astype(np.int64)
        value = self.rows.columns.get("value")
        if value is not None and self.rows.target.dtype == bool:
            strata = strata * (value > 0)
        return strata[self.counted]

    @cached_property
    def group(self) -> NDArray[np.intp] | None:
        """Group of each row with weight, if rows are grouped, by a customer or by a query."""
        given = (self.rows.columns.get("group"), self.groups)
        return code_groups(*(None if one is None else one[self.counted] for one in given))

    def take(self, index: NDArray[np.intp]) -> Training:
        """Return some of the rows."""
        base, groups = (None if one is None else one[index] for one in (self.base, self.groups))
        binned = None if self.binned is None else Binned(None, self.binned, index)
        rows = self.rows.take(index)
        return Training(_safe_indexing(self.X, index), rows, base, groups, binned=binned)

    def by_query(self) -> tuple[Training, NDArray[np.intp]]:
        """Return the rows query by query, and how many each of them has."""
        group = self.rows.columns.get("group")
        if group is None:
            return self, np.array([self.rows.n_samples])
        _, code = np.unique(group, return_inverse=True)
        if (code[1:] < code[:-1]).any():
            return self.take(np.argsort(code, kind="stable")), np.bincount(code)
        return self, np.bincount(code)


@dataclass
class Model:
    """A trained booster, and a constant that its margins have beside its trees.

    Attributes
    ----------
    fitted : LGBMModel or XGBModel
    kept : float or ndarray of shape (n_margins,), or None
        The part of the constant that the booster cannot carry, to be added to its margins.
    carried : float
        The part that the booster carries.
    work : Work or None
        What was trained on, where only rows near the band were.
    """

    fitted: Any
    kept: float | NDArray[np.float64] | None = None
    carried: float = 0.0
    work: Work | None = None

    def margins(self, booster: Booster, X: Any) -> NDArray[np.float64]:
        """Return the margins of rows, shape (n_samples,) or (n_samples, n_margins)."""
        margins = booster.margins(self.fitted, X)
        return margins if self.kept is None else margins + self.kept


@dataclass
class Booster(ABC):
    """One of the boosters, with the settings that all models of a `fit` share.

    Attributes
    ----------
    params : dict
        Parameters of the booster's own estimator.
    arguments : dict
        Arguments of its `fit` that do not belong to the training rows.
    callbacks : list
        Callbacks of the user.
    seed : object
        The user's ``random_state``.
    n_margins : int
        Raw scores per row.
    query_sizes : ndarray of int or None
        Rows of each query, for an objective of the booster's own that ranks them.
    pool : "exact", float or None
        Which rows to train on, where the objective has a band.
    by_query : bool
        Whether the booster has to know the queries for any objective, as for its metrics.
    """

    params: dict[str, Any]
    arguments: dict[str, Any]
    callbacks: list[Any]
    seed: Any
    n_margins: int = 1
    query_sizes: NDArray[np.intp] | None = None
    pool: Any = None
    by_query: bool = False
    _untouched: list[Any] = field(init=False, repr=False)

    # Under what name losses know it.
    library: ClassVar[str]
    # Classes of callbacks that print metrics, and of those that stop early.
    printing: ClassVar[tuple[type, ...]]
    stopping: ClassVar[tuple[type, ...]]

    def __post_init__(self) -> None:
        # Callbacks may keep what they saw: those of the folds are copied from these.
        self._untouched = [_copy_callback(callback) for callback in self.callbacks]

    def for_fold(self, n_rounds: int | None = None) -> Booster:
        """Return the settings for the model of a fold, with callbacks that saw no training.

        ``n_rounds`` takes the place of early stopping.
        """
        params = {**self.params, "random_state": self._seed_of_fold()}
        callbacks = [
            _copy_callback(callback)
            for callback in self._untouched
            # Only the final model prints its metrics.
            if not isinstance(callback, self.printing)
        ]
        fold = replace(self, params=params, callbacks=callbacks)
        return fold if n_rounds is None else fold.stopped_after(n_rounds)

    def hastened(self, learning_rate: float) -> Booster:
        """Return the settings for fewer rounds with longer steps, of the same length in all.

        They stay as they are if steps are as long already, and if rounds have a meaning of
        their own: for callbacks, for early stopping, and where trees do not add up.
        """
        own, n_rounds = self.params["learning_rate"], self.params["n_estimators"]
        known = own is not None and n_rounds is not None
        if not known or own <= 0 or own >= learning_rate or self.callbacks or not self._adds_up():
            return self
        fewer = max(math.ceil(n_rounds * own / learning_rate), min(n_rounds, FEWEST_ROUNDS))
        rate = own * n_rounds / fewer
        return self._without_evaluation({"learning_rate": rate, "n_estimators": fewer})

    def begin(
        self, start: float | NDArray[np.float64], base: NDArray | None, n_samples: int
    ) -> NDArray[np.float64]:
        """Return the scores of rows that boosting begins from: the start, and ``base``."""
        shape = (n_samples,) if self.n_margins == 1 else (n_samples, self.n_margins)
        return np.full(shape, start) + (0.0 if base is None else base)

    def _can_pool(self, objective: Any, training: Training, fewest_rows: int) -> bool:
        """Tell whether rows near the band are enough to train on, and training on them pays."""
        plain, _ = plain_objective(objective)
        return (
            self.pool is not None
            and isinstance(plain, BoosterCallable)
            and training.rows.n_samples >= fewest_rows
            and self.n_margins == 1
            and self.query_sizes is None
            and can_be_bounded(plain._loss.resolved(training.rows))
        )

    @abstractmethod
    def _adds_up(self) -> bool:
        """Tell whether scores are sums of trees, all of which are trained."""

    @abstractmethod
    def _without_evaluation(self, params: Mapping[str, Any]) -> Booster:
        """Return the settings without evaluation sets, and with other parameters."""

    @abstractmethod
    def _seed_of_fold(self) -> Any:
        """Return the ``random_state`` of another model."""

    @abstractmethod
    def stopped_after(self, n_rounds: int) -> Booster:
        """Return the settings with a number of rounds in place of early stopping."""

    @abstractmethod
    def kept_rounds(self, fitted: Any) -> int | None:
        """Return the number of rounds that early stopping kept, None without it."""

    @abstractmethod
    def train(self, training: Training, objective: Any, choice: Choice, start: Any) -> Model:
        """Return a trained model.

        Parameters
        ----------
        training : Training
            The rows.
        objective : callable or str
            What is minimised; a str is an objective of the booster's own.
        choice : dict
            Parameters that were chosen, and those of the booster's own objective.
        start : float or ndarray of shape (n_margins,), or None
            Constant that boosting begins from, in addition to the scores of the rows, and
            that the margins of the model have; None for zero.
        """

    @abstractmethod
    def margins(self, fitted: Any, X: Any, **options: Any) -> NDArray[np.float64]:
        """Return the margins of rows as the booster gives them."""

    @abstractmethod
    def has_splits(self, fitted: Any) -> bool:
        """Tell whether the rows of a fitted estimator can have different scores."""

    def replaced_start(self) -> float:
        """Return the part of all margins whose place scores that rows begin from take."""
        return 0.0

    @abstractmethod
    def shift(self, model: Model, offset: float) -> None:
        """Add a constant to the margins of a model with one margin."""


def _copy_callback(callback: Any) -> Any:
    try:
        return copy.deepcopy(callback)
    except Exception:
        # Locks, files and the like cannot be copied. The folds then share the callback.
        return callback
