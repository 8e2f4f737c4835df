import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skbudget import BudgetThresholdClassifier, metrics
from skbudget._utils.labels import find_classes
from skbudget._utils.validation import (
    check_band,
    check_binary_labels,
    check_budget,
    check_budgets,
    check_finite,
    check_fraction,
    check_jobs,
    check_option,
    check_positive,
    check_ranking,
    check_scores,
    check_temperature,
    check_weights,
    distinct_labels,
)
from skbudget.model_selection import budget_threshold, min_calibration_rows

pytestmark = pytest.mark.filterwarnings("error")

# --- budgets and bands


@pytest.mark.parametrize("budget", [1e-9, 0.005, Fraction(1, 2), np.float32(0.5)])
def test_a_budget_is_a_fraction(budget):
    checked = check_budget(budget, "f")
    assert type(checked) is float
    assert checked == budget


@pytest.mark.parametrize(
    "budget",
    [
        *[0, 0.0, -1, -0.005, 1.5, 50, np.nan, np.inf, 10**400, None, "0.5", True, np.True_],
        *[[0.5], np.array(0.5), Decimal("0.5"), 0.5j, {}, object()],
    ],
)
def test_anything_else_is_no_budget(budget):
    message = r"The 'budget' parameter of f must be a float in the range \(0.0, 1.0\]. Got "
    with pytest.raises(ValueError, match=message):
        check_budget(budget, "f")
    # scikit-learn's own error is both.
    with pytest.raises(TypeError, match=message):
        check_budget(budget, "f")


@pytest.mark.parametrize(
    ("budget", "hint"),
    [
        (50, "A budget is a fraction: 50 basis points are 0.005, 50 percent are 0.5."),
        (1.5, "1.5 basis points are 0.00015, 1.5 percent are 0.015."),
    ],
)
def test_basis_points_and_percent_get_a_hint(budget, hint):
    with pytest.raises(ValueError, match=hint):
        check_budget(budget, "f")


@pytest.mark.parametrize("budget", [-1, 0, np.nan, 20_000])
def test_what_cannot_be_basis_points_gets_no_hint(budget):
    with pytest.raises(ValueError, match=r"instead\.$"):
        check_budget(budget, "f")


@pytest.mark.parametrize(
    ("budget", "hint"),
    [
        ("1%", "A budget is a fraction: pass 0.01."),
        (" 0.5 % ", "pass 0.005."),
        ("1 percent", "pass 0.01."),
        ("50 bps", "pass 0.005."),
        ("50 basis points", "pass 0.005."),
        ("0.01", "pass 0.01."),
        ("1e-3", "pass 0.001."),
        ("50", "50 basis points are 0.005, 50 percent are 0.5."),
    ],
)
@pytest.mark.parametrize("name", ["budget", "beta", "tpr"])
def test_a_string_gets_a_hint(name, budget, hint):
    with pytest.raises(ValueError, match=f"'{name}' parameter.*{hint.replace('budget', name)}"):
        check_budget(budget, "f", name)


@pytest.mark.parametrize("budget", ["", "one", "200 %", "0 %", "-1%", "1 % of all", "nan", "1e999"])
def test_a_string_that_is_no_fraction_gets_no_hint(budget):
    with pytest.raises(ValueError, match=r"instead\.$"):
        check_budget(budget, "f")


@pytest.mark.parametrize("name", ["guarantee", "confidence_level", "power", "level"])
@pytest.mark.parametrize("value", [95, 95.0, "95%", "95"])
def test_a_level_in_percent_gets_a_hint(name, value):
    hint = r"pass 0.95\." if value == "95%" else r"95 percent are 0.95\."
    with pytest.raises(
        ValueError, match=rf"'{name}' parameter of f .* A {name} is a fraction: {hint}"
    ):
        check_fraction(value, name, "f")


@pytest.mark.parametrize("value", [0, 1, 100, -1, np.nan, "x", None, True])
def test_what_cannot_be_percent_gets_no_hint(value):
    with pytest.raises(ValueError, match=r"instead\.$"):
        check_fraction(value, "power", "f")


@pytest.mark.parametrize("budget", [1, 1.0, np.int64(1), np.float32(1)])
def test_a_budget_of_1_is_warned_about(budget):
    with pytest.warns(UserWarning, match=r"budget=1 reviews everything.*pass budget=0\.01"):
        assert check_budget(budget, "f") == 1.0


def test_an_end_of_1_is_no_typo():
    assert check_budget(1, "f", "beta") == 1.0
    assert check_budget(1, "f", "tpr") == 1.0
    assert check_band(0, 1, "f") == (0.0, 1.0)
    np.testing.assert_array_equal(check_budgets([0.1, 1], "f"), [0.1, 1.0])


def _warnings_of(function, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **kwargs)
    return [one for one in caught if "reviews everything" in str(one.message)]


@pytest.mark.parametrize("budget", [1, 1.0])
def test_a_call_warns_once_at_the_line_that_calls(budget):
    X, y = make_classification(200, weights=[0.8], random_state=0)
    scorer = metrics.make_coverage_scorer(0.1)
    model = BudgetThresholdClassifier(LogisticRegression(), budget=budget)
    for call in (
        lambda: metrics.coverage_at_budget_score(y, X[:, 0], budget=budget),
        lambda: metrics.value_per_review_score(y, X[:, 0], budget=budget),
        lambda: metrics.bootstrap_ci(y, X[:, 0], budget=budget, n_resamples=5),
        lambda: metrics.paired_bootstrap_ci(y, X[:, 0], X[:, 1], budget=budget, n_resamples=5),
        lambda: metrics.coverage_difference_test(y, X[:, 0], X[:, 1], budget=budget),
        lambda: metrics.make_value_per_review_scorer(budget),
        lambda: cross_val_score(
            LogisticRegression(), X, y, scoring=metrics.make_coverage_scorer(budget)
        ),
        lambda: budget_threshold(X[:, 0], budget=budget),
        lambda: min_calibration_rows(budget, 0.95),
        lambda: model.fit(X, y),
        lambda: cross_val_score(model, X, y, scoring=scorer, cv=[(range(100), range(100, 200))]),
    ):
        (warning,) = _warnings_of(call)
        assert warning.filename == __file__
        assert warning.lineno >= call.__code__.co_firstlineno
    for call in (
        lambda: metrics.coverage_curve(y, X[:, 0], budgets=[0.1, budget]),
        lambda: metrics.bootstrap_ci(y, X[:, 0], budget=[0.1, budget], n_resamples=5),
        lambda: metrics.partial_auc_score(y, X[:, 0], beta=budget),
        lambda: metrics.fpr_at_tpr_error(y, X[:, 0], tpr=budget),
    ):
        assert not _warnings_of(call)


def test_training_warns_once():
    pytest.importorskip("lightgbm")
    from skbudget import PAUCLGBMClassifier

    X, y = make_classification(200, weights=[0.8], random_state=0)
    model = PAUCLGBMClassifier(budget=1, n_estimators=3, verbose=-1)
    (warning,) = _warnings_of(model.fit, X, y)
    assert warning.filename == __file__


def test_the_hint_names_one_of_several():
    with pytest.raises(ValueError, match="'budgets' parameter.* A budget is a fraction"):
        check_budget(50, "f", "budgets")


@pytest.mark.parametrize(("alpha", "beta"), [(0, 1), (0.0, 0.005), (0.2, 0.3)])
def test_a_band_is_two_fractions(alpha, beta):
    assert check_band(alpha, beta, "f") == (alpha, beta)


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [
        (0.3, 0.3, "'alpha' parameter of f must be smaller than beta, which is 0.3. Got 0.3"),
        (0.5, 0.3, "smaller than beta"),
        (-0.1, 0.3, r"'alpha' parameter of f must be a float in the range \[0.0, beta\)"),
        (1, 1, r"'alpha' parameter of f must be a float in the range \[0.0, beta\)"),
        (np.nan, 0.3, "'alpha' parameter of f"),
        (None, 0.3, "'alpha' parameter of f"),
        (False, 0.3, "'alpha' parameter of f"),
        (0.0, 0.0, "'beta' parameter of f"),
        (0.0, 50, "'beta' parameter of f .* A beta is a fraction: 50 basis points are 0.005"),
        (0.0, np.nan, "'beta' parameter of f"),
        (5, 0.3, "An alpha is a fraction: 5 basis points are 0.0005, 5 percent are 0.05"),
        ("5%", 0.3, "An alpha is a fraction: pass 0.05"),
        (0.0, "1%", "A beta is a fraction: pass 0.01"),
    ],
)
def test_anything_else_is_no_band(alpha, beta, message):
    with pytest.raises(ValueError, match=message):
        check_band(alpha, beta, "f")


# --- other parameters


def test_positive_numbers_keep_their_value():
    assert check_positive(np.float32(0.5), "t", "f") == 0.5
    assert type(check_positive(2, "t", "f")) is float
    assert type(check_positive(np.int32(2), "t", "f", integer=True)) is int
    assert check_positive(0, "t", "f", integer=True, minimum=0) == 0


@pytest.mark.parametrize("value", [0.0, -1, np.nan, np.inf, 10**400, None, "1", True, 1j, [1.0]])
def test_what_is_not_positive(value):
    with pytest.raises(ValueError, match=r"'t' parameter of f must be a float in .*\(0.0, inf\)"):
        check_positive(value, "t", "f")


@pytest.mark.parametrize("value", [1, 2.0, 2.5, np.nan, True, "2", 10**400])
def test_what_is_not_an_integer_of_at_least_two(value):
    with pytest.raises(ValueError, match=r"'k' parameter of f must be an int in .*\[2, inf\)"):
        check_positive(value, "k", "f", integer=True, minimum=2)


@pytest.mark.parametrize("value", [1, 11, 10**400, 5.0])
def test_a_count_may_have_a_maximum(value):
    assert check_positive(10, "k", "f", integer=True, minimum=2, maximum=10) == 10
    with pytest.raises(ValueError, match=r"'k' parameter of f must be an int in .*\[2, 10\]"):
        check_positive(value, "k", "f", integer=True, minimum=2, maximum=10)


def test_finite_numbers():
    assert check_finite(-2, "k", "f") == -2.0
    for value in (np.nan, -np.inf, 10**400, None, "1", True, [1.0]):
        with pytest.raises(ValueError, match="'k' parameter of f must be a finite float"):
            check_finite(value, "k", "f")


def test_options_are_listed():
    assert check_option(None, "o", ("a", None), "f") is None
    with pytest.raises(
        ValueError, match=r"'o' parameter of f must be one of {'a', None}. Got 'b' instead."
    ):
        check_option("b", "o", ("a", None), "f")


@pytest.mark.parametrize("value", [np.array(["a", "b"]), np.array(["a"]), [], {}, set(), "no", 2])
def test_what_cannot_be_compared_is_no_option(value):
    for options in (("a", None), (True, False)):
        with pytest.raises(ValueError, match="'o' parameter of f must be one of"):
            check_option(value, "o", options, "f")


def test_pandas_na_is_no_option():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="'o' parameter of f must be one of"):
        check_option(pandas.NA, "o", ("a", None), "f")


# --- columns


@pytest.mark.parametrize("scores", [[1, 2], np.array([1, 2], np.float32), np.array([[1], [2]])])
def test_scores_become_a_column_of_float64(scores):
    checked = check_scores(scores)
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, [1.0, 2.0])


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.0, np.nan], "Input y_score contains NaN"),
        ([0.0, np.inf], "Input y_score contains infinity"),
        ([0.0, -np.inf], "Input y_score contains infinity"),
        ([], r"Found array with 0 sample\(s\)"),
        (np.zeros((3, 2)), r"y_score must have shape \(n_samples,\): got \(3, 2\)"),
        (["a", "b"], "could not convert string to float"),
        (np.array([0.0, 1j]), "Complex data not supported"),
        (0.5, r"y_score must have shape \(n_samples,\): got \(\)"),
        (None, r"y_score must have shape"),
        ([[0.1], [0.2, 0.3]], "y_score must be an array: the entries differ in length"),
        ([0.1, 10**400], "y_score must hold finite numbers"),
        ([0.1, {}], "y_score must hold finite numbers"),
        (np.array(["2020-01-01"], "M8[ns]"), "y_score must hold numbers: got datetime64"),
    ],
)
def test_bad_scores(scores, message):
    with pytest.raises(ValueError, match=message):
        check_scores(scores)


BEYOND = [
    [2**53, 2**53 + 1, 0],
    np.array([2**62, 2**62 + 1, -5]),
    np.array([2**63, 2**63 + 1, 0], dtype=np.uint64),
    [2**70, 2**70 + 1, -1],
    [Decimal("0.1"), Decimal("0.1000000000000000000001"), Decimal(0)],
    [Fraction(10**30, 3), Fraction(10**30 + 1, 3), Fraction(0)],
]


@pytest.mark.parametrize("scores", BEYOND)
def test_scores_that_floats_would_tie_are_ranked(scores):
    np.testing.assert_array_equal(check_ranking(scores), [1.0, 2.0, 0.0])
    with pytest.raises(ValueError, match=r"y_score holds numbers that float64 rounds.*2\*\*53"):
        check_scores(scores)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant == 52, reason="long doubles are doubles here")
def test_long_doubles_that_floats_would_tie_are_ranked():
    one = np.longdouble(1)
    scores = np.array([one, one + np.finfo(np.longdouble).eps, 0])
    np.testing.assert_array_equal(check_ranking(scores), [1.0, 2.0, 0.0])
    with pytest.raises(ValueError, match="float64 rounds"):
        check_scores(scores)


@pytest.mark.parametrize("scores", [[2**53, -(2**53), 0], [2**60, 2**61, 0], [0.5, True, 3]])
def test_scores_that_floats_hold_are_kept(scores):
    for check in (check_scores, check_ranking):
        checked = check(np.array(scores))
        assert checked.dtype == np.float64
        assert [int(2 * score) for score in checked] == [int(2 * score) for score in scores]


def test_weights_may_be_absent_or_partly_zero():
    assert check_weights(None, 3) is None
    np.testing.assert_array_equal(check_weights([0, 2, 0], 3), [0.0, 2.0, 0.0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1e-9, 1.0], "Negative values in w: every weight must be at least 0"),
        ([1.0, np.nan, 1.0], "Input w contains NaN"),
        ([1.0, np.inf, 1.0], "Input w contains infinity"),
        ([0.0, 0.0, 0.0], "All values in w are zero: at least one must be positive"),
        ([1.0, 1.0], "w must have one entry per sample: expected 3, got 2"),
        (np.ones((3, 3)), r"w must have shape \(n_samples,\)"),
        ([1e308, 1e308, 1.0], "The sum of w is too large for a float: its greatest entry is 1e"),
        ([1.0, None, 1.0], "Input w contains NaN"),
        ("abc", "w must have shape"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 3, "w")


# --- labels


@pytest.mark.parametrize(
    ("labels", "pos_label"),
    [
        ([0, 1, 0], None),
        ([-1, 1, -1], None),
        ([-1.0, 1.0, -1.0], None),
        ([False, True, False], None),
        (np.array([[0], [1], [0]]), None),
        ([3, 7, 3], 7),
        ([7, 3, 7], 3),
        (["no", "yes", "no"], "yes"),
        (["no", "maybe", "no"], "maybe"),
        (np.array(["a", "b", "a"], dtype=object), "b"),
        ([1, 0, 1], 0),
        (np.array([0, 1, 0], dtype=object), None),
        (np.array([False, True, False], dtype=object), None),
        ([0, 1.0, False], None),
        (
            np.array(["2020-01-01", "2020-01-02", "2020-01-01"], "M8[D]"),
            np.datetime64("2020-01-02"),
        ),
    ],
)
def test_the_positive_class(labels, pos_label):
    mask = check_binary_labels(labels, pos_label=pos_label)
    assert mask.dtype == bool
    assert mask.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("labels", "pos_label", "message"),
    [
        ([1, 1, 1], None, r"Only one class present in y_true \(\[1\]\)"),
        (["a", "a"], "a", "Only one class present in y_true"),
        ([0, 1, 2], None, r"y_true must be binary: found 3 classes \[0, 1, 2\]"),
        ([-1, 0, 1], None, "y_true must be binary: found 3 classes"),
        (["a", "b", "c"], "a", "y_true must be binary: found 3 classes"),
        ([], None, "Found no samples in y_true"),
        ([0.0, np.nan, 1.0], None, "Input y_true contains NaN or infinity"),
        ([1, 2], None, r"takes value in \[1, 2\] and pos_label is not specified"),
        (["no", "yes"], None, "pos_label is not specified"),
        (["no", "yes"], "maybe", "pos_label='maybe' is not a valid label"),
        ([0, 1], 2, "pos_label=2 is not a valid label"),
        ([0, 1], "1", "pos_label='1' is not a valid label"),
        (["0", "1"], 1, "pos_label=1 is not a valid label"),
        ([0, 1], [1], r"pos_label=\[1\] is not a valid label"),
        ([0, 1], np.array([1]), r"pos_label=array\(\[1\]\) is not a valid label"),
        ([0, 1], np.nan, "pos_label=nan is not a valid label"),
        ([0.0, np.inf], 0.0, "Input y_true contains NaN or infinity: every row needs a label"),
        ([0, None], 0, "Input y_true contains NaN or None: every row needs a label"),
        ([0, None], None, "Input y_true contains NaN or None"),
        (["a", None], "a", "Input y_true contains NaN or None"),
        (["a", np.nan, "b"], "a", "Input y_true contains NaN or None"),
        (np.array([0.0, np.nan, 1.0], dtype=object), None, "Input y_true contains NaN or None"),
        (np.array([0.0, np.inf], dtype=object), None, "Input y_true contains NaN or infinity"),
        (np.array(["2020-01-01", "NaT"], "M8[D]"), None, "Input y_true contains missing values"),
        ([0, "1"], 0, r"y_true mixes labels of different types \(int, str\)"),
        ([True, "a", 1.5], "a", r"y_true mixes labels of different types \(bool, float, str\)"),
        (np.array([b"a", "a"], dtype=object), "a", r"different types \(bytes, str\)"),
        (np.array([{}, {}, 1], dtype=object), 1, "y_true must hold labels, numbers or strings"),
        ([0, 1.9], None, r"takes value in \[0.0, 1.9\] and pos_label is not specified"),
        (1, None, r"y_true must have shape \(n_samples,\): got \(\)"),
        (None, None, r"y_true must have shape \(n_samples,\): got \(\)"),
        ("abc", None, r"y_true must have shape"),
        (np.zeros((2, 2)), None, r"y_true must have shape \(n_samples,\): got \(2, 2\)"),
        ([[0], [1, 2]], None, "y_true must be an array"),
    ],
)
def test_bad_labels(labels, pos_label, message):
    with pytest.raises(ValueError, match=message):
        check_binary_labels(labels, pos_label=pos_label)


def test_labels_and_scores_of_different_lengths():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_binary_labels([0, 1, 0], consistent_with=[np.zeros(2)])
    assert check_binary_labels([0, 1], consistent_with=[None, np.zeros(2)]).sum() == 1


def test_missing_labels_of_pandas():
    pandas = pytest.importorskip("pandas")
    for labels in (
        pandas.Series([1, None, 0], dtype="Int64"),
        pandas.Series([True, None, False], dtype="boolean"),
        pandas.Series(["a", None, "b"], dtype="string"),
        pandas.Series(["a", None, "b"], dtype="category"),
        np.array([1, pandas.NA, 0], dtype=object),
        np.array([1, pandas.NaT, 0], dtype=object),
    ):
        with pytest.raises(ValueError, match="Input y_true contains NaN"):
            check_binary_labels(labels, pos_label=None)


def test_labels_of_pandas():
    pandas = pytest.importorskip("pandas")
    expected = [False, True, False]
    for dtype in ("Int64", "boolean", "int8", "Float64", "object"):
        assert check_binary_labels(pandas.Series([0, 1, 0]).astype(dtype)).tolist() == expected
    for dtype in ("category", "string", "object"):
        names = pandas.Series(["ok", "fraud", "ok"]).astype(dtype)
        assert check_binary_labels(names, pos_label="fraud").tolist() == expected


def test_distinct_labels_are_sorted():
    assert distinct_labels(["b", "a", "b"]).tolist() == ["a", "b"]
    assert distinct_labels([3, 1, 2, 1]).tolist() == [1, 2, 3]
    assert distinct_labels([]).size == 0
    with pytest.raises(ValueError, match="y mixes labels"):
        distinct_labels([1, "a"], "y")


def test_nothing_is_warned_about_on_the_way_to_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for column in ([1e308, -1e308] * 20, np.full(40, 1e308)):
            assert check_scores(column).size == 40
            with pytest.raises(ValueError, match=r"Negative|too large"):
                check_weights(column, 40)


# --- durations, which NumPy counts among whole numbers

DURATION = np.timedelta64(1, "s")


@pytest.mark.parametrize(
    "check",
    [
        lambda value: check_budget(value, "f"),
        lambda value: check_budgets(np.array([0.1, value], dtype=object), "f", "budget"),
        lambda value: check_fraction(value, "budget", "f"),
        lambda value: check_positive(value, "budget", "f"),
        lambda value: check_positive(value, "budget", "f", integer=True),
        lambda value: check_finite(value, "budget", "f"),
        lambda value: check_temperature(value, "f", "budget"),
    ],
)
def test_a_duration_is_no_number(check):
    with pytest.raises(ValueError, match="The 'budget' parameter of f must .* Got .*timedelta"):
        check(DURATION)


@pytest.mark.parametrize(("alpha", "beta"), [(DURATION, 0.5), (0.0, DURATION)])
def test_a_duration_is_no_edge(alpha, beta):
    with pytest.raises(ValueError, match="The '(alpha|beta)' parameter of f must"):
        check_band(alpha, beta, "f")


@pytest.mark.parametrize("n_jobs", [0, True, 1.0, "1", DURATION, np.array([1])])
def test_no_number_of_workers(n_jobs):
    with pytest.raises(ValueError, match="'n_jobs' parameter of f must be None or an int other"):
        check_jobs(n_jobs, "f")


@pytest.mark.parametrize("n_jobs", [None, 1, -1, np.int8(2)])
def test_numbers_of_workers(n_jobs):
    check_jobs(n_jobs, "f")


@pytest.mark.parametrize("temperature", [1e-100, Fraction(1, 2), 1, 1e100])
def test_temperatures(temperature):
    checked = check_temperature(temperature, "f")
    assert type(checked) is float
    assert checked == temperature


@pytest.mark.parametrize("temperature", [0.0, 1e-101, 1e101, np.inf, np.nan, None, True])
def test_no_temperatures(temperature):
    with pytest.raises(ValueError, match=r"'temperature' parameter of f .* \[1e-100, 1e\+100\]"):
        check_temperature(temperature, "f")


@pytest.mark.parametrize("entry", [0.0, 50, np.inf, np.nan, True])
def test_an_entry_that_is_no_budget(entry):
    message = r"'budgets' parameter of f must be an array with entries in the range \(0.0, 1.0\]"
    with pytest.raises(ValueError, match=message):
        check_budgets(np.array([0.1, entry], dtype=object), "f")


@pytest.mark.filterwarnings("default")  # np.matrix is pending deprecation
@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 0]) + 0j,
        np.asmatrix([0, 1, 0]).T,
        csr_matrix([[0], [1], [0]]),
    ],
    ids=["complex", "matrix", "sparse"],
)
@pytest.mark.parametrize("name", ["y_true", "target"])
def test_what_scikit_learn_takes_for_no_labels_is_named(labels, name):
    for read in (check_binary_labels, distinct_labels):
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be labels of shape"):
            read(labels, name=name)


@pytest.mark.parametrize("kind", ["array", "missing", "frame"])
def test_what_is_no_label(kind):
    pos_label = np.array([0, 1])
    if kind != "array":
        pandas = pytest.importorskip("pandas")
        pos_label = pandas.NA if kind == "missing" else pandas.DataFrame({"a": [0, 1]})
    with pytest.raises(ValueError, match="'pos_label' parameter of f must be one of the labels"):
        find_classes(np.array([0, 1, 0]), pos_label, owner="f")


@pytest.mark.parametrize("given", [["yes", "no"], [1.0, [2.0]]], ids=["words", "list"])
def test_a_letter_in_a_message_is_no_name(given):
    # "y" is in "array" and in "yes".
    with pytest.raises(ValueError, match="^y must"):
        check_scores(given, "y")
