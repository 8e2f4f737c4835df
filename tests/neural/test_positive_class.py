"""Which of two classes `PAUCClassifier` ranks up: named, or found by the rule of the package."""

import copy
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import toy_losses as toys
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import average_precision_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbudget import PAUCClassifier, coverage_at_budget_score, make_contested_top
from skbudget._utils.labels import PositiveClassWarning
from skbudget.objectives import BinaryCrossEntropy, OneVsRest, PairwisePAUC

torch.set_num_threads(1)

BUDGET = 0.05


def make(**params):
    small = {
        "budget": BUDGET,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 400,
        "max_epochs": 10,
        "lr": 1e-2,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


@pytest.fixture(scope="module")
def rows():
    return make_contested_top(3000, pos_rate=0.03, cue="linear", random_state=3)


@pytest.fixture(scope="module")
def fresh():
    return make_contested_top(3000, pos_rate=0.03, cue="linear", random_state=4)


@pytest.fixture(scope="module")
def fitted(rows):
    return make().fit(*rows)


def named(y, positive="fraud", negative="ok"):
    return np.where(y == 1, positive, negative)


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# --- named


@pytest.mark.parametrize(
    ("positive", "negative"),
    [("fraud", "ok"), ("yes", "no"), (0, 1), (-1, 1), (False, True), (1, 2), (7.0, 3.0)],
)
@pytest.mark.usefixtures("no_warning")
def test_the_named_class_is_ranked_up(rows, fresh, fitted, positive, negative):
    X, y = rows
    labels = named(y, positive, negative)
    model = make(pos_label=positive).fit(X, labels)
    assert model.classes_.tolist() == [negative, positive]
    assert model.pos_label_ == positive
    # The network knows nothing of names.
    X_new, y_new = fresh
    scores = model.decision_function(X_new)
    np.testing.assert_array_equal(scores, fitted.decision_function(X_new))
    np.testing.assert_array_equal(model.predict_proba(X_new), fitted.predict_proba(X_new))
    np.testing.assert_array_equal(model.predict(X_new) == positive, fitted.predict(X_new) == 1)
    assert set(model.predict(X).tolist()) == {positive, negative}
    assert coverage_at_budget_score(y_new == 1, scores, budget=BUDGET) > 0.9
    assert model.predict_proba(X_new)[:, 1].mean() == pytest.approx(y_new.mean(), rel=0.2)
    assert model.score(X, labels) == fitted.score(X, y) > 0.95


@pytest.mark.parametrize("dtype", [object, "U5"])
def test_labels_of_any_dtype(rows, fitted, dtype):
    X, y = rows
    model = make(pos_label="fraud").fit(X, named(y).astype(dtype))
    np.testing.assert_array_equal(model.decision_function(X), fitted.decision_function(X))


@pytest.mark.usefixtures("no_warning")
def test_frames_of_strings(rows, fitted):
    pd = pytest.importorskip("pandas")
    X, y = rows
    for dtype in ("str", "object", "string", "category"):
        labels = pd.Series(named(y)).astype(dtype)
        model = make(pos_label="fraud").fit(pd.DataFrame(X).add_prefix("c"), labels)
        np.testing.assert_array_equal(
            model.decision_function(pd.DataFrame(X).add_prefix("c")), fitted.decision_function(X)
        )
        assert model.classes_.tolist() == ["ok", "fraud"]


def test_a_name_that_is_no_label(rows):
    X, y = rows
    for wrong in ("frau", 1, True):
        with pytest.raises(ValueError, match=r"'pos_label'.*PAUCClassifier.*\['fraud', 'ok'\]"):
            make(pos_label=wrong).fit(X, named(y))
    for wrong in (["fraud"], {"fraud": 1}, object()):
        with pytest.raises(ValueError, match="'pos_label' parameter of PAUCClassifier must be"):
            make(pos_label=wrong).fit(X, named(y))


# --- not named


def test_the_rarer_class_is_taken_with_a_warning(rows, fitted):
    X, y = rows
    with pytest.warns(PositiveClassWarning, match="PAUCClassifier.*rarer one, 'fraud'") as caught:
        model = make().fit(X, named(y))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert model.classes_.tolist() == ["ok", "fraud"]
    np.testing.assert_array_equal(model.decision_function(X), fitted.decision_function(X))


@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), (False, True)])
@pytest.mark.usefixtures("no_warning")
def test_the_usual_labels_need_no_name(rows, fitted, labels):
    X, y = rows
    model = make().fit(X, np.array(labels)[y])
    assert model.classes_.tolist() == list(labels)
    np.testing.assert_array_equal(model.decision_function(X), fitted.decision_function(X))


def test_a_majority_is_warned_about(rows):
    X, y = rows
    for params, labels in (({}, 1 - y), ({"pos_label": "ok"}, named(y))):
        with pytest.warns(PositiveClassWarning, match="is the majority of y") as caught:
            make(max_epochs=1, **params).fit(X, labels)
        assert caught[0].filename == __file__


def test_class_weights_do_not_change_which_class_is_rare(rows):
    X, y = rows
    for weights in ("balanced", {"fraud": 1000.0, "ok": 1.0}):
        with pytest.warns(PositiveClassWarning, match="rarer one, 'fraud'"):
            model = make(max_epochs=1, class_weight=weights).fit(X, named(y))
        assert model.pos_label_ == "fraud"


def test_class_weights_are_by_label(rows):
    X, y = rows
    weights = np.where(y == 1, 5.0, 1.0)
    by_label = make(pos_label="fraud", class_weight={"fraud": 5.0, "ok": 1.0}).fit(X, named(y))
    by_row = make().fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(by_label.decision_function(X), by_row.decision_function(X))
    with pytest.raises(ValueError, match=r"class_weight.*not in y: \['frau'\].*\['fraud', 'ok'\]"):
        make(pos_label="fraud", class_weight={"frau": 5.0, "fraud": 1.0, "ok": 1.0}).fit(
            X, named(y)
        )


def test_values_are_those_of_the_named_class(rows):
    X, y = rows
    value = np.random.default_rng(0).lognormal(size=y.size)
    params = {"early_stopping": True, "max_epochs": 6}
    one = make(pos_label="fraud", **params).fit(X, named(y), value=value)
    other = make(**params).fit(X, y, value=value)
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))
    np.testing.assert_array_equal(
        one.diagnostics_["valid_coverage"], other.diagnostics_["valid_coverage"]
    )


# --- more classes, other targets


def test_more_than_two_classes_have_none(rows):
    X, y = rows
    three = np.where(X[:, 0] > 1, "decoy", named(y))
    model = make(max_epochs=1).fit(X, three)
    assert not hasattr(model, "pos_label_")
    assert model.classes_.tolist() == sorted(model.classes_)
    with pytest.raises(ValueError, match=r"'pos_label'.*must be None.*'fraud'.*3 classes"):
        make(pos_label="fraud").fit(X, three)
    # Nor is one left of an earlier fit.
    again = make(max_epochs=1, pos_label="fraud").fit(X, named(y)).set_params(pos_label=None)
    assert not hasattr(again.fit(X, three), "pos_label_")


@pytest.mark.parametrize("loss", [toys.SquaredError(), toys.Thresholds()])
def test_other_targets_have_none(rows, loss):
    X, y = rows
    with pytest.raises(ValueError, match="'pos_label'.*names one of two classes.*takes the target"):
        make(loss=loss, pos_label=1).fit(X, y.astype(float if loss.target == "real" else int))


@pytest.mark.parametrize(
    "loss",
    ["smooth_ap", PairwisePAUC(beta=0.1), BinaryCrossEntropy(), OneVsRest(PairwisePAUC(beta=0.1))],
    ids=str,
)
def test_every_loss_learns_the_named_class(rows, loss):
    X, y = rows
    one = make(loss=loss, pos_label="fraud", max_epochs=2).fit(X, named(y))
    other = make(loss=loss, max_epochs=2).fit(X, y)
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(X))


# --- going on


def test_parts_of_a_stream(rows, fresh):
    X, y = rows
    labels = named(y)
    other = make()
    model = make(pos_label="fraud")
    with warnings.catch_warnings():
        warnings.simplefilter("error", PositiveClassWarning)
        for part in np.array_split(np.arange(y.size), 3):
            model.partial_fit(X[part], labels[part], classes=["fraud", "ok"])
            other.partial_fit(X[part], y[part], classes=[0, 1])
    assert model.classes_.tolist() == ["ok", "fraud"]
    np.testing.assert_array_equal(
        model.decision_function(fresh[0]), other.decision_function(fresh[0])
    )
    with pytest.raises(ValueError, match="pos_label='ok' is not the positive class.*'fraud'"):
        model.set_params(pos_label="ok").partial_fit(X, labels)
    with pytest.raises(ValueError, match=r"not the same as on the last call.*\['ok', 'fraud'\]"):
        model.set_params(pos_label=None).partial_fit(X, labels, classes=["fraud", "fine"])


def test_a_first_part_without_positives(rows):
    X, y = rows
    labels, negatives = named(y), y == 0
    with pytest.warns(PositiveClassWarning, match="rarer one, 'fraud'"):
        model = make(calibration_cv=None).partial_fit(
            X[negatives], labels[negatives], classes=["ok", "fraud"]
        )
    assert model.classes_.tolist() == ["ok", "fraud"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", PositiveClassWarning)
        model.partial_fit(X, labels)


def test_a_part_whose_labels_are_shorter(rows):
    X, y = rows
    negatives = y == 0
    model = make(calibration_cv=None, pos_label="fraud")
    model.partial_fit(X[negatives], np.full(negatives.sum(), "ok"), classes=["ok", "fraud"])
    assert model.classes_.tolist() == ["ok", "fraud"]


def test_warm_start_keeps_the_positive_class(rows):
    X, y = rows
    model = make(warm_start=True, pos_label="fraud", max_epochs=1).fit(X, named(y))
    model.fit(X, named(y))
    scores = model.decision_function(X)
    with (
        pytest.warns(PositiveClassWarning),
        pytest.raises(ValueError, match="the positive class of the previous.*pos_label='fraud'"),
    ):
        model.set_params(pos_label="ok").fit(X, named(y))
    # The old model is as it was, names included.
    assert model.classes_.tolist() == ["ok", "fraud"]
    np.testing.assert_array_equal(model.decision_function(X), scores)


def test_a_failed_fit_leaves_names_and_model(rows):
    X, y = rows
    model = make(pos_label="fraud", max_epochs=1).fit(X, named(y))
    before = dict(vars(model))
    with (
        pytest.warns(PositiveClassWarning),
        pytest.raises(FloatingPointError),
    ):
        model.set_params(pos_label="ok", lr=1e30).fit(X[:, :4], named(y))
    model.set_params(pos_label="fraud", lr=1e-2)
    assert vars(model) == before
    new = make(lr=1e30)
    with pytest.raises(FloatingPointError):
        new.fit(X, y)
    assert not hasattr(new, "classes_")


# --- in the company of scikit-learn


def test_copies_keep_the_name(rows, fresh):
    model = make(pos_label="fraud").fit(rows[0], named(rows[1]))
    assert clone(model).pos_label == "fraud"
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.classes_.tolist() == ["ok", "fraud"]
        np.testing.assert_array_equal(other.predict(fresh[0]), model.predict(fresh[0]))


def test_scorers_that_know_the_name(rows):
    X, y = rows
    scorer = make_scorer(
        average_precision_score, response_method="decision_function", pos_label="fraud"
    )
    with_names = cross_val_score(make(pos_label="fraud"), X, named(y), scoring=scorer, cv=2)
    plain = cross_val_score(make(), X, y, scoring="average_precision", cv=2)
    np.testing.assert_allclose(with_names, plain)
    assert (plain > 0.6).all()
    pipeline = make_pipeline(StandardScaler(), make(pos_label="fraud"))
    grid = {"pauCclassifier__lr".lower(): [1e-5, 1e-2]}
    search = GridSearchCV(pipeline, grid, scoring=scorer, cv=2).fit(X, named(y))
    assert search.best_params_ == {"paucclassifier__lr": 1e-2}
    assert search.classes_.tolist() == ["ok", "fraud"]


def test_tools_that_encode_labels_are_answered(rows):
    X, y = rows
    message = (
        r"'pos_label' parameter of PAUCClassifier.*\[0, 1\]. Got 'fraud' instead. If a tool.*"
        "pass it y == 'fraud'"
    )
    with pytest.raises(ValueError, match=message):
        cross_val_predict(make(pos_label="fraud"), X, named(y), cv=2, method="decision_function")
    scores = cross_val_predict(make(), X, named(y) == "fraud", cv=2, method="decision_function")
    assert coverage_at_budget_score(y, scores, budget=BUDGET) > 0.8


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_tools_that_sort_labels_take_truth_values(rows, fresh, method):
    """As the docstring says: they hand over the greater label as the positive one."""
    X, y = rows
    labels = named(y)
    model = CalibratedClassifierCV(make(), method=method, cv=2).fit(X, labels == "fraud")
    found = model.predict_proba(fresh[0])[:, 1]
    assert found.mean() == pytest.approx(fresh[1].mean(), rel=0.3)
    assert coverage_at_budget_score(fresh[1], found, budget=BUDGET) > 0.8
    # Names in the order of the alphabet work as they are.
    later = CalibratedClassifierCV(make(pos_label="zfraud"), method=method, cv=2)
    later.fit(X, named(y, "zfraud"))
    np.testing.assert_allclose(later.predict_proba(fresh[0])[:, 1], found)
