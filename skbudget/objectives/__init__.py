"""What is optimised: losses with value, gradient and hessian at given scores. NumPy only.

The losses are found by walking ``skbudget/objectives/losses``, one file each: `available`
lists their names, and each class is importable from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._collapse import CollapseWarning
from ._compose import AtBudget, OneVsRest, WeightedSum
from ._loss import Derivatives, Loss, example_rows
from ._registry import available, find_loss, loss_classes
from ._rows import Rows
from ._schedule import Schedule

if TYPE_CHECKING:
    # For type checkers, which walk no folder. To them a class that is missing here is Any.
    # ruff: noqa: F401
    from .losses.absolute_error import AbsoluteError
    from .losses.approx_ndcg import ApproxNDCG
    from .losses.binary_cross_entropy import BinaryCrossEntropy
    from .losses.class_balanced_cross_entropy import ClassBalancedCrossEntropy
    from .losses.coral import Coral
    from .losses.crammer_singer import CrammerSinger
    from .losses.focal_loss import FocalLoss
    from .losses.hard_negative_cross_entropy import HardNegativeCrossEntropy
    from .losses.hinge import Hinge
    from .losses.huber import Huber
    from .losses.lambda_rank import LambdaRank
    from .losses.ldam_loss import LDAMLoss
    from .losses.listwise_softmax import ListNet, ListwiseSoftmax
    from .losses.log_cosh import LogCosh
    from .losses.lovasz_significance import LovaszSignificance
    from .losses.margin_cross_entropy import MarginCrossEntropy
    from .losses.ordinal_all_threshold import OrdinalAllThreshold
    from .losses.ordinal_log_loss import OrdinalLogLoss
    from .losses.pairwise_hinge import PairwiseHinge
    from .losses.pairwise_pauc import PairwisePAUC
    from .losses.quantile import Quantile
    from .losses.rank_net import RankNet
    from .losses.rank_weighted_cross_entropy import RankWeightedCrossEntropy
    from .losses.recall_pauc import RecallPAUC
    from .losses.segment_scaling_cross_entropy import SegmentScalingCrossEntropy
    from .losses.softmax_cross_entropy import SoftmaxCrossEntropy
    from .losses.squared_error import SquaredError
    from .losses.squared_hinge import SquaredHinge
    from .losses.trapezoid_pauc import TrapezoidPAUC
    from .losses.vector_scaling_cross_entropy import VectorScalingCrossEntropy
    from .losses.vector_scaling_softmax import VectorScalingSoftmax

_CLASSES = {found.__name__: found for found in loss_classes().values()}

__all__ = [
    "AtBudget",
    "CollapseWarning",
    "Derivatives",
    "Loss",
    "OneVsRest",
    "Rows",
    "Schedule",
    "WeightedSum",
    "available",
    "example_rows",
    "find_loss",
    *_CLASSES,
]


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return _CLASSES[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
