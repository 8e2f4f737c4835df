"""What catching a positive is worth, as weights of the losses and as `value` of the classifier."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from neural_cases import RANKING

from skbudget import PAUCClassifier, coverage_at_budget_score
from skbudget.neural import PAUCAtBudgetLoss
from skbudget.objectives import PairwisePAUC, TrapezoidPAUC

torch.set_num_threads(1)


def draw(seed=0, n=80):
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 5 == 0).astype(int)
    return y, rng.normal(size=n) + y, rng.lognormal(sigma=1.5, size=n)


def gradient_of(loss, y, raw, weight=None):
    logits = torch.tensor(raw, requires_grad=True)
    weight = None if weight is None else torch.as_tensor(weight)
    value = loss(logits, torch.as_tensor(y), sample_weight=weight)
    value.backward()
    return value.item(), logits.grad.numpy()


@pytest.mark.parametrize("basis", ["fpr", "population"])
@pytest.mark.parametrize("surrogate", ["sigmoid", "logistic", "trapezoid"])
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_weights_of_positives_are_the_values_of_the_objective(surrogate, basis, alpha):
    y, raw, value = draw()
    band = {"alpha": alpha, "beta": 0.4, "tau_scale": "iqr", "basis": basis}
    if surrogate == "trapezoid":
        loss = PAUCAtBudgetLoss(surrogate="trapezoid", temperature=0.5, queue_size=0, **band)
        objective = TrapezoidPAUC(temperature=0.5, **band)
    else:
        loss = PAUCAtBudgetLoss(link=surrogate, temperature=0.5, queue_size=0, **band)
        objective = PairwisePAUC(link=surrogate, temperature=0.5, **band)
    found, gradient = gradient_of(loss, y, raw, np.where(y == 1, value, 1.0))
    assert found == pytest.approx(objective.loss(y, raw, value=value))
    expected = objective.gradient(y, raw, value=value)
    np.testing.assert_allclose(gradient, expected, atol=1e-9)


# Weights that repeat rows are no values.
@pytest.mark.parametrize("name", [name for name in RANKING if "repeated rows" not in name])
def test_neither_the_unit_nor_weights_of_negatives_matter(name):
    y, raw, value = draw(1)
    one = gradient_of(RANKING[name](), y, raw, np.where(y == 1, value, 1.0))
    other = gradient_of(RANKING[name](), y, raw, np.where(y == 1, 1000 * value, 7.0))
    assert one[0] == pytest.approx(other[0])
    np.testing.assert_allclose(one[1], other[1], atol=1e-12)
    plain = gradient_of(RANKING[name](), y, raw)
    assert np.abs(one[1] - plain[1]).max() > 1e-4


def test_weights_and_values_multiply_where_the_band_counts_negatives():
    """With ``weighted_budget=True``, as `PAUCClassifier` trains on weighted rows."""
    y, raw, value = draw(2)
    weight = np.random.default_rng(3).integers(1, 4, y.size).astype(float)
    loss = PAUCAtBudgetLoss(beta=0.3, temperature=0.5, queue_size=0, weighted_budget=True)
    found, gradient = gradient_of(loss, y, raw, np.where(y == 1, weight * value, weight))
    objective = PairwisePAUC(beta=0.3, link="sigmoid", temperature=0.5, tau_scale="iqr")
    assert found == pytest.approx(objective.loss(y, raw, weight, value=value))
    np.testing.assert_allclose(gradient, objective.gradient(y, raw, weight, value=value), atol=1e-9)


@pytest.mark.parametrize("queue_size", [0, 500])
def test_a_value_of_two_is_a_positive_twice(queue_size):
    y, raw, _ = draw(3)
    (row,) = np.flatnonzero(y == 1)[:1]
    loss = PAUCAtBudgetLoss(beta=0.3, temperature=0.5, queue_size=queue_size)
    found, gradient = gradient_of(loss, y, raw, np.where(np.arange(y.size) == row, 2.0, 1.0))
    again = np.append(np.arange(y.size), row)
    loss.reset_queue()
    twice, of_copies = gradient_of(loss, y[again], raw[again])
    assert found == pytest.approx(twice)
    expected = of_copies[:-1].copy()
    expected[row] += of_copies[-1]
    np.testing.assert_allclose(gradient, expected, atol=1e-9)


# --- the classifier -----------------------------------------------------------------


def make(**params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 500,
        "max_epochs": 15,
        "lr": 1e-2,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


def draw_table(seed, n=3000):
    """Positives whose amount is known by the third feature."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.08).astype(int)
    X = rng.normal(size=(n, 4))
    X[:, :2] += 1.5 * y[:, None]
    return X, y, np.exp(X[:, 2])


@pytest.fixture(scope="module")
def table():
    return draw_table(0)


@pytest.fixture(scope="module")
def valued(table):
    X, y, value = table
    return make().fit(X, y, value=value)


def test_more_of_the_value_is_caught(table, valued):
    X, y, _ = table
    X_new, y_new, value_new = draw_table(1, 10_000)
    caught = [
        coverage_at_budget_score(
            y_new, model.decision_function(X_new), budget=0.05, value=value_new
        )
        for model in (make().fit(X, y), valued)
    ]
    assert caught[1] > caught[0] + 0.03


def test_probabilities_are_those_of_the_class(valued):
    X_new, y_new, _ = draw_table(1, 10_000)
    probability = valued.predict_proba(X_new)[:, 1]
    assert probability.mean() == pytest.approx(y_new.mean(), abs=0.02)
    top = probability > 0.4
    assert y_new[top].mean() == pytest.approx(probability[top].mean(), abs=0.1)


def test_neither_the_unit_nor_values_of_the_negative_class_matter(table, valued):
    X, y, value = table
    dear = make().fit(X, y, value=np.where(y == 1, 1024 * value, 3.0))
    assert dear.beta_ == valued.beta_
    np.testing.assert_allclose(
        dear.decision_function(X), valued.decision_function(X), rtol=1e-3, atol=1e-3
    )


def test_equal_values_are_none(table):
    X, y, _ = table
    plain, equal = make(max_epochs=3).fit(X, y), make(max_epochs=3)
    equal.fit(X, y, value=np.full(y.size, 8.0))
    np.testing.assert_allclose(
        plain.decision_function(X), equal.decision_function(X), rtol=1e-4, atol=1e-4
    )


def test_early_stopping_maximises_the_value_caught(table):
    X, y, value = table
    # Only a few positives have value, and yet some are held out.
    few = np.where(np.cumsum(y) <= 20, value, 0.0)
    model = make(early_stopping=True, validation_fraction=0.3, calibration_cv=None, max_epochs=6)
    found = model.fit(X, y, value=few).diagnostics_["valid_coverage"]
    assert np.isfinite(found).all()
    plain = model.fit(X, y).diagnostics_["valid_coverage"]
    assert not np.allclose(found, plain)
    # Of six held-out positives with value the caught share is not a count.
    counts = found * 6
    assert np.abs(counts - np.round(counts)).max() > 1e-3


def test_a_stream(table):
    X, y, value = table
    model, dear = make(max_epochs=4), make(max_epochs=4)
    for part in np.array_split(np.arange(y.size), 4):
        model.partial_fit(X[part], y[part], value=value[part])
        dear.partial_fit(X[part], y[part], value=1024 * value[part])
    np.testing.assert_allclose(
        model.decision_function(X), dear.decision_function(X), rtol=1e-3, atol=1e-3
    )
    # A part without anything of value teaches the ranking nothing, and is no error.
    model.partial_fit(X, y, value=np.where(y == 1, 0.0, 1.0))


def test_more_than_two_classes_have_a_value_each(table):
    X, y, value = table
    three = y + (X[:, 3] > 1.2)
    model = make(max_epochs=3).fit(X, three, value=value)
    dear = make(max_epochs=3).fit(X, three, value=np.where(three == 2, 1024 * value, value))
    np.testing.assert_allclose(model.predict_proba(X), dear.predict_proba(X), rtol=1e-3, atol=1e-3)


def test_weights_and_values(table):
    X, y, value = table
    weight = np.where(X[:, 3] > 0, 2.0, 1.0)
    model = make(max_epochs=3).fit(X, y, sample_weight=weight, value=value)
    # The band counts rows, weights included and values not.
    positives, negatives = weight[y == 1].sum(), weight[y == 0].sum()
    assert model.beta_ == pytest.approx(max(0.05, 1.5 * positives / negatives), rel=1e-5)
    for params, labels in (({"basis": "population"}, y), ({}, y + (X[:, 3] > 1.2))):
        with pytest.raises(ValueError, match="value and weights .* cannot be combined"):
            make(**params).fit(X, labels, sample_weight=weight, value=value)
    with pytest.raises(ValueError, match="value and weights .* cannot be combined"):
        make(basis="population", class_weight="balanced").fit(X, y, value=value)
    make(basis="population", max_epochs=1).fit(X, y, value=value)


def test_bad_values(table):
    X, y, value = table
    with pytest.raises(ValueError, match="Negative values in value"):
        make().fit(X, y, value=-value)
    with pytest.raises(ValueError, match="value must have one entry per sample"):
        make().fit(X, y, value=value[1:])
    with pytest.raises(ValueError, match="The positives have no value"):
        make().fit(X, y, value=1.0 - y)
    with pytest.raises(ValueError, match=r"only 1 member \(of those with value\)"):
        make(early_stopping=True).fit(X, y, value=np.where(np.cumsum(y) == 1, y, 1 - y))


def test_pickle(table, valued):
    copy = pickle.loads(pickle.dumps(valued))
    X = table[0]
    np.testing.assert_array_equal(copy.decision_function(X), valued.decision_function(X))
