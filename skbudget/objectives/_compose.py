"""Losses made of losses: sums with weights, one class against the rest, at a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._utils.collective import sum_over
from .._utils.validation import check_band, check_budget, check_positive
from ..band import default_beta
from ._loss import HESSIAN_FLOOR, Derivatives, Loss, Scale, check_loss, example_rows
from ._rows import Rows

__all__ = ["AtBudget", "OneVsRest", "WeightedSum", "check_loss", "declare"]


@dataclass(frozen=True)
class WeightedSum(Loss[tuple]):
    """Weighted sum of losses, each in its boosting scale.

    It blends losses, and adds a regulariser to a base loss. Each part counts as it would
    count in a booster: times the weight of the rows or of the positives, see
    ``Loss.scale``.

    Parameters
    ----------
    parts : tuple of (float, Loss)
        Weights, at least 0, and losses of the same target and as many margins.

    Raises
    ------
    TypeError
        If a part is no loss.
    ValueError
        If a weight is negative, or parts take different targets.

    See Also
    --------
    Schedule : Sums that change over rounds.

    Examples
    --------
    >>> from skbudget.objectives import BinaryCrossEntropy, PairwisePAUC, WeightedSum
    >>> blend = WeightedSum(((0.25, BinaryCrossEntropy()), (0.75, PairwisePAUC(beta=1.0))))
    >>> round(blend.loss([0, 1], [0.0, 0.0]), 4)
    0.8664
    """

    parts: tuple[tuple[float, Loss[Any]], ...]

    scale: ClassVar[Scale] = "sum"

    def __post_init__(self) -> None:
        if not isinstance(self.parts, tuple) or not self.parts:
            raise TypeError(
                "The 'parts' parameter of WeightedSum must be a non-empty tuple of (weight, loss) "
                f"pairs. Got {self.parts!r} instead."
            )
        for weight, part in self.parts:
            check_positive(weight, "parts", "WeightedSum", minimum=0)
            check_loss(part, "parts", "WeightedSum")
        kinds = {(part.target, part.margins) for _, part in self.parts}
        if len(kinds) > 1:
            listed = ", ".join(f"{part.name} ({part.target} target)" for _, part in self.parts)
            raise ValueError(
                "The 'parts' parameter of WeightedSum must hold losses of one target and as many "
                f"margins: got {listed}."
            )
        declare(self, [part for _, part in self.parts])

    def resolved(self, rows: Rows) -> WeightedSum:
        """Return the sum of the resolved parts."""
        return self._with(parts=tuple((weight, part.resolved(rows)) for weight, part in self.parts))

    def hold(self, rows: Rows) -> tuple:
        """Return what each part holds."""
        return tuple(part.hold(rows) for _, part in self.parts)

    def value(self, rows: Rows, held: tuple) -> float:
        """Return the weighted sum."""
        return sum(
            weight * part.boosting_factor(rows) * part.value(rows, of_part)
            for (weight, part), of_part in zip(self.parts, held)
        )

    def derivatives(self, rows: Rows, held: tuple) -> Derivatives:
        """Return gradient and hessian of all rows."""
        gradient, hessian = np.zeros(rows.raw.shape), np.zeros(rows.raw.shape)
        for (weight, part), of_part in zip(self.parts, held):
            scale = weight * part.boosting_factor(rows)
            found = part.derivatives(rows, of_part)
            where = slice(None) if found.rows is None else found.rows
            gradient[where] += scale * found.gradient
            hessian[where] += scale * found.hessian
        return Derivatives(None, gradient, hessian)

    def start(self, rows: Rows) -> float | NDArray[np.float64]:
        """Return the start of the first part: the base that others are added to."""
        return self.parts[0][1].start(rows)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield a blend of cross-entropy and partial AUC."""
        from .losses.binary_cross_entropy import BinaryCrossEntropy
        from .losses.pairwise_pauc import PairwisePAUC

        blend = cls(((0.3, BinaryCrossEntropy(2.0)), (0.7, PairwisePAUC(beta=0.4))))
        yield blend, example_rows(blend)
        yield blend, example_rows(blend, weighted=True, seed=1)


@dataclass(frozen=True)
class OneVsRest(Loss[list]):
    """A binary loss of each class against all others, one margin per class.

    Parameters
    ----------
    loss_of_class : Loss
        A loss of a binary target.

    Raises
    ------
    TypeError
        If ``loss_of_class`` is no loss.
    ValueError
        If it takes another target than a binary one.

    See Also
    --------
    WeightedSum : Several losses of the same target.

    Notes
    -----
    A class that no row has is left alone: its margin has no gradient. ``value`` is one
    column for all classes. A row's entry counts where its own class is the positive one.

    Examples
    --------
    >>> from skbudget.objectives import OneVsRest, PairwisePAUC
    >>> loss = OneVsRest(PairwisePAUC(beta=1.0))
    >>> loss.gradient([0, 1, 2], [[0.0, 0.0, 0.0]] * 3).round(2)
    array([[-0.5 ,  0.25,  0.25],
           [ 0.25, -0.5 ,  0.25],
           [ 0.25,  0.25, -0.5 ]])
    """

    loss_of_class: Loss[Any]

    scale: ClassVar[Scale] = "sum"

    def __post_init__(self) -> None:
        check_loss(self.loss_of_class, "loss_of_class", "OneVsRest")
        if self.loss_of_class.target != "binary":
            raise ValueError(
                "The 'loss_of_class' parameter of OneVsRest must be a loss of a binary target: "
                f"{self.loss_of_class.name} takes the target {self.loss_of_class.target!r}."
            )
        declare(self, [self.loss_of_class], target="classes", margins="classes")

    def hold(self, rows: Rows) -> list:
        """Return, for each class that there is, the rows, the loss and what it holds."""
        held: list[tuple[Rows, Loss[Any], Any] | None] = []
        for column in range(rows.raw.shape[1]):
            positive = rows.target == column
            # A fold may lack a class: there is nothing to rank, and no gradient.
            n_positives, n_rows = sum_over(
                rows.workers, int(np.count_nonzero(positive)), positive.size
            )
            if not 0 < n_positives < n_rows:
                held.append(None)
                continue
            own = rows.replace(target=positive, raw=rows.raw[:, column])
            loss = self.loss_of_class.resolved(own)
            held.append((own, loss, loss.hold(own)))
        return held

    def value(self, rows: Rows, held: list) -> float:
        """Return the sum over the classes."""
        total = 0.0
        for column, of_class in enumerate(held):
            if of_class is not None:
                own, loss, what = of_class
                own = own.replace(raw=rows.raw[:, column])
                total += loss.boosting_factor(own) * loss.value(own, what)
        return total

    def derivatives(self, rows: Rows, held: list) -> Derivatives:
        """Return gradient and hessian of all rows, class by class."""
        gradient = np.zeros(rows.raw.shape, dtype=rows.dtype)
        hessian = np.full(rows.raw.shape, HESSIAN_FLOOR, dtype=rows.dtype)
        for column, of_class in enumerate(held):
            if of_class is not None:
                own, loss, what = of_class
                own = own.replace(raw=rows.raw[:, column])
                gradient[:, column], hessian[:, column] = loss.derivatives(own, what).dense(
                    rows.n_samples,
                    scale=loss.boosting_factor(own),
                    floor=HESSIAN_FLOOR,
                    dtype=rows.dtype,
                )
        return Derivatives(None, gradient, hessian)

    def start(self, rows: Rows) -> NDArray[np.float64]:
        """Return where each class would begin on its own; 0 for one that no row has."""
        start = np.zeros(rows.raw.shape[1])
        for column, of_class in enumerate(self.hold(rows)):
            if of_class is not None:
                own, loss, _ = of_class
                start[column] = loss.start(own)
        return start

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the partial AUC of each class."""
        from .losses.pairwise_pauc import PairwisePAUC

        loss = cls(PairwisePAUC(beta=0.5))
        yield loss, example_rows(loss)
        yield loss, example_rows(loss, weighted=True, seed=1)


@dataclass(frozen=True)
class AtBudget(Loss[tuple]):
    """A loss over a band, whose upper end follows from a review budget.

    The end is that of `skbudget.band.default_beta` for the weights of the rows that the
    loss is called with, so that the same loss serves tables of any class ratio.

    Parameters
    ----------
    loss_over_band : Loss
        A loss with parameters ``alpha``, ``beta`` and ``basis``, or a `WeightedSum` or
        `OneVsRest` of some. Its ``beta`` is replaced; parts without a band stay as they
        are.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1].
    widening : float, default=3.0
        Width of the band in budgets, where positives are rare.

    Raises
    ------
    TypeError
        If ``loss_over_band`` is no loss.
    ValueError
        If no part of it has a band, or a number is out of range.

    See Also
    --------
    skbudget.band.default_beta : The rule.
    skbudget.boosting.PAUCObjective : The partial AUC at a budget, for both boosters.

    Examples
    --------
    >>> from skbudget.objectives import AtBudget, PairwisePAUC
    >>> loss = AtBudget(PairwisePAUC(), budget=0.1)
    >>> rows = loss.rows([0] * 90 + [1] * 10, range(100))
    >>> round(loss.resolved(rows).beta, 2)
    0.3
    """

    loss_over_band: Loss[Any]
    budget: float = 0.005
    widening: float = 3.0

    def __post_init__(self) -> None:
        check_loss(self.loss_over_band, "loss_over_band", "AtBudget")
        check_budget(self.budget, "AtBudget")
        check_positive(self.widening, "widening", "AtBudget")
        if not any(hasattr(part, "beta") for part in _parts_of(self.loss_over_band)):
            raise ValueError(
                "The 'loss_over_band' parameter of AtBudget must be a loss over a band, with a "
                f"parameter beta: {self.loss_over_band.name} has none."
            )
        declare(self, [self.loss_over_band], scale=self.loss_over_band.scale)

    def resolved(self, rows: Rows) -> Loss[Any]:
        """Return the loss over the band that the rule gives for these rows."""
        loss = self.loss_over_band
        if hasattr(loss, "beta"):
            # A boosting round comes by here: no more calls than the rule itself.
            beta = default_beta(
                self.budget,
                rows.positive_weight,
                rows.negative_weight,
                loss.basis,  # type: ignore[attr-defined]
                widening=self.widening,
            )
            if loss.alpha >= beta:  # type: ignore[attr-defined]
                check_band(loss.alpha, beta, type(loss).__name__)  # type: ignore[attr-defined]
            # A copy with another end of the band, which needs no check.
            resolved = object.__new__(type(loss))
            resolved.__dict__.update(loss.__dict__, beta=beta)
            return resolved
        return _map_parts(loss, self._at_budget).resolved(rows)

    def _at_budget(self, part: Loss[Any]) -> Loss[Any]:
        return self._with(loss_over_band=part) if hasattr(part, "beta") else part

    def hold(self, rows: Rows) -> tuple:
        """Return the loss over its band, and what it holds."""
        loss = self.resolved(rows)
        return loss, loss.hold(rows)

    def value(self, rows: Rows, held: tuple) -> float:
        """Return the loss."""
        loss, what = held
        return loss.value(rows, what)

    def derivatives(self, rows: Rows, held: tuple) -> Derivatives:
        """Return gradient and hessian of the loss."""
        loss, what = held
        return loss.derivatives(rows, what)

    def start(self, rows: Rows) -> float | NDArray[np.float64]:
        """Return where the loss begins."""
        return self.resolved(rows).start(rows)

    @classmethod
    def examples(cls) -> Iterator[tuple[Loss[Any], Rows]]:
        """Yield the partial AUC at a budget of a tenth."""
        from .losses.pairwise_pauc import PairwisePAUC

        loss = cls(PairwisePAUC(), budget=0.1)
        yield loss, example_rows(loss)
        yield loss, example_rows(loss, weighted=True, seed=1)


def declare(loss: Loss[Any], parts: Sequence[Loss[Any]], **own: Any) -> None:
    """Let a loss need of its rows what its parts need.

    These are attributes, not properties: a boosting round reads them.
    """
    loss.__dict__.update(
        {
            "target": parts[0].target,
            "margins": parts[0].margins,
            "reads": frozenset().union(*(part.reads for part in parts)),
            "needs": frozenset().union(*(part.needs for part in parts)),
            "sums_over_workers": all(part.sums_over_workers for part in parts),
            "networks_only": next((part.networks_only for part in parts if part.networks_only), ""),
            **own,
        }
    )


def _parts_of(loss: Loss[Any]) -> Iterator[Loss[Any]]:
    """Yield the losses that a loss is made of; itself if it is not made of others."""
    if isinstance(loss, WeightedSum):
        for _, part in loss.parts:
            yield from _parts_of(part)
    elif isinstance(loss, OneVsRest):
        yield from _parts_of(loss.loss_of_class)
    else:
        yield loss


def _map_parts(loss: Loss[Any], change: Callable[[Loss[Any]], Loss[Any]]) -> Loss[Any]:
    """Return a loss with its parts changed."""
    if isinstance(loss, WeightedSum):
        parts = tuple((weight, _map_parts(part, change)) for weight, part in loss.parts)
        return loss._with(parts=parts)
    if isinstance(loss, OneVsRest):
        return loss._with(loss_of_class=_map_parts(loss.loss_of_class, change))
    return change(loss)
