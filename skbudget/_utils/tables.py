"""Rows of a table, together with what is known of each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from numpy.typing import NDArray
from sklearn import config_context
from sklearn.utils import _safe_indexing

from .ranges import product

__all__ = ["LabelledRows"]

_RowsT = TypeVar("_RowsT", bound="LabelledRows")


@dataclass(frozen=True)
class LabelledRows:
    """Rows of a table and what is known of each row. None marks what is not known.

    Parameters
    ----------
    features : array-like, sparse matrix, DataFrame or None
        What a model reads.
    labels : ndarray of shape (n_samples,) or None
        Labels, coded as the code that uses the rows needs them.
    weight : ndarray of shape (n_samples,), default=None
        How many rows each row stands for; None means one.
    value : ndarray of shape (n_samples,), default=None
        What catching each positive is worth; None means one.
    segments : ndarray of int of shape (n_samples,), default=None
        Number of the segment that each row belongs to.
    groups : ndarray of shape (n_samples,), default=None
        Group of each row, which folds keep together.
    """

    features: Any
    labels: Any
    weight: NDArray | None = None
    value: NDArray | None = None
    segments: NDArray | None = None
    groups: NDArray | None = None

    @property
    def worth(self) -> NDArray | None:
        """What each row counts for if it is a positive that is caught; None means one.

        Near the ends of what a float holds only the ratios are right.
        """
        if self.weight is None or self.value is None:
            return self.value if self.weight is None else self.weight
        return product(self.weight, self.value)[0]

    @property
    def columns(self) -> dict[str, NDArray]:
        """What the `fit` of a model can be given beside the labels, by the usual names."""
        known = {"sample_weight": self.weight, "value": self.value, "groups": self.groups}
        return {name: column for name, column in known.items() if column is not None}

    def take(self: _RowsT, rows: NDArray) -> _RowsT:
        """Return some of the rows, chosen by a mask or by indices."""

        def part(column: NDArray | None) -> NDArray | None:
            return None if column is None else column[rows]

        return replace(
            self,
            features=None if self.features is None else _safe_indexing(self.features, rows),
            labels=part(self.labels),
            weight=part(self.weight),
            value=part(self.value),
            segments=part(self.segments),
            groups=part(self.groups),
        )

    def fit(self, model: Any, arguments: dict[str, str]) -> Any:
        """Fit a model to the rows, and return it.

        ``arguments`` maps the names of those `columns` that the model is given to the names
        of the arguments by which its `fit` takes them.
        """
        columns = self.columns
        given = {argument: columns[name] for name, argument in arguments.items()}
        # Arguments are passed by name, whether or not the application has enabled routing.
        with config_context(enable_metadata_routing=False):
            return model.fit(self.features, self.labels, **given)
