"""A network trained on the partial AUC, as a scikit-learn classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.calibration import SigmoidCalibrator
from .._utils.validation import check_band, check_budget, check_mask, check_weights
from ..objectives.losses.pairwise_pauc import LINKS
from .losses._pauc import POS_NUMERATORS, SURROGATES, PAUCAtBudgetLoss
from .losses._warmup import LossWarmup
from .training._module import ACTIVATIONS
from .training._net import (
    AllMembers,
    BestEpoch,
    Clock,
    Diagnostics,
    EachMember,
    Progress,
    RankingNet,
)
from .training._rows import BalancedBatches, Batches, Rows, content_folds, stratified_sample
from .training._support import (
    Table,
    auto_epochs,
    balanced_cross_entropy,
    build_module,
    check_net_params,
    class_mass,
    default_beta,
    mean_coverage,
    out_of_fold_scores,
    relative_value,
    resolve_device,
    seeded,
    warn_of_diagnostics,
    warn_of_interruption,
)

__all__ = ["PAUCClassifier"]


def _has_calibration(estimator: Any) -> bool:
    if not estimator.calibrate:
        raise AttributeError(
            f"This {type(estimator).__name__} ranks only: probabilities need calibrate=True. Use "
            "decision_function."
        )
    return True


class PAUCClassifier(ClassifierMixin, BaseEstimator):
    r"""A multilayer perceptron trained on the partial AUC at a review budget.

    An ensemble of small networks, trained side by side through skorch: a warm-up on
    class-balanced cross-entropy, a blend, and then
    :class:`~skbudget.neural.PAUCAtBudgetLoss`, whose temperature is sharpened until
    the end. Scale the features first, as for any network (``StandardScaler`` in a
    pipeline).

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
        Sets the band to ``[0, max(budget, 1.5 * positives / negatives)]``: the false
        positives at the budget, but no fewer than 1.5 per positive, so that common
        positives are not ranked against a handful of rows.
    alpha, beta : float, default=None
        Ends of the FPR band as fractions; they override the band of ``budget``.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC.
    link : {"sigmoid", "logistic"}, default="sigmoid"
        Loss of a pair, for the pairwise surrogate.
    temperature, temperature_start : float, default=0.2, 0.5
        Sharpness of the comparison at the end of training and after the warm-up, in
        units of the negatives' dispersion.
    tau_scale : {"iqr", "band"} or None, default="iqr"
        That dispersion; None for units of the raw score.
    budget_basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    n_knots : int, default=2
        Knots of the trapezoid surrogate.
    pos_numerator : {"pool", "live"}, default="pool"
        Positives that the loss averages over: with those in the queue, or those of
        the batch alone.
    warmup, blend : float, default=0.3, 0.15
        Shares of the training steps for cross-entropy alone, and for fading over to
        the partial AUC. ``warmup=1`` trains on weighted cross-entropy only.
    hidden_layer_sizes : sequence of int, default=(64, 64)
        Widths of the hidden layers; empty for linear models.
    activation : {"relu", "silu", "gelu", "tanh", "identity"}, default="relu"
        Non-linearity of the hidden layers.
    n_members : int, default=8
        Networks in the ensemble; their raw scores are averaged. Rare positives are
        overfitted by each network in its own way, which averaging takes out.
    module : Module class or instance, default=None
        A network of your own in place of the perceptron: takes (n_rows, n_features)
        float32, returns (n_rows,) or (n_rows, n_outputs) raw scores, with one output
        for two classes and one per class for more. A class is called with
        ``n_features`` and ``n_outputs`` if it names them, and with the
        ``module__*`` of ``net_params``. An instance is copied; of an ensemble all
        members but the first are drawn anew by ``reset_parameters``.
    batch_size : int, default=4096
        Rows of a step. Large, because a band of a few in a thousand is looked for in
        batch and queue; every batch holds its share of positives, and at least one.
    max_epochs : int or "auto", default="auto"
        Passes over the rows; "auto" for 15, or as many as make 500 steps, at most 200.
    lr : float, default=1e-3
        Step size of the optimizer.
    weight_decay, input_decay : float, default=0.5, 3.0
        Decoupled decay of AdamW: a step shrinks weights by ``lr`` times it. Those of
        the first layer, which meet the features, have a decay of their own: a few
        hundred positives are fitted by chance through features that tell nothing, and
        a weight stays only where its gradient keeps its sign. Biases do not decay. A
        ``module`` of your own has ``weight_decay`` throughout.
    queue_size : int, default=8192
        Rows of past batches that a batch is compared with, in addition; never more
        than there are rows outside the batch.
    max_pool_size : int, default=None
        Cap on the rows compared in a step.
    early_stopping : bool, default=False
        Whether to hold out ``validation_fraction`` of the rows, measure coverage at
        the budget there after every epoch, keep the best epoch and stop after
        ``n_iter_no_change`` epochs without a better one. Epochs before the main
        phase do not count.
    validation_fraction : float, default=0.1
        Share of the rows that is held out, stratified, in (0, 1).
    n_iter_no_change : int, default=5
        Patience in epochs.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into ``sample_weight``; probabilities
        follow them. The warm-up balances the classes in any case.
    calibrate : bool, default=True
        Whether to learn `predict_proba`, and the zero of `decision_function`, on
        rows that were not trained on: each member leaves out rows of its own (an
        eighth of a quarter of them with the default ensemble), or with one member
        those of ``validation_fraction``. Without it the model only ranks.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous call.
    net_params : dict, default=None
        Parameters of the skorch ``NeuralNet`` by name: ``callbacks``,
        ``optimizer``, ``optimizer__betas``, ``module__*``, ``compile`` and so on.
        ``set_params(net__optimizer__eps=1e-7)`` and a grid over ``net__*`` set them too.
        An ``optimizer`` of your own decays as its own parameters say.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, batches and folds. The same number gives the same
        model on the same machine.
    device : str or torch.device, default="auto"
        Where to compute; "auto" for CUDA if there is any, otherwise the CPU.
    verbose : int, default=0
        1 for a progress bar, 2 for skorch's table of epochs as well.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; of two, the second is the positive class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, if all are strings.
    net_ : skorch.NeuralNet
        The fitted net; ``net_.module_`` is the torch module.
    history_ : skorch.history.History
        What was recorded per epoch and batch.
    diagnostics_ : dict of str to ndarray of shape (n_epochs,)
        The loss's diagnostics, means over the steps and members of an epoch (and
        over classes), NaN during the warm-up: ``t_alpha``, ``t_beta``, ``tau_eff``,
        ``band_neg_count``, ``grad_pos_count``, ``pauc_var``, ``idle_share`` (of steps
        without a loss), and ``main_weight``, ``temperature``, ``train_loss``,
        ``valid_coverage``.
    n_iter_ : int
        Epochs trained.
    beta_ : float
        End of the training band.

    Raises
    ------
    ValueError
        For a parameter out of range, fewer than two classes, NaN or infinity in X,
        or a module whose output has the wrong width.
    FloatingPointError
        If the network diverged.

    See Also
    --------
    skbudget.boosting.PAUCLGBMClassifier : Trees of LightGBM on the same band.
    skbudget.boosting.PAUCXGBClassifier : Trees of XGBoost on the same band.

    Notes
    -----
    Ctrl-C ends training and keeps the best epoch so far: by validation coverage with
    ``early_stopping``, otherwise the last complete one.

    More than two classes are ranked one against the rest, after a warm-up on softmax
    cross-entropy; probabilities are calibrated per class and normalised.

    A band without negatives and steps without positives are warned of after `fit`.

    ``sample_weight`` repeats a row, and rows of weight zero are dropped. A model of
    weighted rows is close to that of repeated rows, not equal to it: batches are
    drawn by row, and even in a single batch the sums round differently. The two
    estimator checks of scikit-learn that ask for equality are the only ones that need
    not hold.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skbudget import PAUCClassifier, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, cue="linear", random_state=0)
    >>> model = PAUCClassifier(budget=0.02, n_members=2, max_epochs=30, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, cue="linear", random_state=1)
    >>> scores = pipeline.decision_function(X_new)
    >>> bool(coverage_at_budget_score(y_new, scores, budget=0.02) > 0.8)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "surrogate": [StrOptions(set(SURROGATES))],
        "link": [StrOptions(set(LINKS))],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "temperature_start": [Interval(Real, 0, None, closed="neither")],
        "tau_scale": [StrOptions({"iqr", "band"}), None],
        "budget_basis": [StrOptions({"fpr", "population"})],
        "n_knots": [Interval(Integral, 2, None, closed="left")],
        "pos_numerator": [StrOptions(set(POS_NUMERATORS))],
        "warmup": [Interval(Real, 0, 1, closed="both")],
        "blend": [Interval(Real, 0, 1, closed="both")],
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "input_decay": [Interval(Real, 0, None, closed="left")],
        "queue_size": [Interval(Integral, 0, None, closed="left")],
        "max_pool_size": [Interval(Integral, 2, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "calibrate": ["boolean"],
        "warm_start": ["boolean"],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "device": [str, torch.device],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        budget: float = 0.005,
        *,
        alpha: float | None = None,
        beta: float | None = None,
        surrogate: str = "pairwise",
        link: str = "sigmoid",
        temperature: float = 0.2,
        temperature_start: float = 0.5,
        tau_scale: str | None = "iqr",
        budget_basis: str = "fpr",
        n_knots: int = 2,
        pos_numerator: str = "pool",
        warmup: float = 0.3,
        blend: float = 0.15,
        hidden_layer_sizes: Sequence[int] = (64, 64),
        activation: str = "relu",
        n_members: int = 8,
        module: Any = None,
        batch_size: int = 4096,
        max_epochs: int | str = "auto",
        lr: float = 1e-3,
        weight_decay: float = 0.5,
        input_decay: float = 3.0,
        queue_size: int = 8192,
        max_pool_size: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: dict | str | None = None,
        calibrate: bool = True,
        warm_start: bool = False,
        net_params: dict[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: Any = "auto",
        verbose: int = 0,
    ) -> None:
        self.budget = budget
        self.alpha = alpha
        self.beta = beta
        self.surrogate = surrogate
        self.link = link
        self.temperature = temperature
        self.temperature_start = temperature_start
        self.tau_scale = tau_scale
        self.budget_basis = budget_basis
        self.n_knots = n_knots
        self.pos_numerator = pos_numerator
        self.warmup = warmup
        self.blend = blend
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_members = n_members
        self.module = module
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.input_decay = input_decay
        self.queue_size = queue_size
        self.max_pool_size = max_pool_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.warm_start = warm_start
        self.net_params = net_params
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    # --- parameters ---------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with ``deep`` those of the net as ``net__*`` too."""
        params = super().get_params(deep)
        if deep and isinstance(self.net_params, dict):
            params.update({f"net__{name}": value for name, value in self.net_params.items()})
        return params

    def set_params(self, **params: Any) -> PAUCClassifier:
        """Set parameters; ``net__*`` go into ``net_params``."""
        of_net = {name: params.pop(name) for name in list(params) if name.startswith("net__")}
        super().set_params(**params)
        if of_net:
            given = {name.removeprefix("net__"): value for name, value in of_net.items()}
            self.net_params = {**(self.net_params or {}), **given}
        return self

    def _check_params(self) -> None:
        self._validate_params()
        owner = type(self).__name__
        check_budget(self.budget, owner)
        check_band(
            0.0 if self.alpha is None else self.alpha,
            1.0 if self.beta is None else self.beta,
            owner,
        )
        widths = list(self.hidden_layer_sizes)
        if any(not isinstance(width, Integral) or width < 1 for width in widths):
            raise ValueError(
                f"The 'hidden_layer_sizes' parameter of {owner} must hold ints in the range "
                f"[1, inf). Got {self.hidden_layer_sizes!r} instead."
            )
        if self.warmup + self.blend > 1:
            raise ValueError(
                f"warmup + blend of {owner} must be at most 1: got {self.warmup:g} + "
                f"{self.blend:g}."
            )
        check_net_params(self.net_params or {}, owner)

    # --- fitting ------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        iid_mask: ArrayLike | None = None,
        *,
        value: ArrayLike | None = None,
    ) -> PAUCClassifier:
        """Train the ensemble.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels, any two or more.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        iid_mask : array-like of shape (n_samples,), dtype=bool, default=None
            Rows drawn as in deployment. Only they set band edges and temperature, so
            that added hard negatives move neither.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth where its class is the positive one, say an
            amount, at least 0 and in any unit; entries of the negative class of two are
            not used. Positives count in the losses in proportion to it, and early
            stopping maximises the share of the value caught. It counts no rows: band and
            probabilities are those of the classes, as without it.

        Returns
        -------
        self : PAUCClassifier
        """
        self._check_params()
        before = None
        if self.warm_start and hasattr(self, "net_"):
            before = self.net_.module_.state_dict(), self.classes_
        table = self._check_rows(X, y, sample_weight, iid_mask, value)
        rng = check_random_state(self.random_state)
        train, held = self._split(table, rng)
        with seeded(rng, resolve_device(self.device)):
            net = self._new_net(train, rng)
            if before is not None:
                self._continue_from(net, *before)
            self._train(net, train, held)
        return self

    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        iid_mask: ArrayLike | None = None,
        *,
        value: ArrayLike | None = None,
    ) -> PAUCClassifier:
        """Train for one epoch on some rows, going on where the last call ended.

        The schedule of warm-up and temperature is that of ``max_epochs`` calls like
        the first one; later calls, and those after `fit`, hold its end. Probabilities
        are calibrated on the rows of the last call. Nothing is held out for early
        stopping.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be; those in ``y`` if not given at the first
            call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        iid_mask : array-like of shape (n_samples,), dtype=bool, default=None
            Rows drawn as in deployment.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth where its class is the positive one, say an
            amount, at least 0 and in any unit; entries of the negative class of two are
            not used. Positives count in the losses in proportion to it, and early
            stopping maximises the share of the value caught. It counts no rows: band and
            probabilities are those of the classes, as without it.
            Its unit is the mean of the call.

        Returns
        -------
        self : PAUCClassifier
        """
        first = not hasattr(self, "net_")
        self._check_params()
        table = self._check_rows(X, y, sample_weight, iid_mask, value, classes, first=first)
        rng = (
            check_random_state(self.random_state)
            if first
            else self.net_.iterator_train__random_state
        )
        rows = self._as_rows(table, folds=self._scores_out_of_fold)
        with seeded(rng, resolve_device(self.device)):
            net = self._new_net(rows, rng) if first else self.net_
            net.max_epochs = 1
            self._train(net, rows, None)
        return self

    def _check_rows(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        iid_mask: ArrayLike | None,
        value: ArrayLike | None,
        classes: ArrayLike | None = None,
        *,
        first: bool = True,
    ) -> Table:
        """Return the rows to train on; those of weight 0 are dropped."""
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float32, reset=first, ensure_min_samples=2
        )
        check_classification_targets(y)
        weight = check_weights(sample_weight, X.shape[0])
        iid = None if iid_mask is None else check_mask(iid_mask, "iid_mask", X.shape[0])
        worth = check_weights(value, X.shape[0], "value")
        table = Table(X, y, weight, iid, worth).without_weightless()
        if self.class_weight is not None:
            of_class = check_weights(
                compute_sample_weight(self.class_weight, table.y), len(table.y), "class_weight"
            )
            weight = of_class if table.weight is None else table.weight * of_class
            table = table._replace(weight=weight).without_weightless()
        self._check_classes(table, classes, first=first)
        table = table._replace(y=np.searchsorted(self.classes_, table.y).astype(np.int64))
        self._check_value(table)
        return table._replace(value=relative_value(table, self.classes_.size))

    def _check_value(self, table: Table) -> None:
        """Refuse values where the losses cannot tell them from weights."""
        if table.value is None or table.weight is None:
            return
        if self.budget_basis == "population" or self.classes_.size > 2:
            raise ValueError(
                "value and weights (sample_weight or class_weight) cannot be combined with "
                "budget_basis='population' or more than two classes: a row that counts in the "
                "band and is worth something has one weight for both."
            )

    def _check_classes(self, table: Table, classes: ArrayLike | None, *, first: bool) -> None:
        """Learn the classes, or compare them with those of earlier calls."""
        in_y = np.unique(table.y)
        given = in_y if classes is None else np.unique(np.asarray(classes))
        if first:
            if given.size < 2:
                raise ValueError(
                    f"{type(self).__name__} needs two classes, but y contains one class: "
                    f"{given.tolist()}"
                    + ("." if table.weight is None else " (among rows of positive weight).")
                )
            self.classes_ = given
        elif classes is not None and not np.array_equal(given, self.classes_):
            raise ValueError(
                f"classes={given.tolist()} is not the same as on the last call to "
                f"partial_fit, was: {self.classes_.tolist()}."
            )
        unknown = np.setdiff1d(in_y, self.classes_)
        if unknown.size:
            raise ValueError(
                f"y contains labels that are not in classes: {unknown[:10].tolist()}; classes "
                f"are {self.classes_.tolist()}."
            )

    @property
    def _scores_out_of_fold(self) -> bool:
        """Whether the members leave out rows in turn, to be calibrated on."""
        return bool(self.calibrate) and self.n_members > 1

    def _split(self, table: Table, rng: np.random.RandomState) -> tuple[Rows, Rows | None]:
        """Return the rows to train on, and the held-out ones if there are any."""
        folds = self._scores_out_of_fold
        strata = table.y
        if table.value is not None:
            # What is held out is to have value, too.
            strata = np.where(table.value > 0, table.y, table.y + self.classes_.size)
            if np.setdiff1d(np.arange(self.classes_.size), strata).size:
                raise ValueError(
                    "The positives have no value: at least one must be worth something."
                )
        if not self.early_stopping and (folds or not self.calibrate):
            return self._as_rows(table, folds=folds), None
        fewest = np.bincount(strata, minlength=self.classes_.size)[: self.classes_.size].min()
        if fewest < 2:
            raise ValueError(
                f"The least populated class in y has only {fewest} member"
                + (": " if table.value is None else " (of those with value): ")
                + "holding out "
                "validation_fraction of the rows needs at least 2. Pass early_stopping=False, "
                "and calibrate=False or n_members >= 2."
            )
        held = stratified_sample(strata, self.validation_fraction, rng)
        return (
            self._as_rows(table.select(np.flatnonzero(~held)), folds=folds),
            self._as_rows(table.select(np.flatnonzero(held)), folds=False),
        )

    def _as_rows(self, table: Table, *, folds: bool) -> Rows:
        X, y, weight, iid, value = table
        fold = None
        if folds:
            # Folds have a seed of their own: equal rows are to share one in every call.
            seed = self.random_state if isinstance(self.random_state, Integral) else 0
            fold = content_folds(X, y, self.n_members, np.random.RandomState(int(seed)))
        if weight is not None:
            weight = weight.astype(np.float32)
        return Rows(X, y=y, weight=weight, iid=iid, value=value, fold=fold)

    def _new_net(self, rows: Rows, rng: np.random.RandomState) -> RankingNet:
        """Return a net for the rows it will be trained on."""
        n_batches = -(-len(rows) // self.batch_size)
        epochs = auto_epochs(n_batches) if self.max_epochs == "auto" else int(self.max_epochs)
        of_net = dict(self.net_params or {})
        of_module = {
            name.removeprefix("module__"): of_net.pop(name)
            for name in list(of_net)
            if name.startswith("module__")
        }
        # In front of the user's, which may look at what they record.
        callbacks = [("best_epoch", BestEpoch()), Clock(), Diagnostics()]
        callbacks += list(of_net.pop("callbacks", None) or [])
        if self.verbose:
            callbacks.append(Progress())
        net = RankingNet(
            build_module(self, self.n_features_in_, self._n_outputs, of_module),
            criterion=self._loss(rows, n_batches, epochs * n_batches),
            max_epochs=epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            iterator_train=BalancedBatches,
            iterator_train__random_state=rng,
            iterator_valid=Batches,
            train_split=None,
            device=resolve_device(self.device),
            callbacks=callbacks,
            verbose=int(self.verbose >= 2),
            **{**self._optimizer_params(of_net), **of_net},
        )
        return net.initialize()

    @property
    def _n_outputs(self) -> int:
        """Columns of raw scores: one for two classes, one per class for more."""
        return 1 if self.classes_.size == 2 else self.classes_.size

    def _optimizer_params(self, of_net: Mapping[str, Any]) -> dict[str, Any]:
        """Return AdamW with our decays, unless the user has an optimizer of their own."""
        if "optimizer" in of_net:
            return {}
        groups = [("*bias*", {"weight_decay": 0.0})]
        if self.module is None:
            groups.append(("weights.0", {"weight_decay": self.input_decay}))
        return {
            "optimizer": torch.optim.AdamW,
            "optimizer__weight_decay": self.weight_decay,
            "optimizer__param_groups": groups,
        }

    def _loss(self, rows: Rows, n_batches: int, n_steps: int) -> LossWarmup:
        """Return the loss of the ensemble for so many steps."""
        mass = class_mass(rows, self.classes_.size)
        # Rows of a class rarer than batches are drawn that much more often.
        counts = np.bincount(rows.about["y"].numpy(), minlength=self.classes_.size)
        shown = mass * np.maximum(1.0, n_batches / np.maximum(counts, 1))
        alpha = 0.0 if self.alpha is None else self.alpha
        beta = default_beta(self.budget, mass) if self.beta is None else self.beta
        self.beta_ = check_band(alpha, beta, type(self).__name__)[1]
        main = PAUCAtBudgetLoss(
            self._n_outputs,
            alpha=alpha,
            beta=self.beta_,
            surrogate=self.surrogate,  # type: ignore[arg-type]
            link=self.link,  # type: ignore[arg-type]
            n_knots=self.n_knots,
            tau_scale=self.tau_scale,  # type: ignore[arg-type]
            temperature=self.temperature,
            pos_numerator=self.pos_numerator,  # type: ignore[arg-type]
            budget_basis=self.budget_basis,  # type: ignore[arg-type]
            # More would hold rows of the batch itself, only older.
            queue_size=min(self.queue_size, len(rows) - -(-len(rows) // n_batches)),
            max_pool_size=self.max_pool_size,
            weighted_budget="weight" in rows.about,
        )
        warmup_steps = int(self.warmup * n_steps)
        return LossWarmup(
            AllMembers(balanced_cross_entropy(shown)),
            EachMember(main, self.n_members),
            warmup_steps=warmup_steps,
            blend_steps=int(self.blend * n_steps),
            temp_start=self.temperature_start,
            temp_end=self.temperature,
            temp_decay_steps=max(1, n_steps - warmup_steps),
        )

    def _continue_from(self, net: RankingNet, weights: Mapping[str, Any], classes: NDArray) -> None:
        """Start from the weights of an earlier call to `fit`."""
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                "warm_start=True needs the classes of the previous call: they were "
                f"{classes.tolist()}, and y has {self.classes_.tolist()}."
            )
        try:
            net.module_.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(
                "warm_start=True needs a network of the same shape as in the previous call: "
                f"{error}"
            ) from error

    def _train(self, net: RankingNet, rows: Rows, held: Rows | None) -> None:
        """Train a net, and take it over once it has been trained and calibrated."""
        best = dict(net.callbacks_)["best_epoch"]
        best.set_params(score=None, patience=self.n_iter_no_change, start=0)
        if self.early_stopping and held is not None:
            best.score = partial(mean_coverage, rows=held, budget=self.budget)
            best.start = math.ceil((self.warmup + self.blend) * net.max_epochs)
        try:
            net.partial_fit(rows, None)
        finally:
            best.score = None  # it holds rows
        self._calibrate(net, rows, held)
        self.net_ = net
        self.n_iter_ = len(net.history)
        if best.interrupted_:
            warn_of_interruption(best, net.max_epochs)
        warn_of_diagnostics(self)

    # --- calibration --------------------------------------------------------------

    def _calibrate(self, net: RankingNet, rows: Rows, held: Rows | None) -> None:
        """Learn the map from scores to probabilities on rows not trained on."""
        n_columns = self._n_outputs
        self._scale, self._offset = np.ones(n_columns), np.zeros(n_columns)
        self._slope: NDArray[np.float64] | None = None
        if not self.calibrate:
            return
        mass = class_mass(rows, self.classes_.size)
        if "fold" in rows.about:
            which, margins = out_of_fold_scores(net, rows)
            seen = {name: values[which] for name, values in rows.about.items()}
        else:
            # `partial_fit` holds nothing out.
            seen = (rows if held is None else held).about
            margins = net.scores_of(rows if held is None else held).mean(axis=1)
            if held is not None:
                mass += class_mass(held, self.classes_.size)
        y = seen["y"].numpy()
        weight = np.ones(y.size) if "weight" not in seen else seen["weight"].double().numpy()
        # A rare class has a greater share of its rows held out: every class is to count
        # as it does among all rows.
        of_class = np.bincount(y, weight, minlength=mass.size)
        weight = weight * (mass / np.where(of_class > 0, of_class, 1.0))[y]
        positives = [1] if n_columns == 1 else range(n_columns)
        found = [
            SigmoidCalibrator.fit(column, y == label, weight)
            for column, label in zip(margins.T, positives)
        ]
        self._offset = np.array([one.offset for one in found])
        self._slope = np.array([one.slope for one in found])
        if n_columns > 1:
            # Log-odds, so that the classes' scores compare as their probabilities do.
            self._scale, self._slope = self._slope, np.ones(n_columns)

    # --- prediction ---------------------------------------------------------------

    def _margins(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "net_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float32, reset=False)
        margins = self._scale * (self.net_.scores_of(Rows(X)).mean(axis=1) + self._offset)
        if not np.isfinite(margins).all():
            raise FloatingPointError(
                f"{type(self).__name__} gives scores that are not finite: the network diverged, or "
                "the features are far from those it was trained on."
            )
        return margins

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the raw score of each row, the mean over the ensemble.

        With calibration, a score above zero means a probability above one half, and
        for more than two classes a score is the log-odds of its class; without it only
        the order has a meaning.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,), or (n_samples, n_classes) for more than two
        """
        margins = self._margins(X)
        return margins[:, 0] if self.classes_.size == 2 else margins

    @available_if(_has_calibration)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return calibrated probabilities of the classes.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        margins = self._margins(X)
        if self._slope is None:
            raise NotFittedError(
                f"This {type(self).__name__} has no calibration, for it was fitted with "
                "calibrate=False: fit it again for probabilities, or use decision_function."
            )
        logits = self._slope * margins
        if self.classes_.size == 2:
            positive = expit(logits[:, 0])
            return np.column_stack([1.0 - positive, positive])
        # Normalised as logarithms: far out, every class may be next to impossible.
        return softmax(log_expit(logits), axis=1)

    def predict(self, X: Any) -> NDArray:
        """Return the most probable class of each row; without calibration, by raw score.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return self.classes_[(scores > 0).astype(np.intp)]
        return self.classes_[scores.argmax(axis=1)]

    # --- what training left -------------------------------------------------------

    @property
    def history_(self) -> Any:
        """Skorch's history of the training."""
        check_is_fitted(self, "net_")
        return self.net_.history

    @property
    def diagnostics_(self) -> dict[str, NDArray[np.float64]]:
        """Diagnostics per epoch."""
        names = (*Diagnostics.names, "main_weight", "temperature", "train_loss", "valid_coverage")
        epochs = list(self.history_)
        return {
            name: np.array([epoch.get(name, np.nan) for epoch in epochs], dtype=float)
            for name in names
        }

    def to(self, device: Any) -> PAUCClassifier:
        """Move the fitted network to a device, and return the estimator.

        Parameters
        ----------
        device : str or torch.device
            As the parameter ``device``, which is set.
        """
        check_is_fitted(self, "net_")
        self.device = device
        self.net_.device = resolve_device(device)
        for part in (self.net_.module_, self.net_.criterion_):
            part.to(self.net_.device)
        # Loading moves what the optimizer remembers to where the weights are.
        self.net_.optimizer_.load_state_dict(self.net_.optimizer_.state_dict())
        return self

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
