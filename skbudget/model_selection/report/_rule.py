"""From figures to a recommendation: the one place where the rule is."""

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
    "positives_needed",
    "recommend",
    "signed",
    "signed_lift",
    "standard_error",
]

# Chance with which a lift of the size in question is to show itself.
POWER = 0.8
# Of a lift that is less than this many positives nothing can be seen.
LEAST_POSITIVES_GAINED = 2.0
# With fewer negatives than these above the budget in a test split, what is spent there varies
# by more than a third, 1 / sqrt(10).
LEAST_BAND_NEGATIVES = 10.0
# Beside hard-negative mining the candidate has to be ahead by half of what is worth a change: the
# other half, new scores and new thresholds, mining costs too.
SHARE_AHEAD_OF_MINING = 0.5


class Recommendation(str, Enum):
    """What an adoption report advises.

    Members compare equal to their strings.
    """

    KEEP = "keep cross-entropy"
    HARD_NEGATIVES = "try hard-negative mining"
    ADOPT = "adopt"
    NOT_ENOUGH_DATA = "not enough data"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Evidence:
    """What the rule reads.

    ``lift`` is the candidate's, ``hard_negatives`` and ``probe`` those of the cheaper
    remedies (None if they were not trained), all over the baseline.
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
    """Return the standard error of which an interval was made, each end with ``confidence``."""
    return estimate.half_width / float(norm.ppf(confidence))


def confidence_of_reaching(lift: Estimate, least: float, confidence: float) -> float:
    """Return the confidence with which a lift is ``least`` or more.

    It is the level at which the lower end of the interval would lie there.
    """
    return float(norm.cdf((lift.mean - least) / standard_error(lift, confidence)))


def positives_needed(evidence: Evidence) -> int:
    """Return with how many positives the lift would show itself in four cases of five.

    The lift is the measured one, or ``min_lift`` if that is greater; the spread of a
    positive's difference is taken as measured.
    """
    z = float(norm.ppf(evidence.confidence))
    spread = standard_error(evidence.lift, evidence.confidence) ** 2 * evidence.n_positives
    wanted = max(evidence.lift.mean, evidence.min_lift)
    return math.ceil(((z + float(norm.ppf(POWER))) / wanted) ** 2 * spread)


def recommend(evidence: Evidence) -> tuple[Recommendation, str]:
    """Return the recommendation and the figures that made it, in words."""
    min_lift, lift = evidence.min_lift, evidence.lift
    if evidence.capped:
        return Recommendation.KEEP, (
            f"The positive rate, {evidence.pos_rate:.3g}, is not below the budget, "
            f"{evidence.budget:g}: every reviewed row can be a positive, and no ranking covers "
            f"more than {evidence.cap:.3f} of them. What counts is precision, which cross-entropy "
            f"serves. The candidate's lift is {signed_lift(lift)}."
        )
    if evidence.band_negatives_per_split < LEAST_BAND_NEGATIVES:
        return Recommendation.NOT_ENOUGH_DATA, (
            f"The budget holds {evidence.band_negatives_per_split:.1f} negatives of a test split: "
            f"it takes {LEAST_BAND_NEGATIVES:g}, or coverage at {evidence.budget:g} cannot be "
            "told from coverage at half or twice of it. More rows, fewer folds or a wider budget."
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
            f"The candidate covers {signed_lift(lift)} more of the positives than the baseline: "
            f"worth switching for ({min_lift:g} or more), and not by chance (the interval is above "
            "0)."
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
            f"it is what it seems, about {needed} positives would show it; here are "
            f"{evidence.n_positives:.0f}."
        )
    floor = LEAST_POSITIVES_GAINED / min_lift
    if evidence.n_positives < floor:
        return Recommendation.NOT_ENOUGH_DATA, (
            f"A lift of {min_lift:g} is less than {LEAST_POSITIVES_GAINED:g} of "
            f"{evidence.n_positives:.0f} positives and cannot be seen. It takes {floor:.0f} to "
            f"advise against switching, and about {needed} to be certain enough."
        )
    return Recommendation.KEEP, (
        f"The candidate's lift is {signed_lift(lift)}: nothing speaks for {min_lift:g} or more, "
        f"though it is not ruled out. About {needed} positives would settle it; here are "
        f"{evidence.n_positives:.0f}."
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
        f"the candidate ({signed_lift(evidence.lift)}) is {gap:+.3f} from it, less than {ahead:g}"
    )
    if name == "mining":
        return Recommendation.HARD_NEGATIVES, (
            f"Hard-negative mining covers {signed_lift(remedy)} more than the baseline; {against}. "
            "It is the simpler change."
        )
    return Recommendation.KEEP, (
        f"The probe covers {signed_lift(remedy)} more than the baseline; {against}. Give "
        "cross-entropy the probe's settings."
    )


def signed(number: float) -> str:
    """Return a number with its sign, and zero without a minus."""
    return f"{round(number, 3) + 0.0:+.3f}"


def signed_lift(lift: Estimate) -> str:
    """Return a lift and its interval."""
    return f"{signed(lift.mean)} [{signed(lift.low)}, {signed(lift.high)}]"
