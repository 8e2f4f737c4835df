"""What a network is trained on: any loss, a copy for each member, and a warm-up before it."""

from __future__ import annotations

import copy
import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, NamedTuple

import numpy as np
from torch import nn

from ..._utils.conditions import warn_of_idle
from ..._utils.validation import check_band
from ...band import Basis
from ...objectives import (
    AtBudget,
    BinaryCrossEntropy,
    CrammerSinger,
    Loss,
    Rows,
    SoftmaxCrossEntropy,
    VectorScalingSoftmax,
    loss_classes,
)
from ...objectives import FocalLoss as NumpyFocalLoss
from ...objectives._checks import has_band, hint_of_parameter
from ...objectives._compose import _parts_of
from ...objectives._loss import loss_name
from ...objectives._registry import classes_of
from ...objectives._rows import MARGINS, TARGETS, Margins, Target
from ...objectives.losses._hinge import HingeLoss
from ...objectives.losses._scaling import ScaledCrossEntropy
from ...objectives.losses.rank_reg import RankReg
from .. import losses
from ..losses._cross_entropy import WeightedCrossEntropyLoss
from ..losses._embeddings import EmbeddingModule
from ..losses._focal import FocalLoss
from ..losses._numpy import NumpyLoss
from ..losses._pauc import PAUCAtBudgetLoss
from ..losses._queue import MemoryQueue
from ..losses._ranking import RankingLoss
from ..losses._significance import SignificanceLoss
from ..losses._warmup import LossWarmup
from ._conditions import conditions_of_loss
from ._embedding_loss import refuse_embeddings
from ._mass import balanced_cross_entropy, band_end, class_mass, shown_mass
from ._members import AllMembers, EachMember, OwnColumns, names_of_columns, temperature_of
from ._net import OF_NET
from ._rows import TableDataset
from ._settings import settings_of

__all__ = [
    "OWN_PARAMETERS",
    "Declaration",
    "balanced_cross_entropy",
    "band_end",
    "band_of",
    "check_loss_parameters",
    "class_mass",
    "declare_loss",
    "find_loss_of",
    "make_criterion",
    "make_loss",
    "torch_losses",
]

# Parameters of the estimator that only its own loss has.
OWN_PARAMETERS = ("surrogate", "link", "tau_scale", "basis", "n_knots", "pos_numerator")

# They need no warm-up on cross-entropy: every row has a loss of its own.
_OF_ROWS = (
    BinaryCrossEntropy,
    CrammerSinger,
    HingeLoss,
    NumpyFocalLoss,
    ScaledCrossEntropy,
    SoftmaxCrossEntropy,
    VectorScalingSoftmax,
    WeightedCrossEntropyLoss,
    FocalLoss,
    nn.BCEWithLogitsLoss,
    nn.CrossEntropyLoss,
)


# --- what a loss needs ------------------------------------------------------------------


class Declaration(NamedTuple):
    """What a loss takes, and needs of the rows; see `skbudget.objectives.Loss`.

    Attributes
    ----------
    name : str
        What messages call the loss.
    target, margins, reads, needs
        As of a `Loss`. A network can have several labels per row as its target, ``"labels"``.
    takes_weight : bool, default=True
        Whether it takes ``sample_weight``.
    separates_value : bool, default=False
        Whether it tells what a row is worth from how often the row counts.
    has_warmup : bool, default=True
        Whether cross-entropy is trained on before it.
    is_own : bool, default=False
        Whether it is the loss of the estimator's own parameters.
    basis : {"fpr", "population"}, default="fpr"
        What the ends of its band count, where it has a band.
    shares_score : bool, default=False
        Whether the margins are one score, minus thresholds that a layer learns.
    warms_up_on_itself : bool, default=False
        Whether the loss is trained on alone, before a regulariser is added.
    base, regularizer : Declaration, default=None
        What the loss and the regulariser take, where there are both.
    heads : tuple of HeadDeclaration, default=()
        What the heads beside the one that is scored take.
    main_columns : frozenset of str, default=frozenset()
        With heads, the columns that the loss of the head that is scored is handed.
    """

    name: str
    target: Target | Literal["labels"] = "binary"
    margins: Margins = "one"
    reads: frozenset[str] = frozenset({"iid_mask", "value"})
    needs: frozenset[str] = frozenset()
    takes_weight: bool = True
    separates_value: bool = False
    has_warmup: bool = True
    is_own: bool = False
    basis: Basis = "fpr"
    shares_score: bool = False
    warms_up_on_itself: bool = False
    base: Declaration | None = None
    regularizer: Declaration | None = None
    heads: tuple[Any, ...] = ()
    main_columns: frozenset[str] = frozenset()

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the loss is handed, where they are given."""
        return self.reads | self.needs

    @property
    def has_classes(self) -> bool:
        """Whether the target is one of two classes or of more, or several labels."""
        return self.target in ("binary", "classes", "labels")

    @property
    def has_labels(self) -> bool:
        """Whether a row has several labels at once."""
        return self.target == "labels"

    def n_outputs(self, n_labels: int) -> int:
        """Return the number of raw scores per row.

        Parameters
        ----------
        n_labels : int
            Number of classes or levels; 0 for a real target.

        Returns
        -------
        n_outputs : int
        """
        if self.margins == "thresholds":
            return n_labels - 1
        if self.margins == "classes":
            return n_labels
        return n_labels if self.has_classes and n_labels > 2 else 1


def declare_loss(loss: Any, owner: str, parameter: str = "loss") -> Declaration:
    """Return what the ``loss`` of an estimator needs, without making it.

    Parameters
    ----------
    loss : None, str, Loss, Module, or a class of modules
        The parameter of the estimator.
    owner, parameter : str
        Name of the estimator, and of its parameter.

    Returns
    -------
    declaration : Declaration

    Raises
    ------
    TypeError
        If ``loss`` is nothing of the above.
    ValueError
        If there is no loss of that name, or it cannot be trained on.
    """
    if loss is None:
        return Declaration("PAUCAtBudgetLoss", is_own=True)
    found, _ = _find(loss, owner, parameter)
    if isinstance(found, NumpyLoss):
        found = found.loss
    declaration = (
        _declare_numpy_loss(found) if isinstance(found, Loss) else _declare_torch_loss(found, owner)
    )
    taken = OF_NET & (declaration.reads | declaration.needs)
    if taken:
        raise ValueError(
            f"{declaration.name} reads a column {min(taken)!r}, which is what {owner} calls "
            "something else: give the column another name."
        )
    return declaration


def _find(loss: Any, owner: str, parameter: str = "loss") -> tuple[Any, bool]:
    """Return a loss, a module or a class of modules, and whether it was given by name."""
    refuse_embeddings(loss, owner, parameter)
    if isinstance(loss, str):
        classes, named = loss_classes(), torch_losses()
        if loss in named and loss not in classes:
            return named[loss], True
        if loss not in classes:
            listed = ", ".join(sorted({*classes, *named}))
            raise ValueError(
                f"The {parameter!r} parameter of {owner} names no loss: got {loss!r}. The losses "
                f"are: {listed}."
            )
        try:
            return classes[loss](), True
        except TypeError as error:
            raise ValueError(
                f"{parameter}={loss!r} has parameters without a default: pass the loss itself, "
                f"{parameter}={classes[loss].__name__}(...)."
            ) from error
    is_class = isinstance(loss, type) and issubclass(loss, nn.Module)
    if not is_class and not isinstance(loss, Loss | nn.Module):
        raise TypeError(
            f"The {parameter!r} parameter of {owner} must be None, the name of a loss, a Loss "
            f"such as PairwisePAUC(), or a torch Module, a class or an instance. Got "
            f"{loss!r} instead."
        )
    return loss, False


def torch_losses() -> dict[str, type[nn.Module]]:
    """Return the torch losses of this package by name: ``"smooth_ap"`` for `SmoothAPLoss`.

    Those of embeddings, which score no rows, are not among them.

    Returns
    -------
    classes : dict of str to type
    """
    found: dict[str, type[nn.Module]] = {}
    for entry in pkgutil.iter_modules(losses.__path__):
        module = import_module(f"{losses.__name__}.{entry.name}")
        for member in classes_of(module, nn.Module):
            named = member.__name__.endswith("Loss") and not member.__name__.startswith("_")
            if named and member is not NumpyLoss and not issubclass(member, EmbeddingModule):
                found[loss_name(member).removesuffix("_loss")] = member
    return dict(sorted(found.items()))


def _declare_numpy_loss(loss: Loss[Any]) -> Declaration:
    return Declaration(
        type(loss).__name__,
        loss.target,
        loss.margins,
        loss.reads,
        loss.needs,
        separates_value=True,
        has_warmup=loss.target in ("binary", "classes") and not isinstance(loss, _OF_ROWS),
        shares_score=getattr(loss, "shares_score", False),
    )


def _declare_torch_loss(loss: Any, owner: str) -> Declaration:
    cls = loss if isinstance(loss, type) else type(loss)
    if issubclass(cls, LossWarmup):
        raise ValueError(
            f"{owner} warms up by itself: pass the main loss of the LossWarmup, and set warmup, "
            "blend and temperature_start."
        )
    names, needed, takes_weight = names_of_columns(loss)
    # A module may say what it takes, as a `Loss` does; others take classes.
    target = getattr(loss, "target", None)
    if not isinstance(target, str) or target not in (*TARGETS, "labels"):
        target = "binary"
    margins = getattr(loss, "margins", None)
    if not isinstance(margins, str) or margins not in MARGINS:
        margins = "thresholds" if target == "ordinal" else "one"
    if getattr(loss, "reduction", None) == "none":
        raise ValueError(
            f"{cls.__name__} has reduction='none', and one number for a batch is needed to be "
            "trained on."
        )
    return Declaration(
        cls.__name__,
        target,  # type: ignore[arg-type]
        margins,  # type: ignore[arg-type]
        names | ({"value"} if takes_weight and target != "labels" else set()),
        needed,
        takes_weight=takes_weight,
        separates_value="value" in names,
        has_warmup=target in ("binary", "classes") and not issubclass(cls, _OF_ROWS),
        basis="population" if getattr(loss, "basis", None) == "population" else "fpr",
        shares_score=getattr(loss, "shares_score", False) is True,
    )


def find_loss_of(estimator: Any) -> Any:
    """Return the loss, module or class of modules that an estimator was given; None for its own."""
    if estimator.loss is None:
        return None
    return _find(estimator.loss, type(estimator).__name__)[0]


def check_loss_parameters(estimator: Any) -> Declaration:
    """Return what the estimator's loss needs; refuse parameters that would not reach the loss.

    Raises
    ------
    TypeError, ValueError
        If ``loss`` is no loss, or a parameter of the estimator has no effect on it.
    """
    owner = type(estimator).__name__
    declaration = declare_loss(estimator.loss, owner)
    if not declaration.is_own:
        found, by_name = _find(estimator.loss, owner)
        sets_band = by_name and _has_band(found)
        defaults = inspect.signature(type(estimator)).parameters
        for name in ("alpha", "beta") if not sets_band else ():
            if getattr(estimator, name) is not None:
                hint = hint_of_parameter(found, name, getattr(estimator, name), "loss")
                raise ValueError(
                    f"{name} of {owner} sets the band of its own loss, or of a loss over a band "
                    f"that is given by name, and {declaration.name} is neither. "
                    + (hint or "Pass a loss with its band, such as loss=PairwisePAUC(beta=0.01).")
                )
        for name in OWN_PARAMETERS:
            if name in defaults and getattr(estimator, name) != defaults[name].default:
                hint = hint_of_parameter(found, name, getattr(estimator, name), "loss")
                raise ValueError(
                    f"{name} of {owner} is a parameter of its own loss, and would have no effect "
                    f"on {declaration.name}. "
                    + (hint or "Leave it out, or pass a loss with this parameter.")
                )
    if declaration.has_labels and estimator.class_weight is not None:
        raise ValueError(
            f"class_weight of {owner} is for one class per row, and {declaration.name} takes "
            "several labels: leave it out, or set pos_weight of the loss."
        )
    if declaration.has_classes:
        return declaration
    if estimator.early_stopping:
        raise ValueError(
            "early_stopping=True measures the coverage at the budget, which needs classes: "
            f"{declaration.name} takes the target {declaration.target!r}. Pass "
            "early_stopping=False, and choose max_epochs by cross-validation."
        )
    if declaration.target == "real" and estimator.class_weight is not None:
        raise ValueError(f"class_weight needs classes: {declaration.name} takes the target 'real'.")
    return declaration


# --- the loss itself --------------------------------------------------------------------


def make_criterion(
    estimator: Any,
    declaration: Declaration,
    rows: TableDataset,
    n_batches: int,
    n_steps: int,
    regularized: Callable[..., nn.Module],
) -> LossWarmup:
    """Return the loss of the ensemble for so many steps; the estimator learns its band.

    Parameters
    ----------
    estimator : PAUCClassifier
        The estimator.
    declaration : Declaration
        What its loss needs.
    rows : TableDataset
        The rows to train on.
    n_batches, n_steps : int
        Steps of an epoch, and of the whole training.
    regularized : callable
        Adds the regulariser, see `add_regularizer`.

    Returns
    -------
    criterion : LossWarmup
    """
    # More would hold rows of the batch itself, only older.
    queue_size = min(settings_of(estimator).queue_size, len(rows) - -(-len(rows) // n_batches))
    main, beta = make_loss(estimator, declaration.base or declaration, rows, queue_size)
    if hasattr(main, "_begin_at_levels") and declaration.target == "ordinal":
        # The user's own module stays as it is.
        main = copy.deepcopy(main)
        main._begin_at_levels(class_mass(rows, estimator.classes_.size))
    vars(estimator).pop("beta_", None)
    if beta is not None:
        estimator.beta_ = beta
    of_members = EachMember(main, settings_of(estimator).n_members)
    warmup: nn.Module | None = None
    if declaration.warms_up_on_itself:
        assert declaration.base is not None
        warmup = OwnColumns(copy.deepcopy(of_members), declaration.base.columns)
    elif declaration.has_warmup:
        n_labels = estimator.classes_.size
        warmup = AllMembers(
            balanced_cross_entropy(
                shown_mass(rows, n_labels, n_batches), declaration.n_outputs(n_labels)
            )
        )
    if not declaration.is_own:
        of_loss = conditions_of_loss(declaration.name, main, warms_up=warmup is not None)
        warn_of_idle(of_loss, estimator)
    warmup_steps = 0 if warmup is None else int(estimator.warmup * n_steps)
    end = temperature_of(main)
    start = None
    if declaration.is_own:
        start = estimator.temperature_start
    elif end is not None:
        # Another loss ends at the temperature that it came with.
        start = end * (estimator.temperature_start / estimator.temperature)
    return LossWarmup(
        warmup,
        regularized(estimator, declaration, of_members, rows, queue_size),
        warmup_steps=warmup_steps,
        blend_steps=0 if warmup is None else int(estimator.blend * n_steps),
        temperature_start=start,
        temperature_end=end,
        temperature_decay_steps=max(1, n_steps - warmup_steps),
    )


def make_loss(
    estimator: Any,
    declaration: Declaration,
    rows: TableDataset,
    queue_size: int,
    parameter: str = "loss",
) -> tuple[nn.Module, float | None]:
    """Return the loss of one member, and the end of its band, None without one.

    ``parameter`` is that of the estimator which holds the loss.
    """
    owner = type(estimator).__name__
    if declaration.is_own:
        alpha, beta = band_of(estimator, rows)
        own = PAUCAtBudgetLoss(
            declaration.n_outputs(estimator.classes_.size),
            alpha=alpha,
            beta=beta,
            surrogate=estimator.surrogate,
            link=estimator.link,
            n_knots=estimator.n_knots,
            tau_scale=estimator.tau_scale,
            temperature=estimator.temperature,
            pos_numerator=estimator.pos_numerator,
            basis=estimator.basis,
            queue_size=queue_size,
            max_pool_size=estimator.max_pool_size,
            weighted_budget="weight" in rows.about,
        )
        return own, beta
    found, by_name = _find(getattr(estimator, parameter), owner, parameter)
    sets_band = by_name and _has_band(found)
    band = dict(zip(("alpha", "beta"), band_of(estimator, rows))) if sets_band else {}
    if isinstance(found, Loss):
        if by_name and hasattr(found, "budget"):
            band["budget"] = estimator.budget
        loss = _resolved(found.replace(**band) if band else found, declaration, rows, estimator)
        end = _end_of_band(loss)
        twin = _twin(loss, estimator, declaration, rows, queue_size)
        return NumpyLoss(loss, per_row=True) if twin is None else twin, end
    if isinstance(found, type):
        found = _made(found, estimator, declaration, rows, queue_size, band)
    return found, found.beta if isinstance(found, PAUCAtBudgetLoss) else None


def _has_band(loss: Any) -> bool:
    """Whether a loss, or a class of them, has the parameters of a band."""
    if isinstance(loss, type):
        return issubclass(loss, PAUCAtBudgetLoss)
    return has_band(loss)


def _end_of_band(loss: Loss[Any]) -> float | None:
    """Return the end of a loss's band; None without a band, or if parts have several."""
    parts = list(_parts_of(loss))
    if any(isinstance(part, AtBudget) for part in parts):
        # Each batch, or each class, will have a band of its own.
        return None
    ends = {getattr(part, "beta", None) for part in parts if _has_band(part)}
    return ends.pop() if len(ends) == 1 else None


def band_of(estimator: Any, rows: TableDataset) -> tuple[float, float]:
    """Return the ends of the band that the estimator's parameters say."""
    alpha = 0.0 if estimator.alpha is None else estimator.alpha
    beta = estimator.beta
    if beta is None:
        beta = band_end(estimator.budget, class_mass(rows, estimator.classes_.size))
    return check_band(alpha, beta, type(estimator).__name__)


def _resolved(
    loss: Loss[Any], declaration: Declaration, rows: TableDataset, estimator: Any
) -> Loss[Any]:
    """Return a loss with what depends on all rows filled in, rather than batch by batch."""
    about = {name: column.numpy() for name, column in rows.about.items()}
    y, weight = about.pop("y"), about.pop("weight", None)
    n_labels = 0 if declaration.target == "real" else estimator.classes_.size
    n_outputs = declaration.n_outputs(n_labels)
    if declaration.target == "binary":
        if n_outputs > 1 or not (y == 1).any() or (y == 1).all():
            # One class against the rest, or a part of a stream: each batch on its own.
            return loss
        y = y == 1
        if "value" in about and not about["value"][y].any():
            return loss
    about.pop("fold", None)
    raw = np.zeros(y.size if declaration.margins == "one" else (y.size, n_outputs))
    return loss.resolved(Rows(y, raw, weight, about))


def _twin(
    loss: Loss[Any],
    estimator: Any,
    declaration: Declaration,
    rows: TableDataset,
    queue_size: int,
) -> nn.Module | None:
    """Return the torch module of a NumPy loss, with the estimator's queue, if it has one."""
    n_outputs = (
        1 if declaration.target != "binary" else declaration.n_outputs(estimator.classes_.size)
    )
    if n_outputs > 1 and not loss.networks_only:
        # The module would be made for one class.
        return None
    weighted = "weight" in rows.about
    counts_rows = getattr(loss, "basis", "fpr") == "population" or isinstance(loss, RankReg)
    if counts_rows and weighted and "value" in rows.about:
        # The module has one weight for both.
        return None
    twin = loss.torch_loss()
    if n_outputs > 1 and twin is not None:
        twin.num_classes = n_outputs
    if isinstance(twin, RankingLoss):
        twin.queue_size = queue_size
        twin.queue = MemoryQueue(queue_size, twin.num_classes)
        twin.max_pool_size = estimator.max_pool_size
    if hasattr(twin, "weighted_budget"):
        twin.weighted_budget = weighted
    return twin


def _made(
    cls: type[nn.Module],
    estimator: Any,
    declaration: Declaration,
    rows: TableDataset,
    queue_size: int,
    band: dict[str, float],
) -> nn.Module:
    """Return an instance of a class of losses, with what it names of the estimator."""
    n_outputs = declaration.n_outputs(
        0 if declaration.target == "real" else len(estimator.classes_)
    )
    offered: dict[str, Any] = {"num_classes": n_outputs}
    if issubclass(cls, RankingLoss | SignificanceLoss):
        offered["budget"] = estimator.budget
    if issubclass(cls, RankingLoss):
        offered |= {
            "queue_size": queue_size,
            "max_pool_size": estimator.max_pool_size,
            "weighted_budget": "weight" in rows.about,
            **band,
        }
    if issubclass(cls, FocalLoss) and n_outputs > 1:
        offered["activation"] = "softmax"
    named = inspect.signature(cls).parameters
    return cls(**{name: value for name, value in offered.items() if name in named})
