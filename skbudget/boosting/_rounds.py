"""Which boosting round the objective is called in.

Neither booster passes the round number to an objective, but both pass it to
their callbacks. A callback leaves it here, for this thread, right before the
booster asks for gradients; each number is good for the gradients of that round
and is then used up, so that nothing of an interrupted run reaches the next.
"""

from __future__ import annotations

import threading

__all__ = ["announce_round", "take_round"]

_thread = threading.local()


def announce_round(iteration: int, n_models: int = 1) -> None:
    """Say that ``n_models`` boosters are about to ask for gradients of a round."""
    _thread.iteration, _thread.uses = iteration, n_models


def take_round() -> int:
    """Return the announced round.

    Raises
    ------
    RuntimeError
        If no callback announced it.
    """
    if getattr(_thread, "uses", 0) < 1:
        raise RuntimeError(
            "An objective with a schedule needs the round number: train with "
            "callbacks=[skbudget.boosting.LightGBMRounds()] or "
            "callbacks=[skbudget.boosting.XGBoostRounds()]."
        )
    _thread.uses -= 1
    return _thread.iteration
