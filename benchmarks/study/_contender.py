"""What the study compares: a way to train, the space of its parameters, and its first trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from numpy.typing import NDArray

__all__ = ["Contender", "Fitted", "Setting"]

Role = Literal["peer", "ours"]
Family = Literal["trees", "network", "both"]

Fitted = Callable[[NDArray], NDArray]
"""Maps features of shape (n_samples, n_features) to scores of shape (n_samples,)."""


@dataclass(frozen=True)
class Setting:
    """The settings that a contender gets besides parameters and data.

    Parameters
    ----------
    random_state : int
        Seed of the random numbers that the contender draws.
    n_jobs : int, default=1
        Number of threads.
    budget : float, default=None
        Review budget, a fraction in (0, 1]. None for a contender that is trained once for
        all budgets.
    effort : float, default=1.0
        Share of the usual length of training, at most 1. A smaller share is for a first
        look.
    """

    random_state: int
    n_jobs: int = 1
    budget: float | None = None
    effort: float = 1.0


def _nothing_to_tune(trial: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Contender:
    """A way to train a model that ranks rows, with the space of its parameters.

    Parameters
    ----------
    name : str
        Name in files and on the command line.
    label : str
        Name in tables and pictures.
    role : {"peer", "ours"}
        Whether it belongs to this package.
    family : {"trees", "network", "both"}
        Kind of the model.
    package : str
        Third-party package that it needs.
    fit : callable
        ``fit(parameters, X, y, setting)`` trains a model and returns a function that scores
        rows. ``X`` is an array of floats of shape (n_samples, n_features), in which NaN is
        a missing value. ``y`` has labels 0 and 1 and the shape (n_samples,).
    suggest : callable, default=None
        ``suggest(trial)`` draws parameters with the methods ``suggest_float``,
        ``suggest_int`` and ``suggest_categorical`` of an `optuna.trial.Trial`. None if
        there is nothing to tune.
    start : mapping, default={}
        Parameters of the first trial, by the names of ``suggest``: what users get if they
        tune nothing.
    pointwise : bool, default=False
        Whether it minimises a (weighted) sum over single rows.
    per_budget : bool, default=False
        Whether it is trained for each budget, or once for all budgets.
    extra : str, default=None
        Extra that installs the package. None if the extra has the name of the package.
    modules : tuple of str, default=()
        Further modules that it needs.
    """

    name: str
    label: str
    role: Role
    family: Family
    package: str
    fit: Callable[[Mapping[str, Any], NDArray, NDArray, Setting], Fitted]
    suggest: Callable[[Any], dict[str, Any]] = _nothing_to_tune
    start: Mapping[str, Any] = field(default_factory=dict)
    pointwise: bool = False
    per_budget: bool = False
    extra: str | None = None
    modules: tuple[str, ...] = ()

    @property
    def tuned(self) -> bool:
        """Whether there is anything to tune."""
        return self.suggest is not _nothing_to_tune

    def why_unavailable(self) -> str | None:
        """Return why it cannot run here, or None if it can."""
        for module in (self.package, *self.modules):
            try:
                import_module(module)
            except ModuleNotFoundError as error:
                return f'needs {error.name}: pip install "skbudget[{self.extra or self.package}]"'
            except Exception as error:  # a broken installation may raise anything
                return f"{module} is installed but cannot be imported: {error}"
        return None
