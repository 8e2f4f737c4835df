"""A fixed model and tables for the tests of thresholds."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from skbudget import BudgetThresholdClassifier


class FirstColumn(ClassifierMixin, BaseEstimator):
    """Scores by the first column; a fixed model, which remembers what it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.n_features_in_ = np.shape(X)[1]
        self.rows_ = np.asarray(X)[:, -1].copy()
        self.sample_weight_ = sample_weight
        return self

    def decision_function(self, X):
        return np.asarray(X)[:, 0].astype(float)

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


def ranks_of(model, X):
    """Scores that favour the positive class of a fitted model, whichever its label is."""
    score = model.decision_function(X)
    return score if model.classes_[1] == model.pos_label_ else -score


def draw(n_rows=2000, seed=0, pos_rate=0.1, shift=2.0):
    """A score with positives shifted upwards, and the number of the row."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < pos_rate).astype(int)
    return np.column_stack([rng.standard_normal(n_rows) + shift * y, np.arange(n_rows)]), y


def fitted(X, y):
    return FirstColumn().fit(X, y)


def prefit(X, y, **params):
    fit_params = {name: params.pop(name) for name in ("segments", "value") if name in params}
    model = BudgetThresholdClassifier(fitted(X, y), cv="prefit", **params)
    return model.fit(X, y, **fit_params)
