"""`PAUCClassifier` for any table, with the preparation that a network needs and trees do not."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from .._utils.preparation import numbers_for_networks, table_for_networks
from ._threads import torch_threads

__all__ = ["TabularNetwork", "numbers_for_networks"]


class TabularNetwork:
    """`PAUCClassifier` with imputed and standardised numbers and one column per category.

    Parameters
    ----------
    budget : float
        Review budget, a fraction in (0, 1].
    random_state : int
        Seed.
    n_jobs : int
        Number of threads of torch.
    **options
        Further parameters of the estimator.
    """

    def __init__(self, budget: float, random_state: int, n_jobs: int, **options: Any) -> None:
        self.budget = budget
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.options = options

    def fit(self, X: Any, y: NDArray) -> TabularNetwork:
        """Train the network and return this object."""
        from sklearn.pipeline import make_pipeline

        from ..neural import PAUCClassifier

        network = PAUCClassifier(
            budget=self.budget,
            calibration_cv=None,
            random_state=self.random_state,
            device="cpu",
            **self.options,
        )
        self.pipeline_ = make_pipeline(table_for_networks(X), network)
        with torch_threads(self.n_jobs):
            self.pipeline_.fit(X, y)
        return self

    def decision_function(self, X: Any) -> NDArray:
        """Return the raw score of each row, shape (n_samples,)."""
        with torch_threads(self.n_jobs):
            return self.pipeline_.decision_function(X)
