"""Values that a booster cannot use are errors that name the parameter."""

import numpy as np
import pytest
from sklearn.base import clone
from small_models import CLASSES, only_rank

from skbudget import make_contested_top
from skbudget.boosting import (
    BoosterObjective,
    CoverageMetric,
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
    pauc_objective,
)

each_class = pytest.mark.parametrize("cls", CLASSES)


@pytest.fixture(scope="module")
def rows():
    y = (np.arange(300) % 10 == 0).astype(int)
    X = np.random.default_rng(0).standard_normal((300, 3))
    X[:, 0] += y
    return X, y


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_jobs": "1%"}, "'n_jobs' parameter.*an int or None.*Got '1%'"),
        ({"n_jobs": np.nan}, "'n_jobs' parameter.*an int or None.*Got nan"),
        ({"n_jobs": True}, "'n_jobs' parameter.*an int or None.*Got True"),
        ({"n_estimators": 2**31}, "'n_estimators' parameter.*an int in the range.*Got 2147483648"),
        ({"n_estimators": 0}, "'n_estimators' parameter.*an int in the range"),
        ({"n_estimators": 2.5}, "'n_estimators' parameter.*an int in the range"),
        ({"max_depth": "1%"}, "cannot be trained: .*'max_depth' parameter, '1%'"),
        ({"subsample": 1.5}, "cannot be trained: .*'subsample' parameter, 1.5"),
        ({"reg_lambda": -1.0}, "cannot be trained: .*'reg_lambda' parameter, -1.0"),
    ],
)
@each_class
def test_parameters_of_the_booster(cls, params, message, rows):
    if cls is PAUCLGBMClassifier and params.get("subsample"):
        params = {**params, "subsample_freq": 1}
    with pytest.raises(ValueError, match=f"(?s){cls.__name__}.*{message}|{message}") as error:
        only_rank(cls, **params).fit(*rows)
    assert cls.__name__ in str(error.value)
    for trace in ("Stack trace", "libxgboost", "/__w/"):
        assert trace not in str(error.value)


@pytest.mark.parametrize(
    ("cls", "params", "message"),
    [
        (PAUCXGBClassifier, {"eval_metric": "nonsense"}, "'eval_metric' parameter, 'nonsense'.$"),
        (
            PAUCXGBClassifier,
            {"eval_metric": ["auc", "aucprr"]},
            "'eval_metric' parameter, .*rr'].$",
        ),
        # XGBoost lists "auto", which is a default of others.
        (
            PAUCXGBClassifier,
            {"tree_method": "histt"},
            "about the 'tree_method' parameter, 'h",
        ),
        (PAUCXGBClassifier, {"booster": "gbtre"}, "gbtre. It is about the 'booster' parameter, '"),
        (PAUCLGBMClassifier, {"boosting_type": "gbbt"}, "about the 'boosting_type' parameter, 'gb"),
    ],
    ids=["metric", "metrics", "tree-method", "booster", "boosting-type"],
)
def test_an_error_with_the_value_alone_gets_the_name_of_its_parameter(cls, params, message, rows):
    X, y = rows
    with pytest.raises(ValueError, match=f"{cls.__name__} cannot be trained: .*{message}"):
        only_rank(cls, **params).fit(X, y, eval_set=[(X, y)])


@pytest.mark.parametrize("given", ["l1, binary_logloss", [["auc", "binary_logloss"]]], ids=str)
def test_metrics_of_probabilities_are_found_in_any_form(given, rows):
    with pytest.raises(ValueError, match="The metric 'binary_logloss' of PAUCLGBMClassifier reads"):
        only_rank(PAUCLGBMClassifier, metric=given).fit(*rows)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["auc", ["l1,aucc"]], "'aucc' in metric of .*Did you mean 'auc' or 'auc_mu'"),
        ("nonne", "'nonne' in metric of .*knows. Pass one"),
        ("nul", "'nul' in metric of .*knows. Pass one"),
    ],
    ids=["in-a-list", "like-none", "like-null"],
)
def test_unknown_metrics_of_lightgbm_are_told_what_is_alike(given, message, rows):
    with pytest.raises(ValueError, match=message):
        only_rank(PAUCLGBMClassifier, metric=given).fit(*rows)


def test_options_of_predictions_are_booleans(rows):
    X, y = rows
    model = PAUCLGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(X, y)
    for name in ("raw_score", "pred_leaf", "pred_contrib"):
        with pytest.raises(ValueError, match=f"'{name}' parameter.*a bool.*Got 'no'"):
            model.predict_proba(X, **{name: "no"})
    assert model.predict(X, raw_score=np.True_).dtype == float


def test_options_of_the_loss(rows):
    y = rows[1]
    for bad in (-1, 1.5, True, "", None, np.array([1, 2])):
        with pytest.raises(ValueError, match="'iteration' parameter of PAUCObjective.loss"):
            pauc_objective.loss(y, np.zeros(y.size), iteration=bad)
        with pytest.raises(ValueError, match="'n_margins' parameter of PairwisePAUC.start"):
            BoosterObjective("pairwise_pauc").start(y, n_margins=bad)
    with pytest.raises(ValueError, match="'n_margins' parameter"):
        pauc_objective.start(y, n_margins=2**31)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 1)), "y_true must have shape"),
        (0.0, "y_true must have shape"),
        ([[1], [1, 2]], "y_true must be an array"),
        (np.array([1 + 0j, 0, 0, 1]), "y_true must have shape.*hold labels"),
    ],
)
def test_labels_of_an_objective(labels, message):
    with pytest.raises(ValueError, match=message):
        pauc_objective(labels, np.zeros(4))


def test_scores_and_weights_of_an_objective(rows):
    y = rows[1]
    with pytest.raises(ValueError, match="y_pred must be an array"):
        pauc_objective(y, [[1], [1, 2]])
    with pytest.raises(ValueError, match="sample_weight must be an array"):
        pauc_objective(y, np.zeros(y.size), [[1], [1, 2]])
    for scores in ([0.0, 1e308], [-1e308, 1e308]):
        with pytest.raises(ValueError, match=r"y_pred must lie within \[-1e\+150, 1e\+150\]"):
            pauc_objective(y, np.resize(scores, y.size))
    with pytest.raises(ValueError, match="sample_weight must have one entry per sample.*got 0"):
        pauc_objective(y, np.zeros(y.size), [])
    with pytest.raises(ValueError, match="group must hold the number of rows of each query"):
        pauc_objective(y, np.zeros(y.size), None, [])
    with pytest.raises(ValueError, match="sample_weight of the positives adds up to .* too little"):
        pauc_objective.loss(y, np.zeros(y.size), np.full(y.size, 1e-320))
    with pytest.raises(ValueError, match="y_pred"):
        CoverageMetric(budget=0.1)(y, np.where(y == 1, np.nan, 0.0))


def test_half_precision_is_not_summed_in_half_precision(rows):
    y = rows[1]
    rng = np.random.default_rng(1)
    scores, weight = np.round(rng.standard_normal(y.size), 1), rng.integers(1, 9, y.size)
    scores = scores.astype(np.float16)
    found = pauc_objective(y, scores, weight.astype(np.float16))
    expected = pauc_objective(y, scores.astype(np.float32), weight.astype(np.float32))
    # Half precision is off by 2e-4.
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@each_class
def test_weights_that_vanish_beside_the_greatest(cls, rows):
    X, y = rows
    weight = np.ones(y.size)
    weight[1] = 1e200
    with pytest.raises(ValueError, match="vanish beside the greatest: see sample_weight"):
        only_rank(cls).fit(X, y, sample_weight=weight)


@each_class
def test_scores_to_begin_from_seeds_and_callbacks(cls, rows):
    X, y = rows
    name = cls._base_name
    with pytest.raises(ValueError, match=rf"{name} must lie within \[-1e\+30, 1e\+30\]"):
        only_rank(cls).fit(X, y, **{name: np.full(y.size, 1e308)})
    with pytest.raises(ValueError, match="'random_state' parameter.*an int, a RandomState, a Gen"):
        only_rank(cls, random_state=iter([1])).fit(X, y)
    if cls is PAUCLGBMClassifier:
        for given in ("1%", {1.5}, [1.0]):
            with pytest.raises(ValueError, match=r"callbacks of PAUCLGBMClassifier\.fit must be a"):
                only_rank(cls).fit(X, y, callbacks=given)


def test_values_without_an_evaluation_set(rows):
    X, y = rows
    for given in ([], (), [np.ones(y.size)]):
        with pytest.raises(ValueError, match="value_eval_set needs an eval_set"):
            only_rank(PAUCXGBClassifier).fit(X, y, value_eval_set=given)
        with pytest.raises(ValueError, match="eval_value needs an eval_set"):
            only_rank(PAUCLGBMClassifier).fit(X, y, eval_value=given)


@pytest.mark.parametrize("metric", ["binary_logloss", ["auc", "xentropy"], "auc,binary_error"])
def test_metrics_that_would_take_margins_for_probabilities(metric):
    X, y = make_contested_top(400, pos_rate=0.1, random_state=0)
    model = PAUCLGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1)
    with pytest.raises(ValueError, match="of PAUCLGBMClassifier reads probabilities"):
        model.fit(X, y, eval_set=[(X, y)], eval_metric=metric)
    with pytest.raises(ValueError, match="of PAUCLGBMClassifier reads probabilities"):
        model.set_params(metric=metric).fit(X, y, eval_set=[(X, y)])


@pytest.mark.parametrize("verbosity", [-1, 4, "quiet"])
def test_verbosity_is_refused_before_xgboost_keeps_it(verbosity):
    X, y = make_contested_top(400, pos_rate=0.1, random_state=0)
    model = PAUCXGBClassifier(n_estimators=2, n_jobs=1, selection_cv=None, calibration_cv=None)
    with pytest.raises(ValueError, match="'verbosity' parameter of PAUCXGBClassifier"):
        clone(model).set_params(verbosity=verbosity).fit(X, y)
    model.fit(X, y)


@pytest.mark.parametrize("verbose", [-1, -1e308, 0.5, "yes"])
def test_verbose_of_xgboost_is_a_period(verbose, rows):
    model = only_rank(PAUCXGBClassifier)
    with pytest.raises(ValueError, match=r"'verbose' parameter of PAUCXGBClassifier\.fit"):
        model.fit(*rows, eval_set=[rows], verbose=verbose)
    for allowed in (None, False, np.True_, 0, 5):
        model.fit(*rows, eval_set=[rows], verbose=allowed)


@pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
def test_class_weights_of_unknown_labels(cls):
    if "class_weight" not in cls().get_params():
        pytest.skip("has no class_weight")
    X, y = make_contested_top(400, pos_rate=0.1, random_state=0)
    model = cls(n_estimators=2, n_jobs=1, class_weight={"fraud": 3})
    with pytest.raises(ValueError, match=r"names classes that are not in y: \['fraud'\]"):
        model.fit(X, y)


@pytest.mark.parametrize("metric", ["mlogloss", ["merror", "mlogloss"]])
def test_metrics_of_xgboost_that_would_take_margins_for_probabilities(metric):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    about = {"n_estimators": 3, "eval_metric": metric}
    with pytest.raises(ValueError, match="metric 'mlogloss' of PAUCXGBClassifier reads probabili"):
        only_rank(PAUCXGBClassifier, "vector_scaling_softmax", **about).fit(X, y, eval_set=[(X, y)])
    # XGBoost's own objective makes probabilities of its margins.
    own = only_rank(PAUCXGBClassifier, "softmax_cross_entropy", **about)
    found = own.fit(X, y, eval_set=[(X, y)]).evals_result()["validation_0"]["mlogloss"]
    assert found[-1] < found[0] < np.log(3) + 1e-6
