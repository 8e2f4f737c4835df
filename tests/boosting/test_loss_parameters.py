"""Parameters of a loss through an estimator, and parameters that have no effect beside one."""

import re

import numpy as np
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbudget import PAUCLGBMClassifier, PAUCObjective, PAUCXGBClassifier, make_coverage_scorer
from skbudget.boosting import BoosterObjective
from skbudget.objectives import PairwisePAUC, Quantile, Schedule

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


@each
@pytest.mark.parametrize(
    ("objective", "params", "meant"),
    [
        ("quantile", {"alpha": 0.9}, "Quantile calls it 'tau': pass objective=Quantile(tau=0.9)."),
        (Quantile(), {"alpha": 0.9}, "pass objective=Quantile(tau=0.9)."),
        ("huber", {"alpha": 2.0}, "pass objective=Huber(delta=2.0)."),
        ("focal_loss", {"alpha": 0.3}, "Pass objective=FocalLoss(alpha=0.3)."),
        ("lambda_rank", {"temperature": 0.5}, "Pass objective=LambdaRank(temperature=0.5)."),
        ("pairwise_pauc", {"link": "sigmoid"}, "Pass objective=PairwisePAUC(link='sigmoid')."),
    ],
    ids=["quantile", "quantile-loss", "huber", "focal", "lambda-rank", "band"],
)
def test_the_parameter_of_the_loss_that_was_meant_is_named(model, objective, params, meant):
    model = clone(model).set_params(objective=objective, **params)
    with pytest.raises(ValueError, match=re.escape(meant)):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("cls", "objective", "params", "meant"),
    [
        (PAUCXGBClassifier, "quantile", {"quantile_alpha": 0.9}, "Quantile(tau=0.9)"),
        (PAUCXGBClassifier, "huber", {"huber_slope": 2.0}, "Huber(delta=2.0)"),
        (PAUCXGBClassifier, "lambda_rank", {"lambdarank_num_pair_per_sample": 4}, "(k=4)"),
        (PAUCLGBMClassifier, "lambda_rank", {"lambdarank_truncation_level": 4}, "(k=4)"),
        (PAUCLGBMClassifier, "lambda_rank", {"sigmoid": 2.0}, "(temperature=...)"),
    ],
    ids=["quantile", "huber", "pairs", "truncation", "sigmoid"],
)
def test_the_name_of_the_booster_leads_to_that_of_the_loss(cls, objective, params, meant):
    model = cls(objective=objective, n_estimators=2, n_jobs=1, **params)
    with pytest.raises(ValueError, match=f"the loss sets it.*{re.escape(meant)}"):
        model.fit(X, Y)


def test_a_parameter_that_the_loss_has_not_is_no_hint():
    model = PAUCXGBClassifier(objective="binary_cross_entropy", alpha=0.1)
    with pytest.raises(ValueError, match=r"leave it at None\.$"):
        model.fit(X, Y)
