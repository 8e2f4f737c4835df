"""Losses that train embeddings: pairs, triplets, and one match among many candidates.

They do not score rows. Each is called with embeddings of shape (n_rows, n_dims) and says by
``similarity`` how two embeddings are compared afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..._utils.validation import check_option, check_positive
from ._checks import (
    check_flag,
    check_magnitude,
    check_mask,
    check_tensor,
    check_weight,
    working_precision,
)

__all__ = [
    "BatchSoftmaxLoss",
    "ContrastiveLoss",
    "InfoNCELoss",
    "TripletLoss",
    "unit_vectors",
]

SIMILARITIES = ("cosine", "dot")

# Below the first there is no norm, and sums of greater powers leave single precision.
MIN_POWER, MAX_POWER = 1.0, 10.0


def unit_vectors(embeddings: Tensor) -> Tensor:
    """Return embeddings of length 1; zeros stay zeros, and have a gradient of zero."""
    # Single precision ends at 38 powers of ten, and so do squares of half as many.
    greatest = embeddings.detach().abs().amax(dim=1, keepdim=True)
    # NaN is no zero, and stays NaN.
    some = greatest != 0
    scaled = embeddings / torch.where(some, greatest, torch.ones_like(greatest))
    squares = (scaled * scaled).sum(dim=1, keepdim=True)
    length = torch.where(some, squares, torch.ones_like(squares)).sqrt()
    return torch.where(some, scaled / length, torch.zeros_like(scaled))


class EmbeddingModule(nn.Module):
    """What the losses of this module share: checks, and the mean over weighted rows."""

    trains_embeddings: ClassVar[bool] = True
    similarity: str = "euclidean"

    @contextmanager
    def _checked(self, *, free: str = "", **embeddings: Any) -> Iterator[list[Tensor]]:
        """Yield embeddings of one shape, finite, in float32 or float64.

        Those called ``free`` may have another number of rows.
        """
        first, shape = "", (-1, -1)
        for name, given in embeddings.items():
            check_tensor(given, name)
            if given.ndim != 2:
                raise ValueError(
                    f"{name} must have shape (n_rows, n_dims): got {tuple(given.shape)}."
                )
            alone = name == free
            if not first:
                first, shape = name, tuple(given.shape)
            elif tuple(given.shape) != shape and not (alone and given.shape[1] == shape[1]):
                wanted = f"(n_{name}, {shape[1]})" if alone else f"{shape}, as {first} have"
                raise ValueError(f"{name} must have shape {wanted}: got {tuple(given.shape)}.")
            finite = torch.isfinite(given.detach())
            if not bool(finite.all()):
                n_wrong = int((~finite).any(dim=1).sum())
                raise FloatingPointError(
                    f"{type(self).__name__} was handed {name} that are NaN or infinite in "
                    f"{n_wrong} of {given.shape[0]} rows: the encoder diverged. Lower lr, or scale "
                    "the features (StandardScaler)."
                )
        tensors = list(embeddings.values())
        double = any(one.dtype == torch.float64 for one in tensors)
        with working_precision(tensors[0]):
            yield [one.double() if double else one.float() for one in tensors]

    @staticmethod
    def _mean(losses: Tensor, sample_weight: Any) -> Tensor:
        """Return the weighted mean; that of nothing is zero."""
        if not losses.numel():
            return losses.sum()
        weight = check_weight(sample_weight, losses, losses.dtype)
        if weight is None:
            return losses.mean()
        total = weight.sum()
        return (losses * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


class ContrastiveLoss(EmbeddingModule):
    r"""Pairs of one class pulled together, other pairs pushed apart up to a margin.

    .. math:: L = \frac12 \left[ y\, d^2 + (1 - y) \max(0, m - d)^2 \right]

    with the Euclidean distance :math:`d` of a pair, and :math:`y = 1` for two rows of one
    class [1]_.

    Parameters
    ----------
    margin : float, default=1.0
        Distance :math:`m` beyond which a pair of two classes has no gradient.

    See Also
    --------
    TripletLoss : Distances compared with each other, and not with a number.
    InfoNCELoss : One match among many candidates.
    EmbeddingRecallClassifier : Trains an encoder by ``loss="contrastive"``.

    Notes
    -----
    Two embeddings in the same place have a gradient of zero, whichever their classes. A mean
    over nothing is zero.

    References
    ----------
    .. [1] Hadsell, R., Chopra, S. and LeCun, Y. (2006). Dimensionality reduction by learning
       an invariant mapping. CVPR.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import ContrastiveLoss
    >>> anchors = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    >>> others = torch.tensor([[0.6, 0.0], [0.6, 0.0]])
    >>> loss = ContrastiveLoss()(anchors, others, torch.tensor([True, False]))
    >>> round(loss.item(), 3)
    0.13
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = check_magnitude(margin, "margin", type(self).__name__)

    def forward(
        self,
        anchors: Tensor,
        others: Tensor,
        same: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        anchors, others : Tensor of shape (n_pairs, n_dims)
            Embeddings of both rows of each pair.
        same : Tensor of shape (n_pairs,), dtype=bool
            Whether they are of one class.
        sample_weight : Tensor of shape (n_pairs,), default=None
            Weights of the pairs, finite and at least 0.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If embeddings are NaN or infinite.
        ValueError
            If a shape or a weight is not as described.
        """
        with self._checked(anchors=anchors, others=others) as (one, other):
            same = check_mask(same, "same", one[:, 0].detach())
            if same is None:
                raise ValueError("same must be True and False, one for each pair: got None.")
            squares = ((one - other) ** 2).sum(dim=1)
            apart = squares.detach() > 0
            distance = torch.where(apart, squares, torch.ones_like(squares)).sqrt()
            distance = torch.where(apart, distance, torch.zeros_like(distance))
            pushed = (self.margin - distance).clamp(min=0.0) ** 2
            return self._mean(torch.where(same, squares, pushed) / 2, sample_weight)


class TripletLoss(EmbeddingModule):
    r"""Each row nearer to one of its class than to one of another class, by a margin.

    .. math:: L = \max(0,\; d(a, p) - d(a, n) + m)

    This is :class:`torch.nn.TripletMarginLoss`, which is called underneath, with weights.

    Parameters
    ----------
    margin : float, default=1.0
        How much nearer the row of the same class has to be.
    p : float, default=2.0
        Power of the norm, in [1, 10].
    swap : bool, default=False
        Whether the distance from the positive to the negative counts where it is shorter.

    See Also
    --------
    ContrastiveLoss : Pairs, and a fixed distance.
    InfoNCELoss : One match among many candidates.
    EmbeddingRecallClassifier : Trains an encoder by ``loss="triplet"``.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import TripletLoss
    >>> anchor, positive, negative = torch.zeros(1, 2), torch.ones(1, 2), 2 * torch.ones(1, 2)
    >>> round(TripletLoss(margin=2.0)(anchor, positive, negative).item(), 3)
    0.586
    """

    def __init__(self, margin: float = 1.0, *, p: float = 2.0, swap: bool = False) -> None:
        super().__init__()
        owner = type(self).__name__
        self.margin = check_magnitude(margin, "margin", owner)
        self.p = check_positive(p, "p", owner, minimum=MIN_POWER, maximum=MAX_POWER)
        self.swap = check_flag(swap, "swap", owner)
        self.triplet = nn.TripletMarginLoss(self.margin, self.p, swap=self.swap, reduction="none")

    def forward(
        self,
        anchors: Tensor,
        positives: Tensor,
        negatives: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        anchors, positives, negatives : Tensor of shape (n_triplets, n_dims)
            Embeddings: of a row, of one of its class, and of one of another class.
        sample_weight : Tensor of shape (n_triplets,), default=None
            Weights of the triplets, finite and at least 0.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If embeddings are NaN or infinite.
        ValueError
            If a shape or a weight is not as described.
        """
        given = {"anchors": anchors, "positives": positives, "negatives": negatives}
        with self._checked(**given) as tensors:
            return self._mean(self.triplet(*tensors), sample_weight)


class InfoNCELoss(EmbeddingModule):
    r"""Each query's own candidate found among all candidates of the batch.

    .. math::

        L = -\frac1B \sum_i \log
        \frac{e^{s(q_i, c_i) / \tau}}{\sum_{j} e^{s(q_i, c_j) / \tau}}

    It is the softmax cross-entropy of the matrix of similarities, with the diagonal for a
    target [1]_.

    Parameters
    ----------
    temperature : float, default=0.1
        :math:`\tau`. At a low temperature the candidates that are most alike decide.
    similarity : {"cosine", "dot"}, default="cosine"
        Similarity of a query and a candidate. The cosine of a vector of zeros is zero.

    See Also
    --------
    BatchSoftmaxLoss : The same at a temperature of 1, for inner products.
    EmbeddingRecallClassifier : Trains an encoder by ``loss="info_nce"``.
    top_k_inner_product : Finds the candidates of a query among all items.

    Notes
    -----
    **Duplicates.** A candidate that is the item of another row, too, is no negative of that
    row, although it stands in another column. With `ids` such entries are left out.

    A query without any other candidate has a loss of zero, and so has a batch of one row.

    References
    ----------
    .. [1] van den Oord, A., Li, Y. and Vinyals, O. (2018). Representation learning with
       contrastive predictive coding. arXiv:1807.03748.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import InfoNCELoss
    >>> queries = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> loss = InfoNCELoss(temperature=0.5)
    >>> round(loss(queries, queries).item(), 3)
    0.586

    Rows 0 and 2 ask for the same item:

    >>> round(loss(queries, queries, ids=torch.tensor([7, 8, 7])).item(), 3)
    0.164
    """

    def __init__(self, temperature: float = 0.1, *, similarity: str = "cosine") -> None:
        super().__init__()
        owner = type(self).__name__
        self.temperature = check_magnitude(temperature, "temperature", owner)
        self.similarity = check_option(similarity, "similarity", SIMILARITIES, owner)

    def forward(
        self,
        queries: Tensor,
        candidates: Tensor,
        *,
        negatives: Tensor | None = None,
        ids: Tensor | None = None,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss, shape ().

        Parameters
        ----------
        queries, candidates : Tensor of shape (n_rows, n_dims)
            Embeddings; the candidate of each query stands in its row.
        negatives : Tensor of shape (n_negatives, n_dims), default=None
            Further candidates, which no query of the batch asks for.
        ids : Tensor of shape (n_rows,), default=None
            Whole numbers, equal for candidates that are the same item.
        sample_weight : Tensor of shape (n_rows,), default=None
            Weights of the queries, finite and at least 0.

        Returns
        -------
        loss : Tensor of shape ()

        Raises
        ------
        FloatingPointError
            If embeddings are NaN or infinite.
        ValueError
            If a shape, an id or a weight is not as described.
        """
        given = {"queries": queries, "candidates": candidates}
        if negatives is not None:
            given["negatives"] = negatives
        with self._checked(free="negatives", **given) as tensors:
            if self.similarity == "cosine":
                tensors = [unit_vectors(one) for one in tensors]
            asked, own, *more = tensors
            n_rows = asked.shape[0]
            logits = asked @ own.T / self.temperature
            numbers = _check_ids(ids, n_rows)
            if numbers is not None:
                alike = numbers[:, None] == numbers[None, :]
                alike.fill_diagonal_(False)
                logits = logits.masked_fill(alike.to(logits.device), -torch.inf)
            if more:
                logits = torch.cat([logits, asked @ more[0].T / self.temperature], dim=1)
            targets = torch.arange(n_rows, device=logits.device)
            losses = F.cross_entropy(logits, targets, reduction="none") if n_rows else logits.sum(1)
            return self._mean(losses, sample_weight)

    def extra_repr(self) -> str:
        """Return the parameters for `repr`."""
        return f"temperature={self.temperature:g}, similarity={self.similarity!r}"


def _check_ids(ids: Any, n_rows: int) -> Tensor | None:
    """Return whole numbers of shape (n_rows,)."""
    if ids is None:
        return None
    ids = check_tensor(ids, "ids").detach()
    if ids.ndim == 2 and ids.shape[1] == 1:
        ids = ids[:, 0]
    if tuple(ids.shape) != (n_rows,):
        raise ValueError(f"ids must have shape ({n_rows},), as queries have: got {ids.shape}.")
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(f"ids must hold whole numbers: got {ids.dtype}.")
    return ids


class BatchSoftmaxLoss(InfoNCELoss):
    """The softmax over the candidates of a batch: `InfoNCELoss` at a temperature of 1.

    Parameters
    ----------
    similarity : {"cosine", "dot"}, default="dot"
        Similarity of a query and a candidate. The length of an embedding sets how sharp a dot
        product is; cosines at a temperature of 1 tell candidates apart only a little.

    See Also
    --------
    InfoNCELoss : The same with a temperature.
    EmbeddingRecallClassifier : Trains an encoder by ``loss="batch_softmax"``.

    Examples
    --------
    >>> import torch
    >>> from skbudget.neural import BatchSoftmaxLoss
    >>> queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> round(BatchSoftmaxLoss()(queries, queries).item(), 3)
    0.313
    """

    def __init__(self, *, similarity: str = "dot") -> None:
        super().__init__(1.0, similarity=similarity)
