"""What the displays of rankings share: responses, folds, signatures and descriptions.

Each display writes two methods in full. `plot` has the parameters that say how to draw, and
`from_predictions` those that say what to draw. The other methods repeat these parameters, so
the decorator `complete` derives their signatures and their docstrings, and each parameter
is described once.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import _num_samples

from ..._utils.labels import warn_of_majority, weighted_share
from ..._utils.positive import find_known_positive
from ..._utils.responses import response_values
from ..._utils.validation import check_binary_labels, check_weights, is_label, shape_of
from .._scorers import RESPONSE_METHODS, check_scorable

Self = TypeVar("Self", bound="RankingDisplayMixin")
CurveSelf = TypeVar("CurveSelf", bound="CurveDisplayMixin")
Display = TypeVar("Display", bound=type)

# Descriptions that several docstrings take in, each in the place of a line `$word`.
DESCRIPTIONS = {
    # How to draw
    "ax": """\
ax : matplotlib Axes, default=None
    Axes to draw on; a new figure by default.""",
    "curve_kwargs": """\
curve_kwargs : dict or list of dict, default=None
    Keyword arguments of matplotlib's ``plot``. A dictionary applies to all curves.
    A list has one dictionary per fold, and gives each fold its own entry in the legend.""",
    "plot_chance_level": """\
plot_chance_level : bool, default=True
    Whether to draw what a random order reaches.""",
    "chance_level_kw": """\
chance_level_kw : dict, default=None
    Keyword arguments of matplotlib's ``plot`` for the chance level.""",
    "despine": """\
despine : bool, default=True
    Whether to remove the top and right spines.""",
    # What to draw
    "y_true": """\
y_true : array-like of shape (n_samples,)
    True labels, of two classes.""",
    "sample_weight": """\
sample_weight : array-like of shape (n_samples,), default=None
    How many rows each row stands for.""",
    "pos_label": """\
pos_label : int, float, bool or str, default=None
    Label of the positive class. Without it the labels must be {0, 1} or
    {-1, 1}, and 1 is positive.""",
    "no_matplotlib": """\
ImportError
    If matplotlib is not installed.""",
}


class Fold(NamedTuple):
    """Labels and scores of the rows of one curve."""

    y_true: Any
    y_score: Any
    pos_label: Any
    per_row: Mapping[str, Any]  # other columns, by the name of their parameter


class RankingDisplayMixin:
    """A display of the scores of a binary classifier, which can be those of an estimator.

    A subclass has `plot` and `from_predictions`, and is decorated with `complete`.
    """

    if TYPE_CHECKING:
        from_predictions: Callable[..., Any]
        plot: Callable[..., Any]

    @classmethod
    def from_estimator(
        cls: type[Self],
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        pos_label: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> Self:
        """Draw $drawn of a fitted classifier.

        Parameters
        ----------
        estimator : estimator instance
            Fitted binary classifier, or a pipeline that ends in one. The scores come from
            its ``decision_function``, or from ``predict_proba`` if it has no other.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        y : array-like of shape (n_samples,)
            Their labels.

        pos_label : int, float, bool or str, default=None
            Label of the positive class. Without it, this is the ``pos_label_`` of a
            classifier of this package, else 1 of {0, 1} and {-1, 1}, and True. For other
            labels it must be given.

        name : str, default=None
            $named; the estimator's class by default.

        $options
            As in :meth:`from_predictions`.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : $display

        Raises
        ------
        $no_matplotlib
        ValueError
            If the estimator is not a binary classifier, or as :meth:`from_predictions`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        y_score, label = scores_of(estimator, X, pos_label)
        return cls.from_predictions(
            y, y_score, pos_label=label, name=_class_name(estimator, name), **options
        )


class CurveDisplayMixin(RankingDisplayMixin):
    """A display with one curve, or with one curve per fold and their mean."""

    # Parameters of `from_predictions` with an entry per row, to be divided among the folds.
    _per_row: ClassVar[Collection[str]]
    # Parameters of `from_predictions` that `from_cv_results` does not have.
    _not_of_folds: ClassVar[Collection[str]] = ()
    # Parameters of `plot` except its `name`; `complete` finds them.
    _drawing: ClassVar[Collection[str]]

    @classmethod
    def from_cv_results(
        cls: type[CurveSelf],
        cv_results: Mapping[str, Any],
        X: Any,
        y: ArrayLike,
        *,
        pos_label: Any = None,
        name: str | None = None,
        curve_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> CurveSelf:
        """Draw a curve per fold of a cross-validation, and their mean.

        Parameters
        ----------
        cv_results : dict
            What :func:`sklearn.model_selection.cross_validate` returned with
            ``return_estimator=True`` and ``return_indices=True``.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows that were cross-validated.

        y : array-like of shape (n_samples,)
            Their labels.

        pos_label : int, float, bool or str, default=None
            Label of the positive class. Without it, this is the ``pos_label_`` of a
            classifier of this package, else 1 of {0, 1} and {-1, 1}, and True. For other
            labels it must be given.

        name : str, default=None
            Name of the curves in the legend; the estimators' class by default.

        $options
            As in :meth:`from_predictions`, with an entry per row of `X`.

        $drawing
            As in :meth:`plot`.

        Returns
        -------
        display : $display
            The legend shows the mean and the standard deviation over the folds.

        Raises
        ------
        $no_matplotlib
        ValueError
            If `cv_results` lacks estimators or indices, if `X` lacks rows that they
            name, or as :meth:`from_predictions`, for a fold.
        """
        owner = f"{cls.__name__}.from_cv_results"
        check_matplotlib_support(owner)
        drawing = {key: options.pop(key) for key in cls._drawing if key in options}
        per_row = {key: options.pop(key) for key in cls._per_row}
        _check_cv_results(cv_results)
        display = cls._of_folds(
            _folds(cv_results, X, y, pos_label, per_row),
            name=_class_name(cv_results["estimator"][0], name),
            owner=owner,
            **options,
        )
        return display.plot(curve_kwargs=curve_kwargs, **drawing)

    @classmethod
    def _of_folds(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the display of an iterable of `Fold`, without drawing it."""
        raise NotImplementedError


# --- scores ---------------------------------------------------------------------------


def scores_of(estimator: Any, X: Any, pos_label: Any) -> tuple[NDArray, Any]:
    """Return scores that favour the positive class, and the label of this class.

    The package's scorers rank by the same scores.
    """
    check_scorable(estimator)
    classes = getattr(estimator, "classes_", None)
    if pos_label is not None and classes is not None and not is_label(pos_label, classes):
        raise ValueError(
            f"pos_label={pos_label!r} is not a valid label: it should be one of "
            f"{np.asarray(classes).tolist()}."
        )
    if pos_label is None:
        pos_label = find_known_positive(estimator)
        if pos_label is None and len(getattr(estimator, "classes_", ())) == 2:
            raise ValueError(
                f"pos_label is not specified, and {type(estimator).__name__} has the classes "
                f"{np.asarray(estimator.classes_).tolist()}: pass the label of the positive class "
                "as pos_label."
            )
    y_score, label = response_values(estimator, X, RESPONSE_METHODS, pos_label)
    y_score = np.asarray(y_score)
    if y_score.dtype.kind == "f":
        # A model may answer in more digits, which tell no more rows apart than these.
        y_score = y_score.astype(np.float64, copy=False)
    if np.ndim(y_score) != 1:
        raise ValueError(
            f"Expected 'estimator' to be a binary classifier. Got {type(estimator).__name__} with "
            f"a response of shape {np.shape(y_score)} instead."
        )
    if label is None:
        # An outlier detector has no classes: its labels are -1 and 1, and it favours 1.
        return (-y_score, pos_label) if pos_label == -1 else (y_score, 1)
    return y_score, label


def _class_name(estimator: Any, name: str | None) -> str:
    """Return ``name``, or the name of the estimator's class."""
    return type(estimator).__name__ if name is None else name


def _check_cv_results(cv_results: Mapping[str, Any]) -> None:
    """Raise unless the results have the fitted estimators and their test rows."""
    if not isinstance(cv_results, Mapping):
        raise TypeError(f"`cv_results` must be what `cross_validate` returned: got {cv_results!r}.")
    for key, option in (("estimator", "return_estimator"), ("indices", "return_indices")):
        if key not in cv_results:
            raise ValueError(
                f"`cv_results` does not contain {key!r}: pass `{option}=True` to `cross_validate`."
            )
    if not (isinstance(cv_results["indices"], Mapping) and "test" in cv_results["indices"]):
        raise ValueError("`cv_results['indices']` must be a dictionary with the rows of 'test'.")
    if not len(cv_results["estimator"]) == len(cv_results["indices"]["test"]) > 0:
        raise ValueError("`cv_results` must have an estimator for each fold, at least one.")


def _folds(
    cv_results: Mapping[str, Any],
    X: Any,
    y: ArrayLike,
    pos_label: Any,
    per_row: Mapping[str, ArrayLike | None],
) -> Iterator[Fold]:
    """Yield each fold's test rows with the scores of its estimator."""
    given = {key: values for key, values in per_row.items() if values is not None}
    for name, column in {"X": X, "y": y, **given}.items():
        if not shape_of(column, name):
            raise ValueError(f"{name} must have one entry per row: got {column!r}.")
    y = y if hasattr(y, "shape") else np.asarray(y)
    given = {
        key: values if hasattr(values, "shape") else np.asarray(values)
        for key, values in given.items()
    }
    check_consistent_length(X, y, *given.values())
    test_rows = cv_results["indices"]["test"]
    needed = 1 + max(int(np.max(rows)) for rows in test_rows)
    if _num_samples(X) < needed:
        raise ValueError(
            "`X` must hold the rows that were cross-validated: the folds name row "
            f"{needed - 1}, and it has {_num_samples(X)} rows."
        )
    for estimator, rows in zip(cv_results["estimator"], test_rows):
        y_score, label = scores_of(estimator, _safe_indexing(X, rows), pos_label)
        columns = {key: _safe_indexing(values, rows) for key, values in given.items()}
        yield Fold(_safe_indexing(y, rows), y_score, label, {**dict.fromkeys(per_row), **columns})


def watched(folds: Iterable[Fold], owner: str) -> Iterator[Fold]:
    """Yield folds, and then warn if the positive class is the majority of all their rows.

    Whoever takes a fold checks it, before the next one is asked for.
    """
    caught = total = 0.0
    fold = None
    for fold in folds:
        yield fold
        positive = check_binary_labels(fold.y_true, pos_label=fold.pos_label)
        weight = check_weights(fold.per_row["sample_weight"], positive.size)
        size = float(positive.size if weight is None else weight.sum())
        caught += weighted_share(positive, weight) * size
        total += size
    if fold is not None:
        warn_of_majority(fold.y_true, lambda: caught / total, fold.pos_label, owner=owner)


# --- signatures and docstrings --------------------------------------------------------


def complete(**words: str) -> Callable[[Display], Display]:
    """Return a class decorator that completes the signatures and docstrings of a display.

    In a signature ``**drawing`` stands for the parameters of `plot`, and ``**options`` for
    the keyword parameters of ``from_predictions``. In a docstring ``$drawing`` and ``$options``
    stand for the names of these parameters, ``$display`` for the name of the class, and any
    other ``$word`` for that one of `DESCRIPTIONS` and ``words``.
    """
    return lambda display: _complete(display, words)


def _complete(display: Display, words: Mapping[str, str]) -> Display:
    cls: Any = display
    # The constructors have a parameter `name` of their own.
    drawing = [one for one in _parameters(cls.plot) if one.name not in ("self", "name")]
    words = {**DESCRIPTIONS, **words, "display": cls.__name__, "drawing": _names(drawing)}
    cls._drawing = tuple(one.name for one in drawing)
    cls.plot.__doc__ = _fill(cls.plot.__doc__, words)

    keywords: list[Parameter] = []
    for name in ("from_predictions", "from_estimator", "from_cv_results"):
        if not hasattr(cls, name):
            continue
        function = getattr(cls, name).__func__
        (rest,) = [one for one in _parameters(function) if one.kind is Parameter.VAR_KEYWORD]
        if rest.name == "drawing":
            added = drawing
        else:
            skipped = cls._not_of_folds if name == "from_cv_results" else ()
            added = [one for one in keywords if one.name not in skipped]
            described = {"pos_label", "name", *cls._drawing}
            words["options"] = _names(one for one in added if one.name not in described)
        method = _written_out(function, added, cls)
        method.__doc__ = _fill(function.__doc__, words)
        setattr(cls, name, classmethod(method))
        if name == "from_predictions":
            keywords = [one for one in _parameters(method) if one.kind is Parameter.KEYWORD_ONLY]
    return display


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    return list(inspect.signature(function).parameters.values())


def _names(parameters: Iterable[Parameter]) -> str:
    return ", ".join(one.name for one in parameters)


def _written_out(function: Callable[..., Any], added: list[Parameter], display: type) -> Any:
    """Return the function with the ``added`` keyword parameters instead of its ``**`` one.

    All parameters reach the function, with their defaults where the caller gives none. If the
    function itself has one of the added parameters, its default and annotation hold.
    """
    own = {one.name: one for one in _parameters(function) if one.kind is not Parameter.VAR_KEYWORD}
    names = {one.name for one in added}
    signature = inspect.Signature(
        [
            *[one for one in own.values() if one.name not in names],
            *[own.get(one.name, one).replace(kind=Parameter.KEYWORD_ONLY) for one in added],
        ],
        return_annotation=display.__name__,
    )
    qualified = f"{display.__qualname__}.{function.__name__}"

    @functools.wraps(function)
    def method(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{qualified}() {error}") from None
        bound.apply_defaults()
        return function(*bound.args, **bound.kwargs)

    about: Any = method
    about.__qualname__, about.__module__ = qualified, display.__module__
    about.__signature__ = signature
    about.__annotations__ = {
        **{one.name: one.annotation for one in signature.parameters.values()},
        "return": signature.return_annotation,
    }
    return method


def _fill(text: str | None, words: Mapping[str, str]) -> str | None:
    """Put words in the place of each ``$word``, indented as the line is."""

    def put(found: re.Match[str]) -> str:
        indent, before, word = found.groups()
        return indent + before + re.sub(r"\n(?=.)", "\n" + indent, words[word])

    return None if text is None else re.sub(r"(?m)^( *)(.*?)\$(\w+)", put, text)
