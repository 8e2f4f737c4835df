"""Valid examples of two stages, and of what trains embeddings."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from hostile_data import N_ROWS, in_range, labels, scores, table, values, weights
from hostile_legal import Array, Kind, Number
from hostile_rule import Example
from sklearn.linear_model import LogisticRegression

from skbudget import metrics, neural
from skbudget.cascade import CascadeClassifier
from skbudget.neural import EmbeddingRecallClassifier

ANYTHING = Kind(none=True)
TABLE = {"X": Array("tables", role="table")}
LABELS = {"y": Array("columns", role="labels")}
WEIGHTS = Array("columns", role="weights", none=True)


def examples() -> list[Example]:
    """Return the examples of these rooms."""
    return [*_measures(), *_estimators(), *_losses(), *_retrieval()]


# --- metrics --------------------------------------------------------------------------------


def _stages(variant: int) -> dict[str, Any]:
    return {
        "y_true": labels(variant),
        "first_score": scores(variant),
        "second_score": scores(variant, 7),
    }


def _columns(variant: int) -> dict[str, Any]:
    return {"sample_weight": weights(variant), "value": values(variant)}


def _measures() -> list[Example]:
    room = "skbudget.metrics"
    two = {"budgets": ANYTHING}
    first = LogisticRegression().fit(table(3), labels(3))
    # A column of values is one of numbers that are at least 0.
    rows = np.abs(table(0))
    ranking = {
        "first_score": Array("columns", role="scores"),
        "second_score": Array("columns", role="scores"),
    }
    measured = {"budgets": (0.5, 0.25)}
    return [
        Example(
            f"{room}.cascade_coverage",
            lambda **given: metrics.cascade_coverage(**given).coverage,
            lambda variant: {**_stages(variant), **measured},
            (metrics.cascade_coverage,),
            filled=_columns,
            kinds={**two, **ranking},
            right=in_range(0.0, 1.0),
        ),
        Example(
            f"{room}.cascade_coverage_score",
            metrics.cascade_coverage_score,
            lambda variant: {**_stages(variant), **measured},
            (metrics.cascade_coverage_score,),
            filled=_columns,
            kinds={**two, **ranking},
            right=in_range(0.0, 1.0),
        ),
        Example(
            f"{room}.cascade_curve",
            metrics.cascade_curve,
            lambda variant: {**_stages(variant), "budget": 0.25},
            (metrics.cascade_curve,),
            filled=lambda variant: {**_columns(variant), "first_budgets": np.array([0.25, 0.5])},
            kinds={"first_budgets": ANYTHING, **ranking},
        ),
        Example(
            f"{room}.cascade_scores",
            metrics.cascade_scores,
            lambda variant: {
                "first_score": scores(variant),
                "second_score": scores(variant, 7),
                "budget_first": 0.25,
            },
            (metrics.cascade_scores,),
            filled=lambda variant: {"sample_weight": weights(variant)},
            kinds=ranking,
        ),
        Example(
            f"{room}.make_cascade_scorer",
            lambda **given: metrics.make_cascade_scorer(**given)(first, rows, labels(0)),
            lambda variant: {"first": first, "budgets": (0.5, 0.25)},
            (metrics.make_cascade_scorer,),
            # The stages of a user judge the rows, and say whether they are fitted.
            upstream=frozenset({"first"}),
            kinds={**two, "first": ANYTHING, "value_column": ANYTHING},
        ),
    ]


# --- estimators -----------------------------------------------------------------------------


class Linear(LogisticRegression):
    """A quick model that takes values of rows, as those of the package do."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, value: Any = None) -> Linear:
        return super().fit(X, y, sample_weight)


def _settings(found: type) -> dict[str, Any]:
    if found is CascadeClassifier:
        stages = {"first": Linear(), "second": Linear(C=0.5)}
        return {**stages, "budget_first": 0.5, "budget": 0.25, "cv": 2, "random_state": 0}
    network = {"n_steps": 3, "batch_size": 4, "n_negatives": 8, "hidden_layer_sizes": (4,)}
    return {**network, "embedding_dim": 3, "device": "cpu", "random_state": 0}


def _estimators() -> list[Example]:
    found = [
        ("skbudget.cascade", CascadeClassifier, "reaches", "budget_first"),
        ("skbudget.neural", EmbeddingRecallClassifier, "embed", "n_neighbors"),
    ]
    return [one for entry in found for one in _estimator(*entry)]


def _estimator(room: str, found: Any, more: str, changed: str) -> list[Example]:
    full = f"{room}.{found.__name__}"
    # The models inside judge the rows.
    upstream = frozenset({"X"} if found is CascadeClassifier else ())

    def new(**changes: Any) -> Any:
        return found(**{**_settings(found), **changes})

    @cache
    def fitted() -> Any:
        return new().fit(table(0), labels(0))

    def fit(**given: Any) -> Any:
        model = new().fit(**given)
        return model.decision_function(table(0)) if np.shape(given["X"]) == (N_ROWS, 4) else None

    def rows(variant: int) -> dict[str, Any]:
        return {"X": table(variant), "y": labels(variant)}

    def columns(variant: int) -> dict[str, Any]:
        given = {"sample_weight": weights(variant)}
        return {**given, "value": values(variant)} if found is CascadeClassifier else given

    def asked(method: str) -> Callable[..., Any]:
        return lambda **given: getattr(fitted(), method)(**given)

    free = ("first", "second", "cv", "loss", "module", "device", "hidden_layer_sizes")
    kinds = {**TABLE, **LABELS, "sample_weight": WEIGHTS, "value": WEIGHTS}
    counts = dict.fromkeys(("n_steps", "n_neighbors"), Number(whole=True, low=1, high=1e6))
    return [
        Example(
            full,
            lambda **given: found(**given).fit(table(0), labels(0)).decision_function(table(0)),
            lambda variant: _settings(found),
            (found,),
            kinds={
                **dict.fromkeys(free, ANYTHING),
                "n_jobs": Kind(pool="jobs", none=True),
                **counts,
            },
            limit=60.0,
        ),
        Example(
            f"{full}.set_params",
            lambda **given: (
                new().set_params(**given).fit(table(0), labels(0)).decision_function(table(0))
            ),
            lambda variant: {changed: _settings(found).get(changed, 2)},
            (found.set_params, found),
            skip=frozenset({"params"}),
            kinds=counts,
        ),
        Example(
            f"{full}.fit", fit, rows, (found.fit,), filled=columns, kinds=kinds, upstream=upstream
        ),
        *(
            Example(
                f"{full}.{method}",
                asked(method),
                lambda variant: {"X": table(variant)},
                (getattr(found, method),),
                kinds=TABLE,
                alone=True,
                upstream=upstream,
            )
            for method in ("decision_function", "predict", more)
        ),
        Example(
            f"{full}.score",
            asked("score"),
            rows,
            (found.score,),
            kinds=TABLE,
            # The method is scikit-learn's, and calls its `accuracy_score`.
            skip=frozenset({"y", "sample_weight"}),
            upstream=upstream,
            right=in_range(0.0, 1.0),
        ),
    ]


# --- losses and retrieval -------------------------------------------------------------------


def embeddings(variant: int, part: int) -> Any:
    """Return embeddings of a few rows."""
    return torch.tensor(table(10 * part + variant)[:6], dtype=torch.float32)


def _losses() -> list[Example]:
    room, ids = "skbudget.neural", torch.tensor([0, 1, 2, 0, 4, 5])
    parts = {
        "InfoNCELoss": ("queries", "candidates"),
        "BatchSoftmaxLoss": ("queries", "candidates"),
        "ContrastiveLoss": ("anchors", "others"),
        "TripletLoss": ("anchors", "positives", "negatives"),
    }
    found = []
    for name, arguments in parts.items():
        member = getattr(neural, name)

        def valid(variant: int, name: str = name, arguments: Any = arguments) -> dict[str, Any]:
            given = {part: embeddings(variant, number) for number, part in enumerate(arguments)}
            if name == "ContrastiveLoss":
                given["same"] = torch.tensor([True, False] * 3)
            return given

        def filled(variant: int, name: str = name) -> dict[str, Any]:
            given = {"sample_weight": torch.tensor(weights(variant)[:6], dtype=torch.float32)}
            if name in ("InfoNCELoss", "BatchSoftmaxLoss"):
                given |= {"negatives": embeddings(variant, 5), "ids": ids}
            return given

        kinds = dict.fromkeys(
            (*arguments, "negatives", "ids", "same", "sample_weight"), Kind(pool="tensors")
        )
        found += [
            Example(
                f"{room}.{name}",
                lambda member=member, valid=valid, **given: member(**given)(**valid(0)),
                lambda variant: {},
                (member,),
            ),
            Example(
                f"{room}.{name}.forward",
                lambda member=member, **given: member()(**given),
                valid,
                (member.forward,),
                filled=filled,
                kinds=kinds,
                passes_nan=True,
                alone=True,
            ),
        ]
    return found


def _retrieval() -> list[Example]:
    member = neural.top_k_inner_product
    return [
        Example(
            "skbudget.neural.top_k_inner_product",
            member,
            lambda variant: {"queries": table(variant)[:5], "items": table(variant), "k": 3},
            (member,),
            kinds={
                "queries": Array("tables", role="table"),
                "items": Array("tables", role="table"),
                "k": Number(whole=True, low=1, high=N_ROWS),
                "backend": ANYTHING,
            },
            alone=True,
        )
    ]
