"""One fit with one choice of the loss, and the comparison of several on the same folds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t as student
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from .._utils.calibration import SigmoidCalibrator
from .._utils.features import column_names
from .._utils.labels import already_told
from .._utils.positive import favours
from .._utils.rare_class import FewRowsWarning
from .._utils.splits import Split
from .._utils.tables import LabelledRows
from ._augmentation import augmented
from ._goal import Goal
from ._parameters import Parameters

__all__ = ["Fitted", "Gain", "Job", "compare", "gain_of", "last_step", "tabulate"]

# Changed copies of each row beside the row itself.
N_COPIES = 3
_CALIBRATED_ON = 0.2


def last_step(model: Any) -> tuple[Any, str]:
    """Return the estimator that is trained on the loss, and what goes before its parameters."""
    prefix = ""
    while isinstance(model, Pipeline):
        name, model = model.steps[-1]
        prefix += f"{name}__"
    return model, prefix


@dataclass(frozen=True)
class Fitted:
    """A fitted model, read by the positive class.

    Attributes
    ----------
    model : classifier
        The fitted model.
    pos_label : object
        The positive class.
    calibrator : SigmoidCalibrator, default=None
        Map to probabilities; None for those of the model.
    """

    model: Any
    pos_label: Any
    calibrator: SigmoidCalibrator | None = None

    def margin(self, X: Any) -> NDArray[np.float64]:
        """Return the scores, greater for the positive class."""
        found = np.asarray(self.model.decision_function(X), dtype=np.float64)
        found = found if favours(self.model, self.pos_label) else -found
        return found if self.calibrator is None else self.calibrator.scores(found)

    @property
    def has_probabilities(self) -> bool:
        """Whether there are probabilities."""
        return self.calibrator is not None or hasattr(self.model, "predict_proba")

    def probability(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of the positive class."""
        if self.calibrator is not None:
            found: NDArray[np.float64] = expit(self.calibrator.slope * self.margin(X))
            return found
        column = int(favours(self.model, self.pos_label))
        return np.asarray(self.model.predict_proba(X), dtype=np.float64)[:, column]


@dataclass(frozen=True)
class Job:
    """What all fits have in common.

    Attributes
    ----------
    model : classifier
        Unfitted; told the positive class.
    table : LabelledRows
        All rows, with labels as the user has them.
    positive : ndarray of shape (n_samples,), dtype=bool
        Which of them are positive.
    classes : ndarray of shape (2,)
        The negative label and the positive one.
    goal : Goal
        What is tuned for.
    seed : int
        Draws augmentations.
    """

    model: Any
    table: LabelledRows
    positive: NDArray[np.bool_]
    classes: NDArray[Any]
    goal: Goal
    seed: int

    def __sklearn_clone__(self) -> Job:
        return self

    def __deepcopy__(self, memo: Any) -> Job:
        return self

    def fit(self, parameters: Parameters, rows: NDArray[np.intp], *, final: bool) -> Fitted:
        """Train on some rows with a loss; the ``final`` model has probabilities."""
        model = clone(self.model)
        last, prefix = last_step(model)
        of_loss = "loss" if "loss" in last.get_params(deep=False) else "objective"
        changes: dict[str, Any] = {of_loss: parameters.loss}
        if not (final or self.goal.reads_probabilities) or parameters.strengths:
            changes["calibration_cv"] = None
        model.set_params(**{f"{prefix}{name}": value for name, value in changes.items()})
        with (
            already_told(self.classes),
            config_context(enable_metadata_routing=False),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", FewRowsWarning)
            if not parameters.strengths:
                seen = self.table.take(rows)
                model.fit(seen.features, seen.labels, **self._columns(prefix, seen, parameters))
                return Fitted(model, self.classes[1])
            fitted = self._augmented(model, parameters, rows)
            if not (final or self.goal.reads_probabilities):
                return Fitted(fitted, self.classes[1])
            split = StratifiedShuffleSplit(1, test_size=_CALIBRATED_ON, random_state=self.seed)
            train, held = next(split.split(rows, self.positive[rows]))
            other = Fitted(self._augmented(model, parameters, rows[train]), self.classes[1])
            margin = other.margin(_safe_indexing(self.table.features, rows[held]))
            weight = None if self.table.weight is None else self.table.weight[rows[held]]
            found = SigmoidCalibrator.fit(margin, self.positive[rows[held]], weight)
            return Fitted(fitted, self.classes[1], found)

    @staticmethod
    def _columns(prefix: str, rows: LabelledRows, parameters: Parameters) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if rows.weight is not None:
            found[f"{prefix}sample_weight"] = rows.weight
        if rows.groups is not None:
            found[f"{prefix}groups"] = rows.groups
        if parameters.by_segment:
            found[f"{prefix}segment"] = rows.segments
        return found

    def _augmented(self, model: Any, parameters: Parameters, rows: NDArray[np.intp]) -> Any:
        """Fit a model to rows and their changed copies, which are made after all other steps."""
        model, seen, positive = clone(model), self.table.take(rows), self.positive[rows]
        X, before = seen.features, None
        if isinstance(model, Pipeline):
            before = model[:-1]
            X = before.fit_transform(X, seen.labels)
        frame, X = X, np.asarray(X, dtype=np.float64)
        unit = positive.astype(np.intp)
        if parameters.by_segment and seen.segments is not None:
            unit = seen.segments
        rng = np.random.default_rng(self.seed)
        cell = 2 * unit + positive
        copies = [X] + [
            augmented(X, unit, cell, parameters.strengths, rng) for _ in range(N_COPIES)
        ]
        index = np.tile(np.arange(rows.size), len(copies))
        many = replace(seen, features=None).take(index)
        last, _ = last_step(model)
        last.set_params(max_epochs=_epochs_of_copies(last, rows.size, len(copies)))
        features = _named_like(frame, np.concatenate(copies))
        last.fit(features, many.labels, **self._columns("", many, parameters))
        return last if before is None else Pipeline([*before.steps, model.steps[-1]])

    def score(self, fitted: Fitted, train: NDArray[np.intp], held: NDArray[np.intp]) -> float:
        """Return the score of rows that were held out."""
        rows = self.table.take(held)
        weight = self.table.weight
        prior = float(
            np.average(self.positive[train], weights=None if weight is None else weight[train])
        )
        reads = self.goal.reads_probabilities
        probability = fitted.probability(rows.features) if reads else None
        margin = np.zeros(held.size) if reads else fitted.margin(rows.features)
        return self.goal.score(
            self.positive[held], margin, probability, prior, rows.weight, rows.segments
        )


def _named_like(frame: Any, values: NDArray[np.float64]) -> Any:
    """Return values with the names of the columns of a data frame, if it is one."""
    names = column_names(frame)
    if names is None:
        return values
    try:
        return type(frame)(values, columns=names)
    except TypeError:
        # As polars calls them.
        return type(frame)(values, schema=names)


def _epochs_of_copies(network: Any, n_rows: int, n_copies: int) -> int:
    """Return the passes over all copies that make as many steps as a network takes of the rows."""
    from ..neural.training._settings import settings_of
    from ..neural.training._support import auto_epochs

    settings, epochs = settings_of(network), network.max_epochs
    one, all_of_them = (-(-n // settings.batch_size) for n in (n_rows, n_rows * n_copies))
    if isinstance(epochs, str):
        epochs = auto_epochs(one, settings.least_passes, settings.least_steps)
    return max(1, -(-epochs * one // all_of_them))


class LossFit(BaseEstimator):
    """A fit as an estimator of row numbers, so that searches of scikit-learn can run it."""

    def __init__(self, job: Job, parameters: Parameters) -> None:
        self.job = job
        self.parameters = parameters

    def fit(self, X: NDArray[np.intp], y: Any = None) -> LossFit:
        """Fit to the rows of these numbers."""
        self.train_ = X[:, 0]
        self.fitted_ = self.job.fit(self.parameters, self.train_, final=False)
        return self

    def score(self, X: NDArray[np.intp], y: Any = None) -> float:
        """Return the score of the rows of these numbers."""
        return self.job.score(self.fitted_, self.train_, X[:, 0])


def compare(
    job: Job, choices: Sequence[Parameters], splits: Sequence[Split], n_jobs: int | None
) -> NDArray[np.float64]:
    """Return the scores of each choice on each split, shape (n_choices, n_splits)."""
    search = GridSearchCV(
        LossFit(job, choices[0]),
        {"parameters": list(choices)},
        cv=[tuple(split) for split in splits],
        refit=False,
        n_jobs=n_jobs,
        error_score="raise",
    )
    with config_context(enable_metadata_routing=False):
        search.fit(np.arange(job.positive.size)[:, None], job.positive.astype(int))
    columns = [search.cv_results_[f"split{k}_test_score"] for k in range(len(splits))]
    return np.column_stack(columns)


def tabulate(choices: Sequence[Parameters], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return scores in the form of ``cv_results_``."""
    named = [choice.named() for choice in choices]
    found: dict[str, Any] = {"params": named}
    for name in dict.fromkeys(name for one in named for name in one):
        column = np.empty(len(named), dtype=object)
        column[:] = [one.get(name) for one in named]
        found[f"param_{name}"] = column
    for number, column in enumerate(scores.T):
        found[f"split{number}_test_score"] = column
    mean = scores.mean(axis=1)
    found |= {"mean_test_score": mean, "std_test_score": scores.std(axis=1)}
    rank = 1 + (mean[:, None] < mean[None, :]).sum(axis=1)
    return found | {"rank_test_score": rank.astype(np.int32)}


class Gain(NamedTuple):
    """How much better a loss is than plain cross-entropy, in units of the score.

    Attributes
    ----------
    mean : float
        Mean difference on held-out rows.
    standard_error : float
        Its standard error, corrected for folds that share training rows.
    low, high : float
        Ends of the 95 % interval.
    """

    mean: float
    standard_error: float
    low: float
    high: float


def gain_of(
    found: NDArray[np.float64], plain: NDArray[np.float64], splits: Sequence[Split]
) -> Gain:
    """Return the gain from scores on the same splits.

    Differences on several folds are not independent, for the folds share most of the rows that
    they train on. The variance of the mean is ``(1 / n_splits + n_held_out / n_train)`` times
    that of a difference (Nadeau and Bengio, 2003).
    """
    difference = found - plain
    n = difference.size
    mean = float(difference.mean())
    if n < 2:
        return Gain(mean, float("inf"), -float("inf"), float("inf"))
    share = float(np.mean([split.held_out.size / max(1, split.train.size) for split in splits]))
    error = float(np.sqrt(difference.var(ddof=1) * (1.0 / n + share)))
    reach = float(student.ppf(0.975, n - 1)) * error
    return Gain(mean, error, mean - reach, mean + reach)
