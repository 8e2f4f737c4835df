"""Targets beyond two classes in the classifiers: more classes, ordered levels, real numbers."""

import pickle
import re

import numpy as np
import pytest

lgb = pytest.importorskip("lightgbm")
xgb = pytest.importorskip("xgboost")

from booster_toys import Cumulative, Softmax, Squared, SquaredLevels
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import cross_val_score
from small_models import CLASSES, booster_margin, make, only_rank

from skbudget.boosting import BoosterObjective, PAUCLGBMClassifier, PAUCObjective
from skbudget.objectives import AtBudget, OneVsRest, PairwisePAUC

pytestmark = pytest.mark.parametrize("cls", CLASSES)


def draw(seed, n_samples=3000):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 5))
    return X, X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.normal(size=n_samples)


@pytest.fixture(scope="module")
def three():
    X, score = draw(0)
    return X, np.digitize(score, [-0.5, 1.2])


@pytest.fixture(scope="module")
def fresh_three():
    X, score = draw(1)
    return X, np.digitize(score, [-0.5, 1.2])


@pytest.fixture(scope="module")
def real():
    X, score = draw(0)
    return X, 20.0 + 3.0 * score


# --- classes --------------------------------------------------------------------------


def test_softmax(cls, three, fresh_three):
    (X, y), (X_new, y_new) = three, fresh_three
    names = np.array(["a", "b", "c"])
    model = make(cls, Softmax(), n_estimators=60).fit(X, names[y])
    assert model.classes_.tolist() == ["a", "b", "c"]
    scores, probability = model.decision_function(X_new), model.predict_proba(X_new)
    assert scores.shape == probability.shape == (3000, 3)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    np.testing.assert_allclose(probability.mean(axis=0), np.bincount(y_new) / 3000, atol=0.02)
    predicted = model.predict(X_new)
    np.testing.assert_array_equal(predicted, names[probability.argmax(axis=1)])
    np.testing.assert_array_equal(predicted, names[scores.argmax(axis=1)])
    assert model.score(X_new, names[y_new]) > 0.73
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X_new), probability)
    assert model.feature_importances_.shape == (5,)
    assert is_classifier(model)
    assert clone(model).__sklearn_tags__().classifier_tags.multi_class
    # Close to the softmax of margins that are not calibrated.
    plain = only_rank(cls, Softmax(), n_estimators=60).fit(X, names[y])
    assert not hasattr(plain, "predict_proba")
    margins = plain.decision_function(X_new)
    np.testing.assert_array_equal(plain.predict(X_new), names[margins.argmax(axis=1)])
    assert log_loss(y_new, probability) < log_loss(y_new, softmax(margins, axis=1)) + 0.02


def test_where_a_margin_per_class_begins(cls, three):
    """LightGBM carries a start of each margin; XGBoost does not, and begins at zero."""
    X, y = three
    still = {"n_estimators": 1, "learning_rate": 1e-12}
    start = np.zeros(3)
    if cls is PAUCLGBMClassifier:
        start = np.log(np.bincount(y) / y.size)
    model = only_rank(cls, Softmax(), **still).fit(X, y)
    everywhere = np.tile(start, (y.size, 1))
    np.testing.assert_allclose(model.decision_function(X), everywhere, rtol=1e-5, atol=1e-7)
    # In training as in prediction, and in a saved booster.
    model = only_rank(cls, Softmax(), n_estimators=8).fit(X, y)
    name, objective = cls._base_name, BoosterObjective(Softmax())
    told = only_rank(cls, objective, n_estimators=8).fit(X, y, **{name: everywhere})
    margins = told.decision_function(X, **{name: everywhere})
    np.testing.assert_allclose(model.decision_function(X), margins, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(booster_margin(model, X), margins, rtol=1e-4, atol=1e-5)
    # Training that is continued does not begin again.
    argument = "init_model" if cls is PAUCLGBMClassifier else "xgb_model"
    half = only_rank(cls, Softmax(), n_estimators=4).fit(X, y)
    more = only_rank(cls, Softmax(), n_estimators=4).fit(X, y, **{argument: half})
    np.testing.assert_allclose(
        more.decision_function(X), model.decision_function(X), rtol=1e-3, atol=1e-3
    )


def test_probabilities_of_classes_with_scores_to_begin_from(cls, three, fresh_three):
    (X, y), (X_new, y_new) = three, fresh_three
    name = cls._base_name

    def base_of(X):
        margins = np.column_stack([-2 * X[:, 0], np.zeros(len(X)), 2 * X[:, 0] - 3])
        return log_softmax(margins, axis=1)

    model = make(cls, Softmax(), n_estimators=20).fit(X, y, **{name: base_of(X)})
    with_base = model.predict_proba(X_new, **{name: base_of(X_new)})
    alone = model.predict_proba(X_new)
    np.testing.assert_allclose(with_base.mean(axis=0), np.bincount(y_new) / 3000, atol=0.03)
    # What the trees know beyond the scores is not much, and is normalised.
    np.testing.assert_allclose(alone.mean(axis=0), np.bincount(y_new) / 3000, atol=0.06)
    assert log_loss(y_new, with_base) < log_loss(y_new, alone) - 0.1
    with pytest.raises(ValueError, match=rf"{name} must have shape \(3000, 3\)"):
        make(cls, Softmax()).fit(X, y, **{name: X[:, 0]})


def test_one_versus_rest_of_a_band(cls, three, fresh_three):
    (X, y), (X_new, y_new) = three, fresh_three
    loss = OneVsRest(AtBudget(PairwisePAUC(), budget=0.3))
    model = make(cls, loss).fit(X, y)
    assert model.score(X_new, y_new) > 0.7
    assert log_loss(y_new, model.predict_proba(X_new)) < 0.7
    # A callable that is made of a loss has its target too, and begins at zero.
    same = make(cls, BoosterObjective(loss)).fit(X, y)
    np.testing.assert_allclose(
        same.predict_proba(X_new), model.predict_proba(X_new), rtol=1e-5, atol=1e-7
    )


def test_a_loss_of_classes_and_two_labels(cls, table):
    X, y = table
    model = make(cls, Softmax()).fit(X, y)
    # As scikit-learn has it, one score for two classes.
    assert model.decision_function(X).shape == (y.size,)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


@pytest.mark.parametrize("loss", [PairwisePAUC(), "binary_cross_entropy", PAUCObjective()])
def test_a_binary_loss_with_more_labels_is_refused(cls, loss, three):
    with pytest.raises(ValueError, match="Only binary classification.*3 classes.*OneVsRest"):
        make(cls, loss).fit(*three)


def test_bad_classes(cls, three):
    X, y = three
    with pytest.raises(ValueError, match="at least 2 classes.*contains 1"):
        make(cls, Softmax()).fit(X, np.zeros(y.size))
    with pytest.raises(ValueError, match="only 1 member"):
        make(cls, Softmax()).fit(X, np.where(np.arange(y.size) == 0, 7, y))
    with pytest.raises(ValueError, match="needs 3 classes, but all sample weights of the class"):
        make(cls, Softmax()).fit(X, y, sample_weight=(y != 2).astype(float))


# --- levels ---------------------------------------------------------------------------


def test_thresholds_between_levels(cls, three, fresh_three):
    (X, y), (X_new, y_new) = three, fresh_three
    levels = np.array([1, 5, 20])
    model = make(cls, Cumulative()).fit(X, levels[y])
    margins = model.decision_function(X_new)
    assert margins.shape == (3000, 2)
    predicted = model.predict(X_new)
    np.testing.assert_array_equal(predicted, levels[(margins > 0).sum(axis=1)])
    assert model.score(X_new, levels[y_new]) > 0.7
    probability = model.predict_proba(X_new)
    assert probability.shape == (3000, 3)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    np.testing.assert_allclose(probability.mean(axis=0), np.bincount(y_new) / 3000, atol=0.03)
    # Margins that do not cross are the log-odds of the levels above.
    ordered = margins[:, 0] > margins[:, 1]
    np.testing.assert_allclose(probability[ordered, 2], expit(margins[ordered, 1]), rtol=1e-9)
    # The margins are where the loss puts them: at the log-odds of the levels above.
    above = levels[y_new][:, None] > levels[:2]
    np.testing.assert_allclose(expit(margins).mean(axis=0), above.mean(axis=0), atol=0.03)


def test_levels_need_an_order(cls, three):
    X, y = three
    with pytest.raises(ValueError, match="ordered levels.*must be numbers.*'a'"):
        make(cls, Cumulative()).fit(X, np.array(["a", "b", "c"])[y])
    with pytest.raises(ValueError, match="at least 3 levels.*contains 2"):
        make(cls, Cumulative()).fit(X, y > 0)


def test_one_margin_for_levels(cls, three, fresh_three):
    (X, y), (X_new, y_new) = three, fresh_three
    levels = np.array([1, 5, 20])
    model = make(cls, SquaredLevels()).fit(X, levels[y])
    margin, probability = model.decision_function(X_new), model.predict_proba(X_new)
    assert margin.shape == (3000,)
    assert r2_score(y_new, margin) > 0.6
    assert probability.shape == (3000, 3)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.mean(axis=0), np.bincount(y_new) / 3000, atol=0.03)
    # The expected level ranks rows as the margin does.
    expected = (probability @ np.arange(3))[np.argsort(margin)]
    assert (np.diff(expected) >= -1e-12).all()
    assert model.score(X_new, levels[y_new]) > 0.7
    middle = (np.cumsum(probability, axis=1) < 0.5).sum(axis=1)
    np.testing.assert_array_equal(model.predict(X_new), levels[middle])


def test_one_margin_for_levels_only_ranks(cls, three, fresh_three):
    model = only_rank(cls, SquaredLevels()).fit(*three)
    assert r2_score(fresh_three[1], model.decision_function(fresh_three[0])) > 0.6
    for method, message in (
        ("predict", "one margin for ordered levels, and the thresholds .* need calibration_cv"),
        ("predict_proba", "probabilities and labels need calibration_cv"),
    ):
        assert not hasattr(model, method)
        with pytest.raises(AttributeError) as caught:
            getattr(model, method)
        assert re.search(message, str(caught.value.__cause__))
    # The parameter says how the model was fitted, unless it was changed since.
    with pytest.raises(NotFittedError, match="fitted with calibration_cv=None"):
        model.set_params(calibration_cv=3).predict(fresh_three[0])


# --- real targets ---------------------------------------------------------------------


def test_a_real_target(cls, real):
    X, y = real
    model = make(cls, Squared()).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), model.decision_function(X))
    assert model.score(X, y) == r2_score(y, model.predict(X)) > 0.8
    assert model.predict(X).mean() == pytest.approx(y.mean(), abs=0.1)
    np.testing.assert_allclose(booster_margin(model, X), model.predict(X), rtol=1e-5)
    assert is_regressor(model)
    assert not is_classifier(clone(model))
    for name in ("classes_", "n_classes_", "predict_proba", "calibrator_"):
        assert not hasattr(model, name)
    assert cross_val_score(make(cls, Squared()), X, y, cv=3, error_score="raise").min() > 0.7
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert model.feature_importances_.shape == (5,)
    # From the mean on.
    still = make(cls, Squared(), n_estimators=1, learning_rate=1e-12).fit(X, y)
    np.testing.assert_allclose(still.predict(X), y.mean(), rtol=1e-6)
    callable_objective = BoosterObjective(Squared())
    still = make(cls, callable_objective, n_estimators=1, learning_rate=1e-12).fit(X, y)
    np.testing.assert_allclose(still.predict(X), 0.0, atol=1e-6)


def test_weights_of_a_real_target(cls, real):
    X, y = real
    weight = np.where(y > 20, 3.0, 1.0)
    still = {"n_estimators": 1, "learning_rate": 1e-12}
    model = make(cls, Squared(), **still).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.predict(X), np.average(y, weights=weight), rtol=1e-6)


def test_early_stopping_on_a_real_target(cls, real):
    X, y = real
    valid = (X[:1000], y[:1000])
    model = make(cls, Squared(), early_stopping_rounds=3, n_estimators=40)
    if cls is PAUCLGBMClassifier:
        model.fit(X[1000:], y[1000:], eval_X=valid[0], eval_y=valid[1], eval_metric="l2")
        ((_, history),) = model.evals_result_["valid_0"].items()
    else:
        model.set_params(eval_metric="rmse")
        model.fit(X[1000:], y[1000:], eval_set=[valid])
        ((_, history),) = model.evals_result()["validation_0"].items()
    error = np.mean((model.predict(valid[0]) - valid[1]) ** 2)
    best = min(history) if cls is PAUCLGBMClassifier else min(history) ** 2
    assert error == pytest.approx(best, rel=1e-4)


def test_bad_real_targets(cls, real):
    X, y = real
    with pytest.raises(ValueError, match="real numbers.*but y has the type"):
        make(cls, Squared()).fit(X, np.array(["a", "b"])[(y > 20).astype(int)])
    with pytest.raises(ValueError, match="NaN or infinity"):
        make(cls, Squared()).fit(X, np.where(y > 20, np.nan, y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make(cls, Squared()).fit(X, y[1:])
    if cls is PAUCLGBMClassifier:
        with pytest.raises(ValueError, match="class_weight needs classes"):
            make(cls, Squared(), class_weight="balanced").fit(X, y)


def test_coverage_is_for_two_classes(cls, three, real):
    for loss, (X, y) in ((Softmax(), three), (Squared(), real)):
        with pytest.raises(ValueError, match="needs an eval_metric for this objective"):
            make(cls, loss).fit(X, y, eval_set=[(X, y)])


# --- saved boosters of XGBoost --------------------------------------------------------


def test_a_file_of_another_target_is_refused_and_changes_nothing(cls, three, real, tmp_path):
    if cls is PAUCLGBMClassifier:
        pytest.skip("LightGBM loads boosters, not estimators")
    for loss, (X, y), what in (
        ("squared_error", real, "a real target"),
        ("softmax_cross_entropy", three, "several scores per row"),
    ):
        model = only_rank(cls, loss).fit(X, y)
        model.save_model(tmp_path / "model.ubj")
        again = only_rank(cls, loss)
        again.load_model(tmp_path / "model.ubj")
        np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-6)
        other = make(cls)
        message = rf"load_model of PAUCXGBClassifier .* a model of {what}, and objective=None takes"
        with pytest.raises(TypeError, match=message):
            other.load_model(tmp_path / "model.ubj")
        with pytest.raises(NotFittedError):
            other.decision_function(X)
        other.fit(X, y > np.median(y))
        before = other.predict_proba(X)
        with pytest.raises(TypeError, match=message):
            other.load_model(tmp_path / "model.ubj")
        np.testing.assert_array_equal(other.predict_proba(X), before)
    only_rank(cls).fit(X, y > 1).save_model(tmp_path / "model.ubj")
    with pytest.raises(TypeError, match="a model of classes or levels, and objective='squared_er"):
        only_rank(cls, "squared_error").load_model(tmp_path / "model.ubj")


def test_a_loaded_model_can_be_used_and_fitted(cls, three, tmp_path):
    if cls is PAUCLGBMClassifier:
        pytest.skip("LightGBM loads boosters, not estimators")
    X, y = three
    model = only_rank(cls, BoosterObjective(Softmax())).fit(X, y)
    model.save_model(tmp_path / "model.ubj")
    loaded = only_rank(cls, BoosterObjective(Softmax()))
    loaded.load_model(tmp_path / "model.ubj")
    np.testing.assert_allclose(loaded.decision_function(X), model.decision_function(X), rtol=1e-6)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.classes_.tolist() == [0, 1, 2]
    loaded.fit(X, y)
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    # Nothing of an earlier fit is left.
    calibrated = make(cls, Softmax()).fit(X, y)
    calibrated.load_model(tmp_path / "model.ubj")
    np.testing.assert_allclose(calibrated.decision_function(X), booster_margin(model, X), rtol=1e-6)
