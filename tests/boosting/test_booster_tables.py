"""Tables as they come: what the boosters take of them, and what the errors for the rest say."""

import pickle
import warnings
from decimal import Decimal

import numpy as np
import pytest
import scipy.sparse as sp
import small_models
from small_models import CLASSES

pd = pytest.importorskip("pandas")

from skbudget.boosting import PAUCLGBMClassifier, PAUCXGBClassifier

each_class = pytest.mark.parametrize("cls", CLASSES)
N_ROWS = 600


@pytest.fixture(scope="module")
def y():
    return (np.random.default_rng(0).random(N_ROWS) < 0.1).astype(int)


@pytest.fixture(scope="module")
def X(y):
    """Whole numbers, which every type holds exactly."""
    rng = np.random.default_rng(1)
    X = np.round(4 * rng.standard_normal((N_ROWS, 4)))
    X[:, 0] += 6 * y
    return X


@pytest.fixture(scope="module")
def once():
    """Fit a model once for all tests that need the same."""
    known = {}

    def fitted(key, fit):
        if key not in known:
            known[key] = fit()
        return known[key]

    return fitted


def make(cls, **params):
    """A model of few trees: what it makes of a table shows in the first ones."""
    return small_models.make(cls, **{"n_estimators": 4, **params})


def only_rank(cls, **params):
    return make(cls, selection_cv=None, calibration_cv=None, **params)


def frame_of(X):
    return pd.DataFrame(X, columns=list("abcd"))


# --- forms of the same numbers ------------------------------------------------------------

FORMS = {
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "big-endian": lambda X: X.astype(">f8"),
    "little-endian": lambda X: X.astype("<f8"),
    "big-endian float32": lambda X: X.astype(">f4"),
    "big-endian int32": lambda X: X.astype(">i4"),
    "int8": lambda X: X.astype(np.int8),
    "int64": lambda X: X.astype(np.int64),
    "uint": lambda X: (X + 200).astype(np.uint16).astype(np.int64) - 200,
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed": lambda X: X[::-1][::-1],
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "objects": lambda X: X.astype(object),
    "list": lambda X: X.tolist(),
    "frame": frame_of,
    "frame of big-endian": lambda X: frame_of(X.astype(">f8")),
    "frame of float16": lambda X: frame_of(X.astype(np.float16)),
    "frame of Int64": lambda X: frame_of(X).astype("Int64"),
    "frame of Float32": lambda X: frame_of(X).astype("Float32"),
    "frame of objects": lambda X: frame_of(X).astype(object),
    "frame of Decimal": lambda X: frame_of(X).map(lambda number: Decimal(int(number))),
    "frame of pyarrow": lambda X: frame_of(X).astype("float64[pyarrow]"),
    "frame of sparse": lambda X: frame_of(X).astype(pd.SparseDtype(float, 0.0)),
    "frame with another index": lambda X: frame_of(X).set_index(np.arange(len(X)) % 7),
    "polars": lambda X: pytest.importorskip("polars").DataFrame(X, schema=list("abcd")),
    "polars of ints": lambda X: pytest.importorskip("polars").DataFrame(
        X.astype(np.int32), schema=list("abcd")
    ),
    "pyarrow": lambda X: pytest.importorskip("pyarrow").Table.from_pandas(frame_of(X)),
}


@pytest.mark.parametrize("form", FORMS)
@each_class
def test_forms_of_the_same_numbers(cls, form, X, y, once):
    if "pyarrow" in form:
        pytest.importorskip("pyarrow")
    given = FORMS[form](X)
    usual = {"selection_cv": None, "calibration_cv": 2}
    expected = once((cls, "numbers"), lambda: make(cls, **usual).fit(X, y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(cls, **usual).fit(given, y, eval_set=[(given, y)])
        for method in ("decision_function", "predict_proba", "predict"):
            found = getattr(model, method)(given)
            np.testing.assert_array_equal(found, getattr(expected, method)(X))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool])
@each_class
def test_sparse_forms(cls, form, dtype, X, y, once):
    X = np.where(X > 2, X, 0.0).astype(dtype)
    csr = sp.csr_matrix(X.astype(float))
    reference = once(
        (cls, dtype, "sparse"), lambda: only_rank(cls).fit(csr, y).decision_function(csr)
    )
    given = sp.csr_matrix(X).asformat(form)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = only_rank(cls).fit(given, y)
        found = model.decision_function(given)
    np.testing.assert_array_equal(found, reference)


@pytest.mark.parametrize(
    "missing",
    [
        lambda X: frame_of(np.where(X > 5, np.nan, X)),
        lambda X: frame_of(X).astype("Int64").where(X <= 5),
        lambda X: frame_of(X).astype("Float64").where(X <= 5),
        lambda X: frame_of(X).astype(object).where(X <= 5, None),
        lambda X: pytest.importorskip("polars").DataFrame(
            {
                name: [None if number > 5 else number for number in column]
                for name, column in zip("abcd", X.T)
            }
        ),
    ],
    ids=["NaN", "Int64", "Float64", "None", "polars"],
)
@each_class
def test_missing_values(cls, missing, X, y, once):
    nan = np.where(X > 5, np.nan, X)
    expected = once((cls, "missing"), lambda: only_rank(cls).fit(nan, y).decision_function(nan))
    model = only_rank(cls).fit(missing(X), y)
    found = model.decision_function(missing(X))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [bool, "boolean"])
@each_class
def test_booleans(cls, dtype, X, y):
    frame = frame_of(X)
    frame["a"] = (X[:, 0] > 2).astype(bool)
    frame["a"] = frame["a"].astype(dtype)
    expected = only_rank(cls).fit(frame.astype(float), y).decision_function(frame.astype(float))
    np.testing.assert_array_equal(only_rank(cls).fit(frame, y).decision_function(frame), expected)


# --- categories ---------------------------------------------------------------------------


def with_category(X, y, levels=("q", "z", "m", "a")):
    """A table in which one of four levels is common among positives."""
    rng = np.random.default_rng(2)
    code = np.where(
        rng.random(N_ROWS) < np.where(y == 1, 0.8, 0.1), 1, rng.integers(4, size=N_ROWS)
    )
    frame = frame_of(X)
    frame["kind"] = pd.Categorical([levels[k] for k in code], categories=list(levels))
    return frame


CATEGORIES = {
    "pandas": lambda frame: frame,
    "ordered": lambda frame: frame.assign(kind=frame["kind"].cat.as_ordered()),
    "polars": lambda frame: (
        pytest.importorskip("polars")
        .DataFrame(frame.assign(kind=frame["kind"].astype(object)))
        .with_columns(
            pytest.importorskip("polars")
            .col("kind")
            .cast(pytest.importorskip("polars").Categorical)
        )
    ),
    "enum": lambda frame: (
        pytest.importorskip("polars")
        .DataFrame(frame.assign(kind=frame["kind"].astype(object)))
        .with_columns(
            pytest.importorskip("polars")
            .col("kind")
            .cast(pytest.importorskip("polars").Enum(["q", "z", "m", "a"]))
        )
    ),
    "pyarrow": lambda frame: pytest.importorskip("pyarrow").Table.from_pandas(frame),
}


@pytest.mark.parametrize("form", CATEGORIES)
@each_class
def test_categories(cls, form, X, y):
    """They are used, without any parameter of XGBoost."""
    frame = with_category(X, y)
    given = CATEGORIES[form](frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        leaves = {"min_child_samples": 5} if cls is PAUCLGBMClassifier else {}
        model = make(cls, selection_cv=None, calibration_cv=2, n_estimators=10, **leaves)
        model.fit(given, y)
        margin = model.decision_function(given)
    by_level = [margin[frame["kind"] == level].mean() for level in "qzma"]
    assert int(np.argmax(by_level)) == 1
    assert model.predict_proba(given).shape == (N_ROWS, 2)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(given), margin)


@pytest.mark.parametrize(
    "levels", ["qzma", (3, 1, 2, 7), (0.5, 1.5, 2.5, 3.5), tuple(pd.date_range("2024", periods=4))]
)
@each_class
def test_levels_in_another_order(cls, levels, X, y):
    """Boosters number levels; the level counts, and not its number."""
    frame = with_category(X, y, levels)
    model = only_rank(cls).fit(frame, y)
    margin = model.decision_function(frame)
    other = frame.assign(kind=frame["kind"].cat.reorder_categories(sorted(levels)))
    np.testing.assert_array_equal(model.decision_function(other), margin)
    few = frame[frame["kind"].isin([levels[1], levels[3]])]
    few = few.assign(kind=few["kind"].cat.remove_unused_categories())
    rows = frame["kind"].isin([levels[1], levels[3]]).to_numpy()
    np.testing.assert_array_equal(model.decision_function(few), margin[rows])


@each_class
def test_unseen_levels_are_missing(cls, X, y):
    frame = with_category(X, y)
    model = only_rank(cls).fit(frame, y)
    new = frame.assign(kind=pd.Categorical(["never seen"] * N_ROWS))
    missing = frame.assign(kind=pd.Categorical([None] * N_ROWS, categories=list("qzma")))
    np.testing.assert_array_equal(model.decision_function(new), model.decision_function(missing))


@each_class
def test_category_and_numbers_in_turn(cls, X, y):
    frame = with_category(X, y)
    model = only_rank(cls).fit(frame, y)
    numbers = frame.assign(kind=1.0)
    with pytest.raises(ValueError, match=r"'kind' of X holds numbers.*astype\('category'\)"):
        model.decision_function(numbers)
    model = only_rank(cls).fit(numbers, y)
    with pytest.raises(ValueError, match=r"'kind' of X is a category.*astype\(float\)"):
        model.decision_function(frame)


def test_types_of_features_of_xgboost(X, y):
    codes = X.copy()
    codes[:, 3] = np.arange(N_ROWS) % 3
    model = only_rank(PAUCXGBClassifier, feature_types=["q", "q", "q", "c"]).fit(codes, y)
    assert np.isfinite(model.decision_function(codes)).all()


# --- what is refused ----------------------------------------------------------------------


def with_infinity(X, value=np.inf):
    X = X.copy()
    X[3, 1], X[4, 1], X[5, 3] = value, -value, value
    return X


@pytest.mark.parametrize("form", ["array", "frame", "polars", "csr"])
@each_class
def test_infinity_names_columns_and_counts(cls, form, X, y, monkeypatch):
    made = {
        "array": lambda X: X,
        "frame": frame_of,
        "polars": FORMS["polars"],
        "csr": sp.csr_matrix,
    }[form]
    names = ("number 1", "number 3") if form in ("array", "csr") else ("'b'", "'d'")
    message = rf"Input X contains infinity.* in 2 columns: {names[0]} \(2\), {names[1]} \(1\).*"
    message += f"{cls.__name__} takes missing values"
    model = only_rank(cls).fit(made(X), y)
    calibrated = make(cls, selection_cv=None, calibration_cv=2).fit(made(X), y)
    for method in (model.decision_function, calibrated.predict_proba):
        with pytest.raises(ValueError, match=message):
            method(made(with_infinity(X)))
    trained = []
    monkeypatch.setattr(cls._parent, "fit", lambda *args, **kwargs: trained.append(1))
    with pytest.raises(ValueError, match=message):
        make(cls).fit(made(with_infinity(X)), y)
    with pytest.raises(ValueError, match=r"eval_set\[0\].*" + message):
        make(cls).fit(made(X), y, eval_set=[(made(with_infinity(X)), y)])
    assert not trained


def test_numbers_beyond_single_precision(X, y):
    huge = with_infinity(X, 1e300)
    margin = only_rank(PAUCLGBMClassifier).fit(huge, y).decision_function(huge)
    assert np.isfinite(margin).all()
    for given in (huge, frame_of(huge)):
        with pytest.raises(ValueError, match=r"numbers beyond 3\.4e\+38, in 2 columns:"):
            only_rank(PAUCXGBClassifier).fit(given, y)


def test_infinity_that_stands_for_a_missing_value(X, y):
    infinite = np.where(X > 5, np.inf, X)
    model = only_rank(PAUCXGBClassifier, missing=np.inf).fit(infinite, y)
    expected = only_rank(PAUCXGBClassifier).fit(np.where(X > 5, np.nan, X), y)
    np.testing.assert_array_equal(
        model.decision_function(infinite), expected.decision_function(np.where(X > 5, np.nan, X))
    )


DAY = pd.Timestamp("2024-03-01")
WRONG = {
    "text": (
        lambda n: ["a", "b"] * (n // 2),
        r"'w' \(.*str.*\n    X\['w'\] = X\['w'\].astype\('cat",
    ),
    "numerals": (lambda n: ["1.5"] * n, r"text of numerals.*\n    X\['w'\] = pd.to_numeric"),
    "dates": (
        lambda n: pd.date_range(DAY, periods=n),
        r"datetime64.*pd.to_datetime\(X\['w'\].*days",
    ),
    "durations": (lambda n: pd.to_timedelta(np.arange(n), "D"), r"timedelta.*total_seconds"),
    "mixed": (lambda n: [1, "a"] * (n // 2), r"mixed.*astype\('category'\)"),
    "lists": (lambda n: [[1]] * n, r"object.*astype\('category'\)"),
    "complex": (lambda n: np.full(n, 1j), "complex"),
}


@pytest.mark.parametrize("kind", WRONG)
@each_class
def test_columns_of_other_kinds(cls, kind, X, y, once):
    values, message = WRONG[kind]
    frame = frame_of(X)
    frame["w"] = pd.Series(values(N_ROWS))
    message = (
        rf"(?s){cls.__name__} takes numbers, booleans and categories, and X has 1 column.*{message}"
    )
    with pytest.raises(ValueError, match=message):
        make(cls).fit(frame, y)
    numbers = frame.assign(w=1.0)
    plain = make(cls, selection_cv=None, calibration_cv=2)
    model = once((cls, "one more"), lambda: plain.fit(numbers, y))
    for method in (model.decision_function, model.predict_proba, model.predict):
        with pytest.raises(ValueError, match=message):
            method(frame)
    with pytest.raises(ValueError, match=r"(?s)eval_set\[0\].*" + message[4:]):
        make(cls).fit(numbers, y, eval_set=[(frame, y)])


@each_class
def test_the_lines_prepare_the_table(cls, X, y):
    frame = frame_of(X)
    frame["city"], frame["street"] = ["a", "b"] * (N_ROWS // 2), ["c", "d", "e"] * (N_ROWS // 3)
    frame["since"], frame["amount"] = pd.date_range(DAY, periods=N_ROWS), ["1.5"] * N_ROWS
    with pytest.raises(ValueError, match="Prepare them first") as error:
        make(cls).fit(frame, y)
    lines = [line.strip() for line in str(error.value).splitlines()[1:]]
    assert len(lines) == 3
    for line in lines:
        exec(line, {"X": frame, "pd": pd})
    assert np.isfinite(make(cls).fit(frame, y).decision_function(frame)).all()


@pytest.mark.parametrize("bad", ["a", b"a", np.datetime64("2024-01-01"), 1j])
@each_class
def test_arrays_of_other_kinds(cls, bad, X, y):
    wrong = X.astype(object)
    wrong[:, 2] = bad
    wrong = wrong if not isinstance(bad, complex) else wrong.astype(complex)
    with pytest.raises(ValueError, match=r"\bX\b"):
        make(cls).fit(wrong, y)
    if not isinstance(bad, complex):
        with pytest.raises(ValueError, match=r"number 2 \(.*\n    X = pd.DataFrame\(X\)"):
            make(cls).fit(wrong, y)


@each_class
def test_empty_tables(cls, X, y):
    for given in (X[:0], frame_of(X)[:0]):
        with pytest.raises(ValueError, match="X must be.*0 sample"):
            make(cls).fit(given, y[:0])
    model = only_rank(cls).fit(frame_of(X), y)
    with pytest.raises(ValueError, match="X must be.*0 sample"):
        model.decision_function(frame_of(X)[:0])


# --- scores that boosting begins from -----------------------------------------------------


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (lambda n: np.where(np.arange(n) < 3, np.nan, 0.0), "finite numbers: 3 of 600"),
        (lambda n: np.full(n, np.inf), "finite numbers: 600 of 600"),
        (lambda n: ["1.5"] * n, "numbers"),
        (lambda n: np.full(n, np.datetime64("2024-01-01")), "numbers: got datetime64"),
        (lambda n: np.full(n, 1j), "numbers: got complex"),
        (lambda n: [None] * n, "finite numbers"),
        (lambda n: np.zeros(n - 1), "shape"),
        (lambda n: [object()] * n, "numbers"),
    ],
)
@each_class
def test_bad_starting_scores(cls, base, message, X, y):
    name = cls._base_name
    of_sets = "eval_init_score" if cls is PAUCLGBMClassifier else "base_margin_eval_set"
    bad, good = base(N_ROWS), np.zeros(N_ROWS)
    with pytest.raises((TypeError, ValueError), match=f"{name}.*{message}"):
        only_rank(cls).fit(X, y, **{name: bad})
    with pytest.raises((TypeError, ValueError), match=rf"{of_sets}\[0\].*{message}"):
        only_rank(cls).fit(X, y, eval_set=[(X, y)], **{name: good, of_sets: [bad]})
    model = only_rank(cls).fit(X, y, **{name: good})
    with pytest.raises((TypeError, ValueError), match=f"{name}.*{message}"):
        model.decision_function(X, **{name: bad})


@each_class
def test_starting_scores_in_another_byte_order(cls, X, y):
    name, base = cls._base_name, X[:, 1] / 4
    expected = only_rank(cls).fit(X, y, **{name: base}).decision_function(X, **{name: base})
    for given in (base.astype(">f8"), base.astype(np.float16), base[:, None], base.tolist()):
        model = only_rank(cls).fit(X, y, **{name: given})
        np.testing.assert_array_equal(model.decision_function(X, **{name: given}), expected)


@pytest.mark.parametrize("bad", [5, "a", [1, 2], [(1, 2, 3)]])
@each_class
def test_bad_evaluation_sets(cls, bad, X, y):
    with pytest.raises(ValueError, match="eval_set"):
        make(cls).fit(X, y, eval_set=bad)
    with pytest.raises(ValueError, match=r"eval_set\[1\]"):
        make(cls).fit(X, y, eval_set=[(X, y), (X[:5], y)])
