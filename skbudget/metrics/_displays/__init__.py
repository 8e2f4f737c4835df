"""The metrics as pictures: scikit-learn displays. Only what draws imports matplotlib."""

from ._coverage import CoverageCurveDisplay
from ._partial_roc import PartialROCDisplay
from ._score_band import ScoreBandDisplay
from ._significance import SignificanceDisplay
from ._training import TrainingCurveDisplay

__all__ = [
    "CoverageCurveDisplay",
    "PartialROCDisplay",
    "ScoreBandDisplay",
    "SignificanceDisplay",
    "TrainingCurveDisplay",
]
