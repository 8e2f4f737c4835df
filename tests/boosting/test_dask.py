import asyncio
import os
import pickle
import uuid
from contextlib import ExitStack
from functools import cache

import numpy as np
import pytest

pytest.importorskip("xgboost")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("pyarrow")

from dask.distributed import Client, LocalCluster
from sklearn.base import clone
from small_models import favours_positive
from xgboost.core import XGBoostError

from skbudget import (
    PAUCLGBMClassifier,
    PAUCXGBClassifier,
    coverage_at_budget_score,
    make_contested_top,
    make_coverage_scorer,
)
from skbudget.boosting import DaskPAUCXGBClassifier, PAUCObjective
from skbudget.objectives import OneVsRest, PairwisePAUC, Schedule

BUDGET = 0.02
# The first partition holds all positives, and they are of unequal length.
CHUNKS = (3000, 200, 2300, 500)


def start_workers(n_workers):
    return LocalCluster(
        n_workers=n_workers, threads_per_worker=1, dashboard_address=None, processes=True
    )


@pytest.fixture(scope="module")
def clusters():
    """Return a function that returns a client of so many workers, started once."""
    with ExitStack() as stack:

        @cache
        def with_workers(n_workers):
            cluster = stack.enter_context(start_workers(n_workers))
            # The tests of two workers find theirs without being told.
            return stack.enter_context(Client(cluster, set_as_default=n_workers == 2))

        yield with_workers


@pytest.fixture(scope="module")
def client(clusters):
    return clusters(2)


def make_table(seed=0):
    X, y = make_contested_top(sum(CHUNKS), pos_rate=0.02, random_state=seed)
    # So few values that every worker's quantiles are those of the whole table.
    X = np.round(X * 4) / 4
    order = np.argsort(-y, kind="stable")
    return X[order], y[order]


def spread(X, y):
    return da.from_array(X, chunks=(CHUNKS, X.shape[1])), da.from_array(y, chunks=(CHUNKS,))


class Recorder:
    """An objective that writes down what each worker is given, and what it answers."""

    def __init__(self, objective, folder):
        self.objective, self.folder = objective, str(folder)

    def __call__(self, y_true, y_pred, sample_weight=None):
        answer = self.objective(y_true, y_pred, sample_weight)
        weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
        name = os.path.join(self.folder, f"{uuid.uuid4().hex}.npy")
        np.save(name, np.column_stack([y_true, y_pred, weight, *answer]))
        return answer


# A cluster of its own takes seconds.
each_number_of_workers = pytest.mark.parametrize(
    "n_workers",
    [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(4, marks=pytest.mark.slow)],
)


@each_number_of_workers
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_that_of_one_machine(clusters, n_workers, weighted, tmp_path):
    X, y = make_table()
    weight = np.random.default_rng(0).choice([0.5, 1.0, 2.0], len(y)) if weighted else None
    objective = PAUCObjective(budget=BUDGET)
    with clusters(n_workers).as_current():
        weights = {} if weight is None else {"sample_weight": da.from_array(weight, (CHUNKS,))}
        model = DaskPAUCXGBClassifier(n_estimators=1, objective=Recorder(objective, tmp_path))
        model.fit(*spread(X, y), **weights)
    parts = [np.load(file) for file in sorted(tmp_path.iterdir())]
    assert len(parts) == min(n_workers, 4)
    if n_workers > 1:
        assert min(part[:, 0].sum() for part in parts) == 0  # one has no positive
    labels, raw, found_weight, gradient, hessian = np.concatenate(parts).T
    assert labels.size == len(y)
    expected = objective(labels, raw, found_weight)
    np.testing.assert_allclose(gradient, expected[0], atol=1e-6 * np.abs(expected[0]).max())
    np.testing.assert_allclose(hessian, expected[1], atol=1e-6 * expected[1].max())


@each_number_of_workers
def test_the_model_is_that_of_one_machine(clusters, n_workers):
    X, y = make_table()
    X_new, y_new = make_table(seed=1)
    settings = {"budget": BUDGET, "n_estimators": 15, "gamma": 0.0, "n_jobs": 1}
    alone = PAUCXGBClassifier(
        **settings, max_leaves=127, selection_cv=None, calibration_cv=None
    ).fit(X, y)
    with clusters(n_workers).as_current():
        model = DaskPAUCXGBClassifier(**settings).fit(*spread(X, y))
        margin = model.decision_function(spread(X_new, y_new)[0]).compute()
    expected = alone.decision_function(X_new)
    # The starting margin differs by a constant.
    np.testing.assert_allclose(margin - margin[0], expected - expected[0], atol=1e-4)
    found = coverage_at_budget_score(y_new, margin, budget=BUDGET)
    assert found == coverage_at_budget_score(y_new, expected, budget=BUDGET)
    assert found > 0.5


def test_coverage_of_all_workers_stops_the_training(client):
    X, y = make_table()
    X_valid, y_valid = make_table(seed=1)
    model = DaskPAUCXGBClassifier(
        budget=BUDGET, n_estimators=60, early_stopping_rounds=5, learning_rate=0.3
    )
    model.fit(*spread(X, y), eval_set=[spread(X_valid, y_valid)])
    (history,) = model.evals_result_["validation_0"].values()
    assert len(history) < 60
    assert model.best_score == max(history)
    margin = model.decision_function(spread(X_valid, y_valid)[0]).compute()
    assert coverage_at_budget_score(y_valid, margin, budget=BUDGET) == pytest.approx(
        model.best_score
    )


def test_data_frames_any_labels_and_a_schedule(client):
    pd = pytest.importorskip("pandas")
    X, y = make_table()
    frame = pd.DataFrame(X, columns=[f"c{k}" for k in range(X.shape[1])])
    frame["label"] = np.where(y == 1, "fraud", "fair")
    table = dd.from_pandas(frame, npartitions=3)
    model = DaskPAUCXGBClassifier(
        budget=BUDGET, n_estimators=10, schedule=Schedule(warmup_rounds=3)
    )
    label = (table["label"] == "fraud").astype(int)
    assert model.fit(table.drop(columns="label"), label) is model
    assert model.classes_.tolist() == [0, 1]
    margin = model.decision_function(table.drop(columns="label")).compute()
    assert coverage_at_budget_score(y, np.asarray(margin), budget=BUDGET) > 0.5


def test_labels_may_be_any_two(client):
    X, y = make_table()
    settings = {"budget": BUDGET, "n_estimators": 3}
    plain = DaskPAUCXGBClassifier(**settings).fit(*spread(X, y))
    for positive, negative in ((7, -3), (-3, 7)):
        X_parts, y_parts = spread(X, np.where(y == 1, positive, negative))
        other = DaskPAUCXGBClassifier(**settings, pos_label=positive).fit(X_parts, y_parts)
        assert other.classes_.tolist() == [-3, 7]
        assert other.pos_label_ == positive
        np.testing.assert_array_equal(
            plain.decision_function(X_parts).compute(),
            favours_positive(other) * other.decision_function(X_parts).compute(),
        )


def test_ranks_only(client):
    X, y = spread(*make_table())
    model = DaskPAUCXGBClassifier(budget=BUDGET, n_estimators=2).fit(X, y)
    for method in ("predict_proba", "predict"):
        assert not hasattr(model, method)
        with pytest.raises(AttributeError, match=f"ranks only, and has no {method}"):
            getattr(model, method)


def test_parameters(client):
    model = DaskPAUCXGBClassifier(budget=0.03, temperature=0.5, subsample=0.5)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert (copy.budget, copy.temperature, copy.subsample) == (0.03, 0.5, 0.5)
    X, y = spread(*make_table())
    with pytest.raises(ValueError, match=r"'budget' parameter .* Got 2 instead"):
        model.set_params(budget=2).fit(X, y)
    with pytest.raises(ValueError, match="'scale_pos_weight' parameter"):
        DaskPAUCXGBClassifier(scale_pos_weight=3).fit(X, y)
    with pytest.raises(ValueError, match=r"needs two classes, but y contains 1: \[0\]"):
        DaskPAUCXGBClassifier().fit(X, y * 0)


def test_a_fitted_model_can_be_kept(client):
    X, y = spread(*make_table())
    model = DaskPAUCXGBClassifier(budget=BUDGET, n_estimators=3).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    copy.client = client
    np.testing.assert_array_equal(
        model.decision_function(X).compute(), copy.decision_function(X).compute()
    )


def test_an_asynchronous_client():
    X, y = make_table()

    async def train():
        async with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None, asynchronous=True
            ) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            model = DaskPAUCXGBClassifier(budget=BUDGET, n_estimators=3)
            model.client = client
            parts = spread(X, y)
            await model.fit(*parts)
            margins = [await client.compute(await model.decision_function(parts[0]))]
            # The positive class is the first of the labels now.
            model.set_params(pos_label=-1)
            await model.fit(parts[0], -parts[1])
            margins.append(await client.compute(await model.decision_function(parts[0])))
            return margins

    margins = asyncio.run(train())
    assert margins[0].shape == y.shape
    np.testing.assert_array_equal(margins[1], -margins[0])


class DiesInRoundThree:
    def __init__(self):
        self.objective, self.n_rounds = PAUCObjective(budget=BUDGET), 0

    def __call__(self, y_true, y_pred):
        from xgboost import collective

        self.n_rounds += 1
        if self.n_rounds == 3 and collective.get_rank() == 1:
            os._exit(1)
        return self.objective(y_true, y_pred)


def test_a_worker_that_dies_ends_in_an_error_of_xgboost():
    X, y = make_table()
    with start_workers(2) as cluster, Client(cluster):
        model = DaskPAUCXGBClassifier(n_estimators=10, objective=DiesInRoundThree())
        with pytest.raises((XGBoostError, distributed.KilledWorker)):
            model.fit(*spread(X, y))


def train_lightgbm_here():
    import lightgbm as lgb

    X, y = make_table()
    params = {"objective": PAUCObjective(budget=BUDGET), "num_threads": 1, "verbose": -1}
    repeatable = {"deterministic": True, "force_row_wise": True}
    return lgb.train({**params, **repeatable}, lgb.Dataset(X, y), 3).predict(X)


def test_lightgbm_on_several_workers_is_refused(client):
    lgb = pytest.importorskip("lightgbm")
    X, y = spread(*make_table())
    model = lgb.DaskLGBMClassifier(objective=PAUCObjective(budget=BUDGET), n_estimators=2)
    with pytest.raises(NotImplementedError, match="DaskPAUCXGBClassifier"):
        model.fit(X, y)
    # A failed training would leave LightGBM in a network, and every later one part of it.
    for margin in client.run(train_lightgbm_here).values():
        np.testing.assert_array_equal(margin, train_lightgbm_here())
    data = lgb.Dataset(np.zeros((4, 1)), label=[0, 1, 0, 1], params={"num_machines": 2})
    with pytest.raises(NotImplementedError, match="rows of one worker"):
        PAUCObjective()(np.zeros(4), data)


def test_a_grid_search_on_dask_workers(client):
    pytest.importorskip("lightgbm")
    import joblib
    from sklearn.model_selection import GridSearchCV

    X, y = make_table()
    model = PAUCLGBMClassifier(
        budget=BUDGET,
        n_estimators=5,
        selection_cv=None,
        calibration_cv=None,
        n_jobs=1,
        verbose=-1,
        deterministic=True,
        force_row_wise=True,
    )
    search = GridSearchCV(
        model, {"reg_lambda": [1.0, 5.0]}, scoring=make_coverage_scorer(budget=BUDGET), cv=2
    )
    with joblib.parallel_backend("dask"):
        on_workers = clone(search).fit(X, y)
    here = search.fit(X, y)
    for key in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(on_workers.cv_results_[key], here.cv_results_[key])


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_values_are_those_of_one_machine(client, kind):
    X, y = make_table()
    X_valid, y_valid = make_table(seed=1)
    rng = np.random.default_rng(0)
    value, value_valid = rng.lognormal(size=(2, len(y)))
    settings = {"budget": BUDGET, "n_estimators": 10, "gamma": 0.0, "n_jobs": 1}
    alone = PAUCXGBClassifier(
        **settings, max_leaves=127, selection_cv=None, calibration_cv=None
    ).fit(X, y, value=value)
    expected = alone.decision_function(X_valid)
    for unit in (1.0, 1000.0):
        columns = [*spread(X, y), da.from_array(unit * value, (CHUNKS,))]
        valid = [*spread(X_valid, y_valid), da.from_array(unit * value_valid, (CHUNKS,))]
        if kind == "frame":
            columns = [dd.from_dask_array(column) for column in columns]
            valid = [dd.from_dask_array(column) for column in valid]
        model = DaskPAUCXGBClassifier(**settings).fit(
            *columns[:2],
            value=columns[2],
            eval_set=[tuple(valid[:2])],
            value_eval_set=[valid[2]],
        )
        margin = np.asarray(model.decision_function(valid[0]).compute())
        np.testing.assert_allclose(margin - margin[0], expected - expected[0], atol=1e-3)
        (history,) = model.evals_result_["validation_0"].values()
        assert history[-1] == pytest.approx(
            coverage_at_budget_score(y_valid, margin, budget=BUDGET, value=value_valid), abs=1e-6
        )


@pytest.mark.parametrize("kind", ["array", "frame"])
@pytest.mark.parametrize("valid_with_training", [True, False])
def test_workers_without_rows(client, kind, valid_with_training):
    """A scheduler may leave all rows with one worker, and the evaluation set with another."""
    first, second = client.scheduler_info()["workers"]
    columns = [*spread(*make_table()), *spread(*make_table(seed=1))]
    if kind == "frame":
        columns = [dd.from_dask_array(column) for column in columns]
    places = [first, first] + [first if valid_with_training else second] * 2
    pinned = [
        client.persist(column, workers=[place], allow_other_workers=False)
        for column, place in zip(columns, places)
    ]
    settings = {"budget": BUDGET, "n_estimators": 5, "gamma": 0.0, "n_jobs": 1}
    there = DaskPAUCXGBClassifier(**settings).fit(*pinned[:2], eval_set=[tuple(pinned[2:])])
    assert "predict" not in vars(there.get_booster())
    (history,) = there.evals_result_["validation_0"].values()
    X, y = make_table()
    X_valid, y_valid = make_table(seed=1)
    alone = PAUCXGBClassifier(
        **settings, max_leaves=127, selection_cv=None, calibration_cv=None
    ).fit(X, y)
    expected = alone.decision_function(X_valid)
    margin = np.asarray(there.decision_function(pinned[2]).compute())
    np.testing.assert_allclose(margin - margin[0], expected - expected[0], atol=1e-3)
    assert history[-1] == pytest.approx(
        coverage_at_budget_score(y_valid, margin, budget=BUDGET), abs=1e-6
    )
    again = DaskPAUCXGBClassifier(**settings).fit(*pinned[:2], xgb_model=there.get_booster())
    assert again.get_booster().num_boosted_rounds() == 10


def test_values_that_dask_cannot_pass_on(client):
    X, y = spread(*make_table())
    value, model = da.ones_like(y, dtype=float), DaskPAUCXGBClassifier(n_estimators=2)
    with pytest.raises(ValueError, match="value and sample_weight cannot be combined: on Dask"):
        model.fit(X, y, value=value, sample_weight=value)
    with pytest.raises(ValueError, match="The positives have no value, or a negative"):
        model.fit(X, y, value=0 * value)
    evaluated = {"value": value, "eval_set": [(X, y)]}
    with pytest.raises(ValueError, match="value_eval_set must be a list with one array per"):
        model.fit(X, y, **evaluated, value_eval_set=[])
    with pytest.raises(ValueError, match="value_eval_set and sample_weight_eval_set cannot be"):
        model.fit(X, y, **evaluated, value_eval_set=[value], sample_weight_eval_set=[value])
    with pytest.raises(ValueError, match="value_eval_set and eval_metric cannot be combined"):
        clone(model).set_params(eval_metric="auc").fit(X, y, **evaluated, value_eval_set=[value])
    with pytest.raises(
        ValueError, match="value goes with the partial AUC of the parameters or a loss"
    ):
        clone(model).set_params(objective=PAUCObjective()).fit(X, y, value=value)


def test_a_loss_by_name(client):
    X, y = spread(*make_table())
    settings = {"budget": BUDGET, "n_estimators": 3}
    plain = DaskPAUCXGBClassifier(**settings).fit(X, y)
    named = DaskPAUCXGBClassifier(**settings, objective="pairwise_pauc").fit(X, y)
    np.testing.assert_array_equal(
        plain.decision_function(X).compute(), named.decision_function(X).compute()
    )
    with pytest.raises(ValueError, match="'objective' parameter of DaskPAUCXGB.*'binary:logistic'"):
        DaskPAUCXGBClassifier(objective="binary:logistic").fit(X, y)
    with pytest.raises(ValueError, match="needs a loss of two classes.*'classes'"):
        DaskPAUCXGBClassifier(objective=OneVsRest(PairwisePAUC())).fit(X, y)
