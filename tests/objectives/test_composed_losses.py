"""Losses made of losses over rounds, at budgets and class by class, and the rows they take."""

import dataclasses
import types

import numpy as np
import pandas as pd
import pytest
from objectives_cases import CASES, draw_case
from scipy.special import expit
from workers import Threads

from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    Derivatives,
    FocalLoss,
    HardNegativeCrossEntropy,
    Loss,
    OneVsRest,
    PairwisePAUC,
    Rows,
    Schedule,
    TrapezoidPAUC,
    WeightedSum,
    available,
    example_rows,
)
from skbudget.objectives._loss import check_names
from skbudget.objectives._registry import classes_of, loss_classes
from skbudget.objectives._rows import check_columns, check_margins, code_target

FULL = Schedule(
    warmup_rounds=2,
    blend_rounds=3,
    anneal_rounds=6,
    beta_start=0.8,
    temperature_start=2.0,
    warmup=HardNegativeCrossEntropy(2.0),
)
PAUC = PairwisePAUC(alpha=0.01, beta=0.1, temperature=0.5)
ROUNDS = [0, 1, 2, 3, 4, 5, 7, 8, 50]


def in_a_booster(loss, rows):
    """Value, gradient and hessian as a booster's sums."""
    plain = loss.resolved(rows)
    held, factor = plain.hold(rows), plain.boosting_factor(rows)
    derivatives = plain.derivatives(rows, held).dense(rows.raw.size, scale=factor)
    return factor * plain.value(rows, held), *derivatives


def assert_same(found, expected):
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


# --- schedules


@pytest.mark.parametrize("iteration", ROUNDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_round_of_a_loss_at_a_budget_is_that_of_its_band(iteration, weighted):
    rows = example_rows(PAUC, 60, weighted=weighted)
    loss = FULL.at(iteration, AtBudget(PAUC, budget=0.1, widening=2.0))
    assert (loss.target, loss.margins, loss.scale) == ("binary", "one", "sum")
    assert loss.reads == frozenset({"value", "iid_mask"})
    band = AtBudget(PAUC, budget=0.1, widening=2.0).resolved(rows)
    expected = in_a_booster(FULL.at(iteration, band), rows)
    assert_same(in_a_booster(loss, rows), expected)
    # Without being asked to resolve itself the loss of the round comes to the same.
    held = loss.hold(rows)
    assert loss.boosting_factor(rows) == 1.0
    found = loss.derivatives(rows, held).dense(rows.raw.size, scale=1.0)
    assert_same((loss.value(rows, held), *found), expected)


@pytest.mark.parametrize("iteration", ROUNDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_round_of_one_vs_rest_is_that_of_each_class(iteration, weighted):
    rows = example_rows(OneVsRest(PAUC), 60, weighted=weighted)
    loss = FULL.at(iteration, OneVsRest(PAUC))
    held = loss.hold(rows)
    derivatives = loss.derivatives(rows, held)
    total = 0.0
    for column in range(3):
        own = rows.replace(target=rows.target == column, raw=rows.raw[:, column])
        value, gradient, hessian = in_a_booster(FULL.at(iteration, PAUC), own)
        total += value
        np.testing.assert_allclose(derivatives.gradient[:, column], gradient, atol=1e-14)
        np.testing.assert_allclose(derivatives.hessian[:, column], hessian, atol=1e-14)
    assert loss.value(rows, held) == pytest.approx(total)


# --- what composed losses declare


def test_a_sum_adds_up_over_workers_if_all_its_parts_do():
    class Alone(BinaryCrossEntropy):
        sums_over_workers = False

    parts = BinaryCrossEntropy(), PAUC
    assert WeightedSum(tuple((1.0, part) for part in parts)).sums_over_workers is True
    assert WeightedSum(((1.0, BinaryCrossEntropy()), (1.0, Alone()))).sums_over_workers is False
    assert OneVsRest(PAUC).sums_over_workers is True
    assert AtBudget(PAUC).sums_over_workers is True


def test_what_a_part_needs_and_reads_the_whole_needs_and_reads():
    class Grouped(BinaryCrossEntropy):
        needs = frozenset({"group"})
        reads = frozenset({"value"})

    whole = WeightedSum(((1.0, Grouped()), (1.0, PAUC)))
    assert whole.needs == frozenset({"group"})
    assert whole.reads == frozenset({"value", "iid_mask"})
    assert OneVsRest(Grouped()).needs == frozenset({"group"})
    assert OneVsRest(PAUC).reads == frozenset({"value", "iid_mask"})


def test_a_band_that_a_budget_leaves_empty_is_named():
    loss = AtBudget(PairwisePAUC(alpha=0.3, beta=0.5), budget=0.01)
    y = [0] * 99 + [1]
    with pytest.raises(ValueError, match="'alpha' parameter of PairwisePAUC must be smaller"):
        loss.loss(y, range(100))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_vs_rest_answers_in_the_precision_asked_for(dtype):
    loss = OneVsRest(PAUC)
    rows = example_rows(loss).replace(dtype=dtype)
    found = loss.derivatives(rows, loss.hold(rows))
    assert (found.gradient.dtype, found.hessian.dtype) == (dtype, dtype)


def test_a_twin_in_torch_has_the_same_parameters():
    pytest.importorskip("torch")
    given = {"alpha": 0.1, "beta": 0.3, "temperature": 0.7, "tau_scale": "iqr"}
    for loss in (
        PairwisePAUC(link="sigmoid", basis="population", **given),
        PairwisePAUC(link="logistic", **given),
        TrapezoidPAUC(n_knots=4, basis="population", **given),
    ):
        twin = loss.torch_loss()
        known = {field.name: getattr(loss, field.name) for field in dataclasses.fields(loss)}
        assert {name: getattr(twin, name) for name in known} == known
        assert (twin.queue_size, twin.weighted_budget) == (0, True)
    assert BinaryCrossEntropy(3.0).torch_loss() is not None
    assert BinaryCrossEntropy("balanced").torch_loss() is None
    assert HardNegativeCrossEntropy(3.0).torch_loss() is None


# --- derivatives


@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_derivatives_are_scaled_and_kept_above_a_floor(owned, scale, dtype):
    gradient, hessian = np.array([1.0, -2.0, 0.0], dtype), np.array([0.5, 0.0, 2.0], dtype)
    whole = Derivatives(None, gradient.copy(), hessian.copy(), owned=owned)
    found = whole.dense(3, scale=scale, floor=0.25, dtype=dtype)
    assert [part.dtype for part in found] == [dtype, dtype]
    np.testing.assert_array_equal(found[0], scale * gradient)
    np.testing.assert_array_equal(found[1], np.maximum(scale * hessian, 0.25))
    if not owned:
        np.testing.assert_array_equal(whole.gradient, gradient)
        np.testing.assert_array_equal(whole.hessian, hessian)
    some = Derivatives(np.array([4, 0, 2]), gradient, hessian, owned=owned)
    found = some.dense(5, scale=scale, floor=0.25, dtype=dtype)
    np.testing.assert_array_equal(found[0], scale * np.array([-2.0, 0, 0, 0, 1.0]))
    np.testing.assert_array_equal(found[1], np.maximum(scale * np.array([0, 0, 2.0, 0, 0.5]), 0.25))


@pytest.mark.parametrize("loss", [PAUC, HardNegativeCrossEntropy(top_fraction=0.1)])
def test_a_gradient_at_other_scores_is_that_of_what_is_held(loss):
    case = CASES["plain"]
    held = loss.hold(loss.rows(*case.args))
    moved = case.at(case.raw[::-1])
    gradient = loss.gradient(*moved.args, held=held)
    np.testing.assert_array_equal(gradient, loss.gradient_hessian(*moved.args, held=held)[0])
    assert not np.allclose(gradient, loss.gradient(*moved.args))


# --- the focal loss


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["plain", "weights and ties"])
def test_the_hessian_of_the_focal_loss_is_exact_but_for_its_negative_term(gamma, name):
    case, step = CASES[name], 1e-3
    loss = FocalLoss(gamma=gamma, alpha=0.7)
    share = np.where(case.y == 1, 0.7, 0.3) * case.weights / case.weights.sum()
    p = expit(np.where(case.y == 1, case.raw, -case.raw))
    negative = share * gamma * p * (1 - p) ** (gamma + 1) * np.log(p)
    gradient, hessian = loss.gradient_hessian(*case.args)
    up, down = (loss.gradient(case.y, case.raw + h, case.weight) for h in (step, -step))
    np.testing.assert_allclose(hessian + negative, (up - down) / (2 * step), atol=1e-6)
    error = (1 - p) ** gamma * ((1 - p) - gamma * p * np.log(p))
    np.testing.assert_allclose(gradient, np.where(case.y == 1, -1, 1) * share * error, atol=1e-15)


# --- rows


@pytest.mark.parametrize("negative", [0, -1])
@pytest.mark.parametrize("workers", [None, object()])
@pytest.mark.parametrize("positive", [[True, False, False], [True, True, False], [False, True]])
def test_both_codes_of_two_classes(negative, workers, positive):
    labels = np.where(positive, 1.0, negative)
    assert code_target("binary", labels, workers).tolist() == positive
    with pytest.raises(ValueError, match=r"labels in \{0, 1\} or \{-1, 1\}"):
        code_target("binary", np.append(labels, [0.0, -1.0]), workers)


def test_a_worker_may_lack_a_class_and_a_table_may_not():
    for label in (0.0, 1.0):
        labels = np.full(3, label)
        assert code_target("binary", labels, object()).tolist() == [label == 1.0] * 3
        with pytest.raises(ValueError, match="Only one class present in y_true"):
            code_target("binary", labels)


def test_columns_are_numbers_or_codes_of_labels():
    found = check_columns({"group": ["b", "a", "b"], "process": [2, 0, 2], "gone": None}, 3)
    assert {name: column.tolist() for name, column in found.items()} == {
        "group": [1, 0, 1],
        "process": [2, 0, 2],
    }
    assert check_columns({"group": [0.5, 1.5]}, 2)["group"].tolist() == [0.5, 1.5]
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="group contains NaN or infinity"):
            check_columns({"group": [0.0, bad]}, 2)
    with pytest.raises(ValueError, match=r"group must have one entry per sample: expected \(3,\)"):
        check_columns({"group": [1, 2]}, 3)


def test_a_frame_of_scores_with_text_is_refused():
    loss, scores = OneVsRest(PAUC), pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 0.0]})
    assert np.isfinite(loss.loss([0, 1, 0], scores))
    text = scores.assign(b=pd.array(["1", "0", "0"], dtype="string"))
    with pytest.raises(ValueError, match="raw_score must hold numbers"):
        loss.loss([0, 1, 0], text)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros(4), r"up to 2, and there is 1 margin per row: Ours needs 3. Set num_class=3"),
        (np.zeros((4, 2)), r"up to 2, and there are 2 margins per row: Ours needs 3"),
    ],
)
def test_margins_that_are_too_few_are_counted(raw, message):
    with pytest.raises(ValueError, match=message):
        check_margins("classes", np.array([0, 1, 2, 1]), raw, "Ours")
    check_margins("classes", np.array([0, 1, 2, 1]), np.zeros((4, 3)), "Ours")
    # Levels need a margin less. A worker may have no row.
    with pytest.raises(ValueError, match=r"up to 3, and there are 2 margins per row: Ours needs 3"):
        check_margins("thresholds", np.array([0, 1, 2, 3]), np.zeros((4, 2)), "Ours")
    check_margins("classes", np.array([], dtype=int), np.zeros((0, 3)), "Ours")
    check_margins("thresholds", np.array([0, 1, 2, 1]), np.zeros((4, 2)), "Ours")


# --- examples


def test_example_rows_are_what_a_loss_needs():
    class Grouped(BinaryCrossEntropy):
        needs = frozenset({"group", "process"})

    rows = example_rows(Grouped(), 200, seed=3)
    assert rows.target.dtype == bool
    assert rows.target.tolist() == [True, False, False, False] * 50
    group, process = rows.columns["group"], rows.columns["process"]
    assert (np.diff(group) >= 0).all()
    assert (set(group), set(process)) == (set(range(5)), set(range(3)))
    assert rows.raw[rows.target].mean() > rows.raw[~rows.target].mean() + 0.5
    assert rows.weight is None
    weight = example_rows(Grouped(), 200, weighted=True).weight
    assert set(weight) == {0.0, 1.0, 2.0, 3.0}

    class Ordinal(Grouped):
        target, margins = "ordinal", "thresholds"

    levels = example_rows(Ordinal(), 12)
    assert levels.target.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert levels.raw.shape == (12, 2)
    classes = example_rows(OneVsRest(PAUC), 12)
    assert classes.target.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert classes.raw.shape == (12, 3)


@pytest.mark.parametrize(
    "cls",
    [*loss_classes().values(), WeightedSum, OneVsRest, AtBudget],
    ids=lambda cls: cls.__name__,
)
def test_examples_are_the_same_whenever_they_are_asked_for(cls):
    weighted = [rows.weight is not None for _, rows in cls.examples()]
    assert (any(weighted), all(weighted)) == (True, False)
    first, second = (rows.raw for _, rows in list(cls.examples())[:2])
    assert not np.array_equal(first, second)
    for (loss, rows), (again, same) in zip(cls.examples(), cls.examples(), strict=True):
        assert loss == again
        np.testing.assert_array_equal(rows.raw, same.raw)
        np.testing.assert_array_equal(rows.target, same.target)
        assert (rows.weight is None) == (same.weight is None)


def test_rows_of_another_target_sum_their_weights_over_workers():
    target, weight = np.array([0.5, 2.0]), np.array([1.0, 3.0])

    def work(worker, rows):
        return Rows(target[rows], np.zeros(2)[rows], weight[rows], workers=worker).total_weight

    assert Threads(2).run(work, [(slice(0, 1),), (slice(1, 2),)]) == [4.0, 4.0]
    assert Rows(target, np.zeros(2), weight).total_weight == 4.0


def test_an_alias_of_a_type_in_the_file_of_a_loss_is_no_loss():
    class Alias:
        """Says that it is a class and is none, as `list[int]` does in Python 3.10."""

        __class__ = property(lambda self: type)

    module = types.ModuleType("a_file_of_losses")
    module.alias, module.annotation = Alias(), list[int]
    module.Own = type("Own", (PairwisePAUC,), {"__module__": module.__name__})
    module.PairwisePAUC = PairwisePAUC
    assert isinstance(module.alias, type)
    assert list(classes_of(module, Loss)) == [module.Own]


def test_losses_are_listed_by_their_target():
    binary = available("binary")
    assert {"pairwise_pauc", "focal_loss"} <= set(binary)
    assert available() == list(loss_classes())
    assert available("ordinal") == [
        name for name, cls in loss_classes().items() if cls.target == "ordinal"
    ]
    with pytest.raises(ValueError, match="'target' parameter of available must be one of"):
        available("pairs")


def test_columns_are_read_by_either_of_two_losses():
    class Grouped(BinaryCrossEntropy):
        needs = frozenset({"group"})
        reads = frozenset({"value"})

    class Timed(BinaryCrossEntropy):
        needs = frozenset({"time"})
        reads = frozenset({"process"})

    given = {"group", "value", "time", "process"}
    check_names(Grouped(), given, "Ours", beside=Timed())
    for lacking in ("group", "time"):
        with pytest.raises(ValueError, match=f"Ours needs the column '{lacking}'"):
            check_names(Grouped(), given - {lacking}, "Ours", beside=Timed())
    with pytest.raises(ValueError, match=r"'colour'.*reads: 'group', 'process', 'time', 'value'"):
        check_names(Grouped(), given | {"colour"}, "Ours", beside=Timed())
    with pytest.raises(ValueError, match=r"'process'.*reads: 'group', 'value'"):
        check_names(Grouped(), {"group", "process"}, "Ours")


def test_rows_of_a_binary_target_know_their_sums():
    case = draw_case(3, weighted=True)
    rows = Rows(case.y == 1, case.raw, case.weight)
    assert rows.total_weight == case.weight.sum()
    assert rows.positive_weight == rows.total_value == case.weight[case.y == 1].sum()
    assert rows.worth is case.weight
