"""The significance of a selection: signal over the noise of the background."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.callers import outer_call
from .._utils.ranges import product
from .._utils.rates import check_cross_sections, check_process, masses_of_processes
from .._utils.validation import (
    _invalid,
    check_binary_labels,
    check_budget,
    check_finite,
    check_option,
    check_positive,
    check_ranking,
    check_weights,
)
from ._ranking import CountedRows, Cut

KINDS = ("simple", "asimov")

# Numbers of events, and luminosities, whose products are floats.
MOST_EVENTS = 1e100

# Of a lesser ratio of signal to background, Asimov's difference is summed as a series.
_SMALL = 1e-4


def significance_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    budget: float | None = None,
    threshold: float | None = None,
    eps: float = 0.0,
    kind: str = "simple",
    sample_weight: ArrayLike | None = None,
    value: ArrayLike | None = None,
    process: ArrayLike | None = None,
    cross_sections: Sequence[float] | None = None,
    luminosity: float = 1.0,
    pos_label: Any = None,
) -> float:
    r"""Significance of the rows that are selected: signal over the noise of the background.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of two classes: the positives are the signal.

    y_score : array-like of shape (n_samples,)
        Scores, greater for rows to be selected earlier.

    budget : float, default=None
        What is selected, from the top, as a fraction in (0, 1] of the expected events: of
        the sum of the weights, or of the cross sections. Rows tied at the cut are shared in
        expectation.

    threshold : float, default=None
        Selects the rows whose score is at least this, in place of a budget.

    eps : float, default=0.0
        Added to the background, at least 0, in events.

    kind : {"simple", "asimov"}, default="simple"
        Formula, see Notes.

    sample_weight : array-like of shape (n_samples,), default=None
        How many events each row stands for.

    value : array-like of shape (n_samples,), default=None
        What each row of the signal is worth, at least 0; entries of the background are not
        used. The signal is then the sum of the values.

    process : array-like of shape (n_samples,), default=None
        Number of each row's process, from 0 on; only with `cross_sections`.

    cross_sections : sequence of float, default=None
        The cross section of each process: entry k is that of process k. The rows of a
        process share ``cross_sections[k] * luminosity`` events by their weight.

    luminosity : float, default=1.0
        Events per cross section, greater than 0; only with `cross_sections`.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it the labels must be {0, 1} or
        {-1, 1}, and 1 is positive.

    Returns
    -------
    score : float
        At least 0; greater is better. Infinite where signal is selected, no background is,
        and `eps` is 0; 0 where nothing is selected.

    Raises
    ------
    ValueError
        If not exactly one of `budget` and `threshold` is given, if a parameter is out of its
        range, if the lengths differ, if a score is not finite, if `y_true` does not have two
        classes, if a weight is negative (the significance of negative weights can fall as
        signal is added), or if a process has no cross section.

    See Also
    --------
    make_significance_scorer : The same as a scorer for model selection.
    SignificanceDisplay : At all thresholds, as a picture.
    coverage_at_budget_score : The share of the positives that a budget catches.

    Notes
    -----
    With the signal :math:`S` and the background :math:`B` that are selected, in events, and
    :math:`b = B + \varepsilon`, the score is

    - simple: :math:`S / \sqrt{b}`,
    - Asimov [1]_: :math:`\sqrt{2 ((S + b) \log(1 + S / b) - S)}`, the median significance of
      a discovery. It is the lesser of the two, and nearly the same where :math:`S \ll b`.

    Without an `eps`, a cut above the last row of the background has an infinite score, which
    says more about the number of rows than about the model. Pass the number of events below
    which the background is not to be trusted.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross and O. Vitells (2011). Asymptotic formulae for
       likelihood-based tests of new physics. European Physical Journal C 71, 1554.

    Examples
    --------
    >>> from skbudget.metrics import significance_score
    >>> y_true = [0, 0, 1, 0, 1, 0, 0, 1, 0, 0]
    >>> y_score = [0.1, 0.3, 0.9, 0.8, 0.7, 0.2, 0.4, 0.3, 0.5, 0.6]
    >>> significance_score(y_true, y_score, budget=0.3)
    2.0
    >>> round(significance_score(y_true, y_score, threshold=0.7, kind="asimov"), 3)
    1.61

    Two backgrounds that are generated alike and occur a hundred times as often:

    >>> process = [1, 1, 0, 2, 0, 2, 1, 0, 2, 2]
    >>> about = {"process": process, "cross_sections": [0.1, 1.0, 100.0], "luminosity": 3000.0}
    >>> round(significance_score(y_true, y_score, threshold=0.7, **about), 3)
    0.73
    """
    owner = "significance_score"
    if (budget is None) == (threshold is None):
        raise ValueError(
            f"{owner} needs either budget or threshold, which say what is selected: got "
            f"budget={budget!r} and threshold={threshold!r}."
        )
    if budget is not None:
        budget = check_budget(budget, owner)
    else:
        threshold = check_finite(threshold, "threshold", owner)
    eps, kind = check_formula(eps, kind, owner)
    events = check_events(
        y_true,
        y_score,
        sample_weight=sample_weight,
        value=value,
        process=process,
        cross_sections=cross_sections,
        luminosity=luminosity,
        pos_label=pos_label,
        owner=owner,
    )
    if budget is None:
        narrow = getattr(y_score, "dtype", None)
        if narrow in (np.float16, np.float32):
            # As NumPy compares such scores with a number.
            with np.errstate(over="ignore"):
                threshold = float(np.dtype(narrow).type(threshold))
        # Every score that is at least the threshold, and nothing of the next one below.
        cut = Cut(math.nextafter(float(threshold), -math.inf), 0.0)  # type: ignore[arg-type]
    else:
        everything = CountedRows(events.scores, events.mass).in_range()
        cut = everything.cut(budget * everything.total)
    signal = events.of(events.positive, events.worth).taken(cut)
    background = events.of(~events.positive, events.mass).taken(cut)
    found = float(significance(np.array([signal]), np.array([background + eps]), kind)[0])
    if math.isinf(found):
        outer_call().warn_once(
            f"{owner} is infinite: the selection holds no background, and every such selection "
            "counts as the best one. Pass eps, events of the background to be added, to tell them "
            "apart.",
            UserWarning,
            "infinite_significance",
        )
    return found


class Events(NamedTuple):
    """Rows with what they stand for, in events."""

    positive: NDArray[np.bool_]
    scores: NDArray[np.float64]
    mass: NDArray[np.float64]
    worth: NDArray[np.float64]  # of the signal; the mass without values

    def of(self, rows: NDArray[np.bool_], counts: NDArray[np.float64]) -> CountedRows:
        """Return some of the rows, with what they count for."""
        return CountedRows(self.scores[rows], counts[rows])


def check_formula(eps: Any, kind: Any, owner: str) -> tuple[float, str]:
    """Return what is added to the background, and the name of the formula, checked."""
    check_option(kind, "kind", KINDS, owner)
    return check_positive(eps, "eps", owner, minimum=0, maximum=MOST_EVENTS), kind


def check_rates(cross_sections: Any, luminosity: Any, owner: str) -> Any:
    """Return cross sections as a tuple, None without, if they and the luminosity are right."""
    sections = check_cross_sections(cross_sections, owner)
    check_positive(luminosity, "luminosity", owner, maximum=MOST_EVENTS, minimum=1 / MOST_EVENTS)
    if sections is None and luminosity != 1.0:
        raise _invalid(
            "luminosity",
            luminosity,
            owner,
            "1.0 without cross_sections",
            " It multiplies cross_sections, and there are none: multiply sample_weight instead.",
        )
    return sections


def check_events(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None,
    value: ArrayLike | None,
    process: ArrayLike | None,
    cross_sections: Any,
    luminosity: Any,
    pos_label: Any,
    owner: str,
) -> Events:
    """Check the rows, and return them with what they stand for.

    Raises
    ------
    ValueError
        As `significance_score`.
    """
    sections = check_rates(cross_sections, luminosity, owner)
    positive = check_binary_labels(
        y_true, pos_label=pos_label, consistent_with=[y_score, sample_weight, value, process]
    )
    scores = check_ranking(y_score)
    weight = check_weights(sample_weight, scores.size)
    worths = check_weights(value, scores.size, "value")
    if (process is None) != (sections is None):
        given, missing = ("process", "cross_sections")
        if process is None:
            given, missing = missing, given
        raise ValueError(f"{owner} was given {given}, which needs {missing}: pass both.")
    mass = np.ones(scores.size) if weight is None else weight
    if process is not None:
        numbers = check_process(process, len(sections), owner)
        mass = float(luminosity) * masses_of_processes(numbers, mass, sections)
    if not (mass[positive].any() and mass[~positive].any()):
        lost = "background" if mass[positive].any() else "signal"
        raise ValueError(
            f"{owner} needs signal and background, and all {lost} has weight zero: see "
            f"{'sample_weight' if process is None else 'cross_sections and sample_weight'}."
        )
    if mass.sum() > MOST_EVENTS:
        raise ValueError(
            f"{owner} was given {mass.sum():g} events, and takes {MOST_EVENTS:g} at most: divide "
            f"{'sample_weight' if process is None else 'luminosity'} by a constant."
        )
    worth = mass
    if worths is not None:
        products, exponent = product(mass, worths)
        with np.errstate(over="ignore"):
            worth = np.ldexp(products, exponent)
        total = worth[positive].sum()
        if not 0 < total <= MOST_EVENTS:
            what = "have no value" if total == 0 else f"have values that add up to {total:g}"
            raise ValueError(
                f"The positives {what}: {owner} needs a sum greater than 0 and of at most "
                f"{MOST_EVENTS:g}."
            )
    return Events(positive, scores, mass, worth)


def significance(
    signal: NDArray[np.float64], background: NDArray[np.float64], kind: str
) -> NDArray[np.float64]:
    """Return the significance; infinite over no background, and 0 of no signal.

    Parameters
    ----------
    signal, background : ndarray of shape (n,)
        Events, at least 0.
    kind : {"simple", "asimov"}
        Formula.

    Returns
    -------
    significance : ndarray of shape (n,)
    """
    found = np.where(signal > 0, np.inf, 0.0)
    has_both = (signal > 0) & (background > 0)
    s, b = signal[has_both], background[has_both]
    if kind == "simple":
        found[has_both] = s / np.sqrt(b)
        return found
    # In units of the background, so that no product is out of range.
    ratio = s / b
    with np.errstate(over="ignore"):
        exact = (1.0 + ratio) * np.log1p(ratio) - ratio
        # The root of twice the series: the square of the ratio may be less than any float.
        series = ratio * np.sqrt(1.0 - ratio / 3.0 + ratio**2 / 6.0)
    small = ratio < _SMALL
    found[has_both] = np.where(small, series, np.sqrt(2.0 * np.maximum(exact, 0.0))) * np.sqrt(b)
    return found
