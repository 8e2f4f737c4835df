"""Warnings that are given once in a call of the package, at the line that called it."""

import types
import warnings

import numpy as np
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from skbudget._utils.callers import outer_call


def of_package(code, name):
    """Return the functions of a piece of code as if it were a module of the package."""
    module = types.ModuleType(f"skbudget.{name}")
    module.outer_call = outer_call
    exec(code, module.__dict__)
    return module


CODE = """
def inner(kind="thing"):
    outer_call().warn_once("Twice is too often.", UserWarning, kind)
    return outer_call()

def outer(*kinds):
    return [inner(kind) for kind in kinds][-1]

def around(function):
    return function()

def metric(y_true, y_pred):
    inner()
    return 0.5
"""
ONE, OTHER = of_package(CODE, "one"), of_package(CODE, "other")


def heard(call, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call(*args)
    return found, caught


def test_the_first_function_of_the_package_and_the_line_that_called_it():
    here = heard.__code__.co_filename
    found, (warning,) = heard(ONE.inner)
    assert (found.module, found.first.f_code.co_name) == ("skbudget.one", "inner")
    assert (warning.filename, found.caller.f_code.co_name) == (here, "heard")
    # What a room calls of another one, and what the user hands over, belongs to the first call.
    for call in (lambda: OTHER.around(ONE.inner), lambda: OTHER.around(lambda: ONE.inner())):
        found, (warning,) = heard(call)
        assert (found.module, found.first.f_code.co_name) == ("skbudget.other", "around")
        assert warning.filename == here


def test_once_in_a_call_for_each_kind():
    assert len(heard(ONE.outer, *["thing"] * 5)[1]) == 1
    assert len(heard(ONE.outer, "thing", "another", "thing")[1]) == 2
    assert len(heard(lambda: (ONE.inner(), ONE.inner()))[1]) == 2


def test_callers_that_act_for_somebody_else_are_passed_over():
    X, y = np.arange(12.0)[:, None], np.arange(12) % 2
    folds = [(np.arange(6), np.arange(6, 12)), (np.arange(6, 12), np.arange(6))]
    model, scorer = DecisionTreeClassifier(), make_scorer(ONE.metric)
    _, found = heard(lambda: cross_val_score(model, X, y, cv=folds, scoring=scorer))
    assert [warning.filename for warning in found] == [heard.__code__.co_filename] * 2
