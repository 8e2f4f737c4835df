"""What `PAUCClassifier.fit` is handed beside features: names, labels, weights, masks."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pd = pytest.importorskip("pandas")

import toy_losses as toys

from skbudget import PAUCClassifier

torch.set_num_threads(1)


def make(**params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (4,),
        "max_epochs": 2,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (np.arange(240) % 6 == 0).astype(int)
    return rng.normal(size=(240, 3)) + y[:, None], y


# --- names of arguments


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sample_weigth", "Did you mean 'sample_weight'"),
        ("sample_weights", "Did you mean 'sample_weight'"),
        ("idd_mask", "Did you mean 'iid_mask'"),
        ("values", "Did you mean 'value'"),
        ("budget", r"parameter of the constructor: pass PAUCClassifier\(budget=...\)"),
        ("eval_set", "What it takes: X, y, sample_weight, groups, iid_mask, value"),
    ],
)
def test_misspelt_arguments_are_refused_even_without_a_column(table, method, name, hint):
    fit = getattr(make(), method)
    message = f"PAUCClassifier does not take '{name}' in fit, .*{hint}"
    with pytest.raises(ValueError, match=message):
        fit(*table, **{name: None})
    if "takes:" not in hint:
        with pytest.raises(ValueError, match=message):
            fit(*table, **{name: np.ones(240)})


def test_columns_that_other_losses_read_may_be_none(table):
    X, y = table
    wanted = make().fit(X, y).decision_function(X)
    found = make().fit(X, y, group=None, groups=None, process=None, value=None, iid_mask=None)
    np.testing.assert_array_equal(found.decision_function(X), wanted)
    with pytest.raises(ValueError, match="does not read the column 'group'"):
        make().fit(X, y, group=np.ones(240))


def test_a_column_of_the_loss_is_suggested(table):
    X, y = table
    group = np.arange(240) // 12
    make(loss=toys.WithinGroups(), calibration_cv=None).fit(X, y, group=group)
    with pytest.raises(ValueError, match="Did you mean 'group'"):
        make(loss=toys.WithinGroups(), calibration_cv=None).fit(X, y, goup=group)


# --- labels


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda y: None, "y to be passed, but the target y is None"),
        (lambda y: y * 1j, "y must be labels .* Complex data not supported"),
        (lambda y: np.matrix(y), "y must be labels"),
        (lambda y: np.array([(1, 2)] * 240, dtype="i4,i4"), "y must be labels .*Structured"),
        (lambda y: np.array([1, "a"] * 120, dtype=object), "y mixes labels of different types"),
        (lambda y: pd.Series(y, dtype="Int64").where(y == 0), "Input y contains NaN"),
        (lambda y: np.where(y, None, "ok"), "Input y contains NaN or None"),
        (lambda y: np.array([pd.NA, 1] * 120, dtype=object), "Input y contains NaN or None"),
        (lambda y: y[:50], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_are_none(table, method, labels, message):
    X, y = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        y = labels(y)
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(make(), method)(X, y)


def test_real_targets_beyond_single_precision(table):
    X, y = table
    with pytest.raises(ValueError, match=r"y goes up to 1e\+40, beyond the range of float32"):
        make(loss=toys.SquaredError()).fit(X, 1e40 * y)
    with pytest.raises(ValueError, match="y must be numbers|y must hold finite numbers"):
        make(loss=toys.SquaredError()).fit(X, np.where(y, "a", "b"))
    with pytest.raises(ValueError, match="y contains NaN"):
        make(loss=toys.SquaredError()).fit(X, np.where(y, np.nan, 1.0))


# --- weights


def test_weights_that_are_nothing_beside_the_greatest_leave_out_their_rows(table):
    X, y = table
    heavy = np.arange(240) % 2 == 0
    weight = np.where(heavy, 1e200, 1e100)
    found = make().fit(X, y, sample_weight=weight)
    wanted = make().fit(X[heavy], y[heavy], sample_weight=np.ones(heavy.sum()))
    np.testing.assert_allclose(found.decision_function(X), wanted.decision_function(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"one class: \[0\].* A sample_weight of 0, or of less"):
        make().fit(X, y, sample_weight=np.where(np.arange(240) == 1, 1e300, 1.0))


def test_weights_of_any_unit(table):
    X, y = table
    weight = 1.0 + np.arange(240) % 3
    base_rate = np.average(y, weights=weight)
    for unit in (1e-300, 2.0**-30, 1 / weight.sum(), 2.0**60, 1e300):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = make().fit(X, y, sample_weight=unit * weight).predict_proba(X)
        assert np.average(found[:, 1], weights=weight) == pytest.approx(base_rate, rel=0.05)


def test_values_of_negatives_do_not_count_however_great(table):
    X, y = table
    value = 1.0 + np.arange(240) % 7
    wanted = make().fit(X, y, value=value).decision_function(X)
    huge = np.where(y == 0, 1e308 / 240, value)
    np.testing.assert_array_equal(make().fit(X, y, value=huge).decision_function(X), wanted)


# --- rows drawn as in deployment


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("loss", [None, "pairwise_pauc", "smooth_ap"])
def test_a_mask_without_negatives_is_refused(table, method, loss):
    X, y = table
    for mask, n_marked in ((y == 1, 40), (np.zeros(240, dtype=bool), 0)):
        message = f"iid_mask of PAUCClassifier marks {n_marked} of 240 rows, and no negative"
        with pytest.raises(ValueError, match=message):
            getattr(make(loss=loss), method)(X, y, iid_mask=mask)


def test_a_mask_of_negatives_is_taken(table):
    X, y = table
    model = make().fit(X, y, iid_mask=(y == 0) & (np.arange(240) % 2 == 0))
    assert np.ptp(model.decision_function(X)) > 0
    # Negatives without weight are not there.
    weight = np.where((y == 0) & (np.arange(240) < 100), 0.0, 1.0)
    with pytest.raises(ValueError, match="marks 17 of 157 rows, and no negative"):
        make().fit(X, y, sample_weight=weight, iid_mask=np.arange(240) < 100)


def test_a_mask_of_one_of_three_classes_is_refused(table):
    X, _ = table
    y = np.arange(240) % 3
    make().fit(X, y, iid_mask=y < 2)
    with pytest.raises(ValueError, match="iid_mask of PAUCClassifier marks 80 of 240 rows"):
        make().fit(X, y, iid_mask=y == 2)


def test_a_later_part_of_a_stream_may_lack_marked_negatives(table):
    X, y = table
    model = make().partial_fit(X, y, iid_mask=np.ones(240, dtype=bool))
    model.partial_fit(X, y, iid_mask=y == 1)
    assert np.isfinite(model.decision_function(X)).all()
