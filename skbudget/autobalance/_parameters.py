"""What is tuned: weight, margin and multiplier of the loss, and strengths of augmentation.

All of it is one vector of logarithms, margins and log-odds, in which plain cross-entropy without
augmentation has no number but 0 among the first entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..objectives import Loss, SegmentScalingCrossEntropy, VectorScalingCrossEntropy

__all__ = ["KINDS", "LIMITS", "Parameters", "Space"]

KINDS = ("noise", "mix", "dropout")
"""How rows are augmented, in the order of their strengths."""

NUMBERS = ("weight", "margin", "multiplier")

LIMITS = {"weight": 6.0, "margin": 6.0, "multiplier": 2.0}
"""How far a logarithm, or the margin, may go from 0."""

# Strengths begin small, as log-odds; no strength comes near 1.
FIRST_STRENGTH, MOST_STRENGTH = -2.5, 0.0


@dataclass(frozen=True)
class Parameters:
    """One choice: the loss, and how rows are augmented.

    Attributes
    ----------
    by_segment : bool
        Whether there is an entry per segment. Otherwise the one entry is the positive class's,
        and the negative one has weight 1, margin 0 and multiplier 1.
    weight, margin, multiplier : tuple of float
        Entries of the loss.
    strengths : dict of str to tuple of float
        By kind of augmentation, for the negative and the positive class, or for each segment.
    """

    by_segment: bool
    weight: tuple[float, ...]
    margin: tuple[float, ...]
    multiplier: tuple[float, ...]
    strengths: dict[str, tuple[float, ...]] = field(default_factory=dict, hash=False)

    @property
    def loss(self) -> Loss[Any]:
        """The loss, frozen."""
        if self.by_segment:
            return SegmentScalingCrossEntropy(self.weight, self.multiplier, self.margin)
        return VectorScalingCrossEntropy(
            pos_weight=self.weight[0],
            pos_multiplier=self.multiplier[0],
            pos_margin=self.margin[0],
        )

    @property
    def is_plain(self) -> bool:
        """Whether this is plain cross-entropy on the rows as they are."""
        return not self.strengths and self == plain(len(self.weight), self.by_segment)

    def named(self) -> dict[str, Any]:
        """Return the entries by the names that the loss has for them."""
        loss: dict[str, Any] = {name: getattr(self, name) for name in NUMBERS}
        if not self.by_segment:
            loss = {f"pos_{name}": entries[0] for name, entries in loss.items()}
        return loss | self.strengths


def plain(n_units: int, by_segment: bool) -> Parameters:
    """Return plain cross-entropy."""
    ones = (1.0,) * n_units
    return Parameters(by_segment, ones, (0.0,) * n_units, ones)


@dataclass(frozen=True)
class Space:
    """The vectors that are searched.

    Attributes
    ----------
    n_segments : int or None
        Segments; None for parameters of the positive class.
    augment : tuple of str
        Kinds of augmentation.
    """

    n_segments: int | None = None
    augment: tuple[str, ...] = ()

    @property
    def n_units(self) -> int:
        """Entries of a weight, a margin or a multiplier."""
        return 1 if self.n_segments is None else self.n_segments

    @property
    def n_augmented(self) -> int:
        """Entries of a strength."""
        return 2 if self.n_segments is None else self.n_segments

    @property
    def first(self) -> NDArray[np.float64]:
        """Where the search by gradients begins: plain cross-entropy, little augmentation."""
        strengths = np.full(self.n_augmented * len(self.augment), FIRST_STRENGTH)
        return np.concatenate([np.zeros(3 * self.n_units), strengths])

    @property
    def limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest entries."""
        reach = np.repeat([LIMITS[name] for name in NUMBERS], self.n_units)
        n_strengths = self.n_augmented * len(self.augment)
        least = np.concatenate([-reach, np.full(n_strengths, -6.0)])
        return least, np.concatenate([reach, np.full(n_strengths, MOST_STRENGTH)])

    @property
    def plain(self) -> Parameters:
        """Plain cross-entropy on the rows as they are."""
        return plain(self.n_units, self.n_segments is not None)

    def parts(self, vector: Any) -> tuple[Any, Any, Any, Any]:
        """Return logarithms of weights, margins, logarithms of multipliers, and strengths.

        They are of the kind of ``vector``, an array or a tensor. Strengths have shape
        (n_kinds, n_augmented), and are log-odds. Weights and multipliers of segments are
        relative to their mean, for a factor of all of them is only a unit of the loss.
        """
        n = self.n_units
        weight, margin, multiplier = (vector[k * n : (k + 1) * n] for k in range(3))
        if self.n_segments is not None:
            weight, multiplier = weight - weight.mean(), multiplier - multiplier.mean()
        return weight, margin, multiplier, vector[3 * n :].reshape(-1, self.n_augmented)

    def parameters(self, vector: NDArray[np.float64]) -> Parameters:
        """Return what a vector stands for."""
        weight, margin, multiplier, strengths = self.parts(np.asarray(vector, dtype=np.float64))
        return Parameters(
            self.n_segments is not None,
            tuple(np.exp(weight).tolist()),
            tuple(margin.tolist()),
            tuple(np.exp(multiplier).tolist()),
            {name: tuple(row) for name, row in zip(self.augment, expit(strengths).tolist())},
        )

    def suggestions(self, log_ratio: float) -> Iterator[NDArray[np.float64]]:
        """Yield vectors that are worth a trial.

        These are balanced classes, a margin, light positives, and temperatures by class.

        ``log_ratio`` is the logarithm of negatives per positive.
        """
        if self.n_segments is None:
            log_ratio = float(np.clip(log_ratio, 0.0, LIMITS["weight"]))
            yield np.array([log_ratio, 0.0, 0.0])
            yield np.array([0.0, 4.0, 0.0])
            yield np.array([-log_ratio / 2, 0.0, 0.0])
            yield np.array([0.0, 0.0, max(-0.3 * log_ratio, -LIMITS["multiplier"])])

    def ranges(self, log_ratio: float) -> list[tuple[float, float]]:
        """Return the least and greatest entry that trials are drawn from."""
        if self.n_segments is not None:
            return [(-2.0, 2.0)] * self.n_units * 2 + [(-1.0, 1.0)] * self.n_units
        greatest = min(LIMITS["weight"], max(2.0, log_ratio + 1.0))
        return [(-4.0, greatest), (-2.0, 6.0), (-1.0, 1.0)]
