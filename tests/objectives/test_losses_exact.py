"""Losses against their definitions in rational arithmetic.

Scores are whole numbers, and the temperature is tiny beside their distance. A sigmoid is then a
step, a half where scores tie, and a softplus is a ramp. What is left of every loss is a ratio of
whole numbers, which fractions hold exactly.
"""

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbudget.objectives import (
    BinaryCrossEntropy,
    FocalLoss,
    HardNegativeCrossEntropy,
    PairwisePAUC,
    TrapezoidPAUC,
)

TAU = 1e-7
quick = settings(max_examples=120, deadline=None)


class Sample(NamedTuple):
    """Python's numbers: labels, scores, weights, values, and rows drawn as in deployment."""

    y: list
    score: list
    times: list
    value: list
    iid: list

    def arguments(self, scale=1.0):
        columns = {"value": np.array(self.value, float), "iid_mask": np.array(self.iid)}
        return (
            np.array(self.y),
            scale * np.array(self.score),
            np.array(self.times, float),
        ), columns

    @property
    def rows(self):
        return range(len(self.y))

    @property
    def worth(self):
        """Weights, times a positive's value in units of the mean value."""
        positive = [i for i in self.rows if self.y[i]]
        mean = Fraction(
            sum(self.times[i] * self.value[i] for i in positive),
            sum(self.times[i] for i in positive),
        )
        return [
            self.times[i] * (self.value[i] / mean if self.y[i] else Fraction(1)) for i in self.rows
        ]

    def reference(self, basis):
        """Scores of the rows that are counted, from the top, each as often as it weighs."""
        counted = [i for i in self.rows if self.iid[i] and (basis == "population" or not self.y[i])]
        return sorted((self.score[i] for i in counted for _ in range(self.times[i])), reverse=True)


@st.composite
def samples(draw):
    n = draw(st.integers(2, 14))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    y, score, times = (
        column(st.integers(0, 1)),
        column(st.integers(-4, 4)),
        column(st.integers(0, 3)),
    )
    value, iid = column(st.integers(0, 3)), column(st.booleans())
    # Both classes have weight, and a positive is worth something.
    y[:2], times[0], times[1], value[0] = [1, 0], max(times[0], 1), max(times[1], 1), value[0] + 1
    return Sample(y, score, times, value, iid)


percents = st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda pair: pair[0] < pair[1])
bases = st.sampled_from(["fpr", "population"])


def last_of(reference, fraction):
    return reference[max(1, ceil(fraction * len(reference))) - 1]


def band_of(sample, alpha, beta, basis):
    """Edges and members of the band, or None without a row to count."""
    reference = sample.reference(basis)
    if not reference:
        return None
    upper, lower = reference[floor(alpha * len(reference))], last_of(reference, beta)
    members = [
        j
        for j in sample.rows
        if not sample.y[j]
        and sample.times[j]
        and lower <= sample.score[j]
        and (alpha == 0 or sample.score[j] <= upper)
    ]
    return upper, lower, members


def step(difference):
    return Fraction((difference > 0) - (difference < 0) + 1, 2)


@quick
@given(samples(), percents, bases, st.sampled_from(["sigmoid", "logistic"]))
def test_pairs(sample, ends, basis, link):
    alpha, beta = (Fraction(end, 100) for end in ends)
    band, worth = band_of(sample, alpha, beta, basis), sample.worth
    total, gradient = Fraction(0), [Fraction(0)] * len(sample.y)
    if band is not None and band[2]:
        weight = sum(worth[i] for i in sample.rows if sample.y[i]) * sum(worth[j] for j in band[2])
        for i in sample.rows:
            for j in band[2] if sample.y[i] else []:
                difference, share = sample.score[j] - sample.score[i], worth[i] * worth[j] / weight
                total += share * (step(difference) if link == "sigmoid" else max(difference, 0))
                gradient[i] -= share * step(difference)
                gradient[j] += share * step(difference)
    loss = PairwisePAUC(
        alpha=float(alpha), beta=float(beta), basis=basis, link=link, temperature=TAU
    )
    arguments, columns = sample.arguments()
    found = loss.loss(*arguments, **columns)
    if link == "sigmoid":
        assert found == pytest.approx(float(total), abs=1e-12)
    else:
        # A ramp in units of the temperature, off by log(2) of them where scores tie.
        assert TAU * found == pytest.approx(float(total), abs=TAU)
        slope = TAU * loss.gradient(*arguments, **columns)
        np.testing.assert_allclose(slope, [float(g) for g in gradient], atol=1e-12)


@quick
@given(samples(), percents, bases, st.sampled_from([2, 3, 5]))
def test_thresholds(sample, ends, basis, n_knots):
    alpha, beta = (Fraction(end, 100) for end in ends)
    band, worth = band_of(sample, alpha, beta, basis), sample.worth
    expected = Fraction(0)
    if band is not None:
        inner = [alpha + (beta - alpha) * k / (n_knots - 1) for k in range(1, n_knots - 1)]
        reference = sample.reference(basis)
        knots = [band[0], *(last_of(reference, fraction) for fraction in inner), band[1]]
        weight = sum(worth[i] for i in sample.rows if sample.y[i])
        expected = Fraction(1)
        for k, threshold in enumerate(knots):
            share = Fraction(1 if k in (0, n_knots - 1) else 2, 2 * (n_knots - 1))
            for i in sample.rows:
                if sample.y[i]:
                    expected -= share * worth[i] / weight * step(sample.score[i] - threshold)
    loss = TrapezoidPAUC(
        alpha=float(alpha), beta=float(beta), basis=basis, n_knots=n_knots, temperature=TAU
    )
    arguments, columns = sample.arguments()
    assert loss.loss(*arguments, **columns) == pytest.approx(float(expected), abs=1e-12)


@quick
@given(samples(), st.integers(1, 100), st.integers(1, 9), st.integers(0, 3))
def test_cross_entropies(sample, percent, factor, gamma):
    # Far from zero cross-entropy is a ramp, and so is the focal loss of a row that is wrong.
    worth, total = sample.worth, sum(sample.times)
    ramp = [max(-s if y else s, 0) for y, s in zip(sample.y, sample.score)]
    reference = sample.reference("fpr")
    lowest = last_of(reference, Fraction(percent, 100)) if reference else None
    mined = [
        lowest is not None and not y and bool(times) and s >= lowest
        for y, times, s in zip(sample.y, sample.times, sample.score)
    ]
    scale = 1e7
    arguments, columns = sample.arguments(scale)
    for loss, of_row in (
        (BinaryCrossEntropy(), lambda i: 1),
        (BinaryCrossEntropy(float(factor)), lambda i: factor if sample.y[i] else 1),
        (
            HardNegativeCrossEntropy(2.0, top_fraction=percent / 100, factor=float(factor)),
            lambda i: 2 if sample.y[i] else factor if mined[i] else 1,
        ),
        (
            FocalLoss(gamma=float(gamma), alpha=0.75),
            lambda i: Fraction(3, 4) if sample.y[i] else Fraction(1, 4),
        ),
    ):
        reads = {name: columns[name] for name in loss.reads}
        expected = sum(worth[i] * of_row(i) * ramp[i] for i in sample.rows) / total
        found = loss.loss(*arguments, **reads) / scale
        assert found == pytest.approx(float(expected), abs=1e-5)
