"""Examples of the estimator of `skbudget.neural`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix
from torch import nn

from skbudget import neural

from ._names import build
from ._record import Example, group
from ._rows import Learnt, columns_of, learnt, three_classes


class Narrow(nn.Module):
    """A network that a user wrote."""

    def __init__(self, n_features: int, n_outputs: int, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width), nn.Tanh(), nn.Linear(width, n_outputs)
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return raw scores."""
        return self.layers(X)


NETWORK: dict[str, Any] = {
    "budget": 0.05,
    "n_members": 2,
    "max_epochs": 3,
    "batch_size": 256,
    "hidden_layer_sizes": (16, 8),
    "random_state": 0,
    "device": "cpu",
}
LONGER = {"max_epochs": 8, "lr": 0.01}

# Parameters, and the columns of the rows that `fit` is given.
NETWORKS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "default": ({}, ()),
    "longer": (LONGER, ()),
    "weight": (LONGER, ("sample_weight",)),
    "value": (LONGER, ("value",)),
    "weight-and-value": (LONGER, ("sample_weight", "value")),
    "iid": (LONGER, ("iid_mask",)),
    "class-weight": ({**LONGER, "class_weight": "balanced"}, ("sample_weight",)),
    "trapezoid": ({**LONGER, "surrogate": "trapezoid", "n_knots": 3}, ()),
    "logistic": ({**LONGER, "link": "logistic", "alpha": 0.01, "beta": 0.2}, ()),
    "population": ({**LONGER, "basis": "population"}, ("iid_mask",)),
    "width": ({**LONGER, "tau_scale": "band", "temperature": 0.4, "temperature_start": 1.0}, ()),
    "live": ({**LONGER, "pos_numerator": "live", "queue_size": 300}, ()),
    "capped": ({**LONGER, "max_pool_size": 200}, ()),
    "cross-entropy": ({"warmup": 1.0, "blend": 0.0}, ()),
    "no-warmup": ({"warmup": 0.0, "blend": 0.5}, ()),
    "early-stopping": (
        {**LONGER, "early_stopping": True, "n_iter_no_change": 2, "validation_fraction": 0.3},
        ("sample_weight",),
    ),
    "early-stopping-value": (
        {**LONGER, "early_stopping": True, "validation_fraction": 0.3},
        ("value",),
    ),
    "one-member": ({**LONGER, "n_members": 1}, ()),
    "no-calibration": ({"calibration_cv": None}, ()),
    "linear": ({"hidden_layer_sizes": ()}, ()),
    "gelu": ({"activation": "gelu", "weight_decay": 0.1, "input_decay": 0.2}, ()),
    "own-module": ({**LONGER, "module": Narrow}, ()),
    "optimizer": ({**LONGER, "net_params": {"optimizer": torch.optim.SGD}}, ()),
    "more-batches-than-positives": ({"batch_size": 12, "max_epochs": 2, "queue_size": 200}, ()),
    "one-batch": ({"batch_size": 4_096, "max_epochs": 6}, ("sample_weight",)),
    "auto-epochs": ({"max_epochs": "auto", "batch_size": 64, "n_members": 1}, ()),
}


@group
def network() -> Iterator[Example]:
    """The classifier that trains networks."""

    def new(**params: Any) -> Any:
        return build(neural.PAUCClassifier, **{**NETWORK, **params})

    def outcome(model: Any, X: Any) -> dict[str, Any]:
        found = {"decision_function": model.decision_function(X), "beta_": model.beta_}
        if hasattr(model, "predict_proba"):
            found["predict_proba"] = model.predict_proba(X)
        return found | {f"diagnostics_, {name}": v for name, v in model.diagnostics_.items()}

    def table() -> Learnt:
        return learnt(1_500, 0.06)

    def fit(params: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
        rows = table()
        model = new(**params).fit(rows.X, rows.y, **columns_of(rows, columns))
        return outcome(model, rows.X_new)

    def fit_classes(params: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
        rows = table()
        names = np.array(["bulk", "decoy", "fraud"])[three_classes(rows)]
        model = new(**params).fit(rows.X, names, **columns_of(rows, columns))
        return {**outcome(model, rows.X_new), "predict": model.predict(rows.X_new)}

    def instance() -> dict[str, Any]:
        rows = table()
        torch.manual_seed(1)
        model = new(module=Narrow(rows.X.shape[1], 1, width=5), **LONGER)
        return outcome(model.fit(rows.X, rows.y), rows.X_new)

    def sparse() -> dict[str, Any]:
        rows = table()
        X, X_new = (csr_matrix(np.where(part > 0.3, part, 0.0)) for part in (rows.X, rows.X_new))
        return outcome(new(**LONGER).fit(X, rows.y), X_new)

    def frame() -> dict[str, Any]:
        rows = table()
        X, X_new = (
            pd.DataFrame(part, columns=[f"c{k}" for k in range(part.shape[1])])
            for part in (rows.X, rows.X_new)
        )
        return outcome(new().fit(X, np.where(rows.y == 1, "fraud", "fair")), X_new)

    def in_parts() -> dict[str, Any]:
        rows = table()
        model = new()
        for part in np.array_split(np.arange(rows.y.size), 3):
            model.partial_fit(
                rows.X[part], rows.y[part], classes=[0, 1], sample_weight=rows.weight[part]
            )
        return outcome(model, rows.X_new)

    def warm_start() -> dict[str, Any]:
        rows = table()
        model = new(warm_start=True).fit(rows.X, rows.y)
        return outcome(model.set_params(random_state=1).fit(rows.X, rows.y), rows.X_new)

    for name, (params, columns) in NETWORKS.items():
        yield name, partial(fit, params, columns)
    yield "classes", partial(fit_classes, LONGER, ())
    yield "classes-weight", partial(fit_classes, LONGER, ("sample_weight",))
    yield "classes-value", partial(fit_classes, LONGER, ("value",))
    yield "classes-iid", partial(fit_classes, LONGER, ("iid_mask",))
    yield "classes-early-stopping", partial(fit_classes, {**LONGER, "early_stopping": True}, ())
    yield "classes-own-module", partial(fit_classes, {**LONGER, "module": Narrow}, ())
    yield "own-instance", instance
    yield "sparse", sparse
    yield "data-frame", frame
    yield "partial-fit", in_parts
    yield "warm-start", warm_start
