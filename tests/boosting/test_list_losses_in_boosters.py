"""Losses of lists in both boosters: queries by the column group, and their own objectives."""

import json

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from sklearn.metrics import ndcg_score
from small_models import CLASSES, make, only_rank

from skbudget.boosting import BoosterObjective, LightGBMRounds, PAUCLGBMClassifier
from skbudget.boosting._targets import code_labels
from skbudget.objectives import (
    ApproxNDCG,
    LambdaRank,
    ListNet,
    ListwiseSoftmax,
    PairwiseHinge,
    RankNet,
    Schedule,
    find_loss,
)

OF_LISTS = [ListwiseSoftmax, ListNet, ApproxNDCG, RankNet, PairwiseHinge, LambdaRank]
each_loss = pytest.mark.parametrize("loss", OF_LISTS, ids=lambda loss: loss.__name__)
each_classifier = pytest.mark.parametrize("cls", CLASSES)
LGB = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "deterministic": True}


@pytest.fixture(scope="module")
def queries():
    """Rows of sixty queries in any order, whose grades rise with a feature within each."""
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(60), 15))
    X = rng.normal(size=(group.size, 3))
    level = rng.normal(size=60)
    # What a query is about says nothing within it, and hides what does.
    X[:, 1] += 3 * level[group]
    noise = 0.5 * rng.normal(size=group.size)
    grade = np.digitize(X[:, 0] + noise, [0.5, 1.2, 2.0]).astype(float)
    return X, grade, group


def mean_ndcg(y, scores, group, k=5):
    found = [
        ndcg_score([y[group == one]], [scores[group == one]], k=k)
        for one in np.unique(group)
        if y[group == one].any()
    ]
    return np.mean(found)


@each_classifier
@each_loss
def test_grades_of_queries_are_learnt(cls, loss, queries):
    X, grade, group = queries
    params = {"tau_scale": None} if loss is ApproxNDCG else {}
    model = only_rank(cls, loss(graded=True, **params), n_estimators=20)
    scores = model.fit(X, grade, group=group).predict(X)
    assert mean_ndcg(grade, scores, group) > 0.85 > mean_ndcg(grade, X[:, 1], group)
    # The model has no classes, and its predictions are the raw scores.
    np.testing.assert_array_equal(scores, model.decision_function(X))


@each_classifier
@each_loss
def test_two_labels_of_queries_are_learnt_and_have_probabilities(cls, loss, queries):
    X, grade, group = queries
    y = np.where(grade > 1, "relevant", "not")
    model = make(cls, loss().name, n_estimators=10, selection_cv=None, pos_label="relevant")
    chance = model.fit(X, y, group=group).predict_proba(X)[:, 1]
    assert np.corrcoef(chance, grade)[0, 1] > 0.3
    scores = model.decision_function(X)
    assert mean_ndcg((grade > 1).astype(float), scores, group) > 0.75


@each_loss
def test_both_boosters_hand_over_their_query_sizes(loss, queries):
    X, grade, group = queries
    order = np.argsort(group, kind="stable")
    X, grade, group = X[order], grade[order], group[order]
    sizes = np.bincount(group)
    objective = BoosterObjective(loss(graded=True))
    wanted = lgb.train(
        {**LGB, "objective": objective.with_columns(group=group)}, lgb.Dataset(X, grade), 5
    )
    found = lgb.train({**LGB, "objective": objective}, lgb.Dataset(X, grade, group=sizes), 5)
    np.testing.assert_array_equal(found.predict(X), wanted.predict(X))
    ranker = lgb.LGBMRanker(objective=objective, n_estimators=5, n_jobs=1, verbose=-1)
    assert mean_ndcg(grade, ranker.fit(X, grade, group=sizes).predict(X), group) > 0.7
    data = xgb.DMatrix(X, grade)
    data.set_group(sizes)
    trees = xgb.train({"nthread": 1}, data, 5, obj=objective)
    assert mean_ndcg(grade, trees.predict(xgb.DMatrix(X)), group) > 0.7


@each_classifier
def test_observed_preferences_are_lists_of_two(cls):
    # Of two items the one with the greater feature is preferred most of the time.
    rng = np.random.default_rng(0)
    items = rng.normal(size=(60, 3))
    first, second = rng.integers(0, 60, (2, 400))
    first, second = first[first != second], second[first != second]
    ahead = items[first, 0] + 0.5 * rng.normal(size=first.size) > items[second, 0]
    winner, loser = np.where(ahead, first, second), np.where(ahead, second, first)
    pair = np.tile(np.arange(winner.size), 2)
    X = np.concatenate([items[winner], items[loser]])
    y = np.repeat([1, 0], winner.size)
    model = make(cls, "rank_net", selection_cv=None).fit(X, y, group=pair)
    scores = model.decision_function(items)
    assert np.corrcoef(scores, items[:, 0])[0, 1] > 0.8


# --- the boosters' own objectives --------------------------------------------------------


def is_theirs(model):
    """Whether the booster itself says that its objective is its own of ranks."""
    if isinstance(model, PAUCLGBMClassifier):
        return "objective=lambdarank\n" in model.booster_.model_to_string()
    config = json.loads(model.get_booster().save_config())
    return config["learner"]["objective"]["name"] == "rank:ndcg"


@pytest.mark.parametrize("k", [None, 3])
def test_lambda_rank_is_lambdarank_of_lightgbm(k, queries):
    X, grade, group = queries
    model = only_rank(PAUCLGBMClassifier, LambdaRank(k, graded=True)).fit(X, grade, group=group)
    assert is_theirs(model)
    order = np.argsort(group, kind="stable")
    params = {**model._parent_params(), "num_leaves": model.num_leaves_}
    for name in ("objective", "min_split_gain", "class_weight"):
        params.pop(name, None)
    theirs = lgb.LGBMRanker(**params, objective="lambdarank", min_split_gain=model.min_split_gain_)
    if k is not None:
        theirs.set_params(lambdarank_truncation_level=k)
    theirs.fit(X[order], grade[order].astype(int), group=np.bincount(group))
    np.testing.assert_array_equal(model.predict(X), theirs.predict(X))


@pytest.mark.parametrize("k", [None, 3])
def test_lambda_rank_is_rank_ndcg_of_xgboost(k, queries):
    X, grade, group = queries
    cls = CLASSES[1]
    model = only_rank(cls, LambdaRank(k, graded=True)).fit(X, grade, group=group)
    assert is_theirs(model)
    order = np.argsort(group, kind="stable")
    params = {**model._parent_params(), "max_leaves": model.max_leaves_, "gamma": model.gamma_}
    own = {} if k is None else {"lambdarank_num_pair_per_sample": k}
    params |= {"objective": "rank:ndcg", **own}
    theirs = xgb.XGBRanker(**params)
    theirs.fit(X[order], grade[order], qid=group[order])
    np.testing.assert_array_equal(model.predict(X), theirs.predict(X))


@each_classifier
def test_what_the_booster_cannot_do_is_done_by_the_loss(cls, queries):
    X, grade, group = queries
    halves = only_rank(cls, LambdaRank(graded=True)).fit(X, grade / 2, group=group)
    assert not is_theirs(halves)
    assert mean_ndcg(grade, halves.predict(X), group) > 0.85
    scheduled = only_rank(cls, LambdaRank(), schedule=Schedule(warmup_rounds=3))
    scheduled.fit(X, grade > 1, group=group)
    assert not is_theirs(scheduled)


def test_weights_of_rows_go_where_they_are_taken(queries):
    X, grade, group = queries
    weight = np.random.default_rng(0).random(grade.size)
    lightgbm, xgboost = (
        only_rank(cls, LambdaRank(graded=True)).fit(X, grade, sample_weight=weight, group=group)
        for cls in CLASSES
    )
    # XGBoost has weights of queries.
    assert is_theirs(lightgbm)
    assert not is_theirs(xgboost)
    assert mean_ndcg(grade, xgboost.predict(X), group) > 0.85


def test_too_many_rows_of_a_query_are_refused_before_lightgbm_does():
    X = np.zeros((10_001, 1))
    y = np.arange(10_001) % 100 == 0
    with pytest.raises(ValueError, match=r"up to 10000 rows of a list.*a list has 10001: pass"):
        only_rank(PAUCLGBMClassifier, "lambda_rank").fit(X, y)


@each_classifier
def test_an_evaluation_set_needs_a_metric_for_grades(cls, queries):
    X, grade, group = queries
    model = only_rank(cls, LambdaRank(graded=True), n_estimators=2)
    with pytest.raises(ValueError, match="needs an eval_metric for this objective"):
        model.fit(X, grade, group=group, eval_set=[(X, grade)])
    found = only_rank(cls, "lambda_rank", n_estimators=2)
    found.fit(X, grade > 1, group=group, eval_set=[(X, grade > 1)], eval_group=[group])


def leaf_per_row(train):
    """Gradient and hessian of an objective, from two trees that part all rows.

    ``train`` returns the values of the leaves, -g / (h + penalty).
    """
    penalty = 1e-3
    plain, penalised = train(0.0), train(penalty)
    hessian = penalty * penalised / (plain - penalised)
    return -plain * hessian, hessian


def lightgbm_tree(y, s, penalty):
    n = y.size
    params = {
        "objective": "lambdarank",
        "lambdarank_norm": False,
        "lambdarank_truncation_level": n,
        "learning_rate": 1.0,
        "lambda_l2": penalty,
        "num_leaves": max(n, 2),
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
        "min_sum_hessian_in_leaf": 0.0,
        "verbose": -1,
        "num_threads": 1,
        "metric": "None",
    }
    X = np.random.default_rng(0).permutation(n)[:, None].astype(float)
    data = lgb.Dataset(X, y, group=[n], init_score=s)
    booster = lgb.train(params, data, 1)
    assert booster.dump_model()["tree_info"][0]["num_leaves"] == n
    return booster.predict(X, raw_score=True)


def xgboost_tree(y, s, penalty):
    n = y.size
    params = {
        "objective": "rank:ndcg",
        "lambdarank_pair_method": "topk",
        "lambdarank_num_pair_per_sample": n,
        "lambdarank_normalization": False,
        "lambdarank_score_normalization": False,
        "learning_rate": 1.0,
        "lambda": penalty,
        "min_child_weight": 0.0,
        "max_depth": n,
        "nthread": 1,
        "base_score": 0.0,
    }
    X = np.random.default_rng(0).permutation(n)[:, None].astype(float)
    data = xgb.DMatrix(X, y, base_margin=s)
    data.set_group([n])
    booster = xgb.train(params, data, 1)
    assert (booster.trees_to_dataframe()["Feature"] == "Leaf").sum() == n
    return booster.predict(xgb.DMatrix(X, base_margin=np.zeros(n)), output_margin=True)


@pytest.mark.parametrize("tree", [lightgbm_tree, xgboost_tree], ids=["lightgbm", "xgboost"])
@pytest.mark.parametrize("seed", range(4))
def test_gradients_are_those_of_the_boosters_up_to_a_constant(tree, seed):
    rng = np.random.default_rng(seed)
    n = 4 + seed % 4
    y = rng.permutation(np.arange(n) % 4).astype(float)
    s = rng.normal(size=n)
    theirs = leaf_per_row(lambda penalty: tree(y, s, penalty))
    ours = LambdaRank(graded=True).gradient_hessian(y, s)
    for one, other in zip(theirs, ours):
        constant = np.abs(one).sum() / np.abs(other).sum()
        np.testing.assert_allclose(one, constant * other, rtol=2e-3, atol=1e-4 * constant)
        assert constant == pytest.approx(round(constant), rel=2e-3)


def test_a_schedule_leads_to_a_loss_of_lists(queries):
    X, grade, group = queries
    loss = find_loss("listwise_softmax")
    objective = BoosterObjective(loss, schedule=Schedule(warmup_rounds=2))
    y = (grade > 1).astype(float)
    booster = lgb.train(
        {**LGB, "objective": objective.with_columns(group=group)},
        lgb.Dataset(X, y),
        10,
        callbacks=[LightGBMRounds()],
    )
    assert mean_ndcg(y, booster.predict(X), group) > 0.7


@each_loss
@pytest.mark.parametrize("scale", [1, 0.25], ids=["whole", "fractions"])
def test_grades_without_graded_name_the_loss(loss, scale, queries):
    X, grade, _ = queries
    name = loss.__name__
    message = rf"{name}.* takes two labels, and y.* has .*pass {name}\(graded=True\)"
    with pytest.raises(ValueError, match=message):
        code_labels("binary", "one", X, scale * grade, "PAUCLGBMClassifier", loss=loss())
    with pytest.raises(ValueError, match=message):
        BoosterObjective(loss())(scale * grade, X[:, 0])


@each_classifier
@pytest.mark.parametrize("scale", [1, 0.25], ids=["whole", "fractions"])
def test_classifiers_name_the_loss_that_takes_grades(cls, scale, queries):
    X, grade, group = queries
    message = "'objective' parameter of PAUC.* is LambdaRank, which takes two .*LambdaRank.graded=T"
    with pytest.raises(ValueError, match=message):
        make(cls, objective="lambda_rank").fit(X, scale * grade, group=group)


@each_classifier
def test_sizes_of_queries_are_no_queries(cls, queries):
    X, grade, group = queries
    sizes = [15] * 60
    model = make(cls, objective="lambda_rank")
    with pytest.raises(ValueError, match=r"group must have one entry.*np\.repeat\(np\.arange"):
        model.fit(X, grade > 0, group=sizes)
    with pytest.raises(ValueError, match=r"eval_group\[0\] must have.*np\.repeat\(np\.arange"):
        model.fit(X, grade > 0, group=group, eval_set=[(X, grade > 0)], eval_group=[sizes])
    with pytest.raises(ValueError, match=r"groups must have one entry.*np\.repeat\(np\.arange"):
        make(cls).fit(X, grade > 0, groups=sizes)
    native = BoosterObjective(LambdaRank()).with_columns(group=sizes)
    with pytest.raises(ValueError, match=r"group must have one entry.*np\.repeat\(np\.arange"):
        native(grade > 0, X[:, 0])
