"""The partial-AUC loss: its formula, its NumPy twins, what it is invariant to."""

import copy
import dataclasses
import itertools
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st
from neural_cases import dense_pauc, draw_batch, with_gradient

from skbudget.neural import PAUCAtBudgetLoss
from skbudget.neural.losses import _pauc
from skbudget.neural.losses._band import TorchBand
from skbudget.objectives import PairwisePAUC, TrapezoidPAUC

# Grids of settings hold what only one of the surrogates has.
pytestmark = pytest.mark.filterwarnings("error", "ignore:.*it needs surrogate")

both_surrogates = pytest.mark.parametrize("surrogate", ["pairwise", "trapezoid"])
both_links = pytest.mark.parametrize("link", ["sigmoid", "logistic"])
scaled = pytest.mark.parametrize("tau_scale", ["iqr", "band"])

SETTINGS = [
    {"alpha": alpha, "beta": beta, "tau_scale": tau_scale, "basis": basis}
    for (alpha, beta), tau_scale, basis in itertools.product(
        [(0.0, 0.2), (0.05, 0.4), (0.0, 1.0)], [None, "iqr", "band"], ["fpr", "population"]
    )
]
BATCHES = {
    "plain": draw_batch(0),
    "ties": draw_batch(1, ties=True),
    "mask": draw_batch(2, masked=True),
    "mask and ties": draw_batch(3, masked=True, ties=True),
    "few": draw_batch(4, 12, rate=0.3),
}
WEIGHTED = {
    "weights": draw_batch(5, weighted=True),
    "weights and ties": draw_batch(6, weighted=True, ties=True),
    "all": draw_batch(7, weighted=True, ties=True, masked=True),
}
each_setting = pytest.mark.parametrize(
    "kwargs", SETTINGS, ids=lambda kwargs: "-".join(map(str, kwargs.values()))
)


def each_batch(batches):
    return pytest.mark.parametrize("batch", batches.values(), ids=list(batches))


def plain(**kwargs):
    return PAUCAtBudgetLoss(queue_size=0, **{"temperature": 0.5, **kwargs})


def assert_near(got, wanted, relative=1e-9):
    """Agreement relative to the largest component."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert np.isfinite(got).all()
    assert np.max(np.abs(wanted)) > 0
    assert np.max(np.abs(got - wanted)) <= relative * np.max(np.abs(wanted))


# --- the formula


@each_setting
@each_batch(BATCHES)
@pytest.mark.parametrize(
    "surrogate",
    [{}, {"link": "logistic"}, {"surrogate": "trapezoid", "n_knots": 4}],
    ids=["sigmoid", "logistic", "trapezoid"],
)
def test_is_its_formula(kwargs, batch, surrogate):
    loss = plain(**kwargs, **surrogate)
    value, gradient, found = with_gradient(loss, batch, return_diagnostics=True)
    logits = batch.logits.clone().requires_grad_()
    wanted = dense_pauc(loss, batch._replace(logits=logits))
    dense = wanted.pop("loss")
    assert value.item() == pytest.approx(dense.item(), rel=1e-12)
    assert_near(gradient, torch.autograd.grad(dense, logits)[0], 1e-11)
    assert found.keys() == wanted.keys()
    for name, number in wanted.items():
        assert found[name].shape == (1,)
        assert found[name].item() == pytest.approx(float(number), rel=1e-12), name


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_each_class_is_ranked_against_the_rest(reduction):
    batch = draw_batch(8, 150, 4)
    batch = batch._replace(targets=batch.targets.clamp(max=2))  # nothing of class 3
    kwargs = {"beta": 0.3, "queue_size": 0}
    own, gradients = [], torch.zeros_like(batch.logits)
    for label in range(3):
        column = batch._replace(
            logits=batch.logits[:, label], targets=(batch.targets == label).long()
        )
        value, gradients[:, label] = with_gradient(PAUCAtBudgetLoss(**kwargs), column)
        own.append(value)
    own = torch.stack(own)
    loss = PAUCAtBudgetLoss(4, reduction=reduction, **kwargs)
    out = loss(batch.logits, batch.targets, return_per_class=True, return_diagnostics=True)
    value, per_class, valid, found = out
    assert valid.tolist() == [True, True, True, False]
    torch.testing.assert_close(per_class[:3], own, rtol=1e-14, atol=0)
    assert per_class[3].isnan()
    assert found["t_beta"].isnan().tolist() == [False, False, False, True]
    assert found["band_neg_count"][3] == found["grad_pos_count"][3] == 0
    assert found["band_neg_count"].dtype == found["grad_pos_count"].dtype == torch.long
    if reduction == "none":
        assert torch.equal(value.nan_to_num(-1.0), per_class.nan_to_num(-1.0))
        return
    share = 3 if reduction == "mean" else 1
    torch.testing.assert_close(value, own.sum() / share, rtol=1e-14, atol=0)
    torch.testing.assert_close(
        with_gradient(loss, batch)[1], gradients / share, rtol=1e-13, atol=1e-18
    )


def test_what_is_returned():
    loss, batch = plain(beta=0.3), BATCHES["plain"]
    args = batch.logits, batch.targets
    value = loss(*args)
    assert value.shape == ()
    both = loss(*args, return_per_class=True)
    assert [part.shape for part in both] == [(), (1,), (1,)]
    _, found = loss(*args, return_diagnostics=True)
    assert tuple(found) == PAUCAtBudgetLoss.diagnostics
    assert not any(part.requires_grad for part in found.values())
    assert len(loss(*args, return_per_class=True, return_diagnostics=True)) == 4
    assert all(torch.equal(other[0], value) for other in (both, loss(*args, return_per_class=True)))


# --- the NumPy objectives


def assert_twins(objective, loss, batch):
    value, gradient = with_gradient(loss, batch)
    args, kwargs = batch.numpy
    assert value.item() == pytest.approx(objective.loss(*args, **kwargs), rel=1e-9)
    assert_near(gradient, objective.gradient(*args, **kwargs))


@each_setting
@each_batch(BATCHES | WEIGHTED)
@both_links
def test_is_the_pairwise_objective(kwargs, batch, link):
    loss = plain(link=link, weighted_budget=batch.weight is not None, **kwargs)
    assert_twins(PairwisePAUC(link=link, temperature=0.5, **kwargs), loss, batch)


@each_setting
@each_batch(BATCHES | WEIGHTED)
@pytest.mark.parametrize("n_knots", [2, 5])
def test_is_the_trapezoid_objective(kwargs, batch, n_knots):
    kwargs = {**kwargs, "n_knots": n_knots}
    loss = plain(surrogate="trapezoid", weighted_budget=batch.weight is not None, **kwargs)
    assert_twins(TrapezoidPAUC(temperature=0.5, **kwargs), loss, batch)


@both_surrogates
@pytest.mark.parametrize("basis", ["fpr", "population"])
def test_a_weight_repeats_a_row_if_asked_to(surrogate, basis):
    batch = WEIGHTED["all"]
    times = batch.weight.long()
    rows = torch.arange(times.numel()).repeat_interleave(times)
    repeated = batch._replace(
        logits=batch.logits[rows], targets=batch.targets[rows], iid=batch.iid[rows], weight=None
    )
    kwargs = {"beta": 0.3, "surrogate": surrogate, "basis": basis}
    value, gradient = with_gradient(plain(weighted_budget=True, **kwargs), batch)
    wanted, of_rows = with_gradient(plain(**kwargs), repeated)
    torch.testing.assert_close(value, wanted, rtol=1e-12, atol=0)
    summed = torch.zeros_like(gradient).index_add_(0, rows, of_rows)
    assert_near(gradient, summed, 1e-12)


@both_surrogates
def test_otherwise_a_weight_is_the_importance_of_a_positive(surrogate):
    batch = draw_batch(9, weighted=True)
    loss = plain(beta=0.3, surrogate=surrogate)
    value, _, found = with_gradient(loss, batch, return_diagnostics=True)
    other = batch._replace(weight=torch.where(batch.targets == 1, 5 * batch.weight, 7.0))
    again, _, found_again = with_gradient(loss, other, return_diagnostics=True)
    assert again.item() == pytest.approx(value.item(), rel=1e-14)
    unweighted = with_gradient(loss, batch._replace(weight=None), return_diagnostics=True)
    assert unweighted[0] != value
    for name in found:
        torch.testing.assert_close(found[name], unweighted[2][name], rtol=1e-14, atol=0)
        torch.testing.assert_close(found[name], found_again[name], rtol=1e-14, atol=0)


# --- the gradient


@pytest.fixture
def held_band(monkeypatch):
    """Edges that stay where they are, away from every score, whatever the scores do."""
    scalars = [torch.tensor(x, dtype=torch.float64) for x in (1.37, -0.71, 0.8)]
    t_alpha, t_beta, dispersion = scalars
    knots = torch.stack([t_alpha, torch.tensor(0.33, dtype=torch.float64), t_beta])
    band = TorchBand(t_alpha, t_beta, knots, dispersion)
    monkeypatch.setattr(_pauc, "find_band", lambda *args, **kwargs: band)
    return band


@pytest.mark.usefixtures("held_band")
@pytest.mark.parametrize(
    "kwargs",
    [{}, {"alpha": 0.1}, {"link": "logistic"}, {"surrogate": "trapezoid", "n_knots": 3}],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_is_the_derivative_with_edges_held(kwargs, weighted):
    batch = draw_batch(10, 30, rate=0.4, weighted=weighted)
    loss = plain(beta=0.5, weighted_budget=weighted, **kwargs)

    def of_scores(logits):
        return loss(logits, batch.targets, sample_weight=batch.weight)

    assert torch.autograd.gradcheck(of_scores, (batch.logits.requires_grad_(),))


@both_surrogates
@scaled
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_nothing_flows_through_edges_and_temperature(surrogate, tau_scale, alpha):
    batch = draw_batch(11)
    loss = plain(alpha=alpha, beta=0.3, surrogate=surrogate, tau_scale=tau_scale)
    _, gradient, found = with_gradient(loss, batch, return_diagnostics=True)
    negative = batch.targets == 0
    inside = negative & (batch.logits >= found["t_beta"])
    if alpha:
        inside &= batch.logits <= found["t_alpha"]
    assert inside.any()
    assert (gradient[batch.targets == 1] < 0).all()
    assert not gradient[negative & ~inside].any()
    if surrogate == "trapezoid":
        assert not gradient[negative].any()
    else:
        assert (gradient[inside] > 0).all()
        assert abs(gradient.sum()) < 1e-14


# --- invariances


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.floats(-50, 50), min_size=1, max_size=30),
    st.sampled_from(["pairwise", "trapezoid"]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from(["iqr", "band"]),
    st.sampled_from(["fpr", "population"]),
)
def test_mined_negatives_move_no_edge(seed, mined, surrogate, alpha, tau_scale, basis):
    batch = draw_batch(seed, 80, rate=0.3)
    mined = torch.tensor(mined, dtype=torch.float64)
    loss = plain(alpha=alpha, beta=0.3, surrogate=surrogate, tau_scale=tau_scale, basis=basis)
    value, gradient, per_class, _, found = with_gradient(
        loss, batch, return_per_class=True, return_diagnostics=True
    )
    if per_class.isnan():
        return  # with basis="population" a band may hold no negative

    def injected(mined):
        return batch._replace(
            logits=torch.cat([batch.logits, mined]),
            targets=torch.cat([batch.targets, torch.zeros(mined.numel(), dtype=torch.long)]),
            iid=torch.arange(80 + mined.numel()) < 80,
        )

    _, _, now = with_gradient(loss, injected(mined), return_diagnostics=True)
    for name in ("t_alpha", "t_beta", "tau_eff", "band_neg_count", "grad_pos_count"):
        assert torch.equal(now[name], found[name]), name
    if surrogate == "pairwise":
        outside = mined < found["t_beta"]
        if alpha:
            outside |= mined > found["t_alpha"]
        mined = mined[outside]
    again, of_rows = with_gradient(loss, injected(mined))
    assert torch.equal(again, value)
    assert torch.equal(of_rows[:80], gradient)
    assert not of_rows[80:].any()


@both_surrogates
@both_links
@scaled
@pytest.mark.parametrize("scale", [2.0**-20, 0.5, 1024.0, 1e-5, 0.3, 7e6])
@pytest.mark.parametrize("name", ["plain", "ties", "mask"])
def test_the_scale_of_the_scores_does_not_matter(surrogate, link, tau_scale, scale, name):
    batch = BATCHES[name]
    loss = plain(alpha=0.05, beta=0.4, surrogate=surrogate, link=link, tau_scale=tau_scale)
    value, gradient = with_gradient(loss, batch)
    again, of_scaled = with_gradient(loss, batch._replace(logits=scale * batch.logits))
    if np.frexp(scale)[0] == 0.5:
        assert torch.equal(again, value)
        assert torch.equal(scale * of_scaled, gradient)
        return
    assert again.item() == pytest.approx(value.item(), rel=1e-12)
    cosine = of_scaled @ gradient / (of_scaled.norm() * gradient.norm())
    assert cosine.item() == pytest.approx(1.0, abs=1e-12)
    assert_near(scale * of_scaled, gradient, 1e-9)


@both_surrogates
def test_in_score_units_the_scale_does_matter(surrogate):
    loss, batch = plain(beta=0.4, surrogate=surrogate, tau_scale=None), BATCHES["plain"]
    one, other = (with_gradient(loss, batch._replace(logits=c * batch.logits))[0] for c in (1, 4))
    assert one != other


@both_surrogates
@pytest.mark.parametrize("interpolation", ["rank", "linear", "nearest"])
def test_the_order_of_the_rows_does_not_matter(surrogate, interpolation):
    batch = draw_batch(12, masked=True, weighted=True)
    loss = plain(beta=0.3, surrogate=surrogate, quantile_interpolation=interpolation)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    value, gradient = with_gradient(loss, batch)
    again, of_rows = with_gradient(loss, type(batch)(*(part[order] for part in batch)))
    assert again.item() == pytest.approx(value.item(), rel=1e-13)
    assert_near(of_rows, gradient[order], 1e-12)


def test_the_logistic_link_majorises_the_sigmoid():
    for batch in BATCHES.values():
        sigmoid, logistic = (plain(beta=0.4, link=k) for k in ("sigmoid", "logistic"))
        assert with_gradient(logistic, batch)[0] >= with_gradient(sigmoid, batch)[0] > 0


def test_a_few_steps_lift_coverage():
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    X = torch.randn(4000, 5, generator=rng)
    y = (X @ torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0]) > 2.8).long()
    model, loss = torch.nn.Linear(5, 1), PAUCAtBudgetLoss(beta=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    values = []
    for step in range(60):
        rows = slice(step % 8 * 500, step % 8 * 500 + 500)
        value = loss(model(X[rows]), y[rows])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.1 * values[0]


# --- a cap on the pool


@both_surrogates
@pytest.mark.parametrize("num_classes", [1, 3])
def test_a_large_pool_is_subsampled(surrogate, num_classes):
    batch = draw_batch(13, 400, num_classes, rate=0.05)
    kwargs = {"beta": 0.5, "surrogate": surrogate, "queue_size": 300}
    loss = PAUCAtBudgetLoss(num_classes, max_pool_size=100, **kwargs)
    with_gradient(loss, draw_batch(14, 400, num_classes, rate=0.05))

    def draw(seed):
        torch.manual_seed(seed)
        return with_gradient(copy.deepcopy(loss), batch, return_diagnostics=True)

    value, gradient, found = draw(0)
    again, of_rows, _ = draw(0)
    assert torch.equal(value, again)
    assert torch.equal(gradient, of_rows)
    touched = (gradient if num_classes == 1 else gradient.abs().sum(1)) != 0
    assert 0 < touched.sum() <= 100
    assert (found["grad_pos_count"] >= 1).all()
    assert draw(1)[0] != value


def test_rare_classes_keep_their_places():
    loss = PAUCAtBudgetLoss(max_pool_size=40, queue_size=0, beta=0.9)
    targets = (torch.arange(1000) < 8).long()
    for seed in range(5):
        torch.manual_seed(seed)
        _, found = loss(torch.randn(1000), targets, return_diagnostics=True)
        assert found["grad_pos_count"] == 8  # fewer than a quarter of the places: all of them


def test_a_pool_within_the_cap_is_left_alone():
    batch = draw_batch(14)
    wanted = with_gradient(plain(beta=0.3), batch)
    state = torch.get_rng_state()
    found = with_gradient(plain(beta=0.3, max_pool_size=120), batch)
    assert all(map(torch.equal, found, wanted))
    assert torch.equal(torch.get_rng_state(), state)


# --- nothing to compare


@both_surrogates
@scaled
def test_collapsed_scores_are_no_loss_and_one_warning(surrogate, tau_scale):
    loss = plain(beta=0.3, surrogate=surrogate, tau_scale=tau_scale)
    batch = draw_batch(15)
    batch = batch._replace(logits=torch.full_like(batch.logits, 3.0))
    with pytest.warns(UserWarning, match=rf"tau_scale='{tau_scale}'.*warm up.*queue_size") as seen:
        value, gradient, per_class, valid = with_gradient(loss, batch, return_per_class=True)
    assert value == 0
    assert not gradient.any()
    assert per_class.isnan().all()
    assert not valid.any()
    assert with_gradient(loss, batch)[0] == 0
    assert len(seen) == 1


@both_surrogates
def test_in_score_units_nothing_can_collapse(surrogate):
    batch = draw_batch(16)
    batch = batch._replace(logits=torch.zeros_like(batch.logits))
    loss = plain(beta=0.3, surrogate=surrogate, tau_scale=None)
    value, gradient = with_gradient(loss, batch)
    assert value.item() == pytest.approx(0.5, rel=1e-14)
    assert (gradient[batch.targets == 1] < 0).all()


def test_a_population_band_without_negatives_is_no_pairwise_loss():
    logits = torch.tensor([5.0, 4.0, 3.0, 0.0, 1.0, 2.0], requires_grad=True)
    targets = torch.tensor([1, 1, 1, 0, 0, 0])
    loss = plain(beta=0.5, basis="population")
    value, _, valid = loss(logits, targets, return_per_class=True)
    value.backward()
    assert value == 0
    assert not valid.any()
    assert not logits.grad.any()


def test_without_an_iid_negative_there_are_no_edges():
    batch = draw_batch(17)
    loss = plain(beta=0.3)
    for iid in (torch.zeros(120, dtype=torch.bool), batch.targets == 1):
        value, gradient, _, valid = with_gradient(
            loss, batch._replace(iid=iid), return_per_class=True
        )
        assert value == 0
        assert not valid.any()
        assert not gradient.any()


@pytest.mark.parametrize("label", [0, 1])
def test_a_class_that_weighs_nothing(label):
    batch = draw_batch(18)
    batch = batch._replace(weight=(batch.targets != label).double())
    value, gradient = with_gradient(plain(beta=0.3, weighted_budget=True), batch)
    assert value == 0
    assert not gradient.any()
    # As importance, weights of negatives have no say.
    value, gradient = with_gradient(plain(beta=0.3), batch)
    assert (value == 0) == (label == 1)
    assert gradient.any() == (label == 0)


# --- parameters


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_classes": 0}, r"'num_classes'.*an int in the range \[1, inf\). Got 0"),
        ({"num_classes": 1.5}, r"'num_classes'.*Got 1.5"),
        ({"alpha": -0.1}, r"'alpha'.*\[0.0, beta\). Got -0.1"),
        ({"alpha": 0.1, "beta": 0.1}, r"'alpha'.*smaller than beta, which is 0.1. Got 0.1"),
        ({"beta": 0}, r"'beta'.*\(0.0, 1.0\]. Got 0"),
        ({"beta": 50}, r"'beta'.*Got 50 .*50 basis points are 0.005"),
        ({"surrogate": "hinge"}, r"'surrogate'.*{'pairwise', 'trapezoid'}. Got 'hinge'"),
        ({"link": "probit"}, r"'link'.*{'sigmoid', 'logistic'}. Got 'probit'"),
        ({"n_knots": 1}, r"'n_knots'.*\[2, inf\). Got 1"),
        ({"tau_scale": "std"}, r"'tau_scale'.*{'iqr', 'band', None}. Got 'std'"),
        ({"temperature": 0.0}, r"'temperature'.*\(0.0, inf\). Got 0.0"),
        ({"temperature": float("nan")}, r"'temperature'.*Got nan"),
        ({"pos_numerator": "queue"}, r"'pos_numerator'.*{'pool', 'live'}. Got 'queue'"),
        ({"basis": "tpr"}, r"'basis'.*{'fpr', 'population'}. Got 'tpr'"),
        ({"queue_size": -1}, r"'queue_size'.*\[0, inf\). Got -1"),
        ({"queue_size": True}, r"'queue_size'.*Got True"),
        ({"quantile_interpolation": "median"}, r"'quantile_interpolation'.*'rank'.*Got 'median'"),
        ({"max_pool_size": 1}, r"'max_pool_size'.*\[2, inf\). Got 1"),
        ({"reduction": "max"}, r"'reduction'.*{'mean', 'sum', 'none'}. Got 'max'"),
        (
            {"weighted_budget": True, "quantile_interpolation": "linear"},
            r"weighted_budget=True needs quantile_interpolation='rank', got 'linear'",
        ),
    ],
    ids=str,
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        PAUCAtBudgetLoss(**kwargs)


def test_representation():
    shown = repr(PAUCAtBudgetLoss(beta=0.01, queue_size=7))
    for part in ("beta=0.01", "surrogate='pairwise'", "temperature=0.1", "queue_size=7"):
        assert part in shown


def test_defaults_of_twins_agree_where_they_can():
    loss = PAUCAtBudgetLoss()
    for twin in (PairwisePAUC(), TrapezoidPAUC()):
        assert (loss.alpha, loss.beta, loss.basis) == (
            twin.alpha,
            twin.beta,
            twin.basis,
        )
    assert {field.name for field in dataclasses.fields(PairwisePAUC)} <= vars(loss).keys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PAUCAtBudgetLoss(3)
