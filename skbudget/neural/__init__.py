"""The losses as torch modules, and an estimator that trains a network on them.

Nothing is imported from torch before a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from ._classifier import PAUCClassifier
    from ._cross_entropy import HardNegativeCrossEntropyLoss, WeightedCrossEntropyLoss
    from ._distributed import all_gather_rows
    from ._focal import FocalLoss
    from ._pauc import PAUCAtBudgetLoss
    from ._recall import RecallAtQuantileLoss
    from ._smooth_ap import SmoothAPLoss
    from ._warmup import LossWarmup

__all__ = [
    "FocalLoss",
    "HardNegativeCrossEntropyLoss",
    "LossWarmup",
    "PAUCAtBudgetLoss",
    "PAUCClassifier",
    "RecallAtQuantileLoss",
    "SmoothAPLoss",
    "WeightedCrossEntropyLoss",
    "all_gather_rows",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "FocalLoss": "._focal",
        "HardNegativeCrossEntropyLoss": "._cross_entropy",
        "LossWarmup": "._warmup",
        "PAUCAtBudgetLoss": "._pauc",
        "PAUCClassifier": "._classifier",
        "RecallAtQuantileLoss": "._recall",
        "SmoothAPLoss": "._smooth_ap",
        "WeightedCrossEntropyLoss": "._cross_entropy",
        "all_gather_rows": "._distributed",
    },
    extras={"torch": "neural", "skorch": "neural"},
)
