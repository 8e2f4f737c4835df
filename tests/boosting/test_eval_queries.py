"""Queries of evaluation sets: metrics and early stopping are per query, in folds too."""

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from small_models import CLASSES, make, only_rank

from skbudget.boosting import CoverageMetric, PAUCLGBMClassifier
from skbudget.metrics import coverage_at_budget_score, group_coverage_score
from skbudget.objectives import LambdaRank, ListwiseSoftmax

each_classifier = pytest.mark.parametrize("cls", CLASSES)
# The boosters train their own objective for the first, and ours for the second.
each_objective = pytest.mark.parametrize("name", ["lambda_rank", "listwise_softmax"])

pytestmark = pytest.mark.filterwarnings("ignore:The argument 'eval_set'")


def draw(n_queries, seed):
    """Rows in any order; what a query is about hides what tells its rows apart."""
    rng = np.random.default_rng(seed)
    query = rng.permutation(np.repeat(np.arange(n_queries), 15))
    X = rng.normal(size=(query.size, 3))
    X[:, 1] += 3 * rng.normal(size=n_queries)[query]
    grade = np.digitize(X[:, 0] + 0.7 * rng.normal(size=query.size), [0.8, 1.6]).astype(float)
    return X, grade, query


@pytest.fixture(scope="module")
def seen():
    return draw(60, 0)


@pytest.fixture(scope="module")
def unseen():
    return draw(40, 1)


def with_metric(cls, metric):
    """Return parameters of the constructor and arguments of fit that name a metric."""
    return (
        ({}, {"eval_metric": metric})
        if cls is PAUCLGBMClassifier
        else (
            {"eval_metric": metric},
            {},
        )
    )


def recorded(model, metric):
    """Return what a model recorded of a metric on its only evaluation set, round by round."""
    (found,) = model.evals_result_.values()
    (values,) = (
        found[name] for name in found if name.removeprefix("pre_query_") == metric or name == metric
    )
    return values


def ndcg_of_boosters(gain, scores, query, k):
    """NDCG@k as both boosters have it: ties keep their order, and nothing relevant counts 1."""
    order = np.argsort(query, kind="stable")
    gain, scores, query = gain[order], scores[order], query[order]
    found = []
    for one in np.unique(query):
        of_query, mine = gain[query == one], scores[query == one]
        discount = 1 / np.log2(np.arange(2, k + 2))
        shown = of_query[np.argsort(-mine, kind="stable")][:k]
        ideal = np.sort(of_query)[::-1][:k]
        best = ideal @ discount[: ideal.size]
        found.append(shown @ discount[: shown.size] / best if best else 1.0)
    return np.mean(found)


@each_classifier
@each_objective
def test_ndcg_is_a_mean_over_queries(cls, name, seen, unseen):
    (X, grade, query), (X_new, new_grade, new_query) = seen, unseen
    params, arguments = with_metric(cls, ["ndcg@10"])
    y, new = (grade > 0).astype(int), (new_grade > 0).astype(int)
    model = only_rank(cls, name, n_estimators=8, **params)
    ids = np.array([f"query {number}" for number in new_query])
    model.fit(X, y, group=query, eval_set=[(X_new, new)], eval_group=[ids], **arguments)
    scores = model.decision_function(X_new).astype(np.float32)
    wanted = ndcg_of_boosters(new, scores, ids, 10)
    assert recorded(model, "ndcg@10")[-1] == pytest.approx(wanted, abs=1e-5)
    # Not of the whole table as one list.
    assert abs(wanted - ndcg_of_boosters(new, scores, np.zeros(new.size), 10)) > 0.02


@each_classifier
@pytest.mark.parametrize("loss", [LambdaRank(graded=True), ListwiseSoftmax(graded=True)], ids=str)
def test_ndcg_of_grades_stops_early(cls, loss, seen, unseen):
    (X, grade, query), (X_new, new, new_query) = seen, unseen
    params, arguments = with_metric(cls, "ndcg@5")
    model = only_rank(cls, loss, n_estimators=60, early_stopping_rounds=5, **params)
    model.fit(X, grade, group=query, eval_set=[(X_new, new)], eval_group=[new_query], **arguments)
    values = recorded(model, "ndcg@5")
    assert len(values) < 60
    best = int(np.argmax(values))
    kept = model.best_iteration_ - 1 if cls is PAUCLGBMClassifier else model.best_iteration
    assert kept == best
    scores = model.predict(X_new).astype(np.float32)
    wanted = ndcg_of_boosters(2**new - 1, scores, new_query, 5)
    assert values[best] == pytest.approx(wanted, abs=1e-5)


@each_classifier
@each_objective
def test_two_labels_stop_by_the_coverage_of_queries(cls, name, seen, unseen):
    (X, grade, query), (X_new, new_grade, new_query) = seen, unseen
    new = np.where(new_grade > 0, "hit", "miss")
    model = make(cls, name, budget=0.2, pos_label="hit", selection_cv=None, early_stopping_rounds=5)
    y = np.where(grade > 0, "hit", "miss")
    model.fit(X, y, group=query, eval_set=[(X_new, new)], eval_group=[new_query])
    scores = -model.decision_function(X_new).astype(np.float32)
    wanted = group_coverage_score(new == "hit", scores, group=new_query, budget=0.2)
    metric = "query_coverage@0.2" if cls is PAUCLGBMClassifier else "coverage@0.2"
    values = recorded(model, metric)
    assert max(values) == pytest.approx(wanted, abs=1e-5)
    assert wanted != coverage_at_budget_score(new == "hit", scores, budget=0.2)
    # The models of the folds have the same sets: probabilities are right.
    chance = model.predict_proba(X_new)[:, 0]
    assert chance.mean() == pytest.approx((new == "hit").mean(), rel=0.15)


@each_classifier
def test_values_and_scores_to_begin_from_follow_their_rows(cls, seen, unseen):
    (X, grade, query), (X_new, new_grade, new_query) = seen, unseen
    new, value = (new_grade > 0).astype(int), np.random.default_rng(2).random(new_grade.size)
    base = 0.3 * X_new[:, 2]
    is_lightgbm = cls is PAUCLGBMClassifier
    names = (
        ("eval_value", "eval_init_score")
        if is_lightgbm
        else (
            "value_eval_set",
            "base_margin_eval_set",
        )
    )
    model = only_rank(cls, "listwise_softmax", budget=0.2, n_estimators=5)
    model.fit(
        X,
        grade > 0,
        group=query,
        eval_set=[(X_new, new == 1)],
        eval_group=[new_query],
        **{names[0]: [value], names[1]: [base]},
    )
    scores = (model.decision_function(X_new) + base).astype(np.float32)
    wanted = group_coverage_score(new, scores, group=new_query, budget=0.2, value=value)
    metric = "query_coverage@0.2" if is_lightgbm else "coverage@0.2"
    assert recorded(model, metric)[-1] == pytest.approx(wanted, abs=1e-5)


@each_classifier
def test_rows_of_an_evaluation_set_may_be_in_any_order(cls, seen, unseen):
    (X, grade, query), (X_new, new, new_query) = seen, unseen
    histories = []
    for order in (np.argsort(new_query), np.random.default_rng(3).permutation(new.size)):
        model = only_rank(cls, "rank_net", budget=0.2, n_estimators=4)
        sets = {"eval_set": [(X_new[order], new[order] > 0)], "eval_group": [new_query[order]]}
        model.fit(X, grade > 0, group=query, **sets)
        ((values,),) = (found.values() for found in model.evals_result_.values())
        histories.append(values)
    np.testing.assert_allclose(*histories, rtol=1e-12)


@each_classifier
def test_a_table_without_queries_is_one_list(cls, seen, unseen):
    (X, grade, _), (X_new, new, _) = seen, unseen
    params, arguments = with_metric(cls, "ndcg@10")
    model = only_rank(cls, "listwise_softmax", n_estimators=4, **params)
    model.fit(X, grade > 0, eval_set=[(X_new, new > 0)], **arguments)
    scores = model.decision_function(X_new).astype(np.float32)
    wanted = ndcg_of_boosters((new > 0).astype(float), scores, np.zeros(new.size), 10)
    assert recorded(model, "ndcg@10")[-1] == pytest.approx(wanted, abs=1e-5)


@each_classifier
@each_objective
def test_a_metric_of_the_whole_set_needs_no_queries(cls, name, seen, unseen):
    (X, grade, query), (X_new, new, _) = seen, unseen
    params, arguments = with_metric(cls, CoverageMetric(0.1))
    model = only_rank(cls, name, n_estimators=4, **params)
    model.fit(X, grade > 0, group=query, eval_set=[(X_new, new > 0)], **arguments)
    scores = model.decision_function(X_new).astype(np.float32)
    values = recorded(model, "coverage@0.1" if cls is PAUCLGBMClassifier else "pre_coverage@0.1")
    wanted = coverage_at_budget_score(new > 0, scores, budget=0.1)
    assert values[-1] == pytest.approx(wanted, abs=1e-5)


@each_classifier
@pytest.mark.parametrize("metric", [None, "ndcg@10", CoverageMetric(per_query=True)], ids=str)
def test_queries_of_an_evaluation_set_must_not_be_missing(cls, metric, seen):
    X, grade, query = seen
    params, arguments = with_metric(cls, metric)
    model = only_rank(cls, "lambda_rank", **params)
    with pytest.raises(ValueError, match=rf"eval_group of {cls.__name__}.fit is missing.*Pass"):
        model.fit(X, grade > 0, group=query, eval_set=[(X, grade > 0)], **arguments)


@each_classifier
def test_queries_that_nobody_reads_are_refused(cls, seen):
    X, grade, query = seen
    y = grade > 0
    sets = {"eval_set": [(X, y)], "eval_group": [query]}
    with pytest.raises(ValueError, match=r"eval_group of .*no effect.*such as 'lambda_rank'"):
        only_rank(cls, "binary_cross_entropy").fit(X, y, **sets)
    with pytest.raises(ValueError, match=r"eval_group of .*training rows have none: pass group"):
        only_rank(cls, "lambda_rank").fit(X, y, **sets)


@each_classifier
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda query: query, "must be a list with one array per evaluation set.*expected 1, got"),
        (lambda query: [query, query], "one array per evaluation set.*expected 1, got 2"),
        (lambda query: [query[:-1]], r"eval_group\[0\] must have the query of each row"),
        (lambda query: [np.bincount(query)], r"eval_group\[0\].*how many rows.*pass np.repeat"),
        (lambda query: [None], r"eval_group\[0\] is None"),
        (lambda query: [np.where(query, query, np.nan)], r"eval_group\[0\] contains NaN"),
    ],
    ids=["array", "two", "short", "sizes", "none", "missing"],
)
def test_there_is_one_query_per_row_of_each_set(cls, given, message, seen):
    X, grade, query = seen
    with pytest.raises(ValueError, match=message):
        only_rank(cls, "lambda_rank").fit(
            X, grade > 0, group=query, eval_set=[(X, grade > 0)], eval_group=given(query)
        )
    with pytest.raises(ValueError, match=r"eval_group of .* needs an eval_set"):
        only_rank(cls, "lambda_rank").fit(X, grade > 0, group=query, eval_group=[query])


def test_weights_of_rows_are_refused_beside_queries_of_xgboost(seen):
    X, grade, query = seen
    with pytest.raises(ValueError, match="eval_group and sample_weight_eval_set cannot be"):
        only_rank(CLASSES[1], "rank_net").fit(
            X,
            grade > 0,
            group=query,
            eval_set=[(X, grade > 0)],
            eval_group=[query],
            sample_weight_eval_set=[np.ones(query.size)],
        )


def test_weights_of_rows_reach_the_coverage_of_queries_in_lightgbm(seen, unseen):
    (X, grade, query), (X_new, new, new_query) = seen, unseen
    weight = np.random.default_rng(4).integers(1, 5, new.size)
    model = only_rank(PAUCLGBMClassifier, "rank_net", budget=0.2, n_estimators=4)
    sets = {"eval_set": [(X_new, new > 0)], "eval_group": [new_query]}
    model.fit(X, grade > 0, group=query, eval_sample_weight=[weight], **sets)
    scores = model.decision_function(X_new)
    wanted = group_coverage_score(
        new > 0, scores, group=new_query, budget=0.2, sample_weight=weight
    )
    assert recorded(model, "query_coverage@0.2")[-1] == pytest.approx(wanted, abs=1e-6)


def test_lightgbm_passes_over_no_metric_of_ranks(seen):
    X, grade, query = seen
    model = only_rank(PAUCLGBMClassifier, "binary_cross_entropy")
    with pytest.raises(ValueError, match=r"'ndcg@10' of PAUCLGBMClassifier compares rows of one"):
        model.fit(X, grade > 0, eval_set=[(X, grade > 0)], eval_metric="ndcg@10")
    model = only_rank(PAUCLGBMClassifier, "rank_net", n_estimators=2, eval_at=[2])
    sets = {"eval_set": [(X, grade > 0)], "eval_group": [query]}
    model.fit(X, grade > 0, group=query, eval_metric="ndcg@4,6", **sets)
    (found,) = model.evals_result_.values()
    assert list(found) == ["ndcg@2", "ndcg@4", "ndcg@6"]
    with pytest.raises(ValueError, match="'eval_at' parameter .* would have no effect"):
        only_rank(PAUCLGBMClassifier, "binary_cross_entropy", eval_at=[2]).fit(X, grade > 0)
