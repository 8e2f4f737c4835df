"""Parameters of a loss through an estimator, and parameters that have no effect beside one."""

import numpy as np
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbudget import PAUCLGBMClassifier, PAUCObjective, PAUCXGBClassifier, make_coverage_scorer
from skbudget.boosting import BoosterObjective
from skbudget.objectives import PairwisePAUC, Schedule

rng = np.random.default_rng(0)
Y = (rng.random(1_000) < 0.1).astype(int)
X = rng.normal(size=(1_000, 3)) + Y[:, None]

each = pytest.mark.parametrize(
    "model",
    [
        PAUCLGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1, selection_cv=None),
        PAUCXGBClassifier(n_estimators=5, n_jobs=1, selection_cv=None),
    ],
    ids=["lightgbm", "xgboost"],
)


@each
def test_a_grid_over_the_parameters_of_a_loss(model):
    model = clone(model).set_params(objective=PairwisePAUC(beta=0.01), calibration_cv=None)
    wide = clone(model).set_params(objective__beta=1.0)
    assert wide.objective == PairwisePAUC(beta=1.0)
    assert model.objective == PairwisePAUC(beta=0.01)
    scores = [one.fit(X, Y).decision_function(X) for one in (model, wide)]
    assert not np.array_equal(*scores)
    search = GridSearchCV(
        model, {"objective__beta": [0.01, 1.0]}, scoring=make_coverage_scorer(0.1), cv=2
    ).fit(X, Y)
    assert search.best_estimator_.objective.beta in (0.01, 1.0)


@each
def test_parameters_that_a_loss_has_not(model):
    with pytest.raises(ValueError, match=r"objective__betta of PAUC.*: PairwisePAUC has the param"):
        clone(model).set_params(objective=PairwisePAUC(), objective__betta=1.0)
    with pytest.raises(ValueError, match="objective=None is no loss with parameters"):
        clone(model).set_params(objective__beta=1.0)


@each
@pytest.mark.parametrize(
    "params",
    [
        {"objective": PairwisePAUC(beta=0.2), "beta": 0.1},
        {"objective": PairwisePAUC(beta=0.2), "surrogate": "trapezoid"},
        {"objective": "binary_cross_entropy", "beta": 0.1},
        {"objective": "pairwise_pauc", "temperature": 0.5},
        {"objective": PAUCObjective(), "link": "sigmoid"},
        {"objective": BoosterObjective(PairwisePAUC()), "schedule": Schedule(warmup_rounds=1)},
    ],
)
def test_parameters_without_effect_are_refused(model, params):
    name = next(name for name in params if name != "objective")
    with pytest.raises(ValueError, match=rf"The '{name}' parameter of PAUC.*has no effect beside"):
        clone(model).set_params(**params).fit(X, Y)


@each
def test_the_band_of_a_loss_by_name_is_that_of_the_parameters(model):
    fitted = clone(model).set_params(objective="pairwise_pauc", beta=0.2).fit(X, Y)
    assert fitted.beta_ == 0.2
