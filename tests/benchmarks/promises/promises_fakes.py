"""A small study of known outcome for the tests of the promises."""

import numpy as np

from benchmarks.promises._measure import Measure
from benchmarks.study import Draw, StudyTable


def draw_one_column(seed, n_rows=300, shift=2.0):
    """Return rows whose first column tells positives from negatives."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(3):
        y = (np.arange(n_rows) < n_rows // 10).astype(np.int64)
        X = rng.standard_normal((n_rows, 3))
        X[:, 0] += shift * y
        parts += [X, y]
    return Draw(*parts, ceiling=parts[4][:, 0])


TABLE = StudyTable("hard-bulk", "hard bulk", draw_one_column, "one column", has_ceiling=True)


def make_measure(**changes):
    """Return a measure of a base loss alone."""
    settings = {
        "table": "hard-bulk", "seed": 0, "method": "bce", "addition": "alone",
        "promise": "fpr-at-95", "validation": 0.4, "test": 0.5, "seconds": 1.0, "trials": 6,
        "effort": 1.0, "n_train": 300, "positives_train": 30, "parameters": "{}",
    } | changes  # fmt: skip
    return Measure(**settings)


def measures_of(tests, **changes):
    """Return measures, one for each seed, of each (method, addition) with its figures."""
    return [
        make_measure(method=method, addition=addition, seed=seed, test=test, **changes)
        for (method, addition), found in tests.items()
        for seed, test in enumerate(found)
    ]
