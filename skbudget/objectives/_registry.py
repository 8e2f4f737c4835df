"""The losses by name, found by walking the folder that holds them."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from .._utils.validation import check_option
from . import losses
from ._loss import Loss, loss_name
from ._rows import TARGETS

__all__ = [
    "EMBEDDING_LOSSES",
    "NETWORK_LOSSES",
    "available",
    "classes_of",
    "find_loss",
    "loss_classes",
    "refuse_torch_loss",
]

MODELS = ("boosters", "networks", "embeddings")

# Losses that train embeddings, and their torch modules in `skbudget.neural`, which is not
# imported for the names. They are no `Loss`: they score no rows.
EMBEDDING_LOSSES = {
    "batch_softmax": "BatchSoftmaxLoss",
    "contrastive": "ContrastiveLoss",
    "info_nce": "InfoNCELoss",
    "triplet": "TripletLoss",
}

# Losses that are torch modules alone, and what they take; one takes several labels per row.
NETWORK_LOSSES: dict[str, tuple[str, str | None]] = {
    "multilabel_cross_entropy": ("MultilabelCrossEntropyLoss", None),
    "recall_at_quantile": ("RecallAtQuantileLoss", "binary"),
    "smooth_ap": ("SmoothAPLoss", "binary"),
}


def refuse_torch_loss(name: Any, what: str, *, by_networks: bool = False) -> None:
    """Raise if a name is that of a torch module alone, and say what takes it.

    Parameters
    ----------
    name : object
        What is looked up by name.
    what : str
        The parameter and its value, or the name, as the message begins.
    by_networks : bool, default=False
        Whether it is looked up for networks, which take all modules that score rows.

    Raises
    ------
    ValueError
        For losses of embeddings, and losses that are for networks only.
    """
    if not isinstance(name, str):
        return
    if name in EMBEDDING_LOSSES:
        module = EMBEDDING_LOSSES[name]
        raise ValueError(
            f"{what} trains embeddings, not scores of rows. Use "
            f"skbudget.neural.EmbeddingRecallClassifier(loss={name!r}), which ranks rows by their "
            f"similarity to the positives, or skbudget.neural.{module} in a loop of your own."
        )
    if name in NETWORK_LOSSES and not by_networks:
        module, _ = NETWORK_LOSSES[name]
        raise ValueError(
            f"{what} is for networks only: it is a torch module, without a hessian. Use "
            f"PAUCClassifier(loss={name!r}), or skbudget.neural.{module} in a loop of your own. "
            "Boosters take those of skbudget.objectives.available(model='boosters')."
        )


def loss_classes() -> dict[str, type[Loss[Any]]]:
    """Return the classes of all losses by name, in alphabetical order.

    Returns
    -------
    classes : dict of str to type
        The concrete subclasses of `Loss` that a module of ``objectives/losses`` defines.

    Raises
    ------
    ImportError
        If two modules define losses of one name.
    """
    found: dict[str, type[Loss[Any]]] = {}
    for entry in sorted(pkgutil.iter_modules(losses.__path__), key=lambda entry: entry.name):
        if entry.name.startswith("_"):
            continue
        module = import_module(f"{losses.__name__}.{entry.name}")
        for member in classes_of(module, Loss):
            if member.__name__.startswith("_"):
                continue
            name = loss_name(member)
            if name in found:
                raise ImportError(
                    f"Two losses are called {name!r}: {found[name].__module__} and "
                    f"{module.__name__} define one each. Rename one of the classes."
                )
            found[name] = member
    return dict(sorted(found.items()))


def classes_of(module: ModuleType, base: type[Any]) -> Iterator[type[Any]]:
    """Yield the concrete subclasses of ``base`` that a module defines."""
    for member in vars(module).values():
        # In Python 3.10 an alias such as `NDArray` or `list[int]` says that it is a class.
        if not issubclass(type(member), type) or member.__module__ != module.__name__:
            continue
        if issubclass(member, base) and not inspect.isabstract(member):
            yield member


def available(target: str | None = None, *, model: str | None = None) -> list[str]:
    """Return the names of the losses.

    Parameters
    ----------
    target : {"binary", "classes", "ordinal", "real"}, default=None
        Only losses that take this target; None for all.
    model : {"boosters", "networks", "embeddings"}, default=None
        Only losses that these can be trained on; None for all that `find_loss` takes. Networks
        take every loss of scores, and a few more, which are torch modules alone. A loss without a
        hessian, as one of ranks, is for networks only.
        Losses of embeddings score no rows. They take two classes and are for
        `skbudget.neural.EmbeddingRecallClassifier` alone.

    Returns
    -------
    names : list of str
        In alphabetical order. ``objective=`` of the boosters' classifiers takes those for
        boosters. ``loss=`` of `PAUCClassifier` takes each of them, but for those of embeddings.
        `find_loss` takes those that are listed without ``model``.

    See Also
    --------
    find_loss : The loss of a name.

    Examples
    --------
    >>> from skbudget.objectives import available
    >>> "pairwise_pauc" in available("binary")
    True
    >>> "rank_reg" in available(model="boosters")
    False
    >>> sorted(set(available(model="networks")) - set(available()))
    ['multilabel_cross_entropy', 'recall_at_quantile', 'smooth_ap']
    >>> available(model="embeddings")
    ['batch_softmax', 'contrastive', 'info_nce', 'triplet']
    """
    if target is not None:
        check_option(target, "target", TARGETS, "available")
    if model is not None:
        check_option(model, "model", MODELS, "available")
    if model == "embeddings":
        return sorted(EMBEDDING_LOSSES) if target in (None, "binary") else []
    names = [
        name
        for name, found in loss_classes().items()
        if (target is None or found.target == target)
        and not (model == "boosters" and found.networks_only)
    ]
    if model == "networks":
        names += [
            name for name, (_, takes) in NETWORK_LOSSES.items() if target is None or takes == target
        ]
    return sorted(names)


def find_loss(name: str, **params: Any) -> Loss[Any]:
    """Return a loss by name.

    Parameters
    ----------
    name : str
        One of `available`.
    **params
        Parameters of the loss.

    Returns
    -------
    loss : Loss

    Raises
    ------
    ValueError
        If there is no loss of that name.

    See Also
    --------
    available : The names.

    Examples
    --------
    >>> from skbudget.objectives import find_loss
    >>> find_loss("pairwise_pauc", beta=0.01).beta
    0.01
    """
    refuse_torch_loss(name, f"The loss {name!r}")
    classes = loss_classes()
    if not isinstance(name, str) or name not in classes:
        raise ValueError(f"There is no loss called {name!r}. The losses are: {', '.join(classes)}.")
    return classes[name](**params)
