import numpy as np
import pytest

from skbudget.kernels import _tables, pair_sums
from skbudget.kernels._tables import BAND_NEGATIVE, NEITHER, POSITIVE, tabulate_pairs

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_tables_hold_the_sums_of_all_pairs(weighted, temperature):
    rng = np.random.default_rng(0)
    n_rows = 40_000
    group = rng.choice(3, n_rows, p=[0.7, 0.1, 0.2]).astype(np.int8)
    scores = rng.standard_normal(n_rows) + 0.5 * (group == POSITIVE)
    weight = rng.choice([0.0, 0.5, 2.0], n_rows) if weighted else None
    kernels = frozenset({"sigma", "dsigma"})
    tables = tabulate_pairs(scores, group, temperature, weight, kernels)
    found = tables.look_up(scores, group, [tables.sums["sigma"], tables.sums["dsigma"]], np.float64)
    pos, neg = group == POSITIVE, group == BAND_NEGATIVE
    weights = {} if weight is None else {"weight_pos": weight[pos], "weight_neg": weight[neg]}
    expected = pair_sums(scores[pos], scores[neg], temperature, method="brute", **weights)
    for kernel, values in zip(("sigma", "dsigma"), found):
        for side, rows in (("pos", pos), ("neg", neg)):
            exact = getattr(expected, f"{kernel}_{side}")
            np.testing.assert_allclose(values[rows], exact, atol=1e-6 * exact.max())
        assert not values[group == NEITHER].any()


def test_there_is_no_table_where_it_would_lose_the_pairs():
    rng = np.random.default_rng(0)
    group = (np.arange(20_000) < 500).astype(np.int8)
    scores = rng.standard_normal(20_000)
    kernels = frozenset({"dsigma"})
    assert tabulate_pairs(scores, group, 1.0, None, kernels) is not None
    assert tabulate_pairs(scores, group, 1e-4, None, kernels) is None  # too large
    assert tabulate_pairs(scores + 30.0 * group, group, 1.0, None, kernels) is None
    assert tabulate_pairs(scores - 30.0 * group, group, 1.0, None, kernels) is None


def test_a_table_of_constant_scores():
    group = (np.arange(10_000) < 500).astype(np.int8)
    tables = tabulate_pairs(np.full(10_000, 3.0), group, 1.0, None, frozenset({"dsigma"}))
    (values,) = tables.look_up(np.full(10_000, 3.0), group, [tables.sums["dsigma"]], float)
    np.testing.assert_allclose(values[:500], 0.25 * 9500, rtol=1e-6)
    np.testing.assert_allclose(values[500:], 0.25 * 500, rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_of_rows_leave_none_out(monkeypatch, weighted):
    rng = np.random.default_rng(1)
    group = rng.choice(3, 10_000, p=[0.7, 0.1, 0.2]).astype(np.int8)
    # Halves of a node's width and small whole weights: shares add up without rounding.
    scores = rng.integers(-1500, 1500, 10_000) / 1024
    weight = rng.integers(0, 3, 10_000).astype(float) if weighted else None
    kernels = frozenset({"sigma", "dsigma"})
    found = []
    for chunk in (_tables._CHUNK, 999):
        monkeypatch.setattr(_tables, "_CHUNK", chunk)
        tables = tabulate_pairs(scores, group, 1.0, weight, kernels)
        columns = [tables.sums["sigma"], tables.sums["dsigma"]]
        found.append(tables.look_up(scores, group, columns, np.float32))
    np.testing.assert_array_equal(*found)
    assert [column.dtype for column in found[0]] == [np.float32, np.float32]
