"""Parameters of a network that have an effect beside others alone: a warning says so."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skbudget import make_contested_top
from skbudget.neural import Head, PAUCAtBudgetLoss, PAUCClassifier

OPTIONS = {"budget": 0.05, "max_epochs": 1, "n_members": 2, "calibration_cv": None}
OPTIONS |= {"random_state": 0, "hidden_layer_sizes": ()}


@pytest.fixture(scope="module")
def table():
    X, y = make_contested_top(300, pos_rate=0.1, random_state=0)
    return X.astype(np.float32), y


def fit(table, **params):
    options = {**OPTIONS, **params}
    if options.get("module") is not None:
        del options["hidden_layer_sizes"]
    return PAUCClassifier(**options).fit(*table)


class Line(torch.nn.Linear):
    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)


CE = {"loss": "binary_cross_entropy"}
ALONE = {
    "n_knots": ({"n_knots": 4}, {"surrogate": "trapezoid"}, "surrogate='trapezoid'"),
    "link": ({"surrogate": "trapezoid", "link": "logistic"}, {"surrogate": "pairwise"}, "pairwise"),
    "regularizer_weight": ({"regularizer_weight": 2.0}, {"regularizer": "critical_rank"}, "a regu"),
    "n_iter_no_change": ({"n_iter_no_change": 2}, {"early_stopping": True}, "early_stopping=True"),
    "validation_fraction": ({"validation_fraction": 0.3}, {"early_stopping": True}, "early_st"),
    "input_decay": ({"module": Line, "input_decay": 1.0}, {"module": None}, "the perceptron"),
    "activation": ({"module": Line, "activation": "tanh"}, {"module": None}, "the perceptron"),
    "temperature": ({**CE, "temperature": 0.5}, {"loss": "pairwise_pauc"}, "BinaryCrossEntropy"),
    "warmup": ({**CE, "warmup": 0.1}, {"loss": "pairwise_pauc"}, "BinaryCrossEntropy"),
    "queue_size": ({**CE, "queue_size": 10}, {"loss": "pairwise_pauc"}, "BinaryCrossEntropy"),
    "max_pool_size": ({**CE, "max_pool_size": 90}, {"loss": "pairwise_pauc"}, "BinaryCrossEn"),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_parameter_without_effect_is_warned_of(name, table):
    params, beside, remedy = ALONE[name]
    told = rf"The '{name}' parameter of PAUCClassifier has no effect: it needs .*{remedy}.*Got"
    with pytest.warns(UserWarning, match=told) as found:
        alone = fit(table, **params)
    assert {one.filename for one in found if "no effect" in str(one.message)} == {__file__}
    # It has none, indeed.
    plain = fit(table, **{key: value for key, value in params.items() if key != name})
    scores = [model.decision_function(table[0]) for model in (alone, plain)]
    np.testing.assert_array_equal(*scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*has no effect")
        fit(table, **{**params, **beside})


def test_learnt_weights_of_heads_need_heads(table):
    with pytest.warns(UserWarning, match="'head_weighting' .*needs heads beside it"):
        fit(table, head_weighting="uncertainty")
    heads = {"other": Head("binary_cross_entropy", weight=0.5)}
    options = {**OPTIONS, "hidden_layer_sizes": (3,), "heads": heads}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*has no effect")
        PAUCClassifier(**options, head_weighting="uncertainty").fit(*table, other=table[1])
        fit(table, n_members=1, calibration_cv="auto", validation_fraction=0.3)


def test_a_loss_tells_what_its_surrogate_does_not_read():
    with pytest.warns(UserWarning, match="'n_knots' parameter of PAUCAtBudgetLoss has no") as found:
        PAUCAtBudgetLoss(n_knots=4)
    assert [one.filename for one in found] == [__file__]
    with pytest.warns(UserWarning, match="'link' parameter of PAUCAtBudgetLoss has no effect"):
        PAUCAtBudgetLoss(surrogate="trapezoid", link="logistic")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PAUCAtBudgetLoss()
        PAUCAtBudgetLoss(surrogate="trapezoid", n_knots=4)
