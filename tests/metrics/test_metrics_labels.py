"""The scorer of the coverage of several labels per row."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from skbudget import coverage_at_budget_score
from skbudget.metrics import make_label_coverage_scorer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = (X[:, :3] + RNG.normal(size=(200, 3)) > 0.8).astype(int)
MODEL = MultiOutputClassifier(LogisticRegression()).fit(X, Y)


def of_label(label, **params):
    scores = MODEL.predict_proba(X)[label][:, 1]
    return coverage_at_budget_score(Y[:, label], scores, **{"budget": 0.1, **params})


def test_it_is_the_coverage_of_each_label():
    for label in range(3):
        assert make_label_coverage_scorer(0.1, label=label)(MODEL, X, Y) == of_label(label)
    mean = np.mean([of_label(label) for label in range(3)])
    assert make_label_coverage_scorer(0.1)(MODEL, X, Y) == pytest.approx(mean)
    assert make_label_coverage_scorer(0.1)(MODEL, X, csr_matrix(Y)) == pytest.approx(mean)
    weight = RNG.integers(0, 3, 200)
    found = make_label_coverage_scorer(0.1, label=1, basis="fpr")(MODEL, X, Y, sample_weight=weight)
    assert found == of_label(1, basis="fpr", sample_weight=weight)


def test_what_is_refused():
    for params in ({"budget": 0.0}, {"label": -1}, {"label": 0.5}, {"label": True}, {"basis": "x"}):
        with pytest.raises(ValueError, match="make_label_coverage_scorer"):
            make_label_coverage_scorer(**params)
    with pytest.raises(ValueError, match="y has 3 labels, and label=3"):
        make_label_coverage_scorer(0.1, label=3)(MODEL, X, Y)
    single = LogisticRegression().fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="take make_coverage_scorer"):
        make_label_coverage_scorer(0.1)(single, X, Y[:, 0])
