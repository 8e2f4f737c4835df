"""Events on the way to a rare one, each of which needs the one before, and the best score."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.utils._param_validation import InvalidParameterError, validate_params

from .._utils.naming import naming
from .._utils.seeds import check_random_state
from ._limits import Within, fitting

__all__ = ["make_milestones"]

# The features that interest and last step depend on.
N_CUES: Final = 10

_RATES = "a sequence of decreasing numbers in (0, 1), such as (0.2, 0.05, 0.01)"


@validate_params(
    {
        "n_samples": [Within(Integral, 16, None, closed="left")],
        "shared": [Within(Real, -1, 1, closed="both")],
        "strength": [Within(Real, 0, 50, closed="both")],
        "n_features": [Within(Integral, N_CUES, None, closed="left")],
        "random_state": ["random_state"],
        "return_proba": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_milestones(
    n_samples: int = 20_000,
    *,
    rates: Sequence[float] = (0.2, 0.1, 0.04, 0.005),
    shared: float = 1.0,
    strength: float = 1.5,
    n_features: int = 20,
    random_state: int | np.random.RandomState | None = None,
    return_proba: bool = False,
) -> tuple[NDArray, ...]:
    r"""Generate nested events of growing rarity: click, dwell, cart, purchase.

    Each event needs the one before, and the last one is what counts. The features are
    independent and standard normal, and the events depend on the first ten, through two cues
    that no linear model sees in full:

    .. math::
        f(x) = (x_0 x_1 + x_2 x_3 + x_4) / \sqrt 3, \qquad
        g(x) = (x_5 x_6 + x_7 x_8 + x_9) / \sqrt 3

    A row in which the event before has happened goes on with the probability
    :math:`\sigma(a f(x) + b_k)`, and at the last step with
    :math:`\sigma(a (\rho f(x) + \sqrt{1 - \rho^2}\, g(x)) + b_K)`. With :math:`\rho = 1` a model
    of the common events learns what the rare one depends on. With :math:`\rho = -1` whoever
    comes far rarely takes the last step, as where a title promises too much.

    Parameters
    ----------
    n_samples : int, default=20_000
        Number of rows, at least 16.
    rates : sequence of float, default=(0.2, 0.1, 0.04, 0.005)
        Shares of rows that reach each event, decreasing, in (0, 1). The rows of a table reach
        them in expectation.
    shared : float, default=1.0
        How far the last step depends on what the others depend on, :math:`\rho` in [-1, 1].
    strength : float, default=1.5
        How much an event depends on its cue, :math:`a` in [0, 50].
    n_features : int, default=20
        Number of features, at least 10. Those after the tenth are noise.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same table at every call.
    return_proba : bool, default=False
        Whether to return the probability of the last event as well.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), dtype=float32
        The features.
    level : ndarray of shape (n_samples,), dtype=int64
        How many of the events have happened to a row: 0 for none, ``len(rates)`` for all.
    proba : ndarray of shape (n_samples,)
        The probability of the last event given the features: no score ranks better. Only if
        ``return_proba``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the table does not fit in memory.

    See Also
    --------
    skbudget.neural.Head : The common events as heads beside the rare one.
    make_contested_top : A table in which the top of the ranking is contested.

    Examples
    --------
    >>> from skbudget.datasets import make_milestones
    >>> X, level = make_milestones(random_state=0)
    >>> [round(float((level >= event).mean()), 3) for event in (1, 2, 3, 4)]
    [0.196, 0.1, 0.04, 0.004]
    """
    owner = "make_milestones"
    steps = _check_rates(rates, owner)
    with naming("random_state", "a whole number, a RandomState or None"):
        rng = check_random_state(random_state)
    with fitting(owner, n_samples, n_features, n_features=n_features):
        X = rng.standard_normal((n_samples, n_features)).astype(np.float32)
        interest, own = _cue(X, 0), _cue(X, 5)
        reached = np.ones(n_samples)
        level = np.zeros(n_samples, dtype=np.int64)
        on_the_way = np.ones(n_samples, dtype=bool)
        for number, rate in enumerate(steps):
            cue = interest
            if number == len(steps) - 1:
                cue = shared * interest + np.sqrt(1.0 - shared**2) * own
            step = _step(strength * cue, reached, rate)
            reached = reached * step
            on_the_way &= rng.random_sample(n_samples) < step
            level += on_the_way
    return (X, level, reached) if return_proba else (X, level)


def _check_rates(rates: Any, owner: str) -> list[float]:
    """Return the rates as numbers."""
    try:
        found = np.asarray(rates)
    except ValueError:
        found = np.array(None)
    valid = found.ndim == 1 and found.size > 0 and found.dtype.kind == "f"
    if not valid or not (np.isfinite(found).all() and (np.diff(found, prepend=1.0) < 0).all()):
        valid = False
    if not valid or not found[-1] > 0:
        raise InvalidParameterError(
            f"The 'rates' parameter of {owner} must be {_RATES}. Got {rates!r} instead."
        )
    return [float(rate) for rate in found]


def _cue(X: NDArray[np.float32], first: int) -> NDArray[np.float64]:
    a, b, c, d, e = X[:, first : first + 5].T.astype(np.float64)
    return (a * b + c * d + e) / np.sqrt(3.0)


def _step(
    signal: NDArray[np.float64], reached: NDArray[np.float64], rate: float
) -> NDArray[np.float64]:
    """Return probabilities of going on, by which so many rows get there in expectation."""

    def excess(constant: float) -> float:
        return float(np.log(np.mean(reached * expit(signal + constant))) - np.log(rate))

    # Far enough for any rate that is a float, and any signal.
    most = 1e3 + float(np.abs(signal).max())
    if excess(most) < 0:
        return np.ones(signal.size)
    with np.errstate(divide="ignore"):
        least = -60.0 - most
        constant = brentq(lambda c: max(excess(c), -1e3), least, most, xtol=1e-10)
    return expit(signal + constant)
