"""The number of positives that a comparison or an estimate of coverage needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri

from ..._utils.validation import check_budget, check_fraction, check_option
from .._ranking import whole_rows
from ._closed_forms import two_sided_quantile

# More rows than anybody has. Beyond 2**53 a count could not be told from its neighbours.
MOST_ROWS = 1e15


@dataclass(frozen=True)
class CoverageSampleSize:
    """The numbers of rows to collect.

    Parameters
    ----------
    n_positives : int
        Positives needed.
    n_samples : int or None
        Rows among which that many positives are expected, if `pos_rate` was given.
    n_reviewed : int or None
        How many of these rows the budget reviews, if `budget` was given.

    See Also
    --------
    coverage_sample_size : The function that returns it.
    """

    n_positives: int
    n_samples: int | None = None
    n_reviewed: int | None = None


def coverage_sample_size(
    coverage: float,
    *,
    lift: float | None = None,
    half_width: float | None = None,
    discordance: float | None = None,
    power: float = 0.8,
    confidence_level: float = 0.95,
    alternative: str = "two-sided",
    pos_rate: float | None = None,
    budget: float | None = None,
) -> CoverageSampleSize:
    """Number of positives needed to detect a lift, or to estimate one model's coverage.

    Parameters
    ----------
    coverage : float
        Coverage of the baseline, or of the single model, a fraction in (0, 1).

    lift : float, default=None
        Difference in coverage to detect between two models on the same rows, in
        (0, 1 - `coverage`]. Give either this or `half_width`.

    half_width : float, default=None
        Half of the greatest width that the interval for a single model's coverage may
        have, a fraction in (0, 0.5).

    discordance : float, default=None
        Share of the positives that one of the two models catches and the other one misses;
        at least `lift`. Models trained on the same rows agree on most positives; a
        :func:`coverage_difference_test` on pilot data shows on how many. The default is
        the discordance of models whose catches are independent. It asks for the most
        positives unless one model catches what the other one misses. Only with `lift`.

    power : float, default=0.8
        Probability that the test detects the lift, in (0, 1) and greater than the level of
        the test, ``1 - confidence_level``. Only with `lift`.

    confidence_level : float, default=0.95
        The level of the interval, or one minus the level of the test, in (0, 1).

    alternative : {"two-sided", "greater"}, default="two-sided"
        Whether the test is for any difference or for a lift only. The latter takes a fifth
        fewer positives at the defaults. Only with `lift`.

    pos_rate : float, default=None
        Share of positives among the rows to be collected, in (0, 1).

    budget : float, default=None
        What can be reviewed, as a fraction of all rows in (0, 1]. Needs `pos_rate`.

    Returns
    -------
    size : CoverageSampleSize

    Raises
    ------
    ValueError
        If a parameter is out of its range, if both or neither of `lift` and `half_width` are
        given, if the power is no greater than the level, if the discordance is impossible at
        these coverages, or if the coverage is impossible at that budget and rate of positives.

    See Also
    --------
    coverage_difference_test : The test that the number is for.
    bootstrap_ci : The interval, with ``method="wilson"``.

    Notes
    -----
    For a lift the number is the sample size of McNemar's test [1]_: with discordance ``d``,
    lift ``l`` and the normal quantiles ``z`` of level and power,
    ``n = (z_level * sqrt(d) + z_power * sqrt(d - l**2))**2 / l**2``, rounded up. For
    a half width it is the size at which Wilson's interval is that narrow.

    Both take the cut as known. In fact it is found on the same rows, which adds little
    uncertainty as long as the budget reviews more negatives than there are positives.

    The number of positives among ``n_samples`` rows varies. If you can, collect rows until
    there are ``n_positives`` positives, rather than ``n_samples`` rows.

    References
    ----------
    .. [1] Miettinen, O. S. (1968). The matched pairs design in the case of all-or-none
       responses. Biometrics, 24(2), 339-352.

    Examples
    --------
    To detect a rise in coverage from 0.60 to 0.65:

    >>> from skbudget.metrics import coverage_sample_size
    >>> coverage_sample_size(0.6, lift=0.05, discordance=0.15, pos_rate=0.003, budget=0.005)
    CoverageSampleSize(n_positives=469, n_samples=156334, n_reviewed=782)

    Two unrelated models need three times as many:

    >>> coverage_sample_size(0.6, lift=0.05).n_positives
    1474

    To estimate one model's coverage to within 0.05:

    >>> coverage_sample_size(0.6, half_width=0.05).n_positives
    366
    """
    owner = "coverage_sample_size"
    coverage = check_fraction(coverage, "coverage", owner)
    confidence_level = check_fraction(confidence_level, "confidence_level", owner)
    power = check_fraction(power, "power", owner)
    if lift is not None:
        lift = check_fraction(lift, "lift", owner)
    if half_width is not None:
        half_width = check_fraction(half_width, "half_width", owner)
    if (lift is None) == (half_width is None):
        raise ValueError(
            f"{owner} needs a lift or a half_width, and not both. Got lift={lift!r} and "
            f"half_width={half_width!r}."
        )
    if pos_rate is not None:
        pos_rate = check_fraction(pos_rate, "pos_rate", owner)
    if budget is not None:
        budget = check_budget(budget, owner)
        if pos_rate is None:
            raise ValueError(
                "A budget is a fraction of all rows and needs pos_rate too. Got "
                f"pos_rate=None beside budget={budget!r}."
            )
    check_option(alternative, "alternative", ("two-sided", "greater"), owner)
    one_sided = alternative == "greater"
    if one_sided and lift is None:
        raise ValueError("alternative='greater' is for a test: give it with lift.")
    z = float(ndtri(confidence_level)) if one_sided else two_sided_quantile(confidence_level)
    if lift is not None:
        if power <= 1.0 - confidence_level:
            raise ValueError(
                f"power must be greater than the level of the test, 1 - confidence_level, which "
                f"is {1.0 - confidence_level:g}: got power={power!r} and confidence_level="
                f"{confidence_level!r}. A test without any data detects that often."
            )
        _check_lift(lift, coverage)
        highest = coverage + lift
        n = _paired_size(coverage, lift, discordance, z, float(ndtri(power)), owner)
    else:
        if discordance is not None:
            raise ValueError("discordance is for two models: give it with lift.")
        highest = coverage
        assert half_width is not None
        if half_width >= 0.5:
            raise ValueError(f"half_width must be less than 0.5: got {half_width}.")
        n = _wilson_size(coverage, half_width, z)
    wanted = f"lift={lift!r}" if half_width is None else f"half_width={half_width!r}"
    n_positives = _whole(n, "positives", wanted)
    if pos_rate is None:
        return CoverageSampleSize(n_positives)

    n_samples = _whole(n_positives / pos_rate, "rows", f"{wanted} and pos_rate={pos_rate!r}")
    if budget is None:
        return CoverageSampleSize(n_positives, n_samples)
    if highest * pos_rate > budget * (1.0 + 1e-9):
        raise ValueError(
            f"A budget of {budget:g} covers at most {budget / pos_rate:g} of the positives when "
            f"their rate is pos_rate={pos_rate:g}: a coverage of {highest:g} is out of reach."
        )
    return CoverageSampleSize(n_positives, n_samples, whole_rows(budget, n_samples))


def _whole(number: float, what: str, wanted: str) -> int:
    """Return a number of rows, rounded up, at least one. ``wanted`` is what they are for."""
    if not number <= MOST_ROWS:
        raise ValueError(
            f"More than {MOST_ROWS:g} {what} would be needed for {wanted}: choose a greater lift, "
            "half_width or pos_rate."
        )
    # A rounding error above a whole number must not add a row.
    return max(1, math.ceil(number * (1.0 - 1e-9)))


def _check_lift(lift: float, coverage: float) -> None:
    if coverage + lift > 1.0 + 1e-9:
        raise ValueError(
            f"lift must be at most 1 - coverage, which is {1.0 - coverage:g}: got {lift:g}."
        )


def _paired_size(
    coverage: float, lift: float, discordance: Any, z: float, z_power: float, owner: str
) -> float:
    other = min(coverage + lift, 1.0)
    if discordance is None:
        discordance = coverage * (1.0 - other) + other * (1.0 - coverage)
    else:
        discordance = check_fraction(discordance, "discordance", owner)
        most = min(coverage + other, 2.0 - coverage - other)
        if not lift * (1.0 - 1e-9) <= discordance <= most * (1.0 + 1e-9):
            raise ValueError(
                f"discordance must lie in [{lift:g}, {most:g}] for coverages of {coverage:g} "
                f"and {other:g}: got {discordance:g}."
            )
    under_lift = math.sqrt(max(discordance - lift**2, 0.0))
    # Where the level is so great that the sum is negative, one positive is enough.
    needed = max(z * math.sqrt(discordance) + z_power * under_lift, 0.0) / lift
    return needed * needed


def _wilson_size(coverage: float, half_width: float, z: float) -> float:
    """Solve Wilson's half width for n: a quadratic equation with one positive root."""
    variance = coverage * (1.0 - coverage)
    linear = z**2 * (2.0 * half_width**2 - variance)
    constant = z**4 * (half_width**2 - 0.25)
    root = math.sqrt(linear**2 - 4.0 * half_width**2 * constant)
    if half_width**2 == 0.0:
        return math.inf
    return (root - linear) / (2.0 * half_width**2)
