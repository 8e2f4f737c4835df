import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binomtest, norm
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError
from threshold_cases import FirstColumn, draw, fitted, prefit

from skbudget import BudgetThresholdClassifier, coverage_at_budget_score, make_coverage_scorer
from skbudget.model_selection import budget_threshold

# --- which rows calibrate ------------------------------------------------------------


@pytest.mark.parametrize("cv", [None, 3, 0.3, StratifiedKFold(4, shuffle=True, random_state=0)])
@pytest.mark.parametrize("refit", ["auto", True])
def test_no_row_is_scored_by_a_model_that_saw_it(cv, refit):
    X, y = draw(300)
    calls = []

    class Spy(FirstColumn):
        def decision_function(self, X):
            calls.append((set(self.rows_), set(X[:, -1])))
            return super().decision_function(X)

    model = BudgetThresholdClassifier(Spy(), budget=0.1, cv=cv, refit=refit).fit(X, y)
    assert all(not seen & scored for seen, scored in calls)
    held_out = set().union(*(scored for _, scored in calls))
    assert len(held_out) == (90 if cv == 0.3 else 300) == model.n_calibration_
    seen_by_last = len(model.estimator_.rows_)
    assert seen_by_last == (210 if cv == 0.3 and refit == "auto" else 300)


def test_pooled_scores_of_all_folds_set_the_threshold():
    X, y = draw()
    model = BudgetThresholdClassifier(FirstColumn(), budget=0.05).fit(X, y)
    assert model.threshold_ == budget_threshold(X[:, 0], budget=0.05)
    assert model.calibrations_[0]["source"] == "cross-fitted"


@pytest.mark.parametrize("basis", ["population", "fpr"])
@pytest.mark.parametrize("guarantee", [None, 0.9])
def test_prefit_threshold_is_that_of_the_scores(basis, guarantee):
    X, y = draw()
    model = prefit(X, y, budget=0.05, basis=basis, guarantee=guarantee)
    spenders = X[:, 0] if basis == "population" else X[y == 0, 0]
    expected = budget_threshold(spenders, budget=0.05, guarantee=guarantee)
    assert model.threshold_ == expected
    assert model.n_calibration_ == spenders.size
    flagged = X[:, 0] > expected
    assert model.predict(X).tolist() == flagged.astype(int).tolist()
    assert model.alert_rate_ == pytest.approx(flagged.mean())
    assert model.coverage_ == pytest.approx(flagged[y == 1].mean())
    if guarantee is None and basis == "population":
        assert model.coverage_ == pytest.approx(coverage_at_budget_score(y, X[:, 0], budget=0.05))


def test_a_split_with_the_seed_of_the_table_holds_out_both_classes():
    # The first rows of a permutation are positive, as generators make them.
    y = np.zeros(2000, dtype=int)
    y[np.random.RandomState(0).permutation(2000)[:20]] = 1
    X = np.column_stack([np.random.default_rng(0).standard_normal(2000), y])
    for seed in range(5):
        model = BudgetThresholdClassifier(
            FirstColumn(), budget=0.05, guarantee=0.9, cv=0.5, random_state=0
        ).fit(X, y)
        assert 0 < model.estimator_.rows_.sum() < 20, seed


def test_guarantee_takes_a_random_split_for_the_population_and_a_stratified_one_for_the_fpr():
    X, y = draw(2000, pos_rate=0.4)

    def positives_held_out(basis, seed):
        model = BudgetThresholdClassifier(
            FirstColumn(), budget=0.1, basis=basis, guarantee=0.9, random_state=seed
        ).fit(X, y)
        assert model.estimator_.rows_.size == 1600  # a fifth is held out
        return model.calibrations_[0]["n_rows"], y[model.estimator_.rows_.astype(int)].sum()

    assert len({positives_held_out("population", seed) for seed in range(8)}) > 3
    assert len({positives_held_out("fpr", seed) for seed in range(8)}) == 1


# --- the guarantee ---------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_fresh_data_keep_the_budget_through_fit_and_update(basis):
    budget, guarantee, pos_rate, shift, n_draws = 0.1, 0.9, 0.2, 1.0, 200
    exceeded = {"fit": 0, "update": 0}
    for seed in range(n_draws):
        X, y = draw(250, seed=seed, pos_rate=pos_rate, shift=shift)
        if basis == "fpr":
            law = norm.sf
        else:
            law = lambda t: pos_rate * norm.sf(t - shift) + (1 - pos_rate) * norm.sf(t)  # noqa: E731
        model = prefit(X, y, budget=budget, basis=basis, guarantee=guarantee)
        exceeded["fit"] += law(model.threshold_) > budget
        X, y = draw(400, seed=n_draws + seed, pos_rate=pos_rate, shift=shift)
        drifted = X + [3.0, 0.0]
        model.update(drifted, y if basis == "fpr" else None)
        exceeded["update"] += law(model.threshold_ - 3.0) > budget
    for count in exceeded.values():
        assert binomtest(count, n_draws, 1 - guarantee, alternative="greater").pvalue > 1e-3
        assert count > 0.3 * (1 - guarantee) * n_draws


@pytest.mark.parametrize(
    "params",
    [{"cv": 5}, {"cv": None, "refit": True}, {"cv": 0.5, "refit": True}, {"cv": StratifiedKFold()}],
)
def test_cross_fitting_and_refitting_cannot_be_guaranteed(params):
    X, y = draw()
    model = BudgetThresholdClassifier(FirstColumn(), budget=0.1, guarantee=0.9, **params)
    with pytest.raises(ValueError, match="the one that scored the calibration rows"):
        model.fit(X, y)
    assert not hasattr(model, "estimator_")


def test_too_few_rows_for_the_guarantee_say_how_many_would_do():
    X, y = draw(597)
    message = r"guarantee=0\.95 of budget=0\.005 needs at least 598 calibration rows: got 597\."
    with pytest.raises(ValueError, match=message):
        prefit(X, y, budget=0.005, guarantee=0.95)
    X, y = draw(598)
    model = prefit(X, y, budget=0.005, guarantee=0.95)
    with pytest.raises(ValueError, match="got 597"):
        model.update(X[:597])
    assert len(model.calibrations_) == 1
    segments = np.repeat(["a", "b"], [590, 8])
    # Two segments at sqrt(0.95) each: (1 - 0.005) ** 733 is the first below 1 - sqrt(0.95).
    with pytest.raises(ValueError, match=r"at least 734 .* in each segment: segment 'b' has 8\."):
        prefit(X, y, budget=0.005, guarantee=0.95, segments=segments)


def test_guarantee_refuses_unequal_weights():
    X, y = draw()
    model = BudgetThresholdClassifier(fitted(X, y), budget=0.1, cv="prefit", guarantee=0.9)
    with pytest.raises(ValueError, match="must be the same for all rows if guarantee is set"):
        model.fit(X, y, sample_weight=np.arange(1, y.size + 1))
    same = model.fit(X, y, sample_weight=np.full(y.size, 2.0)).threshold_
    assert same == model.fit(X, y).threshold_


# --- weights, values, degenerate tables ----------------------------------------------


@pytest.mark.parametrize("basis", ["population", "fpr"])
@pytest.mark.parametrize("allocation", ["equal", "coverage"])
def test_weights_repeat_rows(basis, allocation):
    X, y = draw(400)
    rng = np.random.default_rng(0)
    weight, value = rng.integers(0, 4, y.size), rng.random(y.size)
    segments = rng.integers(0, 2, y.size)
    # Frozen, the inner estimator stays fitted when the outer one is cloned.
    model = BudgetThresholdClassifier(
        FrozenEstimator(fitted(X, y)), budget=0.1, basis=basis, allocation=allocation, cv="prefit"
    )
    weighted = clone(model).fit(X, y, sample_weight=weight, segments=segments, value=value)
    repeat = np.repeat(np.arange(y.size), weight)
    repeated = clone(model).fit(
        X[repeat], y[repeat], segments=segments[repeat], value=value[repeat]
    )
    assert weighted.threshold_.tolist() == repeated.threshold_.tolist()
    for name in ("alert_rate_", "coverage_", "segment_rates_"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name))


def test_weights_reach_the_estimator_with_the_rows_they_belong_to():
    X, y = draw(200)
    weight = X[:, -1] + 1.0
    model = BudgetThresholdClassifier(FirstColumn(), budget=0.1, cv=0.3, random_state=0)
    model.fit(X, y, sample_weight=weight)
    assert model.estimator_.sample_weight_.tolist() == (model.estimator_.rows_ + 1).tolist()
    piped = make_pipeline(StandardScaler(), FirstColumn())
    model = BudgetThresholdClassifier(piped, budget=0.1).fit(X, y, sample_weight=weight)
    assert model.estimator_[-1].sample_weight_.tolist() == weight.tolist()
    with pytest.raises(ValueError, match="sample_weight cannot be passed on"):
        BudgetThresholdClassifier(KNeighborsClassifier()).fit(X, y, sample_weight=weight)


def test_values_weigh_the_coverage_and_not_the_budget():
    X, y = draw()
    value = np.exp(X[:, 0])
    model = prefit(X, y, budget=0.05, value=value)
    assert model.threshold_ == prefit(X, y, budget=0.05).threshold_
    assert model.coverage_ == pytest.approx(
        coverage_at_budget_score(y, X[:, 0], budget=0.05, value=value)
    )


def test_a_constant_score_flags_nothing_and_warns():
    X, y = draw(200)
    X[:, 0] = 1.0
    with pytest.warns(UserWarning, match="shared by 200 calibration rows"):
        model = prefit(X, y, budget=0.1)
    assert model.predict(X).sum() == 0
    assert (model.alert_rate_, model.coverage_) == (0.0, 0.0)
    assert model.alerts(X, capacity=5).tolist() == [0, 1, 2, 3, 4]


def test_a_budget_of_one_flags_everything():
    X, y = draw(50)
    for guarantee in (None, 0.95):
        with pytest.warns(UserWarning, match=r"budget=1 reviews everything.*budget=0\.01"):
            model = prefit(X, y, budget=1.0, guarantee=guarantee)
        assert model.predict(X).all()
        assert model.coverage_ == 1.0
        assert model.alerts(X).size == 50


def test_without_positives_or_labels_the_population_still_has_a_threshold():
    X, y = draw()
    inner = fitted(X, y)
    model = BudgetThresholdClassifier(inner, budget=0.05, cv="prefit")
    for labels in (np.zeros_like(y), None):
        model.fit(X, labels)
        assert model.threshold_ == budget_threshold(X[:, 0], budget=0.05)
        assert np.isnan(model.coverage_)
    with pytest.raises(ValueError, match="basis='fpr'"):
        model.set_params(basis="fpr").fit(X)
    with pytest.raises(ValueError, match="at least 1 negatives to calibrate on: got 0"):
        model.fit(X, np.ones_like(y))


# --- alerts ----------------------------------------------------------------------------


def test_alerts_are_the_top_rows_and_ties_go_to_the_earlier():
    X, y = draw(500)
    X[:, 0] = np.round(X[:, 0], 1)
    model = prefit(X, y, budget=0.05)
    expected = sorted(range(500), key=lambda row: (-X[row, 0], row))
    for capacity in (1, 25, 499, 500, 10_000):
        assert model.alerts(X, capacity=capacity).tolist() == expected[:capacity]
    assert model.alerts(X).tolist() == expected[:25]
    assert model.alerts(X[:30]).size == 2  # a budget of 1.5 rows, rounded up


@pytest.mark.parametrize("capacity", [0, -1, 2.5, True])
def test_capacity_is_a_positive_whole_number(capacity):
    X, y = draw(100)
    with pytest.raises(InvalidParameterError, match="'capacity' parameter of alerts"):
        prefit(X, y, budget=0.1).alerts(X, capacity=capacity)


# --- drift -----------------------------------------------------------------------------


def test_update_moves_the_threshold_and_keeps_the_model():
    X, y = draw(5000)
    model = prefit(X, y, budget=0.05)
    inner, before = model.estimator_, model.threshold_
    fresh = draw(4000, seed=1)[0] + [1.5, 0.0]
    assert model.update(fresh) is model
    assert model.estimator_ is inner
    assert model.threshold_ == budget_threshold(fresh[:, 0], budget=0.05) > before + 1.0
    first, second = model.calibrations_
    assert np.isnan(first["previous_alert_rate"])
    assert second["previous_alert_rate"] == pytest.approx((fresh[:, 0] > before).mean())
    assert (second["source"], second["n_rows"]) == ("update", 4000)
    assert second["alert_rate"] == model.alert_rate_ == pytest.approx(0.05)
    assert np.isnan(model.coverage_)


def test_update_with_labels_measures_coverage_and_serves_the_fpr():
    X, y = draw()
    model = prefit(X, y, budget=0.05, basis="fpr")
    fresh, labels = draw(1500, seed=1)
    with pytest.raises(ValueError, match="update needs y with basis='fpr'"):
        model.update(fresh)
    model.update(fresh, labels)
    assert model.threshold_ == budget_threshold(fresh[labels == 0, 0], budget=0.05)
    assert model.coverage_ == pytest.approx(model.predict(fresh)[labels == 1].mean())
    with pytest.raises(ValueError, match="previously unseen labels"):
        model.update(fresh, labels + 1)


# --- scikit-learn ------------------------------------------------------------------------


def test_labels_of_any_kind_and_either_positive_class():
    X, y = draw()
    names = np.array(["fraud", "ok"])[1 - y]
    model = BudgetThresholdClassifier(FirstColumn(), budget=0.05, pos_label="fraud")
    X[:, 0] *= -1  # the score now favours "ok", the greater label
    model.fit(X, names)
    assert set(model.predict(X)) == {"fraud", "ok"}
    assert (model.predict(X) == "fraud").mean() == pytest.approx(0.05)
    assert model.coverage_ > 0.3
    with pytest.raises(ValueError, match=r"'pos_label' parameter of Budget.* Got 'no' instead"):
        clone(model).set_params(pos_label="no").fit(X, names)


def test_response_methods():
    X, y = draw()
    inner = LogisticRegression()
    auto = BudgetThresholdClassifier(inner, budget=0.05, cv=0.5, random_state=0).fit(X, y)
    by_margin = clone(auto).set_params(response_method="decision_function").fit(X, y)
    by_probability = clone(auto).set_params(response_method="predict_proba").fit(X, y)
    assert auto.threshold_ == by_margin.threshold_
    assert by_probability.threshold_ == pytest.approx(1 / (1 + np.exp(-auto.threshold_)))
    assert np.array_equal(auto.predict_proba(X), auto.estimator_.predict_proba(X))
    assert np.array_equal(auto.predict_log_proba(X), auto.estimator_.predict_log_proba(X))
    assert np.array_equal(auto.decision_function(X), auto.estimator_.decision_function(X))
    assert not hasattr(BudgetThresholdClassifier(FirstColumn()), "predict_proba")


def test_nests():
    X, y = draw(600)
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    model = BudgetThresholdClassifier(inner, budget=0.1, cv=3)
    search = GridSearchCV(
        model,
        {"estimator__logisticregression__C": [0.1, 1.0], "budget": [0.05, 0.1]},
        scoring=make_coverage_scorer(budget=0.1),
        cv=2,
    ).fit(X, y)
    assert search.best_estimator_.threshold_ is not None
    assert "test_score" in cross_validate(make_pipeline(StandardScaler(), model), X, y)
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (600, 2)
    model.fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.predict(X), model.predict(X))
    assert not hasattr(clone(model), "threshold_")
    with joblib.parallel_backend("threading"):
        parallel = clone(model).set_params(n_jobs=2).fit(X, y)
    assert parallel.threshold_ == model.threshold_
    rows = sparse.csr_matrix(X[:, :1])
    assert BudgetThresholdClassifier(LogisticRegression()).fit(rows, y).alerts(rows).size == 3


def test_feature_names_pass_through():
    pandas = pytest.importorskip("pandas")
    X, y = draw(100)
    model = BudgetThresholdClassifier(LogisticRegression(), budget=0.1)
    model.fit(pandas.DataFrame(X, columns=["score", "row"]), y)
    assert model.feature_names_in_.tolist() == ["score", "row"]
    assert model.n_features_in_ == 2


def test_metadata_is_routed_to_estimator_and_splitter():
    X, y = draw(300)
    customer = np.arange(300) // 3
    with config_context(enable_metadata_routing=True):
        model = BudgetThresholdClassifier(
            FirstColumn().set_fit_request(sample_weight=True),
            budget=0.1,
            cv=GroupKFold(3).set_split_request(groups="customer"),
        ).set_fit_request(sample_weight=True, segments="segment")
        weight, segment = np.arange(300) + 1.0, np.arange(300) % 2
        model.fit(X, y, sample_weight=weight, segments=segment, customer=customer)
        assert model.estimator_.sample_weight_.tolist() == weight.tolist()
        assert model.segments_.tolist() == [0, 1]
        scores = cross_validate(
            model,
            X,
            y,
            params={"sample_weight": weight, "segment": segment, "customer": customer},
            scoring=make_coverage_scorer(budget=0.1).set_score_request(sample_weight=False),
            cv=2,
            error_score="raise",
        )
        assert np.isfinite(scores["test_score"]).all()
    with pytest.raises(ValueError, match="customer"):
        BudgetThresholdClassifier(FirstColumn()).fit(X, y, customer=customer)


# --- bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 50}, "50 basis points are 0.005"),
        ({"budget": 0.0}, "'budget' parameter of BudgetThresholdClassifier"),
        ({"basis": "rows"}, r"'basis' .* one of \{'fpr', 'population'\}"),
        ({"guarantee": 95}, "'guarantee' parameter of BudgetThresholdClassifier"),
        ({"allocation": "best"}, r"'allocation' .* one of \{'equal', 'coverage'\}"),
        ({"response_method": "predict"}, "'response_method' parameter"),
        ({"cv": "refit"}, "'cv' parameter"),
        ({"cv": 1.5}, "'cv' parameter"),
        ({"refit": "always"}, "'refit' parameter"),
        ({"cv": 3, "refit": False}, "When cv has several folds, refit cannot be False"),
        ({"cv": "prefit", "refit": True}, "When cv='prefit', refit cannot be True"),
        ({"cv": [(np.arange(60), np.arange(50, 100))]}, "10 are in both parts"),
    ],
)
def test_bad_parameters(params, message):
    X, y = draw(100)
    inner = fitted(X, y)
    with pytest.raises(ValueError, match=message):
        BudgetThresholdClassifier(inner, **params).fit(X, y)


def test_bad_tables():
    X, y = draw(100)
    with pytest.raises(NotFittedError, match="`estimator` must be fitted"):
        BudgetThresholdClassifier(FirstColumn(), cv="prefit").fit(X, y)
    with pytest.raises(NotFittedError):
        BudgetThresholdClassifier(FirstColumn()).predict(X)
    with pytest.raises(ValueError, match="Only binary classification is supported by Budget"):
        BudgetThresholdClassifier(FirstColumn()).fit(X, np.arange(100) % 3)
    with pytest.raises(ValueError, match="needs two classes"):
        BudgetThresholdClassifier(FirstColumn()).fit(X, np.zeros(100))
    with pytest.raises(ValueError, match="not fitted on"):
        BudgetThresholdClassifier(fitted(X, y), cv="prefit").fit(X, y + 5)
    with pytest.raises(ValueError, match="value needs y|value and|and value need labels"):
        BudgetThresholdClassifier(fitted(X, y), cv="prefit").fit(X, value=np.ones(100))
    with pytest.raises(ValueError, match="needs y"):
        prefit(X, y, budget=0.1).update(X, value=np.ones(100))
    with pytest.raises(InvalidParameterError, match="'estimator' parameter"):
        BudgetThresholdClassifier(StandardScaler()).fit(X, y)


# --- near the ends of what a float holds


@pytest.mark.parametrize("allocation", ["equal", "coverage"])
@pytest.mark.parametrize("basis", ["population", "fpr"])
@pytest.mark.parametrize("exponents", [(-1060, 0), (1000, 0), (0, -1060), (0, 990), (-600, -600)])
def test_only_ratios_of_weights_and_of_values_count(allocation, basis, exponents):
    X, y = draw(400)
    rng = np.random.default_rng(0)
    weight, value = rng.integers(1, 9, 400) + 0.5, rng.integers(1, 99, 400) + 0.25
    segments = np.arange(400) % 3

    def thresholds(weight, value):
        model = BudgetThresholdClassifier(
            fitted(X, y), cv="prefit", budget=0.1, basis=basis, allocation=allocation
        ).fit(X, y, sample_weight=weight, value=value, segments=segments)
        model.update(X, y, sample_weight=weight, value=value, segments=segments)
        found = (model.threshold_, model.segment_rates_, model.alert_rate_, model.coverage_)
        return np.concatenate([np.atleast_1d(part) for part in found])

    expected = thresholds(weight, value)
    assert np.isfinite(expected).all()
    scaled = (np.ldexp(column, exponent) for column, exponent in zip((weight, value), exponents))
    np.testing.assert_allclose(thresholds(*scaled), expected, rtol=1e-12)


@pytest.mark.parametrize("allocation", ["equal", "coverage"])
def test_a_row_of_nearly_no_weight(allocation):
    X, y = draw(200)
    weight = np.where(np.arange(200) % 5, 1.0, 1e-300)
    model = BudgetThresholdClassifier(
        fitted(X, y), cv="prefit", budget=0.1, allocation=allocation
    ).fit(X, y, sample_weight=weight, segments=np.arange(200) % 2)
    assert np.isfinite(model.threshold_).all()
    assert 0.0 < model.alert_rate_ <= 0.1


@pytest.mark.parametrize("name", ["sample_weight", "value"])
def test_a_sum_that_no_float_holds_is_refused(name):
    X, y = draw(50)
    model = BudgetThresholdClassifier(fitted(X, y), cv="prefit", budget=0.1)
    with pytest.raises(ValueError, match=f"The sum of {name} is too large for a float"):
        model.fit(X, y, **{name: np.full(50, 1e308)})


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [({"budget": "1%"}, "pass 0.01"), ({"guarantee": 95}, "95 percent are 0.95")],
)
def test_fractions_in_percent_get_a_hint(wrong, hint):
    X, y = draw(50)
    with pytest.raises(ValueError, match=f"is a fraction: {hint}"):
        prefit(X, y, **wrong)


def test_scores_that_floats_would_tie_are_refused():
    class Integers(FirstColumn):
        def decision_function(self, X):
            return 2**60 + np.asarray(X)[:, -1].astype(np.int64)

    X, y = draw(50)
    with pytest.raises(ValueError, match="scores holds numbers that float64 rounds"):
        BudgetThresholdClassifier(Integers().fit(X, y), cv="prefit", budget=0.1).fit(X, y)


@pytest.mark.parametrize("estimator", [LogisticRegression(), HistGradientBoostingClassifier()])
def test_what_the_estimator_takes_the_threshold_takes(estimator):
    tags = get_tags(BudgetThresholdClassifier(estimator))
    inner = get_tags(estimator)
    assert tags.input_tags.allow_nan is inner.input_tags.allow_nan
    assert tags.input_tags.sparse is inner.input_tags.sparse
    assert tags.classifier_tags.multi_class is False


@pytest.mark.parametrize("cv", [2, 3, 0.5])
def test_several_splits_are_followed_by_a_fit_to_all_rows(cv):
    X, y = draw(200)
    model = BudgetThresholdClassifier(FirstColumn(), budget=0.1, cv=cv, random_state=0).fit(X, y)
    several = cv != 0.5
    assert model.estimator_.rows_.size == (200 if several else 100)
    assert model.n_calibration_ == (200 if several else 100)
    assert model.calibrations_[0]["source"] == ("cross-fitted" if several else "held-out")


def test_parameters_are_kept_as_they_are_given():
    given = {
        "budget": 0.2, "basis": "fpr", "guarantee": 0.9, "allocation": "equal", "cv": 3,
        "pos_label": 1, "refit": True, "n_jobs": 2, "random_state": 5,
    }  # fmt: skip
    known = BudgetThresholdClassifier(FirstColumn()).get_params(deep=False)
    given = {name: value for name, value in given.items() if name in known}
    assert {"budget", "n_jobs", "random_state"} <= set(given)
    found = BudgetThresholdClassifier(FirstColumn(), **given).get_params(deep=False)
    assert {name: found[name] for name in given} == given
