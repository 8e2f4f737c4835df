"""Times of training `PAUCClassifier`, against the same network with cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from skbudget.cli._threads import torch_threads
from skbudget.datasets import make_contested_top

from ._effort import Effort
from ._results import Turns
from ._timing import time_by_turns

__all__ = ["fit_networks"]

OURS, PEER = "PAUCClassifier", "BCEWithLogitsLoss in skorch"
POS_RATE, BUDGET = 0.005, 0.005


def fit_networks(effort: Effort) -> Turns:
    """Time `PAUCClassifier.fit`, and skorch's training of its network on plain cross-entropy.

    Both have batches of the same size, the same number of epochs and the same optimizer.

    Parameters
    ----------
    effort : Effort
        Sizes.

    Returns
    -------
    turns : Turns
    """
    import torch
    from skorch import NeuralNet

    from skbudget.neural import PAUCClassifier
    from skbudget.neural.training._settings import settings_of

    X, y = make_contested_top(effort.network_rows, pos_rate=POS_RATE, random_state=0)
    ours = PAUCClassifier(
        budget=BUDGET,
        # Without the comparison of two kinds, which the peer does not make.
        encoding=None,
        max_epochs=effort.network_epochs,
        calibration_cv=None,
        random_state=0,
        device="cpu",
    )
    y_float = y.astype(np.float32)[:, None, None]
    settings = settings_of(ours)
    members = settings.n_members

    class EveryMember(torch.nn.BCEWithLogitsLoss):
        def forward(self, logits: Any, target: Any) -> Any:
            return super().forward(logits, target.expand(-1, members, -1))

    with torch_threads(effort.n_jobs):
        network = ours.fit(X, y).net_.module_
        theirs = NeuralNet(
            network,
            criterion=EveryMember,
            optimizer=torch.optim.AdamW,
            lr=ours.lr,
            batch_size=settings.batch_size,
            max_epochs=effort.network_epochs,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        )
        seconds = time_by_turns(
            {OURS: lambda: ours.fit(X, y), PEER: lambda: theirs.fit(X, y_float)}, effort.pairs
        )
    return Turns(
        part="networks",
        setting=f"{members} perceptrons side by side, batches of {settings.batch_size}, "
        f"{100 * POS_RATE:g} % positives",
        rows=effort.network_rows,
        seconds=seconds,
        repeats=effort.network_epochs,
        unit="epoch",
    )
