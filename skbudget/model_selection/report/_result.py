"""The result of an adoption report, and how it shows itself: as text, as HTML and as a table."""

from __future__ import annotations

import math
import textwrap
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from ..._utils.statistics import Estimate
from ...band import Basis
from ._models import Role
from ._rule import Recommendation, signed, signed_lift

__all__ = ["AdoptionReport", "Contest", "LiftForecast", "ModelSummary", "Resolution"]

WIDTH = 88
# A confidence this far from one half is no longer a close call.
CLOSE = 0.25
HEADERS = ("", "coverage", "lift near the budget", "at it", "s/fit")
SIDES = ("left", "left", "left", "right", "right")
ROLES = {
    "baseline": "baseline",
    "hard_negatives": "remedy",
    "probe": "probe",
    "candidate": "candidate",
}


@dataclass(frozen=True)
class ModelSummary:
    """One model of the comparison.

    Attributes
    ----------
    role : {"baseline", "hard_negatives", "probe", "candidate"}
        What it is in the comparison.
    label : str
        Name in tables.
    coverage : Estimate
        Coverage at the budget on held-out rows, with an interval over positives.
    lift : Estimate or None
        Coverage minus the baseline's, paired positive by positive and averaged over the
        budgets of ``budget_window``. The recommendation rests on it. None for the baseline.
    lift_at_budget : Estimate or None
        The lift at the budget alone.
    split_coverage : tuple of float
        Coverage at the budget in each split.
    lift_by_split : Estimate or None
        ``lift`` paired split by split, with a Student's t interval that is corrected for the
        rows that splits share (Nadeau and Bengio).
    fit_seconds : float
        Median time of a fit in seconds. The default models use one thread.
    """

    role: Role
    label: str
    coverage: Estimate
    lift: Estimate | None
    lift_at_budget: Estimate | None
    split_coverage: tuple[float, ...]
    lift_by_split: Estimate | None
    fit_seconds: float

    @property
    def estimates(self) -> dict[str, Estimate | None]:
        """The figures that have an interval, by name."""
        return {
            "coverage": self.coverage,
            "lift": self.lift,
            "lift_at_budget": self.lift_at_budget,
            "lift_by_split": self.lift_by_split,
        }


@dataclass(frozen=True)
class Contest:
    """Whether negatives contest the top of the baseline's held-out ranking.

    Attributes
    ----------
    negatives_in_top : float
        Share of negatives among the rows that the budget holds.
    least_negatives_in_top : float
        The same share for a perfect ranking: what the budget holds beyond the positives.
    gradient_in_band : float or None
        Share of the negatives' cross-entropy gradient that falls on the negatives in the
        band: how much of its effort the baseline spends where the budget is decided. None
        if the baseline has no `predict_proba`.
    """

    negatives_in_top: float
    least_negatives_in_top: float
    gradient_in_band: float | None


@dataclass(frozen=True)
class Resolution:
    """Whether there are enough rows to measure coverage at the budget.

    Attributes
    ----------
    n_samples, n_positives : int
        Numbers of rows with weight and of positives among them.
    pos_rate : float
        Share of the positives, by weight.
    cap : float
        Coverage of a perfect ranking: 1 unless the budget holds fewer rows than there are
        positives.
    positives_per_split : float
        Average number of positives in a test split.
    budget_rows_per_split : float
        Average number of rows of a test split that the budget pays for; of negatives with
        ``basis="fpr"``.
    band_negatives_per_training : float
        Average number of negatives of a training split in a band as wide as the budget:
        ``budget`` times their number.
    coverage_error : float
        Standard error of the baseline's coverage.
    """

    n_samples: int
    n_positives: int
    pos_rate: float
    cap: float
    positives_per_split: float
    budget_rows_per_split: float
    band_negatives_per_training: float
    coverage_error: float


@dataclass(frozen=True)
class LiftForecast:
    """The lift to expect, from two short trainings: what ``quick=True`` asks for.

    Attributes
    ----------
    lift : Estimate
        The lift of the full models to expect, and where it lies with the confidence of the report
        at each end. ``n`` is the number of tables that the forecast rests on.
    chance : float
        Chance that this lift is ``min_lift`` or more.
    pilot : Estimate
        The lift of the short models on the rows that they had not seen.
    """

    lift: Estimate
    chance: float
    pilot: Estimate


@dataclass(frozen=True)
class AdoptionReport:
    """What `adoption_report` found. It shows itself as a table in notebooks and as text.

    Attributes
    ----------
    recommendation : Recommendation
        The advice. It is equal to one of ``"adopt"``, ``"try hard-negative mining"``,
        ``"keep cross-entropy"`` and ``"not enough data"``. With ``quick=True`` it is
        ``"measure the lift"`` instead of the first two.
    reason : str
        The figures behind the advice, in words.
    lift_confidence : float
        Confidence that the candidate's lift is ``min_lift`` or more: the level at which the
        lower end of its interval would be ``min_lift``. Near one half the answer is a close call.
        With ``quick=True`` it is the forecast's chance.
    models : tuple of ModelSummary
        The models compared, the baseline first and the candidate last.
    contest : Contest
        Whether the top is contested.
    resolution : Resolution
        Whether there are enough rows.
    budget, min_lift, confidence : float
        The parameters of these names.
    budget_range : tuple of float
        Least and greatest of the budgets over which lifts are averaged.
    basis : {"population", "fpr"}
        The parameter of this name.
    n_splits : int
        Number of splits.
    pos_label : int, float, bool or str
        The label of the positive class.
    forecast : LiftForecast or None
        The lift to expect, if the report was quick. The models are the short ones then.

    See Also
    --------
    adoption_report : The function that returns it.
    """

    recommendation: Recommendation
    reason: str
    lift_confidence: float
    models: tuple[ModelSummary, ...]
    contest: Contest
    resolution: Resolution
    budget: float
    budget_range: tuple[float, float]
    basis: Basis
    min_lift: float
    confidence: float
    n_splits: int
    pos_label: Any
    forecast: LiftForecast | None = None

    def __getitem__(self, role: str) -> ModelSummary:
        """Return the model that has a role."""
        for model in self.models:
            if model.role == role:
                return model
        raise KeyError(role)

    def __str__(self) -> str:
        return _as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, numbers, strings and None, ready for JSON."""
        found = asdict(self)
        found["recommendation"] = str(self.recommendation)
        found["budget_range"] = list(self.budget_range)
        if self.forecast is not None:
            found["forecast"] = {
                "lift": self.forecast.lift.to_dict(),
                "chance": self.forecast.chance,
                "pilot": self.forecast.pilot.to_dict(),
            }
        found["models"] = [
            {
                **asdict(model),
                "split_coverage": list(model.split_coverage),
                **{
                    name: None if estimate is None else estimate.to_dict()
                    for name, estimate in model.estimates.items()
                },
            }
            for model in self.models
        ]
        return found

    def to_frame(self) -> Any:
        """Return the models as a `pandas.DataFrame`, one row each, indexed by role.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ImportError("AdoptionReport.to_frame needs pandas: pip install pandas") from error
        records = []
        for model in self.models:
            record: dict[str, Any] = {"role": model.role, "model": model.label}
            for name, estimate in model.estimates.items():
                if estimate is None:
                    estimate = Estimate(math.nan, math.nan, 0)
                record[name] = estimate.mean
                record[f"{name}_low"] = estimate.low
                record[f"{name}_high"] = estimate.high
            record["fit_seconds"] = model.fit_seconds
            records.append(record)
        return pd.DataFrame.from_records(records, index="role")


def _as_text(report: AdoptionReport) -> str:
    """Return the report for a terminal."""
    rows = [HEADERS, *_rows(report)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADERS))]
    table = [
        "  ".join(
            [
                cell.ljust(width) if side == "left" else cell.rjust(width)
                for cell, width, side in zip(row, widths, SIDES)
            ]
        ).rstrip()
        for row in rows
    ]
    facts = [f"{name}: {fact}" for name, fact in _facts(report)]
    return "\n".join(
        [
            _headline(report),
            *_wrap(report.reason),
            "",
            *table,
            "",
            *(line for fact in facts for line in _wrap(fact, hanging=True)),
        ]
    )


def _as_html(report: AdoptionReport) -> str:
    """Return the report for a notebook, with one colour of its own, that of the left edge.

    Text and lines take the colour of the page, so that light and dark pages both work.
    """
    cell = "padding:0.2em 0.9em 0.2em 0; text-align:{}; border:0; background:none; color:inherit"
    line = "border-bottom:1px solid; border-color:color-mix(in srgb, currentColor 25%, transparent)"

    def table_row(cells: tuple[str, ...], tag: str, style: str = "") -> str:
        inner = "".join(
            f'<{tag} style="{cell.format(side)}; {line}; {style}">{escape(text)}</{tag}>'
            for text, side in zip(cells, SIDES)
        )
        return f'<tr style="background:none">{inner}</tr>'

    body = "".join(table_row(cells, "td") for cells in _rows(report))
    facts = "".join(
        f'<div style="margin-top:0.25em"><span style="opacity:0.7">{escape(name)}:</span> '
        f"{escape(fact)}</div>"
        for name, fact in _facts(report)
    )
    return (
        '<div style="max-width:50em; line-height:1.4; border-left:4px solid #3b82c4; '
        'padding-left:1em">'
        f'<div style="font-size:1.15em; font-weight:bold">{escape(_headline(report))}</div>'
        f'<div style="margin:0.3em 0 0.8em 0">{escape(report.reason)}</div>'
        '<table style="color:inherit; border-collapse:collapse; margin:0; '
        'font-variant-numeric:tabular-nums">'
        f"<thead>{table_row(HEADERS, 'th', 'font-weight:bold')}</thead>"
        f"<tbody>{body}</tbody></table>"
        f'<div style="margin-top:0.7em; font-size:0.9em">{facts}</div></div>'
    )


def _headline(report: AdoptionReport) -> str:
    return f"Recommendation: {report.recommendation}"


def _rows(report: AdoptionReport) -> list[tuple[str, ...]]:
    return [
        (
            f"{ROLES[model.role]}: {model.label}",
            f"{model.coverage.mean:.3f} ± {model.coverage.half_width:.3f}",
            "" if model.lift is None else signed_lift(model.lift),
            "" if model.lift_at_budget is None else signed(model.lift_at_budget.mean),
            f"{model.fit_seconds:.2f}" if model.fit_seconds < 9.995 else f"{model.fit_seconds:.1f}",
        )
        for model in report.models
    ]


def _facts(report: AdoptionReport) -> list[tuple[str, str]]:
    found = report.resolution
    rows = "negatives" if report.basis == "fpr" else "rows"
    facts = [
        (
            "Compared",
            f"coverage at a budget of {100 * report.budget:g} % of the {rows}, on held-out rows of "
            f"{_splits(report)}; {_window(report)}each end of an interval holds with a "
            f"confidence of {100 * report.confidence:g} %; a lift of {report.min_lift:g} or more "
            "is worth switching for.",
        ),
        ("Worth it", _worth(report))
        if report.forecast is None
        else ("Forecast", _foreseen(report)),
        ("Contested top", _contested(report.contest)),
        (
            "Rows",
            f"{_count(found.n_samples)}, of which {_count(found.n_positives)} positive"
            f"{'' if report.pos_label == 1 else f' (label {report.pos_label!r})'}; a test "
            f"split has {found.positives_per_split:.0f} positives and a budget of "
            f"{found.budget_rows_per_split:.0f} {rows}; a training split has "
            f"{found.band_negatives_per_training:.0f} negatives in the band; the standard error of "
            f"the baseline's coverage is {found.coverage_error:.3f}.",
        ),
    ]
    if found.cap < 1.0 - 1e-9:
        facts.append(("Cap", f"no ranking covers more than {found.cap:.3f}."))
    return facts


def _worth(report: AdoptionReport) -> str:
    sure = report.lift_confidence
    shown = f"{100 * sure:.0f} %"
    if not 0.01 <= sure <= 0.99:
        shown = "less than 1 %" if sure < 0.5 else "more than 99 %"
    text = f"the candidate's lift is {report.min_lift:g} or more with a confidence of {shown}."
    if abs(sure - 0.5) < CLOSE:
        text += (
            " That is a close call: before acting on it, draw more folds with "
            "cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=10), or collect more positives."
        )
    return text


def _foreseen(report: AdoptionReport) -> str:
    found = report.forecast
    assert found is not None
    return (
        f"the candidate's lift is {report.min_lift:g} or more with a chance of "
        f"{100 * found.chance:.0f} %. The models in the table are short ones, and the forecast "
        f"says what their lift was worth on {found.lift.n} other tables."
    )


def _splits(report: AdoptionReport) -> str:
    return "1 split" if report.n_splits == 1 else f"{report.n_splits} splits"


def _contested(contest: Contest) -> str:
    text = (
        f"{100 * contest.negatives_in_top:.0f} % of what the baseline puts in the budget are "
        f"negatives; a perfect ranking has {100 * contest.least_negatives_in_top:.0f} %."
    )
    if contest.gradient_in_band is not None:
        text += (
            f" The negatives in the band have {100 * contest.gradient_in_band:.0f} % of the "
            "negatives' cross-entropy gradient."
        )
    return text


def _window(report: AdoptionReport) -> str:
    low, high = (f"{100 * budget:.3g}" for budget in report.budget_range)
    if low == high:
        return ""
    return f"lifts are means over budgets from {low} to {high} %; "


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _wrap(text: str, *, hanging: bool = False) -> list[str]:
    # A number and its unit stay on one line.
    lines = textwrap.wrap(
        text.replace(" %", "\u00a0%"), WIDTH, subsequent_indent="  " if hanging else ""
    )
    return [line.replace("\u00a0%", " %") for line in lines]
