"""The loss of embeddings by name, and its value on a batch of positives and negatives."""

from __future__ import annotations

import copy
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ...objectives._loss import loss_name
from ...objectives._registry import EMBEDDING_LOSSES, available, refuse_torch_loss
from ..losses import _embeddings
from ..losses._embeddings import ContrastiveLoss, EmbeddingModule, InfoNCELoss, TripletLoss

__all__ = [
    "embedding_loss",
    "embedding_losses",
    "loss_of_batch",
    "refuse_embeddings",
    "similarity_of",
]

LIBRARY = "pytorch_metric_learning"


def embedding_losses() -> dict[str, type[EmbeddingModule]]:
    """Return the losses of embeddings of this package by name.

    Returns
    -------
    classes : dict of str to type
    """
    return {name: getattr(_embeddings, cls) for name, cls in EMBEDDING_LOSSES.items()}


def _library() -> ModuleType | None:
    """Return the losses of pytorch-metric-learning, if it is installed."""
    try:
        return import_module(f"{LIBRARY}.losses")
    except ModuleNotFoundError:
        return None


def _by_name(name: str, owner: str) -> nn.Module:
    own = embedding_losses()
    if name in own:
        return own[name]()
    listed = ", ".join(repr(one) for one in own)
    if name in available():
        raise ValueError(
            f"loss={name!r} of {owner} trains scores, not embeddings: use "
            f"PAUCClassifier(loss={name!r}). The losses of embeddings are {listed}."
        )
    library = _library()
    found = getattr(library, name, None)
    if isinstance(found, type) and issubclass(found, nn.Module):
        try:
            return found()
        except TypeError as error:
            raise ValueError(
                f"loss={name!r} has parameters without a default: pass the loss itself, "
                f"loss={LIBRARY}.losses.{name}(...)."
            ) from error
    # The library's names are those of classes, and ours are not.
    is_class_name = name[:1].isupper()
    if is_class_name and library is None:
        raise ImportError(
            f"loss={name!r} of {owner} is no loss of this package, whose losses of embeddings are "
            f"{listed}. If it is one of pytorch-metric-learning, install that: "
            'pip install "skbudget[metric-learning]"'
        )
    raise ValueError(
        f"The 'loss' parameter of {owner} names no loss of embeddings: got {name!r}. They are "
        f"{listed}, and the classes of pytorch_metric_learning.losses, such as "
        "'MultiSimilarityLoss'."
    )


def embedding_loss(loss: Any, owner: str) -> nn.Module:
    """Return the module of a loss, a copy that a fit may change.

    Parameters
    ----------
    loss : str or Module
        The parameter of the estimator.
    owner : str
        Name of the estimator.

    Raises
    ------
    TypeError
        If it is no loss.
    ValueError, ImportError
        If there is no loss of that name.
    """
    if isinstance(loss, str):
        return _by_name(loss, owner)
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        raise TypeError(
            f"The 'loss' parameter of {owner} must be an instance, and {loss.__name__} is a class: "
            f"pass {loss.__name__}(...)."
        )
    if not isinstance(loss, nn.Module):
        raise TypeError(
            f"The 'loss' parameter of {owner} must be the name of a loss of embeddings, such as "
            f"'info_nce', or a torch Module. Got {loss!r} instead."
        )
    return copy.deepcopy(loss)


def refuse_embeddings(loss: Any, owner: str, parameter: str) -> None:
    """Raise for a loss of embeddings, by name or as a module, where scores are trained."""
    name, shown = loss, repr(loss)
    cls = loss if isinstance(loss, type) else type(loss)
    if issubclass(cls, EmbeddingModule):
        name, shown = loss_name(cls).removesuffix("_loss"), cls.__name__
    refuse_torch_loss(name, f"{parameter}={shown} of {owner}", by_networks=True)


def similarity_of(criterion: nn.Module) -> str:
    """Return how the embeddings of a loss are compared: "dot", or "cosine" for unit vectors."""
    return "dot" if getattr(criterion, "similarity", "cosine") == "dot" else "cosine"


def loss_of_batch(
    criterion: nn.Module, anchors: Tensor, partners: Tensor, negatives: Tensor
) -> Tensor:
    """Return the loss of positives with a partner each, and of negatives.

    Parameters
    ----------
    criterion : Module
        The loss. One of others is called with the embeddings of all rows and their classes,
        as those of pytorch-metric-learning are.
    anchors, partners : Tensor of shape (n_pairs, n_dims)
        Embeddings of two positives each.
    negatives : Tensor of shape (n_negatives, n_dims)
        Embeddings of negatives.
    """
    n_pairs, n_negatives = anchors.shape[0], negatives.shape[0]
    if isinstance(criterion, InfoNCELoss):
        # All positives are one class, so that none is a negative of another.
        alike = torch.zeros(n_pairs, dtype=torch.int64, device=anchors.device)
        return criterion(anchors, partners, negatives=negatives, ids=alike)
    if isinstance(criterion, ContrastiveLoss | TripletLoss):
        repeated = anchors.repeat_interleave(n_negatives, dim=0)
        against = negatives.repeat(n_pairs, 1)
        if isinstance(criterion, TripletLoss):
            return criterion(repeated, partners.repeat_interleave(n_negatives, dim=0), against)
        same = torch.ones(n_pairs, dtype=torch.bool, device=anchors.device)
        apart = torch.zeros(len(repeated), dtype=torch.bool, device=anchors.device)
        return criterion(anchors, partners, same) + criterion(repeated, against, apart)
    embeddings = torch.cat([anchors, partners, negatives])
    labels = torch.zeros(len(embeddings), dtype=torch.int64, device=anchors.device)
    labels[: 2 * n_pairs] = 1
    return criterion(embeddings, labels)
