"""What a network needs done to a table that trees take as it comes."""

from __future__ import annotations

from typing import Any

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

__all__ = ["numbers_for_networks", "table_for_networks"]


def numbers_for_networks() -> Any:
    """Return an unfitted transformer of numbers: imputed by the median, standardised."""
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def table_for_networks(X: Any) -> Any:
    """Return an unfitted transformer of ``X``: numbers, and of a data frame categories too."""
    numbers = numbers_for_networks()
    if not hasattr(X, "columns"):
        return numbers
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False
    )
    is_number = make_column_selector(dtype_include="number")
    is_category = make_column_selector(dtype_exclude="number")
    return make_column_transformer((numbers, is_number), (categories, is_category))
