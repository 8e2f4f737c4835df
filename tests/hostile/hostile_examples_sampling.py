"""Valid examples of the samplers, of the rules that mark negatives, and of rows in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hostile_data import N_ROWS, labels, optional_columns, scores, table, weights
from hostile_legal import Array, Kind, Number
from hostile_rule import Example

from skbudget import boosting, neural, sampling

ROOM = "skbudget.sampling"
IDS = Array(role="ids")


def _ids(variant: int, n_ids: int = 4) -> Any:
    return np.random.default_rng(500 + variant).integers(0, n_ids, N_ROWS)


def _is_sample(answer: Any, arguments: dict[str, Any]) -> str | None:
    for one in answer if isinstance(answer, list) else [answer]:
        if not ((one.rate > 0) & (one.rate <= 1)).all():
            return f"rates from {one.rate.min()} to {one.rate.max()}"
        if not one.positive.any() or one.positive.all() or not one.iid_mask.any():
            return "a class is missing, or the mask is empty"
    return None


def _is_mask(answer: Any, arguments: dict[str, Any]) -> str | None:
    if answer.dtype != bool or answer.ndim != 1:
        return f"{answer.dtype} of shape {answer.shape}"
    return None


def _filled(variant: int) -> dict[str, Any]:
    return {"sample_weight": weights(variant), "eligible": np.arange(N_ROWS) % 5 > 0}


def _samplers() -> list[Example]:
    found = {
        "sample_random": lambda variant: {},
        "sample_popular": lambda variant: {"item": _ids(variant)},
        "sample_hard": lambda variant: {"score": scores(variant)},
        "sample_stratified": lambda variant: {"strata": _ids(variant)},
    }

    def with_labels(more: Callable[[int], dict[str, Any]]) -> Callable[[int], dict[str, Any]]:
        return lambda variant: {
            "y": labels(variant),
            **more(variant),
            "per_positive": 1.5,
            "random_state": 0,
        }

    return [
        Example(
            f"{ROOM}.{name}",
            getattr(sampling, name),
            with_labels(more),
            (getattr(sampling, name),),
            filled=_filled,
            right=_is_sample,
            kinds={
                "item": IDS,
                "strata": IDS,
                "eligible": Array(role="mask", none=True),
                "power": Number(low=0.0, high=10.0),
                "rates": Kind(none=True),
                "pos_label": Kind(none=True),
            },
            alone=name == "sample_random",
        )
        for name, more in found.items()
    ]


def _rounds() -> list[Example]:
    return [
        Example(
            f"{ROOM}.sample_in_rounds",
            sampling.sample_in_rounds,
            lambda variant: {
                "X": table(variant),
                "y": labels(variant),
                "score": scores(variant),
                "n_rounds": 2,
                "n_clusters": 3,
                "per_positive": 1.0,
                "random_state": 0,
            },
            (sampling.sample_in_rounds,),
            filled=_filled,
            right=_is_sample,
            kinds={
                "n_rounds": Number(whole=True, low=1, high=1000),
                "n_clusters": Number(whole=True, low=1, high=100_000),
                "eligible": Array(role="mask", none=True),
                "score": Array(role="scores", none=True),
                "pos_label": Kind(none=True),
            },
        ),
        Example(
            f"{ROOM}.NegativeSample.take",
            lambda: sampling.sample_random(labels(), random_state=0).take(scores(), weights()),
            lambda variant: {},
            (sampling.NegativeSample.take,),
        ),
    ]


def _rules() -> list[Example]:
    return [
        Example(
            f"{ROOM}.eligible_negatives",
            sampling.eligible_negatives,
            lambda variant: {"y": labels(variant)},
            (sampling.eligible_negatives,),
            filled=lambda variant: {
                "explicit": optional_columns(variant)["iid_mask"],
                "shown": optional_columns(variant)["iid_mask"],
                "near": optional_columns(variant)["iid_mask"],
                "engagement": weights(variant),
            },
            right=_is_mask,
            kinds={
                **dict.fromkeys(("explicit", "shown", "near"), Array(role="mask", none=True)),
                "engagement": Array(role="scores", none=True),
                "max_engagement": Number(),
                "pos_label": Kind(none=True),
            },
            alone=True,
        ),
        Example(
            f"{ROOM}.shown_above_positive",
            sampling.shown_above_positive,
            lambda variant: {
                "y": labels(variant),
                "query": _ids(variant, 8),
                "position": scores(variant),
            },
            (sampling.shown_above_positive,),
            filled=lambda variant: {"repeated": _ids(variant + 1), "min_times": 1},
            right=_is_mask,
            kinds={
                "query": IDS,
                "position": Array(role="scores"),
                "repeated": Array(role="ids", none=True),
                # Above 1 it needs a column.
                "min_times": Kind(),
                "pos_label": Kind(none=True),
            },
        ),
        Example(
            f"{ROOM}.within_hops",
            sampling.within_hops,
            lambda variant: {
                "left": _ids(variant, 12),
                "right": _ids(variant + 1, 12),
                "interacted": labels(variant) == 1,
            },
            (sampling.within_hops,),
            right=_is_mask,
            kinds={
                "left": IDS,
                "right": IDS,
                "interacted": Array(role="mask"),
                "hops": Number(whole=True, low=1, high=1000),
            },
        ),
    ]


def _batches() -> list[Example]:
    found = neural.BalancedBatchSampler
    return [
        Example(
            "skbudget.neural.BalancedBatchSampler",
            lambda **given: list(found(**given)),
            lambda variant: {"y": labels(variant), "batch_size": 8, "random_state": 0},
            (found,),
            kinds={
                "y": IDS,
                "n_replicas": Number(whole=True, low=1, high=1_000_000),
                "rank": Number(whole=True, low=0, high=0),
            },
            alone=True,
        )
    ]


def _row_batches() -> list[Example]:
    name, found = "skbudget.boosting.RowBatches", boosting.RowBatches

    def read(**given: Any) -> Any:
        rows = found(**given)
        return rows.read(range(0, rows.n_rows, 2)), rows.y, rows.sample_weight

    def rows() -> Any:
        return found(table(), labels())

    def is_table(answer: Any, arguments: dict[str, Any]) -> str | None:
        n_rows = answer[0].shape[0]
        return None if n_rows == N_ROWS // 2 else f"{n_rows} rows"

    return [
        Example(
            name,
            read,
            lambda variant: {"source": table(variant), "y": labels(variant), "batch_size": 7},
            (found,),
            filled=lambda variant: {"sample_weight": weights(variant)},
            right=is_table,
            kinds={
                "source": Array("tables", role="table"),
                "y": Array(role="numbers", none=True),
                "features": Kind(none=True),
                "batch_size": Number(whole=True, low=1),
            },
            # Missing entries of features.
            nan=("[0]",),
        ),
        Example(
            f"{name}.read",
            lambda **given: rows().read(**given),
            lambda variant: {"rows": np.arange(N_ROWS)[::-2]},
            (found.read,),
            kinds={"rows": Array(role="free")},
            alone=True,
        ),
        Example(
            f"{name}.batches", lambda: list(rows().batches()), lambda variant: {}, (found.batches,)
        ),
        Example(
            f"{name}.for_lightgbm",
            lambda: len(rows().for_lightgbm()),
            lambda variant: {},
            (found.for_lightgbm,),
        ),
        Example(
            f"{name}.for_xgboost",
            # Nothing is written before a matrix is made.
            lambda **given: rows().for_xgboost(**given).cache_prefix,
            lambda variant: {"cache_prefix": "cache"},
            (found.for_xgboost,),
            kinds={"cache_prefix": Kind(none=True)},
        ),
    ]


def examples() -> list[Example]:
    """Return the examples of this room, and of batches."""
    return _samplers() + _rounds() + _rules() + _batches() + _row_batches()
