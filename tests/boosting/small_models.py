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


def booster_margin(model, X):
    """The margins as a saved booster would give them."""
    if isinstance(model, PAUCLGBMClassifier):
        return model.booster_.predict(X, raw_score=True)
    return model.get_booster().predict(xgb.DMatrix(X), output_margin=True)
