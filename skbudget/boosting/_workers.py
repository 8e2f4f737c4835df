"""Whether the booster that calls trains on several workers, and how they add up arrays."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.collective import Collective

__all__ = ["find_collective"]


class _XGBoostWorkers:
    """The workers of XGBoost's own collective."""

    def __init__(self, collective: Any) -> None:
        self._collective = collective
        self.rank = int(collective.get_rank())
        self.size = int(collective.get_world_size())

    def sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._reduce(values, self._collective.Op.SUM)

    def max(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._reduce(values, self._collective.Op.MAX)

    def _reduce(self, values: NDArray[np.float64], operation: Any) -> NDArray[np.float64]:
        # Only vectors are passed on whole.
        return self._collective.allreduce(values.ravel(), operation).reshape(values.shape)


def find_collective(data: Any = None) -> Collective | None:
    """Return the workers that rows are spread over, None where all rows are here.

    Parameters
    ----------
    data : object, default=None
        The ``Dataset`` or ``DMatrix`` of the call, if there is one.

    Raises
    ------
    NotImplementedError
        If LightGBM trains on several workers: it lets an objective see one worker's
        rows, and not talk to the others.
    """
    _refuse_lightgbm_workers(data)
    xgboost = sys.modules.get("xgboost")
    if xgboost is None or hasattr(data, "construct"):  # a lightgbm.Dataset
        return None
    collective = xgboost.collective
    if not collective.is_distributed() or collective.get_world_size() < 2:
        return None
    return _XGBoostWorkers(collective)


_REFUSAL = (
    "LightGBM hands an objective the rows of one worker and no way to ask the others, so that "
    "each worker would rank within rows of its own: the trees would not be those of the whole "
    "table. Train on one machine, or with XGBoost on Dask "
    "(skbudget.boosting.DaskPAUCXGBClassifier), which gives exactly those."
)


def _refuse_lightgbm_workers(data: Any) -> None:
    if hasattr(data, "construct"):
        params = getattr(data, "params", None) or {}
        for name in ("num_machines", "num_machine", "n_machines"):
            if int(params.get(name, 1)) > 1:
                raise NotImplementedError(_REFUSAL)
        if params.get("machines"):
            raise NotImplementedError(_REFUSAL)
    # LightGBM's Dask estimators call the objective like any other, with arrays; nothing but
    # the callers tells that they do.
    if "lightgbm" not in sys.modules:
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "lightgbm.dask":
            _leave_lightgbm_network()
            raise NotImplementedError(_REFUSAL)
        frame = frame.f_back


def _leave_lightgbm_network() -> None:
    # LightGBM leaves its network after a training that worked. After one that failed, every
    # later training of this process would still be part of it.
    booster = sys.modules["lightgbm"].Booster
    booster.free_network(booster.__new__(booster))
