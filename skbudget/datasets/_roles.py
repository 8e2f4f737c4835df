"""The role of each row in a contested top, and how roles are assigned."""

from __future__ import annotations

from numbers import Real
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import InvalidParameterError, validate_params

from .._utils.labels import find_classes
from .._utils.seeds import check_random_state
from ._limits import MAGNITUDE_MAX, Within

BULK: Final = 0
POSITIVE: Final = 1
DECOY: Final = 2
CONFOUNDER: Final = 3
ROLES: Final = (BULK, POSITIVE, DECOY, CONFOUNDER)

# A coverage that is estimated on fewer positives than this says nothing.
MIN_PER_CLASS: Final = 8

# Constraints that the generators and the functions below share.
POS_RATE_CONSTRAINT: Final = [Within(Real, 0, 1, closed="neither")]
FRACTION_CONSTRAINT: Final = [Within(Real, 0, 1, closed="left")]
MAGNITUDE_CONSTRAINT: Final = [Within(Real, 0, MAGNITUDE_MAX, closed="both")]


def check_fractions(decoy_frac: float, confounder_frac: float, owner: str) -> None:
    """Raise if decoys and confounders leave no share for the bulk."""
    if decoy_frac + confounder_frac >= 1:
        raise InvalidParameterError(
            f"The 'decoy_frac' and 'confounder_frac' parameters of {owner} must sum to less "
            f"than 1.0. Got {decoy_frac!r} + {confounder_frac!r} instead."
        )


def shuffle_rows(rng: np.random.RandomState, *columns: NDArray) -> tuple[NDArray, ...]:
    """Return columns with their rows in an order that is drawn last.

    The first draw of a generator is often a permutation, as it is here, and as it is in
    `train_test_split`. Rows that are left as it chose them would all end up in one part of a
    split with the same seed.
    """
    order = rng.permutation(columns[0].shape[0])
    return tuple(column[order] for column in columns)


def draw_labels(n_samples: int, pos_rate: float, rng: np.random.RandomState) -> NDArray[np.int64]:
    """Return labels with ``round(pos_rate * n_samples)`` positives at random rows.

    The count is exact, except that each class has at least ``MIN_PER_CLASS`` rows.
    """
    n_positives = round(pos_rate * n_samples)
    n_positives = min(max(n_positives, MIN_PER_CLASS), n_samples - MIN_PER_CLASS)
    y = np.zeros(n_samples, dtype=np.int64)
    y[rng.choice(n_samples, n_positives, replace=False)] = 1
    return y


@validate_params(
    {
        "y": ["array-like"],
        "decoy_frac": FRACTION_CONSTRAINT,
        "confounder_frac": FRACTION_CONSTRAINT,
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def draw_roles(
    y: ArrayLike,
    *,
    decoy_frac: float = 0.012,
    confounder_frac: float = 0.0,
    pos_label: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int8]:
    """Assign roles to the rows of a binary problem, for :class:`ContestedTopTransformer`.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Binary labels.
    decoy_frac : float, default=0.012
        Share of the negatives that become decoys, in [0, 1).
    confounder_frac : float, default=0.0
        Share of the negatives that become confounders, in [0, 1). The two
        shares must sum to less than 1.
    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it, this is 1 of {0, 1} and {-1, 1}, and True. Of
        any other two labels it is the rarer one, with a warning.
    random_state : int, RandomState instance or None, default=None
        Chooses which negatives become decoys and confounders. Pass an int for
        the same roles at every call. The roles are independent of a split of
        the rows with the same seed.

    Returns
    -------
    roles : ndarray of shape (n_samples,), dtype=int8
        0 for a bulk negative, 1 for a positive, 2 for a decoy and 3 for a
        confounder. With ``n_neg`` negatives there are exactly
        ``round(decoy_frac * n_neg)`` decoys and, among the other negatives,
        ``round(confounder_frac * n_neg)`` confounders.

    Raises
    ------
    ValueError
        If a share is outside [0, 1), if the shares sum to 1 or more, or if
        `y` does not hold exactly two classes.

    See Also
    --------
    ContestedTopTransformer : Shifts the rows according to their roles.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import draw_roles
    >>> y = np.repeat([0, 1], [1000, 5])
    >>> np.bincount(draw_roles(y, confounder_frac=0.1, random_state=0))
    array([888,   5,  12, 100])
    """
    check_fractions(decoy_frac, confounder_frac, "draw_roles")
    positive = find_classes(y, pos_label, owner="draw_roles", stacklevel=4).positive
    rng = check_random_state(random_state)
    roles = assign_roles(positive, decoy_frac, confounder_frac, rng)
    # The rows are the caller's, so that only the roles can be shuffled.
    negative = ~positive
    (roles[negative],) = shuffle_rows(rng, roles[negative])
    return roles


def assign_roles(
    positive: NDArray[np.bool_],
    decoy_frac: float,
    confounder_frac: float,
    rng: np.random.RandomState,
) -> NDArray[np.int8]:
    """Return the roles of rows whose order is yet to be drawn."""
    negatives = np.flatnonzero(~positive)
    n_decoys = round(decoy_frac * negatives.size)
    # Both counts may be rounded up, and then ask for one negative too many.
    n_confounders = min(round(confounder_frac * negatives.size), negatives.size - n_decoys)
    chosen = rng.choice(negatives, n_decoys + n_confounders, replace=False)

    roles = np.full(positive.size, BULK, dtype=np.int8)
    roles[positive] = POSITIVE
    roles[chosen[:n_decoys]] = DECOY
    roles[chosen[n_decoys:]] = CONFOUNDER
    return roles
