"""The weights of a Lovász extension in torch; see `skbudget.objectives._lovasz`."""

from __future__ import annotations

import torch
from torch import Tensor

from ...objectives._lovasz import SetFunction

__all__ = ["lovasz_weights"]


@torch.no_grad()
def lovasz_weights(
    errors: Tensor, signal: Tensor, mass: Tensor, set_function: SetFunction
) -> Tensor:
    """Return the weight of each row, as the function of the same name in NumPy does.

    Parameters
    ----------
    errors : Tensor of shape (n_rows,)
        Errors, or anything that grows with them.
    signal : Tensor of shape (n_rows,), dtype=bool
        Rows of the signal.
    mass : Tensor of shape (n_rows,)
        What each row counts for, in the precision to compute in.
    set_function : callable
        Of the signal kept and the background accepted, both of shape (n_blocks,).

    Returns
    -------
    weights : Tensor of shape (n_rows,)
    """
    order = torch.argsort(errors, descending=True, stable=True)
    ordered, of_signal, of_row = errors[order], signal[order], mass[order]
    is_end = torch.ones_like(of_signal)
    is_end[:-1] = ordered[1:] != ordered[:-1]
    nothing = mass.new_zeros(1)
    missed = torch.cumsum(of_row * of_signal, 0)[is_end]
    accepted = torch.cat([nothing, torch.cumsum(of_row * ~of_signal, 0)[is_end]])
    kept = torch.cat([missed[-1:], missed[-1] - missed])
    before, after = set_function(kept[:-1], accepted[:-1]), set_function(kept[1:], accepted[1:])
    signal_first = set_function(kept[1:], accepted[:-1])
    background_first = set_function(kept[:-1], accepted[1:])
    by_signal = 0.5 * ((signal_first - before) + (after - background_first))
    by_background = 0.5 * ((background_first - before) + (after - signal_first))
    signal_mass, background_mass = kept[:-1] - kept[1:], accepted[1:] - accepted[:-1]
    per_mass = [
        torch.where(of > 0, by / torch.where(of > 0, of, 1.0), 0.0)
        for by, of in ((by_background, background_mass), (by_signal, signal_mass))
    ]
    block = torch.cumsum(is_end, 0) - is_end.long()
    weights = torch.empty_like(mass)
    weights[order] = torch.where(of_signal, per_mass[1][block], per_mass[0][block]) * of_row
    return weights
