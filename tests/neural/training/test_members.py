"""The losses of an ensemble: for each member its own, or one for all members at once."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from torch import nn

from skbudget.neural import (
    FocalLoss,
    HardNegativeCrossEntropyLoss,
    NumpyLoss,
    PAUCAtBudgetLoss,
    SmoothAPLoss,
    WeightedCrossEntropyLoss,
)
from skbudget.neural.training._members import (
    IGNORED,
    AllMembers,
    EachMember,
    names_of_columns,
    temperature_of,
)

torch.set_num_threads(1)


def draw(n=60, n_members=3, n_outputs=1, seed=0):
    torch.manual_seed(seed)
    scores = torch.randn(n, n_members, n_outputs, requires_grad=True)
    targets = torch.randint(0, max(2, n_outputs), (n,))
    return scores, targets[:, None].expand(-1, n_members), 0.1 + torch.rand(n)


def ranking_loss(n_outputs=1, **params):
    return PAUCAtBudgetLoss(n_outputs, **{"beta": 0.4, "queue_size": 0, **params})


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_each_member_has_the_loss_it_would_have_alone(n_outputs):
    scores, targets, weight = draw(n_outputs=n_outputs)
    iid = weight > 0.3
    targets = targets.clone()
    targets[:7, 1] = IGNORED
    loss = EachMember(ranking_loss(n_outputs), 3)
    total = loss(scores, targets, iid, sample_weight=weight)
    alone = [
        ranking_loss(n_outputs)(scores[:, k], targets[:, k], iid, sample_weight=weight)
        for k in range(3)
    ]
    assert total.item() == pytest.approx(sum(alone).item(), rel=1e-6)
    total.backward()
    assert (scores.grad[:7, 1] == 0).all()
    assert (scores.grad[:7, 0] != 0).any()


def test_each_member_has_a_queue_and_one_temperature():
    loss = EachMember(ranking_loss(queue_size=50), 3)
    scores, targets, _ = draw()
    loss(scores, targets)
    kept = [one.queue.logits for one in loss.of_member]
    assert not torch.equal(kept[0], kept[1])
    loss.temperature = 0.3
    assert [one.temperature for one in loss.of_member] == [0.3] * 3
    assert loss.temperature == 0.3
    loss.reset_queue()
    assert [len(one.queue) for one in loss.of_member] == [0, 0, 0]


def test_members_are_observed_in_turn():
    loss = EachMember(ranking_loss(), 2)
    scores, targets, _ = draw(n_members=2)
    for _ in range(2):
        loss(scores, targets)
    first, second = loss.take_observed()
    for number, found in enumerate((first, second)):
        _, expected = ranking_loss()(scores[:, number], targets[:, number], return_diagnostics=True)
        assert found["t_beta"] == pytest.approx(expected["t_beta"].item())
        assert found["idle_share"] == 0.0
    assert loss.take_observed() == []
    loss(scores, torch.zeros_like(targets))
    assert loss.take_observed()[0]["idle_share"] == 1.0


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_cross_entropy_of_all_members_is_the_sum_of_theirs(n_outputs):
    scores, targets, weight = draw(n_outputs=n_outputs)
    loss = WeightedCrossEntropyLoss()
    total = AllMembers(loss)(scores, targets, sample_weight=weight)
    alone = [loss(scores[:, k], targets[:, k], sample_weight=weight) for k in range(3)]
    assert total.item() == pytest.approx(sum(alone).item(), rel=1e-6)


def test_value_and_weight_are_multiplied_for_a_loss_that_has_one_weight():
    scores, targets, weight = draw()
    value = weight.flip(0)
    for loss in (EachMember(ranking_loss(), 3), AllMembers(WeightedCrossEntropyLoss())):
        found = loss(scores, targets, sample_weight=weight, value=value)
        assert torch.equal(found, loss(scores, targets, sample_weight=weight * value))
        alone = loss(scores, targets, value=value)
        assert torch.equal(alone, loss(scores, targets, sample_weight=value))
    apart = EachMember(NumpyLoss("pairwise_pauc"), 3)
    found = apart(scores, targets, sample_weight=weight, value=value)
    expected = sum(
        NumpyLoss("pairwise_pauc")(
            scores[:, k, 0], targets[:, 0], sample_weight=weight, value=value
        )
        for k in range(3)
    )
    assert found.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(
    "loss", [FocalLoss(), FocalLoss("softmax"), WeightedCrossEntropyLoss(), NumpyLoss("focal_loss")]
)
def test_any_loss_is_called_with_the_rows_of_a_member(loss, n_outputs):
    if isinstance(loss, FocalLoss) and (loss.activation == "softmax") == (n_outputs == 1):
        pytest.skip("another activation")
    scores, targets, weight = draw(n_outputs=n_outputs)
    targets = targets.clone()
    targets[:7, 1] = IGNORED
    total = EachMember(loss, 3)(scores, targets, sample_weight=weight)
    alone = 0.0
    for k in range(3):
        rows = slice(7 if k == 1 else 0, None)
        own = scores[rows, k, 0] if n_outputs == 1 else scores[rows, k]
        alone += loss(own, targets[rows, k], sample_weight=weight[rows])
    assert total.item() == pytest.approx(alone.item(), rel=1e-6)
    total.backward()
    assert (scores.grad[:7, 1] == 0).all()
    assert (scores.grad[:7, 0] != 0).any()
    # A member without a row has no loss.
    targets[:, 2] = IGNORED
    assert torch.isfinite(EachMember(loss, 3)(scores, targets))


def test_what_is_observed_of_a_loss_without_diagnostics():
    loss = EachMember(SmoothAPLoss(queue_size=0), 2)
    scores, targets, _ = draw(n_members=2)
    loss(scores, targets)
    loss(scores, torch.zeros_like(targets))
    assert loss.take_observed() == [{"idle_share": 0.0}, {"idle_share": 1.0}]
    other = EachMember(FocalLoss(), 2)
    other(scores, targets)
    other.reset_queue()
    assert other.take_observed() == []


def test_names_of_columns():
    class Needs(nn.Module):
        def forward(self, scores, targets, process, *, sample_weight=None, hint=None, **others):
            return scores.sum()

    assert (
        names_of_columns(Needs)
        == names_of_columns(Needs())
        == (
            {"process", "hint"},
            {"process"},
            True,
        )
    )
    assert names_of_columns(nn.MSELoss) == (frozenset(), frozenset(), False)
    assert names_of_columns(SmoothAPLoss) == ({"iid_mask"}, frozenset(), True)
    assert names_of_columns(FocalLoss) == (frozenset(), frozenset(), True)
    oracle = names_of_columns(HardNegativeCrossEntropyLoss)
    assert oracle == ({"iid_mask", "hard_mask"}, frozenset(), True)


def test_temperatures_that_can_be_set():
    class Learnt(nn.Module):
        def __init__(self):
            super().__init__()
            self.temperature = nn.Parameter(torch.ones(()))

        def forward(self, scores, targets):
            return scores.sum()

    assert temperature_of(SmoothAPLoss(temperature=1)) == 1.0
    assert temperature_of(NumpyLoss("pairwise_pauc")) == 1.0
    assert temperature_of(Learnt()) is None
    assert temperature_of(FocalLoss()) is None
    assert not hasattr(EachMember(FocalLoss(), 2), "temperature")
    assert EachMember(NumpyLoss("trapezoid_pauc"), 2).temperature == 1.0


@pytest.mark.parametrize(
    ("loss", "is_sparse"),
    [
        (PAUCAtBudgetLoss(), True),
        (NumpyLoss("pairwise_pauc"), True),
        (SmoothAPLoss(), False),
        (NumpyLoss("focal_loss"), False),
        (nn.BCEWithLogitsLoss(), False),
    ],
    ids=str,
)
def test_where_few_rows_have_a_gradient(loss, is_sparse):
    assert EachMember(loss, 2).has_sparse_gradient == is_sparse
