"""How the optimum of one problem moves another one's value: the implicit hypergradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["hypergradient"]

# Steps of the power iteration that finds the greatest curvature. It comes close from below.
_N_POWER = 8
_CAUTION = 0.9


def hypergradient(
    lower: Tensor,
    upper: Tensor,
    weights: Sequence[Tensor],
    hyper: Tensor,
    *,
    n_terms: int = 10,
    step: float | None = None,
    damping: float = 0.0,
) -> Tensor:
    r"""Return the derivative of the upper objective at the optimum of the lower one.

    The lower objective :math:`L(w, h)` has its least value at :math:`w^*(h)`. By the theorem
    of implicit functions the upper objective :math:`F(w)` changes with :math:`h` by

    .. math::
        \frac{d F(w^*(h))}{d h} =
            - \frac{\partial^2 L}{\partial h \partial w}
            \left(\frac{\partial^2 L}{\partial w^2}\right)^{-1} \nabla F.

    The inverse is a Neumann series, :math:`H^{-1} v \approx \eta \sum_{k=0}^{K}
    (I - \eta H)^k v`, which needs products of the hessian with vectors alone. With few terms
    directions of little curvature count less than they should.

    Parameters
    ----------
    lower : Tensor of shape ()
        The lower objective, a function of ``weights`` and ``hyper``.
    upper : Tensor of shape ()
        The upper objective, a function of ``weights``.
    weights : sequence of Tensor
        The weights of the lower problem, at its optimum or close to it.
    hyper : Tensor of shape (n_hyper,)
        What is tuned.
    n_terms : int, default=10
        Terms :math:`K` of the series beside the first one.
    step : float, default=None
        The step :math:`\eta`, less than two over the greatest curvature; None for 0.9 over
        that curvature, found by power iteration.
    damping : float, default=0.0
        What is added to the diagonal of the hessian.

    Returns
    -------
    gradient : Tensor of shape (n_hyper,)
    """
    slope = torch.autograd.grad(lower, weights, create_graph=True)
    vector = torch.autograd.grad(upper, weights, allow_unused=True)
    term = [torch.zeros_like(w) if v is None else v for v, w in zip(vector, weights)]

    def bent(direction: Sequence[Tensor]) -> list[Tensor]:
        products = torch.autograd.grad(
            slope, weights, grad_outputs=list(direction), retain_graph=True, allow_unused=True
        )
        return [damping * d if p is None else p + damping * d for p, d in zip(products, direction)]

    if step is None:
        direction, greatest = term, 0.0
        for _ in range(_N_POWER):
            length = _length(direction)
            if length == 0.0:
                break
            direction = bent([part / length for part in direction])
            greatest = max(greatest, _length(direction))
        step = _CAUTION / greatest if greatest > 0.0 else 1.0
    total = [part.clone() for part in term]
    for _ in range(n_terms):
        term = [one - step * other for one, other in zip(term, bent(term))]
        total = [one + other for one, other in zip(total, term)]
    (mixed,) = torch.autograd.grad(
        slope, [hyper], grad_outputs=[step * part for part in total], allow_unused=True
    )
    return torch.zeros_like(hyper) if mixed is None else -mixed


def _length(vector: Sequence[Tensor]) -> float:
    return float(torch.sqrt(sum((part * part).sum() for part in vector)))
