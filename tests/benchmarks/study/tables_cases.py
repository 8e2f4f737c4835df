"""Helpers: tables by name, the sizes of their draws, and a table whose values lie on a lattice."""

import numpy as np

from benchmarks.study import study_tables


def by_name(*args, **kwargs):
    return {table.name: table for table in study_tables(*args, **kwargs)}


def parts(draw):
    return [(draw.X_train, draw.y_train), (draw.X_valid, draw.y_valid), (draw.X_test, draw.y_test)]


def sizes(draw):
    return [(len(y), int(y.sum())) for _, y in parts(draw)]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        if a is None:
            assert b is None
        else:
            np.testing.assert_array_equal(a, b)


def lattice_table(n_rows=8_000, n_positives=200, seed=0):
    """Return rows with binary, integer and skewed columns, and labels."""
    rng = np.random.RandomState(seed)
    hidden = rng.normal(size=n_rows)
    X = np.column_stack(
        [
            rng.uniform(size=n_rows) < 0.1,
            hidden + rng.normal(size=n_rows) > 1,
            rng.poisson(1.5, size=n_rows),
            rng.poisson(0.1, size=n_rows),
            np.round(np.exp(2 * hidden)) * 5,
            rng.randint(0, 3, size=n_rows) * 0.25,
            np.maximum(rng.normal(size=n_rows), 0.5),
            np.full(n_rows, 7.0),
            rng.uniform(size=n_rows) < 0.5,
        ]
    )
    y = np.zeros(n_rows, dtype=int)
    y[rng.choice(n_rows, n_positives, replace=False)] = 1
    return X, y


def save_lattice(folder, name="lattice", **settings):
    X, y = lattice_table(**settings)
    np.savez(folder / f"{name}.npz", X=X, y=y)
    return X, y
