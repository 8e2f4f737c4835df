"""How often two tests of two rankings reject."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest, norm

from skbudget.metrics import coverage_difference_test


def share_rejected(
    n_samples, n_positives, budget, coverage, *, lift=0.0, common=0.5, spread=1.0, basis, n_tables,
    alternative="two-sided",
):  # fmt: skip
    """Return how often two tests reject, and the mean discordance.

    The two tests are ours and McNemar's exact test on the positives. The models are equal, or
    one is better by ``lift``. Both scores are normal and share ``common`` of their variance;
    ``spread`` is the standard deviation of the second model's positives.
    """
    pos_rate = n_positives / n_samples

    def shift(coverage, spread=1.0):
        false = budget if basis == "fpr" else (budget - pos_rate * coverage) / (1 - pos_rate)
        return norm.isf(false) - spread * norm.isf(coverage)

    y = np.repeat([0, 1], [n_samples - n_positives, n_positives])
    rng = np.random.default_rng(0)
    rejected, by_mcnemar, discordance = 0, 0, 0.0
    for _ in range(n_tables):
        noise = np.sqrt(1 - common) * rng.normal(size=(2, y.size))
        noise += np.sqrt(common) * rng.normal(size=y.size)
        old = noise[0] + shift(coverage) * y
        new = np.where(y, shift(coverage + lift, spread) + spread * noise[1], noise[1])
        result = coverage_difference_test(
            y,
            new,
            old,
            budget=budget,
            basis=basis,
            alternative=alternative,
            n_permutations=199,
            random_state=0,
        )
        rejected += result.pvalue <= 0.05
        only_a, only_b = (round(share * n_positives) for share in (result.only_a, result.only_b))
        if only_a + only_b:
            by_mcnemar += binomtest(only_a, only_a + only_b).pvalue <= 0.05
        discordance += result.discordance / n_tables
    return rejected / n_tables, by_mcnemar / n_tables, discordance
