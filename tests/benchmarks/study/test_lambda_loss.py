import numpy as np
import pytest
from scipy.special import expit

from benchmarks.study._lambda_loss import LambdaCoverage
from skbudget import objectives
from skbudget.boosting import BoosterObjective
from skbudget.metrics import coverage_at_budget_score

rng = np.random.default_rng(0)
Y = np.repeat([0, 1], [40, 12])
SCORE = rng.permutation(np.linspace(-2.0, 2.0, Y.size)) + 0.3 * Y


def covered(score, wanted):
    """Share of the positives above all negatives but so many."""
    cut = np.sort(score[Y == 0])[-wanted]
    return np.mean(score[Y == 1] > cut)


def changes(score, wanted):
    """Change of coverage by a swap of each positive with each negative, by brute force."""
    found = np.zeros((Y.size, Y.size))
    for i in np.flatnonzero(Y == 1):
        for j in np.flatnonzero(Y == 0):
            swapped = score.copy()
            swapped[i], swapped[j] = score[j], score[i]
            found[i, j] = abs(covered(swapped, wanted) - covered(score, wanted))
    return found


@pytest.mark.parametrize("reverse", [False, True])
def test_a_pair_counts_for_what_its_swap_changes(reverse):
    wanted = 4
    change = changes(SCORE, wanted)
    gap = SCORE[None, :] - SCORE[:, None]
    if not reverse:
        change = np.where(gap > 0, change, 0.0)
    slope = change * expit(gap)
    expected = (slope.sum(axis=0) - slope.sum(axis=1)) / wanted
    curved = slope * expit(-gap)
    loss = LambdaCoverage(wanted / 40, reverse=reverse)
    gradient, hessian = loss.gradient_hessian(Y, SCORE)
    # A swap with the last negative inside moves the cut, and so it may change nothing.
    edge = np.flatnonzero(Y == 0)[np.argsort(SCORE[Y == 0])[-wanted]]
    others = np.setdiff1d(np.flatnonzero(Y == 0), edge)
    np.testing.assert_allclose(gradient[others], expected[others], atol=1e-6)
    np.testing.assert_allclose(hessian[others], curved.sum(axis=0)[others] / wanted, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_derivatives_are_central_differences(reverse, weighted):
    loss = LambdaCoverage(0.1, reverse=reverse, temperature=0.7)
    rows = objectives.example_rows(loss, weighted=weighted)
    held = loss.hold(rows)
    gradient, hessian = loss.derivatives(rows, held).dense(rows.n_samples)
    for step, out, order in ((1e-4, gradient, 1), (1e-3, hessian, 2)):
        for row in range(rows.n_samples):
            values = []
            for change in (-step, 0.0, step):
                raw = rows.raw.astype(float).copy()
                raw[row] += change
                values.append(loss.value(rows.replace(raw=raw), held))
            low, mid, high = values
            found = (high - low) / (2 * step) if order == 1 else (high - 2 * mid + low) / step**2
            assert found == pytest.approx(out[row], abs=3e-4 * np.abs(out).max() + 1e-9)


def test_from_a_constant_start_all_pairs_count():
    gradient, hessian = LambdaCoverage(0.1).gradient_hessian(Y, np.zeros(Y.size))
    whole = objectives.PairwisePAUC(beta=1.0).gradient_hessian(Y, np.zeros(Y.size))
    np.testing.assert_allclose(gradient, whole[0], atol=1e-9)
    np.testing.assert_allclose(hessian, whole[1], atol=1e-9)


def test_it_learns_a_ranking():
    lgb = pytest.importorskip("lightgbm")
    from skbudget.datasets import make_contested_top

    X, y = make_contested_top(4000, pos_rate=0.05, random_state=0)
    X_new, y_new = make_contested_top(4000, pos_rate=0.05, random_state=1)
    objective = BoosterObjective(LambdaCoverage(0.05))
    params = {"objective": objective, "lambda_l2": 5.0, "num_threads": 1, "verbose": -1}
    model = lgb.train(params, lgb.Dataset(X, y), 30)
    assert coverage_at_budget_score(y_new, model.predict(X_new), budget=0.05, basis="fpr") > 0.4
