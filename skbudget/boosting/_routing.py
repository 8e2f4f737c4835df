"""What the classifiers request of metadata routing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .._utils.requests import COLUMNS, ColumnRequests
from ._columns import columns_of
from ._splits import find_routing

__all__ = ["RoutedFit"]


class RoutedFit(ColumnRequests):
    """An estimator whose `fit` requests groups, and columns that its objective reads."""

    _get_metadata_request: Callable[[], Any]

    # Where there are groups, they are to be heeded.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {**COLUMNS, "groups": True}

    def _own_columns(self) -> frozenset[str]:
        return columns_of(self)

    def get_metadata_routing(self) -> Any:
        """Return which metadata go where.

        Returns
        -------
        routing : MetadataRequest or MetadataRouter
            What `fit` requests: ``groups`` unless ``set_fit_request(groups=False)`` says
            otherwise, and columns that ``set_fit_request(group=True)`` asks for. Splitters that
            are passed as ``selection_cv`` and ``calibration_cv`` get what their `split` requests.
        """
        return find_routing(self, self._get_metadata_request())
