"""Sums over all pairs of a positive and a negative, without forming the pairs.

With ``x = (negative - positive) / temperature`` a pair has three kernels:

- ``sigma``: ``expit(x)``, how far the pair is ranked the wrong way round,
- ``dsigma``: ``expit(x) * expit(-x)``, its derivative,
- ``softplus``: ``log(1 + exp(x))``, whose derivative is ``sigma``.

The losses need their sums over the partners of each row, and the total of ``sigma``
or ``softplus`` over all pairs. `pair_sums` finds them in time
and memory that grow with the number of rows, not with the number of pairs.
"""

from ._dispatch import pair_sums
from ._kernel import PairSums

__all__ = ["PairSums", "pair_sums"]
