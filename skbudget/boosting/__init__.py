"""The objectives offered to LightGBM and XGBoost.

The estimators and callbacks are imported on first use, so that neither booster
has to be installed for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils.lazy import lazy_names
from ..band import default_beta
from ._batches import RowBatches
from ._metric import CoverageMetric
from ._objective import BoosterObjective, PAUCObjective, pauc_objective

if TYPE_CHECKING:
    from ._dask import DaskPAUCXGBClassifier
    from ._lightgbm import LightGBMRounds, PAUCLGBMClassifier
    from ._lightgbm_pool import LightGBMPool
    from ._xgboost import PAUCXGBClassifier, XGBoostRounds
    from ._xgboost_pool import XGBoostPool

__all__ = [
    "BoosterObjective",
    "CoverageMetric",
    "DaskPAUCXGBClassifier",
    "LightGBMPool",
    "LightGBMRounds",
    "PAUCLGBMClassifier",
    "PAUCObjective",
    "PAUCXGBClassifier",
    "RowBatches",
    "XGBoostPool",
    "XGBoostRounds",
    "default_beta",
    "pauc_objective",
]

_lazy_getattr, _ = lazy_names(
    __name__,
    {
        "DaskPAUCXGBClassifier": "._dask",
        "LightGBMPool": "._lightgbm_pool",
        "LightGBMRounds": "._lightgbm",
        "PAUCLGBMClassifier": "._lightgbm",
        "PAUCXGBClassifier": "._xgboost",
        "XGBoostPool": "._xgboost_pool",
        "XGBoostRounds": "._xgboost",
    },
    extras={"dask": "dask", "distributed": "dask", "lightgbm": "lightgbm", "xgboost": "xgboost"},
)
__getattr__ = _lazy_getattr
