"""Columns and values that `fit` is handed beside the labels, checked against what is minimised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._utils.names import suggestion
from .._utils.validation import check_reference
from ..objectives import Rows
from ._minimised import Minimised, find_minimised
from ._parameters import OWN_PARAMETERS, ParentNames

__all__ = ["check_names_of_columns", "check_negatives", "check_value", "columns_of"]

# Columns that losses may read, which it does no harm to leave out.
USUAL_COLUMNS = ("group", "process", "value", "iid_mask")


def columns_of(estimator: Any) -> frozenset[str]:
    """Return the columns that the objective of an estimator reads, its schedule's included."""
    try:
        loss = find_minimised(estimator).loss
    except (TypeError, ValueError):
        # `fit` says what is wrong.
        return frozenset()
    warmup = getattr(estimator.schedule, "warmup", None)
    read = [one.reads | one.needs for one in (loss, warmup) if one is not None]
    return frozenset().union(*read)


def check_names_of_columns(
    estimator: Any, minimised: Minimised, columns: Mapping[str, ArrayLike | None]
) -> None:
    """Raise if a column is given that nobody reads, or one is missing.

    A misspelt argument of `fit` ends up among the columns. It is refused even if it is
    None, with the name that was meant.
    """
    owner, loss = type(estimator).__name__, minimised.loss
    arguments = [*signature(type(estimator).fit).parameters][3:-1]
    read = [] if loss is None else sorted(loss.reads | loss.needs)
    known = [*arguments, *read, *USUAL_COLUMNS]
    try:
        minimised.check_columns(
            {k: v for k, v in columns.items() if v is not None or k not in known}, owner
        )
    except ValueError as error:
        for name in columns:
            hint = _hint(name, known, estimator._names)
            if name not in read and hint and repr(name) in str(error):
                raise ValueError(f"{error} {hint}") from None
        raise


def check_negatives(rows: Rows, owner: str) -> None:
    """Raise if ``iid_mask`` leaves no negatives to set the band with."""
    mask = rows.columns.get("iid_mask")
    if mask is not None:
        counted = mask if rows.weight is None else mask & (rows.weight > 0)
        n_negatives = int(np.count_nonzero(counted & ~rows.target))
        check_reference(n_negatives, mask.size, int(np.count_nonzero(mask)), owner)


def check_value(estimator: Any, minimised: Minimised, rows: Rows) -> None:
    """Raise if the values of the positives are of no use."""
    value = rows.columns.get("value")
    if value is None:
        return
    if minimised.at(estimator.beta).weight_of_positives == "value":
        raise ValueError(
            "The values of the positives were passed as value, but the objective takes "
            "their weights for values: leave weight_of_positives at 'rows'."
        )
    counted = rows.target if rows.weight is None else rows.target & (rows.weight > 0)
    n_valued = int(np.count_nonzero(value[counted]))
    if n_valued == 0:
        raise ValueError("The positives have no value: at least one must be worth something.")
    if estimator.calibration_cv is not None and n_valued < 2:
        raise ValueError(
            "Only 1 positive has value: calibration needs at least 2. "
            "Pass calibration_cv=None to train a model that only ranks."
        )


def _hint(name: str, known: Sequence[str], names: ParentNames) -> str:
    """Return what an unknown argument of `fit` probably is, empty if there is no telling."""
    if name in known:
        return ""
    if name in OWN_PARAMETERS or name in names.constructor or name in names.main:
        return f"{name} is a parameter of the constructor: pass it there."
    return suggestion(name, known)
