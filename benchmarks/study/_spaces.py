"""Spaces of parameters: tables of ranges and choices, which an Optuna trial draws from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Choice", "Parameters", "Range", "Space", "draw_by", "draw_space"]

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Range:
    """Numbers between two ends. They are whole numbers if the ends are."""

    low: float
    high: float
    log: bool = True

    def draw(self, trial: Any, name: str) -> float:
        """Draw a number."""
        suggest = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return suggest(name, self.low, self.high, log=self.log)


class Choice(tuple[Any, ...]):
    """One of a few values."""

    def draw(self, trial: Any, name: str) -> Any:
        """Draw one of the values."""
        return trial.suggest_categorical(name, list(self))


Space = Mapping[str, Range | Choice]


def draw_space(space: Space, trial: Any) -> dict[str, Any]:
    """Draw a value of each parameter of a space."""
    return {name: values.draw(trial, name) for name, values in space.items()}


def draw_by(choice: str, spaces: Mapping[str, Space], space: Space, trial: Any) -> dict[str, Any]:
    """Draw from ``space``, then from the one of ``spaces`` that the value of ``choice`` names."""
    drawn = draw_space(space, trial)
    return drawn | draw_space(spaces[drawn[choice]], trial)
