"""Examples of `skbudget.PAUCEnsembleClassifier`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbudget
from skbudget import neural

from ._booster_classifiers import new_classifier
from ._names import build
from ._networks import LONGER, NETWORK
from ._record import Example, group
from ._rows import columns_of, learnt


@group
def ensemble() -> Iterator[Example]:
    """Trees and a network together."""

    def models(*, own_trees: bool) -> dict[str, Any]:
        found = {
            "network": make_pipeline(
                StandardScaler(),
                build(
                    neural.PAUCClassifier,
                    **{**NETWORK, **LONGER, "calibration_cv": None},
                ),
            )
        }
        if own_trees:
            found["trees"] = new_classifier("lightgbm", calibration_cv=None)
        return found

    def outcome(model: Any, X: Any) -> dict[str, Any]:
        return {
            "decision_function": model.decision_function(X),
            "predict_proba": model.predict_proba(X),
            "network_weight_": model.network_weight_,
        }

    def fit(params: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
        rows = learnt(1_500, 0.06)
        given = columns_of(rows, columns)
        if "sample_weight" in given:
            # A step of a pipeline takes no weights.
            params = {**params, "network": params["network"].steps[-1][1]}
        model = skbudget.PAUCEnsembleClassifier(budget=0.05, random_state=0, n_jobs=1, **params)
        return outcome(model.fit(rows.X, rows.y, **given), rows.X_new)

    def of_frame() -> dict[str, Any]:
        rows = learnt(400, 0.1)
        X, X_new = (
            pd.DataFrame(part[:, :8], columns=[f"c{k}" for k in range(8)]).assign(
                kind=pd.Categorical.from_codes((part[:, 8] > 0.5).astype(int), ["low", "high"])
            )
            for part in (rows.X, rows.X_new)
        )
        # The default network, which standardises numbers and knows categories.
        trees = new_classifier("lightgbm", calibration_cv=None, selection_cv=None)
        model = skbudget.PAUCEnsembleClassifier(budget=0.05, trees=trees, cv=2, random_state=0)
        return outcome(model.fit(X, rows.y), X_new)

    def few_rows() -> dict[str, Any]:
        rows = learnt(1_500, 0.06)
        kept = np.concatenate([np.flatnonzero(rows.y == 1)[:8], np.flatnonzero(rows.y == 0)[:300]])
        params = models(own_trees=True)
        model = skbudget.PAUCEnsembleClassifier(budget=0.05, cv=2, random_state=0, **params)
        return outcome(model.fit(rows.X[kept], rows.y[kept]), rows.X_new)

    def own(name: str, columns: tuple[str, ...], cv: int) -> Example:
        def compute() -> dict[str, Any]:
            return fit({**models(own_trees=True), "cv": cv}, columns)

        return name, compute

    yield own("plain", (), 3)
    yield own("weight", ("sample_weight",), 2)
    yield own("value", ("value",), 2)
    yield "few-rows", few_rows
    yield "default-trees", lambda: fit({**models(own_trees=False), "cv": 2}, ())
    yield "default-network", of_frame
