"""Settings of the reproduction: the data, the recipes of training, and their scale.

Nothing here imports NumPy or torch, so that the command line can list the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._data import Sample

__all__ = [
    "FULL",
    "QUICK",
    "SETTLED_BAND",
    "STUDY_BAND",
    "CardFraud",
    "Contested",
    "Demo",
    "Fit",
    "Recipe",
    "Scale",
]

STUDY_BAND = (0.5, 1.5)
"""The band of the published study, in multiples of the budget."""

SETTLED_BAND = (0.0, 1.0)
"""The band that the publication recommends in the end."""


@dataclass(frozen=True)
class Scale:
    """Numbers of rows and of training steps.

    Parameters
    ----------
    name : str
        "full" for the settings of the publication, or another name.
    n_train, n_test : int
        Numbers of rows of a table of the controlled study.
    n_demo : int
        Number of rows of the table of the demo. A quarter of them are test rows.
    n_real : int or None
        Number of rows to keep of a real table. None keeps all.
    n_seeds, n_demo_seeds : int
        Default numbers of seeds.
    epochs, batch_size, queue_size : int
        Number of passes over the training rows, rows per step, and rows that the losses
        remember.
    hidden : int, default=64
        Number of units in each of the two hidden layers.
    learning_rate : float, default=1e-3
        Learning rate of Adam.
    """

    name: str
    n_train: int
    n_test: int
    n_demo: int
    n_real: int | None
    n_seeds: int
    n_demo_seeds: int
    epochs: int
    batch_size: int
    queue_size: int
    hidden: int = 64
    learning_rate: float = 1e-3


# The order is rows, seeds, epochs, batch size and queue size.
FULL = Scale("full", 150_000, 300_000, 200_000, None, 8, 5, 15, 4096, 8192)
QUICK = Scale("quick", 75_000, 150_000, 100_000, 60_000, 2, 2, 12, 2048, 4096)


@dataclass(frozen=True)
class Contested:
    """A table of the controlled study.

    Parameters
    ----------
    cue : {"linear", "product", "radial"}, default="product"
        What distinguishes positives from decoys.
    decoy_frac : float, default=0.012
        Share of the negatives that are decoys.
    easy : float, default=2.5
        Size of the signal that positives and decoys share.
    """

    cue: str = "product"
    decoy_frac: float = 0.012
    easy: float = 2.5

    def draw(self, seed: int, scale: Scale) -> Sample:
        """Return the rows of a seed."""
        from ._data import draw_contested

        return draw_contested(
            seed,
            scale.n_train,
            scale.n_test,
            cue=self.cue,
            decoy_frac=self.decoy_frac,
            easy=self.easy,
        )


@dataclass(frozen=True)
class Demo:
    """The table of the demo, with confounders."""

    def draw(self, seed: int, scale: Scale) -> Sample:
        """Return the rows of a seed."""
        from ._data import draw_confounded

        return draw_confounded(seed, scale.n_demo)


@dataclass(frozen=True, eq=False)
class CardFraud:
    """Splits of a real table.

    Parameters
    ----------
    X, y : ndarray, default=None
        Features, and labels 0 and 1. None until the table is read.
    """

    X: NDArray | None = None
    y: NDArray | None = None

    def draw(self, seed: int, scale: Scale) -> Sample:
        """Return the split of a seed."""
        from ._data import split_table

        if self.X is None or self.y is None:
            raise ValueError("The table has not been read.")
        return split_table(self.X, self.y, seed, n_samples=scale.n_real)


@dataclass(frozen=True)
class Recipe:
    """The way a network is trained.

    Parameters
    ----------
    loss : {"ce", "pauc", "smoothap", "trivial", "estimator"}
        The loss. "ce" is weighted cross-entropy, which is also the warm-up of "pauc" and
        "smoothap". "trivial" trains nothing and ranks by the mean of the features with the
        easy signal. "estimator" is `PAUCClassifier` with its defaults; only the budget and
        `options` apply to it.
    budget : float, default=0.005
        The budget. The edges of the band are multiples of it.
    band : tuple of float, default=(0.5, 1.5)
        Edges of the band, in multiples of the budget.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Form of the partial AUC.
    pos_numerator : {"pool", "live"}, default="pool"
        Positives in the numerator of the partial AUC.
    decoy_weight : float, default=1.0
        Weight of the decoys in cross-entropy. A value other than 1 needs an oracle.
    mined_share, mined_weight : float, default=0.0 and 50.0
        Share of the negatives that are mined, and their weight in cross-entropy. The
        negatives with the greatest scores are found again before every epoch.
    queue_factor : int, default=1
        Length of the memory queue, as a multiple of the usual length.
    batch_divisor : int, default=1
        The batches are smaller than usual by this factor.
    batches : {"reshuffled", "repeated", "running"}, default="reshuffled"
        Order of the rows. "reshuffled" gives each epoch its own seed, "repeated" gives all
        epochs the same order, and "running" draws all orders from one generator.
    options : tuple of (str, value), default=()
        Parameters of the estimator that differ from its defaults.
    """

    loss: Literal["ce", "pauc", "smoothap", "trivial", "estimator"]
    budget: float = 0.005
    band: tuple[float, float] = STUDY_BAND
    surrogate: Literal["pairwise", "trapezoid"] = "pairwise"
    pos_numerator: Literal["pool", "live"] = "pool"
    decoy_weight: float = 1.0
    mined_share: float = 0.0
    mined_weight: float = 50.0
    queue_factor: int = 1
    batch_divisor: int = 1
    batches: Literal["reshuffled", "repeated", "running"] = "reshuffled"
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Fit:
    """A network to train, once per seed.

    Parameters
    ----------
    data : Contested, Demo or CardFraud
        Where the rows come from.
    recipe : Recipe
        How the network is trained.
    """

    data: Contested | Demo | CardFraud
    recipe: Recipe
