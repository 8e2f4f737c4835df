"""Examples of `skbudget.kernels` and `skbudget.band`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from skbudget import band, kernels

from ._names import default_beta
from ._record import Example, group
from ._rows import SIZES, VARIANTS, scored


@cache
def _pair_scores(name: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    if name == "small":
        return rng.normal(1.0, size=20), rng.normal(size=30)
    if name == "medium":
        return rng.normal(1.0, size=100), rng.normal(size=2_000)
    if name == "large":
        return rng.normal(1.0, size=1_000), rng.normal(size=20_000)
    if name == "clusters":
        far = 1e6
        return (
            np.concatenate([rng.normal(size=500), rng.normal(far, size=500)]),
            np.concatenate([rng.normal(size=3_000), rng.normal(far, size=3_000)]),
        )
    if name == "apart":
        return rng.normal(30.0, size=300), rng.normal(size=3_000)
    return rng.normal(size=5), np.empty(0)


@group
def pair_sums() -> Iterator[Example]:
    """Sums of the pair kernels, by each method."""

    def compute(name: str, temperature: float, method: Any, *, weighted: bool) -> dict[str, Any]:
        pos, neg = _pair_scores(name)
        rng = np.random.default_rng(1)
        weights = {}
        if weighted:
            weights = {
                "weight_pos": rng.lognormal(size=pos.size),
                "weight_neg": rng.choice([0.5, 1.0, 3.0], neg.size),
            }
        sums = kernels.pair_sums(
            pos,
            neg,
            temperature,
            kernels=("sigma", "dsigma", "softplus"),
            method=method,
            **weights,
        )
        return dict(vars(sums))

    for name in ("small", "medium", "large", "clusters", "apart", "none"):
        for temperature in (1.0, 0.05, 1e-3):
            for method in ("auto", "brute", "grid", "sorted"):
                if method == "brute" and name in ("large", "clusters"):
                    continue  # twenty million pairs
                if method == "grid" and name == "clusters":
                    continue  # a grid over the gap is refused
                for weighted in (False, True):
                    yield (
                        f"{name}/{temperature:g}/{method}{'/weighted' if weighted else ''}",
                        partial(compute, name, temperature, method, weighted=weighted),
                    )


@group
def bands() -> Iterator[Example]:
    """Bands of negatives, and the rule for their width."""

    def compute(n_rows: int, variant: str, params: dict[str, Any]) -> dict[str, Any]:
        rows = scored(n_rows)
        raw, weight, about = VARIANTS[variant](rows)
        about.pop("value", None)
        found = band.fpr_band(raw, rows.y == 0, sample_weight=weight, **about, **params)
        return {
            "edges": [found.t_alpha, found.t_beta],
            "total_weight": found.total_weight,
            "dispersion": found.dispersion,
            "members": found.members,
            "count": found.count,
            "temperature": found.temperature(0.3),
        }

    def rule() -> np.ndarray:
        return np.array(
            [
                default_beta(budget, positives, negatives, basis)
                for basis in ("fpr", "population")
                for budget in (0.001, 0.005, 0.1, 1.0)
                for positives, negatives in ((10, 990), (150.5, 99_850.0), (400, 600), (7, 3))
            ]
        )

    yield "default_beta", rule
    for n_rows in SIZES:
        for variant in VARIANTS:
            for basis in ("fpr", "population"):
                for alpha, beta in ((0.0, 0.005), (0.01, 0.1), (0.1, 0.5), (0.0, 1.0)):
                    for tau_scale in (None, "iqr", "band"):
                        params = {
                            "alpha": alpha,
                            "beta": beta,
                            "basis": basis,
                            "tau_scale": tau_scale,
                        }
                        yield (
                            f"{n_rows}/{variant}/{basis}-{alpha:g}-{beta:g}-{tau_scale}",
                            partial(compute, n_rows, variant, params),
                        )
