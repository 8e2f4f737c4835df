"""Metrics of groups against brute force over the orders of tied rows, and against peers."""

from functools import partial
from itertools import permutations
from math import comb, log2

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import ndcg_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate

from skbudget.datasets import make_search_queries
from skbudget.metrics import (
    coverage_at_budget_score,
    group_coverage_score,
    hit_rate_at_k_score,
    make_group_scorer,
    map_at_k_score,
    mrr_at_k_score,
    ndcg_at_k_score,
    precision_at_k_score,
    recall_at_k_score,
)


def gain_of(kind):
    return (lambda y: 2.0**y - 1.0) if kind == "exponential" else float


def one_order(name, y, k, gain="exponential"):
    """Return a metric of one list in a fixed order, None without positives."""
    if name == "ndcg":
        gains = [gain_of(gain)(grade) for grade in y]
        dcg, ideal = (
            sum(one / log2(place + 2) for place, one in enumerate(order[:k]))
            for order in (gains, sorted(gains, reverse=True))
        )
        return dcg / ideal if ideal else None
    positive = [grade > 0 for grade in y]
    if not any(positive):
        return None
    top = positive[:k]
    if name == "precision":
        return sum(top) / len(top)
    if name == "recall":
        return sum(top) / sum(positive)
    if name == "hit_rate":
        return float(any(top))
    if name == "mrr":
        return next((1 / place for place, hit in enumerate(top, 1) if hit), 0.0)
    hits = [sum(top[: place + 1]) / (place + 1) for place, hit in enumerate(top) if hit]
    return sum(hits) / min(sum(positive), k)


def brute_force(name, y, scores, k, **more):
    """Return the mean over all orders of the rows that respect the scores."""
    found = []
    for order in permutations(range(len(y))):
        ordered = [scores[row] for row in order]
        if ordered == sorted(scores, reverse=True):
            found.append(one_order(name, [y[row] for row in order], k, **more))
    return None if found[0] is None else float(np.mean(found))


METRICS = {
    "ndcg": ndcg_at_k_score,
    "precision": precision_at_k_score,
    "recall": recall_at_k_score,
    "hit_rate": hit_rate_at_k_score,
    "map": map_at_k_score,
    "mrr": mrr_at_k_score,
}
by_metric = pytest.mark.parametrize("name", METRICS)


def small_table(seed, n_groups=5):
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(n_groups), rng.integers(1, 7, n_groups)))
    y = rng.integers(0, 4, group.size) * rng.integers(0, 2, group.size)
    scores = rng.integers(0, 3, group.size) / 4
    y[0] = 3
    return y, scores, group


def call(name, y, scores, **more):
    if name != "ndcg":
        more["min_grade"] = 1
    return METRICS[name](y, scores, **more)


@by_metric
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_metrics_are_means_over_orders_of_ties(name, seed, k):
    y, scores, group = small_table(seed)
    wanted = [
        brute_force(name, y[group == one].tolist(), scores[group == one].tolist(), k)
        for one in np.unique(group)
    ]
    known = [one for one in wanted if one is not None]
    shuffled = np.random.default_rng(seed).permutation(y.size)
    rows = (y[shuffled], scores[shuffled])
    asked = {"k": k, "group": np.array(list("edcba"))[group][shuffled]}
    assert call(name, *rows, **asked) == pytest.approx(np.mean(known), abs=1e-12)
    for empty, outcome in (("zero", 0.0), ("one", 1.0)):
        filled = [outcome if one is None else one for one in wanted]
        found = call(name, *rows, **asked, empty_groups=empty)
        assert found == pytest.approx(np.mean(filled), abs=1e-12)


@pytest.mark.parametrize("gain", ["exponential", "linear"])
@pytest.mark.parametrize("k", [None, 1, 4])
def test_ndcg_equals_that_of_scikit_learn(gain, k):
    rng = np.random.default_rng(0)
    y, scores = rng.integers(0, 5, (30, 9)), rng.integers(0, 4, (30, 9)) / 8
    y[0] = 0
    gains = 2.0**y - 1 if gain == "exponential" else y
    group = np.repeat(np.arange(30), 9)
    found = ndcg_at_k_score(
        y.ravel(), scores.ravel(), k=k, group=group, gain=gain, empty_groups="zero"
    )
    assert found == pytest.approx(ndcg_score(gains, scores, k=k), abs=1e-12)


def test_gains_are_told_apart_by_name():
    # One swap of the grades 2 and 1: gains of 3 and 1, or of 2 and 1.
    y, scores = [1, 2], [0.9, 0.1]
    second = 1 / log2(3)
    assert ndcg_at_k_score(y, scores) == pytest.approx((1 + 3 * second) / (3 + second))
    assert ndcg_at_k_score(y, scores, gain="linear") == pytest.approx(
        (1 + 2 * second) / (2 + second)
    )


def test_boosters_evaluate_the_same():
    lgb = pytest.importorskip("lightgbm")
    xgb = pytest.importorskip("xgboost")
    rng = np.random.default_rng(1)
    sizes = rng.integers(3, 30, 40)
    group = np.repeat(np.arange(40), sizes)
    y = rng.integers(0, 5, group.size) * (rng.random(group.size) < 0.4)
    X = rng.normal(size=(group.size, 2))
    data = lgb.Dataset(X, y, group=sizes, free_raw_data=False)
    params = {"objective": "lambdarank", "verbose": -1, "num_threads": 1, "num_leaves": 3}
    results = {}
    params |= {"metric": ["ndcg", "map"], "eval_at": [3], "min_data_in_leaf": 1, "boosting": "gbdt"}
    lgb.train(
        params,
        data,
        1,
        valid_sets=[lgb.Dataset(X, y, group=sizes, reference=data, init_score=X[:, 0] * 1e6)],
        callbacks=[lgb.record_evaluation(results)],
    )
    # A tree of a millionth of the start changes no order.
    found = results["valid_0"]
    assert found["ndcg@3"][0] == pytest.approx(
        ndcg_at_k_score(y, X[:, 0], k=3, group=group, empty_groups="one"), abs=1e-9
    )
    assert found["map@3"][0] == pytest.approx(
        map_at_k_score(y, X[:, 0], k=3, group=group, min_grade=1, empty_groups="one"), abs=1e-9
    )
    matrix = xgb.DMatrix(X, np.minimum(y, 1), base_margin=X[:, 0] * 1e6, qid=group)
    booster = xgb.train(
        {"objective": "rank:ndcg", "eval_metric": ["ndcg@3-", "pre@3", "map@3-"], "nthread": 1},
        matrix,
        0,
    )
    text = booster.eval(matrix)
    peers = {part.split(":")[0]: float(part.split(":")[1]) for part in text.split()[1:]}
    binary = np.minimum(y, 1)
    assert peers["eval-ndcg@3-"] == pytest.approx(
        ndcg_at_k_score(binary, X[:, 0], k=3, group=group, empty_groups="zero"), abs=1e-5
    )
    assert peers["eval-pre@3"] == pytest.approx(
        precision_at_k_score(binary, X[:, 0], k=3, group=group, empty_groups="zero"), abs=1e-5
    )
    assert peers["eval-map@3-"] == pytest.approx(
        map_at_k_score(binary, X[:, 0], k=3, group=group, empty_groups="zero"), abs=1e-5
    )


def test_catboost_evaluates_the_same():
    utils = pytest.importorskip("catboost.utils")
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(40), 12)
    y = rng.integers(0, 2, group.size) * rng.integers(0, 2, group.size)
    y[::12] = 1
    scores = rng.normal(size=group.size)
    peers = {
        "PrecisionAt:top=4": precision_at_k_score,
        "RecallAt:top=4": recall_at_k_score,
        "MRR:top=4": mrr_at_k_score,
        "NDCG:top=4;type=Exp": partial(ndcg_at_k_score),
    }
    for name, ours in peers.items():
        theirs = utils.eval_metric(y, scores, name, group_id=group)[0]
        assert ours(y, scores, k=4, group=group) == pytest.approx(theirs, abs=1e-9), name


def test_a_large_tie_has_the_hypergeometric_chance():
    n, n_positives, k = 100_000, 50, 30
    y = np.arange(n) < n_positives
    wanted = 1 - comb(n - n_positives, k) / comb(n, k)
    assert hit_rate_at_k_score(y, np.zeros(n), k=k) == pytest.approx(wanted, rel=1e-9)
    assert precision_at_k_score(y, np.zeros(n), k=k) == pytest.approx(n_positives / n)


# --- coverage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "slice_", [{"k": 2}, {"k": 30}, {"budget": 0.3}, {"budget": 0.05}], ids=str
)
@pytest.mark.parametrize("weighted", [False, True])
def test_group_coverage_adds_up_that_of_each_group(seed, slice_, weighted):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 4, 60)
    y, scores = np.arange(60) % 3 == 0, rng.integers(0, 6, 60) / 8
    weight = rng.integers(0, 3, 60) if weighted else np.ones(60, dtype=int)
    value = rng.integers(1, 9, 60).astype(float) if weighted else np.ones(60)
    caught = total = 0.0
    for one in range(4):
        mask = group == one
        worth = np.sum((y * weight * value)[mask])
        n_rows = weight[mask].sum()
        if worth == 0:
            continue
        if np.all(y[mask][weight[mask] > 0]):
            size = slice_.get("k") or max(1, np.ceil(slice_["budget"] * n_rows))
            if size < n_rows:
                pytest.skip("the score of one class is not defined")
            caught, total = caught + worth, total + worth
            continue
        budget = slice_.get("budget") or min(slice_["k"] / n_rows, 1.0 - 1e-12)
        share = coverage_at_budget_score(
            y[mask], scores[mask], budget=budget, sample_weight=weight[mask], value=value[mask]
        )
        caught, total = caught + share * worth, total + worth
    more = {"sample_weight": weight, "value": value} if weighted else {}
    found = group_coverage_score(y, scores, group=group, **slice_, **more)
    assert found == pytest.approx(caught / total, abs=1e-9)


def test_one_group_is_one_budget():
    rng = np.random.default_rng(3)
    y, scores = np.arange(200) % 5 == 0, rng.normal(size=200)
    everything = np.zeros(200)
    assert group_coverage_score(y, scores, group=everything, budget=0.1) == pytest.approx(
        coverage_at_budget_score(y, scores, budget=0.1)
    )


def test_weights_repeat_rows():
    rng = np.random.default_rng(4)
    y, scores, group = np.arange(50) % 5 == 0, rng.integers(0, 9, 50) / 2, rng.integers(0, 5, 50)
    weight = rng.integers(0, 4, 50)
    again = [np.repeat(column, weight) for column in (y, scores, group)]
    for slice_ in ({"k": 3}, {"budget": 0.25}):
        assert group_coverage_score(
            y, scores, group=group, sample_weight=weight, **slice_
        ) == pytest.approx(group_coverage_score(again[0], again[1], group=again[2], **slice_))


# --- errors ------------------------------------------------------------------------------------


@by_metric
def test_groups_without_positives_are_an_error_if_asked(name):
    y, scores, group = [1, 0, 0, 0], [0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]
    with pytest.raises(ValueError, match=r"1 of 2 groups lack a"):
        call(name, y, scores, k=2, group=group, empty_groups="raise")
    with pytest.raises(ValueError, match="no group has a"):
        call(name, [0, 0, 0, 0], scores, k=2, group=group)


LABELS = {
    "numbers": (1, 0, None),
    "signs": (1, -1, None),
    "booleans": (True, False, None),
    "strings": ("fraud", "ok", "fraud"),
    "the lesser one": (0, 1, 0),
}


@by_metric
@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
def test_all_rows_may_be_of_one_class(name, labels):
    positive, negative, pos_label = labels
    if name == "ndcg":
        positive, negative, told = 1, 0, {}
    else:
        told = {"pos_label": pos_label}
    scores, metric = [0.3, 0.2, 0.1], METRICS[name]
    wanted = 2 / 3 if name == "recall" else 1.0
    assert metric([positive] * 3, scores, k=2, **told) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="no group has a.*empty_groups='zero' or 'one'"):
        metric([negative] * 3, scores, k=2, **told)
    for outcome, value in {"zero": 0.0, "one": 1.0}.items():
        assert metric([negative] * 3, scores, k=2, empty_groups=outcome, **told) == value


def test_one_label_alone_must_be_known():
    for y in (["ok", "ok"], [2, 2]):
        with pytest.raises(ValueError, match="pos_label is not specified"):
            precision_at_k_score(y, [0.1, 0.2], k=1)
    with pytest.raises(ValueError, match="pos_label='fruad' is not a valid label"):
        precision_at_k_score(["ok", "fraud"], [0.1, 0.2], k=1, pos_label="fruad")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": 0}, "'k' parameter of precision_at_k_score"),
        ({"k": 2.0}, "'k' parameter of precision_at_k_score"),
        ({"group": [0, 1]}, "group must have one entry per sample"),
        ({"group": [0.0, 1.0, np.nan, 1.0]}, "group must not be missing"),
        ({"empty_groups": "drop"}, "'empty_groups' parameter of precision_at_k_score"),
        ({"min_grade": 1, "pos_label": 1}, "not both"),
        ({"min_grade": 0}, "'min_grade' parameter of precision_at_k_score"),
        ({"y_score": [0.1, 0.2]}, "inconsistent numbers of samples"),
        ({"y_true": [-1, 2, 0, 1], "min_grade": 1}, "grades of at least 0"),
        ({"y_true": [0, 1, 2, 3]}, "must be binary"),
    ],
    ids=lambda given: str(given),
)
def test_errors_name_the_parameter(given, message):
    arguments = {"y_true": [1, 0, 0, 1], "y_score": [0.1, 0.2, 0.3, 0.4], "k": 2} | given
    with pytest.raises(ValueError, match=message):
        precision_at_k_score(arguments.pop("y_true"), arguments.pop("y_score"), **arguments)


def test_grades_out_of_range_are_refused():
    with pytest.raises(ValueError, match="pass gain='linear'"):
        ndcg_at_k_score([0, 1024], [0.1, 0.2])
    assert ndcg_at_k_score([0, 1e300], [0.2, 0.1], gain="linear") == pytest.approx(1 / log2(3))


@pytest.mark.parametrize("given", [{}, {"k": 2, "budget": 0.1}], ids=str)
def test_coverage_needs_one_size_of_the_slice(given):
    with pytest.raises(ValueError, match="needs k"):
        group_coverage_score([0, 1], [0.1, 0.2], group=[0, 1], **given)


# --- scorers -----------------------------------------------------------------------------------

X, Y, QUERY = make_search_queries(40, rows_per_query=12, relevant_rate=0.2, random_state=0)


def test_a_scorer_takes_groups_from_routing_or_from_a_column():
    model = LogisticRegression(max_iter=1000)
    named = np.column_stack([QUERY, X])
    column = make_group_scorer("coverage", k=3, group_column=0)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_group_scorer("coverage", k=3).set_score_request(group="groups")
        scores = cross_validate(
            model, named, Y > 0, cv=GroupKFold(3), scoring=routed, params={"groups": QUERY}
        )
        search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=GroupKFold(3), scoring=routed)
        search.fit(named, Y > 0, groups=QUERY)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    folds = list(GroupKFold(3).split(named, Y, QUERY))
    by_column = cross_validate(model, named, Y > 0, cv=folds, scoring=column)["test_score"]
    assert scores["test_score"] == pytest.approx(by_column)
    assert repr(column) == "make_scorer(group_coverage_score, k=3, group_column=0)"


def test_a_scorer_ranks_regressors_and_expected_grades():
    column = {"group_column": 0}
    table = np.column_stack([QUERY, X])
    regression = LinearRegression().fit(table, Y)
    ndcg = make_group_scorer("ndcg", k=5, gain="linear", **column)
    assert ndcg(regression, table, Y) == pytest.approx(
        ndcg_at_k_score(Y, regression.predict(table), k=5, group=QUERY, gain="linear")
    )
    grades = LogisticRegression(max_iter=2000).fit(table, Y)
    expected = grades.predict_proba(table) @ grades.classes_
    page = make_group_scorer("coverage", k=5, min_grade=1, **column)
    assert page(grades, table, Y) == pytest.approx(
        group_coverage_score(Y, expected, group=QUERY, k=5, min_grade=1)
    )


def test_a_scorer_follows_the_positive_class():
    table = np.column_stack([QUERY, X])
    labels = np.where(Y > 0, "a_hit", "miss")
    model = LogisticRegression(max_iter=1000).fit(table, labels)
    wanted = precision_at_k_score(
        labels, -model.decision_function(table), k=4, group=QUERY, pos_label="a_hit"
    )
    scorer = make_group_scorer("precision", k=4, group_column=0, pos_label="a_hit")
    assert scorer(model, table, labels) == pytest.approx(wanted)
    with pytest.warns(UserWarning, match="pos_label is not given"):
        found = make_group_scorer("precision", k=4, group_column=0)(model, table, labels)
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("metric", ["precision", "hit_rate", "map"])
def test_a_fold_of_one_class_has_a_score(metric):
    table = np.column_stack([QUERY, X])
    labels = np.where(Y > 0, "a_hit", "miss")
    model = LogisticRegression(max_iter=1000).fit(table, labels)
    scorer = make_group_scorer(metric, k=4, group_column=0, pos_label="a_hit", empty_groups="zero")
    assert scorer(model, table[Y > 0], labels[Y > 0]) == 1.0
    assert scorer(model, table[Y == 0], labels[Y == 0]) == 0.0


class Silent(RegressorMixin, BaseEstimator):
    """Knows no scores."""

    def fit(self, X, y):
        return self


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"metric": "auc"}, "'metric' parameter"),
        ({}, "needs k"),
        ({"metric": "map"}, "'k' parameter"),
        ({"metric": "ndcg", "k": 3, "min_grade": 1}, "'min_grade' parameter .* 'ndcg'"),
        ({"metric": "mrr", "k": 3, "gain": "linear"}, "'gain' parameter .* 'mrr'"),
        ({"metric": "map", "k": 3, "budget": 0.1}, "'budget' parameter .* 'map'"),
        ({"k": 3, "min_grade": 1, "pos_label": 1}, "not both"),
        ({"k": 3, "group_column": 1.5}, "'group_column' parameter"),
        ({"metric": "ndcg", "gain": "log"}, "'gain' parameter"),
        ({"metric": "map", "k": 3, "empty_groups": "nan"}, "'empty_groups' parameter"),
    ],
    ids=str,
)
def test_a_scorer_is_checked_when_it_is_made(given, message):
    with pytest.raises(ValueError, match=message):
        make_group_scorer(**given)


def test_a_scorer_says_what_it_lacks():
    model = LinearRegression().fit(X, Y)
    scorer = make_group_scorer("ndcg", k=3)
    with pytest.raises(ValueError, match="needs the group of each row"):
        scorer(model, X, Y)
    with pytest.raises(ValueError, match="group_column=99 is not a column"):
        make_group_scorer("ndcg", k=3, group_column=99)(model, X, Y)
    with pytest.raises(NotFittedError):
        make_group_scorer("ndcg", k=3, group_column=0)(LogisticRegression(), X, Y)
    with pytest.raises(TypeError, match="estimator must be a fitted classifier"):
        make_group_scorer("ndcg", k=3, group_column=0)(Silent(), X, Y)
    with sklearn.config_context(enable_metadata_routing=True):
        both = make_group_scorer("ndcg", k=3, group_column=0).set_score_request(group=True)
        with pytest.raises(ValueError, match="use one of them"):
            both(model, X, Y, group=QUERY)


def test_sizes_of_groups_are_no_groups():
    with pytest.raises(ValueError, match=r"group must have one entry.*np\.repeat\(np\.arange"):
        group_coverage_score([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], group=[2, 2], k=1)
