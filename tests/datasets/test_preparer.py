"""Tables as they come: what is made of each kind of column, and that it is always the same."""

import io
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbudget.datasets import TablePreparer
from skbudget.datasets._dates import MISSING_DATE, written_dates

pandas = pytest.importorskip("pandas")


def prepared(**columns):
    """Return the prepared columns of a table, and the preparer."""
    table = pandas.DataFrame(columns)
    preparer = TablePreparer()
    return preparer.fit_transform(table), preparer


def days(*texts):
    return (np.array(texts, dtype="datetime64[D]")).astype(float)


@parametrize_with_checks([TablePreparer()])
def test_estimator_checks(estimator, check):
    check(estimator)


# --- kinds of columns -------------------------------------------------------------------


def test_numbers_and_missing_values():
    table, preparer = prepared(
        flag=[True, False, True],
        count=pandas.array([1, None, 3], dtype="Int64"),
        answer=pandas.array([True, None, False], dtype="boolean"),
        nothing=[None, None, None],
        small=np.array([1, 2, 3], dtype="int8"),
        wait=pandas.to_timedelta([86_400, None, 43_200], unit="s"),
    )
    nan = np.nan
    expected = [[1, 1, 1, nan, 1, 1], [0, nan, nan, nan, 2, nan], [1, 3, 0, nan, 3, 0.5]]
    np.testing.assert_array_equal(table.to_numpy(), expected)
    assert set(table.dtypes.astype(str)) == {"float64"}
    assert set(preparer.kinds_.values()) == {"number"}
    assert preparer.notes_ == ()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39, -1e39, "inf", "-Infinity", "1e400"])
def test_infinite_values_are_missing(value):
    for dtype in (float, object):
        column = np.array([1.0, value, 3.0, value], dtype=object).astype(dtype)
        table, preparer = prepared(amount=column)
        np.testing.assert_array_equal(table["amount"], [1.0, np.nan, 3.0, np.nan])
        assert preparer.notes_[-1] == (
            "1 of 1 columns with infinite values, which are taken as missing: amount (2)"
        )
        later = pandas.DataFrame({"amount": [value, 2.0]})
        np.testing.assert_array_equal(preparer.transform(later)["amount"], [np.nan, 2.0])


def test_largest_number_is_kept():
    largest = float(np.finfo(np.float32).max)
    table, preparer = prepared(amount=[largest, -largest])
    assert table["amount"].tolist() == [largest, -largest]
    assert preparer.notes_ == ()


def test_arrays_stay_arrays():
    X = np.array([[1.0, np.inf], [np.nan, 2.0], [3.0, -np.inf]])
    before = X.copy()
    preparer = TablePreparer().fit(X)
    expected = [[1.0, np.nan], [np.nan, 2.0], [3.0, np.nan]]
    np.testing.assert_array_equal(preparer.transform(X), expected)
    np.testing.assert_array_equal(X, before)
    assert preparer.notes_ == (
        "1 of 2 columns with infinite values, which are taken as missing: x1 (2)",
    )
    assert preparer.get_feature_names_out().tolist() == ["x0", "x1"]
    with pytest.warns(UserWarning, match="feature names"):
        frame = preparer.transform(pandas.DataFrame(X, columns=["x0", "x1"]))
    np.testing.assert_array_equal(frame, expected)


def test_text_of_numbers_and_of_booleans():
    table, preparer = prepared(
        number=["1.5", " 2", None, "NA"],
        flag=["True", "false", None, "TRUE"],
        mixed=[True, False, None, True],
        money=[b"1", b"2", b"", b"3"],
    )
    np.testing.assert_array_equal(table["number"], [1.5, 2.0, np.nan, np.nan])
    np.testing.assert_array_equal(table["flag"], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(table["mixed"], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(table["money"], [1, 2, np.nan, 3])
    assert preparer.notes_ == (
        "4 of 4 columns of text read as numbers: number, flag, mixed, money",
    )


def test_a_few_entries_of_another_kind_are_missing():
    amounts = [f"{number}.5" for number in range(199)] + ["unknown"]
    dates = np.datetime_as_string(np.datetime64("2020-01-01") + np.arange(200)).tolist()
    dates[7:9] = ["0000-00-00", "0000-00-00"]
    table, preparer = prepared(amount=amounts, day=dates)
    assert table["amount"].isna().tolist() == [False] * 199 + [True]
    assert np.flatnonzero(table["day"].isna()).tolist() == [7, 8]
    assert preparer.notes_[-1] == (
        "2 of 2 columns with a few entries of another kind, which are taken as missing: "
        "amount (1, such as 'unknown'), day (2, such as '0000-00-00')"
    )
    # With three of them, it is text.
    amounts[:2] = ["unknown", "unknown"]
    _, preparer = prepared(amount=amounts)
    assert preparer.kinds_ == {"amount": "left out"}


def test_categories():
    table, preparer = prepared(
        city=["Oslo", "Lima", None, "Oslo"],
        typed=pandas.Categorical(["b", "a", "a", None], categories=["c", "b", "a"]),
        number=pandas.Categorical([3, 1, None, 3]),
    )
    assert table["city"].cat.codes.tolist() == [1, 0, -1, 1]
    assert table["typed"].cat.codes.tolist() == [1, 0, 0, -1]
    assert table["number"].cat.codes.tolist() == [1, 0, -1, 1]
    assert preparer.notes_ == (
        "3 of 3 columns read as categories: city (2 levels), typed (2 levels), number (2 levels)",
    )
    later = pandas.DataFrame(
        {"city": ["Rome", "Lima"], "typed": ["a", "c"], "number": pandas.Categorical([1, 2])}
    )
    codes = preparer.transform(later).apply(lambda column: column.cat.codes)
    assert codes.to_numpy().tolist() == [[-1, 0, 0], [0, -1, -1]]


def test_the_order_of_rows_does_not_number_the_categories():
    cities = ["Oslo", "Lima", "Rome", "Lima"]
    first, _ = prepared(city=cities)
    turned, _ = prepared(city=cities[::-1])
    assert first["city"].tolist() == turned["city"].tolist()[::-1]


def test_nearly_all_different_text_is_left_out():
    names = [f"n{number}" for number in range(100)]
    table, preparer = prepared(name=names, a=range(100))
    assert list(table.columns) == ["a"]
    assert preparer.kinds_ == {"name": "left out", "a": "number"}
    assert "n12" not in str(preparer.transform(pandas.DataFrame({"name": ["x"], "a": [1]})))
    # As many as may be: 90 of 100. Few are never too many.
    names[90:] = names[:10]
    assert prepared(name=names)[1].kinds_ == {"name": "category"}
    assert prepared(name=names[:20])[1].kinds_ == {"name": "category"}
    assert prepared(name=names[:21])[1].kinds_ == {"name": "left out"}
    looser = TablePreparer(max_distinct=1.0).fit(pandas.DataFrame({"name": names[:90]}))
    assert looser.kinds_ == {"name": "category"}
    nothing = TablePreparer().fit_transform(pandas.DataFrame({"name": names[:21]}, index=range(21)))
    assert nothing.shape == (21, 0)


def test_entries_that_are_no_text_at_all():
    table, preparer = prepared(words=[["a"], ["b"], None, ["a"]])
    assert table["words"].cat.codes.tolist() == [0, 1, -1, 0]
    assert preparer.kinds_ == {"words": "category"}


# --- dates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day", "hour"),
    [
        ("2020-01-31", "2020-01-31", 0),
        ("2020/1/31", "2020-01-31", 0),
        ("31.01.2020", "2020-01-31", 0),
        ("31/1/2020", "2020-01-31", 0),
        ("1/31/2020", "2020-01-31", 0),
        ("31-Jan-2020", "2020-01-31", 0),
        ("31 January 2020", "2020-01-31", 0),
        ("2020-01-31T06:30", "2020-01-31", 6.5),
        ("2020-01-31 06:30:00.000", "2020-01-31", 6.5),
        ("1/31/2020 6:30:00 PM", "2020-01-31", 18.5),
        ("1/31/2020 12:30 am", "2020-01-31", 0.5),
        ("2020-01-31 06:30:00Z", "2020-01-31", 6.5),
        ("2020-01-31 00:30:00+01:00", "2020-01-30", 23.5),
        ("2020-01-31 23:30:00-0100", "2020-02-01", 0.5),
        ("1899-12-30 18:00:00", "1899-12-30", 18),
        ("9999-12-31", "9999-12-31", 0),
        ("2020-02-29", "2020-02-29", 0),
    ],
)
def test_dates_in_text(text, day, hour):
    table, preparer = prepared(day=[text, None, "", text])
    values = days(day)[0] + hour / 24
    np.testing.assert_allclose(table["day"], [values, np.nan, np.nan, values], rtol=1e-14)
    assert preparer.kinds_ == {"day": "date"}
    if hour:
        np.testing.assert_allclose(table["day_hour"], [hour, np.nan, np.nan, hour])
        assert preparer.notes_[0].endswith("since 1970-01-01: day (and the hour of the day)")
    else:
        assert list(table.columns) == ["day"]


@pytest.mark.parametrize(
    "text",
    ["2021-02-29", "2020-13-01", "32.01.2020", "0/1/2020", "2020-01-31 25:00", "2020-01-31 10:75",
     "1.2.20", "2020-01", "10:30", "31-Foo-2020", "2020-01/31", "0000-01-01", "2020-01-31x"],
)  # fmt: skip
def test_no_dates(text):
    for order in ("year", "day", "month", "word"):
        assert written_dates([text], order).tolist() == [MISSING_DATE]
    assert prepared(day=[text, text])[1].kinds_ == {"day": "category"}


def test_day_and_month_are_told_apart_by_the_whole_column():
    for texts, expected in (
        (["1/2/2020", "13/2/2020"], days("2020-02-01", "2020-02-13")),
        (["1/2/2020", "2/13/2020"], days("2020-01-02", "2020-02-13")),
        (["1.2.2020", "13.2.2020"], days("2020-02-01", "2020-02-13")),
    ):
        table, preparer = prepared(day=texts)
        np.testing.assert_array_equal(table["day"], expected)
        assert len(preparer.notes_) == 1
    for text, first, expected in (
        ("1/2/2020", "month", "2020-01-02"),
        ("1.2.2020", "day", "2020-02-01"),
    ):
        table, preparer = prepared(day=[text])
        np.testing.assert_array_equal(table["day"], days(expected))
        assert preparer.notes_[1] == (
            "1 of 1 columns with dates whose day and month could be exchanged: "
            f"day (read with the {first} first)"
        )
        # The order stays what it was.
        later = preparer.transform(pandas.DataFrame({"day": ["13/1/2020", "1/13/2020"]}))
        assert later["day"].isna().tolist() == [first == "month", first == "day"]
    assert len(prepared(day=["3/3/2020"])[1].notes_) == 1


def whole_table(n_samples=300, seed=0):
    """Return a table with every kind of column that a file can hold."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("1969-12-01T00:00:00.123456", "us")
    times = start + rng.integers(0, 10**14, n_samples).astype("timedelta64[us]")
    table = pandas.DataFrame(
        {
            "time": times,
            "day": np.datetime64("1960-01-01") + rng.integers(0, 30_000, n_samples),
            "zone": pandas.date_range("2020-01-01", periods=n_samples, freq="h", tz="Europe/Oslo"),
            "end": [np.datetime64(f"{rng.choice([2020, 9999])}-12-31").item() for _ in times],
            "x": rng.standard_normal(n_samples) * 10.0 ** rng.integers(-30, 30, n_samples),
            "flag": rng.random(n_samples) < 0.5,
            "city": rng.choice(["Oslo", "Lima"], n_samples),
            "level": pandas.Categorical(rng.choice(["low", "high"], n_samples)),
            "id": [f"id{number}" for number in range(n_samples)],
            "count": pandas.array(rng.integers(0, 9, n_samples), dtype="Int64"),
        }
    )
    table.loc[::7, ["time", "x", "city", "count"]] = None
    table.loc[1::7, "x"] = np.inf
    return table


def test_the_same_from_every_type():
    table = whole_table()
    expected = TablePreparer().fit_transform(table)
    written = table.to_csv(index=False)
    texts = pandas.read_csv(io.StringIO(written), dtype=str)
    typed = pandas.read_csv(io.StringIO(written), **exactly())
    tables = [texts, texts.astype(object), typed, typed.convert_dtypes()]
    for other in tables:
        preparer = TablePreparer().fit(other)
        pandas.testing.assert_frame_equal(preparer.transform(other), expected)
        # A later table may come from another kind of file.
        pandas.testing.assert_frame_equal(preparer.transform(table), expected)
    assert expected.columns.tolist() == [
        "time", "time_hour", "day", "zone", "zone_hour", "end", "x", "flag", "city", "level",
        "count",
    ]  # fmt: skip
    microseconds = table["time"].to_numpy("datetime64[us]").astype(np.int64)[1]
    assert expected["time"][1] == microseconds / 86_400e6


def exactly():
    """Return the option that makes pandas read numbers exactly. Since version 3 it does so."""
    return {"float_precision": "round_trip"} if pandas.__version__ < "3" else {}


def test_the_same_from_arrow():
    pytest.importorskip("pyarrow")
    table = whole_table()
    expected = TablePreparer().fit_transform(table)
    file = io.BytesIO()
    table.to_parquet(file)
    for options in ({}, {"dtype_backend": "pyarrow"}):
        read = pandas.read_parquet(io.BytesIO(file.getvalue()), **options)
        pandas.testing.assert_frame_equal(TablePreparer().fit_transform(read), expected)


def test_the_same_from_polars():
    polars = pytest.importorskip("polars")
    table = whole_table().drop(columns=["zone", "level", "end"])
    columns = {name: table[name].to_numpy() for name in table.columns if name != "count"}
    columns["day"] = columns["day"].astype("datetime64[D]")
    columns["count"] = table["count"].to_numpy(dtype=float, na_value=np.nan)
    columns["city"] = [None if city is np.nan else city for city in table["city"].tolist()]
    found = TablePreparer().fit_transform(polars.DataFrame(columns, strict=False))
    expected = TablePreparer().fit_transform(table)
    pandas.testing.assert_frame_equal(found, expected[found.columns])


# --- names, pipelines, errors -----------------------------------------------------------


def test_names_that_boosters_refuse():
    table, _ = prepared(**{"amount [EUR]": [1.0], "a:b": [2.0], "a,b": [3.0], "<x>": [4.0]})
    assert table.columns.tolist() == ["amount _EUR_", "a_b", "a_b_", "_x_"]
    table, _ = prepared(day=["2020-01-01 12:00"], day_hour=[1.0])
    assert table.columns.tolist() == ["day", "day_hour_", "day_hour"]
    assert table["day_hour"].tolist() == [1.0]
    table = pandas.DataFrame({0: [1.0], "a": [2.0]})
    with pytest.raises(TypeError, match="Feature names are only supported if all input features"):
        TablePreparer().fit(table)


def test_index_and_table_are_kept():
    table = pandas.DataFrame({"a": ["1", "inf"]}, index=["p", "q"])
    before = table.copy()
    assert TablePreparer().fit_transform(table).index.tolist() == ["p", "q"]
    pandas.testing.assert_frame_equal(table, before)


def test_before_an_estimator():
    lightgbm = pytest.importorskip("lightgbm")
    table = whole_table()
    y = (table["time"].to_numpy("datetime64[s]").astype(float) > 6e7).astype(int)
    model = make_pipeline(TablePreparer(), lightgbm.LGBMClassifier(n_jobs=1, verbose=-1))
    cloned = clone(model).fit(table[:200], y[:200])
    with pytest.raises(ValueError):
        lightgbm.LGBMClassifier(n_jobs=1, verbose=-1).fit(table[:200], y[:200])
    assert np.mean(cloned.predict(table[200:]) == y[200:]) > 0.8


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pandas.DataFrame(), r"shape \(0, 0\)"),
        (pandas.DataFrame({"a": []}), r"shape \(0, 1\) while TablePreparer needs at least one row"),
        (np.zeros((3, 2), complex), "Complex data not supported"),
    ],
)
def test_refused(table, message):
    with pytest.raises(ValueError, match=message):
        TablePreparer().fit(table)


def test_refused_later():
    preparer = TablePreparer().fit(pandas.DataFrame({"a": [1.0], "b": ["x"]}))
    with pytest.raises(ValueError, match="feature names should match"):
        preparer.transform(pandas.DataFrame({"a": [1.0], "c": ["x"]}))
    with pytest.raises(ValueError, match="max_distinct"):
        TablePreparer(max_distinct=2).fit(pandas.DataFrame({"a": [1.0]}))


def test_many_columns_are_one_line_each():
    table, preparer = prepared(**{f"c{j}": ["a", "b", "a"] for j in range(8)})
    assert table.shape == (3, 8)
    (note,) = preparer.notes_
    assert re.fullmatch(r"8 of 8 columns read as categories: (c\d \(2 levels\), ){5}\.\.\.", note)
