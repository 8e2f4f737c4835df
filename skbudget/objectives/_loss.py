"""The contract of a loss: its value, gradient and hessian at given scores."""

from __future__ import annotations

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.validation import check_option, check_positive
from ._declarations import BOOSTERS, Scale, check_declarations
from ._derivatives import HESSIAN_FLOOR, Derivatives, Scaled, in_unit
from ._rows import (
    Margins,
    Rows,
    Target,
    check_columns,
    check_margins,
    check_rows,
)

__all__ = [
    "HESSIAN_FLOOR",
    "Derivatives",
    "Loss",
    "Scale",
    "check_loss",
    "example_rows",
]

# More rows than a test of a loss has any use for.
_MOST_EXAMPLE_ROWS = 10_000_000

Held = TypeVar("Held")
Self = TypeVar("Self", bound="Loss[Any]")


class Loss(Scaled, ABC, Generic[Held]):
    """What is optimised: a loss of raw scores with its gradient and hessian.

    A loss is a frozen dataclass in a file of its own in ``skbudget/objectives/losses``. It
    says as class attributes what it needs, and implements `value`, `derivatives` and
    usually `hold`. Nothing else has to know about it: `available` finds it, and the
    boosters, `PAUCClassifier`, the contract tests and the documentation take it by name.

    A loss is an immutable set of parameters and keeps no state between calls. `hold`
    finds what a derivative holds constant (band edges, thresholds, mined rows) at the
    given scores. Finite differences of the loss must hold the same things as its
    gradient, so ``held`` can be passed in.

    Where positives have values, the weight :math:`w_i` of a positive in the formulas is
    its weight times its value over the mean value: the unit of the values cancels out.
    Band edges, thresholds and mined rows count rows, and values do not change them.

    Attributes
    ----------
    target : {"binary", "classes", "ordinal", "real"}, class attribute
        The target that the loss takes: two classes, class numbers, ordered levels from 0,
        or real numbers.
    margins : {"one", "classes", "thresholds"}, class attribute
        Raw scores per row: one, one per class, or one per threshold between two levels.
    reads : frozenset of str, class attribute
        Columns that the loss uses if it is given them.
    needs : frozenset of str, class attribute
        Columns that it cannot do without.
    sums_over_workers : bool, class attribute
        Whether the loss adds up over workers (``rows.workers``), so that every worker
        gets the derivatives of the whole table.
    scale : {"rows", "positives", "relevant", "sum"}, class attribute
        How the mean becomes a booster's sum: times the weight of all rows, times the
        weight of the positives, times the weight of the rows whose target is above 0, for a
        real target that grades rows, or not at all, for a loss that is such a sum already.
    networks_only : str, class attribute
        Why boosters cannot be trained on the loss, and what they take in its place: a
        sentence for their error. Empty for a loss that has a hessian.
    library : mapping of str to str, class attribute
        What well-kept libraries call the same loss, by "lightgbm", "xgboost", "catboost",
        "torch" and "sklearn". The classifiers of the boosters train the booster's own
        objective of that name, see `library_params`, from the constant that the booster finds.
        A subclass is another loss, and does not inherit it.
    begins_library : frozenset of str, class attribute
        The boosters whose own objective is begun from `start`, because the constant that they
        find is of no use.

    See Also
    --------
    PairwisePAUC : The partial AUC, pair by pair.
    skbudget.boosting.BoosterObjective : Offers a loss to LightGBM and XGBoost.
    available : The names of all losses.

    Examples
    --------
    A loss of one's own, the squared error:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbudget.objectives import Derivatives, Loss
    >>> @dataclass(frozen=True)
    ... class SquaredError(Loss):
    ...     target = "real"
    ...
    ...     def value(self, rows, held=None):
    ...         return float(np.mean((rows.raw - rows.target) ** 2) / 2)
    ...
    ...     def derivatives(self, rows, held=None):
    ...         n = rows.n_samples
    ...         return Derivatives(None, (rows.raw - rows.target) / n, np.full(n, 1 / n))
    >>> SquaredError().gradient([0.5, 2.0], [0.0, 0.0])
    array([-0.25, -1.  ])
    """

    target: ClassVar[Target] = "binary"
    margins: ClassVar[Margins] = "one"
    reads: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[frozenset[str]] = frozenset()
    sums_over_workers: ClassVar[bool] = False
    networks_only: ClassVar[str] = ""
    library: ClassVar[Mapping[str, str]] = {}
    begins_library: ClassVar[frozenset[str]] = frozenset()

    # --- what a loss defines ------------------------------------------------------------

    def hold(self, rows: Rows) -> Held:
        """Find what the derivatives hold constant at the rows' scores.

        Parameters
        ----------
        rows : Rows
            The rows.

        Returns
        -------
        held : object
            Whatever `value` and `derivatives` want to be handed; None if nothing is held.
        """
        return None  # type: ignore[return-value]

    @abstractmethod
    def value(self, rows: Rows, held: Held) -> float:
        """Return the loss, a mean in the scale of its formula.

        Parameters
        ----------
        rows : Rows
            The rows.
        held : object
            What `hold` returned.

        Returns
        -------
        loss : float
        """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "library" not in vars(cls):
            cls.library = {}
        check_declarations(cls)

    @abstractmethod
    def derivatives(self, rows: Rows, held: Held) -> Derivatives:
        """Return gradient and hessian; the hessian is at least zero.

        Parameters
        ----------
        rows : Rows
            The rows.
        held : object
            What `hold` returned.

        Returns
        -------
        derivatives : Derivatives
        """

    def start(self, rows: Rows) -> float | NDArray[np.float64]:
        """Return the constant that boosting begins from.

        Parameters
        ----------
        rows : Rows
            The rows; their scores are not used.

        Returns
        -------
        start : float, or ndarray of shape (n_margins,)
            0 for a loss that does not depend on a constant, as those that compare rows.
        """
        return 0.0 if rows.raw.ndim == 1 else np.zeros(rows.raw.shape[1])

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield losses of this class, and rows to test each of them on.

        The tests of the contract hold every pair to central differences, and weights to
        repeated rows. By default that is the loss as it comes, on rows of `example_rows`;
        a class whose parameters have no defaults, or whose options have formulas of
        their own, yields more.

        Yields
        ------
        loss : Loss
        rows : Rows
        """
        loss = cls()
        yield loss, example_rows(loss)
        yield loss, example_rows(loss, weighted=True, seed=1)

    def resolved(self, rows: Rows) -> Loss[Any]:
        """Return the loss with all that depends on the rows' classes and weights filled in.

        Parameters
        ----------
        rows : Rows
            The rows; their scores are not used.

        Returns
        -------
        loss : Loss
            The loss itself, unless its parameters leave something open, see `AtBudget`.
        """
        return self

    def check_trained(self, rows: Rows, owner: str) -> None:
        """Warn if training on the loss came to nothing; a classifier asks for it at its end.

        Parameters
        ----------
        rows : Rows
            The rows that were trained on, at the scores of the model.
        owner : str
            Name of the estimator.
        """

    def library_params(self, library: str) -> dict[str, Any]:
        """Return the parameters by which a booster trains its own objective of this loss.

        Parameters
        ----------
        library : {"lightgbm", "xgboost"}
            The booster.

        Returns
        -------
        params : dict
            ``{"objective": name}`` and the parameters of that objective. Empty if the booster
            has no such loss, or not with these parameters: then it is trained on the gradient
            and hessian of this class.
        """
        check_option(library, "library", BOOSTERS, f"{type(self).__name__}.library_params")
        name = self.library.get(library)
        return {} if name is None else {"objective": name}

    def torch_loss(self) -> Any:
        """Return the same loss as a torch module, for speed on a GPU; None without one.

        Returns
        -------
        loss : torch.nn.Module or None
            Without one, networks are trained on the loss as it is, on the CPU.
        """
        return None

    # --- what every loss has ------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name by which `find_loss` knows the loss: its class in snake case."""
        return loss_name(type(self))

    def rows(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **columns: ArrayLike | None,
    ) -> Rows:
        """Return what a user has as rows, checked for this loss.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels in {0, 1} or {-1, 1} for a binary target, whole numbers from 0 for
            classes and levels, any numbers for a real target.
        raw_score : array-like of shape (n_samples,) or (n_samples, n_margins)
            Raw scores (margins).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        **columns : array-like of shape (n_samples,), or None
            The columns that the loss reads.

        Returns
        -------
        rows : Rows
            Weights near the ends of what a float holds are divided by a power of two.

        Raises
        ------
        ValueError
            If lengths differ, a target or a number is not what the loss takes, a column
            is missing, or one is given that the loss does not read.
        """
        return self._rows_and_unit(y_true, raw_score, sample_weight, **columns)[0]

    def _rows_and_unit(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None,
        **columns: ArrayLike | None,
    ) -> tuple[Rows, int]:
        """Return rows, and the power of two that their weights were divided by."""
        given = {name for name, values in columns.items() if values is not None}
        check_names(self, given, type(self).__name__)
        rows, exponent = check_rows(
            self.target, self.margins, y_true, raw_score, sample_weight, columns
        )
        check_margins(self.margins, rows.target, rows.raw, type(self).__name__)
        # A mean does not depend on the unit.
        return rows, exponent if self.scale == "sum" else 0

    def loss(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        held: Held | None = None,
        **columns: ArrayLike | None,
    ) -> float:
        """Return the loss of labels and scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels, see `rows`.
        raw_score : array-like of shape (n_samples,) or (n_samples, n_margins)
            Raw scores (margins).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        held : object, default=None
            Result of `hold`; found at ``raw_score`` if not given.
        **columns : array-like of shape (n_samples,), or None
            The columns that the loss reads, such as ``value`` (what catching each positive
            is worth, at least 0, in any unit; entries of negatives are not used) and
            ``iid_mask`` (rows drawn as in deployment: only they set band edges).

        Returns
        -------
        loss : float
        """
        rows, exponent = self._rows_and_unit(y_true, raw_score, sample_weight, **columns)
        value = self.value(rows, self.hold(rows) if held is None else held)
        return value if exponent == 0 else float(in_unit(np.float64(value), exponent))

    def gradient(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        held: Held | None = None,
        **columns: ArrayLike | None,
    ) -> NDArray[np.float64]:
        """Return the derivative of `loss` by each raw score.

        Parameters
        ----------
        y_true, raw_score, sample_weight : array-like
            As in `loss`.
        held : object, default=None
            As in `loss`.
        **columns : array-like of shape (n_samples,), or None
            As in `loss`.

        Returns
        -------
        gradient : ndarray with the shape of ``raw_score``
        """
        return self.gradient_hessian(y_true, raw_score, sample_weight, held=held, **columns)[0]

    def gradient_hessian(
        self,
        y_true: ArrayLike,
        raw_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        held: Held | None = None,
        **columns: ArrayLike | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return gradient and positive diagonal hessian.

        Parameters
        ----------
        y_true, raw_score, sample_weight : array-like
            As in `loss`.
        held : object, default=None
            As in `loss`.
        **columns : array-like of shape (n_samples,), or None
            As in `loss`.

        Returns
        -------
        gradient, hessian : ndarray with the shape of ``raw_score``
            The class docstring says which form the hessian has.
        """
        rows, exponent = self._rows_and_unit(y_true, raw_score, sample_weight, **columns)
        held = self.hold(rows) if held is None else held
        gradient, hessian = self.derivatives(rows, held).dense(rows.n_samples, floor=HESSIAN_FLOOR)
        if exponent:
            gradient = in_unit(gradient, exponent)
            hessian = np.maximum(in_unit(hessian, exponent), HESSIAN_FLOOR)
        return gradient, hessian

    def replace(self: Self, **changes: Any) -> Self:
        """Return a copy with some parameters changed, checked anew.

        Parameters
        ----------
        **changes
            Parameters of the constructor.

        Returns
        -------
        loss : Loss
        """
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def with_params(self: Self, owner: str, name: str, **params: Any) -> Self:
        """Return a copy with parameters set as by ``name__param`` of an estimator.

        Parameters
        ----------
        owner, name : str
            The estimator, and its parameter that holds the loss, for messages.
        **params
            Parameters of the constructor.

        Returns
        -------
        loss : Loss

        Raises
        ------
        ValueError
            If the loss has no such parameter.
        """
        known = [one.name for one in dataclasses.fields(self) if one.init]  # type: ignore[arg-type]
        for unknown in sorted(params.keys() - set(known)):
            raise ValueError(
                f"Invalid parameter {name}__{unknown} of {owner}: {type(self).__name__} has the "
                f"parameters {', '.join(known)}."
            )
        return self.replace(**params)

    def _with(self: Self, **changes: Any) -> Self:
        """Return a copy with some parameters changed, which the caller has checked."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update(changes)
        return copy


def check_loss(value: Any, name: str, owner: str) -> None:
    """Raise unless ``value`` is a loss."""
    if not isinstance(value, Loss):
        raise TypeError(
            f"The {name!r} parameter of {owner} must be a loss, such as PairwisePAUC(). "
            f"Got {value!r} instead."
        )


def loss_name(loss: type) -> str:
    """Return the name of a class of losses: ``PairwisePAUC`` becomes ``"pairwise_pauc"``."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+", loss.__name__)
    return "_".join(words).lower()


def check_names(
    loss: Loss[Any], given: set[str], owner: str, beside: Loss[Any] | None = None
) -> None:
    """Raise if a column that a loss needs is missing, or one is given that it does not read.

    ``beside`` is another loss that is called with the same rows, as that of a warm-up.

    Raises
    ------
    ValueError
        Naming the column, and what the loss reads.
    """
    readable, needs = loss.reads | loss.needs, loss.needs
    if beside is not None:
        readable, needs = readable | beside.reads | beside.needs, needs | beside.needs
    for name in sorted(needs - given):
        raise ValueError(
            f"{owner} needs the column {name!r}, one entry per row, and it is missing: "
            f"pass {name}=."
        )
    for name in sorted(given - readable):
        listed = ", ".join(repr(one) for one in sorted(readable)) or "none"
        raise ValueError(
            f"{owner} does not read the column {name!r}, so it would have no effect: leave it "
            f"out, or use a loss that reads it. Columns that {owner} reads: {listed}."
        )


def example_rows(
    loss: Loss[Any],
    n_samples: int = 40,
    *,
    weighted: bool = False,
    ties: bool = False,
    seed: int = 0,
    **columns: NDArray[Any],
) -> Rows:
    """Return rows that a loss takes, drawn at random, for its tests.

    Parameters
    ----------
    loss : Loss
        Decides target, number of margins and columns.
    n_samples : int, default=40
        Number of rows.
    weighted : bool, default=False
        Whether rows have whole weights from 0 to 3.
    ties : bool, default=False
        Whether scores are rounded to whole numbers.
    seed : int, default=0
        Of the draw.
    **columns : ndarray of shape (n_samples,)
        Columns to hand over; those that the loss needs are drawn if they are not given.

    Returns
    -------
    rows : Rows

    See Also
    --------
    Loss.examples : Calls it.

    Examples
    --------
    >>> from skbudget.objectives import BinaryCrossEntropy, example_rows
    >>> int(example_rows(BinaryCrossEntropy(), 8).target.sum())
    2
    """
    owner = "example_rows"
    check_loss(loss, "loss", owner)
    n_samples = check_positive(
        n_samples, "n_samples", owner, integer=True, maximum=_MOST_EXAMPLE_ROWS
    )
    check_option(weighted, "weighted", (True, False), owner)
    check_option(ties, "ties", (True, False), owner)
    seed = check_positive(seed, "seed", owner, integer=True, minimum=0)
    columns = check_columns(columns, n_samples)
    rng = np.random.default_rng(seed)
    n_levels = 2 if loss.target == "binary" else 3
    target: NDArray[Any] = np.arange(n_samples) % (2 * n_levels) // 2
    if loss.target == "binary":
        target = np.arange(n_samples) % 4 == 0
    elif loss.target == "real":
        target = rng.normal(size=n_samples)
    n_margins = {"one": None, "classes": n_levels, "thresholds": n_levels - 1}[loss.margins]
    raw = rng.normal(size=n_samples if n_margins is None else (n_samples, n_margins))
    if loss.target == "binary" and n_margins is None:
        raw += target
    raw = raw.round() if ties else raw
    weight = rng.integers(0, 4, n_samples).astype(float) if weighted else None
    given: dict[str, Any] = {}
    for name in sorted(loss.needs):
        given[name] = (
            np.sort(rng.integers(0, 5, n_samples))
            if name == "group"
            else (rng.integers(0, 3, n_samples))
        )
    return Rows(target, raw, weight, {**given, **columns})
