"""The pieces that are measured, and the parts that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from ._effort import Effort
from ._results import Peak, Turns

__all__ = ["Piece", "plan_pieces"]

Measured = Turns | list[Turns] | list[Peak]


@dataclass(frozen=True)
class Piece:
    """Something that is measured on its own.

    Parameters
    ----------
    part : str
        Part of the benchmark.
    label : str
        The piece in words.
    measure : callable
        ``measure()`` returns times or peaks, one or a list of them.
    modules : tuple of str, default=()
        Modules that it needs in addition to the package's requirements.
    install : str, default=""
        Command that installs these modules.
    """

    part: str
    label: str
    measure: Callable[[], Measured]
    modules: tuple[str, ...] = ()
    install: str = ""

    def why_unavailable(self) -> str | None:
        """Return why the piece cannot be measured here, or None if it can."""
        for module in self.modules:
            try:
                import_module(module)
            except ModuleNotFoundError as error:
                return f"needs {error.name}: {self.install}"
            except Exception as error:  # a broken installation may raise anything
                return f"needs {module}, which is installed but cannot be imported: {error}"
        return None


_LIGHTGBM: dict[str, Any] = {
    "modules": ("lightgbm",),
    "install": 'pip install "skbudget[lightgbm]"',
}
_XGBOOST: dict[str, Any] = {"modules": ("xgboost",), "install": 'pip install "skbudget[xgboost]"'}
_NEURAL: dict[str, Any] = {
    "modules": ("torch", "skorch"),
    "install": 'pip install "skbudget[neural]"',
}
_BENCH: dict[str, Any] = {
    "modules": ("torch", "imbalanced_losses"),
    "install": 'pip install "skbudget[bench]"',
}
# `libauc` by itself imports nothing.
_LIBAUC: dict[str, Any] = {
    "modules": ("torch", "libauc.losses"),
    "install": "pip install --no-deps libauc",
}


def plan_pieces(parts: Iterable[str], effort: Effort) -> list[Piece]:
    """Return the pieces to measure, in the order of the report.

    Parameters
    ----------
    parts : iterable of str
        Names of parts, from `PARTS`.
    effort : Effort
        Sizes.

    Returns
    -------
    pieces : list of Piece
    """
    return [piece for part in parts for piece in _PLANS[part](effort)]


def _plan_fit(effort: Effort) -> list[Piece]:
    from ._boosters import FIT_SETTINGS, fit_lightgbm, fit_xgboost

    return [
        Piece("fit", label, partial(fit, setting, effort), **needs)
        for label, fit, needs in (
            ("fit with LightGBM", fit_lightgbm, _LIGHTGBM),
            ("fit with XGBoost", fit_xgboost, _XGBOOST),
        )
        for setting in FIT_SETTINGS
    ]


def _plan_pool(effort: Effort) -> list[Piece]:
    from ._fits import fit_pool_lightgbm, fit_pool_xgboost

    return [
        Piece("pool", label, partial(fit, kind, n_rounds, effort), **needs)
        for label, fit, needs in (
            ("pool with LightGBM", fit_pool_lightgbm, _LIGHTGBM),
            ("pool with XGBoost", fit_pool_xgboost, _XGBOOST),
        )
        for kind in ("shifted normals", "contested top")
        for n_rounds in effort.pool_rounds
    ]


def _plan_growth(effort: Effort) -> list[Piece]:
    from ._growth import grow

    return [
        Piece("growth", f"growth with {name}", partial(grow, name, kind, rows, effort), **needs)
        for name, needs in (("LightGBM", _LIGHTGBM), ("XGBoost", _XGBOOST))
        for kind in effort.growth_kinds
        for rows in effort.growth_rows
    ]


def _plan_estimators(effort: Effort) -> list[Piece]:
    from ._fits import fit_estimators

    return [
        Piece("estimators", f"estimators of {name}", partial(fit_estimators, name, effort), **needs)
        for name, needs in (("LightGBM", _LIGHTGBM), ("XGBoost", _XGBOOST))
    ]


def _plan_rank(effort: Effort) -> list[Piece]:
    from ._boosters import rank_lightgbm, rank_xgboost

    return [
        Piece("rank", "rank with XGBoost", partial(rank_xgboost, effort), **_XGBOOST),
        Piece("rank", "rank with LightGBM", partial(rank_lightgbm, effort), **_LIGHTGBM),
    ]


def _plan_scale(effort: Effort) -> list[Piece]:
    from ._boosters import CONTEXT, time_round
    from ._calls import time_calls

    pieces = []
    for rows in effort.scale_rows:
        pieces.append(Piece("scale", "scale", partial(time_calls, rows, effort)))
        if rows <= effort.context_rows:
            context = partial(time_round, rows, effort)
            pieces.append(Piece("scale", CONTEXT, context, **_LIGHTGBM))
    return pieces


def _plan_memory(effort: Effort) -> list[Piece]:
    from ._calls import measure_peaks

    return [Piece("memory", "memory", partial(measure_peaks, effort))]


def _plan_losses(effort: Effort) -> list[Piece]:
    from ._losses import step_imbalanced_losses, step_libauc
    from .loss_cost import SURROGATES

    namesake, libauc = "losses against imbalanced-losses", "losses against LibAUC"
    return [
        *(
            Piece("losses", namesake, partial(step_imbalanced_losses, name, effort), **_BENCH)
            for name in SURROGATES
        ),
        Piece("losses", libauc, partial(step_libauc, effort), **_LIBAUC),
    ]


def _plan_lists(effort: Effort) -> list[Piece]:
    from ._lists import time_lists

    return [Piece("lists", "lists", partial(time_lists, effort))]


def _plan_networks(effort: Effort) -> list[Piece]:
    from ._networks import fit_networks

    return [Piece("networks", "networks", partial(fit_networks, effort), **_NEURAL)]


def _plan_metric(effort: Effort) -> list[Piece]:
    from ._calls import time_metric

    return [Piece("metric", "metric", partial(time_metric, effort))]


_PLANS: dict[str, Callable[[Effort], list[Piece]]] = {
    "fit": _plan_fit,
    "pool": _plan_pool,
    "growth": _plan_growth,
    "estimators": _plan_estimators,
    "rank": _plan_rank,
    "scale": _plan_scale,
    "memory": _plan_memory,
    "losses": _plan_losses,
    "lists": _plan_lists,
    "networks": _plan_networks,
    "metric": _plan_metric,
}
