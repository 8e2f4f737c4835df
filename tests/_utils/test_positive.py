"""What estimators say of the positive class, through those that hold them."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import BaggingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbudget._utils.labels import (
    PositiveClassWarning,
    already_told,
    find_classes,
    is_positive_first,
)
from skbudget._utils.positive import (
    asked_positive,
    code_positive,
    favours,
    find_known_positive,
    is_frozen,
    tell_positive,
)


class Ours(ClassifierMixin, BaseEstimator):
    def __init__(self, pos_label=None):
        self.pos_label = pos_label

    def fit(self, X, y):
        found = find_classes(y, self.pos_label, owner="Ours")
        self.classes_, self.pos_label_ = np.sort(found.classes), found.classes[1]
        return self

    def decision_function(self, X):
        score = np.asarray(X)[:, 0]
        return -score if is_positive_first(self) else score

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


AROUND = {
    "alone": lambda model: model,
    "pipeline": lambda model: make_pipeline(StandardScaler(), model),
    "search": lambda model: GridSearchCV(model, {}, cv=2),
    "threshold": lambda model: FixedThresholdClassifier(model),
    "nested": lambda model: make_pipeline(GridSearchCV(make_pipeline(model), {}, cv=2)),
}
X, Y = np.arange(24.0)[:, None], np.tile(["ok", "ok", "fraud"], 8)


def innermost(model):
    while not isinstance(model, Ours):
        model = model[-1] if hasattr(model, "steps") else model.estimator
    return model


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_told_asked_and_known(around):
    model = around(Ours())
    assert asked_positive(model) is None
    told = tell_positive(model, "fraud")
    assert asked_positive(told) == "fraud"
    assert innermost(told).pos_label == "fraud"
    assert innermost(model).pos_label is None, "the user's own estimator stays as it was"
    assert innermost(tell_positive(told, "ok")).pos_label == "fraud", "what is asked for is kept"
    assert find_known_positive(told.fit(X, Y)) == "fraud"
    frozen = FrozenEstimator(told)
    assert find_known_positive(frozen) == asked_positive(frozen) == "fraud"
    assert is_frozen(frozen)
    assert is_frozen(make_pipeline(frozen))
    assert not is_frozen(told)
    assert tell_positive(frozen, "ok") is frozen
    coded = code_positive(told, np.array(["ok", "fraud"]))
    assert innermost(coded).pos_label == 1
    assert innermost(code_positive(told, np.array(["fraud", "ok"]))).pos_label == 0


def test_known_labels_and_unknown_ones():
    model = LogisticRegression()
    assert find_known_positive(model) is None
    for labels in ((0, 1), (-1, 1), (False, True)):
        assert find_known_positive(model.fit(X, np.array(labels)[(Y == "ok").astype(int)])) == 1
    assert find_known_positive(model.fit(X, Y)) is None
    assert find_known_positive(model.fit(X, np.arange(24) % 3)) is None
    # Its members know other labels than it does.
    assert find_known_positive(BaggingClassifier(Ours(), 2).fit(X, Y)) is None
    assert asked_positive(BaggingClassifier(Ours("fraud"))) is None


def test_which_class_the_scores_favour():
    model = LogisticRegression().fit(X, Y)
    assert favours(model, "ok")
    assert not favours(model, "fraud")
    for positive in ("fraud", "ok"):
        ours = Ours(positive).fit(X, Y)
        assert favours(ours, "ok")
        assert not favours(ours, "fraud")
    ours.classes_ = ours.classes_[::-1]
    assert favours(ours, "fraud"), "the second of the classes, in whatever order they are"
    assert not favours(ours, "ok")
    assert favours(object(), "anything")


@pytest.mark.filterwarnings("error")
def test_what_was_told_is_not_told_again():
    with already_told(np.array(["ok", "fraud"])):
        assert find_classes(Y, owner="Model").classes.tolist() == ["ok", "fraud"]
        with pytest.warns(PositiveClassWarning, match="majority"):
            find_classes((Y == "ok").astype(int), owner="Model")
    with already_told(np.array([0, 1])):
        find_classes((Y == "ok").astype(int), owner="Model")
    with pytest.warns(PositiveClassWarning, match="rarer"):
        find_classes(Y, owner="Model")
