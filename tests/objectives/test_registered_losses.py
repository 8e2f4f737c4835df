"""What every loss in the registry promises, on the examples that it brings along.

A loss that is dropped into ``skbudget/objectives/losses`` is tested here with no line changed.
"""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from skbudget.objectives import (
    AtBudget,
    Derivatives,
    HardNegativeCrossEntropy,
    Loss,
    OneVsRest,
    OrdinalLogLoss,
    WeightedSum,
    available,
    find_loss,
)
from skbudget.objectives._loss import HESSIAN_FLOOR
from skbudget.objectives._registry import loss_classes
from skbudget.objectives._rows import MARGINS, TARGETS, code_target

CLASSES = {
    **loss_classes(),
    "weighted_sum": WeightedSum,
    "one_vs_rest": OneVsRest,
    "at_budget": AtBudget,
}
EXAMPLES = [
    pytest.param(loss, rows, id=f"{name}-{number}")
    for name, cls in CLASSES.items()
    for number, (loss, rows) in enumerate(cls.examples())
]
each_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=list(CLASSES))
each_example = pytest.mark.parametrize(("loss", "rows"), EXAMPLES)

_STEP = 5e-3


def dense(loss, rows, held=None):
    held = loss.hold(rows) if held is None else held
    return loss.derivatives(rows, held).dense(rows.n_samples)


def differences(loss, rows, held):
    """Central differences of fifth order, what is held staying where it is."""
    found = np.empty(rows.raw.shape)
    for place in np.ndindex(rows.raw.shape):
        values = []
        for k in (-2, -1, 1, 2):
            raw = rows.raw.astype(float)
            raw[place] += k * _STEP
            values.append(loss.value(rows.replace(raw=raw), held))
        a, b, d, e = values
        found[place] = (a - 8 * b + 8 * d - e) / (12 * _STEP)
    return found


@each_class
def test_a_loss_says_what_it_needs(cls):
    examples = list(cls.examples())
    assert examples
    for loss, rows in examples:
        assert isinstance(loss, cls)
        assert loss.target in TARGETS
        assert loss.margins in MARGINS
        assert isinstance(loss.reads, frozenset)
        assert isinstance(loss.needs, frozenset)
        assert loss.needs <= set(rows.columns)
        assert set(rows.columns) <= loss.reads | loss.needs
        assert loss.scale in ("rows", "positives", "relevant", "sum")
        assert isinstance(loss.networks_only, str)
        assert cls.__doc__.strip()


@pytest.mark.parametrize("name", available())
def test_a_loss_is_found_by_its_name(name):
    cls = loss_classes()[name]
    assert dataclasses.is_dataclass(cls)
    fields = dataclasses.fields(cls)
    if all(
        one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        for one in fields
    ):
        loss = find_loss(name)
        assert type(loss) is cls
        assert loss.name == name
    assert name in available(cls.target)


@each_example
def test_the_gradient_is_the_central_difference(loss, rows):
    held = loss.hold(rows)
    numeric = differences(loss, rows, held)
    gradient, hessian = dense(loss, rows, held)
    assert gradient.shape == hessian.shape == rows.raw.shape
    assert np.abs(numeric).max() > 0
    np.testing.assert_allclose(gradient, numeric, atol=1e-6 * np.abs(numeric).max())


@each_example
def test_the_hessian_curves_and_is_finite(loss, rows):
    for scores in (rows.raw, np.zeros_like(rows.raw), 1e3 * rows.raw):
        gradient, hessian = dense(loss, rows.replace(raw=scores))
        assert np.isfinite(gradient).all()
        assert np.isfinite(hessian).all()
        assert (hessian >= 0).all()
    if loss.networks_only:
        assert not hessian.any()
        return
    # From the first round on, every row that pulls has a curvature to divide by.
    gradient, hessian = dense(loss, rows)
    assert (hessian[np.abs(gradient) > 1e-9 * np.abs(gradient).max()] > HESSIAN_FLOOR).all()


@each_example
def test_derivatives_are_finite_in_single_precision(loss, rows):
    single = rows.replace(raw=rows.raw.astype(np.float32), dtype=np.float32)
    wanted = dense(loss, rows.replace(raw=single.raw.astype(np.float64)))
    found = loss.derivatives(single, loss.hold(single))
    assert isinstance(found, Derivatives)
    for one, other in zip(found.dense(rows.n_samples, dtype=np.float32), wanted):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6 * np.abs(other).max())


@each_example
def test_a_weight_repeats_a_row(loss, rows):
    times = np.random.default_rng(0).integers(0, 4, rows.n_samples)
    index = np.repeat(np.arange(rows.n_samples), times)
    weighted = rows.replace(weight=times.astype(float))
    repeated = rows.replace(weight=None).take(index)
    assert loss.value(weighted, loss.hold(weighted)) == pytest.approx(
        loss.value(repeated, loss.hold(repeated)), rel=1e-9
    )
    for one, other in zip(dense(loss, weighted), dense(loss, repeated)):
        summed = np.zeros_like(one)
        np.add.at(summed, index, other)
        np.testing.assert_allclose(one, summed, rtol=1e-8, atol=1e-11 * np.abs(summed).max())


@each_example
def test_the_order_of_the_rows_does_not_matter(loss, rows):
    order = np.random.default_rng(0).permutation(rows.n_samples)
    shuffled = rows.take(order)
    assert loss.value(shuffled, loss.hold(shuffled)) == pytest.approx(
        loss.value(rows, loss.hold(rows)), rel=1e-9
    )
    for one, other in zip(dense(loss, shuffled), dense(loss, rows)):
        np.testing.assert_allclose(one, other[order], rtol=1e-8, atol=1e-12)


@each_example
def test_ties_do_not_hurt(loss, rows):
    tied = rows.replace(raw=np.zeros_like(rows.raw))
    held = loss.hold(tied)
    assert np.isfinite(loss.value(tied, held))
    gradient, _ = dense(loss, tied, held)
    numeric = differences(loss, tied, held)
    np.testing.assert_allclose(gradient, numeric, atol=1e-6 * max(np.abs(numeric).max(), 1e-3))


# The constant is the best one of the loss without mining: among equal scores every negative is
# mined, and what is best then is too low for any later round. The best constant of the ordinal log
# loss may give a level no probability, and with it no gradient.
BEGINS_ELSEWHERE = (HardNegativeCrossEntropy, OrdinalLogLoss)


@each_example
def test_no_constant_near_the_start_is_better(loss, rows):
    start = loss.start(rows)
    assert np.shape(start) == rows.raw.shape[1:]
    assert np.isfinite(start).all()
    if isinstance(loss, (*BEGINS_ELSEWHERE, WeightedSum)) or not np.any(start):
        return
    at = np.broadcast_to(start, rows.raw.shape).astype(float)
    held = loss.hold(rows.replace(raw=at))
    best = loss.value(rows.replace(raw=at), held)
    for place in np.ndindex(np.shape(start)):
        for shift in (-0.01, 0.01):
            moved = at.copy()
            moved[(slice(None), *place)] += shift
            assert loss.value(rows.replace(raw=moved), held) >= best - 1e-12


@each_example
def test_a_loss_is_a_value(loss, rows):
    for other in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss), loss.replace()):
        assert other == loss
        assert hash(other) == hash(loss)
        np.testing.assert_array_equal(dense(other, rows)[0], dense(loss, rows)[0])
    before = rows.raw.copy(), rows.target.copy()
    dense(loss, rows)
    np.testing.assert_array_equal(rows.raw, before[0])
    np.testing.assert_array_equal(rows.target, before[1])


@each_example
def test_labels_and_scores_come_to_the_same(loss, rows):
    labels = rows.target.astype(int) if loss.target == "binary" else rows.target
    gradient, hessian = loss.gradient_hessian(labels, rows.raw, rows.weight, **rows.columns)
    wanted = dense(loss, rows)
    np.testing.assert_allclose(gradient, wanted[0], rtol=1e-12)
    np.testing.assert_allclose(hessian, np.maximum(wanted[1], HESSIAN_FLOOR), rtol=1e-12)
    np.testing.assert_array_equal(code_target(loss.target, np.asarray(labels)), rows.target)


# --- what is refused ------------------------------------------------------------------


@each_example
def test_a_column_that_nobody_reads_is_refused(loss, rows):
    labels = rows.target.astype(int) if loss.target == "binary" else rows.target
    with pytest.raises(ValueError, match=r"does not read the column 'colour'.*Columns that"):
        loss.gradient(labels, rows.raw, colour=np.zeros(rows.n_samples), **rows.columns)


@each_example
def test_a_missing_column_is_refused(loss, rows):
    labels = rows.target.astype(int) if loss.target == "binary" else rows.target
    for name in loss.needs:
        others = {other: values for other, values in rows.columns.items() if other != name}
        with pytest.raises(ValueError, match=f"needs the column '{name}'"):
            loss.gradient(labels, rows.raw, **others)


def test_an_unknown_name_lists_all_names():
    with pytest.raises(ValueError, match=r"no loss called 'auc'.*pairwise_pauc"):
        find_loss("auc")


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("classes", [0.0, 1.5], "class numbers, whole numbers from 0"),
        ("ordinal", [-1, 0], "levels, whole numbers from 0"),
        ("real", [0.0, np.nan], "contains NaN or infinity"),
        ("binary", [0, 1, 2], "must be binary"),
    ],
)
def test_a_target_of_another_kind_is_refused(kind, labels, message):
    with pytest.raises(ValueError, match=message):
        code_target(kind, np.asarray(labels))


def test_a_sum_of_losses_of_different_targets_is_refused():
    class Other(Loss):
        target = "real"

        def value(self, rows, held=None):
            return 0.0

        def derivatives(self, rows, held=None):
            return Derivatives(None, rows.raw, rows.raw)

    with pytest.raises(ValueError, match=r"losses of one target.*pairwise_pauc \(binary target\)"):
        WeightedSum(((1.0, find_loss("pairwise_pauc")), (1.0, Other())))
    with pytest.raises(ValueError, match="must be a loss of a binary target"):
        OneVsRest(Other())
    with pytest.raises(ValueError, match="must be a loss over a band"):
        AtBudget(find_loss("binary_cross_entropy"))
    with pytest.raises(TypeError, match="must be a loss"):
        AtBudget("pairwise_pauc")


# --- composition ----------------------------------------------------------------------


def test_a_budget_reaches_every_band_inside():
    band, plain = find_loss("pairwise_pauc"), find_loss("binary_cross_entropy")
    loss = AtBudget(WeightedSum(((1.0, band), (2.0, plain))), budget=0.1)
    rows = loss.rows([0] * 90 + [1] * 10, np.arange(100.0))
    resolved = loss.resolved(rows)
    assert resolved.parts[0][1].beta == pytest.approx(0.3)
    assert resolved.parts[1][1] == plain
    apart = WeightedSum(((1.0, AtBudget(band, budget=0.1)), (2.0, plain)))
    np.testing.assert_array_equal(dense(loss, rows)[0], dense(apart, rows)[0])


def test_one_vs_rest_resolves_the_band_class_by_class():
    loss = AtBudget(OneVsRest(find_loss("pairwise_pauc")), budget=0.01)
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    raw = np.random.default_rng(0).normal(size=(100, 3))
    gradient = loss.gradient(labels, raw)
    for column in range(3):
        single = AtBudget(find_loss("pairwise_pauc"), budget=0.01)
        rows = single.rows((labels == column).astype(int), raw[:, column])
        factor = single.boosting_factor(rows)
        np.testing.assert_allclose(gradient[:, column], factor * dense(single, rows)[0], rtol=1e-12)


def test_a_torch_twin_is_optional():
    for cls in CLASSES.values():
        for loss, _ in cls.examples():
            assert hasattr(loss, "torch_loss")
            break
