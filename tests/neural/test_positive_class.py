"""Which of two classes `PAUCClassifier` ranks up: named, or found by the rule of the package."""

import copy
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

import toy_losses as toys
from net_ranks import has_classes, probabilities_of, ranks_of
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    make_scorer,
    roc_auc_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbudget import PAUCClassifier, coverage_at_budget_score, make_contested_top
from skbudget._utils.labels import PositiveClassWarning
from skbudget.metrics import make_coverage_scorer
from skbudget.model_selection import BudgetThresholdClassifier
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
    assert has_classes(model, negative, positive)
    # The network knows nothing of names.
    X_new, y_new = fresh
    scores = ranks_of(model, X_new)
    np.testing.assert_array_equal(scores, ranks_of(fitted, X_new))
    found = probabilities_of(model, X_new)
    np.testing.assert_array_equal(found, fitted.predict_proba(X_new)[:, 1])
    np.testing.assert_allclose(model.predict_proba(X_new).sum(axis=1), 1)
    assert (np.diff(found[scores.argsort()]) >= 0).all()
    np.testing.assert_array_equal(model.predict(X_new) == positive, fitted.predict(X_new) == 1)
    assert set(model.predict(X).tolist()) == {positive, negative}
    assert coverage_at_budget_score(y_new == 1, scores, budget=BUDGET) > 0.9
    assert found.mean() == pytest.approx(y_new.mean(), rel=0.2)
    assert model.score(X, labels) == fitted.score(X, y) > 0.95


@pytest.mark.parametrize("dtype", [object, "U5"])
def test_labels_of_any_dtype(rows, fitted, dtype):
    X, y = rows
    model = make(pos_label="fraud").fit(X, named(y).astype(dtype))
    np.testing.assert_array_equal(ranks_of(model, X), ranks_of(fitted, X))


@pytest.mark.usefixtures("no_warning")
def test_frames_of_strings(rows, fitted):
    pd = pytest.importorskip("pandas")
    X, y = rows
    for dtype in ("str", "object", "string", "category"):
        labels = pd.Series(named(y)).astype(dtype)
        model = make(pos_label="fraud").fit(pd.DataFrame(X).add_prefix("c"), labels)
        np.testing.assert_array_equal(
            ranks_of(model, pd.DataFrame(X).add_prefix("c")), ranks_of(fitted, X)
        )
        assert has_classes(model, "ok", "fraud")


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
    assert has_classes(model, "ok", "fraud")
    np.testing.assert_array_equal(ranks_of(model, X), ranks_of(fitted, X))


@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), (False, True)])
@pytest.mark.usefixtures("no_warning")
def test_the_usual_labels_need_no_name(rows, fitted, labels):
    X, y = rows
    model = make().fit(X, np.array(labels)[y])
    assert has_classes(model, *labels)
    np.testing.assert_array_equal(ranks_of(model, X), ranks_of(fitted, X))


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
    np.testing.assert_array_equal(ranks_of(by_label, X), ranks_of(by_row, X))
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
    np.testing.assert_array_equal(ranks_of(one, X), ranks_of(other, X))
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
    np.testing.assert_array_equal(ranks_of(one, X), ranks_of(other, X))


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
    assert has_classes(model, "ok", "fraud")
    np.testing.assert_array_equal(ranks_of(model, fresh[0]), ranks_of(other, fresh[0]))
    with pytest.raises(ValueError, match="pos_label='ok' is not the positive class.*'fraud'"):
        model.set_params(pos_label="ok").partial_fit(X, labels)
    with pytest.raises(ValueError, match=r"not the same as on the last call.*\['fraud', 'ok'\]"):
        model.set_params(pos_label=None).partial_fit(X, labels, classes=["fraud", "fine"])


def test_a_first_part_without_positives(rows):
    X, y = rows
    labels, negatives = named(y), y == 0
    with pytest.warns(PositiveClassWarning, match="rarer one, 'fraud'"):
        model = make(calibration_cv=None).partial_fit(
            X[negatives], labels[negatives], classes=["ok", "fraud"]
        )
    assert has_classes(model, "ok", "fraud")
    with warnings.catch_warnings():
        warnings.simplefilter("error", PositiveClassWarning)
        model.partial_fit(X, labels)


def test_a_part_whose_labels_are_shorter(rows):
    X, y = rows
    negatives = y == 0
    model = make(calibration_cv=None, pos_label="fraud")
    model.partial_fit(X[negatives], np.full(negatives.sum(), "ok"), classes=["ok", "fraud"])
    assert has_classes(model, "ok", "fraud")


def test_warm_start_keeps_the_positive_class(rows):
    X, y = rows
    model = make(warm_start=True, pos_label="fraud", max_epochs=1).fit(X, named(y))
    model.fit(X, named(y))
    scores = ranks_of(model, X)
    with (
        pytest.warns(PositiveClassWarning),
        pytest.raises(ValueError, match="the positive class of the previous.*pos_label='fraud'"),
    ):
        model.set_params(pos_label="ok").fit(X, named(y))
    # The old model is as it was, names included.
    assert has_classes(model, "ok", "fraud")
    np.testing.assert_array_equal(ranks_of(model, X), scores)


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
        assert has_classes(other, "ok", "fraud")
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
    assert search.classes_.tolist() == ["fraud", "ok"]
    assert search.best_estimator_[-1].pos_label_ == "fraud"


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
def test_calibration_takes_names_and_truth_values(rows, fresh, method):
    X, y = rows
    labels = named(y)
    model = CalibratedClassifierCV(make(), method=method, cv=2).fit(X, labels == "fraud")
    found = model.predict_proba(fresh[0])[:, 1]
    assert found.mean() == pytest.approx(fresh[1].mean(), rel=0.3)
    assert coverage_at_budget_score(fresh[1], found, budget=BUDGET) > 0.8
    # Names work as they are, whatever their order in the alphabet.
    for name, column in (("zfraud", 1), ("fraud", 0)):
        other = CalibratedClassifierCV(make(pos_label=name), method=method, cv=2)
        other.fit(X, named(y, name))
        assert other.classes_[column] == name
        # The calibrator starts from another point.
        np.testing.assert_allclose(
            other.predict_proba(fresh[0])[:, column], found, rtol=1e-2, atol=1e-4
        )
    one = CalibratedClassifierCV(make(pos_label="fraud"), method=method, cv=2, ensemble=False)
    with pytest.raises(ValueError, match="If a tool of scikit-learn encoded.*y == 'fraud'"):
        one.fit(X, labels)


def test_scorers_of_scikit_learn_rank_the_right_way(rows):
    X, y = rows
    labels = named(y)
    folds = StratifiedKFold(2)
    by_hand = []
    for train, test in folds.split(X, labels):
        model = make(pos_label="fraud").fit(X[train], labels[train])
        fraud, ranks = labels[test] == "fraud", ranks_of(model, X[test])
        probability = probabilities_of(model, X[test])
        by_hand.append(
            {
                "roc_auc": roc_auc_score(fraud, ranks),
                "average_precision": average_precision_score(fraud, ranks),
                "neg_log_loss": -log_loss(fraud, probability),
                "brier": brier_score_loss(fraud, probability),
                "accuracy": np.mean((model.predict(X[test]) == "fraud") == fraud),
            }
        )
    by_name = ["roc_auc", "neg_log_loss", "accuracy"]
    model = make(pos_label="fraud")
    found = cross_validate(model, X, labels, scoring=by_name, cv=folds)
    # By name the other two want labels of 0 and 1. They are asked one by one, as scikit-learn
    # keeps the scores of a model for all scorers, whatever their pos_label.
    for name, metric, method in (
        ("average_precision", average_precision_score, "decision_function"),
        ("brier", brier_score_loss, "predict_proba"),
    ):
        scorer = make_scorer(metric, response_method=method, pos_label="fraud")
        found[f"test_{name}"] = cross_val_score(model, X, labels, scoring=scorer, cv=folds)
    plain = cross_validate(make(), X, y, scoring=by_name, cv=folds)
    for name in by_hand[0]:
        np.testing.assert_allclose(found[f"test_{name}"], [one[name] for one in by_hand])
    for name in by_name:
        np.testing.assert_allclose(found[f"test_{name}"], plain[f"test_{name}"])
    assert (found["test_roc_auc"] > 0.9).all()
    assert (found["test_average_precision"] > 0.6).all()
    assert (found["test_neg_log_loss"] > -0.2).all()


@pytest.mark.parametrize("params", [{}, {"calibration_cv": None}], ids=["calibrated", "ranks"])
@pytest.mark.parametrize("positive", ["fraud", "zfraud"])
def test_what_a_model_says_is_of_one_mind(rows, fresh, positive, params):
    model = make(pos_label=positive, **params).fit(rows[0], named(rows[1], positive))
    scores, predicted = model.decision_function(fresh[0]), model.predict(fresh[0])
    np.testing.assert_array_equal(predicted, model.classes_[(scores > 0).astype(int)])
    assert roc_auc_score(fresh[1] == (positive > "ok"), scores) > 0.9
    if not params:
        by_column = model.classes_[model.predict_proba(fresh[0]).argmax(axis=1)]
        np.testing.assert_array_equal(predicted, by_column)


def test_ensembles_that_encode_labels(rows, fresh):
    """They code "fraud" as 0 and "ok" as 1."""
    X, y = rows
    labels = named(y)
    for ensemble in (
        VotingClassifier(
            [("net", make(pos_label=0)), ("line", LogisticRegression())], voting="soft"
        ),
        StackingClassifier([("net", make(pos_label=0))], cv=2),
    ):
        ensemble.fit(X, labels)
        assert ensemble.classes_.tolist() == ["fraud", "ok"]
        found = ensemble.predict_proba(fresh[0])[:, 0]
        assert coverage_at_budget_score(fresh[1], found, budget=BUDGET) > 0.8
        with pytest.raises(ValueError, match="If a tool of scikit-learn encoded.*y == 'fraud'"):
            ensemble.set_params(net__pos_label="fraud").fit(X, labels)
    alone = make(pos_label="fraud").fit(X, labels)
    voting = VotingClassifier([("net", make(pos_label=0))], voting="soft").fit(X, labels)
    np.testing.assert_array_equal(voting.predict_proba(X), alone.predict_proba(X))


def test_thresholds_and_scorers_of_the_package_go_by_the_positive_class(rows, fresh, fitted):
    X, y = rows
    model = make(pos_label="fraud").fit(X, named(y))
    labels = named(fresh[1])
    scorer = make_coverage_scorer(budget=BUDGET)
    by_hand = coverage_at_budget_score(fresh[1], ranks_of(fitted, fresh[0]), budget=BUDGET)
    assert scorer(model, fresh[0], labels) == by_hand > 0.9
    found = BudgetThresholdClassifier(FrozenEstimator(model), budget=BUDGET).fit(fresh[0], labels)
    flagged = found.predict(fresh[0]) == "fraud"
    assert 0 < flagged.mean() <= BUDGET
    assert flagged[labels == "fraud"].mean() > 0.8
