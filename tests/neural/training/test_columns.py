"""Scales and pieces of columns, against NumPy's quantiles and interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skbudget.neural.training._columns import N_PIECES, learn_pieces, learn_scaling
from skbudget.neural.training._module import EncodedMLP


def _columns(seed=0, n_rows=3_000):
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [
            rng.normal(size=n_rows),
            rng.lognormal(sigma=2.0, size=n_rows),
            rng.integers(0, 2, size=n_rows),
            rng.integers(0, 5, size=n_rows),
            np.full(n_rows, 7.0),
        ]
    ).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_scaling_is_mean_and_standard_deviation(weighted):
    X = _columns()
    weight = np.random.default_rng(1).integers(0, 4, size=len(X)) if weighted else None
    found = learn_scaling(X, weight)
    rows = X if weight is None else np.repeat(X, weight, axis=0)
    expected = rows.astype(float).std(axis=0)
    np.testing.assert_allclose(found.shift, rows.astype(float).mean(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.size[:4], expected[:4], rtol=1e-10)
    assert found.size[4] == 1.0


def test_scaling_of_sparse_rows_is_that_of_dense_ones():
    X = _columns() * (np.random.default_rng(2).random((3_000, 5)) < 0.1)
    dense, sparse = learn_scaling(X, None), learn_scaling(csr_matrix(X), None)
    np.testing.assert_allclose(sparse.shift, dense.shift, rtol=1e-12)
    np.testing.assert_allclose(sparse.size, dense.size, rtol=1e-12)


def test_a_great_mean_costs_the_scale_no_digits():
    dates = (1.7e9 + 128.0 * np.arange(100_000)).astype(np.float32)[:, None]
    found = learn_scaling(dates, None)
    assert found.size[0] == pytest.approx(dates.astype(float).std(), rel=1e-9)


def test_a_constant_that_floats_cannot_hold_is_no_variance():
    found = learn_scaling(np.full((70_000, 1), 0.1, dtype=np.float32), None)
    assert found.size[0] == 1.0


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_pieces_end_at_quantiles(weighted):
    X = _columns()
    weight = np.random.default_rng(1).integers(0, 4, size=len(X)) if weighted else None
    pieces = learn_pieces(X, weight)
    assert pieces.columns.tolist() == [0, 1, 3]
    assert pieces.others.tolist() == [2, 4]
    rows = X if weight is None else np.repeat(X, weight, axis=0)
    inner = np.quantile(rows, np.arange(1, N_PIECES) / N_PIECES, axis=0, method="inverted_cdf")
    for row, column in enumerate(pieces.columns):
        ends = np.unique(np.concatenate([X[:, column], []]).take([X[:, column].argmin()]))
        ends = np.unique([ends[0], *inner[:, column], X[:, column].max()])
        used = np.isfinite(pieces.left[row])
        np.testing.assert_array_equal(pieces.left[row][used], ends[:-1])
        np.testing.assert_allclose(1 / pieces.per_width[row][used], np.diff(ends), rtol=1e-5)


def test_weights_of_zero_leave_a_column_as_it_is():
    X = np.repeat([[0.0], [1.0], [2.0]], 10, axis=0).astype(np.float32)
    pieces = learn_pieces(X[:20], None)
    assert pieces.columns.size == 0
    assert pieces.others.tolist() == [0]


def _network(X, n_members=2, **params):
    scaling = learn_scaling(X, None)
    pieces = learn_pieces(scaling.apply(X), None)
    generator = torch.Generator().manual_seed(0)
    network = EncodedMLP(X.shape[1], 1, (8,), "relu", n_members, generator, scaling, pieces, 3)
    return network.eval(), scaling, pieces


def test_the_encoding_is_an_interpolation_of_each_column():
    X = _columns()
    network, scaling, pieces = _network(X)
    # Beyond the ends of the table, too.
    X_new = np.concatenate([_columns(seed=3, n_rows=50), X[:1] * 100, X[:1] * -100])
    with torch.no_grad():
        found = list(network._inputs(network.scaling(torch.from_numpy(X_new).double())))
    scaled = (X_new.astype(float) - scaling.shift) / scaling.size
    for member in range(2):
        parts = []
        for row, column in enumerate(pieces.columns):
            used = np.isfinite(pieces.left[row])
            left = pieces.left[row][used].astype(float)
            ends = np.append(left, left[-1] + 1.0 / pieces.per_width[row][used][-1])
            weight = network.encoding[member, row].detach().double().numpy()[used]
            heights = np.concatenate([np.zeros((1, 3)), weight.cumsum(axis=0)])
            parts.append(
                np.column_stack([np.interp(scaled[:, column], ends, h) for h in heights.T])
            )
        parts.append(scaled[:, pieces.others])
        # The ends are kept in single precision.
        np.testing.assert_allclose(found[member].numpy(), np.hstack(parts), atol=2e-4)


def test_the_score_of_a_row_does_not_depend_on_the_rows_beside_it():
    X = torch.from_numpy(_columns())
    network = _network(X.numpy())[0]
    with torch.no_grad():
        alone = torch.cat([network(X[row : row + 1]) for row in range(20)])
        torch.testing.assert_close(network(X[:20]), alone, rtol=1e-12, atol=1e-12)


def test_gradients_of_the_encoding_are_right():
    network = _network(_columns())[0].double()
    X = torch.from_numpy(_columns(seed=5, n_rows=4)).double()
    encoding = network.encoding.detach().clone().requires_grad_()

    def score(weights):
        return torch.func.functional_call(network, {"encoding": weights}, (X,)).sum()

    (slope,) = torch.autograd.grad(score(encoding), encoding)
    step = torch.zeros_like(encoding)
    for place in [(0, 0, 3, 1), (1, 2, 0, 0), (1, 1, 40, 2)]:
        step.zero_()[place] = 1e-6
        with torch.no_grad():
            numeric = (score(encoding + step) - score(encoding - step)) / 2e-6
        assert numeric.item() == pytest.approx(slope[place].item(), rel=1e-5, abs=1e-8)


def test_rows_without_columns_to_encode_make_a_network():
    X = np.random.default_rng(0).integers(0, 2, size=(100, 3)).astype(np.float32)
    network, *_ = _network(X)
    assert network(torch.from_numpy(X)).shape == (100, 2, 1)
