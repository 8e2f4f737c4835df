"""The k items with the greatest inner product, exactly and in blocks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.naming import naming
from .._utils.validation import _as_array, _invalid, check_option, check_positive

__all__ = ["top_k_inner_product"]

BACKENDS = ("exact", "faiss")


def top_k_inner_product(
    queries: ArrayLike,
    items: ArrayLike,
    k: int,
    *,
    backend: str = "exact",
    block_size: int = 4096,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the items that have the greatest inner product with each query.

    It is the second half of a recall stage with two towers: one network embeds queries,
    another one embeds items, and each query gets its nearest items.

    Parameters
    ----------
    queries : array-like of shape (n_queries, n_dims)
        Embeddings of the queries.
    items : array-like of shape (n_items, n_dims)
        Embeddings of the items. Divide all embeddings by their lengths for cosines.
    k : int
        Number of items for each query, from 1 to ``n_items``.
    backend : {"exact", "faiss"}, default="exact"
        "exact" multiplies blocks in NumPy. "faiss" takes the exact index of FAISS
        (``IndexFlatIP``), which is quicker for many queries and computes in single precision.
    block_size : int, default=4096
        Items that are compared at once with at most 1024 queries, which bounds the memory. It
        has no effect on the result. FAISS does not use it.

    Returns
    -------
    products : ndarray of shape (n_queries, k)
        Inner products in decreasing order.
    numbers : ndarray of shape (n_queries, k)
        Row numbers of the items.

    Raises
    ------
    ImportError
        If FAISS is asked for and not installed.
    ValueError
        If a shape is wrong, an embedding is not finite, or `k` is not from 1 to ``n_items``.

    See Also
    --------
    InfoNCELoss : Trains both towers.
    EmbeddingRecallClassifier : One tower, and positives in place of queries.

    Notes
    -----
    Of items with equal products those with lower numbers come first. Which products are equal is
    a question of rounding; those of equal items are, whichever blocks they are in.

    Memory is of the order of ``n_queries * k + 1024 * (block_size + k)`` numbers beside the
    embeddings.

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.neural import top_k_inner_product
    >>> items = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6], [1.0, 0.0]])
    >>> products, numbers = top_k_inner_product([[1.0, 0.0]], items, k=3)
    >>> products.tolist(), numbers.tolist()
    ([[1.0, 1.0, 0.8]], [[0, 3, 2]])
    """
    owner = "top_k_inner_product"
    check_option(backend, "backend", BACKENDS, owner)
    check_positive(block_size, "block_size", owner, integer=True, minimum=1)
    asked, offered = _embeddings(queries, "queries"), _embeddings(items, "items")
    if asked.shape[1] != offered.shape[1]:
        raise ValueError(
            f"queries and items must have the same number of columns: got {asked.shape[1]} and "
            f"{offered.shape[1]}."
        )
    k = check_positive(k, "k", owner, integer=True, minimum=1)
    if k > offered.shape[0]:
        raise _invalid("k", k, owner, f"at most the number of items, {offered.shape[0]}")
    if backend == "faiss":
        return _by_faiss(asked, offered, k)
    products = np.empty((asked.shape[0], k))
    numbers = np.empty((asked.shape[0], k), dtype=np.int64)
    for start in range(0, asked.shape[0], _QUERIES):
        block = slice(start, start + _QUERIES)
        products[block], numbers[block] = _of_block(asked[block], offered, k, int(block_size))
    return products, numbers


_QUERIES = 1024


def _embeddings(values: Any, name: str) -> NDArray[np.float64]:
    """Return embeddings as float64, finite and with two dimensions."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    with naming(name, "embeddings of shape (n_rows, n_dims)"):
        given = _as_array(values, name)
        if given.dtype.kind == "O":
            given = given.astype(np.float64)
        if given.dtype.kind not in "biuf":
            raise ValueError(f"got {given.dtype}.")
        found: NDArray[np.float64] = np.asarray(given, dtype=np.float64)
    if found.ndim != 2 or 0 in found.shape:
        raise ValueError(f"{name} must have shape (n_rows, n_dims): got {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return found


def _of_block(
    queries: NDArray[np.float64], items: NDArray[np.float64], k: int, block_size: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the best items of some queries, by one pass over the items."""
    n_queries = queries.shape[0]
    best = np.empty((n_queries, 0))
    numbers = np.empty((n_queries, 0), dtype=np.int64)
    for start in range(0, items.shape[0], block_size):
        block = items[start : start + block_size]
        # A product of matrices rounds with its shape, and equal items must stay equal.
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.einsum("qd,id->qi", queries, block)
        if not np.isfinite(found).all():
            raise ValueError(
                "The inner products of queries and items are too large to be finite numbers: "
                f"queries go up to {np.abs(queries).max():g}, and items up to "
                f"{np.abs(block).max():g}. Divide the embeddings by a constant."
            )
        least = np.full((n_queries, 1), -np.inf)
        if block.shape[0] > k:
            place = block.shape[0] - k
            least = np.partition(found, place, axis=1)[:, place, None]
        wanted = found >= least
        if best.shape[1] == k:
            # Of equal products the earlier one has the lower number.
            wanted &= found > best[:, -1:]
        rows, columns = np.nonzero(wanted)
        held = np.repeat(np.arange(n_queries), best.shape[1])
        of_query = np.concatenate([held, rows])
        products = np.concatenate([best.ravel(), found[rows, columns]])
        of_item = np.concatenate([numbers.ravel(), columns + start])
        order = np.lexsort((of_item, -products, of_query))
        first = np.searchsorted(of_query[order], np.arange(n_queries))
        size = min(k, start + block.shape[0])
        order = order[first[:, None] + np.arange(size)]
        best, numbers = products[order], of_item[order]
    return best, numbers


def _by_faiss(
    queries: NDArray[np.float64], items: NDArray[np.float64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what the exact index of FAISS finds, with equal products in order."""
    try:
        faiss = import_module("faiss")
    except ModuleNotFoundError as error:
        raise ImportError(
            "backend='faiss' of top_k_inner_product needs faiss, which is not installed: "
            "pip install \"skbudget[faiss]\". backend='exact' needs nothing."
        ) from error
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(np.ascontiguousarray(items, dtype=np.float32))
    products, numbers = index.search(np.ascontiguousarray(queries, dtype=np.float32), k)
    order = np.lexsort((numbers, -products), axis=1)
    products = np.take_along_axis(products, order, axis=1).astype(np.float64)
    return products, np.take_along_axis(numbers, order, axis=1).astype(np.int64)
