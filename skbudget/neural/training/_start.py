"""The constant that training begins from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit

from ...objectives import Loss, OneVsRest
from ...objectives._rows import Rows
from ..losses._numpy import NumpyLoss
from ._module import MLP, SharedScore
from ._rows import TableDataset

__all__ = ["begin_at_start", "start_of"]


def begin_at_start(module: Any, loss: Any, rows: TableDataset) -> None:
    """Add the constant that boosting begins from on the same loss to the biases of the output.

    From zero, the first steps would make the scores as low as a low base rate wants them through
    every feature there is, and rows far from the centre would have the lowest.

    Parameters
    ----------
    module : Module
        The network; left as it is unless it is our own.
    loss : Loss, Module or class of modules
        What is minimised; only a `Loss` knows its constant.
    rows : TableDataset
        The training rows.
    """
    if isinstance(loss, NumpyLoss):
        loss = loss.loss
    if isinstance(module, SharedScore):
        if isinstance(loss, Loss):
            n_thresholds = module.thresholds.step_bias.shape[1] + 1
            found = start_of(loss, rows, n_thresholds)
            if found is not None:
                module.begin_at(found)
        return
    if not isinstance(module, MLP):
        return
    bias = module.biases[-1]
    start = start_of(loss, rows, bias.shape[-1])
    if start is None:
        return
    with torch.no_grad():
        bias.add_(torch.from_numpy(start).to(bias.dtype))


def start_of(loss: Any, rows: TableDataset, n_outputs: int) -> NDArray[np.float64] | None:
    """Return the constant that boosting begins from on a loss; None if it knows of none.

    Parameters
    ----------
    loss : Loss, Module or class of modules
        What is minimised.
    rows : TableDataset
        The training rows.
    n_outputs : int
        Scores per row.
    """
    y = rows.about["y"]
    if y.ndim == 2:
        # The log-odds of each label.
        weight = rows.about.get("weight")
        share = np.average(y.numpy(), axis=0, weights=None if weight is None else weight.numpy())
        return np.asarray(logit(share.clip(1e-6, 1 - 1e-6)), dtype=np.float64)
    if isinstance(loss, NumpyLoss):
        loss = loss.loss
    return _start(loss, rows, n_outputs) if isinstance(loss, Loss) else None


def _start(loss: Loss[Any], rows: TableDataset, n_outputs: int) -> NDArray[np.float64]:
    about = {name: values.numpy() for name, values in rows.about.items()}
    weight = about.get("weight")
    counted = slice(None) if weight is None else weight > 0
    target = about["y"][counted]
    named = {name: about[name][counted] for name in loss.reads | loss.needs if name in about}
    of_rows = None if weight is None else weight[counted].astype(np.float64)

    if loss.target == "binary" and n_outputs > 1:
        loss = OneVsRest(loss)
    if loss.target == "real":
        coded = target.astype(np.float64)
    elif loss.target == "binary":
        coded = target == 1
        if coded.all() or not coded.any():
            # The first part of a stream may have one class.
            return np.zeros(1)
    else:
        coded = target.astype(np.int64)
    shape = (coded.size,) if loss.margins == "one" else (coded.size, n_outputs)
    table = Rows(coded, np.zeros(shape), of_rows, named)
    return np.atleast_1d(np.asarray(loss.resolved(table).start(table), dtype=np.float64))
