"""Examples of `skbudget.datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from skbudget import datasets

from ._record import Example, group


@group
def data() -> Iterator[Example]:
    """Generators, and the table that the package ships."""

    def contested(**params: Any) -> dict[str, Any]:
        X, y, roles = datasets.make_contested_top(
            3_000, pos_rate=0.02, random_state=0, return_roles=True, **params
        )
        known = {key: value for key, value in params.items() if key != "n_features"}
        return {
            "X": X,
            "y": y,
            "roles": roles,
            "best score": datasets.bayes_contested_top_score(X, **known),
            "best odds": datasets.bayes_contested_top_score(X, pos_rate=0.02, **known),
        }

    def bulk(**params: Any) -> dict[str, Any]:
        X, y, roles = datasets.make_hard_bulk(3_000, random_state=0, return_roles=True, **params)
        return {"X": X, "y": y, "roles": roles}

    def transformed(**params: Any) -> dict[str, Any]:
        rng = np.random.RandomState(0)
        y = (rng.uniform(size=2_000) < 0.05).astype(int)
        roles = datasets.draw_roles(y, decoy_frac=0.1, confounder_frac=0.05, random_state=0)
        X = np.column_stack([rng.gamma(2.0, size=(2_000, 8)), roles])
        of = datasets.ContestedTopTransformer(role_column=-1, random_state=0, **params)
        return {"roles": roles, "X": of.fit_transform(X), "shift": of.easy_shift_}

    def mammography() -> dict[str, Any]:
        table = datasets.load_mammography()
        return {"X": np.asarray(table.data), "y": np.asarray(table.target)}

    for cue in ("product", "radial", "linear"):
        yield f"contested-top/{cue}", partial(contested, cue=cue)
        yield f"transformer/{cue}", partial(transformed, cue=cue)
    yield (
        "contested-top/confounders",
        partial(contested, decoy_frac=0.05, confounder_frac=0.02, easy=1.5, sep=1.0, n_features=8),
    )
    yield "transformer/plain-units", partial(transformed, scale=None, easy=1.0)
    yield "hard-bulk", bulk
    yield "hard-bulk/decoys", partial(bulk, decoy_frac=0.1, flip_y=0.2, n_noise=3)
    yield "mammography", mammography
