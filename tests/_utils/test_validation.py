import numpy as np
import pytest

from skbudget._utils.validation import (
    check_band,
    check_binary_labels,
    check_budget,
    check_option,
    check_positive,
    check_scores,
    check_weights,
)

pytestmark = pytest.mark.filterwarnings("error")

# --- budgets and bands


@pytest.mark.parametrize("budget", [1e-9, 0.005, np.float32(0.5), np.float64(0.99)])
def test_a_budget_is_a_fraction(budget):
    checked = check_budget(budget, "f")
    assert type(checked) is float
    assert checked == budget


@pytest.mark.parametrize("budget", [1, 1.0, np.int64(1)])
def test_a_budget_of_all_rows_is_taken_with_a_warning(budget):
    with pytest.warns(UserWarning, match=r"budget=1 reviews everything.*budget=0\.01"):
        assert check_budget(budget, "f") == 1.0


@pytest.mark.parametrize(
    "budget", [0, 0.0, -1, -0.005, 1.5, 50, np.nan, np.inf, None, "0.5", True, np.True_, [0.5]]
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


@pytest.mark.parametrize("value", [0.0, -1, np.nan, np.inf, None, "1", True, 1j])
def test_what_is_not_positive(value):
    with pytest.raises(ValueError, match=r"'t' parameter of f must be a float in .*\(0.0, inf\)"):
        check_positive(value, "t", "f")


@pytest.mark.parametrize("value", [1, 2.0, np.nan, True, "2"])
def test_what_is_not_an_integer_of_at_least_two(value):
    with pytest.raises(ValueError, match=r"'k' parameter of f must be an int in .*\[2, inf\)"):
        check_positive(value, "k", "f", integer=True, minimum=2)


def test_options_are_listed():
    assert check_option(None, "o", ("a", None), "f") is None
    with pytest.raises(
        ValueError, match=r"'o' parameter of f must be one of {'a', None}. Got 'b' instead."
    ):
        check_option("b", "o", ("a", None), "f")


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
    ],
)
def test_bad_scores(scores, message):
    with pytest.raises(ValueError, match=message):
        check_scores(scores)


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
    ],
)
def test_bad_labels(labels, pos_label, message):
    with pytest.raises(ValueError, match=message):
        check_binary_labels(labels, pos_label=pos_label)


def test_labels_and_scores_of_different_lengths():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_binary_labels([0, 1, 0], consistent_with=[np.zeros(2)])
    assert check_binary_labels([0, 1], consistent_with=[None, np.zeros(2)]).sum() == 1
