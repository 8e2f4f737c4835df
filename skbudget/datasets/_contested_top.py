"""A contested top on a table of noise, and the best possible score for it."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils._param_validation import validate_params

from .._utils.naming import naming
from .._utils.seeds import check_random_state
from ._limits import Within, fitting
from ._roles import (
    FRACTION_CONSTRAINT,
    MAGNITUDE_CONSTRAINT,
    MIN_PER_CLASS,
    POS_RATE_CONSTRAINT,
    assign_roles,
    check_fractions,
    draw_labels,
    shuffle_rows,
)
from ._transformer import (
    CUE_CONSTRAINT,
    CUE_FEATURES,
    EASY_FEATURES,
    ContestedTopTransformer,
)

# Entries of a table are noise and signals, and the score multiplies them by a signal.
_GREATEST_ENTRY = 1e30

MIN_FEATURES = max(*EASY_FEATURES, *CUE_FEATURES) + 1

_GEOMETRY_CONSTRAINTS = {
    "cue": CUE_CONSTRAINT,
    "decoy_frac": FRACTION_CONSTRAINT,
    "confounder_frac": FRACTION_CONSTRAINT,
    "easy": MAGNITUDE_CONSTRAINT,
    "sep": MAGNITUDE_CONSTRAINT,
}


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
def make_contested_top(
    n_samples: int = 150_000,
    *,
    pos_rate: float = 0.0015,
    cue: str = "product",
    decoy_frac: float = 0.012,
    confounder_frac: float = 0.0,
    easy: float = 2.5,
    sep: float = 1.7,
    n_features: int = 20,
    random_state: int | np.random.RandomState | None = None,
    return_roles: bool = False,
) -> tuple[NDArray, ...]:
    """Generate a rare class whose top of the ranking is contested by decoys.

    The features are independent and standard normal. Positives and decoys
    stand out by ``easy`` on features 0, 1 and 2, so that any model ranks both
    at the top. A cue of size ``sep`` on features 5 and 6 tells the positives
    from the decoys. See :class:`ContestedTopTransformer` for the forms of the
    cue and the signals of each role.

    Parameters
    ----------
    n_samples : int, default=150_000
        Number of rows, at least 16.
    pos_rate : float, default=0.0015
        Share of positives, in (0, 1). Their number is exact,
        ``round(pos_rate * n_samples)``, with at least 8 rows of each class.
    cue : {'linear', 'product', 'radial'}, default='product'
        Form of the cue.
    decoy_frac : float, default=0.012
        Share of the negatives that carry the easy signal, in [0, 1).
    confounder_frac : float, default=0.0
        Share of the negatives that carry the cue without the easy signal, in
        [0, 1). The two shares must sum to less than 1.
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
        0 bulk, 1 positive, 2 decoy, 3 confounder. Only if ``return_roles``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, the shares sum to 1 or more, or the table
        does not fit in memory.

    See Also
    --------
    bayes_contested_top_score : The best ranking of such a table.
    make_hard_bulk : A table whose difficulty is spread over the whole ranking.
    make_hidden_positives : The mirror image, whose bottom of the ranking is contested.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import make_contested_top
    >>> X, y, roles = make_contested_top(20_000, random_state=0, return_roles=True)
    >>> X.shape, np.bincount(y), np.bincount(roles)
    ((20000, 20), array([19970,    30]), array([19730,    30,   240]))
    >>> [round(float(X[roles == role, :3].mean()), 1) for role in (1, 2)]
    [2.5, 2.5]
    """
    check_fractions(decoy_frac, confounder_frac, "make_contested_top")
    rng = check_random_state(random_state)
    with fitting("make_contested_top", n_samples, n_features, n_features=n_features):
        y = draw_labels(n_samples, pos_rate, rng)
        roles = assign_roles(y == 1, decoy_frac, confounder_frac, rng)
        noise = rng.standard_normal((n_samples, n_features)).astype(np.float32)
        contest = ContestedTopTransformer(
            cue=cue, easy=easy, sep=sep, role_column=-1, scale=None, random_state=rng
        )
        X = contest.fit_transform(np.column_stack([noise, roles]))
        X, y, roles = shuffle_rows(rng, X, y, roles)
    return (X, y, roles) if return_roles else (X, y)


def _log_cosh(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.logaddexp(z, -z) - np.log(2.0)


def _cue_log_ratio(cue_values: NDArray[np.float64], cue: str, sep: float) -> NDArray[np.float64]:
    """Return the log density ratio of cue features with the cue to those without.

    The random signs average out into hyperbolic cosines.
    """
    if cue == "linear":
        tilt = sep * cue_values.sum(axis=1)
    elif cue == "product":
        tilt = _log_cosh(sep * cue_values.sum(axis=1))
    else:
        tilt = _log_cosh(sep * cue_values).sum(axis=1)
    return tilt - 0.5 * sep**2 * cue_values.shape[1]


def log_ratios(
    X: ArrayLike, *, cue: str, easy: float, sep: float, owner: str, of: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the log density ratios of the easy signal and of the cue to noise, row by row.

    ``owner`` is the function that the user called, and ``of`` the generator of its rows.
    """
    with naming("X"):
        rows: NDArray = check_array(
            X,
            dtype=[np.float64, np.float32],
            ensure_min_features=MIN_FEATURES,
            estimator=owner,
            input_name="X",
        )
    greatest = max(float(rows.max()), -float(rows.min()))
    if greatest > _GREATEST_ENTRY:
        raise ValueError(
            f"X has entries as large as {greatest:g}, and {of} makes none above "
            f"{_GREATEST_ENTRY:g}: the score would not be a number."
        )
    easy_values = rows[:, EASY_FEATURES].astype(np.float64)
    log_easy = easy * easy_values.sum(axis=1) - 0.5 * easy**2 * len(EASY_FEATURES)
    return log_easy, _cue_log_ratio(rows[:, CUE_FEATURES].astype(np.float64), cue, sep)


@validate_params(
    {
        **_GEOMETRY_CONSTRAINTS,
        "X": ["array-like"],
        "pos_rate": [*POS_RATE_CONSTRAINT, None],
    },
    prefer_skip_nested_validation=True,
)
def bayes_contested_top_score(
    X: ArrayLike,
    *,
    cue: str = "product",
    pos_rate: float | None = None,
    decoy_frac: float = 0.012,
    confounder_frac: float = 0.0,
    easy: float = 2.5,
    sep: float = 1.7,
) -> NDArray[np.float64]:
    r"""Score rows of :func:`make_contested_top` by their log likelihood ratio.

    No score covers more positives in expectation, at any budget (the
    Neyman-Pearson lemma [1]_). The coverage of this score is therefore the
    ceiling for any model.

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
    decoy_frac, confounder_frac : float, default=0.012 and 0.0
        Shares of decoys and confounders among the negatives.
    easy, sep : float, default=2.5 and 1.7
        Sizes of the easy signal and of the cue.

    Returns
    -------
    score : ndarray of shape (n_samples,), dtype=float64
        The log likelihood ratio of a positive against the mixture of
        negatives, in nats. With `pos_rate`, the log posterior odds.

    Raises
    ------
    ValueError
        If a parameter is outside its range, the shares sum to 1 or more, or
        `X` has fewer than 7 features or entries that no such table has.

    See Also
    --------
    make_contested_top : Generates the rows.

    Notes
    -----
    Relative to the density of a bulk row, the easy signal multiplies it by
    :math:`E = \exp(a \sum_{j<3} x_j - 3a^2/2)` with :math:`a` = ``easy``, and
    the cue, with :math:`s` = ``sep``, by :math:`C = e^{-s^2} T`, where

    - linear: :math:`T = \exp(s (x_5 + x_6))`,
    - product: :math:`T = \cosh(s (x_5 + x_6))`,
    - radial: :math:`T = \cosh(s x_5) \cosh(s x_6)`.

    With shares :math:`d` and :math:`c` of decoys and confounders, the score
    is :math:`\log E C - \log((1 - d - c) + d E + c C)`, all in logarithms.

    The table shows the coverage of this score for the default geometry, the
    most that any model can reach. It is the mean over 40 tables of 300 000
    rows (450 positives). The standard deviation over tables is 0.012 to 0.018
    in the top 0.5 %.

    ======= ========= =======
    cue     top 0.5 % top 1 %
    ======= ========= =======
    linear  0.934     0.980
    product 0.875     0.948
    radial  0.828     0.932
    ======= ========= =======

    References
    ----------
    .. [1] J. Neyman, E. S. Pearson (1933). On the problem of the most
       efficient tests of statistical hypotheses. Philosophical Transactions
       of the Royal Society A 231, 289-337.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import bayes_contested_top_score, make_contested_top
    >>> X, y = make_contested_top(50_000, random_state=0)
    >>> score = bayes_contested_top_score(X)
    >>> top = np.argsort(-score)[:250]
    >>> float(y[top].sum() / y.sum()) > 0.8
    True
    """
    check_fractions(decoy_frac, confounder_frac, "bayes_contested_top_score")
    log_easy, log_cue = log_ratios(
        X, cue=cue, easy=easy, sep=sep, owner="bayes_contested_top_score", of="make_contested_top"
    )
    log_negative = np.full(log_easy.size, np.log1p(-(decoy_frac + confounder_frac)))
    for share, log_ratio in ((decoy_frac, log_easy), (confounder_frac, log_cue)):
        if share > 0:
            log_negative = np.logaddexp(log_negative, np.log(share) + log_ratio)
    score = log_easy + log_cue - log_negative
    return score if pos_rate is None else score + np.log(pos_rate) - np.log1p(-pos_rate)
