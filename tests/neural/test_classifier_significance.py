"""`PAUCClassifier` on the significance loss: by name, with processes, and collapsed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skbudget import PAUCClassifier
from skbudget.datasets import make_two_backgrounds
from skbudget.metrics import significance_score
from skbudget.neural import SignificanceLoss
from skbudget.objectives import CollapseWarning, LovaszSignificance

torch.set_num_threads(1)

SECTIONS = (0.1, 1.0, 100.0)


def make(loss, **params):
    small = {
        "budget": 0.05,
        "n_members": 1,
        "hidden_layer_sizes": (),
        "batch_size": 1_000,
        "max_epochs": 40,
        "lr": 0.1,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(loss=loss, **{**small, **params})


@pytest.fixture(scope="module")
def table():
    X, y, process, weight = make_two_backgrounds(
        3_000, random_state=0, return_process=True, return_weight=True
    )
    return (X - X.mean(axis=0)) / X.std(axis=0), y, process, weight


@pytest.mark.parametrize(
    "loss",
    [
        LovaszSignificance(0.03, cross_sections=SECTIONS),
        SignificanceLoss("hinge", regularizer=0.03, cross_sections=SECTIONS),
    ],
    ids=["NumPy", "torch"],
)
def test_processes_turn_the_line(loss, table):
    X, y, process, weight = table
    model = make(loss).fit(X, y, process=process)
    plain = make("binary_cross_entropy").fit(X, y)

    def z(model):
        about = {"budget": 0.005, "eps": 30.0, "sample_weight": weight}
        return significance_score(y, model.decision_function(X), **about)

    assert z(model) > z(plain)


@pytest.mark.parametrize("name", ["lovasz_significance", "significance"])
def test_by_name_it_has_the_budget_of_the_estimator(name, table):
    X, y, *_ = table
    model = make(name, max_epochs=2, budget=0.2).fit(X, y)
    loss = model.net_.criterion_.main_loss.of_member[0]
    assert isinstance(loss, SignificanceLoss)
    assert loss.budget == 0.2


def test_a_collapse_is_warned_about():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2_000, 2)), (rng.random(2_000) < 0.05).astype(int)
    with pytest.warns(CollapseWarning, match="SignificanceLoss has collapsed"):
        make(SignificanceLoss(regularizer=0.01), max_epochs=100).fit(X, y)
