"""What the estimators are compared with: cross-entropy as a careful user trains it.

Nothing here is public. The benchmarks and the adoption report share it.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "PEER_L2",
    "REPEATABLE",
    "plain_lightgbm",
    "regularised_lightgbm",
    "regularised_xgboost",
    "with_trees_of",
]

PEER_L2 = 5.0

# By default LightGBM times both layouts of its histograms and picks one of them, and the
# last digits of a model depend on which one it picked.
REPEATABLE: dict[str, Any] = {"deterministic": True, "force_col_wise": True, "verbose": -1}


def with_trees_of(model: Any, ours: Any) -> Any:
    """Give ``model`` as many trees as our estimator has, learnt at the same rate and penalty."""
    wanted = ours.get_params()
    shared = ("n_estimators", "learning_rate", "reg_lambda")
    return model.set_params(**{name: wanted[name] for name in shared})


def plain_lightgbm(n_jobs: int, random_state: Any) -> Any:
    """Return ``LGBMClassifier`` as it comes."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_jobs=n_jobs, random_state=random_state, **REPEATABLE)


def regularised_lightgbm(n_jobs: int, random_state: Any) -> Any:
    """Return ``LGBMClassifier`` with an L2 penalty, and the trees of ours otherwise."""
    from . import PAUCLGBMClassifier

    plain = plain_lightgbm(n_jobs, random_state)
    return with_trees_of(plain, PAUCLGBMClassifier()).set_params(reg_lambda=PEER_L2)


def regularised_xgboost(n_jobs: int, random_state: Any) -> Any:
    """Return ``XGBClassifier`` with an L2 penalty, and the trees of ours otherwise."""
    from xgboost import XGBClassifier

    from . import PAUCXGBClassifier

    plain = XGBClassifier(enable_categorical=True, n_jobs=n_jobs, random_state=random_state)
    return with_trees_of(plain, PAUCXGBClassifier()).set_params(reg_lambda=PEER_L2)
