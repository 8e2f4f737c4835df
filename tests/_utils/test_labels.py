import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from skbudget._utils.labels import (
    PositiveClassWarning,
    classes_by_role,
    find_classes,
    is_positive_first,
    two_columns,
)


def find(y, pos_label=None, **options):
    return find_classes(np.asarray(y), pos_label, owner="Model", **options)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([0, 0, 0, 1], [0, 1]), ([-1, -1, 1], [-1, 1]), ([False, False, True], [False, True])],
)
def test_the_usual_labels_need_no_name(labels, classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find(labels)
    assert found.classes.tolist() == classes
    np.testing.assert_array_equal(found.positive, np.asarray(labels) == classes[1])


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["fraud", "ok", "ok"], "fraud"),
        (["bad", "good", "bad", "bad"], "good"),
        ([1, 2, 2], 1),
        ([0, 2, 0], 2),
        ([1.0, 3.0, 1.0], 3.0),
    ],
)
def test_of_other_labels_the_rarer_one_is_positive_and_a_warning_says_so(labels, positive):
    with pytest.warns(
        PositiveClassWarning, match=rf"rarer one, {positive!r}, is taken.*pos_label="
    ):
        found = find(labels)
    assert found.classes[1] == positive
    np.testing.assert_array_equal(found.positive, np.asarray(labels) == positive)


def test_of_equally_common_labels_the_greater_one_is_positive():
    with pytest.warns(PositiveClassWarning, match="greater one, 'two', is taken"):
        assert find(["one", "two"]).classes.tolist() == ["one", "two"]


def test_a_named_class_is_taken_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find(["fraud", "ok", "ok"], "fraud")
        assert found.classes.tolist() == ["ok", "fraud"]
        assert found.positive.tolist() == [True, False, False]
        assert find([1, 2, 2], 1).classes.tolist() == [2, 1]
    np.testing.assert_array_equal(found.encode(["ok", "fraud"]), [0, 1])
    with pytest.raises(ValueError, match=r"not seen in fit: \['maybe'\]"):
        found.encode(["ok", "maybe"])


@pytest.mark.parametrize(
    ("labels", "pos_label"),
    [([0, 1, 1, 1], None), (["fraud", "ok", "ok"], "ok"), ([True, True, False], None)],
)
def test_a_majority_is_warned_about_whatever_the_labels(labels, pos_label):
    with pytest.warns(PositiveClassWarning, match="is the majority of y"):
        find(labels, pos_label)


def test_weights_count():
    with pytest.warns(PositiveClassWarning, match="rarer one, 'ok'"):
        find(["fraud", "ok", "ok"], weight=np.array([10.0, 1.0, 1.0]))


@pytest.mark.parametrize("pos_label", ["1", 2, "fraud", True])
def test_a_name_that_is_no_label_is_refused(pos_label):
    labels = ["a", "b"] if pos_label is True else [0, 1]
    with pytest.raises(ValueError, match=r"'pos_label' parameter of Model must be one of"):
        find(labels, pos_label)


def test_other_than_two_labels_are_refused():
    with pytest.raises(ValueError, match="one class"):
        find([1, 1])
    with pytest.raises(ValueError, match="Only binary classification is supported by Model"):
        find([0, 1, 2])


@pytest.mark.parametrize("labels", [("ok", "fraud"), ("ok", "scam"), (2, 1), (0, 1)])
def test_roles_of_sorted_classes(labels):
    model = SimpleNamespace(classes_=np.array(sorted(labels)), pos_label_=labels[1])
    first = labels[1] < labels[0]
    assert is_positive_first(model) == first
    assert classes_by_role(model).tolist() == list(labels)
    columns = two_columns(np.array([0.25, 0.5]), is_positive_first(model))
    assert columns[:, sorted(labels).index(labels[1])].tolist() == [0.25, 0.5]
    assert columns[:, sorted(labels).index(labels[0])].tolist() == [0.75, 0.5]


def test_levels_have_no_positive_class():
    model = SimpleNamespace(classes_=np.arange(3))
    assert not is_positive_first(model)
    assert classes_by_role(model).tolist() == [0, 1, 2]
