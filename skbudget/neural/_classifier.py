"""A network trained on the partial AUC, or on any other loss, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin

from .._utils.labels import classes_by_role
from .._utils.seeds import check_random_state
from .training._draws import draws_of
from .training._duel import encoding_wins
from .training._fitted import FittedNetwork
from .training._fitting import continue_from, learn_late_columns, new_net, train
from .training._parameters import NetworkParameters
from .training._predictions import NetworkPredictions
from .training._settings import check_encoding, choose_settings, may_encode, settings_of
from .training._support import (
    unchanged_on_error,
    warn_of_few_rows,
    warn_of_scale,
    warn_of_target,
)
from .training._table import as_dataset, check_table, split_table

__all__ = ["PAUCClassifier"]


class PAUCClassifier(NetworkPredictions, ClassifierMixin, FittedNetwork, NetworkParameters):
    r"""A multilayer perceptron trained on the partial AUC at a review budget.

    The model is an ensemble of small networks, which skorch trains side by side. Training
    starts with a warm-up on class-balanced cross-entropy, blends into
    :class:`~skbudget.neural.PAUCAtBudgetLoss`, and sharpens the temperature of that loss
    until the end. Another ``loss`` can take its place. The network standardises the features
    itself. It does so in single precision, and warns of columns that vary by too little for that.

    There are two kinds of network. The plain one is small, and held by a strong decay. The other
    one is wide, begins with a piecewise linear function of each column, and is trained on the
    rows that matter. Which one is better depends on the table, so the two are compared on
    held-out rows before training, see ``encoding``.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on. It
        sets the band to ``[0, max(budget, 1.5 * positives / negatives)]``: the false
        positives at the budget, but at least 1.5 per positive, so that common positives
        are not ranked against a handful of rows. See `skbudget.band.default_beta`.
    pos_label : int, float, bool or str, default=None
        The positive one of two classes, the one to be caught. Of 0 and 1, -1 and 1, False
        and True it is the greater one unless this names the other. Any other two labels
        should be named: without it the rarer one is taken, with a warning that says so.
        There is none of more than two classes.
    loss : None, str, Loss or Module, default=None
        What to train on. None is the partial AUC over the band, set by the parameters
        below. Otherwise:

        - a name: of `skbudget.objectives.available`, or of a torch loss of this package,
          as ``"smooth_ap"`` or ``"recall_at_quantile"``. A loss over a band that is given
          by name gets the band of ``budget``, or of ``alpha`` and ``beta``;
        - a loss of `skbudget.objectives`, composed ones included;
        - a torch module, a class or an instance, that is called with scores and targets
          and returns one number. If its ``forward`` names ``sample_weight``, ``iid_mask``
          or other columns, it is handed them as well. Its attributes ``target`` and
          ``margins``, if it has them, say what it takes, as those of a `Loss` do.

        See the notes.
    regularizer : None, str, Loss or Module, default=None
        A loss that is added to ``loss``: a name, a loss or a module, as there. "rank_reg" and
        "critical_rank" push the lowest positives up, and "alm" constrains every positive,
        so that few false positives are needed to catch nearly all of them. Whether that is of
        use is a question of the table, see the page on recall. The regulariser comes in with
        the main phase: a loss without a warm-up of its own is trained on alone before it.
    regularizer_weight : float, default=1.0
        Weight of the regulariser, at least 0; not used without one. Both losses are means:
        ``loss + regularizer_weight * regularizer``.
    heads : dict of str to Head, default=None
        What the hidden layers are trained to predict beside ``y``, by name, such as
        ``{"cart": Head(weight=0.3)}``; `fit` is handed the targets by the same names. In place
        of a `Head` there may be the loss of one with a weight of 1.
    head_weighting : {"fixed", "uncertainty"}, default="fixed"
        Whether losses are added up as they are, or with weights that are learnt by the
        uncertainty of each target, see the notes. Not used without heads.
    alpha, beta : float, default=None
        Ends of the FPR band as fractions; they override the band of ``budget``.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC. This parameter, ``link``, ``tau_scale``, ``basis``,
        ``n_knots`` and ``pos_numerator`` are for ``loss=None`` only.
    link : {"sigmoid", "logistic"}, default="sigmoid"
        Loss of a pair, for the pairwise surrogate.
    temperature, temperature_start : float, default=0.2, 0.5
        Sharpness of the comparison at the end of training and after the warm-up, in
        units of the negatives' dispersion. Another loss that has a temperature ends at its
        own one, and starts at ``temperature_start / temperature`` times as much.
    tau_scale : {"iqr", "band"} or None, default="iqr"
        The dispersion; None for units of the raw score.
    basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    n_knots : int, default=2
        Knots of the trapezoid surrogate.
    pos_numerator : {"pool", "live"}, default="pool"
        Positives that the loss averages over: those of the batch and the queue, or those
        of the batch alone.
    warmup, blend : float, default=0.3, 0.15
        Shares of the training steps for cross-entropy alone, and for fading over to the
        loss. ``warmup=1`` trains on weighted cross-entropy only. Without effect where
        there is no warm-up, see the notes.
    encoding : {"auto", "piecewise"} or None, default="auto"
        Whether the networks begin with a piecewise linear function of each column with more than
        two values. "auto" trains both kinds on two thirds of the rows (of 50 000 negatives and
        10 000 positives, if there are more), the encoded one for less than half as long. It
        encodes if that is ahead on the other third by more than half a 95 % interval of the
        difference, in the partial AUC up to three times the budget. That costs a half to
        two thirds of a plain fit. It does not encode without this comparison, which is not made for
        fewer than 300 rows of a class, more than two classes, another ``loss``, ``heads``,
        ``group``, ``net_params``, sparse rows, more than 64 columns with more than two values, a
        ``module`` of your own, or in `partial_fit`. ``settings_`` tells what was chosen.
    hidden_layer_sizes : "auto" or sequence of int, default="auto"
        Widths of the hidden layers; empty for linear models. "auto" for (64, 64), with an
        encoding (256, 256).
    activation : {"relu", "silu", "gelu", "tanh", "identity"}, default="relu"
        Non-linearity of the hidden layers.
    n_members : "auto" or int, default="auto"
        Networks in the ensemble; their raw scores are averaged. Each network overfits
        rare positives in its own way, and the average cancels that out. "auto" for 8, with an
        encoding 2, which take as long.
    module : Module class or instance, default=None
        A network of your own in place of the perceptron. It takes (n_rows, n_features)
        float32 and returns (n_rows,) or (n_rows, n_outputs) raw scores, with one output
        for two classes and one per class for more. Outputs of ``heads`` follow, or it returns
        a dict of outputs, with "y" for the target. A class is called with
        ``n_features`` and ``n_outputs`` if it names them, and with the
        ``module__*`` of ``net_params``. An instance is copied; all members of an ensemble
        but the first are drawn anew by ``reset_parameters``.
    batch_size : "auto" or int, default="auto"
        Rows of a step. "auto" for 4096: the band, a few rows in a thousand, is found in batch
        and queue. With an encoding it is 1024. Every batch holds its share of positives, and at
        least one.
    max_epochs : int or "auto", default="auto"
        Passes over the rows; "auto" for 15, or as many as make 500 steps (400 with an encoding),
        at most 200.
    lr : float, default=1e-3
        Step size of the optimizer.
    weight_decay, input_decay : "auto" or float, default="auto"
        Decoupled decay of AdamW: a step shrinks weights by ``lr`` times it. The weights of
        the first layer, or of the encoding, have a decay of their own. "auto" for 0.5 and 3: a
        few hundred positives are fitted by chance through features that tell nothing, and with
        decay a weight stays only where its gradient keeps its sign. With an encoding both are
        0.01, as in AdamW itself. Biases do not decay. A ``module`` of your own has
        ``weight_decay`` throughout.
    queue_size : "auto" or int, default="auto"
        Rows of past batches that a batch is compared with in addition, where the loss has
        a queue; never more than there are rows outside the batch. "auto" for 8192, with an
        encoding 0.
    max_pool_size : int, default=None
        Cap on the rows compared in a step.
    early_stopping : bool, default=False
        Whether to hold out ``validation_fraction`` of the rows, measure coverage at
        the budget there after every epoch, keep the best epoch and stop after
        ``n_iter_no_change`` epochs without a better one. Epochs before the main
        phase do not count. Needs classes: levels, amounts and grades have no coverage at the
        budget, and are refused. Choose ``max_epochs`` for them by cross-validation.
    validation_fraction : float, default=0.1
        Share of the rows that is held out, stratified, in (0, 1).
    n_iter_no_change : int, default=5
        Patience in epochs.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into ``sample_weight``; probabilities
        follow them. The warm-up balances the classes in any case.
    calibration_cv : {"auto"} or None, default="auto"
        Rows on which `predict_proba`, and the zero of `decision_function`, are learnt.
        "auto" uses rows that were not trained on: each member leaves out rows of its own
        (a quarter of them with eight members, a tenth with two), and a single member those of
        ``validation_fraction``. With None the model only ranks.
    warm_start : bool, default=False
        Whether `fit` starts from the weights, and the scale of the columns, of the previous call.
        With ``encoding="auto"`` the kind of network stays as it was.
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
        Class labels or levels in increasing order. Not there for a real target. Of several
        labels per row it is a list with ``[0, 1]`` for each.
    pos_label_ : object
        The positive class. Only there for two classes.
    head_classes_ : dict of str to ndarray
        Classes or levels of each head. Only there with heads; one of a real target has none.
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
        over classes): ``t_alpha``, ``t_beta``, ``tau_eff``, ``band_neg_count``,
        ``grad_pos_count``, ``pauc_var``, ``idle_share`` (of steps without a loss); and
        ``main_weight``, ``temperature``, ``train_loss``, ``valid_coverage``. NaN during the
        warm-up, and for everything that a loss does not tell.
    n_iter_ : int
        Epochs trained.
    settings_ : dict of str to object
        What the parameters that were "auto" became: ``encoding``, ``hidden_layer_sizes``,
        ``n_members``, ``batch_size``, ``queue_size``, ``weight_decay``, ``input_decay``.
    beta_ : float
        End of the training band. Not there for a loss without a band.

    Raises
    ------
    TypeError
        If ``loss`` or ``module`` is no loss and no module.
    ValueError
        For a parameter out of range, or one that has no effect on the loss; for an argument
        of `fit` that is misspelt; for fewer than two classes; for NaN, infinity, dates, text
        or categories in X, naming the columns and the lines that prepare them; for a column
        that the loss needs and that is missing, or one that it does not read; or if the output
        of a module has the wrong width.
    FloatingPointError
        If the network diverged.

    See Also
    --------
    skbudget.boosting.PAUCLGBMClassifier : Trees of LightGBM on the same band.
    skbudget.boosting.PAUCXGBClassifier : Trees of XGBoost on the same band.
    NumpyLoss : How a NumPy loss is trained on.

    Notes
    -----
    Ctrl-C ends training and keeps the best epoch so far: by validation coverage with
    ``early_stopping``, otherwise the last complete one.

    More than two classes are ranked one against the rest, after a warm-up on softmax
    cross-entropy; probabilities are calibrated per class and normalised.

    There are warnings of fewer than ten positives, of a band with too few negatives, of steps
    without positives, and of a real target that is far from a scale of 1. Standardise such a
    target: ``TransformedTargetRegressor(PAUCClassifier(...), transformer=StandardScaler())``.

    Fits in threads give the model that they give alone, and leave the generators of torch
    as they are: weights and subsamples are drawn by a generator of the fit. Code of yours (a
    ``module``, a torch ``loss``, an optimizer or callbacks that are not those of torch and
    skorch) draws from the generator of torch, if it draws at all. It is seeded for such a
    fit and put back afterwards, and fits with such code wait for each other. Nothing can
    be done about other threads of yours that draw from that generator at the same time.

    Scores and the second column of `predict_proba` are those of ``classes_[1]``, on which
    scorers and ``CalibratedClassifierCV`` of scikit-learn rely. If ``pos_label_`` is
    ``classes_[0]``, the rows to be reviewed have the least scores. Tools of scikit-learn
    that code labels as 0 and 1 first (``VotingClassifier``, ``StackingClassifier``,
    ``CalibratedClassifierCV(ensemble=False)``, `cross_val_predict` with scores) do not hand
    labels on, and ``pos_label="fraud"`` is refused there. Hand them ``y == "fraud"`` and
    no ``pos_label``.

    ``sample_weight`` repeats a row, and rows of weight zero are dropped. A model of
    weighted rows is close to that of repeated rows, but not equal: batches are drawn by
    row, and even in a single batch the sums round differently. Only the two estimator
    checks of scikit-learn that ask for equality need not hold.

    **Encoding.** The columns with more than two values are cut at 64 quantiles, and each network
    learns 16 functions of each column that are linear between the cuts [2]_. A narrow range of
    values is then one weight away. The first layer joins these functions, and the columns with
    two values as they are.

    With an encoding and this class's own loss for two classes, a pass does not show all
    negatives but six times as many as the band holds: the hardest two thirds of these, chosen
    anew every eight passes, and a sample of the others that counts for all of them. The band has
    the edges that it has over all rows, and one row in ten is a positive. There are no such
    passes with heads, a regulariser or ``group``.

    **Other losses.** A NumPy loss is trained on through `NumpyLoss`, or through its torch
    module if `Loss.torch_loss <skbudget.objectives.Loss.torch_loss>` returns one. Losses
    that derive from the same base class as `SmoothAPLoss` keep queue and diagnostics. Any
    other loss sees the rows of a batch alone, and is called for each member with the
    member's own rows.

    The loss decides the target. With an ordinal one ``y`` holds levels,
    `decision_function` returns the raw scores (one per threshold between two levels, or
    one), and `predict` the level: as many levels up as thresholds have a positive score.
    With a single score, the thresholds are those between which as many of the rows trained
    on lie as have the level; with a score per level, it is the most probable one. The
    probabilities of levels are learnt on held-out rows, as those of classes are. With a
    real target ``y`` holds numbers, `predict` returns the raw score, scikit-learn takes the
    model for a regressor, and there are no probabilities.

    With ``loss="multilabel_cross_entropy"`` rows have several labels at once: ``y`` holds a
    column of 0 and 1 for each, and so do `predict` and `predict_proba`, as in scikit-learn.
    Every label has an output, and early stopping takes the mean of their coverages.

    There is no warm-up for ordinal and real targets, nor before a loss that is a
    cross-entropy itself (plain, weighted, focal or of hard negatives).

    **Heads.** The network has an output for each of the ``heads`` beside the one for ``y``. Only
    the latter is scored: its coverage decides early stopping, and it is calibrated and
    predicted. `head_scores` returns the others. The loss is
    :math:`L + \sum_h w_h L_h` from the first step on, the warm-up included. Each loss is a mean
    over the rows of a batch whose target is known: NaN, None and masked entries of a head's
    target are left out. Rows that a member leaves out are left out of its heads, too. A head
    takes weights of rows and no values. One of weight 0 is not trained, and the model is the one
    that it is without heads.

    With ``head_weighting="uncertainty"`` [1]_ the loss is
    :math:`\sum_h w_h (e^{-s_h} L_h + s_h / 2)`, with a number :math:`s_h` for each head and for
    ``y``. For a given loss the best one has :math:`e^{s_h} = 2 L_h`, and there a head has the
    gradient of :math:`w_h \log(L_h) / 2`, in which the unit of the target does not matter. Where
    :math:`L_h` is half the squared error, :math:`e^{s_h}` is the variance of the residuals, and
    :math:`e^{-s_h} / 2` multiplies the square; of a cross-entropy it is :math:`e^{-s_h}`. Of the
    square without the half :math:`e^{s_h}` is twice as great, and the gradient the same. The
    ensemble shares the :math:`s_h`. They begin at the best for the first batch, and move
    with steps of ten times ``lr`` and no decay, unless there is an ``optimizer`` of your own.

    If `fit` is given ``group``, for a loss that reads it, batches hold whole groups in
    random order; rare classes are not spread over the batches then. Early stopping holds
    out whole groups.

    References
    ----------
    .. [1] A. Kendall, Y. Gal, R. Cipolla, "Multi-task learning using uncertainty to weigh
       losses for scene geometry and semantics", CVPR, 2018.
    .. [2] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in
       tabular deep learning", NeurIPS, 2022.

    Examples
    --------
    >>> from skbudget import PAUCClassifier, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, cue="linear", random_state=0)
    >>> model = PAUCClassifier(budget=0.02, n_members=2, max_epochs=30, random_state=0).fit(X, y)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, cue="linear", random_state=1)
    >>> scores = model.decision_function(X_new)
    >>> bool(coverage_at_budget_score(y_new, scores, budget=0.02) > 0.8)
    True
    """

    def __init__(
        self,
        budget: float = 0.005,
        *,
        pos_label: Any = None,
        loss: Any = None,
        regularizer: Any = None,
        regularizer_weight: float = 1.0,
        heads: Any = None,
        head_weighting: str = "fixed",
        alpha: float | None = None,
        beta: float | None = None,
        surrogate: str = "pairwise",
        link: str = "sigmoid",
        temperature: float = 0.2,
        temperature_start: float = 0.5,
        tau_scale: str | None = "iqr",
        basis: str = "fpr",
        n_knots: int = 2,
        pos_numerator: str = "pool",
        warmup: float = 0.3,
        blend: float = 0.15,
        encoding: str | None = "auto",
        hidden_layer_sizes: Sequence[int] | str = "auto",
        activation: str = "relu",
        n_members: int | str = "auto",
        module: Any = None,
        batch_size: int | str = "auto",
        max_epochs: int | str = "auto",
        lr: float = 1e-3,
        weight_decay: float | str = "auto",
        input_decay: float | str = "auto",
        queue_size: int | str = "auto",
        max_pool_size: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: dict | str | None = None,
        calibration_cv: str | None = "auto",
        warm_start: bool = False,
        net_params: dict[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: Any = "auto",
        verbose: int = 0,
    ) -> None:
        self.budget = budget
        self.pos_label = pos_label
        self.loss = loss
        self.regularizer = regularizer
        self.regularizer_weight = regularizer_weight
        self.heads = heads
        self.head_weighting = head_weighting
        self.alpha = alpha
        self.beta = beta
        self.surrogate = surrogate
        self.link = link
        self.temperature = temperature
        self.temperature_start = temperature_start
        self.tau_scale = tau_scale
        self.basis = basis
        self.n_knots = n_knots
        self.pos_numerator = pos_numerator
        self.warmup = warmup
        self.blend = blend
        self.encoding = encoding
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
        self.calibration_cv = calibration_cv
        self.warm_start = warm_start
        self.net_params = net_params
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    # --- fitting ------------------------------------------------------------------

    # Steps that "auto" makes, of a network that is compared with another one only.
    _n_steps: int | None = None

    def _choose_encoding(self, loss: Any, table: Any, rng: np.random.RandomState) -> str | None:
        if self.encoding != "auto":
            return self.encoding
        if self.warm_start and hasattr(self, "net_"):
            # Training goes on with the network that there is.
            return settings_of(self).encoding
        if not may_encode(self, loss, table.X, table.y, table.columns):
            return None
        return "piecewise" if encoding_wins(self, table, rng) else None

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        iid_mask: ArrayLike | None = None,
        *,
        value: ArrayLike | None = None,
        group: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        **columns: ArrayLike | None,
    ) -> PAUCClassifier:
        """Train the ensemble.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels, two or more; with another ``loss`` what it takes: labels, levels or
            numbers. Of several labels per row indicators of shape (n_samples, n_labels).
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        iid_mask : array-like of shape (n_samples,), dtype=bool, default=None
            Rows drawn as in deployment, negatives among them. Only they set band edges and
            temperature, so that added hard negatives move neither.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth where its class is the positive one, say an
            amount, at least 0 and in any unit; entries of the negative class of two are
            not used. Positives count in the losses in proportion to it, and early
            stopping maximises the share of the value caught. It does not count rows: band
            and probabilities are those of the classes, as without it.
        group : array-like of shape (n_samples,), default=None
            Query of each row, as numbers or text and in any order of the rows, for a loss that
            compares the rows of a query.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, such as its customer. Rows of a group are held out together, for
            calibration and for early stopping. Pass it if rows of a group are alike.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads, such as ``segment``, and the targets of the
            ``heads``. ``set_fit_request`` takes their names too, once the loss and the heads are
            set.

        Returns
        -------
        self : PAUCClassifier
        """
        given = {"iid_mask": iid_mask, "value": value, "group": group, "groups": groups}
        given |= columns
        with unchanged_on_error(self):
            loss = self._check_params()
            before = None
            if self.warm_start and hasattr(self, "net_"):
                known = getattr(self, "classes_", None)
                classes = classes_by_role(self) if isinstance(known, np.ndarray) else None
                before = self.net_.module_.state_dict(), classes, settings_of(self)
            table = check_table(self, loss, X, y, sample_weight, given)
            if loss.has_classes:
                warn_of_few_rows(self, table.y)
            check_encoding(self, table.X)
            rng = check_random_state(self.random_state)
            self._settings = choose_settings(self, self._choose_encoding(loss, table, rng))
            rows, held = split_table(self, loss, table, rng)
            with draws_of(self, rng) as draws:
                net = new_net(self, loss, rows, rng, draws)
                if self.module is not None:
                    warn_of_scale(self, table.X, net.module_)
                if loss.target == "real":
                    warn_of_target(self, net, rows)
                if before is not None:
                    continue_from(self, net, *before)
                train(self, loss, net, rows, held, draws)
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
        group: ArrayLike | None = None,
        **columns: ArrayLike | None,
    ) -> PAUCClassifier:
        """Train for one epoch on some rows, continuing where the last call ended.

        The schedule of warm-up and temperature is that of ``max_epochs`` calls like
        the first one; later calls, and those after `fit`, stay at its end. Probabilities
        are calibrated on the rows of the last call. Nothing is held out for early
        stopping.

        Parameters
        ----------
        X : array-like, CSR matrix or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels, or what the loss takes.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be; those in ``y`` if not given at the first
            call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice.
        iid_mask : array-like of shape (n_samples,), dtype=bool, default=None
            Rows drawn as in deployment.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth, see `fit`. Its unit is the mean of the call.
        group : array-like of shape (n_samples,), default=None
            Query of each row, as numbers or text and in any order of the rows, for a loss that
            compares the rows of a query.
        **columns : array-like of shape (n_samples,)
            Further columns that the loss reads, and the targets of the ``heads``.

        Returns
        -------
        self : PAUCClassifier
        """
        first = not hasattr(self, "net_")
        given = {"iid_mask": iid_mask, "value": value, "group": group, **columns}
        with unchanged_on_error(self):
            loss = self._check_params()
            if not first and loss != self._loss_needs:
                raise ValueError(
                    "partial_fit continues with the loss of the earlier calls, "
                    f"{self._loss_needs.name}, and loss is {loss.name} now: call fit for a new "
                    "start."
                )
            table = check_table(self, loss, X, y, sample_weight, given, classes, first=first)
            seed = self.random_state if first else self.net_.iterator_train__random_state
            rng = check_random_state(seed)
            if first:
                check_encoding(self, table.X)
                # The first part of a stream may be unlike the others.
                encoding = None if self.encoding == "auto" else self.encoding
                self._settings = choose_settings(self, encoding)
            rows = as_dataset(self, table, folds=self._scores_out_of_fold)
            with draws_of(self, rng) as draws:
                net = new_net(self, loss, rows, rng, draws) if first else self.net_
                if not first:
                    learn_late_columns(net.module_, table.X, table.weight)
                if first and self.module is not None:
                    warn_of_scale(self, table.X, net.module_)
                net.max_epochs = 1
                train(self, loss, net, rows, None, draws)
        return self
