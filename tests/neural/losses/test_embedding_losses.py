"""Losses of embeddings: torch and brute force, edges, and where each of them trains."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F
from torch import nn

from skbudget.boosting import BoosterObjective, PAUCLGBMClassifier
from skbudget.neural import (
    BatchSoftmaxLoss,
    ContrastiveLoss,
    InfoNCELoss,
    TripletLoss,
)
from skbudget.neural.losses import _embeddings
from skbudget.neural.training._embedding_loss import embedding_losses, loss_of_batch
from skbudget.objectives import available, find_loss
from skbudget.objectives._registry import EMBEDDING_LOSSES

torch.set_num_threads(1)


def embeddings(n_parts, n_rows=6, n_dims=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n_parts, n_rows, n_dims, generator=generator, dtype=torch.float64)
    return list(drawn)


# --- against torch and brute force ----------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0])
def test_info_nce_is_the_cross_entropy_of_the_matrix_of_similarities(temperature):
    queries, candidates, negatives = embeddings(3)
    cosines = F.cosine_similarity(queries[:, None], candidates[None], dim=2)
    expected = F.cross_entropy(cosines / temperature, torch.arange(6))
    found = InfoNCELoss(temperature)(queries, candidates)
    torch.testing.assert_close(found, expected)
    dots = torch.cat([queries @ candidates.T, queries @ negatives[:3].T], dim=1)
    found = InfoNCELoss(temperature, similarity="dot")(queries, candidates, negatives=negatives[:3])
    torch.testing.assert_close(found, F.cross_entropy(dots / temperature, torch.arange(6)))


def test_batch_softmax_is_info_nce_at_a_temperature_of_one():
    queries, candidates = embeddings(2)
    expected = F.cross_entropy(queries @ candidates.T, torch.arange(6))
    torch.testing.assert_close(BatchSoftmaxLoss()(queries, candidates), expected)
    cosine = BatchSoftmaxLoss(similarity="cosine")(queries, candidates)
    torch.testing.assert_close(cosine, InfoNCELoss(1.0)(queries, candidates))


def test_the_gradient_of_info_nce_is_softmax_less_identity():
    queries, candidates = embeddings(2)
    queries.requires_grad_(True)
    InfoNCELoss(0.5, similarity="dot")(queries, candidates).backward()
    logits = (queries @ candidates.T).detach() / 0.5
    expected = (logits.softmax(dim=1) - torch.eye(6)) @ candidates / (0.5 * 6)
    torch.testing.assert_close(queries.grad, expected)


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("swap", [False, True])
def test_triplet_is_that_of_torch(p, swap):
    parts = embeddings(3)
    found = TripletLoss(0.7, p=p, swap=swap)
    assert isinstance(found.triplet, nn.TripletMarginLoss)
    torch.testing.assert_close(found(*parts), nn.TripletMarginLoss(0.7, p, swap=swap)(*parts))


def test_contrastive_is_the_sum_over_pairs():
    one, other = embeddings(2)
    same = torch.tensor([True, False] * 3)
    expected = 0.0
    for a, b, alike in zip(one.tolist(), other.tolist(), same.tolist()):
        distance = sum((x - y) ** 2 for x, y in zip(a, b)) ** 0.5
        expected += (distance**2 if alike else max(0.0, 3.0 - distance) ** 2) / 2
    assert ContrastiveLoss(3.0)(one, other, same).item() == pytest.approx(expected / 6)


CASES = {
    "contrastive": (ContrastiveLoss(4.0), 2, {"same": torch.tensor([True, False] * 3)}),
    "triplet": (TripletLoss(5.0), 3, {}),
    "info_nce": (InfoNCELoss(0.5), 2, {"ids": torch.tensor([0, 1, 2, 0, 3, 3])}),
    "batch_softmax": (BatchSoftmaxLoss(), 2, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_central_differences(name):
    loss, n_parts, more = CASES[name]
    parts = [part.requires_grad_(True) for part in embeddings(n_parts)]
    assert torch.autograd.gradcheck(lambda *given: loss(*given, **more), parts)


@pytest.mark.parametrize("name", CASES)
def test_a_weight_is_a_repeated_row(name):
    loss, n_parts, more = CASES[name]
    parts, weight = embeddings(n_parts), torch.tensor([1, 2, 0, 3, 1, 1])
    found = loss(*parts, **more, sample_weight=weight)
    if "same" in more or name == "triplet":
        rows = torch.arange(6).repeat_interleave(weight)
        repeated = [part[rows] for part in parts]
        expected = loss(*repeated, **{key: entries[rows] for key, entries in more.items()})
    else:
        # Candidates of a batch are not repeated: the weight is that of the query.
        own = [loss(*parts, **more, sample_weight=one) for one in torch.eye(6)]
        expected = sum(w * one for w, one in zip(weight, own)) / weight.sum()
    torch.testing.assert_close(found, expected)


# --- edges ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [InfoNCELoss(), BatchSoftmaxLoss()], ids=["nce", "softmax"])
@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_batch_without_another_candidate_has_a_loss_of_zero(loss, n_rows):
    queries, candidates = (part.requires_grad_(True) for part in embeddings(2, n_rows))
    found = loss(queries, candidates)
    assert found.item() == 0.0
    found.backward()
    assert not queries.grad.any()


@pytest.mark.parametrize("name", ["contrastive", "triplet"])
def test_a_mean_over_nothing_is_zero(name):
    loss, n_parts, more = CASES[name]
    more = {key: entries[:0] for key, entries in more.items()}
    assert loss(*embeddings(n_parts, 0), **more).item() == 0.0


def test_what_is_not_finite_has_no_direction():
    rows = torch.tensor([[3.0, 4.0], [torch.nan, 1.0], [0.0, 0.0]])
    found = _embeddings.unit_vectors(rows)
    torch.testing.assert_close(found[[0, 2]], torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    assert torch.isnan(found[1]).any()


def test_zero_vectors_have_a_cosine_of_zero_and_no_gradient():
    queries, candidates = embeddings(2)
    with torch.no_grad():
        queries[0] = 0.0
    queries.requires_grad_(True)
    found = InfoNCELoss(0.1)(queries, candidates)
    cosines = F.cosine_similarity(queries[:, None], candidates[None], dim=2)
    torch.testing.assert_close(found, F.cross_entropy(cosines / 0.1, torch.arange(6)))
    found.backward()
    assert torch.isfinite(queries.grad).all()
    assert not queries.grad[0].any()
    assert queries.grad[1:].abs().max() < 100


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_cosines_do_not_depend_on_the_length_in_single_precision(scale):
    queries, candidates = (part.float() for part in embeddings(2))
    found = InfoNCELoss()(scale * queries, candidates)
    torch.testing.assert_close(found, InfoNCELoss()(queries, candidates))


def test_pairs_in_one_place_have_no_gradient():
    place = torch.ones(2, 3, requires_grad=True)
    loss = ContrastiveLoss()(place, torch.ones(2, 3), torch.tensor([True, False]))
    assert loss.item() == 0.25
    loss.backward()
    assert not place.grad.any()


def test_duplicates_in_a_batch_are_no_negatives():
    queries, candidates = embeddings(2)
    candidates[3] = candidates[0]
    ids = torch.tensor([0, 1, 2, 0, 4, 5])
    found = InfoNCELoss(0.5)(queries, candidates, ids=ids)
    logits = F.cosine_similarity(queries[:, None], candidates[None], dim=2) / 0.5
    logits[0, 3] = logits[3, 0] = -torch.inf
    torch.testing.assert_close(found, F.cross_entropy(logits, torch.arange(6)))
    alone = torch.zeros(6, dtype=torch.int64)
    assert InfoNCELoss()(queries, candidates, ids=alone).item() == 0.0


@pytest.mark.parametrize("p", [0.5, 11, 10**12, np.nan, "2", True])
def test_powers_of_the_norm(p):
    with pytest.raises(ValueError, match="'p' parameter of TripletLoss must be a float in"):
        TripletLoss(p=p)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, "0.1", True])
def test_temperatures_that_are_refused(temperature):
    with pytest.raises(ValueError, match="'temperature' parameter of InfoNCELoss"):
        InfoNCELoss(temperature)


def test_other_parameters_that_are_refused():
    with pytest.raises(ValueError, match="'similarity' parameter of BatchSoftmaxLoss"):
        BatchSoftmaxLoss(similarity="angle")
    with pytest.raises(ValueError, match="'margin' parameter of TripletLoss"):
        TripletLoss(0.0)
    with pytest.raises(ValueError, match="'margin' parameter of ContrastiveLoss"):
        ContrastiveLoss(-1.0)


def test_tensors_that_are_refused():
    queries, candidates, third = embeddings(3)
    nce = InfoNCELoss()
    with pytest.raises(ValueError, match=r"candidates must have shape \(6, 4\), as queries"):
        nce(queries, candidates[:3])
    with pytest.raises(ValueError, match=r"negatives must have shape \(n_negatives, 4\)"):
        nce(queries, candidates, negatives=third[:, :2])
    with pytest.raises(ValueError, match=r"queries must have shape \(n_rows, n_dims\)"):
        nce(queries[0], candidates[0])
    with pytest.raises(ValueError, match="ids must hold whole numbers"):
        nce(queries, candidates, ids=torch.zeros(6))
    with pytest.raises(ValueError, match=r"ids must have shape \(6,\)"):
        nce(queries, candidates, ids=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(TypeError, match="queries must be a torch Tensor"):
        nce(queries.numpy(), candidates)
    with pytest.raises(FloatingPointError, match="candidates that are NaN or infinite in 1 of 6"):
        nce(queries, torch.where(torch.arange(6)[:, None] == 2, torch.nan, candidates))
    with pytest.raises(ValueError, match=r"negatives must have shape \(6, 4\), as anchors"):
        TripletLoss()(queries, candidates, third[:3])
    with pytest.raises(ValueError, match="same must be True and False"):
        ContrastiveLoss()(queries, candidates, None)


# --- by name --------------------------------------------------------------------------------


def test_names_are_those_of_the_modules():
    found = {
        name
        for name in vars(_embeddings)
        if name.endswith("Loss") and isinstance(getattr(_embeddings, name), type)
    }
    assert found == set(EMBEDDING_LOSSES.values())
    assert available(model="embeddings") == sorted(embedding_losses())
    assert available("binary", model="embeddings") == available(model="embeddings")
    assert available("real", model="embeddings") == []
    assert not set(available()) & set(EMBEDDING_LOSSES)


@pytest.mark.parametrize("name", EMBEDDING_LOSSES)
def test_what_trains_scores_refuses_losses_of_embeddings_and_says_what_takes_them(name):
    pytest.importorskip("skorch")
    pytest.importorskip("lightgbm")
    from skbudget import PAUCClassifier, PAUCXGBClassifier

    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    use = rf"EmbeddingRecallClassifier\(loss='{name}'\)"
    for model in (
        PAUCClassifier(loss=name),
        PAUCClassifier(loss=embedding_losses()[name]()),
        PAUCClassifier(regularizer=name),
        PAUCLGBMClassifier(objective=name),
        PAUCLGBMClassifier(regularizer=name),
        PAUCXGBClassifier(objective=name),
    ):
        with pytest.raises(ValueError, match=f"{type(model).__name__} trains embeddings.*{use}"):
            model.fit(X, y)
    with pytest.raises(ValueError, match=f"trains embeddings.*{use}"):
        find_loss(name)
    with pytest.raises(ValueError, match=f"trains embeddings.*{use}"):
        BoosterObjective(name)


def test_the_loss_of_a_batch_has_every_pair_of_a_positive_and_a_negative():
    anchors, partners, negatives = embeddings(3)
    negatives = negatives[:4]
    pairs = [(a, n) for a in anchors for n in negatives]
    repeated, against = (torch.stack(part) for part in zip(*pairs))
    own = torch.ones(6, dtype=torch.bool)
    contrastive = ContrastiveLoss(3.0)
    expected = contrastive(anchors, partners, own)
    expected = expected + contrastive(repeated, against, torch.zeros(24, dtype=torch.bool))
    found = loss_of_batch(contrastive, anchors, partners, negatives)
    torch.testing.assert_close(found, expected)
    beside = partners.repeat_interleave(4, dim=0)
    found = loss_of_batch(TripletLoss(), anchors, partners, negatives)
    torch.testing.assert_close(found, nn.TripletMarginLoss()(repeated, beside, against))
    # No positive is a negative of another.
    found = loss_of_batch(BatchSoftmaxLoss(), anchors, partners, negatives)
    logits = torch.cat([(anchors * partners).sum(1, keepdim=True), anchors @ negatives.T], dim=1)
    expected = F.cross_entropy(logits, torch.zeros(6, dtype=torch.int64))
    torch.testing.assert_close(found, expected)
