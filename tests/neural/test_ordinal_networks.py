"""`PAUCClassifier` on ordered levels, by the names of the losses."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from skbudget import PAUCClassifier
from skbudget.metrics import expected_worth, make_worth_scorer
from skbudget.neural import OrdinalAllThresholdLoss
from skbudget.objectives import Coral, OrdinalAllThreshold, OrdinalLogLoss

LEVELS = np.array([1, 5, 20, 100])
WORTH = {1: 0, 5: 1, 20: 10, 100: 500}
LOSSES = {
    "ordinal_all_threshold": None,
    "coral": 3,
    "ordinal_log_loss": 4,
    "ordinal_log": 4,
}


def draw(seed, n_samples=900):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 4)).astype(np.float32)
    noisy = 2.0 * X[:, 0] - X[:, 1] + rng.logistic(size=n_samples)
    return X, LEVELS[np.digitize(noisy, [0.0, 2.0, 4.5])]


def make(loss, **params):
    small = {
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 300,
        "max_epochs": 25,
        "lr": 1e-2,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(loss=loss, **{**small, **params})


@pytest.fixture(scope="module")
def rows():
    return draw(0)


@pytest.fixture(scope="module")
def fresh():
    return draw(1)


@pytest.mark.parametrize(("loss", "n_scores"), LOSSES.items(), ids=list(LOSSES))
def test_every_name(loss, n_scores, rows, fresh):
    (X, y), (X_new, y_new) = rows, fresh
    model = make(loss).fit(X, y)
    scores, probability = model.decision_function(X_new), model.predict_proba(X_new)
    assert scores.shape == ((900,) if n_scores is None else (900, n_scores))
    assert probability.shape == (900, 4)
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-6)
    shares = (y_new[:, None] == LEVELS).mean(axis=0)
    np.testing.assert_allclose(probability.mean(axis=0), shares, atol=0.08)
    assert set(model.predict(X_new)) <= set(LEVELS)
    assert model.score(X_new, y_new) > 0.5
    worth = expected_worth(probability, [0, 1, 10, 500])
    assert spearmanr(worth, y_new)[0] > 0.6
    # The loss of levels that are far off gives the rare highest level little: 0.47 of the worth,
    # where thresholds catch 0.82.
    scorer = make_worth_scorer(budget=0.2, worth=WORTH)
    assert scorer(model, X_new, y_new) > 0.4
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X_new), probability)
    same = clone(model).fit(X, y)
    np.testing.assert_array_equal(same.predict_proba(X_new), probability)


def test_thresholds_are_learnt_and_in_order(rows):
    X, y = rows
    one = make("ordinal_all_threshold").fit(X, y)
    for member in one.net_.criterion_.main_loss.of_member:
        assert isinstance(member, OrdinalAllThresholdLoss)
        assert (member.thresholds.diff() > 0).all()
    # They have moved from where they began, in the units of the scores.
    learnt = member.thresholds.tolist()
    shares = np.array([(y > level).mean() for level in LEVELS[:3]])
    begun = np.log(shares / (1 - shares))
    assert learnt[-1] - learnt[0] > 1.02 * (begun[0] - begun[-1])
    coral = make("coral").fit(X, y)
    margins = coral.decision_function(X)
    assert (np.diff(margins, axis=1) < 0).all()
    # The same model, on the same draws.
    apart = margins - margins[:, :1]
    np.testing.assert_allclose(apart, np.broadcast_to(apart[0], apart.shape), atol=1e-6)
    assert spearmanr(margins[:, 0], one.decision_function(X))[0] > 0.999


def test_one_score_ranks_as_the_expected_worth_does(rows):
    X, y = rows
    for loss in ("ordinal_all_threshold", "coral"):
        model = make(loss, max_epochs=5).fit(X, y)
        score = model.decision_function(X).reshape(y.size, -1)[:, 0]
        for worth in ([0, 1, 10, 500], [0, 0, 0, 1], [0, 1, 1, 1]):
            expected = expected_worth(model.predict_proba(X), worth)[np.argsort(score)]
            assert (np.diff(expected) >= -1e-9 * max(worth)).all()


def test_options_of_the_losses(rows):
    X, y = rows
    few = {"max_epochs": 3}
    fixed = make(OrdinalAllThreshold((-1.0, 0.0, 2.0)), **few).fit(X, y)
    (member, _) = fixed.net_.criterion_.main_loss.of_member
    assert member.thresholds.tolist() == [-1.0, 0.0, 2.0]
    assert not list(fixed.net_.criterion_.parameters())
    hinge = OrdinalAllThresholdLoss(penalty="hinge")
    model = make(hinge, max_epochs=15).fit(X, y)
    assert model.score(X, y) > 0.5
    # The module that was passed has learnt nothing.
    assert hinge.learnt is None
    weights = make(Coral(importance=(1.0, 1.0, 50.0)), **few).fit(X, y)
    assert weights.predict_proba(X).shape == (900, 4)
    with pytest.raises(ValueError, match="importance of CoralLoss has 2 entries.* 3 thresholds"):
        make(Coral(importance=(1.0, 1.0)), **few).fit(X, y)
    ranker = make("ordinal_all_threshold", calibration_cv=None, **few).fit(X, y)
    assert not hasattr(ranker, "predict_proba")
    assert set(ranker.predict(X)) <= set(LEVELS)
    single = make("coral", n_members=1, **few).fit(X, y)
    assert single.predict_proba(X).shape == (900, 4)


def test_a_module_of_the_user_gets_a_layer_of_thresholds(rows):
    X, y = rows

    class Net(nn.Module):
        def __init__(self, n_features, n_outputs):
            super().__init__()
            assert n_outputs == 1
            self.layer = nn.Linear(n_features, n_outputs)

        def forward(self, X):
            return self.layer(X)

    model = make("coral", module=Net, calibration_cv=None, n_members=1).fit(X, y)
    margins = model.decision_function(X)
    assert margins.shape == (900, 3)
    assert (np.diff(margins, axis=1) < 0).all()
    assert model.score(X, y) > 0.5


def test_weights_search_and_refusals(rows):
    X, y = rows
    heavy = make("ordinal_all_threshold", class_weight={1: 1, 5: 1, 20: 1, 100: 20}).fit(X, y)
    light = make("ordinal_all_threshold").fit(X, y)
    assert heavy.predict_proba(X)[:, 3].mean() > 2 * light.predict_proba(X)[:, 3].mean()
    scorer = make_worth_scorer(budget=0.05, worth=WORTH)
    search = GridSearchCV(
        make(OrdinalLogLoss(), max_epochs=3),
        {"loss__power": [1.0, 2.0]},
        scoring=scorer,
        cv=2,
        error_score="raise",
    )
    assert search.fit(X, y).best_score_ > 0.0
    with pytest.raises(ValueError, match="needs ordered levels for this loss.*must be numbers"):
        make("coral").fit(X, np.where(y > 1, "high", "low"))
    with pytest.raises(ValueError, match="needs two classes, but y contains one class"):
        make("ordinal_log_loss").fit(X, np.ones(y.size))
