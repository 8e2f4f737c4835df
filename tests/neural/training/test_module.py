"""The perceptrons side by side, and ensembles of a user's own modules."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from torch import nn

from skbudget.neural.training._module import ACTIVATIONS, MLP, Members

torch.set_num_threads(1)

SHAPES = [(), (7,), (6, 3)]
each_shape = pytest.mark.parametrize("widths", SHAPES, ids=str)
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def make(widths=(6, 3), activation="relu", n_outputs=2, n_members=3, seed=0):
    torch.manual_seed(seed)
    return MLP(5, n_outputs, widths, activation, n_members)


def draw(n=40):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32))


class Elsewhere:
    """A tensor that says it lies on an accelerator."""

    device = torch.device("cuda")

    def __init__(self, tensor):
        self.tensor = tensor

    def to(self, dtype):
        return Elsewhere(self.tensor.to(dtype))

    def expand(self, *shape):
        return self.tensor.expand(*shape)

    @property
    def shape(self):
        return self.tensor.shape


def as_linear_layers(mlp, member):
    """The same network out of torch's own layers."""
    named = {
        "relu": nn.ReLU,
        "silu": nn.SiLU,
        "gelu": nn.GELU,
        "tanh": nn.Tanh,
        "identity": nn.Identity,
    }
    layers = []
    for weight, bias in zip(mlp.weights, mlp.biases):
        layer = nn.Linear(*weight.shape[1:])
        layer.weight.data = weight.data[member].T.clone()
        layer.bias.data = bias.data[member, 0].clone()
        layers += [layer, named[mlp.activation]()]
    return nn.Sequential(*layers[:-1])


@each_shape
@each_activation
def test_members_are_ordinary_perceptrons(widths, activation):
    mlp, X = make(widths, activation), draw()
    scores = mlp(X)
    assert scores.shape == (40, 3, 2)
    for member in range(3):
        expected = as_linear_layers(mlp, member)(X)
        np.testing.assert_allclose(
            scores[:, member].detach(), expected.detach(), rtol=1e-5, atol=1e-6
        )


@each_shape
@each_activation
def test_member_by_member_is_the_batched_path(widths, activation):
    mlp, X = make(widths, activation), draw()
    depth = len(mlp.weights)
    for dtype in (torch.float32, torch.float64):
        one_by_one = mlp._layers(X, depth, dtype)
        batched = mlp._layers(Elsewhere(X), depth, dtype)
        assert one_by_one.dtype == batched.dtype == dtype
        np.testing.assert_allclose(one_by_one.detach(), batched.detach(), rtol=1e-5, atol=1e-6)


def test_gradients_of_both_paths_agree():
    mlp, X = make(), draw()
    gradients = []
    for table in (X, Elsewhere(X)):
        mlp.zero_grad()
        mlp._layers(table, 3, torch.float32).square().sum().backward()
        gradients.append([p.grad.clone() for p in mlp.parameters()])
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@each_activation
def test_the_input_is_left_alone(activation):
    X = draw()
    before = X.clone()
    make((), activation)(X)
    make((4,), activation).eval()(X)
    assert torch.equal(X, before)


def test_prediction_is_in_double_precision_whatever_the_batch():
    mlp, X = make((64, 64)).eval(), draw(1001)
    with torch.no_grad():
        together = mlp(X)
        assert together.dtype == torch.float64
        assert mlp.train()(X).dtype == torch.float32
        mlp.eval()
        for size in (1, 7, 500):
            alone = torch.cat([mlp(part) for part in X.split(size)])
            np.testing.assert_allclose(alone, together, rtol=0, atol=1e-13)
    single = together.float().numpy()
    np.testing.assert_array_equal(
        single, torch.cat([mlp(part) for part in X.split(3)]).detach().float().numpy()
    )


@each_shape
def test_penultimate_layer_leads_to_the_scores(widths):
    mlp, X = make(widths), draw()
    hidden = mlp.penultimate(X)
    if widths:
        assert hidden.shape == (40, 3, widths[-1])
        scores = torch.einsum("nmw,mwo->nmo", hidden, mlp.weights[-1]) + mlp.biases[-1][:, 0]
        np.testing.assert_allclose(scores.detach(), mlp(X).detach(), rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(hidden.detach(), X[:, None].expand(-1, 3, -1))


def test_starts_as_torch_s_linear_layers_do():
    mlp = make((400,), n_members=4)
    for parameters, n_in in itertools.product([0, 1], [5, 400]):
        layer = (mlp.weights, mlp.biases)[parameters][0 if n_in == 5 else 1].detach()
        bound = n_in**-0.5
        assert layer.abs().max() <= bound
        if layer.numel() > 1000:
            assert layer.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert not torch.equal(mlp.weights[0][0], mlp.weights[0][1])


def test_members_of_any_module_are_stacked():
    class Flat(nn.Linear):
        def forward(self, X):
            return super().forward(X)[:, 0]

    members = [nn.Linear(5, 1), Flat(5, 1), nn.Linear(5, 1)]
    X = draw()
    scores = Members(members)(X)
    assert scores.shape == (40, 3, 1)
    for number, member in enumerate(members):
        assert torch.equal(scores[:, number].flatten(), member(X).flatten())
    assert len(list(Members(members).parameters())) == 6
