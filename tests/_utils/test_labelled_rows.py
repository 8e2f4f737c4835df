"""Rows that are taken and handed on together with what is known of them."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator

from skbudget._utils.tables import LabelledRows

WEIGHT, VALUE = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 4.0])


def rows(**known):
    return LabelledRows(np.arange(6).reshape(3, 2), np.array([0, 1, 1]), **known)


class Memory(BaseEstimator):
    def fit(self, X, y, **given):
        self.given_ = (X, y, given)
        return self


@pytest.mark.parametrize("chosen", [np.array([True, False, True]), np.array([0, 2])])
def test_all_columns_are_taken_together(chosen):
    taken = rows(weight=WEIGHT, value=VALUE, segments=np.array([0, 1, 2])).take(chosen)
    assert taken.features.tolist() == [[0, 1], [4, 5]]
    assert taken.labels.tolist() == [0, 1]
    assert taken.weight.tolist() == [1.0, 3.0]
    assert taken.value.tolist() == [0.5, 4.0]
    assert taken.segments.tolist() == [0, 2]


def test_what_is_not_known_stays_unknown():
    taken = LabelledRows(None, None).take(np.array([0]))
    assert taken == LabelledRows(None, None)
    assert taken.worth is None
    assert taken.columns == {}


def test_tables_of_any_kind_and_order():
    pandas = pytest.importorskip("pandas")
    order = np.array([2, 0])
    frame = pandas.DataFrame({"a": [1, 2, 3]}, index=[7, 8, 9])
    assert LabelledRows(frame, WEIGHT).take(order).features["a"].tolist() == [3, 1]
    matrix = sparse.csr_matrix(np.eye(3))
    assert LabelledRows(matrix, WEIGHT).take(order).features.toarray()[0].tolist() == [0, 0, 1]
    assert LabelledRows(["x", "y", "z"], WEIGHT).take(order).features == ["z", "x"]


def test_worth_is_weight_times_value():
    assert rows(weight=WEIGHT).worth is WEIGHT
    assert rows(value=VALUE).worth is VALUE
    assert rows(weight=WEIGHT, value=VALUE).worth.tolist() == (WEIGHT * VALUE).tolist()


@pytest.mark.parametrize("routing", [False, True])
def test_models_get_the_columns_they_are_given_by_their_names(routing):
    known = rows(weight=WEIGHT, value=VALUE)
    assert list(known.columns) == ["sample_weight", "value"]
    with config_context(enable_metadata_routing=routing):
        model = known.fit(Memory(), {"sample_weight": "last__sample_weight"})
    X, y, given = model.given_
    assert X is known.features
    assert y is known.labels
    assert given == {"last__sample_weight": WEIGHT}


def test_rows_of_a_derived_class_stay_of_it():
    @dataclass(frozen=True)
    class Derived(LabelledRows):
        pass

    assert type(Derived(np.eye(3), WEIGHT).take(np.array([1]))) is Derived
