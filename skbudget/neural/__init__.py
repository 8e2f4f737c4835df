"""Losses as torch modules, and an estimator that trains a network on any loss.

The losses need torch alone; `PAUCClassifier` needs skorch as well. Nothing is imported
before a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils.lazy import lazy_names

if TYPE_CHECKING:
    from ._batches import BalancedBatchSampler
    from ._classifier import PAUCClassifier
    from ._embedding import EmbeddingRecallClassifier
    from ._head import Head
    from ._retrieval import top_k_inner_product
    from .losses._alm import ALMLoss
    from .losses._critical_rank import CriticalRankLoss
    from .losses._cross_entropy import HardNegativeCrossEntropyLoss, WeightedCrossEntropyLoss
    from .losses._distributed import all_gather_rows
    from .losses._embeddings import (
        BatchSoftmaxLoss,
        ContrastiveLoss,
        InfoNCELoss,
        TripletLoss,
    )
    from .losses._focal import FocalLoss
    from .losses._multilabel import MultilabelCrossEntropyLoss
    from .losses._numpy import NumpyLoss
    from .losses._ordinal import CoralLoss, OrdinalAllThresholdLoss, OrdinalLogLoss
    from .losses._pauc import PAUCAtBudgetLoss
    from .losses._rank_reg import RankRegLoss
    from .losses._real import LogCoshLoss, QuantileLoss
    from .losses._recall import RecallAtQuantileLoss
    from .losses._significance import SignificanceLoss
    from .losses._smooth_ap import SmoothAPLoss
    from .losses._vector_scaling import VectorScalingCrossEntropyLoss, VectorScalingSoftmaxLoss
    from .losses._warmup import LossWarmup

__all__ = [
    "ALMLoss",
    "BalancedBatchSampler",
    "BatchSoftmaxLoss",
    "ContrastiveLoss",
    "CoralLoss",
    "CriticalRankLoss",
    "EmbeddingRecallClassifier",
    "FocalLoss",
    "HardNegativeCrossEntropyLoss",
    "Head",
    "InfoNCELoss",
    "LogCoshLoss",
    "LossWarmup",
    "MultilabelCrossEntropyLoss",
    "NumpyLoss",
    "OrdinalAllThresholdLoss",
    "OrdinalLogLoss",
    "PAUCAtBudgetLoss",
    "PAUCClassifier",
    "QuantileLoss",
    "RankRegLoss",
    "RecallAtQuantileLoss",
    "SignificanceLoss",
    "SmoothAPLoss",
    "TripletLoss",
    "VectorScalingCrossEntropyLoss",
    "VectorScalingSoftmaxLoss",
    "WeightedCrossEntropyLoss",
    "all_gather_rows",
    "top_k_inner_product",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ALMLoss": ".losses._alm",
        "BalancedBatchSampler": "._batches",
        "BatchSoftmaxLoss": ".losses._embeddings",
        "ContrastiveLoss": ".losses._embeddings",
        "CoralLoss": ".losses._ordinal",
        "CriticalRankLoss": ".losses._critical_rank",
        "EmbeddingRecallClassifier": "._embedding",
        "FocalLoss": ".losses._focal",
        "Head": "._head",
        "HardNegativeCrossEntropyLoss": ".losses._cross_entropy",
        "InfoNCELoss": ".losses._embeddings",
        "LogCoshLoss": ".losses._real",
        "LossWarmup": ".losses._warmup",
        "MultilabelCrossEntropyLoss": ".losses._multilabel",
        "NumpyLoss": ".losses._numpy",
        "OrdinalAllThresholdLoss": ".losses._ordinal",
        "OrdinalLogLoss": ".losses._ordinal",
        "PAUCAtBudgetLoss": ".losses._pauc",
        "PAUCClassifier": "._classifier",
        "QuantileLoss": ".losses._real",
        "RankRegLoss": ".losses._rank_reg",
        "RecallAtQuantileLoss": ".losses._recall",
        "SignificanceLoss": ".losses._significance",
        "SmoothAPLoss": ".losses._smooth_ap",
        "TripletLoss": ".losses._embeddings",
        "VectorScalingCrossEntropyLoss": ".losses._vector_scaling",
        "VectorScalingSoftmaxLoss": ".losses._vector_scaling",
        "WeightedCrossEntropyLoss": ".losses._cross_entropy",
        "all_gather_rows": ".losses._distributed",
        "top_k_inner_product": "._retrieval",
    },
    extras={"torch": "neural", "skorch": "neural"},
)
