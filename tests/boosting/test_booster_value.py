"""Values of positives: in `lgb.train` and `xgb.train` as weights, in the classifiers as `value`."""

import pickle

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from sklearn.model_selection import StratifiedKFold

from skbudget import PAUCObjective, coverage_at_budget_score, make_coverage_scorer
from skbudget.boosting import (
    BoosterObjective,
    CoverageMetric,
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
    _choosing,
    default_beta,
)
from skbudget.boosting._minimised import find_minimised
from skbudget.metrics import partial_auc_score
from skbudget.objectives import BinaryCrossEntropy, PairwisePAUC, Schedule

CLASSES = [PAUCLGBMClassifier, PAUCXGBClassifier]
LGB = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "lambda_l2": 5.0}
XGB = {"nthread": 1, "max_depth": 3, "reg_lambda": 5.0}
BUDGET = 0.05


def make(cls, **params):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    return cls(**{"n_estimators": 15, "budget": BUDGET, "n_jobs": 1, **quiet, **params})


def only_rank(cls, **params):
    fixed = {cls._split_gain_name: 0.0, cls._leaves_name: 15}
    return make(cls, selection_cv=None, calibration_cv=None, **fixed, **params)


@pytest.fixture(scope="module")
def amount(table):
    """Heavy-tailed, and known by a feature: positives of the second kind are worth more."""
    X, y = table
    rng = np.random.default_rng(5)
    return np.exp(1.5 * X[:, 2]) * rng.lognormal(sigma=0.3, size=y.size)


# --- the objective ------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("rows", ["counted", "weighed"])
def test_weights_of_positives_are_values(table, amount, basis, rows):
    _, y = table
    margin = np.random.default_rng(0).normal(size=y.size)
    weight = np.ones(y.size)
    if rows == "weighed":
        weight = np.where(y == 1, 1.0, np.random.default_rng(1).integers(1, 4, y.size))
    settings = {"budget": BUDGET, "basis": basis}
    valued = PAUCObjective(**settings, weight_of_positives="value")
    found = valued(y, margin, np.where(y == 1, amount, weight))
    expected = PAUCObjective(**settings).with_columns(value=amount)(y, margin, weight)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-9)
    beta = default_beta(BUDGET, y.sum(), weight[y == 0].sum(), basis)
    mean_loss = PairwisePAUC(beta=beta, basis=basis)
    brute = mean_loss.gradient(y, margin, weight, value=amount) * y.sum()
    np.testing.assert_allclose(found[0], brute, rtol=1e-5, atol=1e-8)
    # All positives together weigh what they weigh without values.
    assert found[0][y == 1].sum() == pytest.approx(-found[0][y == 0].sum(), rel=1e-4)
    assert np.abs(found[0][y == 1] / amount[y == 1]).max() < 1 / amount[y == 1].mean()


@pytest.mark.parametrize(
    "objective",
    [
        PAUCObjective(budget=BUDGET, weight_of_positives="value"),
        PAUCObjective(surrogate="trapezoid", beta=0.3, weight_of_positives="value"),
        BoosterObjective(BinaryCrossEntropy(2.0), weight_of_positives="value"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_the_unit_changes_no_tree(objective, table, amount):
    X, y = table
    # So few values that XGBoost has a bin for each, wherever weights would have them.
    X = np.round(X * 4) / 4
    trained = []
    for unit in (1.0, 1000.0):
        weight = np.where(y == 1, unit * amount, 1.0)
        of_lgb = lgb.train({**LGB, "objective": objective}, lgb.Dataset(X, y, weight=weight), 15)
        of_xgb = xgb.train(XGB, xgb.DMatrix(X, y, weight=weight), 15, obj=objective)
        margin = of_xgb.predict(xgb.DMatrix(X), output_margin=True)
        trained.append((of_lgb.predict(X, raw_score=True), margin - margin[0]))
    for one, other in zip(*trained):
        assert np.unique(one).size > 5
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_plain_weights_in_another_unit_are_another_model(table, amount):
    """What ``weight_of_positives="value"`` is for: as weights of rows they widen the band."""
    _, y = table
    margin = np.random.default_rng(0).normal(size=y.size)
    plain = PAUCObjective(budget=BUDGET)
    one, other = (
        plain(y, margin, np.where(y == 1, unit * amount, 1.0))[0] for unit in (1.0, 1000.0)
    )
    assert np.count_nonzero(other) > 2 * np.count_nonzero(one)


@pytest.mark.parametrize("booster", ["lightgbm", "xgboost"])
def test_weights_travel_into_folds(booster, table, amount):
    X, y = table
    weight = np.where(y == 1, amount, 1.0)
    objective = PAUCObjective(budget=BUDGET, weight_of_positives="value")
    metric = CoverageMetric(BUDGET, weight_of_positives="value")
    splits = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    if booster == "lightgbm":
        data = lgb.Dataset(X, y, weight=weight, free_raw_data=False)
        params = {**LGB, "objective": objective, "metric": "None"}
        found = lgb.cv(params, data, 5, folds=splits, feval=metric)[f"valid {metric.name}-mean"]
    else:
        options = {"obj": objective, "custom_metric": metric, "as_pandas": False}
        params = {**XGB, "disable_default_eval_metric": True}
        data = xgb.DMatrix(X, y, weight=weight)
        found = xgb.cv(params, data, 5, folds=splits, **options)[f"test-{metric.__name__}-mean"]
    expected = []
    for train, test in splits:
        if booster == "lightgbm":
            data = lgb.Dataset(X, y, weight=weight, free_raw_data=False)
            data = data.construct().subset(train)
            model = lgb.train({**LGB, "objective": objective}, data, 5)
            margin = model.predict(X[test], raw_score=True)
        else:
            data = xgb.DMatrix(X[train], y[train], weight=weight[train])
            model = xgb.train(XGB, data, 5, obj=objective)
            margin = model.predict(xgb.DMatrix(X[test]), output_margin=True)
        expected.append(
            coverage_at_budget_score(y[test], margin, budget=BUDGET, value=amount[test])
        )
    assert found[-1] == pytest.approx(np.mean(expected), abs=1e-6)


def test_the_metric_counts_rows_and_adds_up_values(table, amount):
    _, y = table
    margin = np.random.default_rng(0).normal(size=y.size) + y
    repeats = np.where(y == 1, 1.0, np.random.default_rng(1).integers(1, 4, y.size))
    weight = np.where(y == 1, amount, repeats)
    for basis in ("population", "fpr"):
        found = CoverageMetric(0.02, basis, "value")(y, margin, sample_weight=weight)
        assert found == pytest.approx(
            coverage_at_budget_score(
                y, margin, budget=0.02, basis=basis, sample_weight=repeats, value=amount
            )
        )
    assert CoverageMetric(0.02, weight_of_positives="value")(y, margin) == pytest.approx(
        coverage_at_budget_score(y, margin, budget=0.02)
    )


def test_more_classes_and_bad_options_are_refused():
    objective = PAUCObjective(weight_of_positives="value")
    with pytest.raises(ValueError, match="needs a binary target"):
        objective(np.array([0, 1, 2]), np.zeros((3, 3)), np.ones(3))
    for owner in (PAUCObjective, CoverageMetric):
        with pytest.raises(ValueError, match="'weight_of_positives' parameter of"):
            owner(weight_of_positives="values")
    with pytest.raises(ValueError, match="'weight_of_positives' parameter of BoosterObjective"):
        BoosterObjective(BinaryCrossEntropy(), weight_of_positives="values")
    with pytest.raises(ValueError, match="The positives have no value"):
        objective([0, 0, 1], np.zeros(3), np.array([1.0, 1.0, 0.0]))


# --- the classifiers ----------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
class TestClassifiers:
    @pytest.mark.parametrize("weighted", [False, True])
    def test_trees_are_those_of_the_objective(self, cls, weighted, table, amount):
        X, y = table
        weight = np.random.default_rng(2).uniform(0.5, 2, y.size) if weighted else None
        model = only_rank(cls).fit(X, y, sample_weight=weight, value=amount)
        objective = PAUCObjective(budget=BUDGET).with_columns(value=amount)
        native = cls._parent(
            **{
                **model._parent_params(),
                "objective": objective,
            }
        ).fit(X, y, sample_weight=weight)
        raw = {"raw_score": True} if cls is PAUCLGBMClassifier else {"output_margin": True}
        expected = native.predict(X, **raw)
        np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-5)
        plain = only_rank(cls).fit(X, y, sample_weight=weight)
        assert np.abs(model.decision_function(X) - plain.decision_function(X)).max() > 0.1

    @pytest.mark.parametrize("basis", ["fpr", "population"])
    def test_neither_the_unit_nor_values_of_negatives_matter(self, cls, basis, table, amount):
        X, y = table
        dear = np.where(y == 1, 1000 * amount, 3.0)
        one = make(cls, basis=basis).fit(X, y, value=amount)
        other = make(cls, basis=basis).fit(X, y, value=dear)
        assert one.beta_ == other.beta_
        np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=2e-3)
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-3)

    def test_equal_values_are_none(self, cls, table):
        X, y = table
        plain, equal = make(cls).fit(X, y), make(cls).fit(X, y, value=np.full(y.size, 40.0))
        np.testing.assert_allclose(
            plain.decision_function(X), equal.decision_function(X), atol=1e-3
        )

    def test_more_of_the_value_is_caught(self, cls):
        """Where the amount is a feature, that is; on four other seeds it was 0.07 to 0.11 more."""
        rng = np.random.default_rng(2)
        y, y_new = rng.random((2, 20_000)) < 0.05
        X, X_new = rng.standard_normal((2, 20_000, 6))
        for features, labels in ((X, y), (X_new, y_new)):
            features[:, 0] += 1.5 * labels
            features[:, 1] += labels
        amount, value_new = np.exp(X[:, 2]), np.exp(X_new[:, 2])
        caught = [
            coverage_at_budget_score(
                y_new, model.decision_function(X_new), budget=BUDGET, value=value_new
            )
            for model in (
                only_rank(cls, n_estimators=40).fit(X, y),
                only_rank(cls, n_estimators=40).fit(X, y, value=amount),
            )
        ]
        assert caught[1] > caught[0] + 0.03

    def test_probabilities_are_those_of_the_class(self, cls, table, fresh_table, amount):
        X, y = table
        X_new, y_new = fresh_table
        probability = make(cls, n_estimators=40).fit(X, y, value=amount).predict_proba(X_new)[:, 1]
        # Rows of a high amount would push the mean far above the rate if values counted rows.
        assert probability.mean() == pytest.approx(y_new.mean(), abs=0.015)
        top = probability > 0.3
        # On eight other tables the gap among these few rows is 0.12 in the mean.
        assert y_new[top].mean() == pytest.approx(probability[top].mean(), abs=0.2)

    def test_the_choice_is_the_best_by_value(self, cls, table, amount, monkeypatch):
        # Nobody drops out of the race.
        monkeypatch.setattr(_choosing.Placements, "is_surely_above", lambda *_: False)
        X, y = table
        # With bins of their own, as the models that follow.
        model = make(cls, n_estimators=8, random_state=0, fold_learning_rate=None)
        chosen = model.fit(X, y, value=amount)._chosen
        candidates = model._candidates(find_minimised(model))
        worths = []
        folds = list(StratifiedKFold(3, shuffle=True, random_state=_fold_seed(0)).split(X, y))
        for candidate in candidates:
            areas = []
            for train, test in folds:
                ranker = make(cls, n_estimators=8, random_state=0).set_params(
                    selection_cv=None, calibration_cv=None, **candidate
                )
                ranker.fit(X[train], y[train], value=amount[train])
                areas.append(
                    partial_auc_score(
                        y[test],
                        ranker.decision_function(X[test]),
                        beta=3 * BUDGET,
                        value=amount[test],
                    )
                )
            worths.append(np.mean(areas))
        assert chosen == candidates[int(np.argmax(worths))]

    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_early_stopping_maximises_the_value_caught(self, cls, table, fresh_table, amount):
        X, y = table
        X_new, y_new = fresh_table
        named = np.where(y_new == 1, "yes", "no")
        value_new = np.exp(1.5 * X_new[:, 2])
        model = only_rank(cls, n_estimators=200)
        if cls is PAUCLGBMClassifier:
            stop = [lgb.early_stopping(10, verbose=False)]
            model.fit(
                X,
                np.where(y == 1, "yes", "no"),
                value=amount,
                eval_set=[(X_new, named)],
                eval_value=[value_new],
                callbacks=stop,
            )
            best, history = model.best_iteration_, model.evals_result_["valid_0"]
        else:
            model.set_params(early_stopping_rounds=10)
            model.fit(
                X,
                np.where(y == 1, "yes", "no"),
                value=amount,
                eval_set=[(X_new, named)],
                value_eval_set=[value_new],
            )
            best, history = model.best_iteration + 1, model.evals_result()["validation_0"]
        ((_, found),) = history.items()
        assert best == int(np.argmax(found)) + 1 < 200
        expected = coverage_at_budget_score(
            y_new, model.decision_function(X_new), budget=BUDGET, value=value_new
        )
        assert max(found) == pytest.approx(expected, abs=1e-6)

    def test_a_fitted_model_holds_no_values(self, cls, table, amount):
        X, y = table
        plain, model = only_rank(cls).fit(X, y), only_rank(cls).fit(X, y, value=amount)
        size = len(pickle.dumps(model))
        assert size < len(pickle.dumps(plain)) + amount.nbytes / 2
        margin = pickle.loads(pickle.dumps(model)).decision_function(X)
        np.testing.assert_array_equal(margin, model.decision_function(X))

    def test_another_objective_and_a_schedule(self, cls, table, amount):
        X, y = table
        dear = np.where(y == 1, 1000 * amount, 1.0)
        for params in (
            {"objective": BoosterObjective(BinaryCrossEntropy())},
            {"schedule": Schedule(warmup_rounds=3, blend_rounds=3)},
        ):
            one, other = (only_rank(cls, **params).fit(X, y, value=v) for v in (amount, dear))
            np.testing.assert_allclose(
                one.decision_function(X), other.decision_function(X), atol=2e-3
            )
            plain = only_rank(cls, **params).fit(X, y)
            assert np.abs(one.decision_function(X) - plain.decision_function(X)).max() > 0.1

    def test_few_positives_with_value_are_in_every_fold(self, cls, table):
        X, y = table
        value = np.zeros(y.size)
        value[np.flatnonzero(y == 1)[:3]] = 5.0
        assert np.isfinite(make(cls).fit(X, y, value=value).predict_proba(X)).all()
        value[np.flatnonzero(y == 1)[1:]] = 0.0
        with pytest.raises(ValueError, match="Only 1 positive has value"):
            make(cls).fit(X, y, value=value)
        only_rank(cls).fit(X, y, value=value)

    def test_values_go_through_a_search(self, cls, table, amount):
        import sklearn
        from sklearn.model_selection import GridSearchCV

        X, y = table
        with sklearn.config_context(enable_metadata_routing=True):
            model = only_rank(cls, n_estimators=5).set_fit_request(value=True)
            scorer = make_coverage_scorer(BUDGET).set_score_request(value=True)
            grid = {"learning_rate": [0.05, 0.5]}
            search = GridSearchCV(model, grid, scoring=scorer, cv=2, error_score="raise")
            search.fit(X, y, value=amount)
            direct = only_rank(cls, n_estimators=5, **search.best_params_)
            direct.fit(X, y, value=amount)
        np.testing.assert_allclose(
            search.best_estimator_.decision_function(X), direct.decision_function(X)
        )

    def test_bad_values_and_what_cannot_be_combined(self, cls, table, amount):
        X, y = table
        with pytest.raises(ValueError, match="Negative values in value"):
            make(cls).fit(X, y, value=-amount)
        with pytest.raises(ValueError, match="value must have one entry per sample"):
            make(cls).fit(X, y, value=amount[1:])
        with pytest.raises(ValueError, match="The positives have no value"):
            make(cls).fit(X, y, value=1.0 - y)
        with pytest.raises(
            ValueError, match="value needs the partial AUC, a loss or a BoosterObjective"
        ):
            make(cls, objective=lambda y, p: (p - y, p * 0 + 1)).fit(X, y, value=amount)
        twice = PAUCObjective(weight_of_positives="value")
        with pytest.raises(ValueError, match="leave weight_of_positives at 'rows'"):
            make(cls, objective=twice).fit(X, y, value=amount)

        lightgbm = cls is PAUCLGBMClassifier
        name = "eval_value" if lightgbm else "value_eval_set"
        weights = "eval_sample_weight" if lightgbm else "sample_weight_eval_set"
        options = {"value": amount, "eval_set": [(X, y)]}
        with pytest.raises(ValueError, match=f"{name} and {weights} cannot be combined"):
            make(cls).fit(X, y, **options, **{name: [amount], weights: [amount]})
        model = make(cls, **({} if lightgbm else {"eval_metric": "auc"}))
        metric = {"eval_metric": "auc"} if lightgbm else {}
        with pytest.raises(ValueError, match=f"{name} and eval_metric cannot be combined"):
            model.fit(X, y, **options, **{name: [amount]}, **metric)
        for bad in (amount, [amount, amount], []):
            with pytest.raises(ValueError, match=f"{name} must be a list with one array per"):
                make(cls).fit(X, y, **options, **{name: bad})
        with pytest.raises(ValueError, match=f"The positives have no value in {name}"):
            make(cls).fit(X, y, **options, **{name: [1.0 - y]})


def _fold_seed(random_state):
    return int(np.random.RandomState(random_state).randint(2**31 - 1))
