"""The scale on which a network's probabilities are learnt: that of the mean of its members."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from sklearn.metrics import log_loss

from skbudget import PAUCClassifier
from skbudget._utils.calibration import SigmoidCalibrator
from skbudget.neural.training._rows import TableDataset
from skbudget.neural.training._support import out_of_fold_scores

torch.set_num_threads(1)


class Members:
    """In place of a net: each member knows the same of the rows, on a scale of its own."""

    slopes, levels = np.array([1.0, 3.0, 0.5]), np.array([0.0, -40.0, 7.0])

    def __init__(self, n_outputs):
        self.n_outputs = n_outputs

    def scores_of(self, rows):
        X = rows.X.numpy()[:, : self.n_outputs].astype(float)
        return self.levels[:, None] + self.slopes[:, None] * X[:, None]


@pytest.mark.parametrize(("n_outputs", "n_classes"), [(1, 2), (2, 2), (3, 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_out_of_fold_are_on_the_scale_of_the_mean(n_outputs, n_classes, weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3)).astype(np.float32)
    about = {
        "y": np.arange(600) % n_classes,
        "fold": np.maximum(rng.integers(-3, 3, 600), -1),
    }
    if weighted:
        about["weight"] = rng.exponential(size=600)
    rows = TableDataset(X, **about)
    which, scores = out_of_fold_scores(Members(n_outputs), rows, n_classes)
    np.testing.assert_array_equal(which, np.flatnonzero(about["fold"] >= 0))
    mean = Members(n_outputs).scores_of(rows).mean(axis=1)
    if n_classes == 2 and n_outputs == 2:
        mean = mean[:, 1:] - mean[:, :1]
    np.testing.assert_allclose(scores, mean[which], rtol=1e-9)


def test_probabilities_after_few_epochs():
    """The levels of members were still apart, and made probabilities of all rows alike."""

    def draw(n_samples, seed):
        rng = np.random.default_rng(seed)
        y = (rng.random(n_samples) < 0.02).astype(int)
        X = rng.standard_normal((n_samples, 12))
        X[:, 0] += 1.5 * y
        X[:, 1] += y
        return X, y

    (X, y), (X_new, y_new) = draw(3_000, 0), draw(20_000, 1000)
    model = PAUCClassifier(budget=0.02, max_epochs=3, random_state=0).fit(X, y)
    probability = model.predict_proba(X_new)[:, 1]
    assert probability.mean() == pytest.approx(y.mean(), rel=0.15)
    margin = model.decision_function(X_new)
    refitted = SigmoidCalibrator.fit(margin, y_new == 1, None)(margin)
    # It was 0.015 more.
    assert log_loss(y_new, probability) < log_loss(y_new, refitted) + 0.0075
