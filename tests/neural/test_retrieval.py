"""The greatest inner products, against brute force, with ties, in blocks and by FAISS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbudget.neural import top_k_inner_product


def brute_force(queries, items, k):
    products = np.array([[float(np.dot(q, i)) for i in items] for q in queries])
    order = [sorted(range(len(items)), key=lambda j: (-row[j], j))[:k] for row in products]
    return np.take_along_axis(products, np.array(order), axis=1), np.array(order)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 20),
    st.integers(1, 3),
    st.integers(1, 7),
    st.integers(0, 10_000),
    st.data(),
)
def test_blocks_give_what_brute_force_gives_with_ties_by_number(
    n_queries, n_items, n_dims, block_size, seed, data
):
    # Small whole numbers tie, and are exact.
    rng = np.random.default_rng(seed)
    queries = rng.integers(-2, 3, (n_queries, n_dims))
    items = rng.integers(-2, 3, (n_items, n_dims))
    k = data.draw(st.integers(1, n_items))
    products, numbers = top_k_inner_product(queries, items, k, block_size=block_size)
    expected, order = brute_force(queries, items, k)
    assert numbers.tolist() == order.tolist()
    assert products.tolist() == expected.tolist()


@pytest.mark.parametrize("block_size", [1, 7, 100, 5000])
def test_real_numbers_and_equal_items(block_size):
    rng = np.random.default_rng(0)
    queries, items = rng.normal(size=(1030, 7)), rng.normal(size=(300, 7))
    items[200:] = items[:100]
    products, numbers = top_k_inner_product(queries, items, 20, block_size=block_size)
    every = queries @ items.T
    np.testing.assert_allclose(products, -np.sort(-every, axis=1)[:, :20])
    np.testing.assert_allclose(products, np.take_along_axis(every, numbers, axis=1))
    # A copy never comes before its original.
    for row in numbers[:50].tolist():
        for place, number in enumerate(row):
            if number >= 200:
                assert row[place - 1] == number - 200


def test_tensors_are_taken_as_they_come():
    torch = pytest.importorskip("torch")
    items = torch.eye(3, requires_grad=True)
    products, numbers = top_k_inner_product(torch.eye(3)[:1], items, 2)
    assert products.tolist() == [[1.0, 0.0]]
    assert numbers.tolist() == [[0, 1]]


def test_memory_is_that_of_a_block():
    import tracemalloc

    rng = np.random.default_rng(0)
    queries, items = rng.normal(size=(2048, 4)), rng.normal(size=(20_000, 4))
    tracemalloc.start()
    top_k_inner_product(queries, items, 5, block_size=500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All products would take 328 megabytes.
    assert peak < 40e6


def test_faiss_finds_the_same():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    queries, items = rng.normal(size=(50, 8)), rng.normal(size=(400, 8))
    items[300:] = items[:100]
    exact = top_k_inner_product(queries, items, 10)
    found = top_k_inner_product(queries, items, 10, backend="faiss")
    np.testing.assert_allclose(found[0], exact[0], rtol=1e-5)
    # Of copies at the last place either may be found.
    np.testing.assert_array_equal(found[1][:, :9] % 300, exact[1][:, :9] % 300)


def test_faiss_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"skbudget\[faiss\]"):
        top_k_inner_product(np.eye(2), np.eye(2), 1, backend="faiss")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "'k'"),
        ({"k": 4}, "'k'.*at most the number of items, 3"),
        ({"k": 1.5}, "'k'"),
        ({"backend": "annoy"}, "'backend'"),
        ({"block_size": 0}, "'block_size'"),
        ({"queries": np.ones(3)}, "queries must have shape"),
        ({"items": np.ones((3, 2))}, "same number of columns"),
        ({"items": np.full((3, 3), np.nan)}, "items contains NaN"),
        ({"items": [["a", "b", "c"]] * 3}, "items must be embeddings"),
        ({"queries": 1e200 * np.eye(3), "items": 1e200 * np.eye(3)}, "too large"),
    ],
    ids=["k=0", "k>n", "k real", "backend", "block", "1-D", "columns", "NaN", "text", "huge"],
)
def test_arguments_that_are_refused(change, message):
    given = {"queries": np.eye(3), "items": np.eye(3), "k": 1, **change}
    with pytest.raises(ValueError, match=message):
        top_k_inner_product(given.pop("queries"), given.pop("items"), given.pop("k"), **given)


def test_numbers_in_python_objects_are_embeddings():
    queries, items = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    found = top_k_inner_product(queries.astype(object), items.astype(object), k=1)
    np.testing.assert_array_equal(found[1], top_k_inner_product(queries, items, k=1)[1])
    with pytest.raises(ValueError, match="items must be embeddings of shape"):
        top_k_inner_product(queries, np.array([["a", 1.0]], dtype=object), k=1)


def test_products_that_are_no_numbers_name_both_sides():
    with pytest.raises(ValueError, match=r"queries go up to 1e\+200, and items up to 1e\+180. Div"):
        top_k_inner_product([[1e200, 1.0]], [[1e180, 1.0], [0.0, 1.0]], k=1)
