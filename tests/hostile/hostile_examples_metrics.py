"""Valid examples of the metrics, of their intervals, scorers and pictures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hostile_data import N_ROWS, in_range, labels, optional_columns, scores, table, values
from hostile_legal import Array, Kind, Number
from hostile_rule import Example
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from skbudget import metrics
from skbudget.band import Band, default_beta, fpr_band
from skbudget.kernels import PairSums, pair_sums

ROOM = "skbudget.metrics"


def _scored(**more: Any) -> Callable[[int], dict[str, Any]]:
    def valid(variant: int) -> dict[str, Any]:
        given = {"y_true": labels(variant), "y_score": scores(variant), **more}
        return {**given, **optional_columns(variant)} if variant % 2 else given

    return valid


def _without_mask(valid: Callable[[int], dict[str, Any]]) -> Callable[[int], dict[str, Any]]:
    def made(variant: int) -> dict[str, Any]:
        return {name: entry for name, entry in valid(variant).items() if name != "iid_mask"}

    return made


def _paired(**more: Any) -> Callable[[int], dict[str, Any]]:
    def valid(variant: int) -> dict[str, Any]:
        given = {
            "y_true": labels(variant),
            "score_a": scores(variant),
            "score_b": scores(variant, 7),
            **more,
        }
        extra = {name: optional_columns(variant)[name] for name in ("sample_weight", "value")}
        return {**given, **extra} if variant % 2 else given

    return valid


def _curve_is_right(answer: Any, arguments: dict[str, Any]) -> str | None:
    budgets, coverage = answer
    if budgets.shape != coverage.shape or budgets.ndim != 1:
        return f"shapes {budgets.shape} and {coverage.shape}"
    order = np.argsort(budgets, kind="stable")
    if (np.diff(coverage[order]) < -1e-9).any():
        return "coverage falls as the budget rises"
    return in_range(0.0, 1.0)(coverage, arguments)


def _interval_is_right(answer: Any, arguments: dict[str, Any]) -> str | None:
    low, high = np.asarray(answer.low), np.asarray(answer.high)
    if not (low <= high).all():
        return f"the interval is [{low}, {high}]"
    return None


# Each of them needs another: either a budget or a threshold, and cross sections with a process.
RATES = dict.fromkeys(
    ("budget", "threshold", "process", "cross_sections", "luminosity"), Kind(none=True)
)
PROCESSES = {
    "budget": 0.25,
    "eps": 0.5,
    "process": np.arange(N_ROWS) % 3,
    "cross_sections": [0.5, 1.0, 64.0],
}


PAGES = ("precision", "recall", "hit_rate", "map", "mrr")
GROUPED = dict.fromkeys(
    ("metric", "k", "budget", "gain", "min_grade", "group_column"), Kind(none=True)
)


def _functions() -> list[Example]:
    optional = _without_mask(optional_columns)
    found = [
        ("coverage_at_budget_score", {"budget": 0.25}, in_range(0.0, 1.0)),
        ("value_per_review_score", {"budget": 0.25, "cost": 0.5}, None),
        ("partial_auc_score", {"alpha": 0.0, "beta": 0.25}, in_range(0.0, 1.0)),
        ("fpr_at_tpr_error", {"tpr": 0.75}, in_range(0.0, 1.0)),
        ("recall_partial_auc_score", {"min_tpr": 0.75}, in_range(0.0, 1.0)),
        ("volume_at_recall_error", {"recall": 0.75}, in_range(0.0, 1.0)),
        ("coverage_curve", {}, _curve_is_right),
        ("significance_score", PROCESSES, in_range(0.0, np.inf)),
    ]
    examples = []
    for name, more, right in found:
        member = getattr(metrics, name)
        filled = optional
        if name == "coverage_curve":
            filled = lambda variant: {**optional(variant), "budgets": np.array([0.25, 0.5])}  # noqa: E731
        examples.append(
            Example(
                f"{ROOM}.{name}",
                member,
                _without_mask(_scored(**more)),
                (member,),
                filled=filled,
                right=right,
                kinds={**RATES, "process": Kind("columns")} if name == "significance_score" else {},
                # Signal over no background.
                infinite=name == "significance_score",
            )
        )
    groups = np.arange(N_ROWS) % 6
    of_pages = {f"{kind}_at_k_score" for kind in PAGES}
    for name, more in (
        ("group_coverage_score", {"k": 3}),
        ("ndcg_at_k_score", {"k": 3, "gain": "linear"}),
        *((f"{kind}_at_k_score", {"k": 3}) for kind in PAGES),
    ):
        member = getattr(metrics, name)
        weighted = name == "group_coverage_score"
        examples.append(
            Example(
                f"{ROOM}.{name}",
                member,
                lambda variant, more=more: {
                    "y_true": labels(variant),
                    "y_score": scores(variant),
                    "group": groups,
                    **more,
                },
                (member,),
                filled=optional if weighted else (lambda variant: {}),
                right=in_range(0.0, 1.0),
                # A page is a number of rows or a fraction; grades may be any numbers from 0.
                kinds={
                    **({"k": Kind(none=True), "budget": Kind(none=True)} if weighted else {}),
                    **({"y_true": Kind("columns")} if name == "ndcg_at_k_score" else {}),
                    **({"y_true": Array(role="labels of pages")} if name in of_pages else {}),
                },
            )
        )
    for name, valid in (
        ("bootstrap_ci", _without_mask(_scored(budget=0.25, n_resamples=40, random_state=0))),
        ("paired_bootstrap_ci", _paired(budget=0.25, n_resamples=40, random_state=0)),
    ):
        member = getattr(metrics, name)
        # Of scores that rank alike, the bootstrap has no acceleration and no error.
        examples.append(
            Example(
                f"{ROOM}.{name}",
                member,
                valid,
                (member,),
                filled=optional,
                right=_interval_is_right,
                kinds={"budget": Kind(none=True), "metric": Kind(none=True)},
            )
        )
    test = metrics.coverage_difference_test
    examples.append(
        Example(
            f"{ROOM}.coverage_difference_test",
            test,
            _paired(budget=0.25, n_permutations=99, random_state=0),
            (test,),
            filled=optional,
            right=lambda answer, arguments: in_range(0.0, 1.0)(answer.pvalue, arguments),
        )
    )
    size = metrics.coverage_sample_size
    examples.append(
        Example(
            f"{ROOM}.coverage_sample_size",
            size,
            lambda variant: (
                {"coverage": 0.5, "lift": 0.05}
                if variant % 2
                else {"coverage": 0.5, "lift": 0.05, "pos_rate": 0.125, "budget": 0.25}
            ),
            (size,),
            right=lambda answer, arguments: None if answer.n_positives >= 1 else "no positive",
        )
    )
    return examples


@cache
def _fitted(variant: int) -> Any:
    return LogisticRegression().fit(table(variant), labels(variant))


def _scorer_of_labels() -> Example:
    def score(**settings: Any) -> Any:
        X, Y = table(0), np.column_stack([labels(0), labels(1)])
        model = MultiOutputClassifier(LogisticRegression()).fit(X, Y)
        return metrics.make_label_coverage_scorer(**settings)(model, X, Y)

    return Example(
        f"{ROOM}.make_label_coverage_scorer",
        score,
        lambda variant: {"budget": 0.25},
        (metrics.make_label_coverage_scorer,),
        right=in_range(0.0, 1.0),
        kinds={"label": Number(whole=True, low=0, high=1, none=True)},
    )


def _scorers() -> list[Example]:
    examples = [_scorer_of_labels()]
    for name, given, bounds in (
        ("make_coverage_scorer", {"budget": 0.25}, (0.0, 1.0)),
        ("make_value_per_review_scorer", {"budget": 0.25}, (-np.inf, np.inf)),
        ("make_partial_auc_scorer", {"alpha": 0.0, "beta": 0.25}, (0.0, 1.0)),
        ("make_fpr_at_tpr_scorer", {"tpr": 0.75}, (-1.0, 0.0)),
        ("make_significance_scorer", {"budget": 0.25, "eps": 0.5}, (0.0, np.inf)),
        ("make_recall_partial_auc_scorer", {"min_tpr": 0.75}, (0.0, 1.0)),
        ("make_volume_at_recall_scorer", {"recall": 0.75}, (-1.0, 0.0)),
        ("make_group_scorer", {"metric": "map", "k": 3, "group_column": 0}, (0.0, 1.0)),
    ):
        make = getattr(metrics, name)

        def score(_make: Any = make, **settings: Any) -> Any:
            X = np.abs(table(0))
            model = LogisticRegression().fit(X, labels(0))
            return _make(**settings)(model, X, labels(0))

        examples.append(
            Example(
                f"{ROOM}.{name}",
                score,
                lambda variant, given=given: dict(given),
                (make,),
                right=in_range(*bounds),
                kinds={
                    "value_column": Kind(none=True),
                    # Which of them a metric of groups takes depends on the metric.
                    **(GROUPED if name == "make_group_scorer" else {}),
                    **dict.fromkeys(("cross_sections", "luminosity"), Kind(none=True)),
                },
                infinite=name == "make_significance_scorer",
            )
        )
    return examples


# --- pictures ---------------------------------------------------------------------------------


def _drawn(member: Callable[..., Any]) -> Callable[..., Any]:
    """Draw, and close the figure."""

    def call(**arguments: Any) -> Any:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot

        try:
            return member(**arguments)
        finally:
            pyplot.close("all")

    return call


@cache
def _cv_results(variant: int) -> Any:
    from sklearn.model_selection import cross_validate

    return cross_validate(
        LogisticRegression(),
        table(variant),
        labels(variant),
        cv=2,
        return_estimator=True,
        return_indices=True,
    )


class Trained(ClassifierMixin, BaseEstimator):
    """An estimator that has been trained, and has a history."""

    def fit(self, X: Any, y: Any) -> Trained:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    evals_result_ = {"valid_0": {"coverage@0.25": [0.25, 0.5, 0.75]}}
    best_iteration_ = 2


def _display_arguments(display: Any, method: str) -> Callable[[int], dict[str, Any]]:
    band = {"alpha": 0.0, "beta": 0.25}
    own: dict[str, Any] = {
        "CoverageCurveDisplay": {"budget": 0.25},
        "PartialROCDisplay": band,
        "ScoreBandDisplay": {**band, "bins": 8},
        "SignificanceDisplay": {"eps": 0.5, "min_background": 0.5},
    }.get(display.__name__, {})
    if display.__name__ == "CoverageCurveDisplay" and method != "from_cv_results":
        own = {**own, "n_resamples": 20, "random_state": 0}
    mask = set(inspect.signature(getattr(display, method)).parameters)

    def valid(variant: int) -> dict[str, Any]:
        if method == "from_predictions":
            given = {"y_true": labels(variant), "y_score": scores(variant)}
        elif method == "from_estimator":
            given = {"estimator": _fitted(variant), "X": table(variant), "y": labels(variant)}
        else:
            given = {"cv_results": _cv_results(variant), "X": table(variant), "y": labels(variant)}
        extra = optional_columns(variant) if variant % 2 else {}
        return {**given, **own, **{name: extra[name] for name in extra if name in mask}}

    return valid


def _direct(name: str) -> dict[str, Any]:
    """Return valid arguments of a display's constructor."""
    grid = np.array([0.0, 0.25, 0.5, 1.0])
    return {
        "CoverageCurveDisplay": {"budgets": grid, "coverage": np.array([0.0, 0.5, 0.75, 1.0])},
        "PartialROCDisplay": {
            "fpr": grid,
            "tpr": np.array([0.0, 0.5, 0.75, 1.0]),
            "beta": 0.25,
            "partial_auc": 0.25,
        },
        "ScoreBandDisplay": {
            "edges": np.linspace(-1.0, 1.0, 5),
            "positives": np.array([0.0, 1.0, 2.0, 3.0]),
            "band_negatives": np.array([0.0, 0.0, 1.0, 1.0]),
            "other_negatives": np.array([3.0, 2.0, 0.0, 0.0]),
            "t_alpha": 0.75,
            "t_beta": 0.25,
        },
        "SignificanceDisplay": {
            "thresholds": grid[::-1],
            "efficiency": grid,
            "significance": np.array([0.5, 2.0, 1.5, 1.0]),
        },
        "TrainingCurveDisplay": {
            "panels": {"loss": {"train": np.array([0.75, 0.5])}, "coverage": {"valid": grid[:2]}}
        },
    }[name]


def _others(display: Any) -> list[Any]:
    """Return the methods that docstrings refer to."""
    found = [
        getattr(display, name, None) for name in ("from_predictions", "from_estimator", "plot")
    ]
    return [member for member in found if member is not None]


def _displays() -> list[Example]:
    examples = []
    for name in metrics.__all__:
        if not name.endswith("Display"):
            continue
        display = getattr(metrics, name)
        full = f"{ROOM}.{name}"

        def construct(_display: Any = display, **arguments: Any) -> Any:
            return _display(**arguments).plot()

        examples.append(
            Example(
                full,
                _drawn(construct),
                lambda variant, name=name: _direct(name),
                (display,),
                same=False,
                nan=("interval", "ceiling", "perfect"),
            )
        )

        def plot(_display: Any = display, _name: str = name, **arguments: Any) -> Any:
            return _display(**_direct(_name)).plot(**arguments)

        examples.append(
            Example(
                f"{full}.plot",
                _drawn(plot),
                lambda variant: {},
                (display.plot, *_others(display), display),
            )
        )
        for method in ("from_predictions", "from_estimator", "from_cv_results"):
            if not hasattr(display, method):
                continue
            member = getattr(display, method)
            valid = _display_arguments(display, method)
            filled: Any = _without_mask(optional_columns)
            if name == "TrainingCurveDisplay":
                valid, filled = (lambda variant: {"estimator": Trained()}), None
            examples.append(
                Example(
                    f"{full}.{method}",
                    _drawn(member),
                    valid,
                    (member, *_others(display), display),
                    filled=filled,
                    kinds=RATES if name == "SignificanceDisplay" else {},
                    # The estimator judges the rows.
                    upstream=frozenset({"X"}),
                )
            )
    return examples


# --- what the metrics return, and what they are made of -------------------------------------------


def _results() -> list[Example]:
    interval = {
        "estimate": 0.5,
        "low": 0.25,
        "high": 0.75,
        "standard_error": 0.125,
        "fallback": False,
        "budget": 0.25,
        "confidence_level": 0.95,
        "n_resamples": 40,
        "method": "BCa",
        "distribution": np.linspace(0.25, 0.75, 40),
    }
    return [
        Example(
            f"{ROOM}.BootstrapInterval.to_dict",
            lambda: metrics.BootstrapInterval(**interval).to_dict(),
            lambda variant: {},
            (metrics.BootstrapInterval.to_dict,),
        ),
    ]


def _band() -> list[Example]:
    def negatives(variant: int) -> Any:
        return labels(variant) == 0

    def valid(variant: int) -> dict[str, Any]:
        given = {"scores": scores(variant), "negatives": negatives(variant), "beta": 0.25}
        extra = optional_columns(variant)
        return {**given, "sample_weight": extra["sample_weight"]} if variant % 2 else given

    mask = Array(pool="columns", role="mask")
    sums = {
        "kernels": Kind(),
        "negatives": Array(pool="columns", role="one class"),
        "positives": Array(pool="columns", role="one class"),
    }

    def rows(variant: int) -> dict[str, Any]:
        y, z = labels(variant), scores(variant)
        return {"positives": z[y == 1], "negatives": z[y == 0], "temperature": 0.5}

    def row_weights(variant: int) -> dict[str, Any]:
        y, w = labels(variant), values(variant)
        return {"weight_pos": w[y == 1], "weight_neg": w[y == 0]}

    return [
        Example(
            "skbudget.band.fpr_band",
            fpr_band,
            valid,
            (fpr_band,),
            filled=optional_columns,
            kinds={"negatives": mask},
            right=lambda band, arguments: (
                None if band.t_alpha >= band.t_beta else f"{band.t_alpha} < {band.t_beta}"
            ),
        ),
        Example(
            "skbudget.boosting.default_beta",
            default_beta,
            lambda variant: {
                "budget": 0.0625,
                "positive_weight": 8.0,
                "negative_weight": 512.0,
                "basis": ("fpr", "population")[variant % 2],
            },
            (default_beta,),
            right=in_range(0.0, 1.0),
        ),
        Example(
            "skbudget.band.Band.temperature",
            lambda multiplier: fpr_band(
                scores(0), labels(0) == 0, beta=0.25, tau_scale="iqr"
            ).temperature(multiplier),
            lambda variant: {"multiplier": 0.5},
            (Band.temperature,),
            kinds={"multiplier": Number()},
        ),
        Example(
            "skbudget.kernels.pair_sums",
            pair_sums,
            rows,
            (pair_sums,),
            filled=row_weights,
            kinds=sums,
            alone=True,
            right=lambda sums, arguments: None if isinstance(sums, PairSums) else "no sums",
        ),
    ]


def examples() -> list[Example]:
    """Return the examples of this room."""
    assert N_ROWS
    return [*_functions(), *_scorers(), *_displays(), *_results(), *_band()]
