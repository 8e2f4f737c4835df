"""Samples, objectives and slow references shared by the tests of the objectives."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from skbudget.band import fpr_band
from skbudget.objectives import (
    BinaryCrossEntropy,
    HardNegativeCrossEntropy,
    PairwisePAUC,
    Rows,
    TrapezoidPAUC,
    WeightedSum,
)


class Case(NamedTuple):
    y: np.ndarray
    raw: np.ndarray
    weight: np.ndarray | None = None
    iid: np.ndarray | None = None

    @property
    def args(self):
        return self.y, self.raw, self.weight

    @property
    def weights(self):
        return np.ones(self.y.size) if self.weight is None else self.weight

    def at(self, raw):
        return self._replace(raw=raw)


def draw_case(seed=0, n=36, *, ties=False, weighted=False, masked=False):
    """A ranking with both classes mixed; integer weights of which some are zero."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 4 == 0).astype(int)
    raw = rng.normal(size=n) + y
    if ties:
        raw = raw.round()
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    iid = rng.random(n) < 0.7 if masked else None
    return Case(y, raw, weight, iid)


def rows_of(case, value=None):
    """Return a case as rows, for the methods of the contract."""
    columns = {"iid_mask": case.iid, "value": value}
    given = {name: column for name, column in columns.items() if column is not None}
    return Rows(case.y == 1, case.raw, case.weight, given)


CASES = {
    "plain": draw_case(),
    "ties": draw_case(1, ties=True),
    "weights": draw_case(2, weighted=True),
    "weights and ties": draw_case(3, ties=True, weighted=True),
    "mask": draw_case(4, masked=True),
    "all": draw_case(5, ties=True, weighted=True, masked=True),
}

_PAIRWISE = {
    "default band": {"beta": 0.3},
    "upper end": {"alpha": 0.1, "beta": 0.5},
    "population": {"alpha": 0.1, "beta": 0.6, "basis": "population"},
    "whole AUC": {"beta": 1.0, "temperature": 0.3},
    "iqr": {"beta": 0.3, "temperature": 0.7, "tau_scale": "iqr"},
    "band width": {"beta": 0.6, "temperature": 2.0, "tau_scale": "band"},
}
LOGISTIC = {f"logistic, {name}": PairwisePAUC(**p) for name, p in _PAIRWISE.items()}
SIGMOID = {f"sigmoid, {name}": PairwisePAUC(link="sigmoid", **p) for name, p in _PAIRWISE.items()}
TRAPEZOID = {
    f"{knots} knots, {name}": TrapezoidPAUC(n_knots=knots, **_PAIRWISE[name])
    for knots, name in [
        (2, "default band"),
        (3, "upper end"),
        (5, "population"),
        (3, "iqr"),
        (5, "band width"),
    ]
}
CROSS_ENTROPY = {
    "cross-entropy": BinaryCrossEntropy(),
    "weighted cross-entropy": BinaryCrossEntropy(3.0),
    "balanced cross-entropy": BinaryCrossEntropy("balanced"),
    "hard negatives": HardNegativeCrossEntropy(top_fraction=0.2, factor=4.0),
    "balanced hard negatives": HardNegativeCrossEntropy("balanced", top_fraction=0.5),
}
BLEND = {
    "blend": WeightedSum(
        (
            (0.3, HardNegativeCrossEntropy(2.0, top_fraction=0.1)),
            (0.5, PairwisePAUC(beta=0.4)),
            (0.2, TrapezoidPAUC(beta=0.4)),
        )
    )
}
BAND = LOGISTIC | SIGMOID | TRAPEZOID
ALL = BAND | CROSS_ENTROPY | BLEND
# Their hessian is the loss's own diagonal; the others have a majoriser's or Gauss-Newton's.
EXACT_HESSIAN = LOGISTIC | CROSS_ENTROPY


def band_of(objective, case):
    return fpr_band(
        case.raw,
        case.y != 1,
        alpha=objective.alpha,
        beta=objective.beta,
        basis=objective.basis,
        sample_weight=case.weight,
        iid_mask=case.iid,
        tau_scale=objective.tau_scale,
    )


def dense_pairwise(objective, case):
    """Loss, gradient and hessian of PairwisePAUC as its docstring states them."""
    band = band_of(objective, case)
    tau = band.temperature(objective.temperature)
    pos, neg = np.flatnonzero(case.y == 1), band.members
    x = (case.raw[neg][None, :] - case.raw[pos][:, None]) / tau
    share = case.weights[pos][:, None] * case.weights[neg][None, :]
    share = share / (case.weights[pos].sum() * case.weights[neg].sum())
    curvature = expit(x) * expit(-x)
    value, slope = np.logaddexp(0.0, x), expit(x)
    if objective.link == "sigmoid":
        value, slope = slope, curvature
    gradient, hessian = np.zeros(case.y.size), np.zeros(case.y.size)
    gradient[pos], gradient[neg] = -(share * slope).sum(1) / tau, (share * slope).sum(0) / tau
    hessian[pos] = (share * curvature).sum(1) / tau**2
    hessian[neg] = (share * curvature).sum(0) / tau**2
    return (share * value).sum(), gradient, hessian


# Central differences of fifth order: their own error is far below 1e-6.
_STEP = 5e-3


def _losses(objective, case, held, row):
    values = []
    for k in (-2, -1, 0, 1, 2):
        raw = case.raw.copy()
        raw[row] += k * _STEP
        values.append(objective.loss(case.y, raw, case.weight, iid_mask=case.iid, held=held))
    return values


@cache
def differences(objective, name):
    """First and second central differences of the loss by each score, with edges held."""
    case = CASES[name]
    held = objective.hold(objective.rows(*case.args, iid_mask=case.iid))
    first, second = np.empty(case.y.size), np.empty(case.y.size)
    for row in range(case.y.size):
        a, b, c, d, e = _losses(objective, case, held, row)
        first[row] = (a - 8 * b + 8 * d - e) / (12 * _STEP)
        second[row] = (-a + 16 * b - 30 * c + 16 * d - e) / (12 * _STEP**2)
    return first, second


def assert_close(got, wanted, relative=1e-6):
    """Agreement relative to the largest component."""
    assert np.isfinite(got).all()
    assert np.max(np.abs(wanted)) > 0
    assert np.max(np.abs(got - wanted)) <= relative * np.max(np.abs(wanted))
