"""Examples of `skbudget.objectives`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from skbudget import objectives

from ._names import WeightedSum, build
from ._record import Example, group
from ._rows import SIZES, VARIANTS, scored

BANDS: dict[str, dict[str, Any]] = {
    "default": {},
    "wide": {"beta": 0.2},
    "alpha": {"alpha": 0.02, "beta": 0.2},
    "whole": {"beta": 1.0},
    "population": {"alpha": 0.01, "beta": 0.3, "basis": "population"},
    "top": {"beta": 0.005, "basis": "population"},
    "iqr": {"beta": 0.1, "temperature": 0.5, "tau_scale": "iqr"},
    "width": {"beta": 0.3, "temperature": 2.0, "tau_scale": "band"},
    "sharp": {"beta": 0.1, "temperature": 1e-4},
    "sharp-whole": {"beta": 1.0, "temperature": 1e-3},
}
KNOTS = {
    "default": 2,
    "wide": 2,
    "alpha": 3,
    "whole": 4,
    "population": 5,
    "top": 3,
    "iqr": 9,
    "width": 3,
}


def pairwise(**params: Any) -> Any:
    return build(objectives.PairwisePAUC, **params)


def _trapezoid(**params: Any) -> Any:
    return build(objectives.TrapezoidPAUC, **params)


def cross_entropy(*args: Any) -> Any:
    return objectives.BinaryCrossEntropy(*args)


def mining(*args: Any, **params: Any) -> Any:
    return objectives.HardNegativeCrossEntropy(*args, **params)


def sum_of_two() -> Any:
    return WeightedSum(((0.25, cross_entropy()), (0.75, pairwise(beta=0.1))))


def sum_of_three() -> Any:
    parts = (
        (0.3, mining("balanced", top_fraction=0.1)),
        (0.5, pairwise(beta=1.0, link="sigmoid")),
        (0.2, _trapezoid(beta=0.3, n_knots=3)),
    )
    return WeightedSum(parts)


OBJECTIVES: dict[str, Callable[[], Any]] = {
    **{
        f"pairwise-{link}-{name}": partial(pairwise, link=link, **params)
        for link in ("logistic", "sigmoid")
        for name, params in BANDS.items()
    },
    **{
        f"trapezoid-{n_knots}-{name}": partial(_trapezoid, n_knots=n_knots, **BANDS[name])
        for name, n_knots in KNOTS.items()
    },
    "cross-entropy": cross_entropy,
    "cross-entropy-weighted": partial(cross_entropy, 3.0),
    "cross-entropy-balanced": partial(cross_entropy, "balanced"),
    "mining": mining,
    "mining-balanced": partial(mining, "balanced", top_fraction=0.2, factor=4.0),
    "mining-weighted": partial(mining, 5.0, top_fraction=1.0),
    "sum-of-two": sum_of_two,
    "sum-of-three": sum_of_three,
}


@group
def objective() -> Iterator[Example]:
    """Loss, gradient and hessian of each objective."""

    def compute(make: Callable[[], Any], n_rows: int, variant: str) -> dict[str, Any]:
        rows, of = scored(n_rows), make()
        raw, weight, about = VARIANTS[variant](rows)
        gradient, hessian = of.gradient_hessian(rows.y, raw, weight, **about)
        found = {
            "loss": of.loss(rows.y, raw, weight, **about),
            "gradient": gradient,
            "hessian": hessian,
        }
        if n_rows == 200:
            signed = 2 * rows.y - 1
            found["gradient alone"] = of.gradient(signed, raw, weight, **about)
        return found

    for n_rows in SIZES:
        for name, make in OBJECTIVES.items():
            for variant in VARIANTS:
                yield f"{name}/{n_rows}/{variant}", partial(compute, make, n_rows, variant)
