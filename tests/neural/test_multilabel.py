"""`PAUCClassifier(loss="multilabel_cross_entropy")`: several labels per row."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_validate
from sklearn.multioutput import MultiOutputClassifier

from skbudget import PAUCClassifier, coverage_at_budget_score
from skbudget.metrics import make_label_coverage_scorer
from skbudget.neural import Head, MultilabelCrossEntropyLoss
from skbudget.neural.training._rows import strata_of

torch.set_num_threads(1)

N = 600
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 5))
Y = (X[:, :3] + 0.5 * RNG.normal(size=(N, 3)) > [1.0, 1.5, 0.5]).astype(int)


def make(**params):
    small = {
        "loss": "multilabel_cross_entropy",
        "budget": 0.1,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 150,
        "max_epochs": 12,
        "lr": 1e-2,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_members": 1},
        {"early_stopping": True},
        {"loss": MultilabelCrossEntropyLoss((2.0, 2.0, 1.0))},
        {"calibration_cv": None},
    ],
    ids=["ensemble", "one", "early stopping", "object", "ranks only"],
)
def test_labels_are_learnt(params):
    model = make(**params).fit(X, Y)
    scores = model.decision_function(X)
    assert scores.shape == (N, 3)
    assert min(average_precision_score(Y, scores, average=None)) > 0.5
    assert [one.tolist() for one in model.classes_] == [[0, 1]] * 3
    assert not hasattr(model, "pos_label_")
    found = model.predict(X)
    assert found.shape == (N, 3)
    assert set(np.unique(found)) == {0, 1}
    assert model.score(X, Y) == (found == Y).all(axis=1).mean()
    if params == {"calibration_cv": None}:
        assert not hasattr(model, "predict_proba")
        return
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(proba > 0.5, found == 1)
    np.testing.assert_allclose(proba.mean(axis=0), Y.mean(axis=0), atol=0.06)


def test_of_two_labels_there_are_two_scores():
    model = make(max_epochs=3).fit(X, Y[:, :2])
    assert model.decision_function(X).shape == model.predict_proba(X).shape == (N, 2)


def test_early_stopping_takes_the_mean_of_the_coverages():
    model = make(early_stopping=True, n_members=1, max_epochs=3).fit(X, Y)
    valid = model.diagnostics_["valid_coverage"]
    assert np.isfinite(valid).all()
    own = np.mean(
        [
            coverage_at_budget_score(Y[:, k], model.decision_function(X)[:, k], budget=0.1)
            for k in range(3)
        ]
    )
    assert abs(valid.max() - own) < 0.3


def test_scorers_of_scikit_learn_and_ours():
    scoring = {
        "mean": make_label_coverage_scorer(0.1),
        "first": make_label_coverage_scorer(0.1, label=0),
        "auc": "roc_auc",
        "precision": "average_precision",
        "accuracy": "accuracy",
        "f1": "f1_macro",
    }
    for labels in (Y, Y[:, :2]):
        found = cross_validate(make(max_epochs=3), X, labels, cv=2, scoring=scoring)
        assert all(np.isfinite(found[f"test_{name}"]).all() for name in scoring)


def test_a_model_for_each_label_is_scored_alike():
    lightgbm = pytest.importorskip("lightgbm")
    assert lightgbm
    from skbudget.boosting import PAUCLGBMClassifier

    boosters = PAUCLGBMClassifier(budget=0.1, n_estimators=10, n_jobs=1, verbose=-1)
    scoring = {"coverage": make_label_coverage_scorer(0.1), "auc": "roc_auc"}
    for model in (boosters, make(loss=None, max_epochs=2)):
        found = cross_validate(MultiOutputClassifier(model), X, Y, cv=2, scoring=scoring)
        assert (found["test_coverage"] > 0.15).all()
        assert (found["test_auc"] > 0.65).all()


def test_boosters_say_what_takes_several_labels():
    pytest.importorskip("lightgbm")
    from skbudget.boosting import PAUCLGBMClassifier

    for objective in (None, "binary_cross_entropy"):
        with pytest.raises(ValueError, match=r"MultiOutputClassifier\(PAUCLGBMClassifier"):
            PAUCLGBMClassifier(objective=objective, n_jobs=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"PAUCClassifier\(loss='multilabel_cross_entropy'\)"):
        PAUCLGBMClassifier(objective="multilabel_cross_entropy", n_jobs=1).fit(X, Y[:, 0])


@pytest.mark.parametrize("form", [Y.tolist(), Y.astype(float), Y.astype(bool), csr_matrix(Y)])
def test_forms_of_labels(form):
    wanted = make(max_epochs=2).fit(X, Y).decision_function(X)
    found = make(max_epochs=2).fit(X, form).decision_function(X)
    np.testing.assert_array_equal(found, wanted)


def test_weights_and_groups():
    model = make(max_epochs=3, early_stopping=True)
    model.fit(X, Y, sample_weight=RNG.integers(0, 3, N), groups=np.arange(N) // 2)
    assert model.predict_proba(X).shape == (N, 3)


def test_copies_and_parts():
    model = make(max_epochs=2).fit(X, Y)
    scores = model.decision_function(X)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(X), scores)
    np.testing.assert_array_equal(clone(model).fit(X, Y).decision_function(X), scores)
    model = make(max_epochs=2)
    for rows in (slice(0, 300), slice(300, N)):
        model.partial_fit(X[rows], Y[rows])
    assert model.predict(X).shape == (N, 3)
    with pytest.raises(ValueError, match="y has 2 labels, and the earlier calls had 3"):
        model.partial_fit(X, Y[:, :2])
    warm = make(max_epochs=2, warm_start=True).fit(X, Y).fit(X, Y)
    assert warm.predict(X).shape == (N, 3)
    # From labels to classes and back.
    assert warm.set_params(loss=None, warm_start=False).fit(X, Y[:, 0]).classes_.tolist() == [0, 1]
    assert len(warm.set_params(loss="multilabel_cross_entropy").fit(X, Y).classes_) == 3


def test_heads_beside_labels():
    model = make(heads={"amount": Head(torch.nn.MSELoss, 0.1)}).fit(X, Y, amount=X[:, 0] * 2)
    assert np.corrcoef(model.head_scores(X)["amount"], X[:, 0])[0, 1] > 0.9
    assert model.predict(X).shape == (N, 3)


def test_tags():
    assert make().__sklearn_tags__().classifier_tags.multi_label
    assert not make(loss=None).__sklearn_tags__().classifier_tags.multi_label


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({}, Y[:, 0], "at least two labels"),
        ({}, 2 * Y, r"found \[2\].*MultiLabelBinarizer"),
        ({}, np.where(Y == 1, "a", "b"), "y must hold 0 and 1"),
        ({}, np.where(np.arange(N) < 3, np.nan, Y.T).T, "NaN.*heads of PAUCClassifier"),
        ({}, np.column_stack([Y, np.zeros(N)]), "label 3 is 0 in all rows"),
        ({"pos_label": 1}, Y, "'pos_label'.*leave it at None"),
        ({"class_weight": "balanced"}, Y, "class_weight.*pos_weight of the loss"),
        ({"regularizer": "critical_rank"}, Y, "a loss of the target that Multilabel"),
        ({"loss": None}, Y, "loss='multilabel_cross_entropy', or wrap it"),
        ({"loss": "focal_loss"}, Y, r"MultiOutputClassifier\(PAUCClassifier"),
    ],
    ids=[
        "one column",
        "twos",
        "text",
        "missing",
        "constant",
        "positive",
        "weights",
        "regularizer",
        "own loss",
        "other loss",
    ],
)
def test_what_is_refused(params, y, message):
    with pytest.raises(ValueError, match=message):
        make(**params).fit(X, y)


def test_columns_that_it_does_not_read():
    for name in ("value", "iid_mask"):
        with pytest.raises(ValueError, match=f"does not read the column {name!r}"):
            make().fit(X, Y, **{name: np.ones(N, dtype=bool)})


def test_too_few_rows_of_a_label():
    rare = Y.copy()
    rare[:, 1] = np.arange(N) == 5
    with pytest.warns(UserWarning, match="label 1 has 1 positives"):
        make(max_epochs=2).fit(X, rare)
    with (
        pytest.warns(UserWarning, match="label 1 has 1 positives"),
        pytest.raises(ValueError, match="alike in label 1"),
    ):
        make(early_stopping=True).fit(X, rare)


def test_strata_are_the_rarest_labels():
    y = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 0, 1]])
    assert strata_of(y).tolist() == [0, 3, 2, 1, 3]
    assert strata_of(y[:, 0]).tolist() == y[:, 0].tolist()
