"""Tables as they come to `PAUCClassifier`: kinds of columns, missing values, scales, few rows."""

import re
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pd = pytest.importorskip("pandas")

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn

from skbudget import PAUCClassifier

torch.set_num_threads(1)


def make(**params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 200,
        "max_epochs": 3,
        "random_state": 0,
    }
    return PAUCClassifier(**{**small, **params})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.1).astype(int)
    X = rng.normal(size=(600, 4))
    X[:, :2] += 1.5 * y[:, None]
    return X, y


@pytest.fixture(scope="module")
def fitted(table):
    return make().fit(*table)


def frame(X, **columns):
    return pd.DataFrame(X, columns=list("abcd")).assign(**columns)


# --- what is taken


def test_numbers_truth_values_and_nullable_types(table, fitted):
    X, y = table
    wanted = fitted.decision_function(X)
    for dtype in ("float64", "Float64", "object"):
        found = make().fit(frame(X).astype(dtype), y).decision_function(frame(X).astype(dtype))
        np.testing.assert_array_equal(found, wanted)
    truth = X.copy()
    truth[:, 3] = truth[:, 3] > 0
    wanted = make().fit(truth, y).decision_function(truth)
    for dtype in ("bool", "boolean", "int8", "Int64", "UInt8", "object"):
        columns = frame(X, d=pd.Series(truth[:, 3] > 0).astype(dtype))
        found = make().fit(columns, y).decision_function(columns)
        np.testing.assert_array_equal(found, wanted)
    as_objects = truth.astype(object)
    np.testing.assert_array_equal(
        make().fit(as_objects, y).decision_function(as_objects.tolist()), wanted
    )


def test_polars_brings_no_warning(table, fitted):
    pl = pytest.importorskip("polars")
    X, y = table
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = pl.DataFrame(X, schema=list("abcd"))
        model = make().fit(columns, y)
        np.testing.assert_array_equal(model.decision_function(columns), fitted.decision_function(X))
        columns = columns.with_columns(pl.Series("d", X[:, 3] > 0))
        make().fit(columns, y)
    columns = columns.with_columns(pl.Series("shop", ["x", "y"] * 300))
    with pytest.raises(ValueError, match=r"1 column of another kind: 'shop' \(String\)"):
        make().fit(columns, y)


# --- what is refused, by name


KINDS = {
    "text": (lambda: ["x", "y"] * 300, "str|object of string"),
    "string": (lambda: pd.array(["x", "y"] * 300, dtype="string"), "string"),
    "numerals": (lambda: pd.array(["1", "2"] * 300, dtype=object), "text of numerals"),
    "mixed": (lambda: pd.array([1, "2"] * 300, dtype=object), "text of numerals"),
    "category": (lambda: pd.Categorical(["x", "y"] * 300), "category"),
    "category of numbers": (lambda: pd.Categorical([1, 2] * 300), "category"),
    "date": (lambda: pd.date_range("2020-01-01", periods=600), r"datetime64\[.s\]"),
    "zone": (lambda: pd.date_range("2020-01-01", periods=600, tz="UTC"), r"datetime64\[.s, UTC\]"),
    "duration": (lambda: pd.to_timedelta(np.arange(600), "D"), r"timedelta64\[.*s\]"),
    "period": (lambda: pd.period_range("2020-01-01", periods=600), r"period\[D\]"),
    "lists": (lambda: [[1]] * 600, "object of mixed"),
}


@pytest.mark.parametrize(("values", "kind"), KINDS.values(), ids=list(KINDS))
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_columns_that_are_no_numbers_are_named(table, values, kind, method):
    X, y = table
    columns = frame(X, c=values())
    match = rf"PAUCClassifier takes numbers and booleans, and X has 1 column.*'c' \({kind}\)"
    model = make(max_epochs=1)
    call = model.fit(frame(X), y).predict if method == "predict" else lambda X: model.fit(X, y)
    with pytest.raises(ValueError, match=match):
        call(columns)


def test_all_of_them_are_named_with_the_lines_that_prepare_them(table):
    X, y = table
    columns = frame(
        X,
        shop=["x", "y", "z"] * 200,
        kind=pd.Categorical(["u", "v"] * 300),
        day=pd.date_range("2020-01-01", periods=600),
    )
    with pytest.raises(ValueError, match="X has 3 columns of another kind: 'shop'") as caught:
        make().fit(columns, y)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert len(lines) == 3
    # The lines run as they stand.
    names = {
        "pd": pd,
        "X": columns,
        "PAUCClassifier": lambda _: make(),
        **{
            tool.__name__: tool
            for tool in (make_column_transformer, make_pipeline, OneHotEncoder, StandardScaler)
        },
    }
    exec("\n".join(lines), names)
    model = names["model"].fit(names["X"], y)
    assert model.predict_proba(names["X"]).shape == (600, 2)
    assert model[-1].n_features_in_ == 5 + 3 + 2


def test_numerals_are_no_categories(table):
    X, y = table
    columns = frame(X, c=pd.Series(X[:, 2]).map(str))
    with pytest.raises(ValueError, match="text of numerals") as caught:
        make().fit(columns, y)
    (line,) = str(caught.value).splitlines()[1:]
    exec(line.strip(), {"pd": pd, "X": columns})
    np.testing.assert_array_equal(
        make().fit(columns, y).decision_function(columns),
        make().fit(X, y).decision_function(X),
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.date_range("2020-01-01", periods=600), "datetime64"),
        (pd.date_range("2020-01-01", periods=600, tz="UTC"), "datetime64"),
        (pd.date_range("2020-01-01", periods=600).date, "object of date"),
        (pd.to_timedelta(np.arange(600), "D"), "timedelta64"),
    ],
    ids=["dates", "zone", "objects", "durations"],
)
def test_the_line_for_dates_and_durations_runs(table, values, kind):
    X, y = table
    columns = frame(X, when=values)
    with pytest.raises(ValueError, match=rf"'when' \({kind}") as caught:
        make().fit(columns, y)
    (line,) = str(caught.value).splitlines()[1:]
    exec(line.strip(), {"pd": pd, "X": columns})
    assert columns["when"].diff()[1:].nunique() == 1
    # The network scales what has become a number of nanoseconds.
    assert scale_warnings(columns, y) == []


def test_many_columns_are_counted(table):
    columns = pd.DataFrame({f"t{k}": ["x"] * 600 for k in range(25)})
    with pytest.raises(ValueError, match=r"X has 25 columns.*'t9' \(\w+\) and 15 others"):
        make().fit(columns, table[1])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([["x", 1.0]] * 600, dtype=object), r"number 0 \(str\)"),
        ([["x", 1.0]] * 600, r"number 0 \(str\)"),
        (np.array([["x", "y"]] * 600), r"2 columns.*number 0 \(<U1\), number 1"),
        (np.full((600, 1), np.datetime64("2020-01-01")), r"number 0 \(datetime64\[D\]\)"),
        (np.full((600, 1), np.timedelta64(3, "D")), r"number 0 \(timedelta64\[D\]\)"),
    ],
)
def test_columns_of_arrays_are_numbered(table, values, kind):
    with pytest.raises(ValueError, match=f"PAUCClassifier takes numbers and booleans.*{kind}"):
        make().fit(values, table[1])


# --- missing and infinite values


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e39, -1e300])
def test_infinity_is_named_and_counted(table, bad):
    X, y = table
    X = X.copy()
    X[[1, 5, 7], 1], X[3, 3] = bad, bad
    message = r"contains infinity.*beyond the range of float32, in 2 columns: {} \(3\), {} \(1\)"
    with pytest.raises(ValueError, match=message.format("'b'", "'d'")):
        make().fit(frame(X), y)
    with pytest.raises(ValueError, match=message.format("number 1", "number 3")):
        make().fit(X, y)
    with pytest.raises(ValueError, match=message.format("number 1", "number 3")):
        make().fit(sp.csr_matrix(X), y)
    with pytest.raises(ValueError, match=message.format("'b'", "'d'")):
        make(max_epochs=1).fit(frame(table[0]), y).decision_function(frame(X))


def test_missing_values_are_named_and_counted(table):
    X, y = table
    X = X.copy()
    X[:4, 2] = np.nan
    X[9, 0] = np.inf
    for columns in (frame(X), frame(X).astype({"c": "Float64"})):
        with pytest.raises(
            ValueError, match=r"infinity.*'a' \(1\) and NaN in 1 column: 'c' \(4\)"
        ) as caught:
            make().fit(columns, y)
    for values in (pd.array([1, None] * 300, dtype="Int64"), np.array([1, None] * 300, object)):
        with pytest.raises(ValueError, match=r"NaN in 1 column: 'c' \(300\)"):
            make().fit(frame(table[0], c=values), y)
    as_objects = table[0].astype(object)
    as_objects[5, 2] = None
    with pytest.raises(ValueError, match=r"NaN in 1 column: number 2 \(1\)"):
        make().fit(as_objects, y)
    # The two lines run as they stand, for the kind of table that was passed.
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert len(lines) == 2
    names = {"np": np, "X": frame(X), "PAUCClassifier": lambda _: make()}
    names |= {tool.__name__: tool for tool in (make_pipeline, SimpleImputer, StandardScaler)}
    exec("\n".join(lines).replace("...", "None"), names)
    assert names["model"].fit(names["X"], y).predict(names["X"]).shape == (600,)


def test_large_numbers_that_add_up_to_infinity_are_none(table):
    X, y = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = make(max_epochs=1, lr=1e-12).fit(X, y)
        assert np.isfinite(model.decision_function(np.full((600, 4), 1e36))).all()


# --- the scale of features


def scale_warnings(X, y, **params):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(max_epochs=1, **params).fit(X, y)
    found = [one for one in caught if "far from the scale of 1" in str(one.message)]
    assert all(one.filename == __file__ for one in found)
    return [str(one.message) for one in found]


# A network of one's own does not scale its columns by itself.
OWN = {"module": lambda n_features, n_outputs: nn.Linear(n_features, n_outputs)}


@pytest.mark.parametrize("factor", [1e3, 30.0, 1e-3])
def test_unscaled_features_are_warned_of_once(table, factor):
    X, y = table
    X = X * np.array([1.0, factor, 1.0, factor])
    assert scale_warnings(frame(X), y, n_members=3) == []
    (message,) = scale_warnings(frame(X), y, n_members=3, **OWN)
    assert "2 of 4 features" in message
    assert "'b' (" in message
    assert "'d' (" in message
    assert "make_pipeline(StandardScaler(), PAUCClassifier(...))" in message
    (message,) = scale_warnings(sp.csr_matrix(X), y, **OWN) if factor > 1 else (message,)
    scaled = StandardScaler().fit_transform(X)
    assert scale_warnings(scaled, y, **OWN) == []


def test_a_shift_is_a_scale(table):
    X, y = table
    (message,) = scale_warnings(X + np.array([0.0, 0.0, 2020.0, 0.0]), y, **OWN)
    assert "1 of 4 features" in message
    assert "number 2 (2e+03)" in message


def test_columns_that_are_as_they_should_be(table):
    X, y = table
    rng = np.random.default_rng(0)
    heavy = StandardScaler().fit_transform(rng.lognormal(sigma=2, size=(600, 1)))
    rare = np.zeros((600, 1))
    rare[3] = 1.0
    unit = rng.random((600, 1))
    constant, nothing = np.ones((600, 1)), np.zeros((600, 1))
    assert scale_warnings(np.hstack([X, heavy, rare, unit, constant, nothing]), y, **OWN) == []
    assert scale_warnings(sp.csr_matrix(rare), y, batch_size=600, **OWN) == []


def test_a_network_that_scales_by_itself_is_not_told(table):
    X, y = table
    norm = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))
    assert scale_warnings(1e3 * X, y, module=norm) == []
    assert len(scale_warnings(1e3 * X, y, module=nn.Linear(4, 1))) == 1


def test_a_stream_is_told_once(table):
    X, y = table
    model = make(**OWN)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            model.partial_fit(1e3 * X, y)
    assert sum("far from the scale of 1" in str(one.message) for one in caught) == 1


# --- few rows


@pytest.mark.parametrize(("n_rows", "told"), [(1, True), (2, True), (9, True), (10, False)])
def test_few_positives_are_warned_of(table, n_rows, told):
    X, _ = table
    y = (np.arange(600) < n_rows).astype(int)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(max_epochs=1, calibration_cv=None).fit(X, y)
    found = [one for one in caught if "fewer than 10" in str(one.message)]
    assert len(found) == told
    if told:
        assert found[0].filename == __file__
        plural = "s" * (n_rows != 1)
        assert f"PAUCClassifier: y has {n_rows} positive{plural}," in str(found[0].message)


def test_of_more_classes_the_rarest_counts(table):
    X, y = table
    y = np.where(np.arange(600) < 4, 2, y)
    with pytest.warns(UserWarning, match="y has 4 rows of class 2, fewer than 10"):
        make(max_epochs=1).fit(X, y)


# --- weights near the ends of the floats


@pytest.mark.filterwarnings("ignore:.*majority:UserWarning")
@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e60, 1e-42])
def test_the_unit_of_weights_and_values_does_not_matter(table, scale):
    X, y = table
    weight = np.random.default_rng(0).integers(1, 4, size=y.size).astype(float)
    weight /= weight.max()
    wanted = make().fit(X, y, sample_weight=weight).decision_function(X)
    found = make().fit(X, y, sample_weight=weight * scale).decision_function(X)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    by_class = make(class_weight={0: scale, 1: scale}).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(by_class.decision_function(X), wanted, rtol=1e-5, atol=1e-6)
    wanted = make().fit(X, y, value=weight).decision_function(X)
    found = make().fit(X, y, value=weight * scale).decision_function(X)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "weights",
    [
        {0: "a", 1: 1.0},
        {0: np.nan, 1: 1.0},
        {0: np.inf, 1: 1.0},
        {0: True, 1: 1.0},
        {0: None, 1: 1},
    ],
)
def test_class_weights_are_numbers(table, weights):
    got = re.escape(repr(weights))
    with pytest.raises(ValueError, match=f"'class_weight' parameter.*finite weight.*Got {got}"):
        make(class_weight=weights).fit(*table)


def test_tables_of_arrow_are_those_of_pandas(table):
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    X, y = table
    frame = pandas.DataFrame(np.asarray(X), columns=[f"f{n}" for n in range(np.shape(X)[1])])
    model = PAUCClassifier(n_members=1, max_epochs=1, random_state=0).fit(frame, y)
    arrow = pyarrow.Table.from_pandas(frame)
    np.testing.assert_array_equal(model.decision_function(arrow), model.decision_function(frame))
    frame["when"] = pandas.Timestamp("2024-01-01")
    with pytest.raises(ValueError, match=r"'when' \(datetime64"):
        PAUCClassifier().fit(pyarrow.Table.from_pandas(frame), y)
