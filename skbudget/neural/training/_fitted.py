"""What training left of `PAUCClassifier`: history, diagnostics, and the network on its device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ._net import Diagnostics, RankingNet
from ._settings import AUTO, settings_of
from ._support import resolve_device

__all__ = ["FittedNetwork"]


_OF_LAYERS = ("hidden_layer_sizes", "input_decay")


class FittedNetwork:
    """What an estimator tells of its fitted network."""

    net_: RankingNet
    device: Any
    module: Any

    @property
    def history_(self) -> Any:
        """Skorch's history of the training."""
        check_is_fitted(self, "net_")
        return self.net_.history

    @property
    def diagnostics_(self) -> dict[str, NDArray[np.float64]]:
        """Diagnostics per epoch."""
        names = (
            *Diagnostics.names,
            "main_weight",
            "temperature",
            "train_loss",
            "valid_coverage",
            *getattr(self.net_.criterion_, "diagnostic_names", ()),
        )
        epochs = list(self.history_)
        return {
            name: np.array([epoch.get(name, np.nan) for epoch in epochs], dtype=float)
            for name in names
        }

    @property
    def settings_(self) -> dict[str, Any]:
        """What the parameters that were "auto" became."""
        check_is_fitted(self, "net_")
        settings = settings_of(self)._asdict()
        # A module of the user's has its own layers.
        others = _OF_LAYERS if self.module is not None else ()
        return {name: settings[name] for name in ("encoding", *AUTO) if name not in others}

    def to(self, device: Any) -> Any:
        """Move the fitted network to a device, and return the estimator.

        Parameters
        ----------
        device : str or torch.device
            As the parameter ``device``, which is set.
        """
        check_is_fitted(self, "net_")
        self.device = device
        self.net_.device = resolve_device(device)
        for part in (self.net_.module_, self.net_.criterion_):
            part.to(self.net_.device)
        # Loading moves the state of the optimizer to where the weights are.
        self.net_.optimizer_.load_state_dict(self.net_.optimizer_.state_dict())
        return self
