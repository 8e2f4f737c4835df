"""Cross-entropy that up-weights the hardest negatives."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from ..._utils.validation import check_budget, check_positive
from ...band import find_band
from .._rows import Rows
from .binary_cross_entropy import BinaryCrossEntropy

__all__ = ["HardNegativeCrossEntropy"]


@dataclass(frozen=True)
class HardNegativeCrossEntropy(BinaryCrossEntropy):
    r"""Cross-entropy that up-weights the negatives it ranks highest.

    The rule needs no label beyond the target: at each evaluation the top
    ``top_fraction`` of the negatives by score count ``factor`` times. The mined
    rows are held constant in the derivatives; otherwise as `BinaryCrossEntropy`.

    Parameters
    ----------
    pos_weight : float, "balanced", ("balanced", share) or ("effective", beta), default=1.0
        Weight of a positive; "balanced" makes up for the class ratio. See `BinaryCrossEntropy`
        for the others.
    top_fraction : float, default=0.02
        Share of the negatives that is mined, a fraction in (0, 1].
    factor : float, default=10.0
        Weight of a mined negative.

    See Also
    --------
    BinaryCrossEntropy : All negatives alike.
    skbudget.neural.HardNegativeCrossEntropyLoss : The same in torch.

    Examples
    --------
    >>> from skbudget.objectives import HardNegativeCrossEntropy
    >>> objective = HardNegativeCrossEntropy(top_fraction=0.5, factor=3.0)
    >>> objective.gradient([0, 0, 1], [-1.0, 0.0, 1.0]).round(3)
    array([ 0.09,  0.5 , -0.09])
    """

    top_fraction: float = 0.02
    factor: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_budget(self.top_fraction, type(self).__name__, "top_fraction")
        check_positive(self.factor, "factor", type(self).__name__)

    def hold(self, rows: Rows) -> NDArray:
        """Return each row's share of the loss, mined rows included."""
        share = super().hold(rows)
        mined = find_band(
            rows.raw,
            ~rows.target,
            alpha=0.0,
            beta=self.top_fraction,
            basis="fpr",
            weight=rows.weight,
            iid_mask=rows.columns.get("iid_mask"),
            tau_scale=None,
            collective=rows.workers,
        ).members
        share[mined] *= float(self.factor)
        return share
