"""One draw of negatives: at random, by popularity, the hardest, or by strata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.codes import code_labels
from .._utils.validation import (
    check_budget,
    check_fraction,
    check_option,
    check_positive,
    check_scores,
)
from ._draw import Negatives, draw_by_rate, draw_some, fill_up, read_negatives
from ._sample import NegativeSample

__all__ = ["sample_hard", "sample_popular", "sample_random", "sample_stratified"]

# A greater power would draw the most popular item alone.
_MOST_POWER = 10.0


def sample_random(
    y: ArrayLike,
    *,
    per_positive: float = 10.0,
    rate: float | None = None,
    eligible: ArrayLike | None = None,
    undo: bool = True,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NegativeSample:
    """Keep all positives, and draw negatives at random, all with the same rate.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Two labels of any kind.
    per_positive : float, default=10.0
        How many negatives are drawn per positive, if there are as many.
    rate : float, default=None
        The share of the negatives that is drawn, in (0, 1], in place of ``per_positive``.
    eligible : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that may be drawn if they are negative. No weight stands for the others: they are
        no part of the population that the sample represents.
    undo : bool, default=True
        Whether ``sample_weight`` of the sample undoes the rates.
    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows of weight zero are left out.
    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it this is 1 of {0, 1} and {-1, 1}, and True; of any
        other two labels the rarer one, with a warning.
    random_state : int, RandomState instance or None, default=None
        Draws the rows. Another draw in each epoch shows the model more of the negatives.

    Returns
    -------
    chosen : NegativeSample
        Rows, weights and `iid_mask`.

    See Also
    --------
    sample_hard : Keeps the negatives that a model ranks highest, and a random part of the rest.
    sample_stratified : Draws from each stratum with a rate of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.sampling import sample_random
    >>> y = np.repeat([0, 1], [990, 10])
    >>> chosen = sample_random(y, per_positive=9, random_state=0)
    >>> chosen.rows.size, np.unique(chosen.sample_weight)
    (100, array([ 1., 11.]))
    """
    negatives = read_negatives(
        y,
        per_positive=per_positive,
        rate=rate,
        eligible=eligible,
        undo=undo,
        sample_weight=sample_weight,
        pos_label=pos_label,
        random_state=random_state,
        owner="sample_random",
    )
    everything = np.arange(negatives.rows.size)
    drawn, found = draw_some(everything, negatives.n_drawn, negatives.draw)
    return negatives.sample(drawn, np.full(drawn.size, found))


def sample_popular(
    y: ArrayLike,
    item: ArrayLike,
    *,
    power: float = 0.75,
    max_share: float | None = None,
    per_positive: float = 10.0,
    rate: float | None = None,
    eligible: ArrayLike | None = None,
    undo: bool = True,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NegativeSample:
    """Keep all positives, and draw negatives of popular items more often, up to a cap.

    An item's share of the drawn negatives is proportional to ``count ** power``, where `count`
    is the number of rows with this item, and at most ``max_share``. No row is drawn twice, so
    that an item whose negatives are all drawn leaves the rest to the others.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Two labels of any kind.
    item : array-like of shape (n_samples,)
        What each row is about: a number or a string that names the item, customer or card.
    power : float, default=0.75
        How much popularity counts, in [0, 10]: 0 draws equally many negatives of every item,
        1 in proportion to its rows.
    max_share : float, default=None
        The greatest share of the drawn negatives that one item may have, in (0, 1]. None for no
        cap. If the caps leave too little, fewer negatives are drawn than were asked for.
    per_positive : float, default=10.0
        How many negatives are drawn per positive, if there are as many.
    rate : float, default=None
        The share of the negatives that is drawn, in (0, 1], in place of ``per_positive``.
    eligible : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that may be drawn if they are negative. No weight stands for the others.
    undo : bool, default=True
        Whether ``sample_weight`` of the sample undoes the rates.
    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows of weight zero are left out.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `sample_random`.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    chosen : NegativeSample
        Rows, weights and `iid_mask`.

    See Also
    --------
    sample_stratified : Draws from each stratum with a rate of its own.

    Notes
    -----
    The number of an item's negatives that is expected is fixed first, and gives the rate of its
    rows. Then rows are drawn by systematic sampling, items in random order and the rows of an
    item in random order. Each row is drawn with exactly its rate, and of each item the expected
    number is drawn, up to one row.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.sampling import sample_popular
    >>> y = np.repeat([0, 1], [990, 10])
    >>> item = np.where(np.arange(1000) < 900, "popular", "rare")
    >>> chosen = sample_popular(y, item, power=0.0, per_positive=9, random_state=0)
    >>> negative = y[chosen.rows] == 0
    >>> np.unique(item[chosen.rows][negative], return_counts=True)[1]
    array([45, 45])
    >>> float(round(chosen.sample_weight[negative].sum()))
    990.0
    """
    owner = "sample_popular"
    negatives = read_negatives(
        y,
        per_positive=per_positive,
        rate=rate,
        eligible=eligible,
        undo=undo,
        sample_weight=sample_weight,
        pos_label=pos_label,
        random_state=random_state,
        owner=owner,
    )
    power = check_positive(power, "power", owner, minimum=0.0, maximum=_MOST_POWER)
    cap = 1.0 if max_share is None else check_budget(max_share, owner, "max_share")
    labels, codes = code_labels(item, "item", negatives.positive.size)
    code = codes[negatives.rows]
    n_rows = np.bincount(code, minlength=labels.size)
    there = n_rows > 0
    if cap * np.count_nonzero(there) < 1.0 - 1e-9:
        raise ValueError(
            f"max_share={max_share} cannot hold: there are {np.count_nonzero(there)} items with "
            "negatives, so that one of them must have a greater share. Pass at least 1 divided by "
            "that number."
        )
    count = np.bincount(codes, minlength=labels.size)[there]
    expected = np.zeros(labels.size)
    expected[there] = fill_up(
        (count / count.max()) ** power,
        np.minimum(n_rows[there], cap * negatives.n_drawn),
        float(negatives.n_drawn),
    )
    rate_of_row = (expected / np.maximum(n_rows, 1))[code]
    drawn = draw_by_rate(rate_of_row, code, negatives.draw)
    return negatives.sample(drawn, rate_of_row[drawn])


def sample_hard(
    y: ArrayLike,
    score: ArrayLike,
    *,
    hard_share: float = 0.5,
    per_positive: float = 10.0,
    rate: float | None = None,
    eligible: ArrayLike | None = None,
    undo: bool = True,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NegativeSample:
    """Keep all positives and the negatives that a model ranks highest, and draw from the rest.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Two labels of any kind.
    score : array-like of shape (n_samples,)
        Scores of the current model, greater for what it takes for positive. Those of rows that
        it was not trained on say more.
    hard_share : float, default=0.5
        The share of the drawn negatives that are the hardest, in (0, 1). These are kept for
        certain; the others are drawn at random from the rest, which therefore is represented.
    per_positive : float, default=10.0
        How many negatives are drawn per positive, if there are as many.
    rate : float, default=None
        The share of the negatives that is drawn, in (0, 1], in place of ``per_positive``.
    eligible : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that may be drawn if they are negative. No weight stands for the others.
    undo : bool, default=True
        Whether ``sample_weight`` of the sample undoes the rates. Without it the hardest count
        for as much as any other row, and ``iid_mask`` keeps the band where it was.
    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows of weight zero are left out.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `sample_random`.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    chosen : NegativeSample
        Rows, weights and `iid_mask`.

    See Also
    --------
    sample_in_rounds : Goes from easy to hard in several rounds.
    skbudget.objectives.HardNegativeCrossEntropy : Mines anew in every step, and keeps all rows.

    Notes
    -----
    Rows that tie at the cut are broken at random, and their rate says so.

    Among the hardest negatives are positives that nobody has labelled. Cross-entropy is not
    bounded, and follows them; the sigmoid link of the band loss is.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.sampling import sample_hard
    >>> y = np.repeat([0, 1], [990, 10])
    >>> score = np.arange(1000.0)
    >>> chosen = sample_hard(y, score, per_positive=9, random_state=0)
    >>> negative = y[chosen.rows] == 0
    >>> rate = chosen.rate[negative]
    >>> int((rate == 1).sum()), int(chosen.rows[negative][rate == 1].min())
    (45, 945)
    >>> float(chosen.sample_weight[negative].sum())
    990.0
    """
    owner = "sample_hard"
    negatives = read_negatives(
        y,
        per_positive=per_positive,
        rate=rate,
        eligible=eligible,
        undo=undo,
        sample_weight=sample_weight,
        pos_label=pos_label,
        random_state=random_state,
        owner=owner,
    )
    hard_share = check_fraction(hard_share, "hard_share", owner)
    scores = check_scores(score, "score", n_samples=negatives.positive.size)[negatives.rows]
    n_rows, n_drawn = scores.size, negatives.n_drawn
    # At least one is drawn at random, unless all are kept.
    n_hard = min(round(hard_share * n_drawn), n_drawn - 1 if n_drawn < n_rows else n_drawn)
    cut = np.partition(scores, n_rows - n_hard)[n_rows - n_hard] if n_hard else np.inf
    above, tied = np.flatnonzero(scores > cut), np.flatnonzero(scores == cut)
    kept, share_of_tied = (
        draw_some(tied, n_hard - above.size, negatives.draw) if tied.size else (tied, 0.0)
    )
    hard = np.zeros(n_rows, dtype=bool)
    hard[above] = hard[kept] = True
    others, rate_of_others = draw_some(np.flatnonzero(~hard), n_drawn - n_hard, negatives.draw)
    rates = np.full(n_rows, rate_of_others)
    rates[above] = 1.0
    rates[tied] = share_of_tied + (1.0 - share_of_tied) * rate_of_others
    drawn = np.concatenate([np.flatnonzero(hard), others])
    return negatives.sample(drawn, rates[drawn])


def sample_stratified(
    y: ArrayLike,
    strata: ArrayLike,
    *,
    allocation: str = "equal",
    rates: Mapping[Any, float] | None = None,
    per_positive: float = 10.0,
    rate: float | None = None,
    eligible: ArrayLike | None = None,
    undo: bool = True,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NegativeSample:
    """Keep all positives, and draw negatives from each stratum.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Two labels of any kind.
    strata : array-like of shape (n_samples,)
        The stratum of each row, a number or a string. A mask is two strata.
    allocation : {"equal", "proportional"}, default="equal"
        How many negatives are drawn from each stratum: equally many, if it has as many, or the
        same share.
    rates : mapping of label to float, default=None
        The rate of each stratum, in (0, 1], in place of ``allocation``, ``per_positive`` and
        ``rate``.
    per_positive : float, default=10.0
        How many negatives are drawn per positive, if there are as many.
    rate : float, default=None
        The share of the negatives that is drawn, in (0, 1], in place of ``per_positive``.
    eligible : array-like of shape (n_samples,), dtype=bool, default=None
        Rows that may be drawn if they are negative. No weight stands for the others.
    undo : bool, default=True
        Whether ``sample_weight`` of the sample undoes the rates.
    sample_weight : array-like of shape (n_samples,), default=None
        How many rows each row stands for. Rows of weight zero are left out.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, as in `sample_random`.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    chosen : NegativeSample
        Rows, weights and `iid_mask`.

    See Also
    --------
    eligible_negatives : A mask of negatives that are worth training on.
    sample_popular : Strata that are items, in proportion to their popularity.

    Notes
    -----
    Numbers of rows are rounded, and at least one row is drawn from each stratum that has
    negatives. The rate is the number that is drawn over the number that is there.

    Examples
    --------
    All of the negatives that were shown to somebody, and a hundredth of the others:

    >>> import numpy as np
    >>> from skbudget.sampling import sample_stratified
    >>> y = np.repeat([0, 1], [1000, 10])
    >>> shown = np.arange(1010) < 100
    >>> chosen = sample_stratified(y, shown, rates={True: 1.0, False: 0.01}, random_state=0)
    >>> negative = y[chosen.rows] == 0
    >>> np.unique(chosen.sample_weight[negative], return_counts=True)
    (array([  1., 100.]), array([100,   9]))
    """
    owner = "sample_stratified"
    negatives = read_negatives(
        y,
        per_positive=per_positive,
        rate=rate,
        eligible=eligible,
        undo=undo,
        sample_weight=sample_weight,
        pos_label=pos_label,
        random_state=random_state,
        owner=owner,
    )
    check_option(allocation, "allocation", ("equal", "proportional"), owner)
    labels, codes = code_labels(strata, "strata", negatives.positive.size)
    code = codes[negatives.rows]
    n_rows = np.bincount(code, minlength=labels.size)
    if rates is not None:
        expected = _rates_of(rates, labels, n_rows, owner) * n_rows
    elif allocation == "equal":
        expected = np.zeros(labels.size)
        there = n_rows > 0
        limit = n_rows[there].astype(np.float64)
        expected[there] = fill_up(np.ones(limit.size), limit, float(negatives.n_drawn))
    else:
        expected = n_rows.astype(np.float64) * (negatives.n_drawn / negatives.rows.size)
    return _from_each(negatives, code, expected)


def _rates_of(
    rates: Any, labels: NDArray[Any], n_rows: NDArray[np.intp], owner: str
) -> NDArray[np.float64]:
    """Return the rate of each stratum, 0 for those without negatives."""
    if not isinstance(rates, Mapping):
        raise TypeError(
            f"The 'rates' parameter of {owner} must be a mapping of every stratum to its rate, or "
            f"None. Got {rates!r} instead."
        )
    names = [label.item() if hasattr(label, "item") else label for label in labels]
    found = np.zeros(labels.size)
    for number, name in enumerate(names):
        if n_rows[number] == 0:
            continue
        if name not in rates:
            raise ValueError(
                f"The 'rates' parameter of {owner} must have a rate for every stratum that has "
                f"negatives, and lacks {name!r}. Leave rows out by eligible."
            )
        found[number] = check_budget(rates[name], owner, f"rates[{name!r}]")
    if unknown := [name for name in rates if name not in names]:
        raise ValueError(
            f"The 'rates' parameter of {owner} names strata that no row has: {unknown[:5]}. Those "
            f"of strata are {names[:10]}."
        )
    return found


def _from_each(
    negatives: Negatives, code: NDArray[np.intp], expected: NDArray[np.float64]
) -> NegativeSample:
    """Draw a number of rows from each stratum, at least one where there is one."""
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(expected.size + 1))
    parts, rates = [], []
    for number, amount in enumerate(expected):
        rows = order[starts[number] : starts[number + 1]]
        if rows.size:
            drawn, rate = draw_some(rows, max(1, round(amount)), negatives.draw)
            parts.append(drawn)
            rates.append(np.full(drawn.size, rate))
    return negatives.sample(np.concatenate(parts), np.concatenate(rates))
