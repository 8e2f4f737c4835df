"""The Lovász extension of a set function that knows two masses: signal kept, background accepted.

A set function gives a number to each set of wrong rows: missed signal and accepted background.
Its Lovász extension gives a number to errors of any size. It is piecewise linear in the errors,
equal to the set function where all errors are 0 or 1, and convex if the set function is
submodular. The weights here are its gradient by the errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SetFunction", "lovasz_weights", "significance_loss"]

# Of the signal that is kept and the background that is accepted, both arrays of masses.
SetFunction = Callable[[Any, Any], Any]


def lovasz_weights(
    errors: NDArray[np.float64],
    signal: NDArray[np.bool_],
    mass: NDArray[np.float64],
    set_function: SetFunction,
) -> NDArray[np.float64]:
    """Return the weight of each row, of which the extension is the sum of weights times errors.

    Rows enter the set of wrong rows from the greatest error down, and the weight of a row is
    what it adds to the set function. Rows with the same error have no order of their own. In
    such a block the two classes share what the block adds: each gets the mean of what it adds
    before the other class and after it, and the rows of a class share in proportion to their
    mass. So no order of rows matters, a row of mass 2 is the row twice, and the weights are a
    mean of those of many orders, which is a subgradient.

    Parameters
    ----------
    errors : ndarray of shape (n_rows,)
        Errors, or anything that grows with them: only their order counts.
    signal : ndarray of shape (n_rows,), dtype=bool
        Rows of the signal; the others are background.
    mass : ndarray of shape (n_rows,)
        What each row counts for, at least 0.
    set_function : callable
        Called with arrays of the mass of the signal that is kept, and of the background that
        is accepted.

    Returns
    -------
    weights : ndarray of shape (n_rows,)
    """
    order = np.argsort(-errors, kind="stable")
    ordered, of_signal, of_row = errors[order], signal[order], mass[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    missed = np.cumsum(np.where(of_signal, of_row, 0.0))[ends]
    accepted = np.concatenate([[0.0], np.cumsum(np.where(of_signal, 0.0, of_row))[ends]])
    # From the whole signal to nothing, exactly.
    kept = np.concatenate([[missed[-1]], missed[-1] - missed])
    before, after = set_function(kept[:-1], accepted[:-1]), set_function(kept[1:], accepted[1:])
    signal_first = set_function(kept[1:], accepted[:-1])
    background_first = set_function(kept[:-1], accepted[1:])
    by_signal = 0.5 * ((signal_first - before) + (after - background_first))
    by_background = 0.5 * ((background_first - before) + (after - signal_first))
    signal_mass, background_mass = kept[:-1] - kept[1:], accepted[1:] - accepted[:-1]
    per_mass = np.stack(
        [
            np.divide(by, of, out=np.zeros_like(by), where=of > 0)
            for by, of in ((by_background, background_mass), (by_signal, signal_mass))
        ]
    )
    block = np.repeat(np.arange(ends.size), np.diff(ends, prepend=-1))
    weights = np.empty(errors.size)
    weights[order] = per_mass[of_signal.astype(np.intp), block] * of_row
    return weights


def significance_loss(signal: Any, background: Any, regularizer: Any) -> SetFunction:
    r"""Return the loss of significance of a set of wrong rows.

    That is :math:`1 - \kappa / \sqrt{1 + a / r}` with :math:`\kappa` the share of the signal
    that is kept, :math:`a` the share of the background that is accepted, and :math:`r` the
    regulariser: one minus the significance over its greatest value.

    Parameters
    ----------
    signal, background : float
        Masses of all signal and all background.
    regularizer : float
        The share of the background that is added to what is accepted.

    Returns
    -------
    set_function : callable
        Of arrays, or of tensors, of the signal kept and the background accepted.
    """

    def of(kept: Any, accepted: Any) -> Any:
        return 1.0 - (kept / signal) * (1.0 + accepted / (regularizer * background)) ** -0.5

    return of
