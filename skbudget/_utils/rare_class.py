"""A warning of classes that have too few rows to learn from."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW_ROWS", "FewRowsWarning", "warn_of_few_rows"]

FEW_ROWS = 10
"""With fewer rows of a class a model is a matter of luck."""


class FewRowsWarning(UserWarning):
    """The positive class, or one of several, has fewer than ten rows."""


def warn_of_few_rows(
    counts: Sequence[int] | NDArray[np.intp], classes: Any, owner: str, *, stacklevel: int = 3
) -> None:
    """Warn of a positive class with fewer than ten rows, and of a rarer class of several.

    Parameters
    ----------
    counts : sequence of int
        Rows of each class, of two the negative one first.
    classes : sequence
        Their labels.
    owner : str
        The estimator, for messages.
    stacklevel : int, default=3
        Where the warning points to.
    """
    rarest = 1 if len(counts) == 2 else int(np.argmin(counts))
    n_rows, label = int(counts[rarest]), classes[rarest]
    if n_rows >= FEW_ROWS:
        return
    label = label.item() if hasattr(label, "item") else label
    which = f"positive{'s' * (n_rows != 1)}" if len(counts) == 2 else f"rows of class {label!r}"
    warnings.warn(
        f"{owner}: y has {n_rows} {which}, fewer than {FEW_ROWS}: the model is "
        "a matter of luck, and so is its coverage. Collect more rows of this class, and rank by a "
        "rule or an anomaly score until then.",
        FewRowsWarning,
        stacklevel=stacklevel,
    )
