"""Hard-negative mining with a booster: the simplest remedy for a contested top."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from ..objectives import HardNegativeCrossEntropy
from . import BoosterObjective

__all__ = ["HardNegativeTrees"]


class HardNegativeTrees(ClassifierMixin, BaseEstimator):
    """A booster's classifier on cross-entropy that mines hard negatives in every round.

    Parameters
    ----------
    booster : LGBMClassifier or XGBClassifier
        What is trained, with `HardNegativeCrossEntropy` as its objective.
    top_fraction : float, default=0.02
        Share of the negatives that is mined, a fraction in (0, 1].
    factor : float, default=10.0
        Weight of a mined negative.

    Notes
    -----
    The model only ranks, because mining shifts the margins. Labels must be 0 and 1.
    """

    def __init__(self, booster: Any, *, top_fraction: float = 0.02, factor: float = 10.0) -> None:
        self.booster = booster
        self.top_fraction = top_fraction
        self.factor = factor

    def fit(self, X: Any, y: ArrayLike, sample_weight: NDArray | None = None) -> HardNegativeTrees:
        """Fit the trees, which begin at the log-odds of the positives.

        A booster begins there with objectives of its own, and at 0 with others. From 0 its
        first trees would do little but move all rows to the base rate.
        """
        y = np.asarray(y)
        objective = HardNegativeCrossEntropy(top_fraction=self.top_fraction, factor=self.factor)
        self.booster_ = clone(self.booster).set_params(objective=BoosterObjective(objective))
        rate = np.average(y, weights=sample_weight)
        start = np.full(y.size, np.log(rate / (1.0 - rate)))
        if "init_score" in inspect.signature(self.booster_.fit).parameters:
            # With a custom objective LightGBM fails where it has filtered all features.
            self.booster_.set_params(feature_pre_filter=False)
            starting = {"init_score": start}
        else:
            starting = {"base_margin": start}
        self.booster_.fit(X, y, sample_weight=sample_weight, **starting)
        self.classes_ = self.booster_.classes_
        return self

    def decision_function(self, X: Any) -> NDArray:
        """Return margins, without the starting point that all rows share."""
        if hasattr(self.booster_, "booster_"):
            return self.booster_.predict(X, raw_score=True)
        return self.booster_.predict(X, output_margin=True)
