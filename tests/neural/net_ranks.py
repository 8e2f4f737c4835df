"""How a classifier of two classes ranks rows for review."""

import numpy as np


def ranks_of(model, X):
    """Scores that are greater for the positive class, whichever of the two labels it has."""
    scores = model.decision_function(X)
    return scores if model.classes_[1] == model.pos_label_ else -scores


def probabilities_of(model, X):
    """Probabilities of the positive class."""
    (column,) = np.flatnonzero(model.classes_ == model.pos_label_)
    return model.predict_proba(X)[:, column]


def has_classes(model, negative, positive):
    """Whether the labels are in increasing order, and which of them is the positive one."""
    assert model.classes_.tolist() == sorted([negative, positive])
    assert model.pos_label_ == positive
    return True
