import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from sklearn.metrics import roc_auc_score

from benchmarks.study._contender import Setting
from benchmarks.study._networks import NETWORKS, OUR_NETWORKS, _DualBatches
from skbudget.neural.training._rows import TableDataset

ALL = {contender.name: contender for contender in NETWORKS + OUR_NETWORKS}
OTHERS = {"libauc", "imbalanced_losses"}
QUICK = Setting(random_state=3, budget=0.05, effort=0.1)


@pytest.fixture(params=ALL)
def contender(request):
    contender = ALL[request.param]
    if contender.package in OTHERS:
        pytest.importorskip(contender.package)
    return contender


@pytest.fixture
def tuned(contender):
    if not contender.tuned:
        pytest.skip("nothing to tune")
    return contender


def easy_table(n=1000, n_positives=100, seed=0):
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=int)
    y[rng.permutation(n)[:n_positives]] = 1
    X = rng.standard_normal((n, 6))
    X[y == 1, :2] += 2.0
    return X, y


def drawn(contender, n_trials=2):
    """Return the parameters of the first trials of a study."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=5))
    study.enqueue_trial(dict(contender.start))
    return [contender.suggest(study.ask()) for _ in range(n_trials)]


# --- what every contender does -----------------------------------------------------


def test_ranks_an_easy_table(contender):
    score = contender.fit(contender.start, *easy_table(), QUICK)
    X, y = easy_table(600, 60, seed=1)
    scores = score(X)
    assert scores.shape == (600,)
    assert np.isfinite(scores).all()
    assert roc_auc_score(y, scores) > 0.9
    # The score of a row does not depend on the other rows.
    np.testing.assert_allclose(score(X[:7]), scores[:7], rtol=1e-9)


def test_start_is_the_first_trial_of_its_space(tuned):
    start, other = drawn(tuned)
    assert start == dict(tuned.start)
    assert other.keys() == start.keys()


def test_trains_with_other_parameters(tuned):
    _, parameters = drawn(tuned)
    X, y = easy_table(700, 40)
    scores = tuned.fit(parameters, X, y, QUICK)(X)
    assert scores.shape == (700,)
    assert np.isfinite(scores).all()


def test_same_setting_same_scores(contender):
    X, y = easy_table(600, 30)
    scores = []
    for _ in range(2):
        scores.append(contender.fit(contender.start, X, y, QUICK)(X))
        torch.rand(1)
    assert np.array_equal(*scores)
    other = Setting(random_state=4, budget=0.05, effort=0.1)
    assert not np.array_equal(contender.fit(contender.start, X, y, other)(X), scores[0])


def test_takes_missing_values(contender):
    X, y = easy_table(1500, 150)
    X[np.random.default_rng(2).random(X.shape) < 0.2] = np.nan
    before = X.copy()
    scores = contender.fit(contender.start, X, y, QUICK)(X)
    assert np.isfinite(scores).all()
    assert roc_auc_score(y, scores) > 0.7
    np.testing.assert_array_equal(X, before)


def test_leaves_torch_as_it_was(contender):
    X, y = easy_table(600, 30)
    threads = torch.get_num_threads()
    state = torch.get_rng_state()
    torch.set_num_threads(threads + 1)
    try:
        contender.fit(contender.start, X, y, QUICK)(X)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.filterwarnings("ignore:PAUCClassifier")  # says that positives are few
def test_trains_where_positives_are_rarer_than_batches(contender):
    X, y = easy_table(1500, 4)
    scores = contender.fit(contender.start, X, y, QUICK)(X)
    assert np.isfinite(scores).all()


# --- who they are ------------------------------------------------------------------


def test_roles():
    assert len(ALL) == len(NETWORKS) + len(OUR_NETWORKS)
    assert {contender.role for contender in NETWORKS} == {"peer"}
    assert {contender.role for contender in OUR_NETWORKS} == {"ours"}
    assert all(contender.family == "network" for contender in ALL.values())
    assert [name for name in ALL if ALL[name].pointwise] == ["mlp-cross-entropy", "mlp-focal"]
    assert [name for name in ALL if ALL[name].per_budget] == ["pauc-network"]
    assert [name for name in ALL if not ALL[name].tuned] == ["pauc-network"]


def test_available(contender):
    assert contender.why_unavailable() is None


@pytest.mark.parametrize("package", sorted(OTHERS))
def test_says_what_is_missing(package, monkeypatch):
    (contender,) = (contender for contender in NETWORKS if contender.package == package)
    monkeypatch.setitem(sys.modules, package, None)
    assert package in contender.why_unavailable()


def test_ours_needs_a_budget():
    with pytest.raises(ValueError, match="budget"):
        OUR_NETWORKS[0].fit({}, *easy_table(), Setting(random_state=0, effort=0.1))


def test_import_is_light():
    import subprocess

    heavy = ["torch", "skorch", "libauc", "imbalanced_losses", "optuna"]
    code = f"import sys, benchmarks.study._networks; print(set({heavy}) & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# --- batches with a fixed number of positives --------------------------------------


def dual_batches(n, n_positives, batch_size, sampling_rate):
    X, y = easy_table(n, n_positives)
    rows = TableDataset(X.astype(np.float32), y=y, row=np.arange(n))
    draw = np.random.RandomState(0)
    return y, _DualBatches(rows, batch_size, {"sampling_rate": sampling_rate}, draw)


@pytest.mark.parametrize(
    ("n_positives", "sampling_rate", "expected"),
    [
        (30, 0.1, 10),
        (6, 0.1, 6),  # no positive twice in a batch
        (400, 0.1, 40),  # not fewer than a random batch would hold
    ],
)
def test_dual_batches(n_positives, sampling_rate, expected):
    y, batches = dual_batches(1000, n_positives, 100, sampling_rate)
    shown = [about["row"].numpy() for _, about in batches]
    assert len(shown) == len(batches)
    for rows in shown:
        assert rows.size <= 100
        assert np.unique(rows).size == rows.size
        assert y[rows].sum() == expected
    negatives = np.concatenate([rows[y[rows] == 0] for rows in shown])
    assert np.array_equal(np.sort(negatives), np.flatnonzero(y == 0))
