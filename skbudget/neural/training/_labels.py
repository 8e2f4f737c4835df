"""Several labels per row: what `fit` is handed, and which rows are held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._utils.splits import code_groups
from ..._utils.validation import _as_array
from ._rows import rarest_class_sample, strata_of, stratified_sample

__all__ = ["check_labels", "held_out_labels", "learn_labels"]


def check_labels(y: Any, owner: str, name: str) -> NDArray[np.int64]:
    """Return indicators of labels, shape (n_samples, n_labels).

    Parameters
    ----------
    y : object
        What `fit` was called with.
    owner, name : str
        The estimator and its loss, for messages.

    Raises
    ------
    ValueError
        If there is one column, or an entry is neither 0 nor 1.
    """
    if y is None:
        raise ValueError(f"{owner} requires y to be passed, but the target y is None.")
    found = _as_array(y.toarray() if hasattr(y, "toarray") else y, "y")
    if found.ndim != 2 or found.shape[1] < 2:
        raise ValueError(
            f"y must have shape (n_samples, n_labels) with at least two labels, for {name} takes "
            f"several per row: got {found.shape}. Of one label per row take another loss."
        )
    if found.dtype.kind == "O":
        try:
            found = found.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y must hold 0 and 1: {error}.") from error
    if found.dtype.kind not in "biuf":
        raise ValueError(f"y must hold 0 and 1, one column per label: got {found.dtype}.")
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise ValueError(
            f"Input y contains NaN. Where some labels are not known, pass one as y and the others "
            f"as heads of {owner}, which leave them out."
        )
    wrong = found[(found != 0) & (found != 1)]
    if wrong.size:
        raise ValueError(
            f"y must hold 0 and 1, one column per label: found {np.unique(wrong)[:10].tolist()}. "
            "MultiLabelBinarizer of scikit-learn makes such columns of lists of labels."
        )
    return found.astype(np.int64)


def learn_labels(estimator: Any, y: NDArray[np.int64], classes: Any, *, first: bool) -> None:
    """Let the estimator know how many labels there are.

    Raises
    ------
    ValueError
        If a label has no positives or no negatives, or the number of labels has changed.
    """
    owner, n_labels = type(estimator).__name__, y.shape[1]
    if classes is not None and not np.array_equal(np.asarray(classes), np.arange(n_labels)):
        raise ValueError(
            f"classes={classes!r} must be the numbers of the labels, 0 to {n_labels - 1}, where a "
            "row has several: leave it out."
        )
    if not first:
        if len(estimator.classes_) != n_labels:
            raise ValueError(
                f"y has {n_labels} labels, and the earlier calls had {len(estimator.classes_)}."
            )
        return
    if classes is None:
        for label, share in enumerate(y.mean(axis=0).tolist() if len(y) else []):
            if share in (0.0, 1.0):
                raise ValueError(
                    f"{owner} needs rows with and without each label, and label {label} is "
                    f"{int(share)} in all rows of positive weight: leave out its column."
                )
    vars(estimator).pop("pos_label_", None)
    # As scikit-learn's own classifiers of several labels have them, for its scorers.
    estimator.classes_ = [np.arange(2) for _ in range(n_labels)]


def held_out_labels(
    estimator: Any, y: NDArray[np.int64], groups: Any, rng: np.random.RandomState
) -> NDArray[np.bool_]:
    """Return a mask of the rows to hold out: ``validation_fraction``, with every label.

    Raises
    ------
    ValueError
        If there are too few rows with a label, or without it, for both parts.
    """
    strata, fraction = strata_of(y), estimator.validation_fraction
    # Numbered without gaps.
    strata = np.unique(strata, return_inverse=True)[1].reshape(-1)
    if groups is None:
        held = stratified_sample(strata, fraction, rng)
    else:
        coded = code_groups(groups)
        assert coded is not None
        held = rarest_class_sample(strata, coded, fraction, rng)
    for part in (held, ~held):
        share = y[part].mean(axis=0) if part.any() else np.zeros(y.shape[1])
        lacking = np.flatnonzero((share == 0) | (share == 1))
        if lacking.size:
            raise ValueError(
                f"{type(estimator).__name__} holds out validation_fraction of the rows, and of "
                f"these, or of the others, all are alike in label {lacking[0]}: there are too few "
                "rows with it. Pass early_stopping=False, and calibration_cv=None or "
                "n_members >= 2."
            )
    return held
