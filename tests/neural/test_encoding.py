"""The two kinds of network: which one is chosen, and what the encoded one can do."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skbudget import PAUCClassifier, PAUCEnsembleClassifier, coverage_at_budget_score
from skbudget.neural import Head
from skbudget.neural.training import _duel

torch.set_num_threads(1)


def _stripes(seed=0, n_rows=12_000):
    """Positives lie in narrow stripes of either of two columns."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n_rows, 4))
    y = ((X[:, 0] * 6 % 1 < 0.15) & (X[:, 1] * 6 % 1 < 0.25)).astype(int)
    return X * [1.0, 1e6, 1e-3, 1.0] + [0.0, 1e7, 0.0, 5.0], y


def _encoded(**params):
    given = {"encoding": "piecewise", "hidden_layer_sizes": (32,), "max_epochs": 10, "budget": 0.02}
    return PAUCClassifier(**{**given, "random_state": 0, **params})


def test_stripes_are_found_whatever_their_scale():
    X, y = _stripes()
    X_new, y_new = _stripes(seed=1)
    covered = {}
    for encoding in ("piecewise", None):
        model = PAUCClassifier(
            encoding=encoding, budget=0.03, n_members=1, max_epochs=30, random_state=0
        ).fit(X, y)
        scores = model.decision_function(X_new)
        covered[encoding] = coverage_at_budget_score(y_new, scores, budget=0.03)
    assert covered["piecewise"] > 0.7
    assert covered[None] < 0.5


def test_the_scale_of_columns_does_not_matter():
    X, y = _stripes(n_rows=3_000)
    factor = 2.0 ** np.array([3, -8, 12, 0])
    for params in ({}, {"encoding": None}):
        model = _encoded(max_epochs=3, n_members=1, **params)
        first = model.fit(X, y).decision_function(X)
        second = model.fit(X * factor, y).decision_function(X * factor)
        np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-4)


def test_auto_encodes_where_that_is_surely_better():
    X, y = _stripes()
    model = PAUCClassifier(budget=0.03, max_epochs=2, random_state=0).fit(X, y)
    assert model.settings_ == {
        "encoding": "piecewise",
        "hidden_layer_sizes": (256, 256),
        "n_members": 2,
        "batch_size": 1024,
        "queue_size": 0,
        "weight_decay": 0.01,
        "input_decay": 0.01,
    }
    assert len(model.net_.module_.encoding) == 2


def test_auto_is_plain_where_that_is_as_good():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6_000, 4))
    y = (X @ [1.0, -1.0, 0.5, 0.0] + rng.logistic(size=6_000) > 3.5).astype(int)
    model = PAUCClassifier(budget=0.03, max_epochs=1, n_members=3, random_state=0).fit(X, y)
    assert y.sum() > 300
    assert model.settings_ == {
        "encoding": None,
        "hidden_layer_sizes": (64, 64),
        "n_members": 3,
        "batch_size": 4096,
        "queue_size": 8192,
        "weight_decay": 0.5,
        "input_decay": 3.0,
    }


def _fits(params, X, y, **columns):
    return PAUCClassifier(budget=0.03, max_epochs=1, n_members=2, **params).fit(X, y, **columns)


@pytest.mark.parametrize(
    "case",
    ["few positives", "many columns", "another loss", "heads", "module", "net_params", "sparse"],
)
def test_there_is_no_comparison(case, monkeypatch):
    def never(*_):
        raise AssertionError("the two kinds were compared")

    monkeypatch.setattr("skbudget.neural._classifier.encoding_wins", never)
    X, y = _stripes(n_rows=10_000)
    params, columns = {}, {}
    if case == "few positives":
        y[np.flatnonzero(y)[250:]] = 0
    elif case == "many columns":
        X = np.repeat(X, 17, axis=1)
    elif case == "another loss":
        params["loss"] = "binary_cross_entropy"
    elif case == "heads":
        params["heads"] = {"half": Head("squared_error")}
        columns["half"] = X[:, 0]
    elif case == "module":
        params["module"] = torch.nn.Sequential(
            torch.nn.BatchNorm1d(4, affine=False), torch.nn.Linear(4, 1)
        )
    elif case == "net_params":
        params["net_params"] = {"optimizer__eps": 1e-7}
    elif case == "sparse":
        from scipy.sparse import csr_matrix

        X = csr_matrix(X)
    assert _fits(params, X, y, **columns).settings_["encoding"] is None


def test_the_comparison_heeds_groups_weights_and_values():
    X, y = _stripes()
    rng = np.random.default_rng(0)
    columns = {
        "sample_weight": rng.integers(1, 3, size=12_000),
        "value": rng.uniform(0.5, 1.0, size=12_000),
        "groups": np.arange(12_000) // 3,
    }
    model = PAUCClassifier(budget=0.03, max_epochs=1, n_members=1, random_state=0)
    assert model.fit(X, y, **columns).settings_["encoding"] == "piecewise"


def test_a_sample_stands_for_all_rows(monkeypatch):
    monkeypatch.setattr(_duel, "_NEGATIVES", 2_000)
    monkeypatch.setattr(_duel, "_POSITIVES", 300)
    X, y = _stripes(n_rows=10_000)
    from skbudget.neural.training._table import Table

    weight = np.random.default_rng(0).uniform(size=10_000)
    table = Table(X, y, weight, {"value": weight})
    found = _duel._some_rows(table, np.random.RandomState(0))
    assert np.bincount(found.y).tolist() == [2_000, 300]
    for label in (0, 1):
        whole, part = weight[y == label].sum(), found.weight[found.y == label].sum()
        assert part == pytest.approx(whole, rel=0.1)
    np.testing.assert_allclose(
        found.weight / found.columns["value"],
        np.where(found.y == 1, y.sum() / 300, (y == 0).sum() / 2_000),
    )
    same = _duel._some_rows(table.select(np.arange(500)), np.random.RandomState(0))
    assert same.y.size == 500


def test_the_same_seed_gives_the_same_model_and_copies_score_alike():
    X, y = _stripes(n_rows=6_000)
    model = _encoded(max_epochs=4).fit(X, y)
    scores = model.decision_function(X)
    assert model.net_.get_params(deep=False)["iterator_train__n_negatives"] < (y == 0).sum()
    np.testing.assert_array_equal(clone(model).fit(X, y).decision_function(X), scores)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).decision_function(X), scores)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1].mean(), y.mean(), rtol=0.3)


@pytest.mark.parametrize("n_classes", [3], ids=["three classes"])
def test_more_classes_can_be_encoded(n_classes):
    X, y = _stripes(n_rows=3_000)
    y = y + (X[:, 3] > 5.5) * (y == 0) * 2
    model = _encoded(max_epochs=3).fit(X, y)
    assert model.predict_proba(X).shape == (3_000, n_classes)
    assert "iterator_train__n_negatives" not in model.net_.get_params(deep=False)


def test_heads_and_sparse_rows_are_encoded_only_where_they_can_be():
    X, y = _stripes(n_rows=2_000)
    from scipy.sparse import csr_matrix

    with pytest.raises(ValueError, match="encoding='piecewise' .* sparse"):
        _encoded().fit(csr_matrix(X), y)
    with pytest.raises(ValueError, match="encoding='piecewise' .* heads"):
        _encoded(heads={"half": Head("squared_error")}).fit(X, y, half=X[:, 0])


def test_training_goes_on_from_earlier_weights_and_in_parts():
    X, y = _stripes(n_rows=4_000)
    model = _encoded(max_epochs=2, warm_start=True).fit(X, y)
    before = model.net_.module_.encoding.detach().clone()
    model.set_params(lr=1e-9).fit(X, y)
    torch.testing.assert_close(model.net_.module_.encoding.detach(), before, atol=1e-5, rtol=0)
    stream = _encoded()
    for part in (slice(0, 2_000), slice(2_000, 4_000)):
        stream.partial_fit(X[part], y[part])
    assert stream.settings_["encoding"] == "piecewise"
    assert stream.decision_function(X).shape == (4_000,)


def test_folds_of_an_ensemble_have_the_network_of_all_rows(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    seen = []
    choose = PAUCClassifier._choose_encoding

    def spy(self, *args):
        seen.append(self.encoding)
        return choose(self, *args)

    monkeypatch.setattr(PAUCClassifier, "_choose_encoding", spy)
    monkeypatch.setattr("skbudget.neural._classifier.encoding_wins", lambda *_: True)
    X, y = _stripes()
    network = PAUCClassifier(
        budget=0.03, max_epochs=1, hidden_layer_sizes=(8,), calibration_cv=None, random_state=0
    )
    model = PAUCEnsembleClassifier(trees=LogisticRegression(), network=network, cv=2).fit(X, y)
    assert seen == ["auto", "piecewise", "piecewise"]
    assert model.network_.settings_["encoding"] == "piecewise"
    assert network.encoding == "auto"


@pytest.mark.parametrize("encoding", ["piecewise", None])
def test_a_column_that_varies_later_in_a_stream_is_scaled_then(encoding):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 3)) * [1.0, 100.0, 1.0] + [0.0, 50.0, 0.0]
    X[:1_000, 1] = 0.0
    y = (X[:, 0] + 0.5 * rng.logistic(size=4_000) > 2.0).astype(int)
    model = PAUCClassifier(
        budget=0.05, encoding=encoding, n_members=1, max_epochs=20, random_state=0
    )
    for _ in range(5):
        for start in range(0, 4_000, 1_000):
            model.partial_fit(X[start : start + 1_000], y[start : start + 1_000])
    scaler = model.net_.module_.scaling
    np.testing.assert_allclose(scaler.size[1], X[1_000:2_000, 1].std(), rtol=1e-5)
    np.testing.assert_allclose(scaler.size[0], X[:1_000, 0].std(), rtol=1e-5)
    best = coverage_at_budget_score(y, X[:, 0], budget=0.1)
    assert coverage_at_budget_score(y, model.decision_function(X), budget=0.1) > 0.9 * best


def test_a_warm_start_keeps_the_kind_of_network():
    X, y = _stripes()
    model = PAUCClassifier(
        budget=0.03, hidden_layer_sizes=(8,), max_epochs=1, warm_start=True, random_state=0
    ).fit(X, y)
    assert model.settings_["encoding"] == "piecewise"
    # So few rows would not be encoded, and have other quantiles.
    model.fit(X[:3_000], y[:3_000])
    assert model.settings_["encoding"] == "piecewise"
    with pytest.raises(ValueError, match="n_members was 2 and is 3"):
        model.set_params(n_members=3).fit(X, y)
    with pytest.raises(ValueError, match="encoding was 'piecewise' and is None"):
        model.set_params(n_members=2, encoding=None).fit(X, y)
    assert model.settings_["encoding"] == "piecewise"


def test_columns_that_single_precision_cannot_tell_are_warned_of():
    X, y = _stripes(n_rows=2_000)
    X[:, 1] = 1.7e9 + 3 * X[:, 0]
    X[:, 2] *= 1e-300
    model = _encoded(max_epochs=1, encoding=None)
    with pytest.warns(UserWarning, match="number 1, number 2 of X vary by too little"):
        model.fit(X, y)
    X[:, 1:3] = 7.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)


def test_settings_of_a_module_of_ones_own_are_those_that_it_has():
    X, y = _stripes(n_rows=2_000)
    module = torch.nn.Sequential(torch.nn.BatchNorm1d(4, affine=False), torch.nn.Linear(4, 1))
    model = PAUCClassifier(module=module, n_members=1, max_epochs=1).fit(X, y)
    assert list(model.settings_) == [
        "encoding",
        "n_members",
        "batch_size",
        "queue_size",
        "weight_decay",
    ]
