"""The choices behind the defaults of `PAUCLGBMClassifier`, each changed on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._contender import Contender, Fitted, Setting

__all__ = ["ABLATION", "RULE"]

RULE = "rule"
"""The contender that the others change: the first candidate of the selection."""

Change = Callable[[float, float], dict[str, Any]]


def _fixed(**parameters: Any) -> Change:
    return lambda budget, ratio: parameters


def _scheduled(**parameters: Any) -> Change:
    def change(budget: float, ratio: float) -> dict[str, Any]:
        from skbudget.objectives import Schedule

        return {"schedule": Schedule(**parameters)}

    return change


def _cross_entropy(budget: float, ratio: float) -> dict[str, Any]:
    from skbudget.boosting import BoosterObjective
    from skbudget.objectives import BinaryCrossEntropy

    return {"objective": BoosterObjective(BinaryCrossEntropy())}


# Each change has a name, a label, and a function that returns its parameters for a budget
# and a number of positives per negative.
_CHANGES: dict[str, tuple[str, Change]] = {
    RULE: ("the rule: max(3 budgets, 1.5 negatives per positive), split gain 0", _fixed()),
    "selected": (
        "chosen by cross-fitting (the default)",
        _fixed(selection_cv=3, min_split_gain="auto", num_leaves="auto"),
    ),
    "band-budget": ("band: the budget", lambda budget, ratio: {"beta": budget}),
    "band-3": ("band: 3 budgets", lambda budget, ratio: {"beta": min(1.0, 3 * budget)}),
    "band-10": ("band: 10 budgets", lambda budget, ratio: {"beta": min(1.0, 10 * budget)}),
    "band-5-per-positive": (
        "band: 5 negatives per positive",
        lambda budget, ratio: {"beta": min(1.0, max(3 * budget, 5 * ratio))},
    ),
    "band-whole": ("band: the whole AUC", _fixed(beta=1.0)),
    "cross-entropy": ("cross-entropy, the same trees", _cross_entropy),
    "gain-1": ("split gain 1", _fixed(min_split_gain=1.0)),
    "band-whole-gain-1": ("the whole AUC, split gain 1", _fixed(beta=1.0, min_split_gain=1.0)),
    "band-whole-gain-1-leaves-15": (
        "the whole AUC, split gain 1, 15 leaves",
        _fixed(beta=1.0, min_split_gain=1.0, num_leaves=15),
    ),
    "leaves-15": ("15 leaves", _fixed(num_leaves=15)),
    "leaves-31": ("31 leaves", _fixed(num_leaves=31)),
    "leaves-255": ("255 leaves", _fixed(num_leaves=255)),
    "l2-0": ("L2 0", _fixed(reg_lambda=0.0)),
    "l2-1": ("L2 1", _fixed(reg_lambda=1.0)),
    "l2-20": ("L2 20", _fixed(reg_lambda=20.0)),
    "link-sigmoid": ("sigmoid link", _fixed(link="sigmoid")),
    "temperature-0.5": ("temperature 0.5", _fixed(temperature=0.5)),
    "temperature-2": ("temperature 2", _fixed(temperature=2.0)),
    "temperature-iqr": ("temperature: IQR of the negatives", _fixed(tau_scale="iqr")),
    "warm-start": ("20 rounds of cross-entropy first", _scheduled(warmup_rounds=20)),
    "annealed": (
        "band annealed from one half over 100 rounds",
        _scheduled(anneal_rounds=100, beta_start=0.5),
    ),
    "bagging": ("half of the rows per tree", _fixed(subsample=0.5, subsample_freq=1)),
    "columns-half": ("half of the columns per tree", _fixed(colsample_bytree=0.5)),
    "trees-100": ("100 trees at rate 0.1", _fixed(n_estimators=100, learning_rate=0.1)),
    "trees-400": ("400 trees", _fixed(n_estimators=400)),
}

STOPPING = "early-stopping"


def _make(setting: Setting, y: NDArray, change: Change) -> Any:
    from skbudget.boosting import PAUCLGBMClassifier
    from skbudget.boosting._peers import REPEATABLE

    from ._trees import n_trees

    if setting.budget is None:
        raise ValueError("The classifiers are trained for a budget: the setting has none.")
    ratio = float(np.count_nonzero(y == 1) / np.count_nonzero(y == 0))
    fixed = {"selection_cv": None, "min_split_gain": 0.0, "num_leaves": 127}
    given = {**fixed, **change(setting.budget, ratio)}
    model = PAUCLGBMClassifier(
        budget=setting.budget,
        calibration_cv=None,
        random_state=setting.random_state,
        n_jobs=setting.n_jobs,
        **REPEATABLE,
        **given,
    )
    return model.set_params(n_estimators=n_trees(model.n_estimators, setting))


def _fit(
    change: Change, parameters: Mapping[str, Any], X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    return _make(setting, y, change).fit(X, y).decision_function


def _fit_stopping(
    parameters: Mapping[str, Any], X: NDArray, y: NDArray, setting: Setting
) -> Fitted:
    """Stop on the coverage of a fifth of the rows, which are not used for training."""
    import lightgbm as lgb
    from sklearn.model_selection import train_test_split

    X, X_stop, y, y_stop = train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=setting.random_state
    )
    model = _make(setting, y, _fixed(n_estimators=400))
    model.fit(X, y, eval_set=[(X_stop, y_stop)], callbacks=[lgb.early_stopping(50, verbose=False)])
    return model.decision_function


def _contender(name: str, label: str, fit: Callable[..., Fitted]) -> Contender:
    return Contender(
        name=name,
        label=label,
        role="ours",
        family="trees",
        package="lightgbm",
        fit=fit,
        per_budget=True,
    )


ABLATION: dict[str, Contender] = {
    name: _contender(name, label, partial(_fit, change))
    for name, (label, change) in _CHANGES.items()
} | {
    STOPPING: _contender(
        STOPPING, "up to 400 trees, stopped on the coverage of a fifth", _fit_stopping
    )
}
"""All contenders of the ablation by name. The rule comes first."""
