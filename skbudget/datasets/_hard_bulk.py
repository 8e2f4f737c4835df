"""A weak signal spread over many features, so that the bulk itself is hard."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import InvalidParameterError, validate_params

from .._utils.seeds import check_random_state
from ._limits import Within, fitting
from ._roles import (
    DECOY,
    FRACTION_CONSTRAINT,
    MAGNITUDE_CONSTRAINT,
    MIN_PER_CLASS,
    POS_RATE_CONSTRAINT,
    POSITIVE,
    assign_roles,
    draw_labels,
    shuffle_rows,
)

_COUNT = [Within(Integral, 0, None, closed="left")]


@validate_params(
    {
        "n_samples": [Within(Integral, 2 * MIN_PER_CLASS, None, closed="left")],
        "pos_rate": POS_RATE_CONSTRAINT,
        "decoy_frac": FRACTION_CONSTRAINT,
        "mu_bulk": MAGNITUDE_CONSTRAINT,
        "mu_contest": MAGNITUDE_CONSTRAINT,
        "n_bulk": _COUNT,
        "n_contest": _COUNT,
        "n_noise": _COUNT,
        "flip_y": [Within(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
        "return_roles": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_hard_bulk(
    n_samples: int = 100_000,
    *,
    pos_rate: float = 0.005,
    decoy_frac: float = 0.0,
    mu_bulk: float = 0.30,
    mu_contest: float = 0.40,
    n_bulk: int = 4,
    n_contest: int = 3,
    n_noise: int = 24,
    flip_y: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_roles: bool = False,
) -> tuple[NDArray, ...]:
    """Generate a rare class that overlaps the whole bulk of the negatives.

    The features are independent and normal with standard deviation 1. Their
    means depend on the role of the row:

    ============== ================= ================= ==============
    role           bulk features     contest features  noise features
    ============== ================= ================= ==============
    positive       ``+mu_bulk``      ``+mu_contest``   0
    easy negative  ``-mu_bulk``      ``-mu_contest``   0
    decoy negative ``+mu_bulk``      ``-mu_contest``   0
    ============== ================= ================= ==============

    The signal is linear, and there is no contested top unless you ask for
    decoys. On such a table, training for the top gains little.

    Parameters
    ----------
    n_samples : int, default=100_000
        Number of rows, at least 16.
    pos_rate : float, default=0.005
        Share of positives, in (0, 1). Their number is exact,
        ``round(pos_rate * n_samples)``, with at least 8 rows of each class.
    decoy_frac : float, default=0.0
        Share of the negatives that are decoys, in [0, 1).
    mu_bulk, mu_contest : float, default=0.30 and 0.40
        Shifts of the bulk and the contest features, in standard deviations.
    n_bulk, n_contest, n_noise : int, default=4, 3 and 24
        Numbers of features of each kind, in this order in the table. The
        total must be at least 1.
    flip_y : float, default=0.0
        Share of the positives, in [0, 1], whose label is exchanged with that
        of a negative: ``round(flip_y * n_positives)`` positives are returned
        as 0 and as many negatives, drawn from all of them, as 1. The rate of
        positives does not change. With the ``flip_y`` of
        :func:`sklearn.datasets.make_classification` the mislabelled negatives
        would outnumber the positives of a rare class.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same table at every call. The features of one seed
        do not depend on ``flip_y``, and the order of the rows is independent
        of a split with the same seed.
    return_roles : bool, default=False
        Whether to return the roles as well.

    Returns
    -------
    X : ndarray of shape (n_samples, n_bulk + n_contest + n_noise), dtype=float32
        The features.
    y : ndarray of shape (n_samples,), dtype=int64
        The labels, after the exchange.
    roles : ndarray of shape (n_samples,), dtype=int8
        0 easy negative, 1 positive, 2 decoy: the true roles, whatever
        ``flip_y`` is. Only if ``return_roles``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, there would be no feature, or the table does
        not fit in memory.

    See Also
    --------
    make_contested_top : A table whose top is contested.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import make_hard_bulk
    >>> X, y, roles = make_hard_bulk(10_000, flip_y=0.1, random_state=0, return_roles=True)
    >>> X.shape, np.bincount(y), np.bincount(roles)
    ((10000, 31), array([9950,   50]), array([9950,   50]))
    >>> int(np.sum(y != (roles == 1)))
    10
    """
    # Sums of narrow integers of NumPy overflow.
    n_bulk, n_contest, n_noise = int(n_bulk), int(n_contest), int(n_noise)
    n_features = n_bulk + n_contest + n_noise
    if n_features == 0:
        raise InvalidParameterError(
            "The 'n_bulk', 'n_contest' and 'n_noise' parameters of make_hard_bulk must sum to "
            "at least 1. Got 0 instead."
        )
    rng = check_random_state(random_state)
    sizes = {"n_bulk": n_bulk, "n_contest": n_contest, "n_noise": n_noise}
    with fitting("make_hard_bulk", n_samples, n_features, **sizes):
        y = draw_labels(n_samples, pos_rate, rng)
        roles = assign_roles(y == 1, decoy_frac, 0.0, rng)
        X = rng.standard_normal((n_samples, n_features)).astype(np.float32)
    bulk_sign = np.where((roles == POSITIVE) | (roles == DECOY), 1.0, -1.0)
    contest_sign = np.where(roles == POSITIVE, 1.0, -1.0)
    X[:, :n_bulk] += (mu_bulk * bulk_sign)[:, None].astype(np.float32)
    X[:, n_bulk : n_bulk + n_contest] += (mu_contest * contest_sign)[:, None].astype(np.float32)

    # Labels are exchanged last, so that the features are the same with and without it.
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    n_exchanged = min(round(flip_y * positives.size), negatives.size)
    y[rng.choice(positives, n_exchanged, replace=False)] = 0
    y[rng.choice(negatives, n_exchanged, replace=False)] = 1
    X, y, roles = shuffle_rows(rng, X, y, roles)
    return (X, y, roles) if return_roles else (X, y)
