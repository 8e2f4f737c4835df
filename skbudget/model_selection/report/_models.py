"""The models that an adoption report compares."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from sklearn.base import clone

from ..._utils.estimators import check_estimator
from ...boosting._hard_negatives import HardNegativeTrees
from ...boosting._peers import PEER_L2, REPEATABLE, regularised_lightgbm, regularised_xgboost
from ...metrics._scorers import RESPONSE_METHODS

__all__ = ["DROP", "Competitor", "Role", "find_competitors"]

Role = Literal["baseline", "hard_negatives", "probe", "candidate"]

DROP = "drop"

# As published: at a budget of 50 basis points, the top 2 % of the negatives count ten times.
MINED_BUDGETS = 4.0
MINED_FACTOR = 10.0

BOOSTERS = {"lightgbm": "LightGBM", "xgboost": "XGBoost"}


@dataclass(frozen=True)
class Competitor:
    """An unfitted classifier and its part in the comparison."""

    role: Role
    label: str
    estimator: Any


def find_competitors(
    given: dict[Role, Any], budget: float, random_state: int | None
) -> list[Competitor]:
    """Return the models to compare, with a default for each one that is not given.

    Raises
    ------
    ValueError
        If a model that is given is not a classifier that can rank.
    ImportError
        If a default is needed and neither booster is installed.
    """
    for role, model in given.items():
        _check_classifier(role, model)
    library = None
    if any(model is None for model in given.values()):
        library = _find_library([role for role, model in given.items() if model is None])
    found = []
    for role, model in given.items():
        if model is None and library is not None:
            found.append(_default(role, library, budget, random_state))
        elif not _is_dropped(model):
            found.append(Competitor(role, _name(model), clone(model)))
    return found


def _is_dropped(model: Any) -> bool:
    return isinstance(model, str) and model == DROP


def _check_classifier(role: Role, model: Any) -> None:
    optional = role in ("hard_negatives", "probe")
    if model is None or (optional and _is_dropped(model)):
        return
    allowed = f"None, {DROP!r} or" if optional else "None or"
    allowed += " a classifier with decision_function or predict_proba"
    check_estimator(model, role, "adoption_report", allowed, RESPONSE_METHODS)


def _find_library(roles: list[Role]) -> str:
    for library in BOOSTERS:
        if find_spec(library) is not None:
            return library
    raise ImportError(
        f"The default models of adoption_report ({', '.join(roles)}) need LightGBM or XGBoost: "
        'pip install "skbudget[lightgbm]"'
    )


def _name(model: Any) -> str:
    steps = getattr(model, "steps", None)
    return type(model).__name__ if steps is None else _name(steps[-1][1])


def _default(role: Role, library: str, budget: float, random_state: int | None) -> Competitor:
    # One thread each, because the report runs fits in parallel.
    regularised = regularised_lightgbm if library == "lightgbm" else regularised_xgboost
    plain = regularised(1, random_state)
    booster = BOOSTERS[library]
    if role == "baseline":
        return Competitor(role, f"{booster}, L2 {PEER_L2:g}", plain)
    if role == "hard_negatives":
        mining = HardNegativeTrees(
            plain, top_fraction=min(1.0, MINED_BUDGETS * budget), factor=MINED_FACTOR
        )
        return Competitor(role, f"{booster}, hard negatives", mining)
    ours = _ours(library, budget, random_state)
    if role == "candidate":
        return Competitor(role, type(ours).__name__, ours)
    return Competitor(role, f"{booster}, larger trees", _with_leaves_of(ours, plain, library))


def _ours(library: str, budget: float, random_state: int | None) -> Any:
    shared: dict[str, Any] = {
        "budget": budget,
        "calibration_cv": None,
        "random_state": random_state,
        "n_jobs": 1,
    }
    if library == "lightgbm":
        from ...boosting import PAUCLGBMClassifier

        return PAUCLGBMClassifier(**shared, **REPEATABLE)
    from ...boosting import PAUCXGBClassifier

    return PAUCXGBClassifier(enable_categorical=True, **shared)


def _with_leaves_of(ours: Any, plain: Any, library: str) -> Any:
    """Return cross-entropy with trees as large as our classifier may grow on a band."""
    from ...boosting._classifier import BAND_LEAVES

    if library == "lightgbm":
        return clone(plain).set_params(num_leaves=BAND_LEAVES)
    shape = {name: ours.get_params()[name] for name in ("grow_policy", "max_depth")}
    return clone(plain).set_params(max_leaves=BAND_LEAVES, **shape)
