"""The implicit hypergradient against finite differences of the upper objective."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skbudget.autobalance._bilevel import (
    Search,
    TensorRows,
    lower_loss,
    settled,
    tune,
    upper_loss,
)
from skbudget.autobalance._goal import Goal
from skbudget.autobalance._hypergradient import hypergradient
from skbudget.autobalance._parameters import Space
from skbudget.neural import PAUCClassifier

torch.set_num_threads(1)

L2 = 0.05


def rows_of(seed, n=400, n_segments=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    positive = rng.random(n) < 1 / (1 + np.exp(1.0 - X[:, 0] - 0.8 * X[:, 1] ** 2))
    unit = positive.astype(int) if n_segments is None else rng.integers(0, n_segments, n)
    weight = rng.uniform(0.5, 1.5, n)
    kinds = ((X, float), (positive, bool), (weight, float), (unit, np.int64))
    return TensorRows(*(torch.as_tensor(column.astype(kind)) for column, kind in kinds))


def scores(X, w):
    return X @ w[:-1] + w[-1]


def penalised(rows, space, w, hyper):
    return lower_loss(scores(rows.X, w), rows, space, hyper) + L2 / 2 * (w * w).sum()


def solved(rows, space, hyper):
    """Return the logistic regression of a loss, by Newton's steps to convergence."""
    w = torch.zeros(rows.X.shape[1] + 1, dtype=torch.float64)
    for _ in range(60):
        slope = torch.func.grad(lambda w: penalised(rows, space, w, hyper))(w)
        bend = torch.func.hessian(lambda w: penalised(rows, space, w, hyper))(w)
        change = torch.linalg.solve(bend, slope)
        w = w - change
        if change.abs().max() < 1e-13:
            break
    return w


@pytest.mark.parametrize(
    ("name", "n_segments"),
    [
        ("coverage", None),
        ("balanced_error", None),
        ("cross_entropy", None),
        ("worst_group", 2),
        ("balanced_error", 3),
    ],
    ids=["coverage", "balanced_error", "cross_entropy", "worst_group", "segments"],
)
def test_hypergradient_is_the_slope_of_the_upper_objective(name, n_segments):
    space, goal = Space(n_segments), Goal(name, 0.2)
    train, held_out = rows_of(0, n_segments=n_segments), rows_of(1, n_segments=n_segments)
    start = np.linspace(-0.4, 0.5, space.first.size)
    hyper = torch.tensor(start, requires_grad=True)
    w = solved(train, space, hyper.detach()).requires_grad_()
    found = hypergradient(
        penalised(train, space, w, hyper),
        upper_loss(scores(held_out.X, w), held_out, goal),
        [w],
        hyper,
        n_terms=500,
    )

    def value(vector):
        fitted = solved(train, space, torch.tensor(vector))
        return upper_loss(scores(held_out.X, fitted), held_out, goal).item()

    expected = []
    width = 1e-5
    for number in range(start.size):
        step = np.zeros(start.size)
        step[number] = width
        expected.append((value(start + step) - value(start - step)) / (2 * width))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4 * np.abs(expected).max())


def test_few_terms_point_the_same_way():
    space, goal = Space(), Goal("balanced_error", 0.1)
    train, held_out = rows_of(0), rows_of(1)
    hyper = torch.tensor([0.3, -0.2, 0.4], dtype=torch.float64, requires_grad=True)
    w = solved(train, space, hyper.detach()).requires_grad_()

    def found(**options):
        lower = penalised(train, space, w, hyper)
        upper = upper_loss(scores(held_out.X, w), held_out, goal)
        return hypergradient(lower, upper, [w], hyper, **options)

    exact, few = found(n_terms=2_000), found(n_terms=5)
    assert torch.nn.functional.cosine_similarity(exact, few, dim=0) > 0.7
    # A step that is given, and a hessian that is damped a lot: the series is the slope itself.
    damped = found(n_terms=3_000, step=1e-3, damping=1_000.0) * 1_000.0
    plain = found(n_terms=0, step=1.0)
    np.testing.assert_allclose(damped.detach().numpy(), plain.detach().numpy(), rtol=1e-2)


def test_nothing_to_follow_is_no_slope():
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    hyper = torch.ones(3, dtype=torch.float64, requires_grad=True)
    lower, upper = (w * w).sum(), (w * 0.0).sum()
    assert hypergradient(lower, upper, [w], hyper).tolist() == [0.0, 0.0, 0.0]


def test_training_objective_as_upper_level_returns_plain_cross_entropy():
    """With the rows and the loss of the lower level above, the least loss is that of (1, 0, 1)."""
    rows = rows_of(2, n=600)
    rows = TensorRows(rows.X.float(), rows.positive, torch.ones(600), rows.unit)
    network = PAUCClassifier(
        hidden_layer_sizes=(),
        n_members=1,
        lr=0.05,
        max_epochs=800,
        weight_decay=0.0,
        input_decay=0.0,
        device="cpu",
    )
    start = np.array([1.5, -1.0, 0.8])
    path = tune(
        network,
        Space(),
        Goal("cross_entropy", 0.1),
        rows,
        rows,
        Search(warmup=0.1, every=5, lr=0.05, n_terms=20),
        0,
        start,
    )
    found = settled(path)

    def excess(vector):
        hyper = torch.tensor(vector)
        double = TensorRows(rows.X.double(), rows.positive, rows.weight.double(), rows.unit)
        w = solved_without_penalty(double, hyper)
        plain = solved_without_penalty(double, torch.zeros(3, dtype=torch.float64))
        zero = torch.zeros(3, dtype=torch.float64)
        return (
            lower_loss(scores(double.X, w), double, Space(), zero)
            - lower_loss(scores(double.X, plain), double, Space(), zero)
        ).item()

    # Up to ties: other numbers that have the same optimum.
    assert excess(start) > 0.05
    assert abs(excess(found)) < 1e-3


def solved_without_penalty(rows, hyper):
    w = torch.zeros(rows.X.shape[1] + 1, dtype=torch.float64)
    for _ in range(60):
        slope = torch.func.grad(lambda w: lower_loss(scores(rows.X, w), rows, Space(), hyper))(w)
        bend = torch.func.hessian(lambda w: lower_loss(scores(rows.X, w), rows, Space(), hyper))(w)
        w = w - torch.linalg.solve(bend, slope)
    return w
