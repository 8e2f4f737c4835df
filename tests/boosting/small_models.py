"""The two classifiers, made small, and the margins that their boosters give alone."""

import xgboost as xgb

from skbudget.boosting import PAUCLGBMClassifier, PAUCXGBClassifier

CLASSES = [PAUCLGBMClassifier, PAUCXGBClassifier]


def make(cls, objective=None, **params):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    shared = {"n_estimators": 30, "learning_rate": 0.1, "budget": 0.05, "n_jobs": 1}
    return cls(objective=objective, **{**shared, **quiet, **params})


def only_rank(cls, objective=None, **params):
    return make(cls, objective, selection_cv=None, calibration_cv=None, **params)


def favours_positive(model):
    """+1 where greater scores of a fitted model favour its positive class, else -1."""
    assert model.classes_.tolist() == sorted(model.classes_.tolist())
    assert model.pos_label_ in model.classes_
    return 1 if model.classes_[1] == model.pos_label_ else -1


def ranks_of(model, X):
    """Scores that are greater for rows that are more likely positive."""
    return favours_positive(model) * model.decision_function(X)


def chance_of(model, X):
    """The probability of the positive class."""
    return model.predict_proba(X)[:, model.classes_.tolist().index(model.pos_label_)]


def booster_margin(model, X):
    """The margins as a saved booster would give them."""
    if isinstance(model, PAUCLGBMClassifier):
        return model.booster_.predict(X, raw_score=True)
    return model.get_booster().predict(xgb.DMatrix(X), output_margin=True)
