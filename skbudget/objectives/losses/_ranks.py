"""Parameters of the losses that promise recall, which NumPy and torch have in common."""

from __future__ import annotations

from typing import Any, Literal

from ..._utils.validation import check_positive

__all__ = [
    "COLLAPSED",
    "LEAST_WIDTH",
    "MOST_POWER",
    "MOST_WIDTH",
    "SIDES",
    "TAU_SCALES",
    "Side",
    "check_multipliers",
]

Side = Literal["positives", "negatives"]
SIDES = ("positives", "negatives")
TAU_SCALES = ("iqr", None)

# A greater power is that of the last row alone, for any number of rows.
MOST_POWER = 1000.0
# Within these the width of an interpolation and its products are in the range of single precision.
LEAST_WIDTH, MOST_WIDTH = 1e-6, 1e6
# Scores that spread less have collapsed to one value, and a width in their units would be none.
COLLAPSED = 1e-12
# So are the products of these with a margin and a penalty.
_LEAST, _MOST = 1e-12, 1e6


def check_multipliers(loss: Any, owner: str) -> None:
    """Raise unless the parameters of an augmented Lagrangian are in range.

    Parameters
    ----------
    loss : object
        What has the parameters as attributes.
    owner : str
        Its name in messages.
    """
    check_positive(loss.margin, "margin", owner, minimum=0, maximum=_MOST)
    mu = check_positive(loss.mu, "mu", owner, minimum=_LEAST, maximum=_MOST)
    check_positive(loss.rho, "rho", owner, minimum=1, maximum=_MOST)
    check_positive(loss.max_drop, "max_drop", owner, minimum=0)
    if loss.max_mu is not None:
        check_positive(loss.max_mu, "max_mu", owner, minimum=mu, maximum=_MOST)
