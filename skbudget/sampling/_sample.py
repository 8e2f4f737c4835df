"""What sampling comes to: rows, the rates at which they were drawn, and what undoes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from .._utils.naming import naming
from .._utils.validation import shape_of

__all__ = ["NegativeSample"]

# Rates that are equal up to rounding are one rate.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class NegativeSample:
    """Rows to train on: all positives, and negatives that were drawn with known rates.

    Attributes
    ----------
    rows : ndarray of shape (n_chosen,), dtype=intp
        The chosen rows, in increasing order.
    positive : ndarray of shape (n_chosen,), dtype=bool
        Which of them are positive.
    rate : ndarray of shape (n_chosen,)
        The probability with which each of them was drawn, 1 for positives.
    sample_weight : ndarray of shape (n_chosen,)
        Weights to train with. If the rates are undone: the weight of the row divided by its
        rate, so that every weighted sum over negatives is unbiased. Otherwise the weight of
        the row.
    iid_mask : ndarray of shape (n_chosen,), dtype=bool
        Rows that represent the population with these weights. If the rates are undone these are
        all rows. Otherwise they are the positives, and negatives that were thinned out until
        each had been drawn with the least rate. Losses over a band set its edges by them.
    n_samples : int
        Number of rows of the table that was sampled.
    undone : bool
        Whether the weights undo the rates.

    See Also
    --------
    sample_random : Draws all negatives with one rate.
    sample_hard : Keeps those that a model ranks highest.

    Examples
    --------
    >>> from skbudget import make_contested_top
    >>> from skbudget.sampling import sample_random
    >>> X, y = make_contested_top(10_000, pos_rate=0.01, random_state=0)
    >>> chosen = sample_random(y, per_positive=20, random_state=0)
    >>> X_chosen, y_chosen = chosen.take(X, y)
    >>> X_chosen.shape, round(chosen.sample_weight.sum())
    ((2100, 20), 10000)
    """

    rows: NDArray[np.intp]
    positive: NDArray[np.bool_]
    rate: NDArray[np.float64]
    sample_weight: NDArray[np.float64]
    iid_mask: NDArray[np.bool_]
    n_samples: int
    undone: bool

    @property
    def logit_shift(self) -> float:
        """What to add to the log-odds of a model of these rows to get those of the population.

        It is 0 if the weights undo the rates, and the logarithm of the rate if all negatives
        were drawn with one. Rates that differ cannot be undone by a shift, and are an error.
        """
        drawn = self.rate[~self.positive]
        if self.undone:
            return 0.0
        if np.ptp(drawn) > _ROUNDING:
            raise ValueError(
                f"The negatives were drawn with rates from {drawn.min():g} to {drawn.max():g}: no "
                "shift of all log-odds undoes them. Sample with undo=True, and train with "
                "sample_weight."
            )
        return float(np.log(drawn[0]))

    def take(self, *columns: Any) -> Any:
        """Return the chosen rows of tables or columns: one, or a list of several.

        Parameters
        ----------
        *columns : array-like, sparse matrix or DataFrame of shape (n_samples, ...), or None
            What is known of all rows. None is returned as it is.
        """
        found = [None if column is None else self._taken(column) for column in columns]
        return found[0] if len(found) == 1 else found

    def _taken(self, column: Any) -> Any:
        shape = shape_of(column, "columns")
        if shape[:1] != (self.n_samples,):
            raise ValueError(
                f"columns must have one entry per row of the table that was sampled, "
                f"{self.n_samples}: got shape {shape}."
            )
        with naming("columns", "tables or columns with one entry per row"):
            return _safe_indexing(column, self.rows)
