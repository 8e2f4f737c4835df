"""What every objective promises, whatever its loss."""

import dataclasses
import pickle

import numpy as np
import pytest
from objectives_cases import (
    ALL,
    BAND,
    CASES,
    CROSS_ENTROPY,
    EXACT_HESSIAN,
    Case,
    assert_close,
    differences,
    draw_case,
)

from skbudget.objectives import (
    BinaryCrossEntropy,
    FocalLoss,
    Loss,
    OneVsRest,
    PairwisePAUC,
    Rows,
    TrapezoidPAUC,
    find_loss,
)

pytestmark = pytest.mark.filterwarnings("error")


def each(objectives):
    return pytest.mark.parametrize("objective", objectives.values(), ids=list(objectives))


every_case = pytest.mark.parametrize("name", CASES)


@each(ALL)
@every_case
def test_gradient_is_the_central_difference_of_the_loss(objective, name):
    case = CASES[name]
    first, _ = differences(objective, name)
    assert_close(objective.gradient(*case.args, iid_mask=case.iid), first)


@each(EXACT_HESSIAN)
@every_case
def test_exact_hessian_is_the_second_difference_of_the_loss(objective, name):
    case = CASES[name]
    _, second = differences(objective, name)
    assert_close(objective.gradient_hessian(*case.args, iid_mask=case.iid)[1], second)


@each({name: ALL[name] for name in ALL if name.startswith("sigmoid")})
@every_case
def test_majorising_hessian_is_at_least_the_second_difference(objective, name):
    case = CASES[name]
    _, second = differences(objective, name)
    hessian = objective.gradient_hessian(*case.args, iid_mask=case.iid)[1]
    assert (hessian >= np.abs(second) - 1e-6 * hessian.max()).all()


@each(ALL)
def test_the_derivatives_agree_with_each_other_and_with_what_is_held(objective):
    case = CASES["all"]
    held = objective.hold(objective.rows(*case.args, iid_mask=case.iid))
    gradient, hessian = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    assert gradient.dtype == hessian.dtype == np.float64
    for got in (
        objective.gradient(*case.args, iid_mask=case.iid),
        objective.gradient(*case.args, iid_mask=case.iid, held=held),
        objective.gradient_hessian(*case.args, iid_mask=case.iid, held=held)[0],
    ):
        np.testing.assert_array_equal(got, gradient)
    assert objective.loss(*case.args, iid_mask=case.iid) == objective.loss(
        *case.args, iid_mask=case.iid, held=held
    )


# All but plain cross-entropy, which holds nothing, and the whole AUC, whose band has no edge.
HOLDING = {
    name: objective
    for name, objective in ALL.items()
    if type(objective) is not BinaryCrossEntropy and "whole" not in name
}


@each(HOLDING)
def test_what_is_held_stays_where_it_was_found(objective):
    case = CASES["plain"]
    elsewhere = -2 * case.raw
    held = objective.hold(objective.rows(case.y, elsewhere))
    assert objective.loss(*case.args, held=held) != objective.loss(*case.args)
    assert objective.loss(case.y, elsewhere, held=held) == objective.loss(case.y, elsewhere)


# --- weights


@each(ALL)
@pytest.mark.parametrize("name", ["weights", "weights and ties", "all"])
def test_a_weight_repeats_a_row(objective, name):
    case = CASES[name]
    times = case.weight.astype(int)
    index = np.repeat(np.arange(times.size), times)
    iid = None if case.iid is None else case.iid[index]
    repeated = Case(case.y[index], case.raw[index], None, iid)
    assert objective.loss(*case.args, iid_mask=case.iid) == pytest.approx(
        objective.loss(*repeated.args, iid_mask=iid), rel=1e-12
    )
    weighted = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    for one, of_all in zip(weighted, objective.gradient_hessian(*repeated.args, iid_mask=iid)):
        summed = np.bincount(index, of_all, minlength=times.size)
        # A row of weight zero keeps the hessian's floor.
        np.testing.assert_allclose(one, summed, rtol=1e-10, atol=1e-14)


@each(ALL)
@pytest.mark.parametrize("name", ["ties", "mask"])
def test_unit_weights_change_nothing(objective, name):
    plain = CASES[name]
    unit = plain._replace(weight=np.ones(plain.y.size))
    assert objective.loss(*unit.args, iid_mask=unit.iid) == pytest.approx(
        objective.loss(*plain.args, iid_mask=plain.iid), rel=1e-12
    )
    np.testing.assert_allclose(
        objective.gradient(*unit.args, iid_mask=unit.iid),
        objective.gradient(*plain.args, iid_mask=plain.iid),
        rtol=1e-10,
        atol=1e-15,
    )


@each(BAND | CROSS_ENTROPY)
@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_the_loss_is_a_mean_whatever_the_unit_of_the_weights(objective, unit):
    y, raw, weight = CASES["weights"].args
    assert objective.loss(y, raw, weight * unit) == pytest.approx(
        objective.loss(y, raw, weight), rel=1e-12
    )


# --- rows


@each(ALL)
def test_the_order_of_the_rows_does_not_matter(objective):
    case = CASES["all"]
    order = np.random.default_rng(0).permutation(case.y.size)
    shuffled = Case(case.y[order], case.raw[order], case.weight[order], case.iid[order])
    gradient, hessian = objective.gradient_hessian(*case.args, iid_mask=case.iid)
    got = objective.gradient_hessian(*shuffled.args, iid_mask=shuffled.iid)
    np.testing.assert_allclose(got[0], gradient[order], rtol=1e-10, atol=1e-16)
    np.testing.assert_allclose(got[1], hessian[order], rtol=1e-10, atol=1e-16)


@each(ALL)
def test_lists_float32_and_minus_one_labels_will_do(objective):
    y, raw, _ = CASES["ties"].args
    gradient = objective.gradient(y, raw)
    for other in (
        objective.gradient(y.tolist(), raw.tolist()),
        objective.gradient(2 * y - 1, raw),
        objective.gradient(y == 1, raw.astype(np.float32)),
    ):
        np.testing.assert_array_equal(other, gradient)


@each(ALL)
@pytest.mark.parametrize("margins", [(1e4, -1e4), (-1e4, 1e4), (1e4, 1e4), (1e4, 0.0), "mixed"])
def test_extreme_margins_stay_finite_and_curved(objective, margins):
    # 50 x 150 pairs are summed one by one, 300 x 900 are not.
    for case in (draw_case(6, n=200, weighted=True), draw_case(6, n=1200)):
        if margins == "mixed":
            raw = np.random.default_rng(0).choice([-1e4, -1.0, 0.0, 1.0, 1e4], case.y.size)
        else:
            raw = np.where(case.y == 1, *margins)
        gradient, hessian = objective.gradient_hessian(case.y, raw, case.weight)
        assert np.isfinite(objective.loss(case.y, raw, case.weight))
        assert np.isfinite(gradient).all()
        assert np.isfinite(hessian).all()
        assert (hessian > 0).all()


@each(ALL)
def test_constant_scores_give_a_finite_start(objective):
    y, raw, _ = CASES["plain"].args
    for value in (0.0, 0.1):
        gradient, hessian = objective.gradient_hessian(y, np.full(raw.size, value))
        assert np.isfinite(objective.loss(y, np.full(raw.size, value)))
        assert (gradient[y == 1] < 0).all()
        assert (gradient[y == 0] >= 0).all()
        assert (hessian > 0).all()


UNIT_TEMPERATURE = {
    name: objective
    for name, objective in BAND.items()
    if objective.temperature == 1.0 and objective.tau_scale is None
}


@each(UNIT_TEMPERATURE)
def test_a_positive_pulls_no_harder_than_in_cross_entropy(objective):
    case = CASES["weights"]
    scale = objective.boosting_factor(Rows(case.y == 1, case.raw, case.weight))
    assert scale == case.weight[case.y == 1].sum()
    pull = -scale * objective.gradient(*case.args)
    assert (pull <= case.weight).all()
    assert pull.max() > 0.05


@each(CROSS_ENTROPY)
def test_cross_entropy_boosts_as_a_sum_over_all_rows(objective):
    case = CASES["weights"]
    assert objective.boosting_factor(Rows(case.y == 1, case.raw, case.weight)) == (
        case.weight.sum()
    )
    assert objective.boosting_factor(Rows(case.y == 1, case.raw)) == case.y.size


# --- parameters


@each(ALL)
def test_an_objective_is_an_immutable_value(objective):
    copy = pickle.loads(pickle.dumps(objective))
    assert copy == objective
    assert hash(copy) == hash(objective)
    case = CASES["weights"]
    np.testing.assert_array_equal(copy.gradient(*case.args), objective.gradient(*case.args))
    assert copy == objective
    for field in dataclasses.fields(objective):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(objective, field.name, None)
    assert isinstance(objective, Loss)


@each(ALL)
def test_inputs_are_left_as_they_were(objective):
    case = CASES["all"]
    frozen = [column.copy() for column in case]
    for column in frozen:
        column.setflags(write=False)
    objective.gradient_hessian(*frozen[:3], iid_mask=frozen[3])
    objective.loss(*frozen[:3], iid_mask=frozen[3])


def test_objectives_differ_by_class_and_by_parameter():
    assert len(set(ALL.values())) == len(ALL)


@each(BAND)
def test_replace_checks_anew(objective):
    changed = objective.replace(alpha=0.05, beta=0.8)
    assert type(changed) is type(objective)
    assert (changed.alpha, changed.beta) == (0.05, 0.8)
    assert changed.replace(alpha=objective.alpha, beta=objective.beta) == objective
    with pytest.raises(ValueError, match="must be smaller than beta"):
        objective.replace(alpha=0.9, beta=0.8)
    with pytest.raises(ValueError, match="'temperature' parameter of"):
        objective.replace(temperature=0.0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        objective.replace(gamma=1.0)


# --- bad data


@pytest.mark.parametrize("method", ["loss", "gradient", "gradient_hessian", "rows"])
@pytest.mark.parametrize(
    ("y", "raw", "weight", "iid", "message"),
    [
        ([1, 1, 1], None, None, None, "Only one class present in y_true"),
        ([0, 1, 2], None, None, None, "y_true must be binary: found 3 classes"),
        ([0.0, 1.0, np.nan], None, None, None, "Input y_true contains NaN"),
        ([0, 1], None, None, None, "inconsistent numbers of samples"),
        ([3, 7, 3], None, None, None, "pos_label is not specified"),
        (None, [0.0, np.nan, 1.0], None, None, "Input raw_score contains NaN"),
        (None, [0.0, np.inf, 1.0], None, None, "Input raw_score contains infinity"),
        (None, np.zeros((3, 2)), None, None, r"raw_score must have shape \(n_samples,\)"),
        (None, None, [1.0, -1.0, 1.0], None, "Negative values in sample_weight"),
        (None, None, [1.0, np.nan, 1.0], None, "Input sample_weight contains NaN"),
        (None, None, [0.0, 0.0, 0.0], None, "All values in sample_weight are zero"),
        (None, None, [0.0, 1.0, 1.0], None, "All sample weights of one class are zero"),
        (None, None, [1.0, 0.0, 0.0], None, "All sample weights of one class are zero"),
        (None, None, [1.0, 1.0], None, "sample_weight must have one entry per sample"),
        (None, None, None, [1, 1, 1], "iid_mask must be a boolean array"),
        (None, None, None, [True, True], r"iid_mask must be a boolean array of shape \(3,\)"),
    ],
)
def test_bad_data(method, y, raw, weight, iid, message):
    y = [1, 0, 0] if y is None else y
    raw = [0.0, 1.0, 2.0] if raw is None else raw
    for objective in (ALL["logistic, default band"], ALL["balanced cross-entropy"]):
        with pytest.raises(ValueError, match=message):
            getattr(objective, method)(y, raw, weight, iid_mask=iid)


@pytest.mark.parametrize(
    "raw_score",
    [
        np.full((6, 3), "0.5"),
        np.zeros((6, 3), dtype="datetime64[D]"),
        np.zeros((6, 3)) + 1j,
        np.full((6, 3), np.nan),
        [[1.0]] + [[1.0, 2.0]] * 5,
    ],
    ids=["text", "dates", "complex", "nan", "ragged"],
)
def test_scores_of_several_margins_are_numbers(raw_score):
    with pytest.raises(ValueError, match="raw_score"):
        OneVsRest(PairwisePAUC()).loss(np.arange(6) % 3, raw_score)


@pytest.mark.parametrize(
    "y_true",
    [
        ["a"] * 6,
        np.arange(6) % 3 + 0j,
        np.full(6, np.nan),
        [0, 1, 2, 0, 1, 2**70],
        np.zeros((1, 6)),
    ],
    ids=["text", "complex", "nan", "huge", "shape"],
)
def test_labels_of_several_classes_are_whole_numbers(y_true):
    with pytest.raises(ValueError, match="y_true"):
        OneVsRest(PairwisePAUC()).loss(y_true, np.zeros((6, 3)))


def test_objects_are_read_as_labels():
    loss, raw = OneVsRest(PairwisePAUC()), np.random.default_rng(0).normal(size=(6, 3))
    y = np.arange(6) % 3
    assert loss.loss(y.astype(object), raw) == loss.loss(y, raw)


def test_more_knots_than_memory_are_refused():
    with pytest.raises(ValueError, match=r"'n_knots' .* in the range \[2, 10000\]. Got 10{12}"):
        TrapezoidPAUC(n_knots=10**12)
    with pytest.raises(ValueError, match=r"'gamma' parameter of FocalLoss .* \[0, 1e\+06\]"):
        FocalLoss(gamma=1e308)
    with pytest.raises(ValueError, match=r"There is no loss called \['pairwise_pauc'\]"):
        find_loss(["pairwise_pauc"])
