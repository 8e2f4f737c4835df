"""`PAUCClassifier` on the losses of lists: queries in batches, grades, and preferences."""

import warnings

import numpy as np
import pytest

pytest.importorskip("skorch")

from sklearn.metrics import ndcg_score

from skbudget.neural import PAUCClassifier
from skbudget.objectives import (
    ApproxNDCG,
    LambdaRank,
    ListNet,
    ListwiseSoftmax,
    PairwiseHinge,
    RankNet,
    WeightedSum,
)

SMALL = {
    "n_members": 1,
    "hidden_layer_sizes": (),
    "batch_size": 150,
    "max_epochs": 8,
    "lr": 0.05,
    "weight_decay": 0.0,
    "input_decay": 0.0,
    "calibration_cv": None,
    "random_state": 0,
    "device": "cpu",
}
OF_LISTS = [ListwiseSoftmax, ListNet, ApproxNDCG, RankNet, PairwiseHinge, LambdaRank]
# Its gradient is flat where the order is bad, and a few steps do not get far.
LEAST = {ApproxNDCG: 0.7}
each_loss = pytest.mark.parametrize("loss", OF_LISTS, ids=lambda loss: loss.__name__)


@pytest.fixture(scope="module")
def queries():
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(60), 15))
    X = rng.normal(size=(group.size, 3))
    noise = 0.5 * rng.normal(size=group.size)
    return X, np.digitize(X[:, 0] + noise, [0.5, 1.2, 2.0]).astype(float), group


def mean_ndcg(y, scores, group):
    lists = [np.flatnonzero(group == one) for one in np.unique(group)]
    return np.mean([ndcg_score([y[one]], [scores[one]], k=5) for one in lists if y[one].any()])


@each_loss
def test_grades_of_queries_are_learnt(loss, queries):
    X, grade, group = queries
    model = PAUCClassifier(loss=loss(graded=True), **SMALL)
    with warnings.catch_warnings():
        # No score is far from a grade: what counts is the order.
        warnings.simplefilter("error", UserWarning)
        model.fit(X, 10.0 + grade if loss is RankNet else grade, group=group)
    assert mean_ndcg(grade, model.predict(X), group) > LEAST.get(loss, 0.84)


@each_loss
def test_two_labels_are_learnt_by_name(loss, queries):
    X, grade, group = queries
    model = PAUCClassifier(loss=loss().name, **SMALL).fit(X, grade > 1, group=group)
    assert mean_ndcg(grade, model.decision_function(X), group) > LEAST.get(loss, 0.84)
    one_list = PAUCClassifier(loss=loss().name, **SMALL).fit(X, grade > 1)
    assert np.corrcoef(one_list.decision_function(X), grade)[0, 1] > 0.5


def test_the_plain_hinge_is_for_networks(queries):
    X, grade, group = queries
    loss = PairwiseHinge(link="hinge", graded=True)
    model = PAUCClassifier(loss=loss, **SMALL).fit(X, grade, group=group)
    assert mean_ndcg(grade, model.predict(X), group) > 0.85


def test_a_rank_weighted_cross_entropy_has_the_budget_of_the_estimator(queries):
    X, grade, _ = queries
    model = PAUCClassifier(0.1, loss="rank_weighted_cross_entropy", **SMALL).fit(X, grade > 1)
    assert np.corrcoef(model.decision_function(X), grade)[0, 1] > 0.5
    (loss,) = {one.loss for one in model.net_.criterion_.main_loss.of_member}
    assert loss.budget == 0.1


def test_preferences_stay_together_in_folds_and_batches():
    rng = np.random.default_rng(0)
    winner, loser = rng.normal(size=(2, 300, 2))
    swap = winner[:, 0] + 0.3 * rng.normal(size=300) < loser[:, 0]
    winner[swap], loser[swap] = loser[swap].copy(), winner[swap].copy()
    X = np.concatenate([winner, loser])
    y, pair = np.repeat([1, 0], 300), np.tile(np.arange(300), 2)
    model = PAUCClassifier(loss="rank_net", **{**SMALL, "calibration_cv": "auto", "n_members": 2})
    model.fit(X, y, group=pair)
    assert np.corrcoef(model.decision_function(X), X[:, 0])[0, 1] > 0.8
    assert model.predict_proba(X).shape == (600, 2)


@pytest.mark.parametrize("scale", [1, 0.25], ids=["whole", "fractions"])
@pytest.mark.parametrize("weight", [None, 1], ids=["alone", "beside-another"])
def test_grades_without_graded_name_the_loss(scale, weight, queries):
    X, grade, group = queries
    loss = RankNet() if weight is None else WeightedSum(((weight, RankNet()), (1, LambdaRank())))
    message = (
        "'loss' parameter of PAUCClassifier (is|holds) RankNet, which .*pass RankNet.graded=True"
    )
    with pytest.raises(ValueError, match=message):
        PAUCClassifier(loss=loss).fit(X, scale * grade, group=group)


def test_sizes_of_queries_are_no_queries(queries):
    X, grade, group = queries
    sizes = np.bincount(group)
    with pytest.raises(ValueError, match=r"group must have one entry.*np\.repeat\(np\.arange"):
        PAUCClassifier(loss="list_net").fit(X, grade > 0, group=sizes)
