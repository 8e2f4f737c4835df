"""What `PAUCClassifier` asks around training: device, network, coverage of a net, warnings."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import nn

from ..._utils.labels import classes_by_role, deaf_to_majorities
from ..._utils.rare_class import FEW_ROWS, FewRowsWarning
from ..._utils.rare_class import warn_of_few_rows as _warn_of_few_rows
from ..._utils.scale import map_columns, shares
from ._columns import Pieces, Scaling
from ._module import MLP, EncodedMLP, Members
from ._net import BestEpoch, RankingNet
from ._rows import TableDataset, strata_of
from ._settings import settings_of

__all__ = [
    "auto_epochs",
    "build_module",
    "check_net_params",
    "class_scores",
    "mean_coverage",
    "out_of_fold_scores",
    "resolve_device",
    "unchanged_on_error",
    "warn_of_diagnostics",
    "warn_of_few_rows",
    "warn_of_interruption",
    "warn_of_scale",
    "warn_of_target",
]

# "auto": no more passes than scikit-learn's perceptron makes.
_MOST_EPOCHS = 200

# A band of fewer negatives than this on average is a matter of luck.
_FEW_BAND_NEGATIVES = 5.0

# How many times the scale of a column may be that of a standardised one, up or down.
_SCALE = 10.0
_FEW_COLUMNS = 5

# Means and standard deviations of a real target that a network reaches in its steps.
_TARGET_MEAN, _TARGET_SPREADS = 3.0, (0.02, 20.0)

# The key of the output that is scored, where a module returns a dict.
MAIN_OUTPUT = "y"

# Parameters of skorch's net that only the estimator sets, ...
_RESERVED = ("module", "criterion", "dataset", "train_split", "iterator_train", "iterator_valid")
# ... or that are set by a parameter of the estimator.
_OWN = ("max_epochs", "batch_size", "lr", "device", "verbose", "warm_start")


def check_net_params(net_params: Mapping[str, Any], owner: str) -> None:
    """Refuse parameters of the net that the estimator sets.

    Raises
    ------
    ValueError
        Naming the parameter, and where to set it instead.
    """
    for name in net_params:
        if not isinstance(name, str):
            raise ValueError(f"net_params of {owner} must have names as keys: got {name!r}.")
        instead = ""
        if name in _OWN:
            instead = f"Pass {name} to {owner}."
        elif name.partition("__")[0] in _RESERVED and not name.startswith("module__"):
            instead = "For a network of your own pass module=."
        if instead:
            raise ValueError(
                f"net_params must not hold {name!r}: {owner} sets it itself. {instead}"
            )
    callbacks = net_params.get("callbacks")
    if callbacks is not None and not isinstance(callbacks, list | tuple):
        raise ValueError(
            f"The callbacks in net_params of {owner} must be a list of callbacks. Got "
            f"{callbacks!r} instead."
        )


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Put back an estimator's attributes if a fit fails: classes, features, model."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def class_scores(scores: NDArray, n_classes: int) -> NDArray:
    """Return one score for two classes, and one per class for more.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_outputs)
        Raw scores. A loss with one score per class has two for two classes.
    n_classes : int
        Number of classes.
    """
    if n_classes == 2 and scores.shape[1] == 2:
        return scores[:, 1:] - scores[:, :1]
    return scores


def mean_coverage(net: RankingNet, rows: TableDataset, budget: float, n_classes: int = 2) -> float:
    """Return the coverage (of the value) at a budget, of more than two classes the mean.

    Of several labels per row it is the mean, too.
    """
    from ...metrics import coverage_at_budget_score

    raw, y = net.scores_of(rows).mean(axis=1), rows.about["y"].numpy()
    scores = raw if y.ndim == 2 else class_scores(raw, n_classes)
    optional = {"sample_weight": rows.about.get("weight"), "value": rows.about.get("value")}
    given = {name: entries.numpy() for name, entries in optional.items() if entries is not None}
    positives = [1] if scores.shape[1] == 1 else range(scores.shape[1])
    # A label may well be common.
    with deaf_to_majorities() if y.ndim == 2 else nullcontext():
        coverages = [
            coverage_at_budget_score(
                y[:, label] == 1 if y.ndim == 2 else y == label,
                column,
                budget=budget,
                **given,
            )
            for column, label in zip(scores.T, positives)
        ]
    return float(np.mean(coverages))


def out_of_fold_scores(
    net: RankingNet, rows: TableDataset, n_classes: int
) -> tuple[NDArray[np.intp], NDArray]:
    """Score rows by the members that were not trained on them, on the scale of their mean.

    The level of the scores means nothing to a loss that compares rows: each member ends at its
    own, and spreads more than the mean of the members does. On the rows that a member was
    trained on, its mapped scores have the mean and the spread of the mean's.

    Returns
    -------
    which : ndarray of shape (n_scored,)
        The rows in a fold. If a class has no row in a fold, all its rows are scored by
        the mean of the members, for lack of anything better.
    scores : ndarray of shape (n_scored, 1 or n_classes)
        As `class_scores` gives them.
    """
    labels, fold = rows.about["y"].numpy(), rows.about["fold"].numpy()
    y = strata_of(labels)
    if labels.ndim == 2:
        # As many scores as there are labels, also of two.
        n_classes = 0
    in_fold = fold >= 0
    which = np.flatnonzero(in_fold | ~np.isin(y, y[in_fold]))
    raw = net.scores_of(rows)
    of_members = [class_scores(raw[:, number], n_classes) for number in range(raw.shape[1])]
    of_mean = class_scores(raw.mean(axis=1), n_classes)
    scores = of_mean.copy()
    weight = rows.about.get("weight")
    for number, own in enumerate(of_members):
        unseen, seen = fold == number, np.flatnonzero(fold != number)
        if unseen.any():
            share = shares(None if weight is None else weight.double().numpy()[seen], seen.size)
            scores[unseen] = map_columns(own[unseen], own[seen], of_mean[seen], share)
    return which, scores[which]


def auto_epochs(n_batches: int, least_passes: int, least_steps: int) -> int:
    """Return the number of passes over so many batches, for that many steps."""
    return min(_MOST_EPOCHS, max(least_passes, math.ceil(least_steps / n_batches)))


def resolve_device(device: Any) -> torch.device:
    """Return the device that is meant.

    Raises
    ------
    ValueError
        If torch knows no such device, or does not find it.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
        problem: Exception | str = "it holds no numbers" if found.type == "meta" else ""
    except (RuntimeError, AssertionError, ValueError, TypeError, OverflowError) as error:
        problem = error
    if problem:
        raise ValueError(
            f"device={str(device)!r} is not available: pass 'auto', 'cpu' or a device that torch "
            f"finds here ({problem})."
        )
    return found


def build_module(
    estimator: Any,
    n_features: int,
    n_outputs: int,
    module_params: dict[str, Any],
    generator: torch.Generator | None = None,
    heads: Mapping[str, int] = MappingProxyType({}),
    scaling: Scaling | None = None,
    pieces: Pieces | None = None,
) -> nn.Module:
    """Return the network of an estimator, checked for the width of its output.

    Modules of others draw their weights from the generator of torch, our own from the one
    that is given. ``heads`` has the number of outputs of each head beside the one that is
    scored, and those follow the ``n_outputs`` of the latter. Our own network scales its columns,
    and encodes them where there are ``pieces``.

    Raises
    ------
    TypeError
        If ``module`` is no module.
    ValueError
        If its output has the wrong shape.
    """
    settings = settings_of(estimator)
    module, n_members = estimator.module, settings.n_members
    if module is None:
        if module_params:
            raise ValueError(
                f"module__* parameters are for a module of your own, and {type(estimator).__name__}"
                f" has none: got {list(module_params)}. Set hidden_layer_sizes and activation."
            )
        widths = tuple(int(width) for width in settings.hidden_layer_sizes)
        shape = n_features, n_outputs, widths, estimator.activation, n_members, generator
        try:
            if pieces is not None:
                return EncodedMLP(*shape, scaling, pieces)
            return MLP(*shape, sum(heads.values()), scaling)
        except (RuntimeError, TypeError, OverflowError) as error:
            # More than there is, or than torch can count.
            raise ValueError(
                f"{type(estimator).__name__} cannot make n_members={n_members} networks with "
                f"hidden_layer_sizes={widths}: there is not enough memory for their weights."
            ) from error
    if isinstance(module, nn.Module):
        if module_params:
            raise ValueError(
                "module is an instance, so module__* parameters have no use: got "
                f"{list(module_params)}."
            )
        members = [copy.deepcopy(module) for _ in range(n_members)]
        for member in members[1:]:
            for part in member.modules():
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()
    elif callable(module) and (not isinstance(module, type) or issubclass(module, nn.Module)):
        offered = {"n_features": n_features, "n_outputs": n_outputs + sum(heads.values())}
        named = inspect.signature(module).parameters
        given = {name: value for name, value in offered.items() if name in named}
        given |= module_params
        try:
            members = [module(**given) for _ in range(n_members)]
        except TypeError as error:
            raise TypeError(
                f"module={module!r} cannot be called with {given}: {error}. A class is called with "
                "n_features and n_outputs, if it names them, and with the module__* of net_params."
            ) from error
    else:
        members = [module]
    if not all(isinstance(member, nn.Module) for member in members):
        raise TypeError(
            f"The 'module' parameter of {type(estimator).__name__} must be a torch Module, a class "
            f"or an instance. Got {module!r} instead."
        )
    sizes = {MAIN_OUTPUT: n_outputs, **heads} if heads else {}
    _check_output(members[0], n_features, n_outputs + sum(heads.values()), sizes)
    return Members(members, tuple(sizes))


def _check_output(
    member: nn.Module, n_features: int, n_outputs: int, sizes: Mapping[str, int]
) -> None:
    member.eval()
    with torch.no_grad():
        scores = member(torch.zeros(3, n_features))
    member.train()
    if isinstance(scores, Mapping):
        _check_outputs(scores, sizes)
        return
    found = tuple(scores.shape)
    allowed = [(3, n_outputs)] + ([(3,)] if n_outputs == 1 else [])
    if found not in allowed:
        wanted = f"(n_rows, {n_outputs})" + (" or (n_rows,)" if n_outputs == 1 else "")
        raise ValueError(
            f"module returns shape {found} for 3 rows of {n_features} features, but raw scores of "
            f"shape {wanted} are needed: {n_outputs} column{'s' if n_outputs > 1 else ''}, as many "
            "as the loss takes (one for two classes, one per class for more)"
            + (f", of the heads {_listed(sizes)}, in this order." if sizes else ".")
        )


def _check_outputs(scores: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Refuse a dict of outputs that is not one of the heads there are."""
    if not sizes:
        raise ValueError(
            f"module returns a dict of {sorted(scores)}, and there is one output only: return a "
            "tensor, or pass heads."
        )
    found = {name: tuple(part.shape) for name, part in scores.items()}
    fits = found.keys() == sizes.keys() and all(
        found[name] in [(3, size), *([(3,)] if size == 1 else [])] for name, size in sizes.items()
    )
    if not fits:
        raise ValueError(
            f"module returns a dict of shapes {found} for 3 rows, but the heads with the columns "
            f"that they need are {_listed(sizes)}."
        )


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name!r} ({size})" for name, size in sizes.items())


def warn_of_few_rows(estimator: Any, y: NDArray[np.int64]) -> None:
    """Warn of a positive class, or of a label, with fewer than ten rows."""
    owner = type(estimator).__name__
    if y.ndim == 2:
        for label, count in enumerate(y.sum(axis=0).tolist()):
            if count < FEW_ROWS:
                warnings.warn(
                    f"{owner}: label {label} has {count} positives, fewer than {FEW_ROWS}: what is "
                    "learnt of it is a matter of luck, and so is its coverage.",
                    FewRowsWarning,
                    stacklevel=3,
                )
        return
    counts = np.bincount(y, minlength=estimator.classes_.size)
    _warn_of_few_rows(counts, classes_by_role(estimator), owner, stacklevel=4)


def warn_of_scale(estimator: Any, X: Any, module: nn.Module) -> None:
    """Warn of features that were not standardised, unless the network does so itself."""
    if any("norm" in type(part).__name__.lower() for part in module.modules()):
        return
    if issparse(X):
        squares = np.asarray(X.multiply(X).sum(axis=0), dtype=np.float64).ravel() / X.shape[0]
        # A column of few entries is small on average, and fine.
        small = np.zeros(squares.size, dtype=bool)
    else:
        squares = np.einsum("ij,ij->j", X, X, dtype=np.float64) / X.shape[0]
        greatest = np.maximum(X.max(axis=0), -X.min(axis=0))
        small = (greatest > 0) & (greatest < 1 / _SCALE)
    size = np.sqrt(squares)
    columns = np.flatnonzero((size > _SCALE) | small)
    if not columns.size:
        return
    names = getattr(estimator, "feature_names_in_", None)
    few = [
        f"{repr(str(names[column])) if names is not None else f'number {column}'} "
        f"({size[column]:.2g})"
        for column in columns[:_FEW_COLUMNS].tolist()
    ]
    more = columns.size - len(few)
    warnings.warn(
        f"{type(estimator).__name__}: {columns.size} of {size.size} features are far from the "
        f"scale of 1, by their root mean square: {', '.join(few)}"
        + (f" and {more} others" if more else "")
        + ". Its steps and weight decay are for standardised features, and a network learns "
        "little, or diverges, on others. Scale them: make_pipeline(StandardScaler(), "
        f"{type(estimator).__name__}(...)).",
        UserWarning,
        stacklevel=3,
    )


def warn_of_target(estimator: Any, net: RankingNet, rows: TableDataset) -> None:
    """Warn of a real target that is far from the scale of a network's scores.

    Scores of a loss may have another unit than the target, as after a logarithm. The target
    itself would be bad scores for such a loss, and then nothing is known of the unit. Nor is
    there a scale to get to where only differences of scores matter.
    """
    y = rows.about["y"].double()
    mean, spread = float(y.mean()), float(y.std(correction=0))
    low, high = _TARGET_SPREADS
    if abs(mean) <= _TARGET_MEAN and (spread == 0.0 or low <= spread <= high):
        return
    batches = net.get_params(deep=False)["iterator_train"](
        rows, settings_of(estimator).batch_size, np.random.RandomState(0)
    )
    _, about = next(iter(batches))
    scores = (
        about["y"].to(net.device)[:, None, None].expand(-1, settings_of(estimator).n_members, 1)
    )
    # Heads have the same scores both times.
    scores = nn.functional.pad(scores, (0, getattr(net.criterion_, "n_beside", 0)))
    # Its clock has not begun yet. Training puts it back.
    net.criterion_.eval()
    try:
        with torch.no_grad(), np.errstate(all="ignore"):
            of_target, of_zeros, of_ones = (
                float(net.get_loss(c * scores + shift, about))
                for c, shift in ((1.0, 0.0), (0.0, 0.0), (0.0, 1.0))
            )
    except (ArithmeticError, ValueError):
        return
    if not of_target < of_zeros or math.isclose(of_zeros, of_ones, rel_tol=1e-6):
        return
    owner = type(estimator).__name__
    warnings.warn(
        f"{owner}: y has mean {mean:.3g} and standard deviation {spread:.2g}. A network starts "
        "with scores around 0, its steps are for a target of scale 1, and so it does not get to "
        "such a target, or only by and by. Standardise y: "
        f"TransformedTargetRegressor({owner}(...), transformer=StandardScaler()).",
        UserWarning,
        stacklevel=3,
    )


def warn_of_diagnostics(estimator: Any) -> None:
    """Warn of a band with few negatives, of few positives, and of steps without a loss."""
    found = estimator.diagnostics_
    in_main = found["main_weight"] > 0
    if not in_main.any():
        return
    owner = type(estimator).__name__

    def mean(name: str) -> float:
        values = found[name][in_main]
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    idle, in_band, positives = mean("idle_share"), mean("band_neg_count"), mean("grad_pos_count")
    if idle > 0.5:
        warnings.warn(
            f"{owner}: {idle:.0%} of the steps of the main phase had no ranking loss (no positive, "
            "no negative, or scores that have collapsed). Raise batch_size or queue_size, or lower "
            "lr.",
            UserWarning,
            stacklevel=4,
        )
        return
    settings = settings_of(estimator)
    n_rows = settings.batch_size + settings.queue_size
    beta = getattr(estimator, "beta_", 1.0)
    if in_band < _FEW_BAND_NEGATIVES and beta * n_rows < _FEW_BAND_NEGATIVES:
        warnings.warn(
            f"{owner}: the band [{estimator.alpha or 0:g}, {beta:g}] held {in_band:.1f} "
            f"negatives a step on average. Raise queue_size (it is {settings.queue_size}) or "
            f"batch_size ({settings.batch_size}) to several times 1 / beta, or widen beta.",
            UserWarning,
            stacklevel=4,
        )
    if positives < 1.0:
        warnings.warn(
            f"{owner}: a step saw {positives:.2f} positives on average. Raise batch_size (it is "
            f"{settings.batch_size}).",
            UserWarning,
            stacklevel=4,
        )


def warn_of_interruption(best: BestEpoch, max_epochs: int) -> None:
    """Warn that training was interrupted, and say which weights are kept."""
    if best.epoch_:
        kept = f"the model is that of epoch {best.epoch_}"
    else:
        kept = "no epoch was complete"
    warnings.warn(
        f"Training was interrupted after {best.n_epochs_} of {max_epochs} epochs; {kept}.",
        UserWarning,
        stacklevel=4,
    )
