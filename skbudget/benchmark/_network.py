"""`PAUCClassifier` on any table: what trees take as it comes is prepared for it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._threads import torch_threads

__all__ = ["TabularNetwork"]


class TabularNetwork:
    """`PAUCClassifier` behind imputed and standardised numbers, and one column per category.

    Parameters
    ----------
    budget : float
        Review budget, a fraction in (0, 1].
    random_state : int
        Seed.
    n_jobs : int
        Threads of torch.
    """

    def __init__(self, budget: float, random_state: int, n_jobs: int) -> None:
        self.budget = budget
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: NDArray) -> TabularNetwork:
        """Train, and return itself."""
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        from ..neural import PAUCClassifier

        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        prepare: Any = numbers
        if hasattr(X, "columns"):
            categories = OneHotEncoder(
                handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False
            )
            is_number = make_column_selector(dtype_include="number")
            is_category = make_column_selector(dtype_exclude="number")
            prepare = make_column_transformer((numbers, is_number), (categories, is_category))
        network = PAUCClassifier(
            budget=self.budget, calibrate=False, random_state=self.random_state, device="cpu"
        )
        self.pipeline_ = make_pipeline(prepare, network)
        with torch_threads(self.n_jobs):
            self.pipeline_.fit(X, y)
        return self

    def decision_function(self, X: Any) -> NDArray:
        """Return the raw score of each row, shape (n_samples,)."""
        with torch_threads(self.n_jobs):
            return self.pipeline_.decision_function(X)
