"""From figures to a recommendation: the rule, and the words that explain it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from scipy.stats import norm

from ..._utils.statistics import Estimate

__all__ = [
    "Evidence",
    "Recommendation",
    "confidence_of_reaching",
    "few_negatives",
    "positives_needed",
    "recommend",
    "signed",
    "signed_lift",
    "standard_error",
]

# Probability with which a lift of the size in question should show itself.
POWER = 0.8
# A lift of fewer positives than this cannot be seen.
LEAST_POSITIVES_GAINED = 2.0
# With fewer negatives than this within the budget of a test split, their number varies by more
# than a third, 1 / sqrt(10).
LEAST_BAND_NEGATIVES = 10.0
# The candidate must be ahead of hard-negative mining by half of what is worth a change. The other
# half pays for new scores and new thresholds, which mining brings too.
SHARE_AHEAD_OF_MINING = 0.5


class Recommendation(str, Enum):
    """What an adoption report advises.

    Members are equal to their strings.
    """

    KEEP = "keep cross-entropy"
    HARD_NEGATIVES = "try hard-negative mining"
    ADOPT = "adopt"
    NOT_ENOUGH_DATA = "not enough data"
    MEASURE = "measure the lift"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Evidence:
    """What the rule reads.

    ``lift`` is the candidate's lift over the baseline. ``hard_negatives`` and ``probe`` are the
    lifts of the cheaper remedies, None if they were not trained.
    """

    lift: Estimate
    hard_negatives: Estimate | None
    probe: Estimate | None
    pos_rate: float
    capped: bool
    cap: float
    budget: float
    n_positives: float
    band_negatives_per_split: float
    min_lift: float
    confidence: float


def standard_error(estimate: Estimate, confidence: float) -> float:
    """Return the standard error behind an interval whose ends each hold with ``confidence``."""
    return estimate.half_width / float(norm.ppf(confidence))


def confidence_of_reaching(lift: Estimate, least: float, confidence: float) -> float:
    """Return the confidence that a lift is ``least`` or more.

    It is the level at which the lower end of the interval would be ``least``.
    """
    return float(norm.cdf((lift.mean - least) / standard_error(lift, confidence)))


def positives_needed(evidence: Evidence) -> int:
    """Return the number of positives at which the lift would show itself in four cases of five.

    The lift is the measured one, or ``min_lift`` if that is greater. The spread of a
    positive's difference is the measured one.
    """
    z = float(norm.ppf(evidence.confidence))
    spread = standard_error(evidence.lift, evidence.confidence) ** 2 * evidence.n_positives
    wanted = max(evidence.lift.mean, evidence.min_lift)
    return math.ceil(((z + float(norm.ppf(POWER))) / wanted) ** 2 * spread)


def recommend(evidence: Evidence) -> tuple[Recommendation, str]:
    """Return the recommendation and the figures behind it, in words."""
    min_lift, lift = evidence.min_lift, evidence.lift
    if evidence.capped:
        return Recommendation.KEEP, (
            f"The positive rate, {evidence.pos_rate:.3g}, is not below the budget, "
            f"{evidence.budget:g}: every reviewed row can be a positive, and no ranking covers "
            f"more than {evidence.cap:.3f} of them. What counts is precision, and cross-entropy "
            f"serves that. The candidate's lift is {signed_lift(lift)}."
        )
    if evidence.band_negatives_per_split < LEAST_BAND_NEGATIVES:
        return Recommendation.NOT_ENOUGH_DATA, few_negatives(
            evidence.band_negatives_per_split, evidence.budget, "more rows, fewer folds"
        )
    worthwhile = {
        name: estimate
        for name, estimate in (("probe", evidence.probe), ("mining", evidence.hard_negatives))
        if estimate is not None and _is_worthwhile(estimate, min_lift)
    }
    cheaper = max(worthwhile, key=lambda name: worthwhile[name].mean, default=None)
    if cheaper is not None:
        ahead = min_lift * (SHARE_AHEAD_OF_MINING if cheaper == "mining" else 1.0)
        if lift.mean - worthwhile[cheaper].mean < ahead:
            return _cheaper_remedy(cheaper, worthwhile[cheaper], evidence, ahead)
    if _is_worthwhile(lift, min_lift):
        return Recommendation.ADOPT, (
            f"The candidate covers {signed_lift(lift)} more of the positives than the baseline. "
            f"That is worth switching for ({min_lift:g} or more) and not chance (the interval is "
            "above 0)."
            f"{_beside_remedies(cheaper, worthwhile, evidence)}"
        )
    if lift.high < min_lift:
        return Recommendation.KEEP, (
            f"The candidate's lift is {signed_lift(lift)}: {min_lift:g} or more is ruled out."
        )
    needed = positives_needed(evidence)
    if lift.mean >= min_lift:
        return Recommendation.NOT_ENOUGH_DATA, (
            f"The candidate's lift, {signed_lift(lift)}, would be worth it, but may be chance. If "
            f"it is real, about {needed} positives would show it; there are "
            f"{evidence.n_positives:.0f}."
        )
    floor = LEAST_POSITIVES_GAINED / min_lift
    if evidence.n_positives < floor:
        return Recommendation.NOT_ENOUGH_DATA, (
            f"A lift of {min_lift:g} is less than {LEAST_POSITIVES_GAINED:g} of "
            f"{evidence.n_positives:.0f} positives and cannot be seen. It takes {floor:.0f} "
            f"positives to advise against switching, and about {needed} to be certain enough."
        )
    return Recommendation.KEEP, (
        f"The candidate's lift is {signed_lift(lift)}: nothing suggests {min_lift:g} or more, "
        f"though it is not ruled out. About {needed} positives would settle it; there are "
        f"{evidence.n_positives:.0f}."
    )


def few_negatives(band_negatives: float, budget: float, remedies: str) -> str:
    """Return what to say where the budget holds too few negatives of a test split."""
    return (
        f"The budget holds {band_negatives:.1f} negatives of a test split. With fewer than "
        f"{LEAST_BAND_NEGATIVES:g}, coverage at {budget:g} cannot be told from coverage at half or "
        f"twice that budget. Use {remedies} or a wider budget."
    )


def _is_worthwhile(lift: Estimate, min_lift: float) -> bool:
    return lift.mean >= min_lift and lift.low > 0.0


def _beside_remedies(best: str | None, worthwhile: dict[str, Estimate], evidence: Evidence) -> str:
    if best is not None:
        gap = evidence.lift.mean - worthwhile[best].mean
        return f" That is {gap:.3f} more than the best cheaper remedy."
    tried = evidence.probe is not None or evidence.hard_negatives is not None
    return " No cheaper remedy does that." if tried else ""


def _cheaper_remedy(
    name: str, remedy: Estimate, evidence: Evidence, ahead: float
) -> tuple[Recommendation, str]:
    gap = evidence.lift.mean - remedy.mean
    against = (
        f"the candidate ({signed_lift(evidence.lift)}) differs from it by {gap:+.3f}, less than "
        f"{ahead:g}"
    )
    if name == "mining":
        return Recommendation.HARD_NEGATIVES, (
            f"Hard-negative mining covers {signed_lift(remedy)} more than the baseline; {against}. "
            "Mining is the simpler change."
        )
    return Recommendation.KEEP, (
        f"The probe covers {signed_lift(remedy)} more than the baseline; {against}. Keep "
        "cross-entropy and give it the probe's settings."
    )


def signed(number: float) -> str:
    """Return a number with its sign; zero gets a plus sign."""
    return f"{round(number, 3) + 0.0:+.3f}"


def signed_lift(lift: Estimate) -> str:
    """Return a lift and its interval."""
    return f"{signed(lift.mean)} [{signed(lift.low)}, {signed(lift.high)}]"
