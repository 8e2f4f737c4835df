"""The ensemble of this package as a contender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from skbudget.cli._threads import torch_threads

from ._contender import Contender, Fitted, Setting

__all__ = ["OUR_ENSEMBLES"]


def _fit_ensemble(
    parameters: Mapping[str, Any], X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    from sklearn.pipeline import make_pipeline

    from skbudget._utils.preparation import table_for_networks
    from skbudget.boosting import PAUCLGBMClassifier
    from skbudget.boosting._peers import REPEATABLE
    from skbudget.ensemble import PAUCEnsembleClassifier
    from skbudget.neural import PAUCClassifier

    from ._networks import epochs_of
    from ._trees import n_trees

    if setting.budget is None:
        raise ValueError("PAUCEnsembleClassifier is trained for a budget: the setting has none.")
    seed = setting.random_state
    trees = PAUCLGBMClassifier(
        budget=setting.budget,
        calibration_cv=None,
        random_state=seed,
        n_jobs=setting.n_jobs,
        **REPEATABLE,
    )
    network = PAUCClassifier(
        budget=setting.budget, calibration_cv=None, random_state=seed, device="cpu"
    )
    if setting.effort < 1.0:
        trees.set_params(n_estimators=n_trees(trees.n_estimators, setting))
        network.set_params(max_epochs=epochs_of(setting.effort, len(y)))
    model = PAUCEnsembleClassifier(
        budget=setting.budget,
        trees=trees,
        network=make_pipeline(table_for_networks(X), network),
        random_state=seed,
    )
    with torch_threads(setting.n_jobs):
        model.fit(X, y)

    def score(rows: NDArray) -> NDArray:
        with torch_threads(setting.n_jobs):
            return model.decision_function(rows)

    return score


OUR_ENSEMBLES: tuple[Contender, ...] = (
    Contender(
        name="pauc-ensemble",
        label="PAUCEnsembleClassifier",
        role="ours",
        family="both",
        package="torch",
        extra="neural",
        modules=("skorch", "lightgbm"),
        fit=_fit_ensemble,
        per_budget=True,
    ),
)
"""Trees and a network together with their defaults, trained for each budget."""
