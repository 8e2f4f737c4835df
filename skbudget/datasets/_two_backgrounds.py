"""A rare signal between two backgrounds, of which one occurs a hundred times as often."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.utils import check_array
from sklearn.utils._param_validation import InvalidParameterError, validate_params

from .._utils.naming import naming
from .._utils.rates import check_cross_sections, masses_of_processes
from .._utils.seeds import check_random_state
from ._limits import Within, fitting
from ._roles import MIN_PER_CLASS, shuffle_rows

__all__ = ["bayes_two_backgrounds_score", "make_two_backgrounds"]

# Means of the signal and of the two backgrounds, in this order: the numbers of the processes.
MEANS = np.array([[4.0, 7.0], [2.0, 5.0], [2.0, 10.0]])

# Cross sections of the three, in femtobarn.
CROSS_SECTIONS = {1: (0.1, 1.0, 100.0), 2: (0.1, 100.0, 1.0)}
LUMINOSITY = 3000.0

# Entries of rows that squares of distances are floats of.
_GREATEST_ENTRY = 1e6

_RATES = {"case": [Within(Integral, 1, 2, closed="both")], "cross_sections": ["array-like", None]}


@validate_params(
    {
        **_RATES,
        "n_samples": [Within(Integral, 3 * MIN_PER_CLASS, None, closed="left")],
        "luminosity": [Within(Real, 1e-18, 1e18, closed="both")],
        "random_state": ["random_state"],
        "return_process": ["boolean"],
        "return_weight": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_two_backgrounds(
    n_samples: int = 150_000,
    *,
    case: int = 1,
    cross_sections: Sequence[float] | None = None,
    luminosity: float = LUMINOSITY,
    random_state: int | np.random.RandomState | None = None,
    return_process: bool = False,
    return_weight: bool = False,
) -> tuple[NDArray, ...]:
    """Generate a signal between two backgrounds that occur at very different rates [1]_.

    Three processes in two features, each normal with standard deviation 1 around its mean,
    and each with a third of the rows. What a row stands for differs from process to process:

    ======= ============ ======= ========================= =========================
    process what it is   mean    cross section in case 1   cross section in case 2
    ======= ============ ======= ========================= =========================
    0       signal       (4, 7)  0.1                       0.1
    1       background   (2, 5)  1                         100
    2       background   (2, 10) 100                       1
    ======= ============ ======= ========================= =========================

    The two cases have the same rows, and ask for different models.

    Parameters
    ----------
    n_samples : int, default=150_000
        Number of rows, at least 24. Each process has a third of them, up to one row.
    case : {1, 2}, default=1
        Which background is the heavy one: 1 for process 2, 2 for process 1.
    cross_sections : sequence of 3 floats, default=None
        Cross sections of the three processes, in place of those of the case.
    luminosity : float, default=3000.0
        Events per cross section.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same table at every call. The rows of one seed do not depend
        on the case.
    return_process : bool, default=False
        Whether to return the process of each row.
    return_weight : bool, default=False
        Whether to return how many events each row stands for.

    Returns
    -------
    X : ndarray of shape (n_samples, 2), dtype=float32
        The features.
    y : ndarray of shape (n_samples,), dtype=int64
        1 for the signal.
    process : ndarray of shape (n_samples,), dtype=int64
        0, 1 or 2. Only if ``return_process``.
    weight : ndarray of shape (n_samples,), dtype=float64
        Cross section times luminosity over the number of rows of the process. Only if
        ``return_weight``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the table does not fit in memory.

    See Also
    --------
    bayes_two_backgrounds_score : The best score of these rows.
    make_contested_top : A table whose top is contested.

    Notes
    -----
    The means are not in [1]_. They were read from the figures of its authors.

    References
    ----------
    .. [1] J. Bardhan, C. Neeraj, S. Mitra and T. Mandal (2024). A loss function for the
       signal significance. arXiv:2412.09500.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import make_two_backgrounds
    >>> X, y, process, weight = make_two_backgrounds(
    ...     3_000, case=1, random_state=0, return_process=True, return_weight=True
    ... )
    >>> X.shape, np.bincount(process)
    ((3000, 2), array([1000, 1000, 1000]))
    >>> np.bincount(process, weight).round()
    array([   300.,   3000., 300000.])
    """
    sections = _sections(case, cross_sections, "make_two_backgrounds")
    rng = check_random_state(random_state)
    with fitting("make_two_backgrounds", n_samples, 2):
        process = np.arange(n_samples) % 3
        X = (rng.standard_normal((n_samples, 2)) + MEANS[process]).astype(np.float32)
    X, process = shuffle_rows(rng, X, process)
    y = (process == 0).astype(np.int64)
    found: tuple[NDArray, ...] = (X, y)
    if return_process:
        found = (*found, process.astype(np.int64))
    if return_weight:
        events = tuple(luminosity * section for section in sections)
        found = (*found, masses_of_processes(process, np.ones(n_samples), events))
    return found


@validate_params({**_RATES, "X": ["array-like"]}, prefer_skip_nested_validation=True)
def bayes_two_backgrounds_score(
    X: ArrayLike, *, case: int = 1, cross_sections: Sequence[float] | None = None
) -> NDArray[np.float64]:
    """Score rows of :func:`make_two_backgrounds` by their log likelihood ratio.

    No selection of as many background events keeps more signal, so none has a greater
    significance at that number.

    Parameters
    ----------
    X : array-like of shape (n_samples, 2)
        Rows of such a table.
    case : {1, 2}, default=1
        Which background is the heavy one, see `make_two_backgrounds`.
    cross_sections : sequence of 3 floats, default=None
        Cross sections of the three processes, in place of those of the case.

    Returns
    -------
    score : ndarray of shape (n_samples,), dtype=float64
        The log of the density of the signal over that of the backgrounds, mixed by their
        cross sections, in nats.

    Raises
    ------
    ValueError
        If a parameter is outside its range, both backgrounds have a cross section of 0, or
        `X` does not have two columns of entries up to a million.

    See Also
    --------
    make_two_backgrounds : Generates the rows.

    Examples
    --------
    >>> from skbudget.datasets import bayes_two_backgrounds_score
    >>> bayes_two_backgrounds_score([[4.0, 7.0], [2.0, 10.0]], case=1).round(2)
    array([ 6.39, -6.49])
    """
    owner = "bayes_two_backgrounds_score"
    backgrounds = np.array(_sections(case, cross_sections, owner)[1:])
    if not backgrounds.any():
        raise InvalidParameterError(
            f"The 'cross_sections' parameter of {owner} must be greater than 0 for one of the two "
            f"backgrounds. Got {cross_sections!r} instead."
        )
    with naming("X"):
        rows: NDArray = check_array(X, dtype=np.float64, estimator=owner, input_name="X")
    if rows.shape[1] != 2:
        raise ValueError(f"X must have 2 columns, as make_two_backgrounds makes: got {rows.shape}.")
    if np.abs(rows).max() > _GREATEST_ENTRY:
        raise ValueError(
            f"X has entries as large as {np.abs(rows).max():g}, and make_two_backgrounds makes "
            f"none above {_GREATEST_ENTRY:g}: the score would not be exact."
        )
    logs = -0.5 * ((rows[:, None, :] - MEANS) ** 2).sum(axis=2)
    shares = backgrounds / backgrounds.sum()
    return logs[:, 0] - logsumexp(logs[:, 1:], axis=1, b=shares)


def _sections(case: int, cross_sections: Sequence[float] | None, owner: str) -> tuple[float, ...]:
    """Return the cross sections of the three processes."""
    given = check_cross_sections(cross_sections, owner)
    if given is None:
        return CROSS_SECTIONS[int(case)]
    if len(given) != len(MEANS) or max(given) > 1e18:
        raise InvalidParameterError(
            f"The 'cross_sections' parameter of {owner} must be None or three numbers in the range "
            f"[0, 1e18], those of the signal and of the two backgrounds. Got {cross_sections!r} "
            "instead."
        )
    return given
