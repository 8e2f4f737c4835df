"""An encoder trained by a contrastive loss, whose embeddings rank rows for a recall stage."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from .._utils.calibration import SigmoidCalibrator
from .._utils.labels import find_classes, is_positive_first
from .._utils.seeds import check_random_state
from .._utils.validation import check_weights
from ._retrieval import top_k_inner_product
from .losses._embeddings import unit_vectors
from .training._draws import own_draws
from .training._embedding_loss import embedding_loss, loss_of_batch, similarity_of
from .training._module import ACTIVATIONS, MLP
from .training._parameters import check_widths, refuse_odd_numbers
from .training._support import resolve_device, unchanged_on_error, warn_of_scale
from .training._table import check_X

__all__ = ["EmbeddingRecallClassifier"]

# Rows that are embedded at once.
_BLOCK = 16_384


class EmbeddingRecallClassifier(ClassifierMixin, BaseEstimator):
    """A recall stage by embeddings: rows are ranked by their similarity to the positives.

    An encoder is trained by a contrastive loss so that positives are embedded near each other
    and far from negatives. The score of a row is the similarity of its embedding to those of the
    positives it was trained on. Scale the features first, as for any network.

    Parameters
    ----------
    loss : str or Module, default="info_nce"
        What trains the embeddings:

        - a name of ``skbudget.objectives.available(model="embeddings")``: "info_nce",
          "batch_softmax", "contrastive" or "triplet", with their default parameters;
        - the name of a class of ``pytorch_metric_learning.losses``, such as
          "MultiSimilarityLoss", which needs ``pip install "skbudget[metric-learning]"``;
        - a torch module: a loss of this package, such as ``InfoNCELoss(temperature=0.2)``, or
          one that is called with embeddings of shape (n_rows, n_dims) and class indices.
          Parameters of its own are trained as well.

        Losses of scores are for `PAUCClassifier`.
    rank_by : {"prototype", "nearest"}, default="prototype"
        Similarity to the mean of the positives' embeddings, or the mean similarity to the
        ``n_neighbors`` nearest positives. Equal positives count once among the nearest.
    n_neighbors : int, default=10
        Number of positives for ``rank_by="nearest"``, at most a million; never more than there
        are.
    embedding_dim : int, default=32
        Length of an embedding.
    hidden_layer_sizes : sequence of int, default=(64, 64)
        Widths of the encoder's hidden layers; empty for a linear encoder.
    activation : {"relu", "silu", "gelu", "tanh", "identity"}, default="relu"
        Non-linearity of the hidden layers.
    module : Module class or instance, default=None
        An encoder of your own in place of the perceptron. It takes (n_rows, n_features)
        float32 and returns (n_rows, n_dims). A class is called with ``n_features`` and
        ``embedding_dim``. An instance is copied.
    n_steps : int, default=500
        Steps of the optimizer, AdamW, at most ten million.
    batch_size : int, default=64
        Pairs of positives in a step. Both rows of a pair are drawn from all positives.
    n_negatives : int, default=512
        Negatives in a step.
    lr : float, default=1e-3
        Step size.
    weight_decay : float, default=0.5
        Decoupled decay of the weights.
    pos_label : int, float, bool or str, default=None
        The positive one of two classes. Of 0 and 1, -1 and 1, False and True it is the greater
        one unless this names the other. Of any other two labels the rarer one is taken, with a
        warning that says so.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights and batches. The same number gives the same model on the same
        machine, whatever the order of the rows.
    device : str or torch.device, default="auto"
        Where to compute; "auto" for CUDA if there is any, otherwise the CPU.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Class labels in increasing order.
    pos_label_ : int, float, bool or str
        The label of the positive class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, if all are strings.
    encoder_ : Module
        The trained encoder.
    similarity_ : {"cosine", "dot"}
        How embeddings are compared. With "cosine" `embed` returns vectors of length 1.
    positives_ : ndarray of shape (n_positives, embedding_dim)
        Embeddings of the distinct positives; of ``rank_by="prototype"`` one row, their mean.
    calibrator_ : SigmoidCalibrator
        Sets the zero of `decision_function`.
    loss_curve_ : ndarray of shape (n_steps,)
        The loss of each step.

    Raises
    ------
    TypeError
        If ``loss`` or ``module`` is no loss and no module.
    ValueError
        For a parameter out of range, for other than two classes, or for a loss that is for
        `PAUCClassifier`.
    FloatingPointError
        If the encoder diverged.

    See Also
    --------
    PAUCClassifier : A network that scores rows.
    top_k_inner_product : Exact retrieval of the nearest items.
    skbudget.cascade.CascadeClassifier : Puts a second stage behind this one.

    Notes
    -----
    Rows are drawn in proportion to ``sample_weight``, so that a weight of 2 is the row twice.

    The zero of `decision_function` is learnt on the rows that were trained on, and there are
    no probabilities: a recall stage ranks. ``CalibratedClassifierCV`` around it has them.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbudget import coverage_at_budget_score, make_contested_top
    >>> from skbudget.neural import EmbeddingRecallClassifier
    >>> X, y = make_contested_top(10_000, pos_rate=0.01, cue="linear", random_state=0)
    >>> model = EmbeddingRecallClassifier(loss="info_nce", n_steps=100, random_state=0)
    >>> model = make_pipeline(StandardScaler(), model).fit(X, y)
    >>> X_new, y_new = make_contested_top(10_000, pos_rate=0.01, cue="linear", random_state=1)
    >>> bool(coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.05) > 0.7)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "rank_by": [StrOptions({"prototype", "nearest"})],
        "n_neighbors": [Interval(Integral, 1, 1_000_000, closed="both")],
        "embedding_dim": [Interval(Integral, 1, 65_536, closed="both")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "n_steps": [Interval(Integral, 1, 10_000_000, closed="both")],
        "batch_size": [Interval(Integral, 1, 65_536, closed="both")],
        "n_negatives": [Interval(Integral, 1, 1_000_000, closed="both")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "pos_label": [Real, str, "boolean", None],
        "random_state": ["random_state"],
        "device": [str, torch.device],
    }

    def __init__(
        self,
        loss: Any = "info_nce",
        *,
        rank_by: str = "prototype",
        n_neighbors: int = 10,
        embedding_dim: int = 32,
        hidden_layer_sizes: Sequence[int] = (64, 64),
        activation: str = "relu",
        module: Any = None,
        n_steps: int = 500,
        batch_size: int = 64,
        n_negatives: int = 512,
        lr: float = 1e-3,
        weight_decay: float = 0.5,
        pos_label: Any = None,
        random_state: int | np.random.RandomState | None = None,
        device: Any = "auto",
    ) -> None:
        self.loss = loss
        self.rank_by = rank_by
        self.n_neighbors = n_neighbors
        self.embedding_dim = embedding_dim
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.module = module
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.n_negatives = n_negatives
        self.lr = lr
        self.weight_decay = weight_decay
        self.pos_label = pos_label
        self.random_state = random_state
        self.device = device

    # --- fitting ------------------------------------------------------------------

    def fit(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> EmbeddingRecallClassifier:
        """Train the encoder, and embed the positives.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Two labels of any kind, see ``pos_label``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.

        Returns
        -------
        self : EmbeddingRecallClassifier
        """
        with unchanged_on_error(self):
            criterion = self._check_params()
            X = check_X(self, X, reset=True)
            owner = type(self).__name__
            weight = check_weights(sample_weight, X.shape[0])
            if y is not None:
                check_consistent_length(X, y)
            found = find_classes(y, self.pos_label, owner=owner, weight=weight)
            positive = found.positive
            if weight is not None and not weight.all():
                kept = np.flatnonzero(weight > 0)
                X, positive, weight = X[kept], positive[kept], weight[kept]
            if positive.all() or not positive.any():
                raise ValueError(
                    f"{owner} needs two classes, but all sample weights of one class are zero."
                )
            self.pos_label_ = found.classes[1]
            self.classes_ = np.sort(found.classes)
            rng = check_random_state(self.random_state)
            device = resolve_device(self.device)
            foreign = self.module is not None or not _is_ours(criterion)
            with own_draws(rng, device, foreign=foreign) as draws:
                self.encoder_ = self._new_encoder(X.shape[1], draws.weights)
                warn_of_scale(self, X, self.encoder_)
                self.similarity_ = similarity_of(criterion)
                self.loss_curve_ = self._train(criterion, X, positive, weight, rng, device)
            self._embed_positives(X, positive, weight)
        return self

    def _check_params(self) -> nn.Module:
        """Check the parameters, and return the loss."""
        refuse_odd_numbers(self)
        criterion = embedding_loss(self.loss, type(self).__name__)
        self._validate_params()
        check_widths(self)
        if self.lr * self.weight_decay >= 1.0:
            raise ValueError(
                f"lr * weight_decay of {type(self).__name__} must be less than 1, because a step "
                f"multiplies the weights by 1 - lr * weight_decay: got lr={self.lr!r} and "
                f"weight_decay={self.weight_decay!r}."
            )
        return criterion

    def _new_encoder(self, n_features: int, generator: torch.Generator | None) -> nn.Module:
        module, owner = self.module, type(self).__name__
        if module is None:
            widths = tuple(int(width) for width in self.hidden_layer_sizes)
            return _OneMember(
                MLP(n_features, self.embedding_dim, widths, self.activation, 1, generator)
            )
        if isinstance(module, nn.Module):
            found = copy.deepcopy(module)
        elif isinstance(module, type) and issubclass(module, nn.Module):
            found = module(n_features=n_features, embedding_dim=self.embedding_dim)
        else:
            raise TypeError(
                f"The 'module' parameter of {owner} must be a torch Module, a class or an "
                f"instance. Got {module!r} instead."
            )
        found.eval()
        with torch.no_grad():
            shape = tuple(found(torch.zeros(3, n_features)).shape)
        if len(shape) != 2 or shape[0] != 3:
            raise ValueError(
                f"module of {owner} returns shape {shape} for 3 rows of {n_features} features, but "
                "embeddings of shape (n_rows, n_dims) are needed."
            )
        return found

    def _train(
        self,
        criterion: nn.Module,
        X: Any,
        positive: NDArray[np.bool_],
        weight: NDArray | None,
        rng: np.random.RandomState,
        device: torch.device,
    ) -> NDArray[np.float64]:
        """Train the encoder, and return the loss of each step."""
        encoder, n_pairs = self.encoder_.to(device), self.batch_size
        criterion.to(device)
        parameters = [*encoder.parameters(), *criterion.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=self.lr, weight_decay=self.weight_decay)
        order = _canonical_order(X, rng)
        lots = [_Lots.of(order[positive[order] == code], weight) for code in (True, False)]
        curve = np.empty(self.n_steps)
        encoder.train()
        criterion.train()
        for step in range(self.n_steps):
            pairs = lots[0].draw(2 * n_pairs, rng)
            rows = np.concatenate([pairs, lots[1].draw(self.n_negatives, rng)])
            embedded = self._encode(_dense(X, rows), device)
            parts = embedded[:n_pairs], embedded[n_pairs : 2 * n_pairs], embedded[2 * n_pairs :]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of_batch(criterion, *parts)
            curve[step] = float(loss.detach())
            if not np.isfinite(curve[step]):
                raise FloatingPointError(
                    f"{type(self).__name__} diverged: the loss of step {step + 1} is "
                    f"{curve[step]}. Lower lr, or scale the features (StandardScaler)."
                )
            if loss.requires_grad:
                loss.backward()
                optimizer.step()
        encoder.eval()
        return curve

    def _encode(self, X: NDArray[np.float32], device: torch.device) -> Tensor:
        """Return embeddings, of length 1 where cosines are compared."""
        embedded = self.encoder_(torch.from_numpy(X).to(device))
        return unit_vectors(embedded) if self.similarity_ == "cosine" else embedded

    def _embed_positives(self, X: Any, positive: NDArray[np.bool_], weight: NDArray | None) -> None:
        """Keep the embeddings of the positives, and learn the zero of the scores."""
        rows = np.flatnonzero(positive)
        embedded = self._embed(X[rows])
        if self.rank_by == "prototype":
            share = None if weight is None else weight[rows]
            embedded = np.average(embedded, axis=0, weights=share)[None, :]
        else:
            embedded = np.unique(embedded, axis=0)
        self.positives_ = embedded
        # A positive is its own nearest one, which flatters it. Only the zero depends on it.
        similarity = self._similarities(X)
        self.calibrator_ = SigmoidCalibrator.fit(similarity, positive, weight)

    # --- prediction ---------------------------------------------------------------

    def embed(self, X: Any) -> NDArray[np.float64]:
        """Return the embeddings of rows, for retrieval or for another model.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to embed.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, embedding_dim)
        """
        check_is_fitted(self)
        return self._embed(check_X(self, X))

    def _embed(self, X: Any) -> NDArray[np.float64]:
        device = next((one.device for one in self.encoder_.parameters()), torch.device("cpu"))
        parts = []
        with torch.no_grad():
            for start in range(0, X.shape[0], _BLOCK):
                block = _dense(X, slice(start, start + _BLOCK))
                parts.append(self._encode(block, device).double().cpu().numpy())
        embedded = np.concatenate(parts)
        if not np.isfinite(embedded).all():
            raise FloatingPointError(
                f"{type(self).__name__}: the encoder embeds rows as NaN or infinity. Look for "
                "extreme values in X."
            )
        return embedded

    def _similarities(self, X: Any) -> NDArray[np.float64]:
        """Return the similarity of checked rows to the positives."""
        embedded = self._embed(X)
        if self.rank_by == "prototype":
            return np.einsum("ij,j->i", embedded, self.positives_[0])
        k = min(self.n_neighbors, self.positives_.shape[0])
        return top_k_inner_product(embedded, self.positives_, k)[0].mean(axis=1)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the score of each row, by its similarity to the positives.

        A score above zero favours ``classes_[1]``.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        score : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        similarity = self._similarities(check_X(self, X))
        margin = self.calibrator_.slope * (similarity + self.calibrator_.offset)
        return -margin if is_positive_first(self) else margin

    def predict(self, X: Any) -> NDArray:
        """Return the class of each row.

        For rare positives that is nearly always the negative class. A recall stage keeps
        the top of `decision_function`.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(np.intp)]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags


class _OneMember(nn.Module):
    """A perceptron without the dimension of members."""

    def __init__(self, mlp: MLP) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, X: Tensor) -> Tensor:
        """Return embeddings of shape (n_rows, embedding_dim)."""
        return self.mlp(X)[:, 0]


class _Lots:
    """Rows to be drawn in proportion to their weights.

    A draw is a place on the line of the weights, one after the other, so that a row of weight 2
    is drawn as two equal rows beside each other would be.
    """

    def __init__(self, rows: NDArray[np.intp], ends: NDArray[np.float64]) -> None:
        self.rows = rows
        self.ends = ends

    @classmethod
    def of(cls, rows: NDArray[np.intp], weight: NDArray | None) -> _Lots:
        """Return the lots of some rows."""
        counts = np.ones(rows.size) if weight is None else weight[rows]
        # Their unit does not matter, and sums must not overflow.
        ends = np.cumsum(counts / counts.max())
        return cls(rows, ends)

    def draw(self, size: int, rng: np.random.RandomState) -> NDArray[np.intp]:
        """Return some rows, with replacement."""
        places = rng.random_sample(size) * self.ends[-1]
        numbers = np.searchsorted(self.ends, places, side="right")
        return self.rows[np.minimum(numbers, self.rows.size - 1)]


def _canonical_order(X: Any, rng: np.random.RandomState) -> NDArray[np.intp]:
    """Return an order of the rows that depends on what they hold, and not on where they are."""
    direction = rng.standard_normal(X.shape[1]).astype(np.float32)
    # Not the product of BLAS, which rounds equal rows differently.
    place = X @ direction if issparse(X) else np.einsum("ij,j->i", X, direction)
    return np.argsort(place, kind="stable")


def _dense(X: Any, rows: Any) -> NDArray[np.float32]:
    part = X[rows]
    return np.ascontiguousarray(part.toarray() if issparse(part) else part)


def _is_ours(module: nn.Module) -> bool:
    return type(module).__module__.partition(".")[0] == "skbudget"
