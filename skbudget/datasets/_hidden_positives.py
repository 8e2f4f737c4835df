"""Positives that lie among easy negatives, on a table of noise, and the best score for it."""

from __future__ import annotations

from numbers import Integral
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import InvalidParameterError, validate_params

from .._utils.seeds import check_random_state
from ._contested_top import MIN_FEATURES, log_ratios
from ._limits import Within, fitting
from ._roles import (
    BULK,
    CONFOUNDER,
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
from ._transformer import CUE_CONSTRAINT, ContestedTopTransformer

__all__ = ["bayes_hidden_positives_score", "make_hidden_positives"]

NEGATIVE: Final = 0
OPEN: Final = 1
HIDDEN: Final = 2
PLAIN: Final = 3

# Where the classes are exchanged, negatives have the part of the positives of a contested top.
_EXCHANGED: Final = np.array([OPEN, NEGATIVE, HIDDEN, PLAIN], dtype=np.int8)
# The signals that the transformer gives to a row: easy signal and cue, the cue alone, ...
_SIGNALS: Final = np.array([BULK, POSITIVE, CONFOUNDER, DECOY], dtype=np.int8)

_GEOMETRY_CONSTRAINTS = {
    "cue": CUE_CONSTRAINT,
    "hidden_frac": FRACTION_CONSTRAINT,
    "plain_frac": FRACTION_CONSTRAINT,
    "easy": MAGNITUDE_CONSTRAINT,
    "sep": MAGNITUDE_CONSTRAINT,
}


def _check_fractions(hidden_frac: float, plain_frac: float, owner: str) -> None:
    """Raise if hidden and plain positives are more than all positives."""
    if hidden_frac + plain_frac > 1:
        raise InvalidParameterError(
            f"The 'hidden_frac' and 'plain_frac' parameters of {owner} must sum to at most 1.0. "
            f"Got {hidden_frac!r} + {plain_frac!r} instead."
        )


@validate_params(
    {
        **_GEOMETRY_CONSTRAINTS,
        "n_samples": [Within(Integral, 2 * MIN_PER_CLASS, None, closed="left")],
        "pos_rate": POS_RATE_CONSTRAINT,
        "n_features": [Within(Integral, MIN_FEATURES, None, closed="left")],
        "random_state": ["random_state"],
        "return_roles": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_hidden_positives(
    n_samples: int = 30_300,
    *,
    pos_rate: float = 0.0099,
    cue: str = "product",
    hidden_frac: float = 0.2,
    plain_frac: float = 0.0,
    easy: float = 2.5,
    sep: float = 1.7,
    n_features: int = 20,
    random_state: int | np.random.RandomState | None = None,
    return_roles: bool = False,
) -> tuple[NDArray, ...]:
    """Generate a rare class of which a part hides among the negatives.

    It is the mirror image of :func:`make_contested_top`. The features are
    independent and standard normal. Most positives stand out by ``easy`` on
    features 0, 1 and 2, so that any model finds them. The *hidden* ones do not:
    there they look like negatives. A cue of size ``sep`` on features 5 and 6
    tells the positives from the negatives. So a model that is good at the top of
    its ranking may still miss a fifth of the positives, and whoever has to catch
    98 % of them needs the cue.

    ========== =========================== ============== ==============
    role       meaning                     easy features  cue features
    ========== =========================== ============== ==============
    0          negative                    untouched      untouched
    1          open positive               ``+easy``      cue of ``sep``
    2          hidden positive             untouched      cue of ``sep``
    3          plain positive              ``+easy``      untouched
    ========== =========================== ============== ==============

    Parameters
    ----------
    n_samples : int, default=30_300
        Number of rows, at least 16.
    pos_rate : float, default=0.0099
        Share of positives, in (0, 1). Their number is exact,
        ``round(pos_rate * n_samples)``, with at least 8 rows of each class. The
        defaults give 300 positives and 30 000 negatives.
    cue : {'linear', 'product', 'radial'}, default='product'
        Form of the cue. No linear model sees the last two, see
        :class:`ContestedTopTransformer`.
    hidden_frac : float, default=0.2
        Share of the positives that are hidden, in [0, 1).
    plain_frac : float, default=0.0
        Share of the positives that have the easy signal without the cue, in
        [0, 1). The two shares must sum to at most 1.
    easy, sep : float, default=2.5 and 1.7
        Sizes of the easy signal and of the cue, in standard deviations.
    n_features : int, default=20
        Number of features, at least 7. Those not named above are noise.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same table at every call. The noise, the labels
        and the roles of one seed do not depend on the cue and its sizes. The
        order of the rows is independent of a split with the same seed.
    return_roles : bool, default=False
        Whether to return the roles as well.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), dtype=float32
        The features.
    y : ndarray of shape (n_samples,), dtype=int64
        1 for a positive, 0 for a negative.
    roles : ndarray of shape (n_samples,), dtype=int8
        0 negative, 1 open positive, 2 hidden, 3 plain. Only if ``return_roles``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, the shares sum to more than 1, or the table
        does not fit in memory.

    See Also
    --------
    bayes_hidden_positives_score : The best ranking of such a table.
    make_contested_top : The mirror image, for a budget instead of a floor on recall.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import make_hidden_positives
    >>> X, y, roles = make_hidden_positives(random_state=0, return_roles=True)
    >>> X.shape, np.bincount(y), np.bincount(roles)
    ((30300, 20), array([30000,   300]), array([30000,   240,    60]))
    >>> [round(float(X[roles == role, :3].mean()), 1) for role in (1, 2)]
    [2.5, 0.1]
    """
    owner = "make_hidden_positives"
    _check_fractions(hidden_frac, plain_frac, owner)
    rng = check_random_state(random_state)
    with fitting(owner, n_samples, n_features, n_features=n_features):
        y = draw_labels(n_samples, pos_rate, rng)
        roles = _EXCHANGED[assign_roles(y == 0, hidden_frac, plain_frac, rng)]
        noise = rng.standard_normal((n_samples, n_features)).astype(np.float32)
        contest = ContestedTopTransformer(
            cue=cue, easy=easy, sep=sep, role_column=-1, scale=None, random_state=rng
        )
        X = contest.fit_transform(np.column_stack([noise, _SIGNALS[roles]]))
        X, y, roles = shuffle_rows(rng, X, y, roles)
    return (X, y, roles) if return_roles else (X, y)


@validate_params(
    {
        **_GEOMETRY_CONSTRAINTS,
        "X": ["array-like"],
        "pos_rate": [*POS_RATE_CONSTRAINT, None],
    },
    prefer_skip_nested_validation=True,
)
def bayes_hidden_positives_score(
    X: ArrayLike,
    *,
    cue: str = "product",
    pos_rate: float | None = None,
    hidden_frac: float = 0.2,
    plain_frac: float = 0.0,
    easy: float = 2.5,
    sep: float = 1.7,
) -> NDArray[np.float64]:
    r"""Score rows of :func:`make_hidden_positives` by their log likelihood ratio.

    No score has fewer false positives in expectation, at any true positive rate
    (the Neyman-Pearson lemma [1]_). Its ``fpr_at_tpr_error`` is therefore the
    best that any model can reach.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows of a table generated with the same parameters, with at least 7
        features.
    cue : {'linear', 'product', 'radial'}, default='product'
        Form of the cue.
    pos_rate : float, default=None
        Share of positives, in (0, 1). If it is given, its log odds are added.
        The ranking does not change, and ``scipy.special.expit`` of the score
        is then the probability that a row is positive.
    hidden_frac, plain_frac : float, default=0.2 and 0.0
        Shares of hidden and plain positives among the positives.
    easy, sep : float, default=2.5 and 1.7
        Sizes of the easy signal and of the cue.

    Returns
    -------
    score : ndarray of shape (n_samples,), dtype=float64
        The log likelihood ratio of the mixture of positives against a negative,
        in nats. With `pos_rate`, the log posterior odds.

    Raises
    ------
    ValueError
        If a parameter is outside its range, the shares sum to more than 1, or
        `X` has fewer than 7 features or entries that no such table has.

    See Also
    --------
    make_hidden_positives : Generates the rows.
    bayes_contested_top_score : The same for a contested top.

    Notes
    -----
    With the density ratios :math:`E` of the easy signal and :math:`C` of the cue, see
    :func:`bayes_contested_top_score`, and the shares :math:`h` and :math:`p` of hidden and
    plain positives, the score is :math:`\log((1 - h - p) E C + h C + p E)`.

    The table shows the false positive rate of this score for the default geometry, the
    least that any model can reach, by numerical integration.

    ======= ========= ========= =========
    cue     98 % TPR  95 % TPR  92 % TPR
    ======= ========= ========= =========
    linear  0.142     0.051     0.022
    product 0.279     0.099     0.043
    radial  0.385     0.158     0.073
    ======= ========= ========= =========

    References
    ----------
    .. [1] J. Neyman, E. S. Pearson (1933). On the problem of the most
       efficient tests of statistical hypotheses. Philosophical Transactions
       of the Royal Society A 231, 289-337.

    Examples
    --------
    >>> from skbudget.datasets import bayes_hidden_positives_score, make_hidden_positives
    >>> from skbudget.metrics import fpr_at_tpr_error
    >>> X, y = make_hidden_positives(100_000, random_state=0)
    >>> fpr_at_tpr_error(y, bayes_hidden_positives_score(X), tpr=0.95) < 0.15
    True
    >>> fpr_at_tpr_error(y, X[:, :3].sum(axis=1), tpr=0.95) > 0.6
    True
    """
    owner = "bayes_hidden_positives_score"
    _check_fractions(hidden_frac, plain_frac, owner)
    log_easy, log_cue = log_ratios(
        X, cue=cue, easy=easy, sep=sep, owner=owner, of="make_hidden_positives"
    )
    # Shares that sum to 1 may leave less than nothing, by rounding.
    open_frac = max(1.0 - hidden_frac - plain_frac, 0.0)
    parts = ((open_frac, log_easy + log_cue), (hidden_frac, log_cue), (plain_frac, log_easy))
    terms = [np.log(share) + log_ratio for share, log_ratio in parts if share > 0]
    score = terms[0]
    for term in terms[1:]:
        score = np.logaddexp(score, term)
    return score if pos_rate is None else score + np.log(pos_rate) - np.log1p(-pos_rate)
