"""What is trained, and on what, to reproduce the published figures: settings only.

Nothing here imports NumPy or torch, so that the command line can list its tables.
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
"""The band that the publication ends up recommending."""


@dataclass(frozen=True)
class Scale:
    """How many rows, and how much training.

    Parameters
    ----------
    name : str
        "full" for the settings of the publication, or another name.
    n_train, n_test : int
        Rows of a table of the controlled study.
    n_demo : int
        Rows of the table of the demo, a quarter of which is tested on.
    n_real : int or None
        Rows to keep of a real table; None for all.
    n_seeds, n_demo_seeds : int
        Seeds, where none are asked for.
    epochs, batch_size, queue_size : int
        Passes over the training rows, rows per step, and rows the losses remember.
    hidden : int, default=64
        Units in each of the two hidden layers.
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


# Rows, then seeds, then epochs, batch and queue.
FULL = Scale("full", 150_000, 300_000, 200_000, None, 8, 5, 15, 4096, 8192)
QUICK = Scale("quick", 75_000, 150_000, 100_000, 60_000, 2, 2, 12, 2048, 4096)


@dataclass(frozen=True)
class Contested:
    """A table of the controlled study.

    Parameters
    ----------
    cue : {"linear", "product", "radial"}, default="product"
        What sets positives apart from decoys.
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
        Features, and labels 0 and 1; None until the table was read.
    """

    X: NDArray | None = None
    y: NDArray | None = None

    def draw(self, seed: int, scale: Scale) -> Sample:
        """Return the split of a seed."""
        from ._data import split_table

        if self.X is None or self.y is None:
            raise ValueError("The table was not read.")
        return split_table(self.X, self.y, seed, n_samples=scale.n_real)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    loss : {"ce", "pauc", "smoothap", "trivial", "estimator"}
        Weighted cross-entropy alone, or as the warm-up of another loss; trivial trains
        nothing and ranks by the mean of the features with the easy signal; estimator is
        `PAUCClassifier` with its defaults, to which only the budget and `options` apply.
    budget : float, default=0.005
        Budget that the band is a multiple of.
    band : tuple of float, default=(0.5, 1.5)
        Edges of the band, in multiples of the budget.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Form of the partial AUC.
    pos_numerator : {"pool", "live"}, default="pool"
        Positives in its numerator.
    decoy_weight : float, default=1.0
        Weight of the decoys in cross-entropy; another value than 1 is an oracle.
    mined_share, mined_weight : float, default=0.0 and 50.0
        Share of the negatives with the greatest scores, taken anew before every epoch,
        and their weight in cross-entropy.
    queue_factor : int, default=1
        Length of the memory queue, in multiples of the usual one.
    batch_divisor : int, default=1
        How many times smaller than usual the batches are.
    batches : {"reshuffled", "repeated", "running"}, default="reshuffled"
        Order of the rows: of each epoch by a seed of its own, the same in every epoch,
        or by one generator that runs on.
    options : tuple of (str, value), default=()
        Parameters of the estimator that are not its defaults.
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
    """A network to be trained, once per seed.

    Parameters
    ----------
    data : Contested, Demo or CardFraud
        Where the rows come from.
    recipe : Recipe
        How it is trained.
    """

    data: Contested | Demo | CardFraud
    recipe: Recipe
