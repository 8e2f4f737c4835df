"""A classifier that tunes its loss on held-out rows, as AutoBalance does."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._utils.features import check_for_models, errors_of_models
from .._utils.labels import (
    TwoClasses,
    classes_by_role,
    find_classes,
    is_positive_first,
    two_columns,
)
from .._utils.positive import asked_positive, tell_positive
from .._utils.seeds import check_random_state
from .._utils.splits import (
    check_groups,
)
from .._utils.tables import LabelledRows
from .._utils.validation import (
    check_weights,
)
from ._candidates import by_gradients, by_optuna, by_trials
from ._checks import (
    check_params,
    check_segments,
    kinds_with,
    resolved_search,
    warn_of_idle_parameters,
)
from ._fits import Job, compare, gain_of, tabulate
from ._goal import Goal
from ._models import trainable
from ._parameters import Parameters, Space
from ._splits import comparison_splits, one_split, warn_of_few_positives

__all__ = ["AutoBalanceClassifier"]

_LEAST_PROBABILITY = 1e-6


def _has_probabilities(estimator: Any) -> bool:
    """Return True, or raise an AttributeError that says why there are no probabilities."""
    fitted = getattr(estimator, "_fitted", None)
    if fitted is not None and not fitted.has_probabilities:
        raise AttributeError(
            f"This {type(estimator).__name__} ranks only, for its estimator has calibration_cv="
            "None. Use decision_function."
        )
    return True


class AutoBalanceClassifier(ClassifierMixin, BaseEstimator):
    r"""A classifier that tunes the loss it is trained on for what it is used for [1]_.

    The loss is cross-entropy with a weight, a margin and a multiplier of the positive class
    (or of each segment of the rows). Models are trained on some rows, and these three
    numbers are chosen by what the models are worth on others. The loss that was found is
    compared with plain cross-entropy on fresh folds. The better one is frozen, and the
    model is trained on all rows.

    Parameters
    ----------
    estimator : estimator or Module, default=None
        What is trained:

        - None for a `PAUCClassifier`, behind imputed and standardised numbers;
        - a `PAUCClassifier`, whose ``loss`` is set here;
        - a torch module, a class or an instance, as `PAUCClassifier` takes it;
        - `PAUCLGBMClassifier`, `PAUCXGBClassifier`, whose ``objective`` is set here, or
          LightGBM's and XGBoost's own classifiers, of which the parameters are taken;
        - a pipeline that ends in one of these estimators.
    objective : {"coverage", "balanced_error", "worst_group", "cross_entropy"}, default="coverage"
        What the loss is tuned for: the share of positives within the budget; the mean of
        the errors of both classes; the greatest balanced error of a segment; or
        cross-entropy itself. For the balanced error rows are called positive from the
        share of the positives on, see the notes.
    budget : float, default=0.005
        Review budget, a fraction in (0, 1], for coverage.
    search : {"auto", "gradient", "random", "optuna"}, default="auto"
        Where the three numbers come from. "gradient" is for networks: it begins from the best
        of plain cross-entropy and four losses that theory suggests, by the score of the rows
        held out. After a warm-up, steps of the network and of the numbers take turns, and the
        latter follow the implicit hypergradient. "random" tries ``n_candidates`` losses on
        folds, and "optuna" lets Optuna propose them. "auto" is "gradient" for networks and
        "random" for trees.
    n_candidates : int, default=10
        Losses that are tried, beside plain cross-entropy, without gradients.
    cv : int, cross-validation generator or iterable, default=5
        Folds on which losses are compared: a number of stratified folds (reduced to the
        rows of the rarer class), a splitter, or an iterable of (train, test) indices.
        The same indices then serve the trials and the comparison.
    n_repeats : int, default=2
        How often a number of folds is drawn, for the trials, and again for the comparison
        with plain cross-entropy.
    min_gain : float, default=1.0
        Plain cross-entropy is kept unless the other loss is better by more than so many
        standard errors. 0 takes whatever was better.
    validation_fraction : float, default=0.25
        Share of the rows that the hypergradient holds out, in (0, 0.5]; one over a whole number
        is taken.
    warmup : float, default=0.5
        Share of the steps before the first change of the loss, in [0, 1). The hypergradient
        is right only close to the optimum of the network. This parameter and the next three
        are for the search by gradients.
    update_every : int, default=5
        Steps of the network between two changes of the loss.
    update_lr : float, default=0.1
        Step size of the loss's parameters, logarithms of weight and multiplier, and the
        margin.
    n_terms : int, default=10
        Terms of the Neumann series, at least 0, which stands for the inverse hessian.
    augment : bool, str or list of str, default=False
        Kinds of augmentation whose strengths are tuned with the loss, by class or segment:
        "noise", "mix" (with rows of the class) and "dropout" (of features). True for all
        of them. For networks and the search by gradients.
    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it, this is the one that the estimator names;
        else 1 of {0, 1} and {-1, 1}, and True. Of any other two labels it is the rarer
        one, with a warning.
    n_jobs : int, default=None
        Fits of the comparison that run at the same time.
    random_state : int, RandomState instance or None, default=None
        Draws folds, trials, and what the search by gradients draws. It seeds the default
        network. An estimator of your own keeps its seed.

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
    estimator_ : estimator
        The model, trained on all rows.
    loss_ : Loss
        The loss that it was trained on, of `skbudget.objectives`.
    loss_params_ : dict
        Parameters of that loss by name, and strengths of augmentation.
    found_params_ : dict
        What the search found, whether or not it was adopted.
    adopted_ : bool
        Whether it was. If not, the loss is plain cross-entropy.
    gain_ : Gain
        What was found against plain cross-entropy, in the score of ``objective`` on fresh
        folds: ``mean``, ``standard_error``, and the 95 % interval ``low`` to ``high``.
    cv_results_ : dict
        Scores of the losses on each split, in the form of scikit-learn's searches. Plain
        cross-entropy is the first.
    path_ : ndarray of shape (n_changes + 1, n_parameters)
        The way of the search by gradients, from the loss that it began with. Only there for it.
    segments_ : ndarray of shape (n_segments,)
        Labels of the segments, in the order of the parameters. Only there with ``segment``.

    See Also
    --------
    skbudget.objectives.VectorScalingCrossEntropy : The loss that is tuned.
    skbudget.objectives.SegmentScalingCrossEntropy : The one with parameters by segment.

    Notes
    -----
    None of these losses changes the ideal ranking. With a model that can have any score for
    any row, and enough rows, plain cross-entropy ranks as well as any of them. They help
    models that are misspecified or regularised, and few rows. So plain cross-entropy is
    kept unless the gain is beyond its noise.

    The standard error of a gain is corrected for folds that share training rows. What the
    search tried before is compared on folds that are drawn anew, unless ``cv`` is a splitter
    that is used as it is. There is a warning if the folds hold out fewer than ten positives.

    With ``objective="balanced_error"`` and ``"worst_group"``, a row is called positive if its
    probability is above the share of the positives. Then `decision_function` is zero at that
    probability. A shift of all scores changes nothing in either objective. `predict_proba` is
    calibrated, whatever the loss.

    References
    ----------
    .. [1] Li, Zhang, Thrampoulidis, Chen and Oymak, "AutoBalance: Optimized Loss Functions
       for Imbalanced Data", NeurIPS 2021.

    Examples
    --------
    >>> from skbudget import PAUCLGBMClassifier, make_contested_top
    >>> from skbudget.autobalance import AutoBalanceClassifier
    >>> X, y = make_contested_top(4_000, pos_rate=0.02, cue="linear", random_state=0)
    >>> trees = PAUCLGBMClassifier(
    ...     n_estimators=20, selection_cv=None, calibration_cv=2, n_jobs=1, verbose=-1
    ... )
    >>> model = AutoBalanceClassifier(
    ...     trees, budget=0.02, n_candidates=2, cv=3, n_repeats=1, random_state=0
    ... ).fit(X, y)
    >>> sorted(model.loss_params_)
    ['pos_margin', 'pos_multiplier', 'pos_weight']
    >>> model.cv_results_["mean_test_score"].shape
    (3,)
    """

    # Where there are groups, they are to be heeded.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {"groups": True}

    def __init__(
        self,
        estimator: Any = None,
        *,
        objective: str = "coverage",
        budget: float = 0.005,
        search: str = "auto",
        n_candidates: int = 10,
        cv: Any = 5,
        n_repeats: int = 2,
        min_gain: float = 1.0,
        validation_fraction: float = 0.25,
        warmup: float = 0.5,
        update_every: int = 5,
        update_lr: float = 0.1,
        n_terms: int = 10,
        augment: Any = False,
        pos_label: Any = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.objective = objective
        self.budget = budget
        self.search = search
        self.n_candidates = n_candidates
        self.cv = cv
        self.n_repeats = n_repeats
        self.min_gain = min_gain
        self.validation_fraction = validation_fraction
        self.warmup = warmup
        self.update_every = update_every
        self.update_lr = update_lr
        self.n_terms = n_terms
        self.augment = augment
        self.pos_label = pos_label
        self.n_jobs = n_jobs
        self.random_state = random_state

    # --- fitting ------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        segment: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> AutoBalanceClassifier:
        """Tune the loss on held-out rows, and train on all rows with what was found.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Two labels of any kind, see ``pos_label``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, in training and in the scores of held-out rows. Rows of weight zero are
            left out.
        segment : array-like of shape (n_samples,), default=None
            Label of each row's segment, numbers or strings. For ``objective="worst_group"``,
            which needs it: the parameters of the loss are those of segments.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for example its customer. Folds keep them together.

        Returns
        -------
        self : AutoBalanceClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes with two rows each,
            or ``segment`` is missing or has no effect.
        """
        check_params(self)
        owner = type(self).__name__
        X = check_for_models(self, X, reset=True)
        n_samples = _num_samples(X)
        weight = check_weights(sample_weight, n_samples)
        pos_label = asked_positive(self.estimator) if self.pos_label is None else self.pos_label
        if y is not None:
            check_consistent_length(X, y)
        found = find_classes(y, pos_label, owner=owner, weight=weight)
        groups = check_groups(groups, n_samples)
        names, codes = check_segments(segment, n_samples, self.objective, owner)
        table = LabelledRows(
            X, found.classes[found.positive.astype(int)], weight, None, codes, groups
        )
        if weight is not None:
            table = table.take(np.flatnonzero(weight > 0))
        positive = table.labels == found.classes[1]
        if names is not None and table.segments is not None:
            used, table_codes = np.unique(table.segments, return_inverse=True)
            names = names[used]
            table = LabelledRows(
                table.features, table.labels, table.weight, None, table_codes, table.groups
            )
        counts = np.bincount(positive, minlength=2)
        if counts.min() < 2:
            fewest = int(counts.min())
            raise ValueError(
                f"The least populated class in y has only {fewest} "
                f"member{'' if fewest == 1 else 's'}: {owner} tunes the loss on held-out rows, "
                "which needs at least 2."
            )
        rng = check_random_state(self.random_state)
        seeds = rng.randint(2**31 - 1, size=5).tolist()
        model = trainable(
            self.estimator, X, self.budget, None if self.random_state is None else seeds[0]
        )
        search = resolved_search(self, model)
        warn_of_idle_parameters(self, search)
        goal = Goal(self.objective, float(self.budget))
        job = Job(
            tell_positive(model, found.classes[1]), table, positive, found.classes, goal, seeds[1]
        )
        space = Space(None if names is None else names.size, kinds_with(self, search))
        with errors_of_models(X, owner):
            self._tune(job, space, search, seeds, found)
        self.pos_label_, self.classes_ = found.classes[1], np.sort(found.classes)
        if names is not None:
            self.segments_ = names
        elif hasattr(self, "segments_"):
            delattr(self, "segments_")
        return self

    def _tune(
        self, job: Job, space: Space, search: str, seeds: list[int], found: TwoClasses
    ) -> None:
        """Search, compare with plain cross-entropy, and train on all rows."""
        if hasattr(self, "path_"):
            delattr(self, "path_")
        log_ratio = float(np.log((~job.positive).sum() / job.positive.sum()))
        owner, cv, n_repeats = type(self).__name__, self.cv, int(self.n_repeats)
        fresh = comparison_splits(job, found, cv, n_repeats, seeds[3], owner)
        warn_of_few_positives(job, fresh, owner)
        if search == "gradient":
            choice, path = by_gradients(
                job,
                space,
                one_split(job, float(self.validation_fraction), seeds[2]),
                self._settings(),
                seeds[4],
                log_ratio,
                self.n_jobs,
            )
            self.path_ = path
        else:
            propose = by_optuna if search == "optuna" else by_trials
            splits = fresh
            if isinstance(cv, Integral) or hasattr(cv, "split"):
                splits = comparison_splits(job, found, cv, n_repeats, seeds[2], owner)
            rng = np.random.RandomState(seeds[4])
            choices, scores = propose(
                job, space, int(self.n_candidates), splits, log_ratio, rng, self.n_jobs
            )
            self.cv_results_ = tabulate(choices, scores)
            # Plain cross-entropy is a trial, and is compared with the best of the others.
            choice = choices[1 + int(scores[1:].mean(axis=1).argmax())]
        both = compare(job, [space.plain, choice], fresh, self.n_jobs)
        if search == "gradient":
            self.cv_results_ = tabulate([space.plain, choice], both)
        self.gain_ = gain_of(both[1], both[0], fresh)
        noise = self.min_gain * self.gain_.standard_error if self.min_gain else 0.0
        self.adopted_ = bool(self.gain_.mean > noise)
        final: Parameters = choice if self.adopted_ else space.plain
        self.found_params_, self.loss_params_ = choice.named(), final.named()
        self.loss_ = final.loss
        self._fitted = job.fit(final, np.arange(job.positive.size), final=True)
        self.estimator_ = self._fitted.model
        self._offset = self._find_offset(job) if job.goal.at_prior else 0.0

    def _find_offset(self, job: Job) -> float:
        """Return what is taken from a margin, so that zero is at the share of positives."""
        margin = self._fitted.margin(job.table.features)
        p = self._fitted.probability(job.table.features)
        inner = (p > _LEAST_PROBABILITY) & (p < 1.0 - _LEAST_PROBABILITY) & (margin != 0.0)
        # Log-odds are a multiple of the margin, whoever calibrated it.
        ratio = np.log(p[inner] / (1.0 - p[inner])) / margin[inner]
        slope = float(np.median(ratio)) if ratio.size else 1.0
        prior = float(np.average(job.positive, weights=job.table.weight))
        return float(np.log(prior / (1.0 - prior))) / (slope if slope > 0 else 1.0)

    def _settings(self) -> Any:
        from ._bilevel import Search

        return Search(
            float(self.warmup), int(self.update_every), float(self.update_lr), int(self.n_terms)
        )

    # --- prediction ---------------------------------------------------------------

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the margin of each row, greater for ``classes_[1]``.

        Rows above zero are those that `predict` gives ``classes_[1]``.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        margin : ndarray of shape (n_samples,)
        """
        check_is_fitted(self, "estimator_")
        X = check_for_models(self, X, reset=False)
        with errors_of_models(X, type(self).__name__):
            margin = self._fitted.margin(X) - self._offset
        return -margin if is_positive_first(self) else margin

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return calibrated class probabilities.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self, "estimator_")
        X = check_for_models(self, X, reset=False)
        with errors_of_models(X, type(self).__name__):
            return two_columns(self._fitted.probability(X), is_positive_first(self))

    def predict(self, X: Any) -> NDArray:
        """Return a class for each row, by the threshold that suits the objective.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The more probable class. For the balanced error and the worst group the positive
            class where its probability is above its share of the training rows.
        """
        margin = self.decision_function(X)
        positive = margin < 0 if is_positive_first(self) else margin > 0
        return classes_by_role(self)[positive.astype(np.intp)]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
