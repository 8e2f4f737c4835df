"""Which of two labels is the positive class: one rule for every estimator and report.

Metrics have labels and scores alone, and no row to guess from: `check_binary_labels` asks for
``pos_label`` unless the labels are 0 and 1, -1 and 1, or booleans. Whatever is fitted follows
the rule of this module, and so do scorers, whose errors a search of scikit-learn turns into NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .callers import outer_call
from .naming import naming
from .validation import distinct_labels, is_label

__all__ = [
    "PositiveClassWarning",
    "TwoClasses",
    "already_told",
    "check_class_labels",
    "classes_by_role",
    "deaf_to_majorities",
    "find_classes",
    "has_known_positive",
    "is_positive_first",
    "order_classes",
    "refuse_labels",
    "two_columns",
    "warn_of_majority",
    "weighted_share",
]

_METRICS = __name__.partition(".")[0] + ".metrics"
# The negative label and the positive one of which the user has been told.
_TOLD: ContextVar[NDArray[Any] | None] = ContextVar("told", default=None)
# Whether the rows of a metric are a part of those that were looked at already.
_DEAF: ContextVar[bool] = ContextVar("deaf", default=False)


class PositiveClassWarning(UserWarning):
    """The positive class was not named, or is the more common one of two."""


class TwoClasses(NamedTuple):
    """The two labels of a target, and which rows are positive.

    Attributes
    ----------
    classes : ndarray of shape (2,)
        The negative label and the positive one.
    positive : ndarray of shape (n_samples,), dtype=bool
        Rows of the positive class.
    """

    classes: NDArray[Any]
    positive: NDArray[np.bool_]

    @property
    def classes_(self) -> NDArray[Any]:
        """The same under the name that an encoder of scikit-learn has for it."""
        return self.classes

    def transform(self, y: ArrayLike) -> NDArray[np.int64]:
        """Return labels coded by `encode`, as an encoder of scikit-learn does."""
        return self.encode(y)

    def encode(self, y: ArrayLike, name: str = "y") -> NDArray[np.int64]:
        """Return other labels as 0 for the negative class and 1 for the positive one.

        Raises
        ------
        ValueError
            If there is a label that is neither.
        """
        with naming(name, "labels of shape (n_samples,)"):
            labels = column_or_1d(y)
        positive = labels == self.classes[1]
        unknown = ~positive & (labels != self.classes[0])
        if unknown.any():
            raise ValueError(
                f"{name} contains labels that were not seen in fit: "
                f"{np.unique(labels[unknown])[:10].tolist()}; the classes are "
                f"{self.classes.tolist()}."
            )
        return positive.astype(np.int64)


def find_classes(
    y: ArrayLike,
    pos_label: Any = None,
    *,
    owner: str,
    weight: NDArray | None = None,
    stacklevel: int = 3,
) -> TwoClasses:
    """Tell which of two labels is the positive class.

    - The one that ``pos_label`` names.
    - Without it: 1 of 0 and 1, 1 of -1 and 1, and True.
    - Of any other two labels the rarer one, with a warning that says so: budgets are for
      rare positives, and the order of the alphabet says nothing. Of two that are equally
      common the greater one, as in scikit-learn.

    A positive class that is the majority is warned about, whatever the labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The target.
    pos_label : int, float, bool or str, default=None
        The positive label.
    owner : str
        The estimator or function that asks, for messages.
    weight : ndarray of shape (n_samples,), default=None
        Weights; only rows with weight count.
    stacklevel : int, default=3
        Where the warning points to.

    Returns
    -------
    classes : TwoClasses

    Raises
    ------
    ValueError
        If there are not exactly two labels, or ``pos_label`` is neither of them.
    """
    if y is None:
        raise ValueError(
            f"requires y to be passed, but the target y is None: {owner} needs labels."
        )
    refuse_labels(y, owner)
    with naming("y", "labels of shape (n_samples,)"):
        labels = column_or_1d(y, warn=True)
        check_class_labels(labels)
    classes = np.unique(labels)
    if classes.size > 2:
        raise ValueError(
            f"Only binary classification is supported by {owner}. "
            f"The type of the target is {type_of_target(labels)}, with {classes.size} classes. "
            "For one-versus-rest, wrap it in sklearn.multiclass.OneVsRestClassifier."
        )
    if classes.size < 2:
        raise ValueError(
            f"{owner} needs two classes, but y contains one class: {classes.tolist()}."
        )
    greater = labels == classes[1]
    share = weighted_share(greater, weight)
    ordered = order_classes(classes, share, pos_label, owner=owner, stacklevel=stacklevel + 1)
    return TwoClasses(ordered, greater == _same(ordered[1], classes[1]))


def refuse_labels(y: Any, owner: str, instead: str = "wrap it") -> None:
    """Raise if there are several labels per row, and say what takes them.

    Parameters
    ----------
    y : object
        The target.
    owner : str
        The estimator or function that asks, for messages.
    instead : str, default="wrap it"
        What to do.

    Raises
    ------
    ValueError
    """
    try:
        shape = np.asarray(y).shape
    except ValueError:
        # Rows of different lengths, about which others have a message.
        return
    # A single row of many labels is a column that lies down.
    if len(shape) == 2 and min(shape) > 1:
        raise ValueError(
            f"y should be a 1d array, got an array of shape {shape} instead: {owner} takes one "
            f"label per row. For {shape[1]} labels per row {instead}: "
            f"sklearn.multioutput.MultiOutputClassifier({owner}(...)) trains a model for each."
        )


def check_class_labels(labels: NDArray[Any], name: str = "y") -> None:
    """Raise unless labels are whole numbers or names.

    Raises
    ------
    ValueError
        With how fractions are coded.
    """
    try:
        check_classification_targets(labels)
    except ValueError as error:
        if labels.dtype.kind != "f":
            raise
        # The words are those by which tests of scikit-learn know the error.
        kind = str(error).partition(". ")[0]
        raise ValueError(
            f"{name} must hold class labels, whole numbers or names, and holds fractions: "
            f"{np.unique(labels)[:10].tolist()}. {kind}. Number the classes, by "
            f"np.unique({name}, return_inverse=True)[1], or take a model of amounts."
        ) from error


def weighted_share(mask: NDArray[np.bool_], weight: NDArray | None) -> float:
    """Return the share of the rows in a mask, or that of their weight."""
    if weight is None:
        return float(np.count_nonzero(mask) / mask.size)
    return float(np.average(mask, weights=weight))


def order_classes(
    classes: NDArray[Any], share: float, pos_label: Any, *, owner: str, stacklevel: int = 3
) -> NDArray[Any]:
    """Return the negative label and the positive one of two, by the rule of `find_classes`.

    Parameters
    ----------
    classes : ndarray of shape (2,)
        The labels in increasing order.
    share : float
        Share of the rows that have the greater one.
    pos_label : int, float, bool or str, or None
        The positive label, if it is named.
    owner : str
        The estimator or function that asks, for messages.
    stacklevel : int, default=3
        Where the warning points to.

    Returns
    -------
    classes : ndarray of shape (2,)
    """
    named = pos_label is not None
    if named:
        if not any(_same(pos_label, label) for label in classes.tolist()):
            raise ValueError(
                f"The 'pos_label' parameter of {owner} must be one of the labels in y, "
                f"{classes.tolist()}. Got {pos_label!r} instead."
            )
        is_greater = _same(
            pos_label, classes[1].item() if hasattr(classes[1], "item") else classes[1]
        )
    elif has_known_positive(classes):
        is_greater, named = True, True
    else:
        is_greater = share <= 0.5
    positive_share = share if is_greater else 1.0 - share
    positive, negative = (classes[1], classes[0]) if is_greater else (classes[0], classes[1])
    shown, other = _shown(positive), _shown(negative)
    told = _TOLD.get()
    if told is not None and _same(negative, told[0]) and _same(positive, told[1]):
        pass
    elif not named:
        warnings.warn(
            f"{owner}: pos_label is not given, and y has the labels {shown} "
            f"({positive_share:.3g} of the rows) and {other} ({1 - positive_share:.3g}). "
            f"The {'rarer' if share != 0.5 else 'greater'} one, {shown}, is taken for the positive "
            f"class. Pass pos_label={shown} to say so, or pos_label={other}.",
            PositiveClassWarning,
            stacklevel=stacklevel,
        )
    elif positive_share > 0.5:
        warnings.warn(
            _majority_text(owner, positive, negative, positive_share, "y"),
            PositiveClassWarning,
            stacklevel=stacklevel,
        )
    return np.array([negative, positive], dtype=classes.dtype)


def _majority_text(
    owner: str, positive: Any, negative: Any, share: float, target: str, also: str = ""
) -> str:
    return (
        f"{owner}: the positive class {_shown(positive)} is the majority of {target} ({share:.3g} "
        "of the rows), so that reviews would go to the common class. If the other "
        f"class is the one to be caught, pass pos_label={_shown(negative)}{also}."
    )


def warn_of_majority(
    y_true: ArrayLike,
    share: Callable[[], float],
    pos_label: Any,
    *,
    owner: str,
    scores: bool = True,
) -> None:
    """Warn once in a call of a metric if its positive class is the majority.

    The rule is that of `find_classes`: more than half of the rows, or of their weight. A metric
    that another room of the package calls is silent, for estimators warn by themselves.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The target, checked: it has two labels.
    share : callable
        Returns the share of the positive class, by weight. It is not called if nobody would
        be warned.
    pos_label : int, float, bool or str, or None
        The positive label, if it is named.
    owner : str
        The metric or display, for the message.
    scores : bool, default=True
        Whether the scores are the user's, who has to turn them with the class.
    """
    if _DEAF.get() or not (found := share()) > 0.5:
        return
    call = outer_call()
    if not call.module.startswith(_METRICS):
        return
    lesser, greater = distinct_labels(y_true)
    is_greater = pos_label is None or is_label(pos_label, [greater])
    one, other = (greater, lesser) if is_greater else (lesser, greater)
    target, also = ("y_true", " and scores that are greater for it") if scores else ("y", "")
    call.warn_once(
        _majority_text(owner, one, other, found, target, also), PositiveClassWarning, "majority"
    )


@contextmanager
def deaf_to_majorities() -> Iterator[None]:
    """Do not warn of majorities in metrics: of parts of rows of which all were looked at."""
    token = _DEAF.set(True)
    try:
        yield
    finally:
        _DEAF.reset(token)


def has_known_positive(classes: NDArray[Any]) -> bool:
    """Tell whether two sorted labels say by themselves which is positive: 0 and 1, -1 and 1."""
    return classes.dtype.kind in "biuf" and classes.tolist() in ([0, 1], [-1, 1])


@contextmanager
def already_told(classes: NDArray[Any]) -> Iterator[None]:
    """Do not warn again of a positive class, while a model inside another one is fitted.

    `find_classes` still warns if it finds others than ``classes``, the negative label and the
    positive one. The context holds in one thread: enter it where the model is fitted.
    """
    token = _TOLD.set(classes)
    try:
        yield
    finally:
        _TOLD.reset(token)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two labels are equal and of one kind: "1" is not 1."""
    try:
        return isinstance(one, str) == isinstance(other, str) and bool(one == other)
    except (TypeError, ValueError):
        # An array or a missing value, which is no label.
        return False


def _shown(label: Any) -> str:
    """Return a label as it is written in Python."""
    return repr(label.item() if hasattr(label, "item") else label)


def is_positive_first(estimator: Any) -> bool:
    """Tell whether the positive class of a fitted estimator is the first of ``classes_``.

    ``classes_`` are in increasing order, and scores are greater for the second class, whichever
    is to be caught: metrics, scorers and meta-estimators of scikit-learn rely on both.
    """
    positive = getattr(estimator, "pos_label_", None)
    return positive is not None and _same(estimator.classes_[0], positive)


def classes_by_role(estimator: Any) -> NDArray[Any]:
    """Return the negative label and the positive one; of other targets the labels in order."""
    classes: NDArray[Any] = np.asarray(estimator.classes_)
    return classes[::-1] if is_positive_first(estimator) else classes


def two_columns(positive: NDArray[np.float64], positive_first: bool) -> NDArray[np.float64]:
    """Return the probabilities of two classes from those of the positive one."""
    columns = [positive, 1.0 - positive] if positive_first else [1.0 - positive, positive]
    return np.column_stack(columns)
