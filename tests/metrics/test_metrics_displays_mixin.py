"""Signatures and docstrings that displays derive from `plot` and `from_predictions`."""

import inspect
import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt

from skbudget.metrics import (
    CoverageCurveDisplay,
    PartialROCDisplay,
    ScoreBandDisplay,
    TrainingCurveDisplay,
)

ALL = [CoverageCurveDisplay, PartialROCDisplay, ScoreBandDisplay, TrainingCurveDisplay]
CONSTRUCTORS = ("from_predictions", "from_estimator", "from_cv_results")
METHODS = [
    getattr(display, name) for display in ALL for name in CONSTRUCTORS if hasattr(display, name)
]
OF_ESTIMATORS = [
    method
    for method in METHODS
    if method.__name__ != "from_predictions" and method.__self__ is not TrainingCurveDisplay
]


def named(method):
    return method.__qualname__


def parameters(method):
    return inspect.signature(method).parameters


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [90, 30])
    yield rng.normal(size=(120, 2)) + y[:, np.newaxis], y
    plt.close("all")


def test_there_are_constructors():
    found = {display.__name__: 0 for display in ALL}
    for method in METHODS:
        found[method.__self__.__name__] += 1
    assert list(found.values()) == [3, 3, 2, 1]


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_constructors_take_what_plot_takes(method):
    plot = dict(parameters(method.__self__.plot))
    del plot["self"], plot["name"]
    found = parameters(method)
    assert [name for name in found if name in plot] == list(plot)
    assert list(found)[-len(plot) :] == list(plot)
    for name, parameter in plot.items():
        assert found[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert found[name].default == parameter.default


@pytest.mark.parametrize("method", OF_ESTIMATORS, ids=named)
def test_constructors_take_what_from_predictions_takes(method):
    measured = dict(parameters(method.__self__.from_predictions))
    del measured["y_true"], measured["y_score"]
    if method.__name__ == "from_cv_results" and method.__self__ is CoverageCurveDisplay:
        # There is no interval around the curves of folds.
        del measured["n_resamples"], measured["confidence_level"], measured["random_state"]
    found = parameters(method)
    first = "cv_results" if method.__name__ == "from_cv_results" else "estimator"
    assert list(found) == [first, "X", "y", *measured]
    assert {found[name].default == other.default for name, other in measured.items()} == {True}


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_docstrings_describe_each_parameter_once(method):
    text = inspect.getdoc(method)
    assert "$" not in text
    section = re.search(r"Parameters\n-+\n(.*?)\n\nReturns\n", text, flags=re.DOTALL)[1]
    described = [
        name.strip()
        for line in section.splitlines()
        if line and not line.startswith(" ")
        for name in line.split(" : ")[0].split(",")
    ]
    assert sorted(described) == sorted(parameters(method))
    assert f"display : {method.__self__.__name__}" in text


@pytest.mark.parametrize("display", ALL)
def test_docstring_of_plot_is_complete(display):
    assert "$" not in inspect.getdoc(display) + inspect.getdoc(display.plot)


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_names_and_origin(method):
    display = method.__self__
    assert method.__qualname__ == f"{display.__name__}.{method.__name__}"
    assert method.__module__ == display.__module__
    assert inspect.signature(method).return_annotation == display.__name__


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_an_unknown_parameter_is_refused_before_any_work(method):
    required = [one for one in parameters(method).values() if one.default is one.empty]
    message = rf"^{re.escape(named(method))}\(\) got an unexpected keyword argument 'colour'"
    with pytest.raises(TypeError, match=message):
        method(*[None] * len(required), colour="red")
    with pytest.raises(TypeError, match=rf"^{re.escape(named(method))}\(\) missing a required arg"):
        method()


def test_folds_have_no_interval():
    with pytest.raises(TypeError, match=r"from_cv_results\(\) got an unexpected .*'n_resamples'"):
        CoverageCurveDisplay.from_cv_results({}, None, None, n_resamples=0)


class Titled(PartialROCDisplay):
    """What a user may derive: other parameters, without the decorator."""

    @classmethod
    def from_predictions(cls, y_true, y_score, *, title="ROC", **options):
        display = super().from_predictions(y_true, y_score, **options)
        display.ax_.set_title(title)
        return display

    def plot(self, ax=None, *, name=None, **options):
        return super().plot(ax, name=name, **{"despine": False, **options})


def test_displays_can_be_derived_from(table):
    X, y = table
    model = LogisticRegression().fit(X, y)
    titled = Titled.from_predictions(y, X[:, 0], beta=0.1, title="mine")
    assert type(titled) is Titled
    assert titled.ax_.get_title() == "mine"
    fitted = Titled.from_estimator(model, X, y, beta=0.1, plot_chance_level=False)
    assert (type(fitted), fitted.name, fitted.ax_.get_title()) == (
        Titled,
        "LogisticRegression",
        "ROC",
    )
    assert fitted.chance_level_ is None
    folds = cross_validate(
        LogisticRegression(), X, y, cv=3, return_estimator=True, return_indices=True
    )
    assert len(Titled.from_cv_results(folds, X, y, beta=0.1).line_) == 3
