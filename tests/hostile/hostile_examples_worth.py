"""Valid examples of what levels and amounts are worth: metrics, a scorer and estimators."""

from __future__ import annotations

import copy
import inspect
from functools import cache
from typing import Any

import numpy as np
from hostile_data import in_range, labels, scores, table, values, weights
from hostile_legal import Array, Kind
from hostile_rule import Example
from sklearn.linear_model import LinearRegression, LogisticRegression

from skbudget import metrics
from skbudget.model_selection import ExpectedWorthClassifier, TwoPartRegressor
from skbudget.objectives import OrdinalAllThreshold

ANYTHING = Kind(none=True)
WORTH = {0: 0.0, 1: 8.0}


def _metrics() -> list[Example]:
    examples = []
    for name, bounds in (
        ("worth_coverage_score", (0.0, 1.0)),
        ("worth_per_review_score", (-np.inf, np.inf)),
    ):
        member = getattr(metrics, name)
        examples.append(
            Example(
                f"skbudget.metrics.{name}",
                member,
                lambda variant: {
                    "y_true": labels(variant) * values(variant),
                    "y_score": scores(variant),
                    "budget": 0.25,
                    **({"sample_weight": weights(variant)} if variant % 2 else {}),
                },
                (member,),
                right=in_range(*bounds),
                # Amounts: none of them is negative, and not all are zero.
                kinds={"y_true": Array("columns", role="weights"), "worth": ANYTHING},
            )
        )
    member = metrics.expected_worth
    probability = np.column_stack([np.arange(48) / 64.0, 1.0 - np.arange(48) / 64.0])
    examples.append(
        Example(
            "skbudget.metrics.expected_worth",
            member,
            lambda variant: {"probabilities": probability.copy(), "worth": [0.0, 8.0]},
            (member,),
            kinds={
                "probabilities": Array("tables", role="free"),
                "worth": ANYTHING,
            },
            alone=True,
        )
    )
    make = metrics.make_worth_scorer

    def score(**settings: Any) -> Any:
        model = LogisticRegression().fit(table(0), labels(0))
        return make(**settings)(model, table(0), labels(0))

    examples.append(
        Example(
            "skbudget.metrics.make_worth_scorer",
            score,
            lambda variant: {"budget": 0.25, "worth": dict(WORTH), "per_review": True},
            (make,),
            kinds={"worth": ANYTHING},
        )
    )
    return examples


def _thresholds() -> Example:
    found = OrdinalAllThreshold.thresholds_of
    return Example(
        "skbudget.objectives.OrdinalAllThreshold.thresholds_of",
        lambda **given: OrdinalAllThreshold().thresholds_of(**given),
        lambda variant: {
            "y_true": labels(variant),
            "raw_score": scores(variant),
            **({"sample_weight": weights(variant)} if variant % 2 else {}),
        },
        (found,),
        kinds={"y_true": Array("columns", role="numbers")},
    )


# --- estimators -------------------------------------------------------------------------------

SETTINGS: dict[type, Any] = {
    ExpectedWorthClassifier: lambda: {"estimator": LogisticRegression(), "worth": dict(WORTH)},
    TwoPartRegressor: lambda: {
        "classifier": LogisticRegression(),
        "regressor": LinearRegression(),
    },
}


def _rows(found: type, variant: int) -> dict[str, Any]:
    y = labels(variant)
    return {
        "X": table(variant),
        "y": y if found is ExpectedWorthClassifier else y * values(variant),
    }


@cache
def _fitted(found: type) -> Any:
    return found(**SETTINGS[found]()).fit(**_rows(found, 0))


def _ranking(model: Any) -> Any:
    method = "decision_function" if hasattr(model, "decision_function") else "predict"
    return getattr(model, method)(table(0))


def _estimator(found: type) -> list[Example]:
    full = f"skbudget.model_selection.{found.__name__}"
    inner = frozenset(inspect.signature(found).parameters)
    # The models inside judge the rows, and what else is passed to them.
    upstream = frozenset({"X", "fit_params"})
    kinds = {
        "X": Array("tables", role="table"),
        "y": Array("columns", role="labels" if found is ExpectedWorthClassifier else "weights"),
        "fit_params": ANYTHING,
        **dict.fromkeys(inner, ANYTHING),
    }

    def fit(**arguments: Any) -> Any:
        model = found(**SETTINGS[found]()).fit(**arguments)
        return _ranking(model) if np.shape(arguments["X"]) == (48, 4) else None

    examples = [
        Example(
            full,
            lambda **settings: _ranking(found(**settings).fit(**_rows(found, 0))),
            lambda variant: copy.deepcopy(SETTINGS[found]()),
            (found,),
            kinds=kinds,
            upstream=inner - {"worth"},
        ),
        Example(
            f"{full}.set_params",
            lambda **params: _ranking(
                found(**SETTINGS[found]()).set_params(**params).fit(**_rows(found, 0))
            ),
            lambda variant: {},
            (found.set_params,),
            skip=frozenset({"params"}),
        ),
        Example(
            f"{full}.fit",
            fit,
            lambda variant: _rows(found, variant),
            (found.fit,),
            filled=lambda variant: {"sample_weight": weights(variant)},
            kinds=kinds,
            skip=frozenset({"fit_params"}),
            upstream=upstream,
        ),
        Example(
            f"{full}.score",
            lambda **arguments: _fitted(found).score(**arguments),
            lambda variant: _rows(found, variant),
            (found.score,),
            kinds={"X": Array("tables", role="table")},
            # scikit-learn's own scores judge them.
            skip=frozenset({"y", "sample_weight"}),
            upstream=upstream,
        ),
    ]
    for method in ("decision_function", "predict_proba", "predict"):
        if method in dir(found):
            member = inspect.unwrap(getattr(found, method))
            examples.append(
                Example(
                    f"{full}.{method}",
                    lambda _method=method, **given: getattr(_fitted(found), _method)(**given),
                    lambda variant: {"X": table(variant)},
                    (member,),
                    kinds={"X": Array("tables", role="table")},
                    infinite=True,
                    upstream=upstream,
                    alone=True,
                )
            )
    return examples


def examples() -> list[Example]:
    """Return the examples of this theme."""
    found = [*_metrics(), _thresholds()]
    for estimator in SETTINGS:
        found += _estimator(estimator)
    return found
