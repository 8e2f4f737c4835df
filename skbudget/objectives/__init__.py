"""What is optimised: value, gradient and hessian at given scores. NumPy only."""

from ._base import BaseObjective
from ._cross_entropy import BinaryCrossEntropy, HardNegativeCrossEntropy
from ._partial_auc import PairwisePAUC, TrapezoidPAUC
from ._schedule import Blend, Schedule

__all__ = [
    "BaseObjective",
    "BinaryCrossEntropy",
    "Blend",
    "HardNegativeCrossEntropy",
    "PairwisePAUC",
    "Schedule",
    "TrapezoidPAUC",
]
