"""Two stages as one classifier: who reaches the second one, what it is trained on, the ranking."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pytest.importorskip("lightgbm")

from skbudget import make_coverage_scorer
from skbudget.cascade import CascadeClassifier
from skbudget.metrics import cascade_coverage, cascade_scores, coverage_at_budget_score


@pytest.mark.filterwarnings("ignore:CascadeClassifier. only")
@parametrize_with_checks(
    [
        CascadeClassifier(
            LogisticRegression(), LogisticRegression(C=10), budget_first=0.6, cv=2, random_state=0
        ),
        CascadeClassifier(
            GaussianNB(),
            LogisticRegression(),
            budget_first=0.6,
            cv=None,
            first_as_feature=True,
        ),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


class Column(ClassifierMixin, BaseEstimator):
    """Ranks by one column, whatever it is trained on; remembers what it was trained on."""

    def __init__(self, column=0, factor=1.0):
        self.column = column
        self.factor = factor

    def fit(self, X, y, sample_weight=None, groups=None):
        self.classes_ = np.unique(y)
        self.X_, self.y_, self.weight_, self.groups_ = X, np.asarray(y), sample_weight, groups
        return self

    def decision_function(self, X):
        self.n_asked_ = len(X)
        return self.factor * np.asarray(X, dtype=float)[:, self.column]


class Valued(Column):
    def fit(self, X, y, sample_weight=None, value=None):
        self.value_ = value
        return super().fit(X, y, sample_weight)


class Memory(Column):
    """Perfect on the rows it is trained on, and noise, the last column, on others."""

    def fit(self, X, y, sample_weight=None):
        self.known_ = {row.tobytes(): label for row, label in zip(X, y)}
        return super().fit(X, y)

    def decision_function(self, X):
        return np.array([100.0 * self.known_.get(row.tobytes(), row[-1] / 100) for row in X])


def draw(n_rows=2000, seed=0, pos_rate=0.05):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < pos_rate).astype(int)
    return rng.normal(size=(n_rows, 3)) + y[:, None] * [1.5, 1.5, 0.0], y


def columns(**params):
    params = {"budget_first": 0.2, "random_state": 0, "cv": 3, **params}
    return CascadeClassifier(Column(0), Column(1), **params)


def test_rows_that_reach_the_second_stage_rank_above_all_others():
    X, y = draw()
    model = columns().fit(X, y)
    new, labels = draw(seed=1)
    found, reaches = model.decision_function(new), model.reaches(new)
    assert reaches.tolist() == (new[:, 0] >= model.threshold_).tolist()
    assert reaches.mean() == pytest.approx(0.2, abs=0.04)
    # The second stage is asked for these rows alone, and its margins are handed on.
    assert model.second_.n_asked_ == reaches.sum()
    assert found[reaches].tolist() == new[reaches, 1].tolist()
    assert found[~reaches].max() < found[reaches].min() - 1
    order = np.argsort(new[~reaches, 0])
    assert (np.diff(found[~reaches][order]) > 0).all()
    # As one ranking, this is the cascade with the budget that the threshold spends on these rows.
    scores = cascade_scores(new[:, 0], new[:, 1], budget_first=reaches.mean())
    whole = cascade_coverage(labels, new[:, 0], new[:, 1], budgets=(reaches.mean(), 0.05))
    for ranking in (scores, found):
        assert coverage_at_budget_score(labels, ranking, budget=0.05) == pytest.approx(
            whole.coverage
        )


def test_the_second_stage_is_trained_on_rows_that_pass_with_held_out_scores():
    X, y = draw()
    held_out = columns().set_params(first=Memory(), second=Column(1)).fit(X, y)
    seen = columns(cv=None).set_params(first=Memory(), second=Column(1)).fit(X, y)
    # A model that knows its rows by heart lets through its own positives, and no others.
    assert seen.first_coverage_ == 1.0
    assert held_out.first_coverage_ == pytest.approx(0.2, abs=0.1)
    assert seen.second_.y_.sum() == y.sum()
    assert held_out.second_.y_.sum() < 0.4 * y.sum()
    assert held_out.n_pool_ == len(held_out.second_.y_) == pytest.approx(400, abs=1)
    assert held_out.threshold_ == pytest.approx(np.sort(X[:, 2])[-400], abs=1e-9)


def test_first_scores_of_a_frozen_first_stage_are_its_own():
    X, y = draw()
    first = FrozenEstimator(LogisticRegression().fit(*draw(seed=5)))
    model = CascadeClassifier(first, Column(1), budget_first=0.2).fit(X, y)
    scores = first.decision_function(X)
    assert model.threshold_ == np.sort(scores)[-400]
    assert model.second_.X_.tolist() == X[scores >= model.threshold_].tolist()


@pytest.mark.parametrize("kind", ["array", "pandas", "numbered", "polars"])
def test_the_first_score_is_the_last_feature_of_the_second_stage(kind):
    X, y = draw(600)
    frames = {
        "array": X,
        "pandas": pd.DataFrame(X, columns=list("abc")),
        "numbered": pd.DataFrame(X),
        "polars": pl.DataFrame(X, schema=list("abc")),
    }
    model = columns(first_as_feature=True).set_params(second=Column(-1)).fit(frames[kind], y)
    trained_on = model.second_.X_
    assert np.asarray(trained_on)[:, 3].tolist() == np.asarray(trained_on)[:, 0].tolist()
    if kind == "pandas":
        assert list(trained_on.columns) == ["a", "b", "c", "first_score"]
    found, reaches = model.decision_function(frames[kind]), model.reaches(frames[kind])
    assert found[reaches].tolist() == X[reaches, 0].tolist()


def test_a_column_that_has_the_name_of_the_first_score_is_refused():
    X, y = draw(600)
    frame = pd.DataFrame(X, columns=["a", "b", "first_score"])
    with pytest.raises(ValueError, match="'first_score'.*rename it"):
        columns(first_as_feature=True).fit(frame, y)


def test_weights_count_in_the_first_budget_and_reach_both_models():
    X, y = draw()
    weight = np.random.default_rng(2).integers(0, 4, y.size).astype(float)
    splits = list(KFold(3).split(X))
    model = columns(cv=splits).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(y.size), weight.astype(int))
    order = np.argsort(-X[rows, 0], kind="stable")
    assert model.threshold_ == X[rows][order[int(np.ceil(0.2 * rows.size)) - 1], 0]
    kept = (weight > 0) & (X[:, 0] >= model.threshold_)
    assert model.second_.weight_.tolist() == weight[kept].tolist()
    assert model.first_.weight_.tolist() == weight[weight > 0].tolist()
    caught = (weight * y)[kept].sum() / (weight * y).sum()
    assert model.first_coverage_ == pytest.approx(caught)


def test_values_reach_the_model_that_takes_them():
    X, y = draw()
    value = np.random.default_rng(2).lognormal(size=y.size)
    model = columns().set_params(second=Valued(1)).fit(X, y, value=value)
    assert model.second_.value_.tolist() == value[X[:, 0] >= model.threshold_].tolist()
    with pytest.raises(ValueError, match="value cannot be passed on"):
        columns().fit(X, y, value=value)


def test_groups_are_kept_together_and_reach_models_that_take_them():
    X, y = draw()
    groups = np.arange(y.size) // 4
    model = columns().fit(X, y, groups=groups)
    assert model.second_.groups_.size == model.n_pool_
    with pytest.warns(UserWarning, match="rows of the same groups"):
        columns(cv=KFold(3, shuffle=True, random_state=0)).fit(X, y, groups=groups)


def test_rows_that_no_split_holds_out_do_not_train_the_second_stage():
    X, y = draw()
    model = columns(cv=TimeSeriesSplit(3), budget_first=1.0).fit(X, y)
    assert model.n_pool_ == 1500
    assert model.second_.X_.tolist() == X[500:].tolist()


def test_few_positives_that_reach_the_second_stage_are_warned_of_and_joined_by_others():
    X, y = draw()
    X[:, 0] -= 10.0 * y
    with pytest.warns(UserWarning, match="only 0 of .* positives are let through") as caught:
        model = columns().fit(X, y)
    assert caught[0].filename == __file__
    assert model.second_.y_.sum() == 10
    best = np.sort(X[y == 1, 0])[-10:]
    assert np.sort(model.second_.X_[model.second_.y_ == 1, 0]).tolist() == best.tolist()
    # It is trained on them, and still lets through nothing below the threshold.
    assert not model.reaches(X[y == 1]).any()


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e6, 1e300])
def test_margins_of_any_size_keep_their_order(factor):
    X, y = draw(400)
    first, second = Column(0, factor), Column(1, factor)
    model = CascadeClassifier(first, second, budget_first=0.3, cv=None).fit(X, y)
    found, reaches = model.decision_function(X), model.reaches(X)
    assert np.isfinite(found).all()
    assert found[~reaches].max() < found[reaches].min()
    for part, column in ((reaches, 1), (~reaches, 0)):
        assert (np.diff(found[part][np.argsort(X[part, column])]) >= 0).all()
        assert np.unique(found[part]).size > 0.99 * np.count_nonzero(part)


def test_the_positive_class_may_be_the_first_of_the_alphabet():
    X, y = draw()
    labels = np.array(["good", "bad"])[y]
    plain = CascadeClassifier(LogisticRegression(), GaussianNB(), budget_first=0.2, random_state=0)
    turned = clone(plain).set_params(pos_label="bad").fit(X, labels)
    plain.fit(X, y)
    assert turned.classes_.tolist() == ["bad", "good"]
    assert turned.pos_label_ == "bad"
    np.testing.assert_allclose(turned.decision_function(X), -plain.decision_function(X), atol=1e-6)
    assert turned.predict(X).tolist() == np.array(["good", "bad"])[plain.predict(X)].tolist()
    # A stage inside says which it is.
    from skbudget import PAUCLGBMClassifier

    second = PAUCLGBMClassifier(
        pos_label="bad", n_estimators=2, selection_cv=None, calibration_cv=None, verbose=-1
    )
    assert clone(plain).set_params(second=second).fit(X, labels).pos_label_ == "bad"


def test_defaults_train_and_can_be_searched_and_pickled():
    X, y = draw(3000)
    frame = pd.DataFrame(X, columns=list("abc"))
    frame["kind"] = np.where(X[:, 2] > 0, "x", "y")
    frame["kind"] = frame["kind"].astype("category")
    model = CascadeClassifier(budget_first=0.2, budget=0.05, cv=2, n_jobs=1, random_state=0)
    model.fit(frame, y)
    assert model.second_.budget == pytest.approx(0.25)
    assert coverage_at_budget_score(y, model.decision_function(frame), budget=0.05) > 0.3
    again = pickle.loads(pickle.dumps(model))
    assert again.decision_function(frame).tolist() == model.decision_function(frame).tolist()
    search = GridSearchCV(
        columns(), {"budget_first": [0.1, 0.5]}, scoring=make_coverage_scorer(0.05), cv=2
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget_first": 5}, "'budget_first'"),
        ({"budget": 0.5}, "at most budget_first, which is 0.2"),
        ({"cv": 1}, "'cv'"),
        ({"cv": "5"}, "'cv'"),
        ({"first": LogisticRegression}, "'first'"),
        ({"second": object()}, "'second'"),
        ({"first_as_feature": 1.5}, "'first_as_feature'"),
    ],
    ids=["percent", "greater budget", "one fold", "text", "class", "object", "flag"],
)
def test_parameters_that_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        columns().set_params(**params).fit(*draw(200))


def test_data_that_is_refused():
    X, y = draw(200)
    with pytest.raises(ValueError, match="only 1 member.*cv=None"):
        columns().fit(X, np.arange(200) == 7)
    with pytest.raises(ValueError, match="sample weights of the class 1 are zero"):
        columns().fit(X, y, sample_weight=1.0 - y)
    with pytest.raises(ValueError, match="no positive to train on in split"):
        columns(cv=[(np.flatnonzero(y == 0)[:50], np.flatnonzero(y))]).fit(X, y)
