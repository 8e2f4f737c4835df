"""What a floor on recall costs: eight base losses, alone and with what may be added to them.

The trials of a method come in stages. First the base loss's own parameter is chosen, then the
strength of a regulariser or the weight of the positives, and then a greater weight decay, which
weighted losses want and plain ones do not. Where nothing is added there are as many trials of the
decay. All choices are made on the validation rows, by the mean false positive rate over the three
floors. A tuned weight together with a regulariser is one trial more: both are as they were chosen
without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.study import Draw, StudyTable

from ._bases import ADDITIONS, ALONE, BASES, WEIGHT_POWERS, Addition, Base
from ._measure import Measure
from ._promises import PROMISES, Scored, mean_fpr
from ._training import RECIPES, Outcome, Recipe, Trial, fit_trial

__all__ = [
    "CEILING",
    "RECALL_PROMISES",
    "REGULARIZERS",
    "WEIGHTED",
    "additions_of",
    "measure_best_scores",
    "run_base",
    "weighted_with",
]

RECALL_PROMISES = ("fpr-at-98", "fpr-at-95", "fpr-at-92", "auc")

WEIGHTED = "weight"
"""The base loss with a tuned weight of the positives, in place of a regulariser."""

CEILING = "best possible"

STRONG_DECAY = 10.0
"""Factor of the weight decay that is tried with the best strength, and the best weight."""

N_TRIALS, N_TRIALS_OF_BOTH = 6, 10
"""Numbers of trials: of the own parameter, strengths and decay; and with both added."""

REGULARIZERS = tuple(name for name in ADDITIONS if name != ALONE.name)
"""What is added to the loss itself."""


def weighted_with(addition: str) -> str:
    """Return the name of an addition on top of a tuned weight."""
    return f"{WEIGHTED}+{addition}"


def additions_of(base: Base) -> list[str]:
    """Return what is added to a base loss.

    A base that is a weighted cross-entropy gets no weight once more.
    """
    plain = list(ADDITIONS)
    return plain if base.weighted else [*plain, WEIGHTED, *map(weighted_with, REGULARIZERS)]


def run_base(
    table: StudyTable, draw: Draw, seed: int, method: str, effort: float = 1.0
) -> list[Measure]:
    """Train all trials of a base loss on a draw, and measure what is chosen.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Number of the draw.
    method : str
        Name of the base loss.
    effort : float, default=1.0
        Share of the usual length of training.

    Returns
    -------
    measures : list of Measure
        One for each addition and figure.
    """
    if method == CEILING:
        return measure_best_scores(table, draw, seed, RECALL_PROMISES, effort)
    base = BASES[method]
    trials = Trials(base, draw, seed, RECIPES.get(table.name, Recipe()), effort)
    own = trials.run([Trial(value) for value in base.grid])
    start = best(own).trial
    chosen: dict[str, tuple[Outcome, int]] = {}
    for addition in ADDITIONS.values():
        more = trials.run(trials_of(addition, start))
        if addition is ALONE:
            more = [*own, *more]
        else:
            more += trials.run([replace(best(more).trial, decay=STRONG_DECAY)])
        chosen[addition.name] = best(more), N_TRIALS
    if not base.weighted:
        weights = trials.run([replace(start, weight=power) for power in WEIGHT_POWERS])
        weights += trials.run([replace(best(weights).trial, decay=STRONG_DECAY)])
        chosen[WEIGHTED] = best(weights), N_TRIALS
        weighted = chosen[WEIGHTED][0].trial
        for name in REGULARIZERS:
            strength = chosen[name][0].trial.strength
            both = trials.run([replace(weighted, addition=name, strength=strength)])
            chosen[weighted_with(name)] = both[0], N_TRIALS_OF_BOTH
    return [
        measure
        for name in additions_of(base)
        for measure in _measure(table, draw, seed, base, name, *chosen[name], effort)
    ]


def trials_of(addition: Addition, start: Trial) -> list[Trial]:
    """Return the trials of an addition, from the base loss with its parameter chosen."""
    if addition is ALONE:
        return [replace(start, decay=factor) for factor in addition.grid]
    return [replace(start, addition=addition.name, strength=one) for one in addition.grid]


class Trials:
    """Fits trials of one base loss on one draw.

    Parameters
    ----------
    base : Base
        The base loss.
    draw : Draw
        The rows.
    seed : int
        Seed of the networks.
    recipe : Recipe
        What all networks have in common.
    effort : float
        Share of the usual length of training.
    """

    def __init__(self, base: Base, draw: Draw, seed: int, recipe: Recipe, effort: float) -> None:
        self.base, self.draw, self.seed = base, draw, seed
        self.recipe, self.effort = recipe, effort

    def run(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Fit the trials."""
        return [
            fit_trial(self.base, one, self.draw, self.seed, self.recipe, self.effort)
            for one in trials
        ]


def best(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome with the least mean false positive rate on the validation rows.

    Among equal ones it is the first.
    """
    return min(outcomes, key=lambda one: mean_fpr(one.valid))


def _measure(
    table: StudyTable,
    draw: Draw,
    seed: int,
    base: Base,
    addition: str,
    outcome: Outcome,
    n_trials: int,
    effort: float,
) -> list[Measure]:
    test = Scored(draw.y_test, outcome.score(draw.X_test))
    return [
        Measure(
            table=table.name,
            seed=seed,
            method=base.name,
            addition=addition,
            promise=name,
            validation=mean_fpr(outcome.valid),
            test=PROMISES[name].judge(outcome.valid, test),
            seconds=outcome.seconds,
            trials=n_trials,
            effort=effort,
            n_train=draw.y_train.size,
            positives_train=int(draw.y_train.sum()),
            parameters=outcome.trial.as_json(base),
        )
        for name in RECALL_PROMISES
    ]


def measure_best_scores(
    table: StudyTable, draw: Draw, seed: int, promises: Sequence[str], effort: float = 1.0
) -> list[Measure]:
    """Return the figures of the best possible scores, if they are known.

    Parameters
    ----------
    table : StudyTable
        The table.
    draw : Draw
        Its rows.
    seed : int
        Number of the draw.
    promises : sequence of str
        Names of the figures.
    effort : float, default=1.0
        What the measures say of the length of training.

    Returns
    -------
    measures : list of Measure
    """
    if draw.ceiling is None:
        return []
    test = Scored(draw.y_test, draw.ceiling)
    return [
        Measure(
            table=table.name,
            seed=seed,
            method=CEILING,
            addition="",
            promise=name,
            validation=float("nan"),
            # The best threshold is known as well: it is that of these rows.
            test=PROMISES[name].judge(test, test),
            seconds=0.0,
            trials=0,
            effort=effort,
            n_train=draw.y_train.size,
            positives_train=int(draw.y_train.sum()),
            parameters="{}",
        )
        for name in promises
    ]
