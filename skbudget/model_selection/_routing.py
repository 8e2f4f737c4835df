"""Where weights, groups and other metadata go that the `fit` of a threshold gets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)

from .._utils.fit_arguments import fit_argument, optional_fit_argument
from .._utils.splits import groups_for, requested_groups

__all__ = ["RoutesFit", "route"]


class RoutesFit:
    """A classifier around ``estimator`` that fits it on splits of ``cv``."""

    estimator: Any
    cv: Any
    guarantee: float | None
    _get_metadata_request: Callable[[], Any]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where.

        Returns
        -------
        routing : MetadataRouter
            `sample_weight`, `segments` and `value` are this classifier's own. `groups` are
            requested if rows are split, unless ``set_fit_request(groups=False)`` says
            otherwise. The estimator's `fit` and the splitter's `split` get what they request.
        """
        own = copy.deepcopy(self._get_metadata_request())
        if isinstance(self.cv, str):
            # No row is split here. Groups may be meant for the splits around this classifier.
            own.fit.add_request(param="groups", alias=False)
        return (
            MetadataRouter(owner=self)
            .add_self_request(own)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )


def route(
    model: RoutesFit, weight: NDArray | None, groups: NDArray | None, params: dict[str, Any]
) -> Bunch:
    """Return what the estimator's `fit` and a splitter's `split` get.

    Raises
    ------
    ValueError
        If there are groups where rows are not split, or where they void the guarantee.
    """
    prefit = isinstance(model.cv, str)
    if groups is not None and prefit:
        raise ValueError("groups cannot be passed with cv='prefit', which splits no rows.")
    if groups is not None and model.guarantee is not None:
        raise ValueError(
            "groups cannot be passed if guarantee is set: rows of one group are not independent "
            "draws. Calibrate on one row of each group."
        )
    if _routing_enabled():
        own = {} if weight is None else {"sample_weight": weight}
        return process_routing(model, "fit", **params, **own, **requested_groups(model, groups))
    fit: dict[str, Any] = {}
    if weight is not None and not prefit:
        fit[fit_argument(model.estimator, "estimator")] = weight
    name = None if groups is None else optional_fit_argument(model.estimator, "groups")
    if name is not None:
        fit[name] = groups
    return Bunch(estimator=Bunch(fit=fit), splitter=Bunch(split=groups_for(model.cv, groups)))
