"""The networks that several of the published tables share, and the budgets of the study."""

from __future__ import annotations

from ._recipes import STUDY_BAND, Contested, Fit, Recipe

__all__ = [
    "CELLS",
    "TIGHT",
    "WIDE",
    "cross_entropy",
    "in_bps",
    "mined",
    "oracle",
    "pairwise",
]

TIGHT, WIDE = 0.005, 0.010
"""The two budgets of the study."""

CELLS = tuple((cue, budget) for cue in ("product", "radial") for budget in (TIGHT, WIDE))
"""The pairs of a cue and a budget that the study reports on."""


def in_bps(budget: float) -> str:
    """Return a budget in basis points, as text."""
    return f"{1e4 * budget:g}"


def cross_entropy(cue: str = "product") -> Fit:
    """Return the network that is trained on weighted cross-entropy."""
    return Fit(Contested(cue), Recipe("ce"))


def mined(cue: str = "product") -> Fit:
    """Return the network that is trained on cross-entropy with hard negatives mined."""
    return Fit(Contested(cue), Recipe("ce", mined_share=0.02))


def oracle(weight: float) -> Fit:
    """Return the network that is trained on cross-entropy with a weight for the decoys."""
    return Fit(Contested(), Recipe("ce", decoy_weight=weight))


def pairwise(
    cue: str = "product", budget: float = TIGHT, band: tuple[float, float] = STUDY_BAND
) -> Fit:
    """Return the network that is trained on the pairwise partial AUC."""
    return Fit(Contested(cue), Recipe("pauc", budget=budget, band=band))
