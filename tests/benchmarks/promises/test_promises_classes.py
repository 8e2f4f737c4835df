import json

import numpy as np
import pytest
from promises_fakes import draw_one_column, measures_of

from benchmarks.promises import _classes
from benchmarks.promises._classes import (
    CLASSES_PROMISES,
    METHODS,
    TAKEN,
    render_classes,
    run_method,
)
from benchmarks.promises._tables import LINEAR, FewerNegatives, MixtureDraw, classes_tables
from benchmarks.study import StudyTable

TABLE = StudyTable("linear-two-kinds", LINEAR, draw_one_column, "one column")


@pytest.fixture
def draw():
    return draw_one_column(0, n_rows=400, shift=3.0)


@pytest.mark.parametrize("method", ["plain", "tuned-weight"])
def test_a_weight_is_tuned_for_each_promise(method, draw):
    pytest.importorskip("skorch")
    measures = run_method(TABLE, draw, 0, method, effort=1.5)
    assert [one.promise for one in measures] == list(CLASSES_PROMISES)
    powers = {json.loads(one.parameters)["weight power"] for one in measures}
    assert powers <= set(_classes.POWERS)
    assert {one.trials for one in measures} == {1 if method == "plain" else 6}
    if method == "plain":
        assert powers == {0.0}
    figures = {one.promise: one.test for one in measures}
    assert figures["balanced-error"] < 0.2
    assert figures["coverage"] > 0.3


@pytest.mark.parametrize("adopted", [True, False], ids=["adopted", "kept-plain"])
def test_a_found_loss_is_measured_as_it_is_used_and_taken_in_any_case(adopted, draw, monkeypatch):
    found = {"pos_weight": 2.0, "pos_margin": 0.0, "pos_multiplier": 1.0, "adopted": adopted}
    asked = []

    def find(table, draw, seed, effort, promise):
        asked.append(promise)
        return (lambda X: X[:, 0]), found

    def take(table, draw, seed, effort, given):
        assert given == found
        return (lambda X: X[:, 1]), found

    monkeypatch.setattr(_classes, "fit_found", find)
    monkeypatch.setattr(_classes, "fit_taken", take)
    measures = run_method(TABLE, draw, 0, "found")
    assert asked == list(CLASSES_PROMISES)
    cells = [(one.promise, one.addition) for one in measures]
    assert cells == [(promise, name) for promise in CLASSES_PROMISES for name in ("", TAKEN)]
    by_cell = {(one.promise, one.addition): one.test for one in measures}
    for promise in CLASSES_PROMISES:
        same = by_cell[promise, ""] == by_cell[promise, TAKEN]
        assert same == adopted


def test_a_loss_that_was_found_is_trained_on(draw):
    pytest.importorskip("skorch")
    plain = {"pos_weight": 1.0, "pos_margin": 0.0, "pos_multiplier": 1.0, "adopted": False}
    score, _ = _classes.fit_taken(TABLE, draw, 0, 0.3, plain)
    other, _ = _classes.fit_taken(TABLE, draw, 0, 0.3, {**plain, "pos_multiplier": 0.3})
    weighted, _ = _classes.fit_weighted(TABLE, draw, 0, 0.3, 0.0)
    np.testing.assert_allclose(score(draw.X_test), weighted(draw.X_test), rtol=1e-4, atol=1e-4)
    assert not np.allclose(score(draw.X_test), other(draw.X_test), rtol=1e-2)


def test_the_loss_found_is_compared_with_each_peer():
    tests = {("plain", ""): [0.2, 0.22], ("found", ""): [0.1, 0.121], ("found", TAKEN): [0.3, 0.3]}
    measures = measures_of(tests, promise="balanced-error", table="aloi")
    text = render_classes(measures)
    (row,) = [line for line in text.splitlines() if line.startswith("| aloi") and "0.2" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["aloi", "2"]
    assert len(cells) == 2 + len(METHODS) + 1 + 3
    # The seeds of a real table share rows.
    assert cells[7].startswith("**-0.100 ± ") or cells[7].startswith("-0.100 ± ")
    assert cells[6].startswith("0.300")


# --- tables ---------------------------------------------------------------------------------


def test_mixtures_have_their_shares():
    draw = MixtureDraw(((0.5, 30.0, 0.0), (0.5, 0.0, 20.0)), ((1.0, 0.0, 0.0),), 100, 900, 2000)(0)
    positives = draw.X_train[draw.y_train == 1]
    assert (positives[:, 0] > 15).sum() == (positives[:, 1] > 10).sum() == 50
    assert abs(draw.X_train[draw.y_train == 0]).max() < 6
    assert (draw.y_train.sum(), draw.y_valid.sum(), draw.y_test.sum()) == (100, 100, 1000)


def test_only_negatives_to_train_on_are_left_out():
    whole = draw_one_column(1)
    draw = FewerNegatives(TABLE, 100)(1)
    assert (draw.y_train == 0).sum() == 100
    assert draw.y_train.sum() == whole.y_train.sum()
    np.testing.assert_array_equal(draw.X_test, whole.X_test)
    same = FewerNegatives(TABLE, 10_000)(1)
    np.testing.assert_array_equal(same.X_train, whole.X_train)


def test_real_tables_are_those_of_the_study(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    tables = classes_tables(quick=True)
    assert [table.name for table in tables if table.group == "real"] == ["mammography"]
    assert sum(table.group == LINEAR for table in tables) == 3
