"""Networks that score rows: a multilayer perceptron, and ensembles trained as one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..losses._ordinal import OrderedThresholds
from ._columns import Pieces, Scaling

__all__ = ["ACTIVATIONS", "MLP", "EncodedMLP", "Members", "SharedScore"]

# Makes the seed by which heads are drawn of that of the other weights.
_OF_HEADS = 0x6865616473

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,  # in place: its argument is not needed again
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
    "identity": lambda x: x,
}


class MLP(nn.Module):
    """Multilayer perceptrons of one shape, side by side.

    Members share nothing but the shape.

    Parameters
    ----------
    n_features : int
        Columns of the input.
    n_outputs : int, default=1
        Columns of the output: raw scores.
    hidden_layer_sizes : sequence of int, default=(64, 64)
        Widths of the hidden layers; empty for a linear model.
    activation : {"relu", "silu", "gelu", "tanh", "identity"}, default="relu"
        Non-linearity of the hidden layers.
    n_members : int, default=1
        Number of perceptrons.
    generator : torch.Generator, default=None
        Draws the weights; None for the generator of torch.
    n_head_outputs : int, default=0
        Further columns of the output, those of heads on the last hidden layer. Their weights
        are drawn by a generator of their own, so that all others are as without them.
    scaling : Scaling, default=None
        What features are subtracted and divided by; None for nothing.
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int = 1,
        hidden_layer_sizes: Sequence[int] = (64, 64),
        activation: str = "relu",
        n_members: int = 1,
        generator: torch.Generator | None = None,
        n_head_outputs: int = 0,
        scaling: Scaling | None = None,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.scaling = None if scaling is None else scaling.module()
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        widths = [n_features, *hidden_layer_sizes, n_outputs]
        for n_in, n_out in itertools.pairwise(widths):
            # As torch.nn.Linear does.
            bound = 1.0 / math.sqrt(n_in)
            for into, shape in (
                (self.weights, (n_members, n_in, n_out)),
                (self.biases, (n_members, 1, n_out)),
            ):
                weights = torch.empty(shape).uniform_(-bound, bound, generator=generator)
                into.append(nn.Parameter(weights))
        self.head_weight: nn.Parameter | None = None
        self.head_bias: nn.Parameter | None = None
        if n_head_outputs:
            drawn_by = torch.default_generator if generator is None else generator
            own = torch.Generator().manual_seed(drawn_by.initial_seed() ^ _OF_HEADS)
            n_in = widths[-2]
            bound = 1.0 / math.sqrt(n_in)
            self.head_weight, self.head_bias = (
                nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=own))
                for shape in ((n_members, n_in, n_head_outputs), (n_members, 1, n_head_outputs))
            )

    def forward(self, X: Tensor) -> Tensor:
        """Return raw scores of shape (n_rows, n_members, n_outputs) for (n_rows, n_features).

        Those of heads follow the others. Prediction on a CPU is in double precision: a matrix
        product rounds differently with the number of rows, and a row's score must not depend on
        the rows beside it.
        """
        exact = not self.training and X.device.type == "cpu"
        return self._layers(X, len(self.weights), torch.float64 if exact else self.weights[0].dtype)

    def penultimate(self, X: Tensor) -> Tensor:
        """Return the last hidden layer, shape (n_rows, n_members, width)."""
        return self._layers(X, len(self.weights) - 1, self.weights[0].dtype)

    def _layers(self, X: Tensor, depth: int, dtype: torch.dtype) -> Tensor:
        layers = [(w.to(dtype), b.to(dtype)) for w, b in zip(self.weights, self.biases)][:depth]
        if self.head_weight is not None and depth == len(self.weights):
            assert self.head_bias is not None
            layers.append((self.head_weight.to(dtype), self.head_bias.to(dtype)))
        X = X.to(dtype)
        if self.scaling is not None:
            X = self.scaling(X)
        inputs = self._inputs(X)
        if X.device.type == "cpu":
            # Member by member: what one of them needs fits into the cache.
            scores = [
                self._through(own, [(w[k], b[k]) for w, b in layers], torch.addmm)
                for k, own in enumerate(inputs)
            ]
            return torch.stack(scores, dim=1)
        return self._through(torch.stack(list(inputs)), layers, torch.baddbmm).transpose(0, 1)

    def _inputs(self, X: Tensor) -> Iterator[Tensor]:
        """Yield what goes into the first layer of each member."""
        return iter(X.expand(self.weights[0].shape[0], *X.shape))

    def _through(
        self,
        hidden: Tensor,
        layers: Sequence[tuple[Tensor, Tensor]],
        product: Callable[[Tensor, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """Return what comes out of some layers. A last one more than there are is that of heads."""
        before = hidden
        for number, (weight, bias) in enumerate(layers):
            if number == len(self.weights):
                return torch.cat([hidden, product(bias, before, weight)], dim=-1)
            before = hidden
            hidden = self._activated(product(bias, hidden, weight), number)
        return hidden

    def _activated(self, hidden: Tensor, number: int) -> Tensor:
        is_output = number == len(self.weights) - 1
        return hidden if is_output else ACTIVATIONS[self.activation](hidden)


class EncodedMLP(MLP):
    """Multilayer perceptrons that begin with a piecewise linear function of each column.

    A column is mapped to the ``width`` outputs of a function of its own, which is linear between
    its quantiles. So a step, or a narrow range of values, is one weight away, where a perceptron
    on the column itself has to make it of many.

    Parameters
    ----------
    n_features, n_outputs, hidden_layer_sizes, activation, n_members, generator, scaling
        As those of `MLP`.
    pieces : Pieces
        Which columns are encoded, and where their pieces end. The others are taken as they are.
    width : int, default=16
        Outputs of the function of a column.
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        hidden_layer_sizes: Sequence[int],
        activation: str,
        n_members: int,
        generator: torch.Generator | None,
        scaling: Scaling | None,
        pieces: Pieces,
        width: int = 16,
    ) -> None:
        n_encoded, n_pieces = pieces.left.shape
        n_inputs = n_features - n_encoded + n_encoded * width
        super().__init__(
            n_inputs,
            n_outputs,
            hidden_layer_sizes,
            activation,
            n_members,
            generator,
            scaling=scaling,
        )
        for name, values in zip(("left", "per_width", "columns", "others"), pieces.tensors()):
            self.register_buffer(name, values)
        bound = 1.0 / math.sqrt(n_pieces)
        # The bias of the encoding is one with that of the first layer.
        self.encoding = nn.Parameter(
            torch.empty(n_members, n_encoded, n_pieces, width).uniform_(
                -bound, bound, generator=generator
            )
        )
        with torch.no_grad():
            for weight in list(self.weights)[:-1]:
                # After He et al.: the scale of the scores does not shrink from layer to layer.
                weight.normal_(0.0, math.sqrt(2.0 / weight.shape[1]), generator=generator)

    def pieces(self) -> Pieces:
        """Return which columns are encoded, and where their pieces end."""
        kept = (self.left, self.per_width, self.columns, self.others)
        return Pieces(*(part.numpy(force=True).copy() for part in kept))

    def _inputs(self, X: Tensor) -> Iterator[Tensor]:
        left, per_width = self.left.to(X.dtype), self.per_width.to(X.dtype)
        within = X[:, self.columns, None].sub(left).mul_(per_width).clamp_(0.0, 1.0).transpose(0, 1)
        others = X[:, self.others]
        for encoding in self.encoding.to(X.dtype):
            encoded = torch.bmm(within, encoding).transpose(0, 1).flatten(1)
            yield torch.cat([encoded, others], dim=1)


class Members(nn.Module):
    """Modules side by side, their outputs stacked.

    Parameters
    ----------
    modules : sequence of Module
        Each returns (n_rows,) or (n_rows, n_outputs); with heads it may return a dict of
        that for each of them.
    names : sequence of str, default=()
        The order of the heads, where there are some.
    """

    def __init__(self, modules: Sequence[nn.Module], names: Sequence[str] = ()) -> None:
        super().__init__()
        self.members = nn.ModuleList(modules)
        self.names = tuple(names)

    def forward(self, X: Tensor) -> Tensor:
        """Return raw scores of shape (n_rows, n_members, n_outputs)."""
        scores = [joined(member(X), self.names) for member in self.members]
        return torch.stack([s[:, None] if s.ndim == 1 else s for s in scores], dim=1)


def joined(scores: Tensor | Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Return the outputs of a module; those of a dict side by side in the order of its heads."""
    if not isinstance(scores, Mapping):
        return scores
    parts = [scores[name] for name in names]
    return torch.cat([part[:, None] if part.ndim == 1 else part for part in parts], dim=1)


class SharedScore(nn.Module):
    """A network of one score, of which thresholds are subtracted that increase.

    Parameters
    ----------
    network : MLP or Members
        Returns scores of shape (n_rows, n_members, 1), and those of heads in further columns.
    n_thresholds, n_members : int
        Numbers of thresholds, and of members.
    """

    def __init__(self, network: nn.Module, n_thresholds: int, n_members: int) -> None:
        super().__init__()
        self.network = network
        self.thresholds = OrderedThresholds(n_thresholds, n_members)

    def begin_at(self, margins: NDArray[np.float64]) -> None:
        """Begin from the margins of a constant, which fall from threshold to threshold."""
        self.thresholds.begin_at(-margins)

    def forward(self, X: Tensor) -> Tensor:
        """Return raw scores of shape (n_rows, n_members, n_thresholds), and those of heads."""
        scores = self.network(X)
        # The outputs of heads come after the score.
        main = scores[..., :1] - self.thresholds().to(scores.dtype)
        return main if scores.shape[-1] == 1 else torch.cat([main, scores[..., 1:]], dim=-1)
