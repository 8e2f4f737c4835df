"""Negatives that are left out of training with rates that are known, so that they can be undone.

All functions that sample return a `NegativeSample`: the rows to train on, the weights that undo
the rates, and the rows that represent the population. Every positive is kept.
"""

from ._rounds import sample_in_rounds
from ._rules import eligible_negatives, shown_above_positive, within_hops
from ._sample import NegativeSample
from ._samplers import sample_hard, sample_popular, sample_random, sample_stratified

__all__ = [
    "NegativeSample",
    "eligible_negatives",
    "sample_hard",
    "sample_in_rounds",
    "sample_popular",
    "sample_random",
    "sample_stratified",
    "shown_above_positive",
    "within_hops",
]
