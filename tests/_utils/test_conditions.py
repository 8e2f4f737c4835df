"""Parameters that have an effect beside others alone."""

import warnings

import numpy as np
import pytest

from skbudget._utils.conditions import (
    OF_SURROGATES,
    Condition,
    asked,
    below_one,
    is_on,
    is_one_of,
    never,
    warn_of_idle,
)
from skbudget.boosting import PAUCObjective


class Machine:
    def __init__(self, speed=1.0, engine=None, colours=("red",)):
        self.speed, self.engine, self.colours = speed, engine, colours


CONDITIONS = (
    Condition({"speed": 2.0}, asked("engine"), "an engine"),
    Condition({"colours": None}, is_one_of("engine", "steam"), "steam"),
)


def told_of(**params):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warn_of_idle(CONDITIONS, Machine(**params))
    return [str(one.message) for one in found]


def test_what_lacks_another_is_told():
    wanted = "The 'speed' parameter of Machine has no effect: it needs an engine. Got 3.0."
    assert told_of(speed=3.0) == [wanted]
    assert told_of(speed=3.0, engine=False) == [wanted]
    assert told_of(speed=3.0, engine="steam") == []
    assert told_of(colours=["blue"]) == [
        "The 'colours' parameter of Machine has no effect: it needs steam. Got ['blue']."
    ]
    # Neither the default of the class nor that of the library is a request.
    assert told_of(speed=2.0) == told_of(speed=1.0) == told_of(colours=("red",)) == []


def test_values_that_switch_on():
    for value in (None, False, 0, 0.0, "", "false", "none", "0"):
        assert not is_on(value)
    for value in (True, 1, 0.1, "dart", [0], np.zeros(2), (), object()):
        assert is_on(value)
    given = {"subsample": 1.0, "top": 0.5}.get
    assert below_one("subsample", "top")(given)
    assert not below_one("subsample", "other")(given)
    assert not never(given)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"n_knots": 4}, "'n_knots' parameter of PAUCObjective .*surrogate='trapezoid'. Got 4"),
        ({"surrogate": "trapezoid", "link": "sigmoid"}, "'link' parameter .*surrogate='pairwise'"),
    ],
    ids=["n_knots", "link"],
)
def test_an_objective_tells_what_its_surrogate_does_not_read(params, told):
    with pytest.warns(UserWarning, match=told) as found:
        PAUCObjective(**params)
    assert [one.filename for one in found] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PAUCObjective()
        PAUCObjective(surrogate="trapezoid", n_knots=4)
        PAUCObjective(link="sigmoid")
    assert {name for one in OF_SURROGATES for name in one.defaults} == {"n_knots", "link"}
