"""Where weights, groups and other metadata go that the `fit` of a threshold gets."""

from __future__ import annotations

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
from .._utils.splits import is_splitter

__all__ = ["RoutesFit", "route"]


class RoutesFit:
    """A classifier around ``estimator`` that fits it on splits of ``cv``."""

    estimator: Any
    cv: Any
    guarantee: float | None

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where.

        Returns
        -------
        routing : MetadataRouter
            `sample_weight`, `segments` and `value` are this classifier's own. The
            estimator's `fit` and the splitter's `split` get what they request, such as
            `groups`.
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
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
    prefit, splits = isinstance(model.cv, str), is_splitter(model.cv)
    if groups is not None and prefit:
        raise ValueError("groups cannot be passed with cv='prefit', which splits no rows.")
    if groups is not None and model.guarantee is not None:
        raise ValueError(
            "groups cannot be passed if guarantee is set: rows of one group are not independent "
            "draws. Calibrate on one row of each group."
        )
    if _routing_enabled():
        own = {"sample_weight": weight, "groups": groups if splits else None}
        params = {**params, **{name: one for name, one in own.items() if one is not None}}
        return process_routing(model, "fit", **params)
    fit: dict[str, Any] = {}
    if weight is not None and not prefit:
        fit[fit_argument(model.estimator, "estimator")] = weight
    name = None if groups is None else optional_fit_argument(model.estimator, "groups")
    if name is not None:
        fit[name] = groups
    split = {"groups": groups} if groups is not None and splits else {}
    return Bunch(estimator=Bunch(fit=fit), splitter=Bunch(split=split))
