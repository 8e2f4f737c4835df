"""The harness finds what it is there to find: every kind of fault, planted in a small function."""

import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

for package in ("pandas", "polars", "numpydoc"):
    pytest.importorskip(package)

import hostile_exceptions
import hostile_rule
import hostile_state
from hostile_legal import Array, Number, Option, kind_of, read_parameters
from hostile_rule import Example, run_call
from hostile_values import columns, scalars

VALUES = {hostile.name: hostile for hostile in (*columns(), *scalars())}


def share(y_score, budget=0.25, *, basis="fpr", sample_weight=None, random_state=None):
    """Return the share of scores above a quantile.

    Parameters
    ----------
    y_score : array-like of shape (n_samples,)
        Scores.
    budget : float, default=0.25
        A fraction in (0, 1].
    basis : {"fpr", "population"}, default="fpr"
        Of what.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Raises
    ------
    OSError
        Never.
    """


def verdict(body, argument, value, **settings):
    """Return what a function of this signature comes to with one hostile argument."""
    made = settings.pop("valid", {"y_score": np.arange(8.0), "budget": 0.25})
    example = Example("share", body, lambda variant: dict(made), (share,), **settings)
    found = {(name, hostile.name): hostile for name, hostile in example.calls()}
    return run_call(example, argument, found[argument, value])


def kinds(*args, **settings):
    return [kind for kind, _ in verdict(*args, **settings).faults]


def refuse(message, error=ValueError):
    def body(**arguments):
        raise error(message)

    return body


def only_floats(y_score, **given):
    if np.asarray(y_score).dtype == np.float16:
        raise ValueError("y_score must be floats, not float16")
    return 0.5


@pytest.mark.parametrize(
    ("body", "argument", "value", "expected"),
    [
        (refuse("budget must be a fraction: got nan"), "budget", "nan", []),
        (refuse("no file for budget=nan", FileNotFoundError), "budget", "nan", []),
        (refuse("budget=nan", KeyError), "budget", "nan", ["error"]),
        (refuse("budget=nan", np.linalg.LinAlgError), "budget", "nan", ["error"]),
        (refuse("budget=nan", np.exceptions.AxisError), "budget", "nan", ["error"]),
        (refuse("cannot convert"), "budget", "nan", ["message"]),
        (refuse("the budget_ratio is nan"), "budget", "nan", ["message"]),
        (refuse("budget must be a fraction"), "budget", "nan", ["value"]),
        (refuse("budget: [10:11:12] ../x.cc:7: Check failed. Stack trace: nan"), "budget", "nan",
         ["trace"]),
        (refuse("y_score has 2 dimensions"), "y_score", "2-d-two", []),
        (refuse("y_score is wrong"), "y_score", "2-d-two", ["value"]),
        (refuse("sample_weight has 8 entries, and there are 7 rows"), "y_score", "len-n-1",
         ["message"]),
        (only_floats, "y_score", "as-float16", ["refused"]),
        (refuse("too much", MemoryError), "budget", "10**12", ["memory"]),
        (lambda **given: 0.5, "budget", "nan", ["accepted"]),
        (lambda **given: 0.5, "budget", "misspelt", ["accepted"]),
        (lambda **given: 0.5, "y_score", "one-nan", ["accepted"]),
        (lambda **given: 0.5, "basis", "word", ["accepted"]),
        (lambda **given: 0.5, "budget", "0.5", []),
        (lambda **given: np.array([0.5, np.nan]), "budget", "0.5", ["nan"]),
        (lambda **given: {"share": float("inf")}, "budget", "0.5", ["nan"]),
        (lambda y_score, **given: float(np.asarray(y_score).dtype.itemsize), "y_score",
         "as-float16", ["answer"]),
        (lambda y_score, **given: float(np.sum(y_score)), "y_score", "as-float16", []),
    ],
)  # fmt: skip
def test_faults_of_errors_and_answers(body, argument, value, expected):
    assert kinds(body, argument, value) == expected


def test_a_message_may_name_any_array_whose_length_differs():
    body = refuse("sample_weight has 8 entries, and there are 7 rows")
    valid = {"y_score": np.arange(8.0), "sample_weight": np.ones(8)}
    assert kinds(body, "y_score", "len-n-1", valid=valid) == []


def test_an_answer_out_of_range_is_wrong():
    def right(answer, arguments):
        return None if answer <= 1 else f"{answer} is more than all"

    assert kinds(lambda **given: 2.0, "budget", "0.5", right=right) == ["answer"]
    assert kinds(lambda **given: 1.0, "budget", "0.5", right=right) == []


def test_changed_arguments_and_global_state():
    def sort(y_score, **given):
        y_score.sort()
        return 0.5

    def draw(**given):
        np.random.random()  # noqa: NPY002
        return 0.5

    backwards = {"y_score": np.arange(8.0)[::-1].copy()}
    assert kinds(sort, "budget", "0.5", valid=backwards) == ["changed"]
    assert kinds(draw, "budget", "0.5") == ["state"]
    assert kinds(draw, "random_state", "None") == []

    def leave(**given):
        np.seterr(over="raise")
        return 0.5

    assert kinds(leave, "budget", "0.5") == ["state"]
    assert np.geterr()["over"] == "warn"


def test_a_call_over_its_time_is_stopped(monkeypatch):
    def work(**given):
        while True:
            pass

    assert kinds(work, "budget", "0.5", limit=0.05) == ["time"]
    monkeypatch.setattr(hostile_rule, "WAIT_S", 0.05)
    assert kinds(lambda **given: time.sleep(60), "budget", "0.5") == ["time"]


def test_memory_is_limited():
    with hostile_rule.limited_memory(1 << 30), pytest.raises(MemoryError):
        np.ones(1 << 32)
    assert np.ones(8).sum() == 8


def test_warnings_count_from_files_of_the_package_only(monkeypatch):
    def warn(**given):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
        return 0.5

    assert kinds(warn, "budget", "0.5") == []
    monkeypatch.setattr(hostile_rule, "OWN_FILES", str(__file__))
    assert kinds(warn, "budget", "0.5") == ["warning"]


def test_kinds_are_read_from_docstrings():
    said = read_parameters(share)
    assert kind_of("budget", said) == Number(low=0.0, high=1.0, with_low=False)
    assert kind_of("basis", said, "fpr") == Option(options=("fpr", "population"))
    assert kind_of("sample_weight", said, None) == Array("columns", role="weights", none=True)
    with pytest.raises(LookupError, match="no docstring says what 'unheard' is"):
        kind_of("unheard", said)


@pytest.mark.parametrize(
    ("name", "legal"),
    [("0.5", True), ("1", True), ("1e-320", True), ("0", False), ("2.5", False), ("nan", False),
     ("True", False), ("10**400", False), ("percent", False), ("None", False), ("fraction", None)],
)  # fmt: skip
def test_what_a_fraction_may_be(name, legal):
    hostile = VALUES[name]
    kind = Number(low=0.0, high=1.0, with_low=False)
    assert kind.judge(hostile, hostile.make(0.25)) is legal


@pytest.mark.parametrize("valid", [np.arange(8.0), 0.25], ids=["column", "scalar"])
def test_every_value_is_made_afresh(valid):
    for hostile in columns() if isinstance(valid, np.ndarray) else scalars():
        try:
            first, second = hostile.make(valid), hostile.make(valid)
        except hostile_rule.NotApplicable:
            continue
        prints = [hostile_state.fingerprint(value) for value in (first, second)]
        assert prints[0] == prints[1], hostile.name
        mutable = isinstance(first, list | dict | set | np.random.RandomState)
        assert not mutable or first is not second, hostile.name


def test_an_exemption_covers_its_calls_only():
    entry = hostile_exceptions.Exempt("share(budget=1e*)", ("nan",), "because", ("", "", ""))
    found = verdict(lambda **given: np.nan, "budget", "1e-320")
    assert entry.covers(found, "nan")
    assert not entry.covers(found, "error")
    assert not entry.covers(verdict(lambda **given: np.nan, "budget", "0.5"), "nan")


def test_results_are_searched_to_their_leaves():
    result = SimpleNamespace(answer=1.0)
    assert hostile_state.find_nan(result) is None
    nested = {"a": [(1.0, np.array([2.0, np.nan]))]}
    assert hostile_state.find_nan(nested) == "NaN at result['a'][0][1]"
    assert hostile_state.find_nan(nested, allowed=("[1]",)) is None
    assert hostile_state.find_nan({"low": -np.inf}) == "infinite at result['low']"
    assert hostile_state.find_nan({"low": -np.inf}, infinite=True) is None
