"""The recall stage by embeddings: scikit-learn's checks, names of losses, weights and draws."""

import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skbudget import coverage_at_budget_score
from skbudget.cascade import CascadeClassifier
from skbudget.neural import EmbeddingRecallClassifier, InfoNCELoss
from skbudget.objectives import available

torch.set_num_threads(1)

QUICK = {
    "n_steps": 40,
    "batch_size": 8,
    "n_negatives": 16,
    "lr": 2e-2,
    "hidden_layer_sizes": (16,),
    "embedding_dim": 8,
    "device": "cpu",
    "random_state": 0,
}


def quick(loss="info_nce", **params):
    return EmbeddingRecallClassifier(loss, **{**QUICK, **params})


@pytest.mark.filterwarnings("ignore:EmbeddingRecallClassifier")
@parametrize_with_checks([quick("triplet", rank_by="nearest")])
def test_estimator_checks(estimator, check):
    check(estimator)


def draw(n_rows=600, seed=0, pos_rate=0.1):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < pos_rate).astype(int)
    X = rng.normal(size=(n_rows, 4))
    # Two kinds of positives, on opposite sides.
    X[:, 0] += 3.0 * y * np.where(rng.random(n_rows) < 0.5, 1, -1)
    return X, y


@pytest.mark.parametrize("loss", available(model="embeddings"))
@pytest.mark.parametrize("rank_by", ["prototype", "nearest"])
def test_every_loss_by_name_finds_positives_that_no_line_parts(loss, rank_by):
    X, y = draw(2000)
    model = quick(loss, rank_by=rank_by, n_steps=150, n_negatives=64).fit(X, y)
    new, labels = draw(2000, seed=1)
    found = coverage_at_budget_score(labels, model.decision_function(new), budget=0.1)
    line = LogisticRegression().fit(X, y).decision_function(new)
    assert found > coverage_at_budget_score(labels, line, budget=0.1) + 0.2
    assert found > 0.5
    assert model.loss_curve_[-20:].mean() < model.loss_curve_[:20].mean()
    assert model.similarity_ == ("dot" if loss == "batch_softmax" else "cosine")


def test_scores_are_similarities_to_the_positives():
    X, y = draw()
    model = quick().fit(X, y)
    embedded = model.embed(X)
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1.0)
    np.testing.assert_allclose(model.positives_, embedded[y == 1].mean(axis=0)[None])
    similarity = embedded @ model.positives_[0]
    slope, offset = model.calibrator_.slope, model.calibrator_.offset
    np.testing.assert_allclose(model.decision_function(X), slope * (similarity + offset))
    nearest = quick(rank_by="nearest", n_neighbors=3).fit(X, y)
    similarity = np.sort(embedded @ embedded[y == 1].T, axis=1)[:, -3:].mean(axis=1)
    order = np.argsort(nearest.decision_function(X))
    assert (np.diff(similarity[order]) > -1e-9).all()


def test_the_same_seed_gives_the_same_model_whatever_the_order_of_the_rows():
    X, y = draw()
    one, other = quick().fit(X, y), quick().fit(X[::-1], y[::-1])
    assert one.loss_curve_.tolist() == other.loss_curve_.tolist()
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), rtol=1e-6)
    assert quick(random_state=1).fit(X, y).loss_curve_.tolist() != one.loss_curve_.tolist()
    state = torch.get_rng_state()
    quick().fit(X, y)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_weight_is_a_repeated_row():
    X, y = draw()
    weight = np.random.default_rng(1).integers(0, 3, y.size)
    rows = np.repeat(np.arange(y.size), weight)
    weighted, repeated = quick().fit(X, y, sample_weight=weight), quick().fit(X[rows], y[rows])
    assert weighted.loss_curve_.tolist() == repeated.loss_curve_.tolist()
    np.testing.assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), rtol=1e-6
    )


def test_sparse_rows_and_the_other_positive_class():
    X, y = draw()
    X[np.abs(X) < 0.3] = 0.0
    dense, sparse = quick().fit(X, y), quick().fit(csr_matrix(X), y)
    np.testing.assert_allclose(
        sparse.decision_function(csr_matrix(X)), dense.decision_function(X), rtol=1e-6
    )
    labels = np.array(["good", "bad"])[y]
    turned = quick(pos_label="bad").fit(X, labels)
    np.testing.assert_allclose(turned.decision_function(X), -dense.decision_function(X))
    assert turned.predict(X).tolist() == np.array(["good", "bad"])[dense.predict(X)].tolist()


class Diverged(nn.Linear):
    def forward(self, X):
        return super().forward(X) * torch.nan


class Angles(nn.Module):
    """A loss of others: it is called with embeddings and classes, and has a parameter."""

    def __init__(self):
        super().__init__()
        self.direction = nn.Parameter(torch.ones(8))

    def forward(self, embeddings, labels):
        signs = 2.0 * labels - 1.0
        return nn.functional.softplus(-4 * signs * (embeddings @ self.direction)).mean()


def test_a_module_of_others_is_called_with_embeddings_and_classes_and_left_as_it_was():
    X, y = draw()
    loss = Angles()
    model = quick(loss).fit(X, y)
    assert loss.direction.tolist() == [1.0] * 8
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    with_temperature = quick(InfoNCELoss(0.5)).fit(X, y)
    assert with_temperature.loss_curve_[0] != quick().fit(X, y).loss_curve_[0]


def test_an_encoder_of_ones_own():
    X, y = draw()
    encoder = nn.Linear(4, 3)
    model = quick(module=encoder).fit(X, y)
    assert model.embed(X).shape == (600, 3)
    assert model.encoder_ is not encoder
    with pytest.raises(ValueError, match=r"module of .* returns shape \(3, 4, 1\)"):
        quick(module=nn.Unflatten(1, (4, 1))).fit(X, y)
    with pytest.raises(TypeError, match="'module'"):
        quick(module="mlp").fit(X, y)


def test_the_first_stage_of_a_cascade():
    X, y = draw(2000)
    model = CascadeClassifier(quick(), LogisticRegression(), budget_first=0.3, cv=2).fit(X, y)
    assert model.first_coverage_ > 0.5
    assert model.reaches(X).mean() == pytest.approx(0.3, abs=0.1)


# --- pytorch-metric-learning ----------------------------------------------------------------


def test_a_class_of_the_library_is_reached_by_its_name():
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    X, y = draw()
    model = quick("MultiSimilarityLoss").fit(X, y)
    assert (
        model.loss_curve_.tolist()
        == quick(losses.MultiSimilarityLoss()).fit(X, y).loss_curve_.tolist()
    )
    with pytest.raises(ValueError, match="parameters without a default"):
        quick("ArcFaceLoss").fit(X, y)


def test_names_of_the_library_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning.losses", None)
    with pytest.raises(ImportError, match=r"skbudget\[metric-learning\]"):
        quick("NTXentLoss").fit(*draw())
    # What begins with a small letter is no class.
    with pytest.raises(ValueError, match="names no loss of embeddings: got 'infonce'"):
        quick("infonce").fit(*draw())


def test_names_that_neither_has(monkeypatch):
    library = types.ModuleType("pytorch_metric_learning")
    losses = types.ModuleType("pytorch_metric_learning.losses")
    losses.Angles, losses.numpy = Angles, np
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", library)
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning.losses", losses)
    X, y = draw()
    assert quick("Angles").fit(X, y).loss_curve_.size == 40
    for name in ("NoLoss", "numpy"):
        with pytest.raises(ValueError, match=f"names no loss of embeddings: got '{name}'"):
            quick(name).fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "pairwise_pauc"}, r"PAUCClassifier\(loss='pairwise_pauc'\)"),
        ({"rank_by": "mean"}, "'rank_by'"),
        ({"n_steps": 0}, "'n_steps'"),
        ({"batch_size": True}, "'batch_size'"),
        ({"embedding_dim": 1.5}, "'embedding_dim'"),
        ({"hidden_layer_sizes": (0,)}, "'hidden_layer_sizes'"),
        ({"lr": 1.0, "weight_decay": 2.0}, "lr . weight_decay"),
        ({"device": "abacus"}, "device='abacus'"),
    ],
    ids=["scores", "rank_by", "steps", "bool", "real", "widths", "decay", "device"],
)
def test_parameters_that_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(*draw())


def test_data_and_losses_that_are_refused():
    X, y = draw()
    with pytest.raises(TypeError, match="must be an instance"):
        quick(InfoNCELoss).fit(X, y)
    with pytest.raises(TypeError, match="'loss'"):
        quick(3).fit(X, y)
    with pytest.raises(ValueError, match="sample weights of one class are zero"):
        quick().fit(X, y, sample_weight=1 - y)
    with pytest.raises(FloatingPointError, match="InfoNCELoss was handed queries that are NaN"):
        quick(module=Diverged(4, 3)).fit(X, y)
