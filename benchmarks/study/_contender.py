"""What the study compares: a way to train, the space it is tuned over, and where that starts."""

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
"""Maps features, shape (n_samples, n_features), to scores, shape (n_samples,)."""


@dataclass(frozen=True)
class Setting:
    """What a contender is told beside parameters and data.

    Parameters
    ----------
    random_state : int
        Seed of whatever the contender draws.
    n_jobs : int, default=1
        Threads.
    budget : float, default=None
        Review budget, a fraction in (0, 1]; None for a contender that is trained
        once for all budgets.
    effort : float, default=1.0
        Share of the usual length of training, for a quick look; at most 1.
    """

    random_state: int
    n_jobs: int = 1
    budget: float | None = None
    effort: float = 1.0


def _nothing_to_tune(trial: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Contender:
    """A way to train a model that ranks rows, with the space it is tuned over.

    Parameters
    ----------
    name : str
        Name in files and on the command line.
    label : str
        Name in tables and pictures.
    role : {"peer", "ours"}
        Whose it is.
    family : {"trees", "network", "both"}
        What is trained.
    package : str
        Third-party package it needs.
    fit : callable
        ``fit(parameters, X, y, setting)`` trains on an array of floats of shape
        (n_samples, n_features), in which NaN is a missing value, and labels 0 and 1
        of shape (n_samples,), and returns a function that scores rows.
    suggest : callable, default=None
        ``suggest(trial)`` draws parameters with the ``suggest_float``,
        ``suggest_int`` and ``suggest_categorical`` of an `optuna.trial.Trial`.
        None if there is nothing to tune.
    start : mapping, default={}
        The first trial, by the names that ``suggest`` uses: what a user gets who
        tunes nothing.
    pointwise : bool, default=False
        Whether it minimises a (weighted) sum over single rows.
    per_budget : bool, default=False
        Whether it is trained for one budget, or once for all of them.
    extra : str, default=None
        Extra that installs the package; None if it has its name.
    modules : tuple of str, default=()
        Further modules without which it cannot run.
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
            except Exception as error:  # whatever a broken installation raises
                return f"{module} is installed but cannot be imported: {error}"
        return None
