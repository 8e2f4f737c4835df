"""The report of the floor on recall: what is added to a base loss, and what it gains."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks._markdown import estimate_text, markdown_table
from skbudget._utils.statistics import Estimate

from ._bases import ADDITIONS, ALONE, BASES, Base
from ._figures import Figures, Who, gain_of
from ._measure import Measure
from ._promises import PROMISES
from ._published import NOT_TO_BE_QUOTED, PUBLISHED_BY_TABLE
from ._recall import CEILING, RECALL_PROMISES, REGULARIZERS, WEIGHTED, weighted_with

__all__ = ["render_recall"]

FIRST = next(iter(BASES))


def render_recall(measures: Sequence[Measure], brief: bool = False) -> str:
    """Return the tables of the report.

    Parameters
    ----------
    measures : sequence of Measure
        The results.
    brief : bool, default=False
        Whether to leave out the differences at the other floors than 95 %.

    Returns
    -------
    text : str
    """
    measures = [*measures, *choices(measures)]
    promises = ("fpr-at-95",) if brief else RECALL_PROMISES
    parts = [_counts(measures)]
    for table in dict.fromkeys(one.table for one in measures):
        figures = [Figures.of(measures, table, promise) for promise in promises]
        parts += [f"### {table}, {figures[0].draws}\n", _beside_published(measures, table)]
        parts += [_gains(one) for one in figures if one.tests]
    return "\n".join(parts)


EITHER = "either"
OF_EITHER = ("rank-reg", "critical-rank")


def choices(measures: Sequence[Measure]) -> list[Measure]:
    """Return the measures of the better of two regularisers, chosen on the validation rows.

    Parameters
    ----------
    measures : sequence of Measure
        The results.

    Returns
    -------
    chosen : list of Measure
        One for each draw, base loss and figure that both regularisers were measured in.
    """
    found: dict[tuple[str, int, str, str], list[Measure]] = defaultdict(list)
    for one in measures:
        if one.addition in OF_EITHER:
            found[one.table, one.seed, one.method, one.promise].append(one)
    return [
        replace(min(both, key=lambda one: one.validation), addition=EITHER)
        for both in found.values()
        if len(both) == len(OF_EITHER)
    ]


# --- who is compared with whom --------------------------------------------------------


def label_of(addition: str) -> str:
    """Return the label of what is added."""
    if addition == WEIGHTED:
        return "weight tuned"
    if addition == EITHER:
        return "RankReg or CriticalRank"
    on_top = addition.removeprefix(f"{WEIGHTED}+")
    label = ADDITIONS[on_top].label
    return label if on_top == addition else f"weight + {label}"


def who(base: Base, addition: str) -> Who:
    """Return what stands for a base with an addition.

    A weighted cross-entropy with a tuned weight is plain cross-entropy with that weight.
    """
    of_weight = addition.startswith(WEIGHTED)
    return (FIRST if base.weighted and of_weight else base.name), addition


def comparisons() -> Iterator[tuple[str, str]]:
    """Yield pairs of an addition and what it is compared with: the same without it."""
    yield from ((name, ALONE.name) for name in (*REGULARIZERS, EITHER, WEIGHTED))
    yield from ((weighted_with(name), WEIGHTED) for name in REGULARIZERS)


def bases_for(addition: str) -> list[Base]:
    """Return the bases that an addition is counted on.

    With a tuned weight the weighted cross-entropies are counted once.
    """
    on_top = addition.startswith(f"{WEIGHTED}+")
    return [base for base in BASES.values() if not (on_top and base.weighted)]


# --- tables ---------------------------------------------------------------------------


def _gains(figures: Figures) -> str:
    """Return the figures of the bases alone, and the paired differences of what is added."""
    promise = PROMISES[figures.promise]
    pairs = list(comparisons())
    rows = []
    for base in BASES.values():
        if who(base, ALONE.name) not in figures.tests:
            continue
        row = [base.label, estimate_text(figures.mean(who(base, ALONE.name)))]
        for addition, without in pairs:
            if addition.startswith(f"{WEIGHTED}+") and base.weighted:
                row.append(f"as {BASES[FIRST].label}")
                continue
            row.append(
                _marked(figures.difference(who(base, addition), who(base, without)), figures)
            )
        rows.append(row)
    header = ["base", "alone", *(f"+ {label_of(addition)}" for addition, _ in pairs)]
    text = f"#### {promise.label}: alone, and what is added\n\n" + markdown_table(header, rows)
    ceiling = figures.mean((CEILING, ""))
    if math.isfinite(ceiling.mean):
        text += f"\nBest possible: {estimate_text(ceiling)}.\n"
    return text


def _marked(difference: Estimate, figures: Figures) -> str:
    """Return a difference, in bold if it is a gain, and in italics if it is a loss."""
    text = estimate_text(difference, signed=True)
    mark = {"better": "**", "worse": "*"}.get(gain_of(difference, figures.sign), "")
    return f"{mark}{text}{mark}" if text else ""


def _counts(measures: Sequence[Measure]) -> str:
    """Return how many base losses each addition improves, by table and floor."""
    floors = RECALL_PROMISES[:3]
    rows = []
    for table in dict.fromkeys(one.table for one in measures):
        figures = [Figures.of(measures, table, promise) for promise in floors]
        against_weight = ((name, WEIGHTED) for name in (*REGULARIZERS, EITHER))
        for addition, without in (*comparisons(), *against_weight):
            tallies = [_tally(one, addition, without) for one in figures]
            if any(tallies):
                rows.append([table, label_of(addition), label_of(without), *tallies])
    header = ["table", "with", "against", *(PROMISES[promise].label for promise in floors)]
    return (
        "### How many base losses are improved\n\n"
        "Base losses with a better mean, and in brackets those that are surely better / surely "
        "worse:\nthe 95 % interval of the difference does not hold zero. Then the mean "
        "difference.\n\n" + markdown_table(header, rows)
    )


def _tally(figures: Figures, addition: str, without: str) -> str:
    """Return how many of the base losses gain, and what they gain on average."""
    found = [
        figures.difference(who(base, addition), who(base, without)) for base in bases_for(addition)
    ]
    found = [one for one in found if one.n]
    if not found:
        return ""
    sign = figures.sign
    verdicts = [gain_of(one, sign) for one in found]
    gained = sum(sign * one.mean > 0.0 for one in found)
    mean = sum(one.mean for one in found) / len(found)
    return (
        f"{gained} of {len(found)} ({verdicts.count('better')} / {verdicts.count('worse')}), "
        f"{mean:+.3f}"
    )


def _beside_published(measures: Sequence[Measure], table: str) -> str:
    """Return our means beside the published figures of the table that ours stands in for."""
    floors = [Figures.of(measures, table, promise) for promise in RECALL_PROMISES[:3]]
    shown = (*ADDITIONS, WEIGHTED, *map(weighted_with, REGULARIZERS))
    additions = [
        name for name in shown if any((base, name) in one.tests for one in floors for base in BASES)
    ]
    source, published = PUBLISHED_BY_TABLE.get(table, ("", {}))
    of_published = {"alone": "alone", "alm": "alm", "rank-reg": "rank_reg"} if published else {}
    header = ["base", *map(label_of, additions)]
    header += [f"published: {label_of(name)}" for name in of_published if name in ADDITIONS]
    rows = []
    for base in BASES.values():
        row = [base.label]
        for addition in additions:
            means = [one.mean(who(base, addition)).mean for one in floors]
            row.append(
                " / ".join("" if math.isnan(mean) else f"{100 * mean:.1f}" for mean in means)
            )
        of_base = published.get(base.name)
        for name, field in of_published.items():
            if name in ADDITIONS:
                rates = () if of_base is None else getattr(of_base, field)
                row.append(" / ".join(f"{rate:.1f}" for rate in rates))
        rows.append(row)
    text = "#### FPR in percent at 98 / 95 / 92 % TPR\n\n" + markdown_table(header, rows)
    if published:
        text += f"\nThe published figures are those of {source}. {NOT_TO_BE_QUOTED}\n"
    return text
