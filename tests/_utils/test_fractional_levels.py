"""Ordered levels in any spacing: models know them by their rank."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")
pytest.importorskip("skorch")

from skbudget import PAUCClassifier, PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.metrics import make_worth_scorer, worth_coverage_score
from skbudget.model_selection import ExpectedWorthClassifier

LEVELS = np.array([0.0, 0.25, 3.5])
WORTH = dict(zip(LEVELS.tolist(), (0.0, 1.0, 20.0)))
CLASSES = [PAUCLGBMClassifier, PAUCXGBClassifier, PAUCClassifier]
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
each_loss = pytest.mark.parametrize("loss", ["ordinal_all_threshold", "ordinal_log_loss"])


def model_of(cls, loss, **params):
    if cls is PAUCClassifier:
        return cls(loss=loss, n_members=2, max_epochs=2, random_state=0, **params)
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    return cls(objective=loss, n_estimators=8, n_jobs=1, **quiet, **params)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    return X, np.digitize(X[:, 0] + 0.5 * rng.normal(size=600), [0.5, 1.2])


@each_class
@each_loss
def test_the_model_is_that_of_ranks(cls, loss, rows):
    X, code = rows
    ranks, model = (model_of(cls, loss).fit(X, y) for y in (code, LEVELS[code]))
    np.testing.assert_array_equal(model.classes_, LEVELS)
    np.testing.assert_array_equal(model.decision_function(X), ranks.decision_function(X))
    np.testing.assert_array_equal(model.predict_proba(X), ranks.predict_proba(X))
    np.testing.assert_array_equal(model.predict(X), LEVELS[ranks.predict(X)])
    assert model.score(X, LEVELS[code]) == ranks.score(X, code) > 0.5
    weight = np.arange(code.size)
    assert model.score(X, LEVELS[code], weight) == pytest.approx(ranks.score(X, code, weight))
    assert np.isfinite(cross_val_score(model, X, LEVELS[code], cv=2)).all()


def test_the_layer_of_thresholds_takes_fractions(rows):
    X, code = rows
    ranks, model = (model_of(PAUCClassifier, "coral").fit(X, y) for y in (code, LEVELS[code]))
    np.testing.assert_array_equal(model.predict(X), LEVELS[ranks.predict(X)])


@each_class
def test_expected_worth_and_metrics_take_fractions(cls, rows):
    X, code = rows
    y = LEVELS[code]
    model = ExpectedWorthClassifier(model_of(cls, "ordinal_all_threshold"), worth=WORTH).fit(X, y)
    scores = model.decision_function(X)
    probabilities = model.estimator_.predict_proba(X)
    np.testing.assert_allclose(scores, probabilities @ list(WORTH.values()))
    scorer = make_worth_scorer(budget=0.1, worth=WORTH)
    wanted = worth_coverage_score(y, scores, budget=0.1, worth=WORTH)
    assert scorer(model.estimator_, X, y) == pytest.approx(wanted)


@pytest.mark.parametrize("cls", CLASSES[:2], ids=lambda cls: cls.__name__)
def test_a_splitter_is_handed_ranks(cls, rows):
    X, code = rows
    found = [
        model_of(cls, "ordinal_all_threshold", calibration_cv=StratifiedKFold(3)).fit(X, y)
        for y in (code, LEVELS[code])
    ]
    np.testing.assert_array_equal(*(one.predict_proba(X) for one in found))


@each_class
def test_an_amount_is_no_level(cls, rows):
    X, code = rows
    many = code + np.arange(code.size) / 1000
    with pytest.raises(ValueError, match=rf"{cls.__name__} takes up to 100 levels.*'squared_err"):
        model_of(cls, "ordinal_all_threshold").fit(X, many)
    # A hundred of them are levels.
    model_of(cls, "ordinal_all_threshold", calibration_cv=None).fit(X, np.arange(600) % 100 / 2)
    lacking = np.where(np.arange(600) == 3, np.nan, LEVELS[code])
    with pytest.raises(ValueError, match=r"NaN|missing"):
        model_of(cls, "ordinal_all_threshold").fit(X, lacking)


@pytest.mark.parametrize(
    ("cls", "loss"),
    [
        (PAUCLGBMClassifier, None),
        (PAUCXGBClassifier, "softmax_cross_entropy"),
        (PAUCClassifier, None),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_classes_are_no_fractions(cls, loss, rows):
    X, code = rows
    with pytest.raises(ValueError, match=r"continuous|two classes|labels"):
        model_of(cls, loss).fit(X, LEVELS[code])
