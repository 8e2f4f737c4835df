"""`PAUCClassifier(heads=...)`: several losses on one body, of which one is scored."""

import copy
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")

import toy_losses as toys
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skbudget import PAUCClassifier, coverage_at_budget_score
from skbudget.metrics import make_coverage_scorer
from skbudget.neural import Head, SmoothAPLoss
from skbudget.neural.losses._warmup import LossWarmup
from skbudget.neural.training import _fitting
from skbudget.neural.training._head_losses import HeadLosses, SeveralHeads
from skbudget.neural.training._members import IGNORED, EachMember
from skbudget.neural.training._module import MLP
from skbudget.neural.training._support import mean_coverage
from skbudget.objectives import BinaryCrossEntropy, FocalLoss, WeightedSum

torch.set_num_threads(1)

N = 400


def draw_table(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 5))
    interest = X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=N)
    return X, (interest > 1.7).astype(int), (interest > 0.7).astype(int), 2 * interest + 5


X, Y, CART, AMOUNT = draw_table()


def make(heads=None, **params):
    small = {
        "budget": 0.05,
        "n_members": 2,
        "hidden_layer_sizes": (8,),
        "batch_size": 100,
        "max_epochs": 6,
        "lr": 1e-2,
        "input_decay": 0.0,
        "random_state": 0,
    }
    return PAUCClassifier(heads=heads, **{**small, **params})


def missing(values, rows=slice(0, 100), by=np.nan, dtype=float):
    values = np.array(values, dtype=dtype)
    values[rows] = by
    return values


# --- the sum


def part(loss, outputs, weight=1.0, columns=frozenset(), n_members=1):
    return HeadLosses(EachMember(loss, n_members), outputs, columns, weight)


def several(heads, n_members=1, **params):
    main = LossWarmup(None, EachMember(nn.BCEWithLogitsLoss(), n_members))
    return SeveralHeads(main, heads, 1, frozenset(), **params)


def batch(n_members=1, seed=0):
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(30, n_members, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    y, cart = (torch.rand(30, generator=rng) < share for share in (0.3, 0.5))
    amount = torch.randn(30, generator=rng, dtype=torch.float64)
    return scores, y.long()[:, None].expand(-1, n_members), cart.long(), amount


def slope(loss, scores):
    return torch.autograd.grad(loss, scores)[0]


@pytest.mark.parametrize("n_members", [1, 3])
def test_the_gradient_of_the_sum_is_the_weighted_sum_of_the_parts(n_members):
    scores, y, cart, amount = batch(n_members)
    heads = {
        "cart": part(nn.BCEWithLogitsLoss(), slice(1, 2), 0.3, n_members=n_members),
        "amount": part(nn.MSELoss(), slice(2, 3), 2.0, n_members=n_members),
    }
    loss = several(heads, n_members)
    found = loss(scores, y, **{"head:cart": cart, "head:amount": amount})
    bce = nn.functional.binary_cross_entropy_with_logits
    parts = [
        [
            bce(scores[:, member, 0], y[:, member].double()),
            bce(scores[:, member, 1], cart.double()),
            ((scores[:, member, 2] - amount) ** 2).mean(),
        ]
        for member in range(n_members)
    ]
    weights = (1.0, 0.3, 2.0)
    wanted = sum(w * one for own in parts for w, one in zip(weights, own))
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12)
    by_parts = sum(w * slope(one, scores) for own in parts for w, one in zip(weights, own))
    torch.testing.assert_close(slope(found, scores), by_parts)


def test_learnt_weights_are_those_of_the_formula():
    scores, y, cart, _ = batch(2)
    heads = {"cart": part(nn.BCEWithLogitsLoss(), slice(1, 2), 0.3, n_members=2)}
    loss = several(heads, 2, learnt=True).eval()
    s = [0.4, -0.7]
    with torch.no_grad():
        loss.log_variances.copy_(torch.tensor(s))
    bce = nn.functional.binary_cross_entropy_with_logits
    wanted = sum(
        np.exp(-s[0]) * bce(scores[:, m, 0], y[:, m].double())
        + s[0] / 2
        + 0.3 * (np.exp(-s[1]) * bce(scores[:, m, 1], cart.double()) + s[1] / 2)
        for m in (0, 1)
    )
    found = loss(scores, y, **{"head:cart": cart})
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert loss.effective_weights == pytest.approx([np.exp(-s[0]), 0.3 * np.exp(-s[1])], rel=1e-6)


class Constant(nn.Module):
    """A loss that is always the same."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, scores, targets):
        return 0.0 * scores.sum() + self.value


@pytest.mark.parametrize("n_members", [1, 4])
def test_of_constant_losses_learnt_weights_come_to_the_closed_form(n_members):
    values = (0.05, 0.7, 40.0)
    main = LossWarmup(None, EachMember(Constant(values[0]), n_members))
    heads = {
        f"of_{number}": part(Constant(value), slice(1, 2), 0.5, n_members=n_members)
        for number, value in enumerate(values[1:])
    }
    loss = SeveralHeads(main, heads, 1, frozenset(), learnt=True)
    # They begin at the best; from elsewhere they come back to it.
    scores, y, cart, _ = batch(n_members)
    given = {f"head:of_{number}": cart for number in range(2)}
    main.on_train_batch_start(0)
    loss(scores, y, **given)
    best = np.log(2 * np.array(values))
    np.testing.assert_allclose(loss.log_variances.detach().numpy(), best, rtol=1e-5)
    with torch.no_grad():
        loss.log_variances.zero_()
    optimizer = torch.optim.LBFGS([loss.log_variances], max_iter=40, line_search_fn="strong_wolfe")

    def total():
        optimizer.zero_grad()
        found = loss(scores, y, **given)
        found.backward()
        return found

    optimizer.step(total)
    np.testing.assert_allclose(loss.log_variances.detach().numpy(), best, atol=1e-3)
    np.testing.assert_allclose(
        loss.effective_weights, np.array([1.0, 0.5, 0.5]) / (2 * np.array(values)), rtol=1e-3
    )


def test_the_variance_is_that_of_residuals_and_the_half_changes_no_gradient():
    scores, y, _, amount = batch()
    gradients, numbers = [], []
    for factor in (0.5, 1.0):

        class Square(nn.Module):
            def forward(self, scores, targets, factor=factor):
                return factor * ((scores - targets) ** 2).mean()

        loss = several({"amount": part(Square(), slice(2, 3))}, learnt=True)
        loss.main.on_train_batch_start(0)
        gradients.append(slope(loss(scores, y, **{"head:amount": amount}), scores)[:, :, 2])
        numbers.append(loss.log_variances[1].exp().item())
    residuals = ((scores[:, 0, 2] - amount) ** 2).mean().item()
    assert numbers == pytest.approx([residuals, 2 * residuals], rel=1e-5)
    torch.testing.assert_close(*gradients)


def test_rows_without_a_target_have_no_gradient_and_the_mean_is_over_the_others():
    scores, y, cart, amount = batch(2)
    cart, amount = cart.clone(), amount.clone()
    cart[:10], amount[5:15] = IGNORED, torch.nan
    left_out = torch.zeros(30, 2, dtype=torch.bool)
    left_out[20:, 1] = True
    heads = {
        "cart": part(nn.BCEWithLogitsLoss(), slice(1, 2), n_members=2),
        "amount": part(nn.MSELoss(), slice(2, 3), n_members=2),
    }
    loss = several(heads, 2)
    targets = y.masked_fill(left_out, IGNORED)
    found = slope(loss(scores, targets, **{"head:cart": cart, "head:amount": amount}), scores)
    rows = torch.arange(30)
    assert not found[:10, :, 1].any()
    assert not found[5:15, :, 2].any()
    assert not found[20:, 1].any()
    kept = (rows < 5) | (rows >= 15)
    wanted = 2 * (scores[:, 0, 2] - amount) / kept.sum()
    torch.testing.assert_close(found[kept, 0, 2], wanted[kept].detach())
    # A batch in which nothing is known: the head is not there.
    nothing = torch.full((30,), torch.nan, dtype=torch.float64)
    alone = loss(scores, targets, **{"head:cart": cart.fill_(IGNORED), "head:amount": nothing})
    torch.testing.assert_close(alone, loss.main(scores[:, :, :1], targets))


def test_weights_of_rows_count_in_every_head():
    losses = []
    for index in (np.arange(N), np.repeat(np.arange(N), 2)):
        weight = np.full(index.size, 2.0 if index.size == N else 1.0)
        heads = {"cart": Head(), "amount": Head(toys.SquaredError())}
        params = {"batch_size": 800, "max_epochs": 3, "calibration_cv": None, "queue_size": 0}
        model = make(heads, loss="binary_cross_entropy", **params)
        model.fit(X[index], Y[index], weight, cart=CART[index], amount=AMOUNT[index])
        losses.append([model.diagnostics_[f"loss_{name}"] for name in ("y", "cart", "amount")])
    np.testing.assert_allclose(*losses, rtol=1e-3)


# --- the network


def test_heads_leave_the_other_weights_as_they_are():
    plain, headed = (
        MLP(5, 1, (8,), "relu", 3, torch.Generator().manual_seed(4), size) for size in (0, 2)
    )
    for name, value in plain.state_dict().items():
        assert torch.equal(value, headed.state_dict()[name])
    rows = torch.randn(7, 5)
    for net in (plain, headed):
        net.eval()
    assert headed(rows).shape == (7, 3, 3)
    assert torch.equal(plain(rows)[..., 0], headed(rows)[..., 0])
    assert headed.head_weight.unique().numel() == headed.head_weight.numel()


@pytest.mark.parametrize(
    ("loss", "params"),
    [
        (None, {}),
        (None, {"early_stopping": True, "max_pool_size": 150}),
        ("binary_cross_entropy", {}),
        (nn.BCEWithLogitsLoss, {}),
    ],
    ids=["band", "early stopping", "cross-entropy", "module"],
)
def test_a_head_of_weight_zero_changes_not_a_bit(loss, params):
    plain = make(loss=loss, **params).fit(X, Y)
    headed = make({"cart": Head(weight=0.0)}, loss=loss, **params).fit(X, Y, cart=CART)
    np.testing.assert_array_equal(headed.decision_function(X), plain.decision_function(X))
    np.testing.assert_array_equal(headed.predict_proba(X), plain.predict_proba(X))
    assert headed.head_scores(X) == {}
    assert headed.diagnostics_.keys() == plain.diagnostics_.keys()


@pytest.mark.parametrize(
    ("loss", "weighting"),
    [
        (None, "fixed"),
        (None, "uncertainty"),
        ("focal_loss", "fixed"),
        ("smooth_ap", "uncertainty"),
    ],
)
def test_heads_of_every_target_are_learnt(loss, weighting):
    level = (CART + Y + (AMOUNT > 5)).astype(float)
    segment = np.where(X[:, 0] > 0.5, "high", np.where(X[:, 0] > -0.5, "middle", "low"))
    heads = {
        "cart": Head(weight=0.5),
        "amount": Head(nn.HuberLoss(delta=2.0), 0.2),
        "level": Head(toys.Thresholds(), 0.2),
        "segment": "vector_scaling_softmax",
    }
    model = make(heads, loss=loss, head_weighting=weighting, max_epochs=15)
    segment = segment.astype(object)
    segment[:20] = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(
            X,
            Y,
            cart=missing(CART),
            amount=missing(AMOUNT, slice(50, 200)),
            level=missing(level, slice(300, 350)),
            segment=segment,
        )
    scores = model.head_scores(X)
    assert {name: one.shape for name, one in scores.items()} == {
        "cart": (N,),
        "amount": (N,),
        "level": (N, 3),
        "segment": (N, 3),
    }
    assert np.corrcoef(scores["cart"], AMOUNT)[0, 1] > 0.8
    assert np.corrcoef(scores["amount"], AMOUNT)[0, 1] > 0.9
    assert abs(scores["amount"].mean() - AMOUNT.mean()) < 0.5
    assert (model.head_classes_["segment"][scores["segment"].argmax(1)] == segment)[
        20:
    ].mean() > 0.7
    assert model.head_classes_["level"].tolist() == [0, 1, 2, 3]
    assert set(model.head_classes_) == {"cart", "level", "segment"}
    assert coverage_at_budget_score(Y, model.decision_function(X), budget=0.1) > 0.7
    told = model.diagnostics_
    assert np.isfinite(told["loss_segment"]).all()
    if weighting == "fixed":
        assert (told["weight_cart"] == 0.5).all()
    else:
        # About where it is best, which moves while the network learns.
        best = 0.5 / (2 * told["loss_cart"][-1])
        assert 0.4 * best < told["weight_cart"][-1] < 2.5 * best


def test_the_heads_share_the_body():
    with_heads = make({"cart": Head(weight=3.0)}, max_epochs=3).fit(X, Y, cart=CART)
    without = make(max_epochs=3).fit(X, Y)
    assert not np.array_equal(with_heads.decision_function(X), without.decision_function(X))


class Twins(nn.Module):
    """A body and its heads."""

    def __init__(self, n_features, n_outputs, as_dict=True):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_features, 8), nn.ReLU())
        self.out = nn.Linear(8, n_outputs)
        self.as_dict = as_dict

    def forward(self, X):
        scores = self.out(self.body(X))
        # In another order than that of the heads.
        return (
            {"level": scores[:, 2:], "y": scores[:, 0], "cart": scores[:, 1]}
            if self.as_dict
            else scores
        )


@pytest.mark.parametrize("as_dict", [True, False])
def test_modules_of_ones_own(as_dict):
    heads = {"cart": Head(), "level": Head(toys.Thresholds())}
    model = make(heads, module=Twins, net_params={"module__as_dict": as_dict}, max_epochs=15)
    model.fit(X, Y, cart=CART, level=CART + Y)
    scores = model.head_scores(X)
    assert scores["level"].shape == (N, 2)
    assert np.corrcoef(scores["cart"], AMOUNT)[0, 1] > 0.8
    assert coverage_at_budget_score(Y, model.decision_function(X), budget=0.1) > 0.7


def test_what_modules_return_is_checked():
    heads = {"cart": Head()}
    with pytest.raises(ValueError, match=r"of the heads 'y' \(1\), 'cart' \(1\), in this order"):
        make(heads, module=nn.Linear(5, 3)).fit(X, Y, cart=CART)

    class Wrong(nn.Linear):
        def forward(self, X):
            return {"y": super().forward(X), "crat": super().forward(X)}

    with pytest.raises(ValueError, match=r"heads with the columns that they need are 'y' \(1\)"):
        make(heads, module=Wrong(5, 1)).fit(X, Y, cart=CART)
    with pytest.raises(ValueError, match="returns a dict of .* there is one output only"):
        make(module=Wrong(5, 1)).fit(X, Y)


# --- the head that is scored


def test_early_stopping_goes_by_the_head_that_is_scored(monkeypatch):
    told = []

    def watched(net, rows, budget, n_classes):
        told.append(mean_coverage(net, rows, budget, n_classes))
        scores = net.scores_of(rows)
        assert scores.shape[2] == 1
        y = rows.about["y"].numpy()
        assert told[-1] == coverage_at_budget_score(y, scores.mean(1)[:, 0], budget=budget)
        assert abs(y.mean() - Y.mean()) < 0.03
        return told[-1]

    monkeypatch.setattr(_fitting, "mean_coverage", watched)
    model = make({"cart": Head(weight=2.0)}, early_stopping=True, warmup=0, blend=0)
    model.fit(X, Y, cart=CART)
    np.testing.assert_array_equal(model.diagnostics_["valid_coverage"], told)


def test_rows_that_a_member_leaves_out_teach_its_heads_nothing():
    seen = []

    class Watched(nn.Module):
        def forward(self, scores, targets, row_id):
            seen.append((id(self), row_id.tolist()))
            return (scores**2).mean()

    model = make({"cart": Head(Watched())}, max_epochs=2)
    model.fit(X, Y, cart=CART)
    of_members = {}
    for member, rows in seen:
        of_members.setdefault(member, set()).update(rows)
    left_out = [set(range(N)) - rows for rows in of_members.values()]
    assert len(left_out) == 2
    assert all(20 < len(rows) < 100 for rows in left_out)
    assert not left_out[0] & left_out[1]


def test_values_and_masks_reach_those_that_read_them():
    rng = np.random.default_rng(0)
    given = {"value": rng.lognormal(size=N), "iid_mask": np.arange(N) < 350}
    model = make({"cart": Head(SmoothAPLoss), "amount": Head(nn.MSELoss)})
    model.fit(X, Y, cart=CART, amount=AMOUNT, **given)
    assert np.isfinite(model.decision_function(X)).all()
    with pytest.raises(ValueError, match="does not read the column 'process'"):
        make({"cart": Head()}).fit(X, Y, cart=CART, process=CART)
    # What a head reads is not handed to the loss of y, which does not.
    model = make({"cart": Head(toys.WithinGroups())}, loss="focal_loss")
    model.fit(X, Y, cart=CART, group=np.arange(N) // 20)
    assert set(model.head_scores(X)) == {"cart"}


def test_a_regularizer_beside_heads():
    model = make({"cart": Head()}, regularizer="critical_rank", loss="binary_cross_entropy")
    model.fit(X, Y, cart=CART)
    assert np.isfinite(model.diagnostics_["loss_cart"]).all()


def test_more_classes_and_real_targets_beside_heads():
    model = make({"cart": Head()}).fit(X, Y + CART, cart=missing(CART))
    assert model.predict_proba(X).shape == (N, 3)
    assert model.head_scores(X)["cart"].shape == (N,)
    model = make({"cart": Head()}, loss=toys.SquaredError(), max_epochs=20)
    model.fit(X, (AMOUNT - 5) / 3, cart=CART)
    assert np.corrcoef(model.predict(X), AMOUNT)[0, 1] > 0.9
    with pytest.warns(UserWarning, match="y has mean"):
        model.fit(X, 100 * AMOUNT, cart=CART)


# --- targets


@pytest.mark.parametrize(
    "cart",
    [
        CART,
        CART.astype(bool),
        CART.tolist(),
        2.0 * CART - 1,
        CART.astype(object),
        CART[:, None],
        np.ma.array(CART, mask=False),
    ],
    ids=["int", "bool", "list", "signs", "object", "column", "masked"],
)
def test_forms_of_a_target(cart):
    wanted = make({"cart": Head()}, max_epochs=2).fit(X, Y, cart=CART).decision_function(X)
    found = make({"cart": Head()}, max_epochs=2).fit(X, Y, cart=cart)
    np.testing.assert_array_equal(found.decision_function(X), wanted)


def test_forms_of_what_is_missing():
    pd = pytest.importorskip("pandas")
    mask = np.arange(N) < 100
    frame = pd.Series(CART).mask(mask)
    forms = [
        missing(CART),
        missing(CART, by=None, dtype=object),
        frame,
        frame.astype("Int64"),
        frame.astype("boolean"),
        np.ma.array(CART, mask=mask),
    ]
    found = [
        make({"cart": Head()}, max_epochs=2).fit(X, Y, cart=form).decision_function(X)
        for form in forms
    ]
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])


def test_what_is_not_known_does_not_matter():
    amount = missing(AMOUNT)
    heads = {"amount": Head(nn.MSELoss)}
    found = make(heads, max_epochs=2).fit(X, Y, amount=amount).decision_function(X)
    masked = np.ma.array(np.where(np.isnan(amount), 1e30, amount), mask=np.isnan(amount))
    again = make(heads, max_epochs=2).fit(X, Y, amount=masked).decision_function(X)
    np.testing.assert_array_equal(again, found)


@pytest.mark.parametrize(
    ("heads", "columns", "message"),
    [
        ({"cart": Head()}, {}, "needs the column 'cart'.*missing: pass cart="),
        ({"cart": Head()}, {"cart": None}, "needs the column 'cart'"),
        ({"cart": Head()}, {"cart": CART, "crat": CART}, "'crat'.*Did you mean 'cart'"),
        ({"cart": Head()}, {"cart": CART[:-1]}, r"cart must have one entry per sample: .*\(399,\)"),
        ({"cart": Head()}, {"cart": np.zeros((N, 2))}, "cart must have one entry per sample"),
        ({"cart": Head()}, {"cart": missing(CART, slice(None))}, "all entries of cart are missing"),
        ({"cart": Head()}, {"cart": 2 * CART}, r"cart must hold 0 and 1.*\(cart == 2\)"),
        ({"cart": Head()}, {"cart": AMOUNT}, "cart must hold labels.*loss of a real target"),
        ({"cart": Head()}, {"cart": X[:, 0].astype("M8[s]")}, "cart must hold labels or numbers"),
        ({"cart": Head(nn.MSELoss)}, {"cart": ["a"] * N}, "cart must hold numbers"),
        ({"cart": Head(nn.MSELoss)}, {"cart": missing(AMOUNT, by=np.inf)}, "infinity"),
        ({"cart": Head(toys.Thresholds())}, {"cart": ["a", "b"] * 200}, "ordered levels"),
        ({"cart": Head(toys.Thresholds())}, {"cart": np.ones(N)}, "at least two levels"),
        ({"cart": Head("binary")}, {"cart": CART}, r"heads\['cart'\].*names no loss"),
        (
            {"cart": Head(BinaryCrossEntropy())},
            {"cart": np.array([0, "a"] * 200, dtype=object)},
            "mixes types",
        ),
    ],
    ids=[
        "no target",
        "none",
        "misspelt",
        "short",
        "two columns",
        "all missing",
        "labels",
        "numbers",
        "dates",
        "text",
        "infinite",
        "text levels",
        "one level",
        "no loss",
        "mixed",
    ],
)
def test_targets_that_are_refused(heads, columns, message):
    model = make(heads)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, **columns)
    assert not hasattr(model, "classes_")


def test_all_that_is_known_may_be_of_weight_zero():
    with pytest.raises(ValueError, match="all entries of cart are missing .among rows of positive"):
        make({"cart": Head()}).fit(X, Y, (np.arange(N) < 100) * 1.0, cart=missing(CART))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"heads": {}}, ValueError, "'heads' parameter of PAUCClassifier must be a dict of names"),
        ({"heads": ["cart"]}, ValueError, "'heads' parameter of PAUCClassifier must be a dict"),
        ({"heads": {"two words": Head()}}, ValueError, "has names as keys"),
        ({"heads": {1: Head()}}, ValueError, "has names as keys"),
        ({"heads": {"value": Head()}}, ValueError, "cannot be called 'value'"),
        ({"heads": {"y": Head()}}, ValueError, "cannot be called 'y'"),
        ({"heads": {"a__b": Head()}}, ValueError, "two underscores"),
        ({"heads": {"cart": None}}, TypeError, "pairwise_pauc"),
        ({"heads": {"cart": 3}}, TypeError, r"heads\['cart'\]"),
        ({"heads": {"cart": "multilabel_cross_entropy"}}, ValueError, "one head per label"),
        ({"heads": {"cart": Head()}, "hidden_layer_sizes": ()}, ValueError, "share its hidden"),
        ({"heads": {"cart": Head()}, "head_weighting": "sum"}, ValueError, "'head_weighting'"),
    ],
    ids=[
        "empty",
        "list",
        "words",
        "number",
        "argument",
        "y",
        "underscores",
        "none",
        "kind",
        "labels",
        "no body",
        "weighting",
    ],
)
def test_heads_that_are_refused(params, error, message):
    with pytest.raises(error, match=message):
        make(**params).fit(X, Y, cart=CART)


def test_losses_that_take_no_weights_are_refused_with_weights():
    with pytest.raises(ValueError, match="does not take sample_weight"):
        make({"amount": Head(nn.MSELoss)}).fit(X, Y, np.ones(N), amount=AMOUNT)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, 2e6, True, "1", None])
def test_weights_that_are_refused(weight):
    with pytest.raises(ValueError, match="'weight' parameter of Head"):
        Head(weight=weight)


# --- as an estimator of scikit-learn


def test_clones_and_copies():
    model = make({"cart": Head(FocalLoss(), 0.5)}, head_weighting="uncertainty")
    assert clone(model).get_params() == model.get_params()
    model.fit(X, Y, cart=CART)
    scores, of_heads = model.decision_function(X), model.head_scores(X)["cart"]
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.decision_function(X), scores)
        np.testing.assert_array_equal(other.head_scores(X)["cart"], of_heads)
    again = clone(model).fit(X, Y, cart=CART)
    np.testing.assert_array_equal(again.decision_function(X), scores)


def test_parameters_of_heads():
    heads = {"cart": Head(FocalLoss()), "dwell": "binary_cross_entropy"}
    model = make(heads)
    params = model.get_params()
    assert params["heads__cart__weight"] == 1.0
    assert params["heads__dwell"] == "binary_cross_entropy"
    model.set_params(heads__cart__weight=0.2, heads__cart__loss__gamma=1.0, heads__dwell__weight=3)
    assert model.heads == {
        "cart": Head(FocalLoss(gamma=1.0), 0.2),
        "dwell": Head("binary_cross_entropy", 3),
    }
    # What the caller handed over is as it was.
    assert heads["cart"] == Head(FocalLoss())
    model.set_params(heads={"click": Head()}, heads__click=Head(weight=2.0))
    assert model.heads == {"click": Head(weight=2.0)}
    with pytest.raises(ValueError, match="its heads are 'click'. Did you mean 'click'"):
        model.set_params(heads__clik__weight=1)
    with pytest.raises(ValueError, match="Invalid parameter heads__click__wieght"):
        model.set_params(heads__click__wieght=1)
    with pytest.raises(ValueError, match="its heads are none"):
        make().set_params(heads__cart__weight=1)


def test_searches_over_weights():
    grid = {"pauc__heads__cart__weight": [0.0, 1.0]}
    pipeline = make_pipeline(StandardScaler(), make({"cart": Head()}, max_epochs=2))
    pipeline.steps[1] = ("pauc", pipeline.steps[1][1])
    search = GridSearchCV(pipeline, grid, cv=2, scoring=make_coverage_scorer(0.1))
    search.fit(X, Y, pauc__cart=missing(CART, slice(0, 20)))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.best_params_) == set(grid)


def test_partial_fit_and_warm_start():
    model = make({"cart": Head(), "amount": Head(nn.MSELoss, 0.1)}, head_weighting="uncertainty")
    for rows in (slice(0, 200), slice(200, 400)):
        model.partial_fit(X[rows], Y[rows], cart=CART[rows], amount=AMOUNT[rows])
    # A later part may know nothing of a head.
    model.partial_fit(X, Y, cart=np.full(N, np.nan), amount=AMOUNT)
    assert np.isfinite(model.head_scores(X)["amount"]).all()
    with pytest.raises(ValueError, match="labels that are not among its classes"):
        model.partial_fit(X, Y, cart=3 * CART, amount=AMOUNT)
    with pytest.raises(ValueError, match="continues with the loss of the earlier calls"):
        model.set_params(heads={"cart": Head()}).partial_fit(X, Y, cart=CART)
    warm = make({"cart": Head()}, warm_start=True, max_epochs=2).fit(X, Y, cart=CART)
    before = warm.head_scores(X)["cart"]
    warm.fit(X, Y, cart=CART)
    assert not np.array_equal(warm.head_scores(X)["cart"], before)
    warm.set_params(heads={"cart": Head(), "amount": Head(nn.MSELoss)})
    with pytest.raises(ValueError, match="a network of the same shape"):
        warm.fit(X, Y, cart=CART, amount=AMOUNT)


def test_sums_of_losses_of_one_target_as_heads():
    # Several losses of one target need no heads.
    loss = WeightedSum(((1.0, BinaryCrossEntropy()), (0.5, FocalLoss())))
    model = make({"cart": Head(loss, 0.5)}).fit(X, Y, cart=CART)
    assert np.corrcoef(model.head_scores(X)["cart"], AMOUNT)[0, 1] > 0.7


def test_boosters_have_no_heads():
    pytest.importorskip("lightgbm")
    from skbudget.boosting import PAUCLGBMClassifier

    for params in ({"heads": {"cart": Head()}}, {"objective": Head()}, {"objective": {"cart": 1}}):
        with pytest.raises(ValueError, match=r"WeightedSum.*PAUCClassifier"):
            PAUCLGBMClassifier(n_jobs=1, **params).fit(X, Y)
