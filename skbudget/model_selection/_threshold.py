"""A classifier whose threshold spends a review budget, or keeps a floor on recall."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.exceptions import NotFittedError
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.metadata_routing import _raise_for_params
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._utils.codes import code_labels
from .._utils.features import errors_of_models
from .._utils.labels import refuse_labels
from .._utils.naming import naming
from .._utils.positive import knows_positive, refuse_one_sided, tell_positive
from .._utils.rare_class import warn_of_few_rows
from .._utils.splits import check_groups
from .._utils.validation import check_jobs, check_weights
from ._base import check_lengths
from ._calibration import ScoredRows, calibrate
from ._flagging import FlagsRows
from ._held_out import HeldOut, score_held_out, warn_of_scales
from ._routing import RoutesFit, route
from ._rules import DEFAULT_BUDGET, by_coverage, check_rule, check_rule_weights, rule_of

__all__ = ["BudgetThresholdClassifier"]


class BudgetThresholdClassifier(RoutesFit, FlagsRows):
    """Binary classifier whose threshold spends a review budget, or keeps a floor on recall.

    The threshold is chosen on the scores of rows that the scoring model was not trained on.
    On fresh rows `predict` therefore flags about the share that can be reviewed. With
    `guarantee` it flags at most that share with a stated probability, in finite samples.
    With `min_recall` it flags as few rows as it can, and so many that it catches a share of
    the positives.

    Parameters
    ----------
    estimator : estimator instance
        The binary classifier: fitted with ``cv="prefit"``, else fitted or not.

    budget : float or None, default=0.005
        The fraction that can be reviewed, in (0, 1]: 50 basis points are 0.005. With
        `min_recall` it is not used: leave it out, or pass None.

    min_recall : float, default=None
        The share of the positives that must be caught, in (0, 1], in place of a budget: the
        threshold is the greatest one that catches it. With `guarantee` it must be below 1.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    guarantee : float, default=None
        Probability in (0, 1) that the alert rate on fresh data stays within `budget`; with
        ``basis="fpr"``, that the false positive rate does; with `min_recall`, that the recall
        on fresh data is at least that. By default this holds on the calibration rows only,
        and on fresh data it fails about every other time.

    allocation : {"equal", "coverage"}, default="equal"
        How segments passed to `fit` share the budget. With ``"equal"`` each segment spends
        the same fraction of its rows. With ``"coverage"`` the budget goes to the segments
        where, on the calibration rows, it catches most positives or most of their `value`.

    response_method : {"auto", "decision_function", "predict_proba"}, default="auto"
        The method that gives the scores. ``"auto"`` takes `decision_function` if there is
        one and `predict_proba` otherwise, because probabilities saturate and tie at the top.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it, this is the one that `estimator` names, if
        it is a classifier of this package; else 1 of {0, 1} and {-1, 1}, and True. Of any
        other two labels it is the rarer one, with a warning. A positive class that is the
        majority is warned about in any case. With ``cv="prefit"`` the warning and the choice
        rest on the rows passed to `fit`, and labels that tell nothing are an error.

    cv : int, float, cross-validation generator, iterable or "prefit", default=None
        Which rows calibrate the threshold:

        - None: five stratified folds; with `guarantee`, a fifth of the rows held out;
        - int: number of stratified folds; each row is scored by a model of the other folds.
          The models should score on one scale, and a warning says if they do not;
        - float in (0, 1): the fraction of the rows that is held out. The split is stratified,
          except for a guarantee of the population's alert rate, which needs rows drawn
          without regard to their labels (a floor on recall does not);
        - a splitter, or an iterable of (train, test) indices that do not overlap. Rows that
          no split holds out, such as the first ones of ``TimeSeriesSplit``, do not calibrate;
        - "prefit": all rows passed to `fit` calibrate `estimator`, which is already
          fitted. **They must not have been used to train or to select it.**

    refit : bool or "auto", default="auto"
        Whether to fit the estimator again, on all rows, after calibration. ``"auto"``
        does so if there are several splits. With one split it keeps the model that
        scored the held-out rows, because the threshold fits that model.

    n_jobs : int, default=None
        Number of splits fitted in parallel. None means 1 unless in a
        ``joblib.parallel_backend`` context, and -1 means all processors.

    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows if `cv` is a fraction.

    Attributes
    ----------
    estimator_ : estimator instance
        The fitted classifier that `predict` uses.

    threshold_ : float or ndarray of shape (n_segments,)
        A row is flagged if its score is greater; with `min_recall`, if its score is at least
        this. With segments, one for each of `segments_`.

    segments_ : ndarray of shape (n_segments,) or None
        The segments, sorted. None if `fit` was given none.

    n_calibration_ : int
        Number of rows that `threshold_` rests on: the calibration rows with weight, or the
        negatives among them with ``basis="fpr"``, or the positives with `min_recall`.

    alert_rate_ : float
        Share of the calibration rows that is flagged. With `min_recall` it is the volume to
        expect.

    coverage_ : float
        Share of the calibration rows' positives (of their value) that is flagged. NaN without
        labels or without positives. It is optimistic with ``allocation="coverage"``, because
        the same positives chose the allocation.

    segment_rates_ : ndarray of shape (n_segments,) or None
        Share of each segment's rows that the budget pays for; with ``basis="fpr"`` or
        `min_recall`, the share of its calibration rows that is flagged. `alerts` divides its
        capacity by it.

    calibrations_ : list of dict
        What `fit` and each `update` found: ``"source"`` ("cross-fitted", "held-out",
        "prefit" or "update"), ``"n_rows"``, ``"n_calibration"``, ``"previous_alert_rate"``
        (the share of these rows that the previous threshold would have flagged; NaN at fit),
        ``"threshold"``, ``"alert_rate"`` and ``"coverage"``.

    classes_ : ndarray of shape (2,)
        The class labels in increasing order.

    pos_label_ : int, float, bool or str
        The label of the positive class. `predict` gives it to the rows that are flagged.

    n_features_in_ : int
        Number of features seen during `fit`. Only defined if the
        underlying estimator exposes such an attribute when fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`. Only defined if the
        underlying estimator exposes such an attribute when fit.

    See Also
    --------
    budget_threshold : The threshold alone, from scores.
    min_calibration_rows : How many rows a guarantee takes.
    recall_threshold : The threshold of a floor on recall alone, from scores.
    min_calibration_positives : How many positives its guarantee takes.
    sklearn.model_selection.TunedThresholdClassifierCV : Threshold that optimises a metric.

    Notes
    -----
    **The guarantee.** Let ``a(t)`` be the share of the population (with ``basis="fpr"``,
    of the negatives) that `estimator_` scores above ``t``. Over the draw of the calibration
    rows, ``a(threshold_) <= budget`` with probability `guarantee` or more, for any number of
    rows and any law of scores, ties included. This holds if

    - one fixed model scores the calibration rows and the fresh rows. So `guarantee` needs a
      single split without refit, or ``cv="prefit"``; anything else is an error. Put a
      hyperparameter search inside, as `estimator`, where it does not see the calibration
      rows. A search around this classifier voids the guarantee;
    - calibration rows are independent draws from the population on which `predict` is used.
      When the population has drifted, `update` renews the guarantee;
    - each calibration row counts once: weights that differ are refused.

    The guarantee is about the share of the population. The alerts of a finite batch vary
    around it. :func:`budget_threshold` says what the guarantee costs.

    **A floor on recall.** With `min_recall` the positives take the place of the rows that spend
    the budget: the share of the law of positives that `estimator_` scores at or above
    ``threshold_`` is at least `min_recall` with probability `guarantee` or more. The conditions
    are the same, for the positives: they are independent draws from the positives on which
    `predict` is used, and their weights are equal. Those of negatives may differ, and so may
    their number: the guarantee survives a change of the class ratio. Nothing is promised about
    the volume, `alert_rate_`. `value` does not enter the threshold.
    :func:`recall_threshold` says what the guarantee costs.

    **Without a guarantee** cross-fitted scores are pooled, and a quantile of the pool is the
    threshold for a model that is fitted again on all rows. The scores of that model may be
    spread differently, so nothing is guaranteed. `update` on fresh rows corrects it.

    **Segments** are parts of the population, each with a threshold of its own, which must be
    passed to `predict`, `alerts` and `update` again. They are unrelated to the ``groups`` of
    `fit`, which only keep rows together. With `guarantee`, all segments together keep the budget
    with that probability. Each keeps it with probability ``guarantee ** (1 / n_segments)``,
    because segments are independent, and so does their sum in any proportion.
    ``allocation="coverage"`` chooses shares on the calibration rows. Nothing can be guaranteed
    for these, so it is refused with `guarantee`.

    **Ties** at the threshold are not flagged, because `predict` cannot split them without
    spending more than the budget. If all scores are equal, nothing is flagged, with a warning.
    With `min_recall` they are all flagged, and if all scores are equal everything is, with a
    warning.

    **Few calibration rows.** A budget of less than one row puts the threshold at the greatest
    score, so that none of the calibration rows is flagged. Without positives among them
    `coverage_` is NaN, and with a few it is a share of these few; the threshold itself needs
    none, unless ``allocation="coverage"`` divides the budget by them: without any it divides it
    as ``"equal"`` does. Without any row that spends the budget, or in a segment, there is an error.

    ``sample_weight`` repeats a row: it counts in the budget and in the coverage, and is
    passed on to the estimator. Rows of weight zero do not calibrate.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skbudget import BudgetThresholdClassifier, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> model = BudgetThresholdClassifier(
    ...     LogisticRegression(), budget=0.02, guarantee=0.95, cv=0.5, random_state=0
    ... ).fit(X, y)
    >>> model.n_calibration_
    10000
    >>> bool(model.predict(X_new).mean() <= 0.02)
    True
    >>> model.alerts(X_new, capacity=200).shape
    (200,)

    The least volume that catches nine tenths of the positives:

    >>> model = BudgetThresholdClassifier(
    ...     LogisticRegression(), min_recall=0.9, guarantee=0.95, cv=0.5, random_state=0
    ... ).fit(X, y)
    >>> model.n_calibration_
    100
    >>> bool(model.predict(X_new[y_new == 1]).mean() >= 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [
            HasMethods(["fit", "predict_proba"]),
            HasMethods(["fit", "decision_function"]),
        ],
        # The package's own checks give hints.
        "budget": "no_validation",
        "basis": "no_validation",
        "min_recall": "no_validation",
        "guarantee": "no_validation",
        "allocation": "no_validation",
        "response_method": [StrOptions({"auto", "decision_function", "predict_proba"})],
        "pos_label": [Real, str, "boolean", None],
        "cv": [
            "cv_object",
            StrOptions({"prefit"}),
            Interval(RealNotInt, 0.0, 1.0, closed="neither"),
        ],
        "refit": ["boolean", StrOptions({"auto"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        budget: float | None = DEFAULT_BUDGET,
        basis: str = "population",
        min_recall: float | None = None,
        guarantee: float | None = None,
        allocation: str = "equal",
        response_method: str = "auto",
        pos_label: Any = None,
        cv: Any = None,
        refit: bool | str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.budget = budget
        self.basis = basis
        self.min_recall = min_recall
        self.guarantee = guarantee
        self.allocation = allocation
        self.response_method = response_method
        self.pos_label = pos_label
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    # Where there are groups, they are to be heeded.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {"groups": True}

    # --- fitting ------------------------------------------------------------------

    @_fit_context(
        # The estimator inside is not validated yet.
        prefer_skip_nested_validation=False
    )
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        segments: ArrayLike | None = None,
        value: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> BudgetThresholdClassifier:
        """Fit the classifier, and choose the threshold on rows that it was not fitted on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; with ``cv="prefit"`` fresh rows, for calibration alone.
        y : array-like of shape (n_samples,)
            Two labels of any kind. With ``cv="prefit"`` and ``basis="population"`` they may
            be left out, because only `coverage_` needs them, unless there is a `min_recall`.
        sample_weight : array-like of shape (n_samples,), default=None
            How many rows each row stands for. Must be equal if `guarantee` is set, with
            `min_recall` those of the positives.
        segments : array-like of shape (n_samples,), default=None
            Segment of each row. It is not passed to the splitter.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth. Only the entries of positives are used, for
            `coverage_` and for ``allocation="coverage"``.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for example its customer. No group is split between training and
            calibration: a splitter such as ``GroupKFold`` gets them, and a number of folds or a
            fraction as `cv` keeps them together too. The estimator gets them if its `fit` has a
            parameter of this name. Splits that part a group are warned about. Groups are refused
            with `guarantee`, because rows of one group are not independent draws, and with
            ``cv="prefit"``, which splits nothing.
        **params : dict
            Parameters that metadata routing passes to the `fit` of the estimator and the
            `split` of the splitter.

        Returns
        -------
        self : BudgetThresholdClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range or conflicts with another one, `y` does not have two
            classes, the parts of a split overlap, a split has no positives or no negatives to
            train on, or there are too few calibration rows for the guarantee.
        """
        _raise_for_params(params, self, None)
        owner = type(self).__name__
        self._check_params(segments)
        check_jobs(self.n_jobs, owner)
        prefit = isinstance(self.cv, str)
        X, y = check_lengths(X, y)
        n_samples = _num_samples(X)
        if y is None and not prefit:
            raise ValueError(
                f"requires y to be passed, but the target y is None: {owner} needs labels "
                "unless cv='prefit'."
            )
        needs_labels = self.min_recall is not None or self.basis == "fpr"
        if y is None and (needs_labels or value is not None or by_coverage(self, segments)):
            raise ValueError(
                "requires y to be passed, but the target y is None: min_recall, basis='fpr', "
                "allocation='coverage' and value need labels."
            )
        weight = check_weights(sample_weight, n_samples)
        if y is not None:
            refuse_labels(y, owner)
            with naming("y", "labels, one per row"):
                y = column_or_1d(y, warn=True)
        classes, positive = self._find_classes(y, weight)
        refuse_one_sided(self.estimator, classes)
        check_rule_weights(self, weight, positive)
        names, codes = None, np.zeros(n_samples, dtype=np.intp)
        if segments is not None:
            names, codes = code_labels(segments, "segments", n_samples)
        value = check_weights(value, n_samples, "value")
        groups = check_groups(groups, n_samples)
        routed = route(self, weight, groups, params)

        if prefit:
            scores = self._scores(self.estimator, X, classes[1])
            held_out = HeldOut(self.estimator, np.arange(n_samples), scores, "prefit")
        else:
            with errors_of_models(X, owner):
                held_out = score_held_out(
                    tell_positive(self.estimator, classes[1]),
                    X,
                    y,
                    classes=classes,
                    groups=groups,
                    owner=owner,
                    cv=self.cv,
                    refit=self.refit,
                    guarantee=self.guarantee,
                    one_class=needs_labels,
                    random_state=self.random_state,
                    n_jobs=self.n_jobs,
                    routed=routed,
                    score=self._scores,
                )
        if positive is not None and not prefit and not knows_positive(self.estimator):
            # An estimator of this package warns itself.
            warn_of_few_rows(np.bincount(positive, minlength=2), classes, owner, stacklevel=4)
        estimator = held_out.estimator
        rows = ScoredRows(None, positive, weight, value, codes).take(held_out.rows)

        self.estimator_, self.segments_ = estimator, names
        self.pos_label_ = classes[1]
        self.classes_ = np.sort(classes)
        self.calibrations_: list[dict[str, Any]] = []
        self._calibrate(replace(rows, features=held_out.scores), held_out.source)
        if held_out.source == "cross-fitted" and held_out.folds is not None:
            flagged = self._flags(held_out.scores, rows.codes)
            warn_of_scales(flagged, held_out.folds, owner, stacklevel=3)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        return self

    def _check_params(self, segments: Any) -> None:
        check_rule(self, segments)
        if isinstance(self.cv, str):
            if self.refit is True:
                raise ValueError("When cv='prefit', refit cannot be True.")
            try:
                check_is_fitted(self.estimator)
            except NotFittedError as error:
                raise NotFittedError("When cv='prefit', `estimator` must be fitted.") from error

    def update(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        segments: ArrayLike | None = None,
        value: ArrayLike | None = None,
    ) -> BudgetThresholdClassifier:
        """Calibrate the threshold again, on fresh rows, without training the estimator.

        Use it when scores have drifted. The rows need labels only with ``basis="fpr"`` or
        `min_recall`. The guarantee then holds for the population that these rows were drawn from.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that the estimator was not trained on.
        y : array-like of shape (n_samples,), default=None
            Their labels, needed with ``basis="fpr"`` and `min_recall`. Without them
            ``coverage_`` is NaN, and ``allocation="coverage"`` keeps the segments' rates in the
            same proportion.
        sample_weight : array-like of shape (n_samples,), default=None
            How many rows each row stands for. Must be equal if `guarantee` is set, with
            `min_recall` those of the positives.
        segments : array-like of shape (n_samples,), default=None
            Segment of each row, needed if `fit` was given segments. All of those seen in
            `fit` must occur.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth. It needs `y`.

        Returns
        -------
        self : BudgetThresholdClassifier

        Raises
        ------
        ValueError
            If labels or segments are missing or unknown, or there are too few rows for
            the guarantee. The threshold then stays as it was.
        """
        check_is_fitted(self, "threshold_")
        self._check_params(segments)
        if y is None and self.min_recall is not None:
            raise ValueError(
                "update needs y with min_recall: recall is a share of the positives, and only "
                "labels say which rows are positive."
            )
        if y is None and self.basis == "fpr":
            raise ValueError(
                "update needs y with basis='fpr': a false positive rate is a share of the "
                "negatives, and only labels say which rows are negative."
            )
        if y is None and value is not None:
            raise ValueError("value says what positives are worth, so it needs y.")
        X, y = check_lengths(X, y)
        n_samples = _num_samples(X)
        positive = None
        if y is not None:
            with naming("y", f"labels of the classes {self.classes_.tolist()}"):
                y = column_or_1d(y, warn=True)
                unknown = np.setdiff1d(y, self.classes_)
            if unknown.size:
                raise ValueError(
                    f"y contains previously unseen labels: {unknown[:10].tolist()}; the classes "
                    f"are {self.classes_.tolist()}."
                )
            positive = y == self.pos_label_
        weight = check_weights(sample_weight, n_samples)
        check_rule_weights(self, weight, positive)
        value = check_weights(value, n_samples, "value")
        codes = self._known_segments(segments, n_samples)
        scores = self._scores(self.estimator_, X, self.pos_label_)
        self._calibrate(ScoredRows(scores, positive, weight, value, codes), "update")
        return self

    # --- the threshold --------------------------------------------------------------

    def _calibrate(self, rows: ScoredRows, source: str) -> None:
        """Set the threshold and what is known about it."""
        rule = rule_of(self, self.segments_)
        rows = rows.with_weight()
        update = source == "update"
        found = calibrate(rule, rows, self.segment_rates_ if update else None)
        rule.warn(rows, found.thresholds, stacklevel=3)
        previous = np.nan
        if update:
            previous = rows.share(self._flags(rows.scores, rows.codes))

        self._rule = rule
        segmented = self.segments_ is not None
        self.segment_rates_: NDArray[np.float64] | None = found.rates if segmented else None
        self.threshold_: Any = found.thresholds if segmented else float(found.thresholds[0])
        self.n_calibration_ = found.n_spending
        self.alert_rate_ = found.alert_rate
        self.coverage_ = found.coverage
        self.calibrations_ = [
            *self.calibrations_,
            {
                "source": source,
                "n_rows": rows.scores.size,
                "n_calibration": self.n_calibration_,
                "previous_alert_rate": previous,
                "threshold": self.threshold_,
                "alert_rate": self.alert_rate_,
                "coverage": self.coverage_,
            },
        ]
