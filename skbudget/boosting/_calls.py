"""How LightGBM and XGBoost call an objective, and how a loss is called for them.

LightGBM and XGBoost call an objective in two ways each: with labels, scores and perhaps
weights and query groups, or with scores and the data that they belong to. Everything that
is known about the rows is collected here, checked against what the loss needs, and handed
to the loss as `Rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.codes import hint_of_sizes
from .._utils.collective import Collective, sum_over
from .._utils.ranges import MOST_MARGIN
from .._utils.validation import check_positive, shape_of
from ..objectives import Loss, OneVsRest, Rows, Schedule
from ..objectives._checks import refuse_grades
from ..objectives._loss import HESSIAN_FLOOR, check_names
from ..objectives._rows import check_columns, check_margins, code_target
from ._rounds import take_round
from ._workers import find_collective

__all__ = [
    "WEIGHTS_OF_POSITIVES",
    "BoosterCallable",
    "Call",
    "WeightOfPositives",
    "WithColumns",
    "plain_objective",
    "rows_and_value",
    "unpack_call",
]

WeightOfPositives = Literal["rows", "value"]
WEIGHTS_OF_POSITIVES = ("rows", "value")

NO_COLUMNS: dict[str, NDArray[Any]] = {}


# A greater number of margins is a mistake: no booster grows as many trees a round.
MOST_MARGINS = 100_000


class BoosterCallable:
    """The calling conventions of both boosters around a loss.

    A subclass has the attributes ``_loss`` (what is minimised), ``schedule`` and
    ``weight_of_positives``.
    """

    schedule: Schedule | None
    weight_of_positives: WeightOfPositives
    _loss: Loss[Any]

    # LightGBM counts the parameters: it passes query groups to an objective of four.
    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: ArrayLike | None = None,
        group: ArrayLike | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and hessian for one boosting round.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            Labels and raw scores, as the scikit-learn interfaces of both boosters pass
            them. Labels are what the loss takes: 0 and 1 or -1 and 1 for a binary target,
            whole numbers from 0 for classes and levels, any numbers for a real target.
            ``y_pred`` has shape (n_samples, n_margins) for several margins; a loss of a
            binary target then ranks each class against the rest. Or raw scores and the
            ``lightgbm.Dataset`` / ``xgboost.DMatrix`` they belong to, as ``lgb.train`` and
            ``xgb.train`` pass them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; taken from the Dataset / DMatrix if there is one.
        group : array-like of shape (n_groups,), default=None
            Rows of each query, in the order of the rows, as ``lightgbm.LGBMRanker`` passes
            them; taken from the Dataset / DMatrix if there is one.

        Returns
        -------
        gradient, hessian : ndarray of float32 with the shape of the raw scores

        Raises
        ------
        ValueError
            If labels are missing or not what the loss takes, a class is missing, lengths
            differ, weights or scores are unusable, a column that the loss needs is
            missing, or one is given that it does not read.
        RuntimeError
            If there is a schedule and no callback announced the round.
        NotImplementedError
            If LightGBM trains on several workers, or XGBoost does and the loss does not
            add up over workers.

        Notes
        -----
        Where XGBoost trains on several workers, rows are one worker's, and band, weights
        and pairs are those of all of them: the derivatives are the same as on one machine.
        """
        any_number = self._loss.target == "real"
        call = unpack_call(y_true, y_pred, sample_weight, group, any_number=any_number)
        return self._derivatives(call, NO_COLUMNS)

    def with_columns(self, **columns: ArrayLike | None) -> WithColumns:
        """Return this objective together with columns of the rows it will be called with.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            What the loss reads beside labels, scores and weights, such as ``value``,
            ``process`` or ``group`` (the query of each row). One entry per row of the
            training data.

        Returns
        -------
        objective : callable
            To be passed to a booster in place of this one.

        Raises
        ------
        ValueError
            If lengths differ, a value is unusable, or the loss does not read the column.
        """
        given = {name: values for name, values in columns.items() if values is not None}
        warmup = None if self.schedule is None else self.schedule.warmup
        needs = self._loss.needs if warmup is None else self._loss.needs | warmup.needs
        check_names(self._loss, given.keys() | needs, self._name, warmup)
        for name, values in given.items():
            shape = shape_of(values, name)
            if len(shape) != 1:
                raise ValueError(
                    f"{name} must have shape (n_samples,), one entry per row: got {shape}."
                )
        n_samples = np.shape(next(iter(given.values())))[0] if given else 0
        return WithColumns(self, check_columns(given, n_samples))

    def loss(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        iteration: int = 0,
        **columns: ArrayLike | None,
    ) -> float:
        """Return the loss that the gradient belongs to, summed over rows.

        Parameters
        ----------
        y_true, y_pred, sample_weight : array-like of shape (n_samples,)
            As in a call.
        iteration : int, default=0
            The round, where there is a schedule.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads.

        Returns
        -------
        loss : float
        """
        check_positive(iteration, "iteration", f"{self._name}.loss", integer=True, minimum=0)
        any_number = self._loss.target == "real"
        call = unpack_call(y_true, y_pred, sample_weight, any_number=any_number)
        rows = self._rows(call, check_columns(columns, call.labels.size))
        loss = self._resolved(rows, None if self.schedule is None else iteration)
        return loss.boosting_factor(rows) * loss.value(rows, loss.hold(rows))

    def start(
        self,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        n_margins: int = 1,
        **columns: ArrayLike | None,
    ) -> float | NDArray[np.float64]:
        """Return the constant that boosting on this loss is best begun from.

        Neither booster asks an objective for it, and both begin at zero. Pass it as
        LightGBM's ``init_score`` or XGBoost's ``base_margin`` (one number per row), or as
        XGBoost's ``base_score``. The classifiers of this package do so for a loss that
        they are given by name.

        Parameters
        ----------
        y_true, sample_weight : array-like of shape (n_samples,)
            As in a call.
        n_margins : int, default=1
            Raw scores per row.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads.

        Returns
        -------
        start : float, or ndarray of shape (n_margins,)
        """
        owner = f"{self._name}.start"
        check_positive(n_margins, "n_margins", owner, integer=True, minimum=1, maximum=MOST_MARGINS)
        n_samples = (*shape_of(y_true, "y_true"), 0)[0]
        raw = np.zeros(n_samples if n_margins == 1 else (n_samples, n_margins))
        call = unpack_call(y_true, raw, sample_weight)
        rows = self._rows(call, check_columns(columns, n_samples))
        return self._resolved(rows, None).start(rows)

    def _derivatives(
        self, call: Call, columns: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and hessian for a call, with what is known about the rows beside it."""
        iteration = None if self.schedule is None else take_round()
        rows = self._rows(call, columns, np.float32)
        loss = self._resolved(rows, iteration)
        found = loss.derivatives(rows, loss.hold(rows))
        factor = loss.boosting_factor(rows)
        return found.dense(rows.raw.shape[0], scale=factor, floor=HESSIAN_FLOOR, dtype=np.float32)

    def _resolved(self, rows: Rows, iteration: int | None) -> Loss[Any]:
        """Return the loss of a round, with all that depends on the rows filled in."""
        loss = self._loss
        if rows.raw.ndim == 2 and loss.target == "binary":
            # Each class against the rest.
            loss = OneVsRest(loss)
        loss = loss.resolved(rows)
        if self.schedule is None or iteration is None:
            return loss
        return self.schedule.at(iteration, loss)

    def _rows(
        self, call: Call, columns: Mapping[str, NDArray[Any]], dtype: Any = np.float64
    ) -> Rows:
        """Return what the loss is handed.

        Asked for in every round, so each check is a single pass at most.
        """
        loss, raw, weight = self._loss, call.raw, call.weight
        one_vs_rest = loss.target == "binary" and raw.ndim == 2
        given = columns
        if call.group is not None:
            given = {**columns, "group": call.group}
        if given or loss.needs or self.schedule is not None:
            self._check_given(given, call)
        if call.workers is not None and not loss.sums_over_workers:
            raise NotImplementedError(
                f"{loss.name} does not add up over workers: each worker would see its own rows "
                "alone, and the trees would not be those of the whole table. Train on one machine."
            )
        kind = "classes" if one_vs_rest else loss.target
        try:
            target = code_target(kind, call.labels, call.workers)
        except ValueError:
            refuse_grades(loss, call.labels)
            raise
        value = columns.get("value")
        if self.weight_of_positives == "value":
            if kind != "binary":
                raise ValueError(
                    "weight_of_positives='value' needs a binary target: of more classes each row "
                    "is a positive once and a negative otherwise, and has one weight for both."
                )
            weight, value = rows_and_value(target, weight, call.workers)
            given = {**given, "value": value} if value is not None else given
        if raw.ndim == 2 or loss.margins != "one":
            if one_vs_rest and raw.shape[1] == 1:
                raise ValueError(
                    "y_pred (preds of XGBoost) must have shape (n_samples,) for two classes, or a "
                    f"column for each of more: got {raw.shape}."
                )
            margins = "classes" if one_vs_rest else loss.margins
            check_margins(margins, target, raw, type(self).__name__)
        return Rows(target, raw, weight, given, call.workers, dtype)

    def _check_given(self, given: Mapping[str, NDArray[Any]], call: Call) -> None:
        if (
            call.group is not None
            and "group" not in self._loss.reads | self._loss.needs
            and (self.schedule is None or "group" not in self.schedule.warmup.needs)
        ):
            raise ValueError(
                f"The rows are grouped into queries, and {self._name} compares rows across "
                "queries: the groups would have no effect. Leave group out, or use a loss that "
                "reads it."
            )
        warmup = None if self.schedule is None else self.schedule.warmup
        check_names(self._loss, set(given), self._name, warmup)
        for name, values in given.items():
            if values.shape[0] != call.labels.shape[0]:
                raise ValueError(
                    f"{name} must have one entry per sample: expected {call.labels.shape[0]}, "
                    f"got {values.shape[0]}.{hint_of_sizes(values, call.labels.shape[0])}"
                )

    @property
    def _name(self) -> str:
        """What messages call this objective."""
        return type(self).__name__


@dataclass(frozen=True, eq=False)
class WithColumns:
    """An objective together with columns of the rows that it will be called with.

    Parameters
    ----------
    objective : BoosterCallable
        The objective.
    columns : dict of str to ndarray of shape (n_samples,)
        Checked columns, one entry per row of the training data.
    """

    objective: BoosterCallable
    columns: dict[str, NDArray[Any]] = field(repr=False)

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: ArrayLike | None = None,
        group: ArrayLike | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and hessian for one boosting round."""
        columns = self.columns
        # The folds of LightGBM's cross-validation are subsets that know their rows.
        used = getattr(y_pred, "used_indices", None)
        if used is not None:
            columns = {name: values[used] for name, values in columns.items()}
        any_number = self.objective._loss.target == "real"
        call = unpack_call(y_true, y_pred, sample_weight, group, any_number=any_number)
        return self.objective._derivatives(call, columns)


@dataclass(frozen=True)
class Call:
    """What a booster says about its rows in a round.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,)
    raw : ndarray of shape (n_samples,) or (n_samples, n_margins)
    weight : ndarray of shape (n_samples,) or None
    group : ndarray of shape (n_samples,) or None
        The number of each row's query.
    workers : Collective or None
        The workers that the rows are spread over; None if they are all here.
    """

    labels: NDArray[Any]
    raw: NDArray[np.floating]
    weight: NDArray[np.floating] | None
    group: NDArray[np.intp] | None
    workers: Collective | None


def plain_objective(objective: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Return an objective without columns, and the columns that it had."""
    if isinstance(objective, WithColumns):
        return objective.objective, objective.columns
    return objective, {}


def unpack_call(
    y_true: Any,
    y_pred: Any,
    sample_weight: ArrayLike | None = None,
    group: ArrayLike | None = None,
    *,
    any_number: bool = False,
) -> Call:
    """Tell ``(y_true, y_pred[, weight[, group]])`` from ``(preds, Dataset | DMatrix)``.

    Called in every round, so each check is a single pass at most. Where ``any_number`` may be
    a label, as of a real target, all of them may be zero.

    Raises
    ------
    ValueError
        If labels are missing, lengths differ, or scores or weights are unusable.
    """
    has_labels = True
    if hasattr(y_pred, "get_label"):
        raw, data = y_true, y_pred
        workers = find_collective(data)
        if hasattr(data, "construct"):
            # LightGBM answers only once its Dataset is built.
            data.construct()
            group = data.get_group()
        else:
            group = np.diff(data.get_uint_info("group_ptr"))
        labels, sample_weight = data.get_label(), data.get_weight()
        # XGBoost hands out an empty array where there are none.
        sample_weight, group = (
            None if one is None or np.size(one) == 0 else one for one in (sample_weight, group)
        )
        # XGBoost hands out an empty array for missing labels, LightGBM zeros.
        has_labels = labels is not None and bool(np.any(labels) or (any_number and np.size(labels)))
        if not has_labels and workers is None:
            raise ValueError(
                f"The {type(data).__name__} has no labels, or no positive one: "
                "construct it with label=."
            )
    else:
        labels, raw = y_true, y_pred
        workers = find_collective()
    # The scores are the first argument of a native call.
    name_of_raw = "y_pred" if raw is y_pred else "preds"
    try:
        what = "y_true"
        labels = np.asarray(labels)
        what = name_of_raw
        raw = np.asarray(raw)
        what, weight = "sample_weight", None
        if sample_weight is not None:
            weight = np.asarray(sample_weight)
    except ValueError as error:
        raise ValueError(f"{what} must be an array: {error}") from error
    if labels.ndim != 1 or labels.dtype.kind in "cmM":
        raise ValueError(
            f"y_true must have shape (n_samples,) and hold labels: Labels must have shape "
            f"(n_samples,), got {labels.shape} of {labels.dtype}."
        )
    if workers is not None:
        # Workers must agree on what they exchange; one may have no positive, or no row.
        with_labels, with_weight = sum_over(workers, has_labels, weight is not None)
        if not with_labels:
            raise ValueError("The DMatrix has no labels, or no positive one: construct it with y.")
        if with_weight and weight is None:
            weight = np.ones(labels.size, dtype=np.float32)
        raw = raw.astype(np.float32, copy=False)
    if raw.dtype.kind != "f" or raw.dtype.itemsize < 4:
        # Half precision is none to add up in.
        raw = _as_floats(raw, name_of_raw)
    if raw.ndim not in (1, 2):
        raise ValueError(f"{name_of_raw} must have 1 or 2 dimensions, got {raw.ndim}.")
    if raw.shape[0] != labels.shape[0]:
        raise ValueError(
            f"y_true and {name_of_raw} have different lengths: "
            f"{labels.shape[0]} labels and {raw.shape[0]} scores."
        )
    low, high = float(raw.min(initial=0.0)), float(raw.max(initial=0.0))
    if not (low >= -MOST_MARGIN and high <= MOST_MARGIN):
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"{name_of_raw} contains NaN or infinity.")
        raise ValueError(
            f"{name_of_raw} must lie within [-{MOST_MARGIN:g}, {MOST_MARGIN:g}]: it reaches from "
            f"{low:g} to {high:g}."
        )
    if weight is not None:
        if weight.shape != labels.shape:
            raise ValueError(
                f"sample_weight must have one entry per sample: expected {labels.shape[0]}, "
                f"got {weight.size}."
            )
        if weight.dtype.kind not in "biuf" or weight.dtype.itemsize == 2:
            weight = _as_floats(weight, "sample_weight")
        if not (weight.min(initial=0) >= 0 and np.isfinite(weight.sum())):
            raise ValueError(
                "sample_weight contains negative, NaN or infinite values, or their sum is too "
                f"large for {weight.dtype}."
            )
    of_row = None
    if group is not None:
        sizes = np.asarray(group)
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu":
            raise ValueError(
                "group must hold the number of rows of each query, integers of shape "
                f"(n_queries,): got {sizes.shape} of {sizes.dtype}."
            )
        if sizes.sum() != labels.size:
            raise ValueError(
                f"group must hold the number of rows of each query, {labels.size} in all: got "
                f"{sizes.sum()}."
            )
        of_row = np.repeat(np.arange(sizes.size), sizes)
    return Call(labels, raw, weight, of_row, workers)


def _as_floats(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Return integers, booleans and numbers in Python objects as floats."""
    try:
        return values.astype(np.float64, casting="unsafe" if values.dtype.kind == "O" else "safe")
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must hold numbers: got {values.dtype}.") from error


def rows_and_value(
    positive: NDArray[np.bool_], weight: NDArray | None, workers: Collective | None
) -> tuple[NDArray | None, NDArray | None]:
    """Take weights that hold the positives' values apart, into weights of rows and values."""
    if weight is None:
        return None, None
    rows = np.where(positive, np.ones(1, dtype=weight.dtype), weight)
    # Workers must agree on whether there are weights.
    (unequal,) = sum_over(workers, int(np.count_nonzero(rows != 1)))
    return rows if unequal else None, weight
