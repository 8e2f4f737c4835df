"""Queries of the rows that evaluation sets have: checked, brought together, and told to metrics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing

from .._utils.codes import hint_of_sizes
from .._utils.validation import shape_of
from ..objectives._rows import check_columns
from ._booster import Training
from ._metric import CoverageMetric, QueriedLabels
from ._minimised import Minimised
from ._targets import refuse_beside

__all__ = [
    "EvalQueries",
    "check_eval_queries",
    "checks_ranking",
    "names_of_metrics",
    "queried",
    "query_metrics",
    "refuse_row_weights",
    "tell_places",
    "with_queries",
]

# Metrics of both boosters, by all their names, that compare rows of the same query.
_OF_QUERIES = {
    "lambdarank",
    "map",
    "mean_average_precision",
    "ndcg",
    "pre",
    "rank_xendcg",
    "xe_ndcg",
    "xe_ndcg_mart",
    "xendcg",
    "xendcg_mart",
}

# How XGBoost names a metric at a place, or at several.
_PLACES = re.compile(r"(ndcg|map)@(\d+(?:,\d+)*)")


@dataclass(frozen=True)
class EvalQueries:
    """The queries of one evaluation set.

    Attributes
    ----------
    order : ndarray of shape (n_rows,), or None
        The rows query by query; None where they are so already.
    sizes : ndarray of shape (n_queries,)
        How many rows each query has.
    """

    order: NDArray[np.intp] | None
    sizes: NDArray[np.intp]

    def sorted(self, values: Any) -> Any:
        """Return what there is one of per row, query by query."""
        if values is None or self.order is None:
            return values
        return _safe_indexing(values, self.order)


def names_of_metrics(*given: Any) -> list[Any]:
    """Return metrics one by one: names, in whatever form they are given, and callables."""
    found: list[Any] = []
    for metric in given:
        if isinstance(metric, str):
            # The places of a metric are separated by commas, too.
            found += [part.strip() for part in re.split(r",(?!\d)", metric)]
        elif isinstance(metric, Iterable):
            found += names_of_metrics(*metric)
        elif metric is not None:
            found.append(metric)
    return found


def query_metrics(metrics: Iterable[Any]) -> list[str]:
    """Return which of some metrics compare rows of the same query."""
    found = []
    for metric in metrics:
        if isinstance(metric, CoverageMetric) and metric.per_query:
            found.append(metric.name)
        elif isinstance(metric, str) and metric.partition("@")[0] in _OF_QUERIES:
            found.append(metric)
    return found


def checks_ranking(metrics: Iterable[Any], minimised: Minimised, owner: str) -> bool:
    """Tell whether LightGBM will measure how it ranks the rows of queries.

    Raises
    ------
    ValueError
        If there are no queries for it.
    """
    named = query_metrics(one for one in metrics if isinstance(one, str))
    if named and not minimised.has_lists:
        raise ValueError(
            f"The metric {named[0]!r} of {owner} compares rows of one query, and this objective "
            "reads no queries. Pass 'auc', 'average_precision' or a CoverageMetric, or an "
            "objective of lists, such as 'lambda_rank' or 'listwise_softmax'."
        )
    return bool(named)


def tell_places(params: dict[str, Any]) -> None:
    """Tell LightGBM the places of metrics such as ``"ndcg@10"``, whose names it passes over."""
    named = [one for one in names_of_metrics(params.get("metric")) if isinstance(one, str)]
    found = [(name, _PLACES.fullmatch(name)) for name in named]
    if not any(match for _, match in found):
        return
    given = params.get("eval_at")
    given = given.split(",") if isinstance(given, str) else [] if given is None else given
    places = {int(place) for place in np.ravel(given)}
    for _, match in found:
        places |= {int(place) for place in match[2].split(",")} if match else set()
    params["metric"] = list(dict.fromkeys(match[1] if match else name for name, match in found))
    params["eval_at"] = sorted(places)


def check_eval_queries(
    eval_group: Any,
    sizes: Sequence[int],
    training: Training,
    minimised: Minimised,
    metrics: Iterable[Any],
    owner: str,
) -> list[EvalQueries] | None:
    """Return the queries of evaluation sets, None where nobody asks for them.

    Parameters
    ----------
    eval_group : list of array-like of shape (n_eval_samples,), or None
        What `fit` was handed.
    sizes : sequence of int
        Rows of each evaluation set.
    training : Training
        The rows that are trained on.
    minimised : Minimised
        What is minimised.
    metrics : iterable of str or callable
        What is evaluated. Empty for the metric that the estimator chooses.
    owner : str
        Name of the estimator, for messages.

    Raises
    ------
    ValueError
        If queries are given that nobody reads, if they are missing where rows of a query are
        compared, or if there is not one entry per row.
    """
    metrics = list(metrics)
    named = query_metrics(metrics)
    in_training = "group" in training.rows.columns
    if eval_group is None:
        if not sizes:
            return None
        if not in_training:
            # A table without queries is one list.
            return [EvalQueries(None, np.array([size])) for size in sizes] if named else None
        # Of grades a metric is asked for first.
        if named or (not metrics and minimised.target == "binary"):
            what = f"eval_metric={named[0]!r}" if named else "coverage of each query"
            raise ValueError(
                f"eval_group of {owner}.fit is missing: the training rows are grouped into queries "
                f"by group, and {what} of an evaluation set compares rows of one query. Pass "
                "eval_group=[...], a list with the query of each row for every evaluation set, or "
                "an eval_metric that needs no queries, such as CoverageMetric() of the whole set."
            )
        return None
    if not minimised.has_lists:
        raise ValueError(
            f"eval_group of {owner}.fit would have no effect: the objective compares rows across "
            "queries, as it does in training. Leave it out, or use an objective that reads group, "
            "such as 'lambda_rank' or 'listwise_softmax'."
        )
    if not in_training:
        raise ValueError(
            f"eval_group of {owner}.fit names the queries of evaluation sets, and the training "
            "rows have none: pass group as well, the query of each training row."
        )
    if not sizes:
        raise ValueError(f"eval_group of {owner}.fit needs an eval_set: there is none.")
    if not isinstance(eval_group, list | tuple) or len(eval_group) != len(sizes):
        got = len(eval_group) if isinstance(eval_group, list | tuple) else type(eval_group).__name__
        raise ValueError(
            f"eval_group of {owner}.fit must be a list with one array per evaluation set, the "
            f"query of each row: expected {len(sizes)}, got {got}."
        )
    return [
        _queries_of(group, f"eval_group[{number}]", size)
        for number, (group, size) in enumerate(zip(eval_group, sizes))
    ]


def _queries_of(group: ArrayLike, name: str, n_samples: int) -> EvalQueries:
    if group is None:
        raise ValueError(f"{name} is None: every evaluation set needs its queries.")
    shape = shape_of(group, name)
    if shape != (n_samples,):
        raise ValueError(
            f"{name} must have the query of each row of the evaluation set: expected shape "
            f"({n_samples},), got {shape}.{hint_of_sizes(group, n_samples)}"
        )
    ids = check_columns({name: group}, n_samples)[name]
    code = np.unique(ids, return_inverse=True)[1].reshape(-1)
    order = None if (code[1:] >= code[:-1]).all() else np.argsort(code, kind="stable")
    return EvalQueries(order, np.bincount(code))


def queried(
    queries: list[EvalQueries] | None, sets: list[tuple[Any, Any]], *per_row: Any
) -> tuple[Any, ...]:
    """Return evaluation sets, and lists or dicts of what their rows have, query by query."""
    if queries is None or all(one.order is None for one in queries):
        return (sets, *per_row)
    ordered = [(one.sorted(X), one.sorted(y)) for one, (X, y) in zip(queries, sets)]
    return (ordered, *(_sort_each(queries, given) for given in per_row))


def _sort_each(queries: list[EvalQueries], given: Any) -> Any:
    if isinstance(given, list | tuple):
        # What is wrong with another number of them is said by the booster.
        return [
            queries[number].sorted(values) if number < len(queries) else values
            for number, values in enumerate(given)
        ]
    if isinstance(given, Mapping):
        return {
            number: queries[number].sorted(values) if number in range(len(queries)) else values
            for number, values in given.items()
        }
    return given


def refuse_row_weights(eval_group: Any, weights: Any) -> None:
    """Raise for weights of rows where XGBoost has weights of queries."""
    if eval_group is not None:
        refuse_beside(
            "eval_group",
            {"sample_weight_eval_set": weights},
            "XGBoost weighs the queries of an evaluation set as wholes.",
        )


def with_queries(
    make: Callable[..., Any],
    of_training: NDArray[np.intp] | None,
    of_sets: Sequence[NDArray[np.intp] | None],
) -> Callable[..., Any]:
    """Return a function that makes the tables of XGBoost, training first, with their queries.

    The labels of an evaluation set know the queries, too, for metrics in Python are handed
    nothing else. Beside queries XGBoost takes no weight of a row, so that labels carry it.
    """
    left = iter([of_training, *of_sets])
    number = iter(range(-1, len(of_sets)))

    def create(*args: Any, **kwargs: Any) -> Any:
        sizes, which = next(left), next(number)
        if sizes is None:
            return make(*args, **kwargs)
        weight = None
        if which >= 0:
            weight, kwargs["weight"] = kwargs.get("weight"), None
        found = make(*args, **{**kwargs, "group": sizes})
        if which >= 0:
            labels = np.asarray(found.get_label()).view(QueriedLabels)
            labels.sizes, labels.weight = sizes, weight
            found.get_label = lambda: labels
        return found

    return create
