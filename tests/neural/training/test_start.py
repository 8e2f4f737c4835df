import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

pytest.importorskip("skorch")

from skbudget import PAUCClassifier, make_contested_top
from skbudget.neural.training._module import MLP
from skbudget.neural.training._rows import TableDataset
from skbudget.neural.training._start import begin_at_start
from skbudget.objectives import find_loss


def make_rows(y, weight=None):
    X = np.zeros((y.size, 2), dtype=np.float32)
    return TableDataset(X, y=y, weight=weight)


def biases(loss, rows, n_outputs=1):
    module = MLP(2, n_outputs, (3,), "relu", 2)
    before = [bias.detach().numpy().copy() for bias in module.biases]
    begin_at_start(module, loss, rows)
    np.testing.assert_array_equal(module.biases[0].detach().numpy(), before[0])
    return module.biases[1].detach().numpy()[:, 0] - before[1][:, 0]


def test_binary_targets_begin_at_their_log_odds():
    y = np.array([0] * 9 + [1])
    found = biases(find_loss("binary_cross_entropy"), make_rows(y))
    np.testing.assert_allclose(found, np.log(1 / 9), rtol=1e-5)
    weight = np.array([1.0] * 8 + [0.0, 2.0])
    found = biases(find_loss("binary_cross_entropy"), make_rows(y, weight))
    np.testing.assert_allclose(found, np.log(2 / 8), rtol=1e-5)


def test_classes_and_one_against_the_rest():
    y = np.array([0] * 5 + [1] * 3 + [2] * 2)
    found = biases(find_loss("vector_scaling_softmax"), make_rows(y), 3)
    shares = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, [[0.5, 0.3, 0.2]] * 2, rtol=1e-5)
    found = biases(find_loss("binary_cross_entropy"), make_rows(y), 3)
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), [[0.5, 0.3, 0.2]] * 2, rtol=1e-5)


def test_modules_and_modules_of_others_are_left_alone():
    torch = pytest.importorskip("torch")
    rows = make_rows(np.array([0] * 9 + [1]))
    found = biases(torch.nn.BCEWithLogitsLoss(), rows)
    np.testing.assert_array_equal(found, 0.0)
    layer = torch.nn.Linear(2, 1)
    bias = layer.bias.item()
    begin_at_start(layer, find_loss("binary_cross_entropy"), rows)
    assert layer.bias.item() == bias


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "class_balanced_cross_entropy"])
def test_few_epochs_do_not_rank_backwards(loss):
    # From a bias of zero the area under the curve is 0.05 here.
    X, y = make_contested_top(12_000, pos_rate=0.02, random_state=0)
    model = PAUCClassifier(loss=loss, max_epochs=3, n_members=2, random_state=0)
    assert roc_auc_score(y[8000:], model.fit(X[:8000], y[:8000]).decision_function(X[8000:])) > 0.9
