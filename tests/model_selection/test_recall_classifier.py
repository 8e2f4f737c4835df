"""`BudgetThresholdClassifier` with a floor on recall in place of a budget."""

import pickle

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threshold_cases import FirstColumn, draw, fitted

from skbudget import BudgetThresholdClassifier
from skbudget.metrics import make_volume_at_recall_scorer
from skbudget.model_selection import min_calibration_positives, recall_threshold


def floor(model, **params):
    return BudgetThresholdClassifier(model, **{"min_recall": 0.9, **params})


def prefit(X, y, sample_weight=None, segments=None, value=None, **params):
    model = floor(fitted(X, y), cv="prefit", **params)
    return model.fit(X, y, sample_weight, segments=segments, value=value)


@pytest.mark.parametrize("guarantee", [None, 0.95])
def test_the_threshold_is_that_of_the_positives(guarantee):
    X, y = draw()
    model = prefit(X, y, guarantee=guarantee)
    score = X[:, 0]
    expected = recall_threshold(score[y == 1], min_recall=0.9, guarantee=guarantee)
    assert model.threshold_ == expected
    assert model.n_calibration_ == y.sum()
    np.testing.assert_array_equal(model.predict(X), score >= expected)
    assert model.alert_rate_ == pytest.approx((score >= expected).mean())
    assert model.coverage_ == pytest.approx((score >= expected)[y == 1].mean())
    assert model.coverage_ >= 0.9
    assert model.segment_rates_ is None
    assert model.calibrations_ == [
        {
            "source": "prefit",
            "n_rows": 2000,
            "n_calibration": y.sum(),
            "previous_alert_rate": pytest.approx(np.nan, nan_ok=True),
            "threshold": expected,
            "alert_rate": model.alert_rate_,
            "coverage": model.coverage_,
        }
    ]


@pytest.mark.parametrize("scale", [None, 0], ids=["continuous", "ties"])
def test_fresh_positives_are_caught_as_often_as_is_guaranteed(scale):
    """400 whole fits: the model is trained on other rows, and fresh positives are its law."""
    n_draws, n, min_recall, guarantee = 400, 400, 0.9, 0.9
    X_train, y_train = draw(seed=1)
    inner = fitted(X_train, y_train)
    fell_short = 0
    for seed in range(n_draws):
        X, y = draw(n_rows=n, seed=seed, pos_rate=0.3)
        if scale is not None:
            X = X.round(scale)
        model = floor(inner, min_recall=min_recall, guarantee=guarantee, cv="prefit").fit(X, y)
        cut = model.threshold_ if scale is None else model.threshold_ - 0.5
        fell_short += norm.sf(cut - 2.0) < min_recall
    assert binomtest(fell_short, n_draws, 0.1, alternative="greater").pvalue > 1e-3
    if scale is None:
        assert fell_short > 0.04 * n_draws


def test_held_out_rows_split_by_label_keep_the_guarantee():
    """The split keeps the share of positives, so that each draw has the same number."""
    risks = []
    for seed in range(200):
        X, y = draw(n_rows=400, seed=seed, pos_rate=0.4)
        model = floor(FirstColumn(), guarantee=0.9, cv=0.5, random_state=seed).fit(X, y)
        assert abs(model.n_calibration_ - y.sum() / 2) <= 1
        risks.append(norm.sf(model.threshold_ - 2.0) < 0.9)
    n = 80
    tails = binom.cdf(np.arange(n), n, 0.1)
    assert binomtest(int(np.sum(risks)), 200, 0.1, alternative="greater").pvalue > 1e-3
    assert tails[tails <= 0.1].max() > 0.05
    assert np.mean(risks) > 0.01


def test_folds_are_pooled_without_a_guarantee():
    X, y = draw()
    model = floor(FirstColumn()).fit(X, y)
    # A fixed model scores every row as before, whichever fold it is in.
    assert model.threshold_ == recall_threshold(X[y == 1, 0], min_recall=0.9)
    assert model.calibrations_[0]["source"] == "cross-fitted"
    with pytest.raises(ValueError, match="guarantee needs the model that predicts to be the one"):
        floor(FirstColumn(), guarantee=0.95, cv=5).fit(X, y)
    with pytest.raises(ValueError, match="guarantee needs the model that predicts to be the one"):
        floor(FirstColumn(), guarantee=0.95, cv=0.5, refit=True).fit(X, y)


def test_all_positives_of_the_calibration_rows():
    X, y = draw()
    model = prefit(X, y, min_recall=1.0)
    assert model.threshold_ == X[y == 1, 0].min()
    assert model.coverage_ == 1.0


def test_too_few_positives_say_how_many_are_needed():
    X, y = draw(n_rows=400)
    least = min_calibration_positives(0.9, 0.95)
    few = np.flatnonzero(y == 1)[: least - 1]
    rows = np.sort(np.concatenate([few, np.flatnonzero(y == 0)]))
    message = (
        f"guarantee=0.95 of min_recall=0.9 needs at least {least} positives to calibrate on: got "
        rf"{least - 1}\. Calibrate on more rows"
    )
    with pytest.raises(ValueError, match=message):
        prefit(X[rows], y[rows], guarantee=0.95)
    with pytest.raises(ValueError, match="needs at least 29 positives to calibrate on: got 8"):
        floor(FirstColumn(), guarantee=0.95).fit(X, y)
    # One more will do.
    rows = np.sort(np.append(rows, np.flatnonzero(y == 1)[least - 1]))
    model = prefit(X[rows], y[rows], guarantee=0.95)
    assert model.threshold_ == X[rows][y[rows] == 1, 0].min()


def test_no_positive_to_calibrate_on():
    X, y = draw()
    model = floor(fitted(X, y), cv="prefit", pos_label=1)
    with pytest.raises(ValueError, match="Only one class present in y of the calibration rows"):
        model.fit(X[y == 0], y[y == 0])
    with pytest.raises(ValueError, match="target y is None: min_recall, basis='fpr'"):
        model.fit(X)


def test_constant_scores_flag_everything_with_a_warning():
    X, y = draw()
    X[:, 0] = 1.0
    with pytest.warns(UserWarning, match=r"min_recall=0.9 takes all 2000 calibration rows: none"):
        model = prefit(X, y)
    assert model.predict(X).all()
    assert model.alert_rate_ == model.coverage_ == 1.0


def test_ties_at_the_threshold_are_flagged():
    X = np.column_stack([[-2.0, -1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 3.0], np.arange(8)])
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    model = prefit(X, y, min_recall=0.6)
    assert model.threshold_ == 1.0
    assert model.predict(X).tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


# --- parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 0.01}, r"'budget' and 'min_recall' parameters of BudgetThr.*cannot both"),
        ({"budget": 1}, "cannot both be given: got budget=1 and min_recall=0.9"),
        ({"basis": "fpr"}, "'basis' parameter of BudgetThresholdClassifier says what a budget"),
        ({"allocation": "coverage"}, "'allocation' parameter of .* divides a budget, and with"),
        ({"min_recall": 0.0}, r"'min_recall' parameter of BudgetThr.* range \(0.0, 1.0\]. Got 0.0"),
        ({"min_recall": 98}, "98 percent are 0.98"),
        ({"min_recall": "98%"}, "pass 0.98"),
        ({"min_recall": True}, "'min_recall' parameter of BudgetThresholdClassifier"),
        ({"min_recall": np.nan}, "'min_recall' parameter of BudgetThresholdClassifier"),
        ({"min_recall": 1.0, "guarantee": 0.9}, r"'min_recall' .* range \(0.0, 1.0\). Got 1.0"),
        ({"guarantee": 1.5}, "'guarantee' parameter of BudgetThresholdClassifier"),
        ({"min_recall": None, "budget": None}, "'budget' parameter of BudgetThresholdClassifier"),
    ],
)
def test_parameters_that_conflict_or_are_out_of_range(params, message):
    X, y = draw(n_rows=200)
    with pytest.raises(ValueError, match=message):
        floor(FirstColumn(), **params).fit(X, y)


def test_a_budget_of_none_or_of_its_default_goes_with_a_floor():
    X, y = draw()
    found = [floor(FirstColumn(), budget=budget).fit(X, y).threshold_ for budget in (None, 0.005)]
    assert found[0] == found[1] == floor(FirstColumn()).fit(X, y).threshold_
    assert BudgetThresholdClassifier(FirstColumn()).budget == 0.005


def test_parameters_are_set_cloned_and_searched():
    X, y = draw()
    model = clone(BudgetThresholdClassifier(FirstColumn(), budget=0.1))
    model.set_params(budget=None, min_recall=0.8)
    assert clone(model).get_params()["min_recall"] == 0.8
    model.fit(X, y)
    assert model.coverage_ == pytest.approx(0.8, abs=0.01)
    # What predict does is what fit found, until fit is called again.
    flagged = model.predict(X)
    model.set_params(budget=0.1, min_recall=None)
    np.testing.assert_array_equal(model.predict(X), flagged)
    assert model.alerts(X).size == flagged.sum()
    assert abs(model.fit(X, y).alert_rate_ - 0.1) < 0.002

    search = GridSearchCV(
        floor(LogisticRegression()),
        {"estimator__C": [1e-3, 1.0], "min_recall": [0.8, 0.9]},
        scoring=make_volume_at_recall_scorer(0.9),
        cv=3,
    ).fit(X, y)
    assert search.best_estimator_.coverage_ >= 0.8
    assert search.best_params_["min_recall"] in (0.8, 0.9)
    inside = floor(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3), guarantee=0.9)
    assert inside.set_params(random_state=0).fit(X, y).predict(X).mean() < 0.5
    copy = pickle.loads(pickle.dumps(inside))
    np.testing.assert_array_equal(copy.predict(X), inside.predict(X))
    found = cross_validate(
        make_pipeline(StandardScaler(), floor(LogisticRegression())), X, y, scoring="recall", cv=3
    )
    assert found["test_score"].mean() == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize("names", [("ok", "fraud"), ("a", "b"), ("b", "a")])
def test_the_positive_class_is_named(names):
    X, y = draw()
    labels = np.array(names)[y]
    model = floor(LogisticRegression(), pos_label=names[1]).fit(X, labels)
    plain = floor(LogisticRegression()).fit(X, y)
    assert model.pos_label_ == names[1]
    assert model.classes_.tolist() == sorted(names)
    # The other class of the inner model has the same scores with their sign changed.
    assert model.threshold_ == pytest.approx(plain.threshold_, rel=1e-3)
    np.testing.assert_array_equal(model.predict(X) == names[1], plain.predict(X) == 1)
    favoured = model.classes_[1] == names[1]
    np.testing.assert_allclose(
        model.decision_function(X), (1 if favoured else -1) * plain.decision_function(X), rtol=1e-3
    )


# --- weights, values, segments ----------------------------------------------------------------


def test_weights_repeat_rows():
    X, y = draw(n_rows=500)
    weight = np.random.default_rng(0).integers(0, 4, 500)
    weighted = prefit(X, y, weight)
    repeated = prefit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert weighted.threshold_ == repeated.threshold_
    assert weighted.alert_rate_ == pytest.approx(repeated.alert_rate_)
    assert weighted.coverage_ == pytest.approx(repeated.coverage_)


def test_a_guarantee_refuses_weights_of_positives_that_differ_and_no_others():
    X, y = draw()
    weight = np.ones(2000)
    weight[np.flatnonzero(y == 1)[0]] = 2.0
    with pytest.raises(ValueError, match="must be the same for all positives if guarantee is set"):
        prefit(X, y, weight, guarantee=0.9)
    model = prefit(X, y, guarantee=0.9)
    with pytest.raises(ValueError, match="must be the same for all positives"):
        model.update(X, y, weight)
    # A table whose negatives are a tenth of all, each of which stands for ten.
    thinned = np.where(y == 1, 1.0, 10.0)
    found = prefit(X, y, thinned, guarantee=0.9)
    assert found.threshold_ == model.threshold_
    assert found.alert_rate_ < model.alert_rate_
    flagged = X[:, 0] >= found.threshold_
    assert found.alert_rate_ == pytest.approx(thinned[flagged].sum() / thinned.sum())


def test_values_change_the_coverage_and_not_the_threshold():
    X, y = draw()
    value = np.random.default_rng(0).lognormal(size=2000)
    plain, valued = prefit(X, y), prefit(X, y, value=value)
    assert valued.threshold_ == plain.threshold_
    caught = (X[:, 0] >= plain.threshold_)[y == 1]
    assert valued.coverage_ == pytest.approx(value[y == 1][caught].sum() / value[y == 1].sum())


def test_segments_have_thresholds_of_their_own():
    X, y = draw(n_rows=4000)
    segments = np.where(np.arange(4000) % 4 == 0, "north", "south")
    X[segments == "north", 0] -= 5.0
    for guarantee in (None, 0.9):
        model = prefit(X, y, segments=segments, guarantee=guarantee)
        assert model.segments_.tolist() == ["north", "south"]
        for name, threshold, rate in zip(model.segments_, model.threshold_, model.segment_rates_):
            own = (segments == name) & (y == 1)
            each = None if guarantee is None else guarantee**0.5
            expected = recall_threshold(X[own, 0], min_recall=0.9, guarantee=each)
            assert threshold == expected
            assert rate == pytest.approx((X[segments == name, 0] >= expected).mean())
        flagged = model.predict(X, segments=segments)
        assert flagged[y == 1].mean() >= 0.9
        found = model.alerts(X, segments=segments)
        assert sorted(found) == np.flatnonzero(flagged).tolist()
        assert model.alerts(X, 50, segments=segments).size == 50
    few = y.copy()
    few[(segments == "north") & (y == 1)] = 0
    few[0] = 1
    with pytest.raises(ValueError, match=r"positives to calibrate on in each segment: segment 'n"):
        prefit(X, few, segments=segments, guarantee=0.9)
    X[:, 0] = np.where(segments == "north", 0.0, X[:, 0])
    with pytest.warns(UserWarning, match="all 1000 calibration rows of segment 'north'"):
        prefit(X, y, segments=segments)


# --- what is done with it ---------------------------------------------------------------------


def test_alerts_are_the_flagged_rows_or_as_many_as_there_is_room_for():
    X, y = draw()
    model = prefit(X, y)
    found = model.alerts(X)
    np.testing.assert_array_equal(found, np.argsort(-X[:, 0], kind="stable")[: found.size])
    assert found.size == model.predict(X).sum()
    np.testing.assert_array_equal(model.alerts(X, 7), found[:7])
    assert model.alerts(X, capacity=1999).size == 1999
    # Where nothing reaches the threshold, there is nothing to review.
    assert model.alerts(X - 100.0).size == 0


def test_update_after_a_drift():
    X, y = draw()
    model = prefit(X, y, guarantee=0.95)
    drifted, labels = draw(seed=1)
    drifted = drifted - 1.0
    assert model.predict(drifted)[labels == 1].mean() < 0.9
    with pytest.raises(ValueError, match="update needs y with min_recall: recall is a share"):
        model.update(drifted)
    before = model.threshold_
    model.update(drifted, labels)
    assert model.predict(drifted)[labels == 1].mean() >= 0.9
    latest = model.calibrations_[-1]
    assert latest["source"] == "update"
    assert latest["previous_alert_rate"] == (drifted[:, 0] >= before).mean()
    # Too few positives leave the threshold as it was.
    with pytest.raises(ValueError, match="needs at least 29 positives"):
        model.update(drifted[:100], labels[:100])
    assert model.threshold_ == latest["threshold"]


def test_groups_and_guarantee():
    X, y = draw()
    groups = np.arange(2000) // 2
    with pytest.raises(ValueError, match="groups cannot be passed if guarantee is set"):
        floor(FirstColumn(), guarantee=0.9, cv=0.5).fit(X, y, groups=groups)
    assert floor(FirstColumn()).fit(X, y, groups=groups).coverage_ >= 0.9


def test_the_guarantee_survives_another_share_of_positives():
    X, y = draw(n_rows=20_000)
    few = np.flatnonzero((y == 0) | (np.arange(y.size) % 3 == 0))
    some, many = prefit(X[few], y[few]), prefit(X, y)
    assert abs(some.threshold_ - many.threshold_) < 0.2
    assert some.alert_rate_ < many.alert_rate_
