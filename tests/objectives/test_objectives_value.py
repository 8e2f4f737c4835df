"""What catching a positive is worth: a weight of its pairs, and of nothing else."""

import numpy as np
import pytest
from objectives_cases import ALL, BAND, CASES, LOGISTIC, SIGMOID, assert_close, band_of, rows_of
from scipy.special import expit

from skbudget.objectives import HardNegativeCrossEntropy, PairwisePAUC, Rows

NAMES = ["plain", "ties", "weights and ties", "mask", "all"]


def draw_value(case, seed=0):
    return np.random.default_rng(seed).lognormal(sigma=1.5, size=case.y.size)


def every(objectives):
    return pytest.mark.parametrize("objective", objectives.values(), ids=list(objectives))


@every(LOGISTIC | SIGMOID)
@pytest.mark.parametrize("name", NAMES)
def test_pairs_one_by_one(objective, name):
    case = CASES[name]
    value = draw_value(case)
    band = band_of(objective, case)
    tau = band.temperature(objective.temperature)
    loss, total = 0.0, 0.0
    gradient, hessian = np.zeros(case.y.size), np.zeros(case.y.size)
    for i in np.flatnonzero(case.y == 1):
        for j in band.members:
            x = (case.raw[j] - case.raw[i]) / tau
            pair = case.weights[i] * value[i] * case.weights[j]
            curvature = expit(x) * expit(-x)
            slope = expit(x) if objective.link == "logistic" else curvature
            loss += pair * (np.logaddexp(0, x) if objective.link == "logistic" else expit(x))
            total += pair
            gradient[i] -= pair * slope / tau
            gradient[j] += pair * slope / tau
            hessian[[i, j]] += pair * curvature / tau**2
    options = {"iid_mask": case.iid, "value": value}
    assert objective.loss(*case.args, **options) == pytest.approx(loss / total)
    found = objective.gradient_hessian(*case.args, **options)
    assert_close(found[0], gradient / total)
    assert_close(found[1], np.maximum(hessian / total, 1e-16))


@every(ALL)
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_derivative_of_the_loss(objective, name):
    case = CASES[name]
    options = {"iid_mask": case.iid, "value": draw_value(case)}
    held = objective.hold(objective.rows(*case.args, iid_mask=case.iid))
    if isinstance(objective, HardNegativeCrossEntropy) or not hasattr(objective, "beta"):
        # What cross-entropy holds are the shares of the rows, values included.
        sample = rows_of(case, options["value"])
        held = objective.hold(sample)
    step, numeric = 1e-5, np.empty(case.y.size)
    for row in range(case.y.size):
        shift = step * (np.arange(case.y.size) == row)
        up, down = (
            objective.loss(case.y, raw, case.weight, held=held, **options)
            for raw in (case.raw + shift, case.raw - shift)
        )
        numeric[row] = (up - down) / (2 * step)
    assert_close(objective.gradient(*case.args, held=held, **options), numeric, relative=1e-5)


@every(ALL)
@pytest.mark.parametrize("name", NAMES)
def test_the_unit_is_no_learning_rate(objective, name):
    case = CASES[name]
    value, dear = draw_value(case), 1000 * draw_value(case)
    dear[case.y != 1] = 7.0  # what negatives hold is not looked at
    found = []
    for worth in (value, dear):
        sample = rows_of(case, worth)
        scale = objective.boosting_factor(sample)
        derivatives = objective.derivatives(sample, objective.hold(sample))
        found.append(derivatives.dense(case.y.size, scale=scale))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-15)


@every(ALL)
@pytest.mark.parametrize("name", NAMES)
def test_equal_values_change_nothing(objective, name):
    case = CASES[name]
    options = {"iid_mask": case.iid}
    plain = objective.gradient_hessian(*case.args, **options)
    equal = objective.gradient_hessian(*case.args, value=np.full(case.y.size, 3.5), **options)
    np.testing.assert_allclose(plain, equal, rtol=1e-12, atol=1e-15)


@every({name: one for name, one in BAND.items() if "population" not in name})
@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_two_is_a_positive_twice(objective, name):
    """In the mean loss, where the band counts negatives; copies are rows of a population."""
    case = CASES[name]
    row = np.flatnonzero((case.y == 1) & (case.weights > 0))[0]
    value = np.where(np.arange(case.y.size) == row, 2.0, 1.0)
    options = {"iid_mask": case.iid, "value": value}
    found = objective.gradient(*case.args, **options)
    again = np.append(np.arange(case.y.size), row)
    twice = [None if part is None else part[again] for part in (*case.args, case.iid)]
    copies = objective.gradient(*twice[:3], iid_mask=twice[3])
    assert objective.loss(*twice[:3], iid_mask=twice[3]) == pytest.approx(
        objective.loss(*case.args, **options)
    )
    expected = copies[:-1].copy()
    expected[row] += copies[-1]
    assert_close(found, expected)


@every(BAND)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_held_counts_rows(objective, name):
    case = CASES[name]
    plain = rows_of(case)
    valued = rows_of(case, draw_value(case))
    one, other = (objective.hold(sample) for sample in (plain, valued))
    assert str(one) == str(other)
    assert objective.boosting_factor(plain) == objective.boosting_factor(valued)


@pytest.mark.parametrize("link", ["logistic", "sigmoid"])
def test_tables_of_many_rows_agree_with_sums_over_pairs(link, monkeypatch):
    """The whole AUC of many rows is looked up in tables, which values must reach too."""
    rng = np.random.default_rng(0)
    n = 30_000
    positive, raw = rng.random(n) < 0.01, rng.normal(size=n)
    sample = Rows(positive, raw, columns={"value": rng.lognormal(size=n)})
    objective = PairwisePAUC(beta=1.0, link=link)
    tabulated = objective.derivatives(sample, objective.hold(sample))
    assert tabulated.rows is None
    monkeypatch.setattr("skbudget.objectives.losses.pairwise_pauc.TABULATE_FROM", n + 1)
    summed = objective.derivatives(sample, objective.hold(sample))
    assert summed.rows is not None
    for one, other in zip(tabulated.dense(n), summed.dense(n)):
        np.testing.assert_allclose(one, other, atol=1e-6 * np.abs(other).max())


def test_a_positive_worth_nothing_has_no_pull_but_is_a_row():
    y, raw = np.array([0, 0, 0, 0, 1, 1]), np.array([0.0, 1.0, 2.0, 3.0, 2.5, 3.5])
    value = np.array([0, 0, 0, 0, 1.0, 0.0])
    objective = PairwisePAUC(beta=0.5, basis="population")
    assert objective.gradient(y, raw, value=value)[5] == 0.0
    # The top three of six rows: one of them a negative. Without the last row it is another band.
    assert objective.hold(objective.rows(y, raw)).members.tolist() == [3]


def test_bad_values():
    objective, y, raw = PairwisePAUC(beta=1.0), [0, 0, 1], [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="Negative values in value"):
        objective.loss(y, raw, value=[0.0, 0.0, -1.0])
    with pytest.raises(ValueError, match="value must have one entry per sample: expected 3"):
        objective.loss(y, raw, value=[1.0, 1.0])
    with pytest.raises(ValueError, match=r"Input value contains NaN"):
        objective.loss(y, raw, value=[1.0, 1.0, np.nan])
    with pytest.raises(ValueError, match="The positives have no value"):
        objective.loss(y, raw, value=[1.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="The positives have no value"):
        objective.loss([0, 1, 1], raw, [1.0, 1.0, 0.0], value=[1.0, 0.0, 1.0])
