"""Splitters, iterables and groups as the folds of the boosters' classifiers."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from sklearn import clone, config_context
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
)

from skbudget import PAUCLGBMClassifier, PAUCXGBClassifier, make_coverage_scorer
from skbudget._utils.calibration import SigmoidCalibrator
from skbudget.boosting import _choosing, _fitting

each_class = pytest.mark.parametrize("cls", [PAUCLGBMClassifier, PAUCXGBClassifier])
each_parameter = pytest.mark.parametrize("name", ["selection_cv", "calibration_cv"])


def make(cls, **params):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    shared = {"n_estimators": 5, "budget": 0.05, "n_jobs": 1, "random_state": 0}
    return cls(**{**shared, **quiet, **params})


def draw_customers(n_customers=1500, copies=4, seed=0, rate=0.04, shift=1.0):
    """Customers with near-copies of one row each."""
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(n_customers), copies)
    y = (rng.random(n_customers) < rate).astype(int)[customer]
    X = rng.standard_normal((n_customers, 6))[customer]
    X += 1e-3 * rng.standard_normal(X.shape)
    X[:, 0] += shift * y
    order = rng.permutation(y.size)
    return X[order], y[order], customer[order]


@pytest.fixture(scope="module")
def table():
    """Rows whose last column is their number."""
    X, y, customer = draw_customers(100, rate=0.3)
    return np.column_stack([X, np.arange(y.size)]), y, customer


@pytest.fixture
def watched(monkeypatch):
    """Note which rows each model of a fold was trained on, and which it scored."""
    calls = []
    original, race = _fitting.score_held_out, _choosing.race

    def note(training, found):
        number = training.X[:, -1].astype(int)
        calls.append([tuple(set(number[part].tolist()) for part in split) for split in found])

    def noting(training, settings, choice, cv, n_rounds=None):
        note(training, _fitting.folds(training, cv, settings.random_state, settings.owner))
        return original(training, settings, choice, cv, n_rounds)

    def racing(training, settings, splits):
        note(training, splits)
        return race(training, settings, splits)

    monkeypatch.setattr(_fitting, "score_held_out", noting)
    monkeypatch.setattr(_choosing, "race", racing)
    return calls


def as_sets(splits):
    return [tuple(set(part.tolist()) for part in split) for split in splits]


# --- probabilities of new customers -----------------------------------------------------


@each_class
@pytest.mark.parametrize("cv", [3, GroupKFold(3)])
def test_probabilities_of_new_customers(cls, cv):
    X, y, customer = draw_customers()
    X_new, y_new, _ = draw_customers(3000, 1, seed=1)
    trees = {"n_estimators": 20, "learning_rate": 0.15}
    model = make(cls, selection_cv=cv, calibration_cv=cv, **trees)
    model.fit(X, y, groups=customer)
    found = log_loss(y_new, model.predict_proba(X_new))
    constant = log_loss(y_new, np.full(y_new.size, y.mean()))
    margin = model.decision_function(X_new)
    refitted = SigmoidCalibrator.fit(margin, y_new == 1, None)(margin)
    assert found < constant
    assert found < log_loss(y_new, refitted) + 0.004
    # Folds that part the copies of a customer take them for new rows.
    leaking = make(cls, selection_cv=None, **trees).fit(X, y)
    assert log_loss(y_new, leaking.predict_proba(X_new)) > 1.2 * constant


# --- which rows train and which are scored ----------------------------------------------


@each_class
@each_parameter
@pytest.mark.parametrize(
    "kind", ["splitter", "list", "iterator", "masks", "repeated", "time series", "predefined"]
)
def test_any_splitter_or_iterable_says_which_rows_are_held_out(cls, name, kind, table, watched):
    X, y, _ = table
    splitter = {
        "repeated": RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
        "time series": TimeSeriesSplit(4),
        "predefined": PredefinedSplit(np.arange(y.size) % 4 - 1),
    }.get(kind, KFold(4, shuffle=True, random_state=5))
    splits = list(splitter.split(X, y))
    rows = np.arange(y.size)
    cv = {
        "list": splits,
        "iterator": iter(splits),
        "masks": [tuple(np.isin(rows, part) for part in split) for split in splits],
    }.get(kind, splitter)
    other = "calibration_cv" if name == "selection_cv" else "selection_cv"
    model = make(cls, **{name: cv, other: None}).fit(X, y)
    assert watched == [as_sets(splits)]
    if name == "calibration_cv":
        # Of other customers: copies of these are in several folds.
        X_new, y_new, _ = draw_customers(2_000, 1, seed=1, rate=0.3)
        X_new = np.column_stack([X_new, np.resize(rows, y_new.size)])
        found = model.predict_proba(X_new)[:, 1].mean()
        assert found == pytest.approx(y_new.mean(), abs=0.05)


@each_class
def test_rows_that_no_split_holds_out_do_not_calibrate(cls, table):
    X, y, _ = table
    y = y.copy()
    # All of the first rows are positives: they train, and say nothing of probabilities.
    y[:78], y[78:80] = 1, 0
    model = make(cls, n_estimators=1, selection_cv=None, calibration_cv=TimeSeriesSplit(4))
    rng = np.random.default_rng(0)
    model.fit(rng.standard_normal(X.shape), y)
    fresh = model.predict_proba(rng.standard_normal((500, X.shape[1])))[:, 1].mean()
    assert fresh == pytest.approx(y[80:].mean(), abs=0.05)
    assert fresh < y.mean() - 0.05


@each_class
def test_splits_equal_to_numbered_folds_give_the_same_model(cls, table):
    X, y, customer = table
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    by_number = make(cls).fit(X, y).predict_proba(X)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    by_splitter = make(cls, selection_cv=folds, calibration_cv=folds).fit(X, y)
    np.testing.assert_array_equal(by_splitter.predict_proba(X), by_number)
    grouped = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
    by_splitter = make(cls, selection_cv=grouped, calibration_cv=grouped)
    np.testing.assert_array_equal(
        by_splitter.fit(X, y, groups=customer).predict_proba(X),
        make(cls).fit(X, y, groups=customer).predict_proba(X),
    )


@each_class
def test_fits_are_shared_if_the_splits_are_the_same(cls, table, watched):
    X, y, _ = table
    equal = [list(KFold(3).split(X)), KFold(3)]
    drawing = KFold(3, shuffle=True)
    for pair, n_calls in [
        (equal, 1),
        ([drawing] * 2, 1),
        ([KFold(3), KFold(4)], 2),
        ([3, equal[1]], 2),
    ]:
        watched.clear()
        make(cls, selection_cv=pair[0], calibration_cv=pair[1]).fit(X, y)
        assert len(watched) == n_calls


@each_class
@pytest.mark.parametrize("weightless", [slice(40, 60), slice(100, 200)])
def test_rows_without_weight_keep_their_numbers(cls, weightless, table, watched):
    X, y, _ = table
    weight = np.ones(y.size)
    weight[weightless] = 0.0
    make(cls, selection_cv=None, calibration_cv=KFold(4)).fit(X, y, sample_weight=weight)
    without = set(np.flatnonzero(weight == 0).tolist())
    expected = [tuple(part - without for part in split) for split in as_sets(KFold(4).split(X))]
    # A split that holds out nothing else is left out.
    assert watched == [[split for split in expected if split[1]]]


# --- groups -----------------------------------------------------------------------------


@each_class
@pytest.mark.parametrize("cv", [3, np.int64(3), GroupKFold(3)])
@pytest.mark.parametrize("kind", ["numbers", "names", "mixed"])
def test_groups_are_kept_together(cls, cv, kind, table, watched):
    X, y, customer = table
    given = {
        "numbers": customer,
        "names": [f"customer {one}" for one in customer],
        "mixed": np.array([one if one % 2 else str(one) for one in customer], dtype=object),
    }[kind]
    if kind == "mixed" and isinstance(cv, GroupKFold):
        pytest.skip("GroupKFold sorts groups")
    make(cls, selection_cv=cv, calibration_cv=cv).fit(X, y, groups=given)
    assert len(watched) == 1
    for trained, scored in watched[0]:
        assert not {customer[row] for row in trained} & {customer[row] for row in scored}
    assert set().union(*(scored for _, scored in watched[0])) == set(range(y.size))


@each_class
def test_splits_that_part_a_group_are_warned_about(cls, table):
    X, y, customer = table
    with pytest.warns(UserWarning, match=r"calibration_cv trains on and holds out .* split 1 of 3"):
        make(cls, calibration_cv=KFold(3)).fit(X, y, groups=customer)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make(cls, calibration_cv=KFold(3), n_estimators=2).fit(X, y)


@each_class
def test_groups_that_cannot_be_used(cls, table):
    X, y, customer = table
    with pytest.raises(ValueError, match="groups must have one entry per sample: expected 400"):
        make(cls).fit(X, y, groups=customer[1:])
    missing = np.where(customer == 7, np.nan, customer)
    with pytest.raises(ValueError, match="groups must not be missing, and 4 of 400 are"):
        make(cls).fit(X, y, groups=missing)
    one = np.where(y == 1, 0, 1 + np.arange(y.size))
    with pytest.raises(ValueError, match=f"{cls.__name__} keeps the rows of a group in one fold"):
        make(cls, n_estimators=10**7).fit(X, y, groups=one)
    make(cls, selection_cv=None, calibration_cv=None).fit(X, y, groups=one)


# --- splits that cannot be used ---------------------------------------------------------


@each_class
@each_parameter
@pytest.mark.parametrize("cv", [1, 0, 2.5, "prefit", KFold, True])
def test_what_is_no_split_is_refused(cls, name, cv, table):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {cls.__name__} must be"):
        make(cls, **{name: cv}).fit(*table[:2])


@each_class
@each_parameter
def test_splits_that_cannot_be_used_name_the_cause(cls, name, table):
    X, y, _ = table
    # Before the first model is trained.
    model, rows = make(cls, n_estimators=10**7), np.arange(y.size)
    order = np.argsort(y, kind="stable")
    for cv, message in [
        ([], f"{name} has no splits"),
        (KFold(2), f"has no positive to train on in split 2 of 2 of {name}: y has"),
        ([(rows[:110], rows[100:])], f"{name} must not train on rows that it holds out: 10 are"),
        ([(rows, [y.size])], f"{name} must be None, an int .*: index 400 is out of bounds"),
        ([1, 2], f"{name} must be None, an int"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            model.set_params(**{name: cv}).fit(X[order], y[order])
    negatives = np.flatnonzero(y == 0)[:50]
    split = [(np.setdiff1d(rows, negatives), negatives)]
    message = {
        "selection_cv": "none of the 1 splits of selection_cv holds out both",
        "calibration_cv": "splits of calibration_cv hold out 50 rows with weight, none of class 1",
    }[name]
    with pytest.raises(ValueError, match=message):
        model.set_params(**{name: split}).fit(X, y)


@each_class
def test_a_split_whose_positives_have_no_value(cls, table):
    X, y, _ = table
    value = np.where(np.arange(y.size) < 200, 1.0, 0.0)
    model = make(cls, n_estimators=10**7, calibration_cv=KFold(2))
    message = r"no positive with value to train on in split 1 of 2 of calibration_cv"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, value=value)


@each_class
def test_splits_without_a_class_to_rank_are_left_out_of_the_choice(cls, table, watched):
    X, y, _ = table
    rows = np.arange(y.size)
    negatives = np.flatnonzero(y == 0)[:20]
    cv = [(np.setdiff1d(rows, negatives), negatives), *KFold(2).split(X)]
    make(cls, selection_cv=cv, calibration_cv=None).fit(X, y)
    assert watched == [as_sets(cv[1:])]
    watched.clear()
    # Nothing is chosen by fewer than ten held-out positives.
    few = np.r_[np.flatnonzero(y == 1)[:9], negatives]
    make(cls, selection_cv=[(np.setdiff1d(rows, few), few)], calibration_cv=None).fit(X, y)
    assert watched == []
    with pytest.raises(ValueError, match="none of the 400 splits of selection_cv holds out both"):
        make(cls, selection_cv=LeaveOneOut()).fit(X, y)


# --- scikit-learn -----------------------------------------------------------------------


@each_class
def test_clones_pickles_and_parameters(cls, table):
    X, y, _ = table
    splitter = KFold(3)
    model = make(cls, selection_cv=None).set_params(calibration_cv=splitter)
    assert model.get_params()["calibration_cv"] is splitter
    copied = clone(model).fit(X, y)
    assert isinstance(copied.calibration_cv, KFold)
    loaded = pickle.loads(pickle.dumps(copied))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.fit(X, y).predict_proba(X))
    np.testing.assert_array_equal(loaded.fit(X, y).predict(X), model.predict(X))
    # An iterator cannot be copied, and a model that was fitted with it predicts all the same.
    model.set_params(calibration_cv=splitter.split(X)).fit(X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@each_class
@pytest.mark.parametrize("cv", [2, GroupKFold(2)])
def test_groups_are_routed_to_the_folds_of_both_levels(cls, cv, table, watched):
    X, y, customer = table
    with config_context(enable_metadata_routing=True):
        model = make(cls, selection_cv=None, calibration_cv=cv)
        for one in (model, clone(model).set_fit_request(groups=True)):
            watched.clear()
            cross_validate(
                one,
                X,
                y,
                cv=GroupKFold(2),
                params={"groups": customer},
                scoring=make_coverage_scorer(0.05),
                error_score="raise",
            )
            assert len(watched) == 2
            for trained, scored in (split for call in watched for split in call):
                assert not {customer[row] for row in trained} & {customer[row] for row in scored}
        grid = {"calibration_cv": [2, GroupKFold(2)]}
        search = GridSearchCV(model, grid, cv=GroupKFold(2), error_score="raise")
        search.fit(X, y, groups=customer)
        # Whoever does not want them says so.
        watched.clear()
        without = make(cls, selection_cv=None, calibration_cv=2).set_fit_request(groups=False)
        cross_validate(without, X, y, cv=GroupKFold(2), params={"groups": customer})
        trained, scored = watched[0][0]
        assert {customer[row] for row in trained} & {customer[row] for row in scored}


@each_class
def test_a_splitter_may_ask_for_groups_by_another_name(cls, table):
    X, y, customer = table
    plain = make(cls, calibration_cv=GroupKFold(3)).fit(X, y, groups=customer).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        cv = GroupKFold(3).set_split_request(groups="customer")
        model = make(cls, calibration_cv=cv).fit(X, y, customer=customer)
        # Groups are for numbers of folds, too, and nobody told `selection_cv` of them.
        model.set_params(selection_cv=None).fit(X, y, customer=customer)
        named = model.predict_proba(X)
        same = make(cls, selection_cv=None, calibration_cv=GroupKFold(3))
        np.testing.assert_array_equal(named, same.fit(X, y, groups=customer).predict_proba(X))
        with pytest.raises(ValueError, match="does not read the column 'customer'"):
            make(cls).fit(X, y, customer=customer)
    assert plain.shape == named.shape
