"""Warnings that are given once in a call of the package, at the line that called it."""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import NamedTuple

__all__ = ["OuterCall", "outer_call"]

_PACKAGE = __name__.partition(".")[0]
_CALLERS = ("sklearn", "joblib", "lightgbm", "xgboost", "skorch")


class OuterCall(NamedTuple):
    """The first call of the package that is not over, and the line that made it."""

    first: FrameType
    caller: FrameType

    @property
    def module(self) -> str:
        """The module of the function that was called first."""
        return str(self.first.f_globals.get("__name__"))

    def warn_once(self, message: str, category: type[Warning], kind: str) -> None:
        """Warn at the calling line, unless this call was warned of the same kind of thing."""
        # Many functions check the same thing in turn. Where all of them began, a note is left.
        note = f"__skbudget_warned_of_{kind}__"
        if note in self.first.f_locals:
            return
        self.first.f_locals[note] = True
        warnings.warn_explicit(
            message,
            category,
            self.caller.f_code.co_filename,
            self.caller.f_lineno,
            module=str(self.caller.f_globals.get("__name__", "")),
            registry=self.caller.f_globals.setdefault("__warningregistry__", {}),
        )


def outer_call() -> OuterCall:
    """Return the first call of the package that the caller of this function is part of."""
    frames = [sys._getframe(1)]
    while frames[-1].f_back is not None:
        frames.append(frames[-1].f_back)
    packages = [str(frame.f_globals.get("__name__")).partition(".")[0] for frame in frames]
    first = len(packages) - 1 - packages[::-1].index(_PACKAGE)
    # Estimators and scorers are called by these, on behalf of somebody else.
    beyond = zip(frames[first + 1 :], packages[first + 1 :])
    caller = next((frame for frame, name in beyond if name not in _CALLERS), frames[first])
    return OuterCall(frames[first], caller)
