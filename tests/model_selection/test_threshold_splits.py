"""Which splits calibrate a threshold, groups that they keep together, and tables with few rows."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    TimeSeriesSplit,
    cross_validate,
)
from threshold_cases import FirstColumn, draw, fitted, prefit

from skbudget import BudgetThresholdClassifier, make_coverage_scorer
from skbudget._utils.labels import PositiveClassWarning
from skbudget.model_selection import budget_threshold
from skbudget.model_selection._held_out import warn_of_scales


class Watching(FirstColumn):
    """Notes which rows it was trained on and asked for, by their last column."""

    calls: list = []

    def fit(self, X, y, sample_weight=None, groups=None):
        super().fit(X, y, sample_weight)
        self.groups_ = groups
        return self

    def decision_function(self, X):
        self.calls.append((set(self.rows_), set(np.asarray(X)[:, -1])))
        return super().decision_function(X)


def watched(cv, estimator=None, **params):
    X, y = draw(400, pos_rate=0.3)
    Watching.calls = []
    inner = Watching() if estimator is None else estimator
    model = BudgetThresholdClassifier(inner, budget=0.1, cv=cv, random_state=0)
    return model.fit(X, y, **params), X, y, Watching.calls


# --- splits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv", [KFold(4), [*KFold(4).split(np.zeros(400))], iter([*KFold(4).split(np.zeros(400))])]
)
def test_any_splitter_or_iterable(cv):
    _, _, _, calls = watched(cv)
    expected = [(set(train), set(test)) for train, test in KFold(4).split(np.zeros(400))]
    assert calls == expected


def test_rows_that_no_split_holds_out_do_not_calibrate():
    model, X, _, calls = watched(TimeSeriesSplit(4))
    assert all(max(trained) < min(asked) for trained, asked in calls)
    assert model.n_calibration_ == 320
    assert model.threshold_ == budget_threshold(X[80:, 0], budget=0.1)
    assert model.estimator_.rows_.size == 400


# --- groups -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv", [None, 4, 0.3, GroupKFold(4), GroupShuffleSplit(1, test_size=0.3, random_state=0)]
)
def test_groups_are_kept_together(cv):
    customer = np.arange(400) // 5
    model, _, _, calls = watched(cv, groups=customer)
    for trained, asked in calls:
        assert not {row // 5 for row in trained} & {row // 5 for row in asked}
    n_splits = 5 if cv is None else 1 if not isinstance(cv, int | GroupKFold) else 4
    assert len(calls) == n_splits
    # The estimator has a parameter of this name.
    kept = model.estimator_.rows_.astype(int) // 5
    np.testing.assert_array_equal(model.estimator_.groups_, kept)


def test_groups_that_the_estimator_does_not_take():
    customer = np.arange(400) // 5
    model, *_ = watched(4, FirstColumn(), groups=customer)
    assert model.n_calibration_ == 400


def test_groups_where_they_make_no_sense():
    X, y = draw(400)
    groups = np.arange(400) // 5
    with pytest.raises(ValueError, match="rows of one group are not independent draws"):
        BudgetThresholdClassifier(FirstColumn(), guarantee=0.9).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="cv='prefit', which splits no rows"):
        BudgetThresholdClassifier(fitted(X, y), cv="prefit").fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="groups must have one entry per sample: expected 400"):
        BudgetThresholdClassifier(FirstColumn()).fit(X, y, groups=groups[1:])


def test_groups_are_routed_to_the_splitters_of_both_levels():
    X, y = draw(400, pos_rate=0.3)
    customer = np.arange(400) // 5
    with config_context(enable_metadata_routing=True):
        inner = Watching().set_fit_request(groups=False)
        model = BudgetThresholdClassifier(inner, budget=0.1, cv=GroupKFold(3))
        Watching.calls = []
        found = cross_validate(
            model,
            X,
            y,
            cv=GroupKFold(2),
            params={"groups": customer},
            scoring=make_coverage_scorer(0.1),
            error_score="raise",
        )
        assert np.isfinite(found["test_score"]).all()
        # Three folds inside and the score outside, twice.
        assert len(Watching.calls) == 8
        for trained, asked in Watching.calls:
            assert not {row // 5 for row in trained} & {row // 5 for row in asked}
        model.fit(X, y, groups=customer)
        model.set_params(cv=3).fit(X, y, groups=customer)


# --- few rows -----------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(5)])
@pytest.mark.parametrize("params", [{}, {"cv": 3}, {"cv": 0.3}, {"guarantee": 0.9, "basis": "fpr"}])
def test_a_single_positive_is_named_as_the_cause(estimator, params):
    X, _ = draw(300)
    y = np.zeros(300, dtype=int)
    y[7] = 1
    model = BudgetThresholdClassifier(estimator, budget=0.05, random_state=0, **params)
    message = r"but y has 1 positive \(label 1\): at least 2 are needed.*\(cv='prefit'\)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)
        # The same with the rare class named otherwise.
        model.set_params(pos_label="fraud")
        with pytest.raises(ValueError, match=r"1 positive \(label 'fraud'\)"):
            model.fit(X, np.array(["ok", "fraud"])[y])
    model.set_params(pos_label="ok")
    with (
        pytest.raises(ValueError, match=r"1 negative \(label 'fraud'\)"),
        pytest.warns(PositiveClassWarning, match="majority"),
    ):
        model.fit(X, np.array(["ok", "fraud"])[y])


def test_a_split_without_positives_to_train_on_is_named():
    X, _ = draw(300)
    y = np.zeros(300, dtype=int)
    y[:3] = 1
    model = BudgetThresholdClassifier(LogisticRegression(), budget=0.05, cv=KFold(3))
    message = r"has no positive to train on in split 1 of 3: y has 3 positives \(label 1\)"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    # By chance the held-out fifth may have the only positives.
    model = BudgetThresholdClassifier(LogisticRegression(), budget=0.05, guarantee=0.9)
    y[1:3] = 0
    causes = set()
    for seed in range(20):
        try:
            model.set_params(random_state=seed).fit(X, y)
        except ValueError as error:
            causes.add(str(error).partition(":")[0])
    assert causes == {"BudgetThresholdClassifier has no positive to train on in split 1 of 1"}
    with pytest.raises(ValueError, match="cv has no splits"):
        BudgetThresholdClassifier(LogisticRegression(), cv=[]).fit(X, y)


def test_a_frozen_estimator_needs_no_positives_to_train_on():
    X, y = draw(300)
    frozen = FrozenEstimator(fitted(X, y))
    one = np.zeros(300, dtype=int)
    one[7] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BudgetThresholdClassifier(frozen, budget=0.05).fit(X, one)
    assert model.threshold_ == budget_threshold(X[:, 0], budget=0.05)


@pytest.mark.parametrize("allocation", ["equal", "coverage"])
@pytest.mark.parametrize("basis", ["population", "fpr"])
def test_calibration_rows_without_positives_or_with_one(allocation, basis):
    X, y = draw(400)
    segments = np.arange(400) % 2
    none, one = np.zeros(400, dtype=int), (X[:, 0] == X[:, 0].max()).astype(int)
    options = {"budget": 0.05, "basis": basis}

    def of(labels, allocation=allocation):
        model = BudgetThresholdClassifier(
            fitted(X, y), cv="prefit", allocation=allocation, **options
        )
        return model.fit(X, labels, segments=segments)

    # Without positives the budget is divided as "equal" does, and the coverage is not known.
    assert of(none).threshold_.tolist() == of(none, "equal").threshold_.tolist()
    assert np.isnan(of(none).coverage_)
    # The only positive has the greatest score, and a threshold below it catches all there is.
    assert of(one).coverage_ == 1.0


def test_a_budget_of_less_than_one_row_flags_no_calibration_row():
    X, y = draw(100)
    model = prefit(X, y, budget=0.005)
    assert (model.threshold_, model.alert_rate_, model.coverage_) == (X[:, 0].max(), 0.0, 0.0)
    assert model.predict(X + 10.0).all()
    single = prefit(X, y, budget=0.5)
    single.update(X[:1])
    assert (single.threshold_, single.n_calibration_) == (X[0, 0], 1)
    assert np.isnan(single.coverage_)


def test_no_row_that_spends_the_budget():
    X, y = draw(100)
    model = prefit(X, y, budget=0.1, basis="fpr")
    with pytest.raises(ValueError, match="A threshold needs at least 1 negatives .* got 0"):
        model.update(X, np.ones(100, dtype=int))
    segments = np.repeat(["a", "b"], 50)
    model = prefit(X, y, budget=0.1, segments=segments)
    with pytest.raises(ValueError, match="in each segment: segment 'b' has 0"):
        model.update(X[:50], segments=segments[:50])


class ScalesOfItsOwn(ClassifierMixin, BaseEstimator):
    """Ranks by the first feature, on a scale that depends on the rows it was fitted on."""

    def __init__(self, spread=0.0):
        self.spread = spread

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.shift_ = self.spread * np.modf(1e3 * np.abs(X).sum())[0]
        return self

    def decision_function(self, X):
        return X[:, 0] + self.shift_


@pytest.mark.parametrize("rule", [{"budget": 0.02}, {"min_recall": 0.8}], ids=["budget", "recall"])
@pytest.mark.parametrize("spread", [0.0, 10.0], ids=["one scale", "scales"])
def test_models_of_folds_on_scales_of_their_own_are_warned_of(rule, spread):
    rng = np.random.default_rng(0)
    y = rng.random(3_000) < 0.05
    X = rng.normal(size=(3_000, 2)) + y[:, None]
    model = BudgetThresholdClassifier(ScalesOfItsOwn(spread), **rule)
    if spread:
        with pytest.warns(UserWarning, match=r"folds score on scales of their own.*cv=0\.2"):
            model.fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.set_params(cv=0.2, refit=False).fit(X, y)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(X, y)


def test_shares_that_chance_explains_are_not_warned_of():
    rng = np.random.default_rng(1)
    folds = rng.permutation(np.arange(5_000) % 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(500):
            warn_of_scales(rng.random(5_000) < 0.01, folds, "X", stacklevel=1)
        warn_of_scales(np.zeros(5_000, dtype=bool), folds, "X", stacklevel=1)
