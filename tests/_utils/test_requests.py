"""Columns of losses and heads reach the models of folds by metadata routing."""

import inspect
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")
pytest.importorskip("skorch")

from skbudget import PAUCClassifier, PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.metrics import make_group_scorer
from skbudget.objectives import BinaryCrossEntropy

TREES = {"n_estimators": 3, "n_jobs": 1, "selection_cv": None, "calibration_cv": None}


def estimator(cls, loss):
    """A small model of a class with a loss."""
    if cls is PAUCClassifier:
        return cls(loss=loss, n_members=1, max_epochs=1, calibration_cv=None, random_state=0)
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    return cls(objective=loss, **TREES, **quiet)


each_class = pytest.mark.parametrize(
    "cls", [PAUCLGBMClassifier, PAUCXGBClassifier, PAUCClassifier], ids=lambda cls: cls.__name__
)


@dataclass(frozen=True)
class ByLuminosity(BinaryCrossEntropy):
    """A loss of the user's, which reads a column of theirs."""

    reads: ClassVar[frozenset] = frozenset({"luminosity"})
    seen: ClassVar[list] = []

    def torch_loss(self):
        return None

    def hold(self, rows):
        self.seen.append(rows.columns.get("luminosity"))
        return super().hold(rows)


@pytest.fixture(scope="module")
def queries():
    rng = np.random.default_rng(0)
    query = rng.permutation(np.repeat(np.arange(24), 10))
    X = rng.normal(size=(query.size, 3))
    y = (X[:, 0] + rng.normal(size=query.size) > 0.8).astype(int)
    return X, y, query


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def fitted_with(monkeypatch):
    """The queries that each model was fitted with, beside its labels."""
    seen = []
    for cls in (PAUCLGBMClassifier, PAUCXGBClassifier, PAUCClassifier):
        usual = cls.fit

        def spying(self, X, y, *args, usual=usual, **given):
            seen.append((np.asarray(y), given.get("group")))
            return usual(self, X, y, *args, **given)

        # Requests are read from the signature.
        spying.__signature__ = inspect.signature(usual)
        monkeypatch.setattr(cls, "fit", spying)
    return seen


@each_class
def test_queries_are_split_with_the_rows(cls, queries, routing, fitted_with):
    X, y, query = queries
    model = estimator(cls, "rank_net").set_fit_request(group=True)
    cv = GroupKFold(3).set_split_request(groups="group")
    scorer = make_group_scorer("ndcg", k=5).set_score_request(group=True)
    params = {"cv": cv, "scoring": scorer, "error_score": "raise"}
    found = cross_validate(model, X, y, params={"group": query}, **params)
    assert np.isfinite(found["test_score"]).all()
    assert len(fitted_with) == 3
    for (labels, group), (train, _) in zip(fitted_with, cv.split(X, y, query)):
        np.testing.assert_array_equal(group, query[train])
        np.testing.assert_array_equal(labels, y[train])


@each_class
def test_a_grid_search_hands_queries_through_a_pipeline(cls, queries, routing, fitted_with):
    X, y, query = queries
    model = estimator(cls, "rank_net").set_fit_request(group="page")
    pipeline = make_pipeline(StandardScaler(), model)
    grid = {f"{cls.__name__.lower()}__budget": [0.1, 0.2]}
    cv = GroupKFold(2).set_split_request(groups="page")
    scorer = make_group_scorer("ndcg", k=5).set_score_request(group="page")
    search = GridSearchCV(pipeline, grid, cv=cv, scoring=scorer, error_score="raise")
    search.fit(X, y, page=query)
    assert [group.size for _, group in fitted_with[:2]] == [120, 120]
    np.testing.assert_array_equal(fitted_with[-1][1], query)


@each_class
def test_queries_that_nobody_asked_for_are_an_error_of_scikit_learn(cls, queries, routing):
    X, y, query = queries
    with pytest.raises(UnsetMetadataPassedError, match=r"\[group\] are passed but are not"):
        cross_validate(estimator(cls, "rank_net"), X, y, params={"group": query}, cv=2)


@each_class
def test_a_column_of_a_loss_of_the_user_can_be_requested(cls, queries, routing):
    X, y, _ = queries
    light = np.arange(y.size)
    plain = estimator(cls, None)
    with pytest.raises(TypeError, match=rf"set_fit_request of {cls.__name__} got 'luminosity'.*"):
        plain.set_fit_request(luminosity=True)
    ByLuminosity.seen.clear()
    model = estimator(cls, ByLuminosity()).set_fit_request(luminosity=True, segment=False)
    # As a search copies it.
    model = clone(model)
    asked = {"cv": 2, "scoring": "roc_auc", "error_score": "raise"}
    cross_validate(model, X, y, params={"luminosity": light}, **asked)
    assert ByLuminosity.seen
    assert all(one is not None and one.size <= 120 for one in ByLuminosity.seen)


def test_the_targets_of_heads_can_be_requested(queries, routing):
    X, y, _ = queries
    model = estimator(PAUCClassifier, None).set_params(heads={"cart": "binary_cross_entropy"})
    model.set_fit_request(cart=True).set_partial_fit_request(cart=True)
    cart = (X[:, 1] > 0).astype(int)
    found = cross_validate(
        model, X, y, params={"cart": cart}, cv=2, return_estimator=True, error_score="raise"
    )
    assert all(set(one.head_scores(X)) == {"cart"} for one in found["estimator"])


@each_class
def test_what_fit_takes_by_name_is_in_the_signature(cls):
    names = set(inspect.signature(cls().set_fit_request).parameters)
    assert {"group", "groups", "iid_mask", "sample_weight", "segment", "value"} <= names


def test_a_requested_column_is_not_lost_beside_a_splitter(queries, routing):
    X, y, query = queries
    model = estimator(PAUCLGBMClassifier, None).set_params(calibration_cv=GroupKFold(2))
    model.set_fit_request(group=True)
    with pytest.raises(ValueError, match="does not read the column 'group'"):
        model.fit(X, y, group=query, groups=query)
