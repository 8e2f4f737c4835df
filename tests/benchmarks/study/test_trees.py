import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.study._contender import Setting
from benchmarks.study._trees import OUR_TREES, TREES

CONTENDERS = {contender.name: contender for contender in TREES + OUR_TREES}
TUNED = {name: contender for name, contender in CONTENDERS.items() if contender.tuned}
OURS = [contender.name for contender in OUR_TREES]
QUICK = Setting(random_state=0, budget=0.05, effort=0.1)


def each(names):
    return pytest.mark.parametrize("name", list(names))


def find(name):
    contender = CONTENDERS[name]
    for module in (contender.package, *contender.modules):
        pytest.importorskip(module)
    return contender


def draw_table(seed, n_samples=1200):
    """Positives stand out in two of six features."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_samples) < 0.15).astype(int)
    X = rng.standard_normal((n_samples, 6))
    X[:, 0] += 2.0 * y
    X[:, 1] += 1.5 * y
    return X, y


X, Y = draw_table(0)
X_NEW, Y_NEW = draw_table(1)


def with_gaps(X, seed=2):
    gaps = np.random.default_rng(seed).random(X.shape) < 0.1
    return np.where(gaps, np.nan, X)


def fit(name, setting=QUICK, X=X, **changes):
    contender = find(name)
    return contender.fit({**contender.start, **changes}, X, Y, setting)


def scores(name, setting=QUICK, **changes):
    return fit(name, setting, **changes)(X_NEW)


def draw_trials(contender, n_random):
    """Parameters of the first trial, and of some at random."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(dict(contender.start))
    with warnings.catch_warnings():
        # Optuna accepts values outside of a range with a warning.
        warnings.simplefilter("error")
        return [contender.suggest(study.ask()) for _ in range(1 + n_random)]


# --- the list ---------------------------------------------------------------------


def test_the_list():
    assert [contender.name for contender in TREES] == [
        "lightgbm",
        "lightgbm-weighted",
        "lightgbm-focal",
        "lightgbm-hard-negatives",
        "lightgbm-coverage-lambda",
        "lightgbm-lambdarank",
        "xgboost",
        "xgboost-pairwise",
        "xgboost-map",
        "catboost",
        "hist-gradient-boosting",
        "balanced-forest",
    ]
    assert OURS == ["pauc-lightgbm", "pauc-xgboost", "pauc-lightgbm-tuned"]
    assert {contender.name for contender in TREES if not contender.pointwise} == {
        "lightgbm-coverage-lambda",
        "lightgbm-lambdarank",
        "xgboost-pairwise",
        "xgboost-map",
        "balanced-forest",
    }
    assert len({contender.label for contender in CONTENDERS.values()}) == len(CONTENDERS)
    for contender in CONTENDERS.values():
        assert contender.family == "trees"
        assert (contender.role == "ours") == contender.per_budget == (contender.name in OURS)
        assert contender.tuned == (contender.name not in ("pauc-lightgbm", "pauc-xgboost"))
        assert contender.extra == (
            "bench" if contender.package in ("catboost", "imblearn") else None
        )


@each(CONTENDERS)
def test_can_be_sent_to_another_process(name):
    # Names of modules are enough. Nothing of the package is imported.
    contender = pickle.loads(pickle.dumps(CONTENDERS[name]))
    assert (contender.name, contender.tuned) == (name, CONTENDERS[name].tuned)
    assert contender.start == CONTENDERS[name].start


def test_importing_the_list_imports_no_package():
    code = (
        "import sys, benchmarks.study._trees; "
        "print({'lightgbm', 'xgboost', 'catboost', 'imblearn', 'optuna', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- what every contender promises ------------------------------------------------


@each(TUNED)
def test_start_lies_inside_the_space(name):
    contender = TUNED[name]
    assert draw_trials(contender, 0) == [dict(contender.start)]


@each(CONTENDERS)
@pytest.mark.filterwarnings("error")
def test_start_and_random_trials_rank(name):
    contender = find(name)
    trials = draw_trials(contender, 2) if contender.tuned else [{}]
    assert len({str(trial) for trial in trials}) == len(trials)
    for parameters in trials:
        got = contender.fit(parameters, X, Y, QUICK)(X_NEW)
        assert got.shape == Y_NEW.shape
        assert np.isfinite(got).all()
        assert roc_auc_score(Y_NEW, got) > 0.8, parameters


@each(CONTENDERS)
def test_same_setting_same_scores(name):
    sampled = {"colsample_bytree": 0.5} if "colsample_bytree" in CONTENDERS[name].start else {}
    first = scores(name, **sampled)
    np.testing.assert_array_equal(scores(name, **sampled), first)
    if sampled or name in ("catboost", "balanced-forest"):
        other = Setting(random_state=1, budget=QUICK.budget, effort=QUICK.effort)
        assert not np.array_equal(scores(name, other, **sampled), first)


@each(CONTENDERS)
@pytest.mark.filterwarnings("error")
def test_missing_values(name):
    for trained_on in (X, with_gaps(X)):
        got = fit(name, X=trained_on)(with_gaps(X_NEW, seed=3))
        assert np.isfinite(got).all()
        assert roc_auc_score(Y_NEW, got) > 0.7


@each(CONTENDERS)
def test_effort_is_a_share_of_the_trees(name):
    size = {"catboost": "iterations", "hist-gradient-boosting": "max_iter"}.get(
        name, "n_estimators"
    )

    def of_size(n_trees, effort):
        setting = Setting(random_state=0, budget=QUICK.budget, effort=effort)
        return scores(name, setting, **{size: n_trees})

    twenty = of_size(20, 1.0)
    np.testing.assert_array_equal(of_size(200, 0.1), twenty)
    assert not np.array_equal(of_size(10, 1.0), twenty)
    np.testing.assert_array_equal(of_size(50, 0.01), of_size(10, 1.0))


@each(sorted(CONTENDERS.keys() - {"balanced-forest"}))
def test_scores_are_margins_and_no_probabilities(name):
    contender = find(name)
    got = contender.fit(contender.start, X, Y, Setting(random_state=0, budget=0.05))(X)
    assert got.min() < -0.1
    assert got.max() > 1.1


# --- what the first trial is ------------------------------------------------------


def test_start_of_lightgbm_is_its_default():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(random_state=0, n_jobs=1, verbose=-1).fit(X, Y)
    expected = model.booster_.predict(X_NEW, raw_score=True)
    whole = Setting(random_state=0)
    np.testing.assert_allclose(scores("lightgbm", whole, reg_lambda=0.0), expected, rtol=1e-6)
    assert np.corrcoef(scores("lightgbm", whole), expected)[0, 1] > 0.97


def test_start_of_xgboost_is_its_default():
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(random_state=0, n_jobs=1).fit(X, Y)
    expected = model.predict(X_NEW, output_margin=True)
    np.testing.assert_allclose(scores("xgboost", Setting(random_state=0)), expected, atol=1e-4)


@pytest.mark.parametrize("objective", ["pairwise", "map"])
def test_start_of_xgboost_ranking_is_its_default(objective):
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRanker(objective=f"rank:{objective}", random_state=0, n_jobs=1)
    expected = model.fit(X, Y, group=[len(Y)]).predict(X_NEW)
    got = scores(f"xgboost-{objective}", Setting(random_state=0))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_start_of_scikit_learn_is_its_default():
    ensemble = pytest.importorskip("sklearn.ensemble")
    model = ensemble.HistGradientBoostingClassifier(early_stopping=False, random_state=0)
    expected = model.fit(X, Y).decision_function(X_NEW)
    got = scores("hist-gradient-boosting", Setting(random_state=0), l2_regularization=0.0)
    np.testing.assert_array_equal(got, expected)


def test_start_of_forest_is_its_default():
    ensemble = pytest.importorskip("imblearn.ensemble")
    model = ensemble.BalancedRandomForestClassifier(
        sampling_strategy="all", replacement=True, bootstrap=False, random_state=0
    )
    expected = model.fit(X, Y).predict_proba(X_NEW)[:, 1]
    np.testing.assert_array_equal(scores("balanced-forest", Setting(random_state=0)), expected)


def test_start_of_ours_is_its_default():
    pytest.importorskip("lightgbm")
    from skbudget import PAUCLGBMClassifier

    defaults = PAUCLGBMClassifier().get_params()
    start = CONTENDERS["pauc-lightgbm-tuned"].start
    assert {name: defaults[name] for name in start} == {
        **start,
        "min_split_gain": "auto",
        "num_leaves": "auto",
    }


# --- what single contenders do ----------------------------------------------------


def test_ours_are_trained_for_the_budget():
    for name in OURS:
        wide = Setting(random_state=0, budget=0.5, effort=0.1)
        assert not np.array_equal(scores(name, wide), scores(name))


@pytest.mark.parametrize(("weighting", "power"), [("is_unbalance", 1.0), ("square root", 0.5)])
def test_class_weighting_is_a_weight_of_positives(weighting, power):
    lightgbm = pytest.importorskip("lightgbm")
    weight = np.where(Y == 1, ((Y == 0).sum() / (Y == 1).sum()) ** power, 1.0)
    # It starts from the base rate of the rows without weights.
    start = np.log(Y.mean() / (1 - Y.mean()))
    params = {
        "objective": "binary",
        "boost_from_average": False,
        "lambda_l2": 0.01,
        "num_threads": 1,
        "verbose": -1,
    }
    data = lightgbm.Dataset(X, Y, weight=weight, init_score=np.full(Y.size, start))
    expected = start + lightgbm.train(params, data, 10).predict(X_NEW, raw_score=True)
    got = scores("lightgbm-weighted", class_weighting=weighting)
    np.testing.assert_allclose(got, expected, atol=1e-3)
    assert np.max(np.abs(got - scores("lightgbm"))) > 0.1


def test_threads_of_scikit_learn(monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    from sklearn.ensemble import HistGradientBoostingClassifier

    seen = []

    def watched(method):
        def call(*arguments):
            pools = threadpoolctl.threadpool_info()
            seen.append({pool["num_threads"] for pool in pools if pool["user_api"] == "openmp"})
            return method(*arguments)

        return call

    for name in ("fit", "decision_function"):
        method = getattr(HistGradientBoostingClassifier, name)
        monkeypatch.setattr(HistGradientBoostingClassifier, name, watched(method))
    before = threadpoolctl.threadpool_info()
    scores("hist-gradient-boosting", Setting(random_state=0, n_jobs=3, effort=0.1))
    assert seen == [{3}, {3}]
    assert threadpoolctl.threadpool_info() == before


def test_forest_draws_no_more_negatives_than_there_are():
    contender = find("balanced-forest")
    few = np.flatnonzero(Y == 0)[: 2 * (Y == 1).sum()]
    rows = np.concatenate([few, np.flatnonzero(Y == 1)])
    parameters = {**contender.start, "negatives_per_positive": 5.0}
    got = contender.fit(parameters, X[rows], Y[rows], QUICK)(X_NEW)
    assert roc_auc_score(Y_NEW, got) > 0.8


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("lightgbm-focal", {"focal_gamma": 0.5}),
        ("lightgbm-focal", {"focal_alpha": 0.9}),
        ("lightgbm-hard-negatives", {"mined_factor": 50.0}),
        ("lightgbm-hard-negatives", {"mined_fraction": 0.3}),
        ("lightgbm-hard-negatives", {"pos_weight": "balanced"}),
    ],
)
def test_parameters_of_a_loss_reach_it(name, changes):
    assert not np.allclose(scores(name, **changes), scores(name))


def test_focal_loss_without_focus_trains_lightgbms_own_model():
    # Half of the loss has half of the penalty. Without a penalty, rounding would decide
    # about the last splits.
    ours = scores("lightgbm-focal", focal_gamma=0.0, focal_alpha=0.5, reg_lambda=0.5)
    plain = scores("lightgbm", reg_lambda=1.0)
    np.testing.assert_allclose(plain - ours, np.log(Y.mean() / (1 - Y.mean())), atol=1e-3)
