"""From raw scores to scores per class, log-odds and levels, learnt on rows not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..._utils.calibration import SigmoidCalibrator
from ..._utils.levels import fit_calibrator
from ._criterion import Declaration, class_mass
from ._net import RankingNet
from ._rows import TableDataset
from ._support import class_scores, out_of_fold_scores

__all__ = ["Calibration", "calibrate_levels", "level_thresholds"]


class Calibration(NamedTuple):
    """A map from raw scores to what `decision_function` returns, and on to log-odds.

    Attributes
    ----------
    scale, offset : ndarray of shape (n_outputs,)
        Scores are ``scale * (raw + offset)``.
    slope : ndarray of shape (n_outputs,), or None
        Log-odds are ``slope`` times the scores; None without probabilities.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    slope: NDArray[np.float64] | None

    @classmethod
    def none(cls, n_outputs: int) -> Calibration:
        """Return the map that changes nothing and gives no probabilities."""
        return cls(np.ones(n_outputs), np.zeros(n_outputs), None)

    def scores(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of raw ones, shape (n_rows, n_outputs)."""
        return self.scale * (raw + self.offset)

    @classmethod
    def fit(
        cls, net: RankingNet, rows: TableDataset, held: TableDataset | None, n_classes: int
    ) -> Calibration:
        """Learn the map on rows that were not trained on.

        Parameters
        ----------
        net : RankingNet
            The trained net.
        rows : TableDataset
            The rows that it was trained on, with the folds that members left out.
        held : TableDataset or None
            Rows that were held out, used where there are no folds.
        n_classes : int
            Number of classes.

        Returns
        -------
        calibration : Calibration
        """
        if rows.about["y"].ndim == 2:
            return cls._of_labels(net, rows, held)
        margins, y, weight = _held_out(net, rows, held, n_classes, n_classes)
        n_columns = margins.shape[1]
        positives = [1] if n_columns == 1 else range(n_columns)
        found = [
            SigmoidCalibrator.fit(column, y == label, weight)
            for column, label in zip(margins.T, positives)
        ]
        offset = np.array([one.offset for one in found])
        slope = np.array([one.slope for one in found])
        if n_columns > 1:
            # Log-odds, so that the classes' scores compare as their probabilities do.
            return cls(slope, offset, np.ones(n_columns))
        return cls(np.ones(n_columns), offset, slope)

    @classmethod
    def _of_labels(
        cls, net: RankingNet, rows: TableDataset, held: TableDataset | None
    ) -> Calibration:
        """Learn the map of each label by itself."""
        if "fold" in rows.about:
            which, margins = out_of_fold_scores(net, rows, 0)
            seen = {name: values[which] for name, values in rows.about.items()}
        else:
            seen = (rows if held is None else held).about
            margins = net.scores_of(rows if held is None else held).mean(axis=1)
        of_all_rows = [_labels_and_weight(rows.about)]
        if held is not None:
            of_all_rows.append(_labels_and_weight(held.about))
        y_all, weight_all = (np.concatenate(parts) for parts in zip(*of_all_rows))
        y, weight = _labels_and_weight(seen)
        found = []
        for label in range(y.shape[1]):
            # Held-out rows are not a fair sample: both sides count as among all rows.
            of_all = np.bincount(y_all[:, label], weight_all, minlength=2)
            of_seen = np.bincount(y[:, label], weight, minlength=2)
            factor = of_all / np.where(of_seen > 0, of_seen, 1.0)
            own = weight * factor[y[:, label]] * max(1.0, len(y_all) / of_all.sum())
            found.append(SigmoidCalibrator.fit(margins[:, label], y[:, label] == 1, own))
        slope = np.array([one.slope for one in found])
        return cls(slope, np.array([one.offset for one in found]), np.ones(slope.size))


def _labels_and_weight(about: Mapping[str, Tensor]) -> tuple[NDArray, NDArray[np.float64]]:
    y = about["y"].numpy()
    return y, np.ones(len(y)) if "weight" not in about else about["weight"].double().numpy()


def _held_out(
    net: RankingNet,
    rows: TableDataset,
    held: TableDataset | None,
    n_labels: int,
    n_classes: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return raw scores, labels and weights of rows that were not trained on.

    The weights of a class add up to those of all its rows. ``n_classes`` is that of
    `class_scores`, 0 for scores as they are.
    """
    mass = class_mass(rows, n_labels)
    if "fold" in rows.about:
        which, margins = out_of_fold_scores(net, rows, n_classes)
        seen = {name: values[which] for name, values in rows.about.items()}
    else:
        # `partial_fit` holds nothing out.
        seen = (rows if held is None else held).about
        raw = net.scores_of(rows if held is None else held).mean(axis=1)
        margins = class_scores(raw, n_classes)
        if held is not None:
            mass += class_mass(held, n_labels)
    y = seen["y"].numpy()
    weight = np.ones(y.size) if "weight" not in seen else seen["weight"].double().numpy()
    # A rare class has a greater share of its rows held out: every class has to count as
    # it does among all rows.
    of_class = np.bincount(y, weight, minlength=mass.size)
    weight = weight * (mass / np.where(of_class > 0, of_class, 1.0))[y]
    # In another unit than that of rows, such as shares of a whole, weights are worth theirs.
    n_rows = len(rows) + (0 if held is None else len(held))
    return margins, y, weight * max(1.0, n_rows / mass.sum())


def calibrate_levels(
    net: RankingNet,
    rows: TableDataset,
    held: TableDataset | None,
    n_levels: int,
    loss: Declaration,
) -> Any:
    """Learn the probabilities of levels on rows that were not trained on.

    Parameters
    ----------
    net, rows, held
        As in `Calibration.fit`.
    n_levels : int
        Number of levels.
    loss : Declaration
        Says what the scores are.

    Returns
    -------
    calibrator : LevelCalibrator, ThresholdCalibrator or ClassCalibrator
    """
    margins, y, weight = _held_out(net, rows, held, n_levels, 0)
    if loss.shares_score or loss.margins == "one":
        return fit_calibrator(margins[:, 0], y, weight, "one", n_levels)
    return fit_calibrator(margins, y, weight, loss.margins, n_levels)


def level_thresholds(net: RankingNet, rows: TableDataset, n_levels: int) -> NDArray[np.float64]:
    """Return the scores between levels, for a network that gives one score per row.

    As many of the rows trained on lie above a threshold as have a higher level, by weight.

    Parameters
    ----------
    net : RankingNet
        The trained net.
    rows : TableDataset
        The rows that it was trained on.
    n_levels : int
        Number of levels.

    Returns
    -------
    thresholds : ndarray of shape (n_levels - 1,)
        In increasing order. A row's level is the number of those below its score.
    """
    scores = net.scores_of(rows).mean(axis=1)[:, 0]
    order = np.argsort(scores, kind="stable")
    weight = rows.about.get("weight")
    weights = np.ones(len(rows)) if weight is None else weight.double().numpy()
    reached = np.cumsum(weights[order])
    below = np.cumsum(class_mass(rows, n_levels))[:-1]
    last = np.searchsorted(reached, below * (1 - 1e-9)).clip(max=scores.size - 2)
    return (scores[order[last]] + scores[order[last + 1]]) / 2
