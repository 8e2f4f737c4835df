"""What the losses over an FPR band share: its parameters, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from ..._utils.validation import BASES, check_band, check_option, check_temperature
from ...band import TAU_SCALES, Basis, TauScale, find_band
from .._loss import Derivatives, Scale
from .._rows import Rows

__all__ = ["LINKS", "NO_ROWS", "BandParameters", "Link"]

Link = Literal["sigmoid", "logistic"]
LINKS = ("sigmoid", "logistic")

NO_ROWS = Derivatives(np.empty(0, dtype=np.intp), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class BandParameters:
    """Parameters, declarations and band of the partial-AUC losses."""

    alpha: float = 0.0
    beta: float = 0.005
    temperature: float = 1.0
    tau_scale: TauScale = None
    basis: Basis = "fpr"

    reads: ClassVar[frozenset[str]] = frozenset({"value", "iid_mask"})
    sums_over_workers: ClassVar[bool] = True
    # Each positive pulls at most as hard as in cross-entropy.
    scale: ClassVar[Scale] = "positives"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_band(self.alpha, self.beta, owner)
        check_temperature(self.temperature, owner)
        check_option(self.tau_scale, "tau_scale", TAU_SCALES, owner)
        check_option(self.basis, "basis", BASES, owner)

    def hold(self, rows: Rows) -> Any:
        """Find the band at the rows' scores."""
        return find_band(
            rows.raw,
            ~rows.target,
            alpha=self.alpha,
            beta=self.beta,
            basis=self.basis,
            weight=rows.weight,
            iid_mask=rows.columns.get("iid_mask"),
            tau_scale=self.tau_scale,
            collective=rows.workers,
        )
