"""A classifier whose threshold spends a review budget."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
    clone,
)
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit, check_cv
from sklearn.utils import (
    Bunch,
    _safe_indexing,
    check_random_state,
    column_or_1d,
    get_tags,
    indexable,
)
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils._response import _get_response_values_binary
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    _check_method_params,
    _estimator_has,
    _num_samples,
    check_is_fitted,
)

from .._utils.fit_arguments import fit_argument
from .._utils.validation import (
    BASES,
    check_budget,
    check_fraction,
    check_option,
    check_positive,
    check_scores,
    check_weights,
)
from ..metrics._ranking import Group, sorted_curve, whole_rows
from ..metrics._scorers import RESPONSE_METHODS
from ._allocation import coverage_sizes, merged_order
from ._guarantee import (
    fewest_rows,
    guaranteed_threshold,
    refuse_unequal_weights,
)

ALLOCATIONS = ("equal", "coverage")
# What is held out for a guarantee, unless `cv` says otherwise.
HELD_OUT = 0.2


class _Rows(NamedTuple):
    """Calibration rows: scores, which group they are in, and what else is known of them."""

    scores: NDArray[np.float64]
    codes: NDArray[np.intp]
    positive: NDArray[np.bool_] | None = None
    weight: NDArray[np.float64] | None = None
    value: NDArray[np.float64] | None = None

    def take(self, rows: NDArray) -> _Rows:
        """Return some of the rows, by a mask or by indices."""
        optional = (None if column is None else column[rows] for column in self[2:])
        return _Rows(self.scores[rows], self.codes[rows], *optional)

    def group(self, rows: NDArray[np.bool_]) -> Group:
        """Return the rows in a mask, with what they count for."""
        return Group(self.scores, self.weight).where(rows)

    def positives(self) -> Group:
        """Return the positives, with what they are worth."""
        assert self.positive is not None
        worth = self.weight
        if self.value is not None:
            worth = self.value if worth is None else worth * self.value
        return Group(self.scores, worth).where(self.positive)


def _fit_and_score(
    estimator: Any,
    X: Any,
    y: NDArray,
    train: NDArray,
    held_out: NDArray,
    fit_params: dict[str, Any],
    score: Any,
) -> tuple[Any, NDArray[np.float64]]:
    params = _check_method_params(X, fit_params, indices=train)
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **params)
    return estimator, score(estimator, _safe_indexing(X, held_out))


class BudgetThresholdClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Binary classifier whose threshold spends a review budget.

    The threshold is chosen on scores of rows which the scoring model was not trained on, so
    that on fresh rows `predict` flags the share that can be reviewed; with `guarantee`,
    no more than that with a stated probability, in finite samples.

    Parameters
    ----------
    estimator : estimator instance
        The binary classifier, fitted (with ``cv="prefit"``) or not.

    budget : float, default=0.005
        What can be reviewed, as a fraction in (0, 1]: 50 basis points are 0.005.

    basis : {"population", "fpr"}, default="population"
        What the budget is a fraction of: all rows, or the negatives.

    guarantee : float, default=None
        Probability in (0, 1) with which the alert rate (the false positive rate,
        with ``basis="fpr"``) on fresh data stays within `budget`. By default it is within
        the budget on the calibration rows, and fresh data exceed it about every other time.

    allocation : {"equal", "coverage"}, default="equal"
        How groups passed to `fit` share the budget. With ``"equal"`` each spends
        the same fraction of its rows. With ``"coverage"`` it goes where the calibration
        rows say that it catches most positives, or most of their `value`.

    response_method : {"auto", "decision_function", "predict_proba"}, default="auto"
        The scores. ``"auto"`` takes `decision_function` if there is one and
        `predict_proba` otherwise: probabilities saturate, and so tie, at the top.

    pos_label : int, float, bool or str, default=None
        Label of the positive class. By default the greater one, ``classes_[1]``.

    cv : int, float, cross-validation generator, iterable or "prefit", default=None
        Which rows calibrate the threshold:

        - None: five stratified folds; with `guarantee`, a fifth of the rows held out;
        - int: stratified folds; every row is scored by a model of the other folds;
        - float in (0, 1): the fraction of the rows that is held out. The split is stratified,
          except for a guarantee of the population's alert rate, which needs rows drawn
          without regard to their labels;
        - a splitter, or an iterable of (train, test) indices that do not overlap;
        - "prefit": all rows passed to `fit` calibrate `estimator`, which is fitted
          already. **They must not have been used to train or to select it.**

    refit : bool or "auto", default="auto"
        Whether to fit the estimator again, on all rows, after calibration. ``"auto"``
        does so if there are several splits. With one split it keeps the model that
        scored the held-out rows, which is the one that the threshold fits.

    n_jobs : int, default=None
        Number of splits fitted in parallel. None means 1 unless in a
        ``joblib.parallel_backend`` context, -1 all processors.

    random_state : int, RandomState instance or None, default=None
        Draws the held-out rows if `cv` is a fraction.

    Attributes
    ----------
    estimator_ : estimator instance
        The fitted classifier that `predict` uses.

    threshold_ : float or ndarray of shape (n_groups,)
        A row is flagged if its score is greater. With groups, one for each of `groups_`.

    groups_ : ndarray of shape (n_groups,) or None
        The groups, sorted.

    n_calibration_ : int
        Number of rows that `threshold_` rests on: calibration rows with weight, with
        ``basis="fpr"`` the negatives among them.

    alert_rate_ : float
        Share of the calibration rows that score above the threshold.

    coverage_ : float
        Share of the positives (of their value) among the calibration rows that score above the
        threshold; NaN without labels or without positives. With
        ``allocation="coverage"`` it is optimistic, as the same positives chose.

    group_rates_ : ndarray of shape (n_groups,) or None
        Share of each group's rows that the budget pays for, by which `alerts` divides its
        capacity; with ``basis="fpr"`` the share of its calibration rows that is flagged.

    calibrations_ : list of dict
        What `fit` and each `update` found: ``"source"`` ("cross-fitted", "held-out",
        "prefit" or "update"), ``"n_rows"``, ``"n_calibration"``, ``"previous_alert_rate"``
        (what the threshold before would have flagged of these rows; NaN at fit),
        ``"threshold"``, ``"alert_rate"`` and ``"coverage"``.

    classes_ : ndarray of shape (2,)
        The class labels.

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
    sklearn.model_selection.TunedThresholdClassifierCV : Threshold that optimises a metric.

    Notes
    -----
    **The guarantee.** Let ``a(t)`` be the share of the population (with ``basis="fpr"``,
    of the negatives) that `estimator_` scores above ``t``. Over the draw of the calibration
    rows, ``a(threshold_) <= budget`` with probability `guarantee` or more, for any number of
    rows and any law of scores, ties included. This holds if

    - one fixed model scores the calibration rows and the fresh ones. So `guarantee` takes one
      split and no refit, or ``cv="prefit"``; anything else is an error. A
      hyperparameter search belongs inside, as `estimator`, where it does not see the
      calibration rows; a search round this classifier voids the guarantee;
    - calibration rows are independent draws from the population on which `predict` is used.
      When that has drifted, `update` renews the guarantee;
    - they count once each: weights that differ are refused.

    It is a promise about the share of the population. The alerts of a finite batch vary
    round it. What it costs is stated by :func:`budget_threshold`.

    **Without a guarantee** cross-fitted scores are pooled, and the pool's quantile is the
    threshold of a model fitted again on all rows. That model's scores may be spread otherwise
    than those of the folds, so nothing is promised; `update` on fresh rows repairs it.

    **Groups** are segments with a threshold each, which have to be passed to `predict` and
    `update` again. They are never handed to the splitter. For one that needs groups
    of its own pass ``cv=list(splitter.split(X, y, other_groups))``, or, with metadata routing,
    an alias: ``GroupKFold().set_split_request(groups="customer")``. With `guarantee`, all
    groups together keep the budget with that probability: each at ``guarantee ** (1 /
    n_groups)``, as groups are independent, and so does their sum, in whatever
    proportion they come. ``allocation="coverage"`` chooses shares by the calibration rows, of
    which nothing can be promised; it is refused with `guarantee`.

    **Ties** at the threshold are not flagged, as `predict` cannot split them without
    spending more than the budget. If all scores are equal, nothing is flagged, with a warning.

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
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [
            HasMethods(["fit", "predict_proba"]),
            HasMethods(["fit", "decision_function"]),
        ],
        # By the package's own checks, with its hints.
        "budget": "no_validation",
        "basis": "no_validation",
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
        budget: float = 0.005,
        basis: str = "population",
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
        self.guarantee = guarantee
        self.allocation = allocation
        self.response_method = response_method
        self.pos_label = pos_label
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

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
        groups: ArrayLike | None = None,
        value: ArrayLike | None = None,
        **params: Any,
    ) -> BudgetThresholdClassifier:
        """Fit the classifier, and the threshold on rows that it was not fitted on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; with ``cv="prefit"`` fresh rows, for calibration alone.
        y : array-like of shape (n_samples,)
            Two labels of any kind. With ``cv="prefit"`` and ``basis="population"`` they may
            be left out, and only `coverage_` needs them.
        sample_weight : array-like of shape (n_samples,), default=None
            How many rows each row stands for. Must be equal if `guarantee` is set.
        groups : array-like of shape (n_samples,), default=None
            Segment of each row. Not passed to the splitter.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth; only entries of positives are used, for
            `coverage_` and for ``allocation="coverage"``.
        **params : dict
            Parameters for the `fit` of the estimator and the `split` of the splitter, by
            metadata routing.

        Returns
        -------
        self : BudgetThresholdClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range or does not go with another one, `y` does not have two
            classes, a split's parts overlap, or there are too few calibration rows for
            the guarantee.
        """
        _raise_for_params(params, self, None)
        owner = type(self).__name__
        self._check_params(groups)
        prefit = isinstance(self.cv, str)
        X, y = indexable(X, y)
        n_samples = _num_samples(X)
        if y is None and not prefit:
            raise ValueError(
                f"requires y to be passed, but the target y is None: {owner} needs labels "
                "unless cv='prefit'."
            )
        if y is None and (self.basis == "fpr" or value is not None or self._by_coverage(groups)):
            raise ValueError(
                "requires y to be passed, but the target y is None: basis='fpr', "
                "allocation='coverage' and value need labels."
            )
        if y is not None:
            y = self._check_labels(y, prefit)
        weight = check_weights(sample_weight, n_samples)
        if self.guarantee is not None:
            refuse_unequal_weights(weight)
        names, codes = self._check_groups(groups, n_samples)
        value = check_weights(value, n_samples, "value")
        routed = self._route(weight, params)

        if prefit:
            estimator, held_out, source = self.estimator, np.arange(n_samples), "prefit"
            scores = self._scores(estimator, X)
        else:
            estimator, held_out, source, scores = self._fit_and_score_splits(X, y, routed)
        positive = None if y is None else np.asarray(y) == self._positive_class(estimator)
        known: list[Any] = [positive, weight, value]
        rows = _Rows(
            scores, codes[held_out], *[None if one is None else one[held_out] for one in known]
        )

        self.estimator_, self.groups_ = estimator, names
        self.calibrations_: list[dict[str, Any]] = []
        self._calibrate(rows, source)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))
        return self

    def _by_coverage(self, groups: Any) -> bool:
        return groups is not None and self.allocation == "coverage"

    def _check_params(self, groups: Any) -> None:
        owner = type(self).__name__
        check_budget(self.budget, owner)
        check_option(self.basis, "basis", BASES, owner)
        check_option(self.allocation, "allocation", ALLOCATIONS, owner)
        if self.guarantee is not None:
            check_fraction(self.guarantee, "guarantee", owner)
            if self._by_coverage(groups):
                raise ValueError(
                    "guarantee cannot be given for allocation='coverage': the groups' shares are "
                    "chosen on the calibration rows. Use allocation='equal', or guarantee=None."
                )
        if isinstance(self.cv, str):
            if self.refit is True:
                raise ValueError("When cv='prefit', refit cannot be True.")
            try:
                check_is_fitted(self.estimator)
            except NotFittedError as error:
                raise NotFittedError("When cv='prefit', `estimator` must be fitted.") from error

    def _check_labels(self, y: Any, prefit: bool) -> NDArray:
        kind = type_of_target(y, input_name="y")
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. Unknown label type: {kind}")
        y = column_or_1d(y, warn=True)
        labels = np.unique(y)
        if prefit:
            # Which of them are there does not matter: a share of all rows needs no positive.
            unknown = np.setdiff1d(labels, self.estimator.classes_)
            if unknown.size:
                raise ValueError(
                    f"y holds labels that the estimator was not fitted on: {unknown.tolist()}; its "
                    f"classes are {self.estimator.classes_.tolist()}."
                )
            return y
        if labels.size < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes, but y contains one class: "
                f"{labels.tolist()}."
            )
        if self.pos_label is not None and self.pos_label not in labels.tolist():
            raise ValueError(
                f"pos_label={self.pos_label!r} is not a valid label: it should be one of "
                f"{labels.tolist()}."
            )
        return y

    def _check_groups(
        self, groups: ArrayLike | None, n_samples: int, known: NDArray | None = None
    ) -> tuple[NDArray | None, NDArray[np.intp]]:
        """Return the distinct groups, or None, and which of them each row is in."""
        if groups is None:
            return None, np.zeros(n_samples, dtype=np.intp)
        values = column_or_1d(groups)
        if values.shape[0] != n_samples:
            raise ValueError(
                f"groups must have one entry per sample: expected {n_samples}, got "
                f"{values.shape[0]}."
            )
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise ValueError("Input groups contains NaN.")
        try:
            names, codes = np.unique(values, return_inverse=True)
        except TypeError as error:
            raise ValueError("groups must be all numbers or all strings, none missing.") from error
        if known is None:
            return names, codes
        unknown = names[~np.isin(names, known)]
        if unknown.size:
            raise ValueError(
                f"groups holds groups without a threshold: {unknown[:10].tolist()}. Those seen in "
                f"fit are {known[:10].tolist()}{' ...' if known.size > 10 else ''}."
            )
        return known, np.searchsorted(known, names)[codes]

    def _known_groups(self, groups: ArrayLike | None, n_samples: int) -> NDArray[np.intp]:
        if (groups is None) != (self.groups_ is None):
            had, has = ("had", "has not") if groups is None else ("had not", "has")
            raise ValueError(f"groups must be passed as in fit, which {had} it: this call {has}.")
        return self._check_groups(groups, n_samples, self.groups_)[1]

    def _route(self, weight: NDArray | None, params: dict[str, Any]) -> Bunch:
        if _routing_enabled():
            if weight is not None:
                params = {**params, "sample_weight": weight}
            return process_routing(self, "fit", **params)
        fit = {}
        if weight is not None and not isinstance(self.cv, str):
            fit[fit_argument(self.estimator, "estimator")] = weight
        return Bunch(estimator=Bunch(fit=fit), splitter=Bunch(split={}))

    def _splits(self, X: Any, y: NDArray, params: dict[str, Any]) -> list[tuple[NDArray, NDArray]]:
        cv = self.cv
        if cv is None and self.guarantee is not None:
            cv = HELD_OUT
        if isinstance(cv, Real) and not isinstance(cv, Integral):
            # A split by label holds out as many positives as the model was trained on: such
            # rows are not independent of it, unless only one class counts.
            by_label = self.guarantee is None or self.basis == "fpr"
            # A table made with the same seed may owe its order to the same permutation, which
            # would hold out all of one class.
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            splitter = (StratifiedShuffleSplit if by_label else ShuffleSplit)(
                n_splits=1, test_size=cv, random_state=seed
            )
        else:
            splitter = check_cv(cv, y, classifier=True)
        splits = [
            (np.arange(len(y))[train], np.arange(len(y))[held_out])
            for train, held_out in splitter.split(X, y, **params)
        ]
        for train, held_out in splits:
            shared = np.intersect1d(train, held_out).size
            if shared:
                raise ValueError(
                    f"cv must not train and calibrate on the same rows: {shared} are in both parts "
                    "of a split."
                )
        return splits

    def _fit_and_score_splits(
        self, X: Any, y: NDArray, routed: Bunch
    ) -> tuple[Any, NDArray[np.intp], str, NDArray[np.float64]]:
        """Return the model that predicts, and scores of rows that were held out."""
        splits = self._splits(X, y, routed.splitter.split)
        several = len(splits) > 1
        refit = several if self.refit == "auto" else bool(self.refit)
        if self.guarantee is not None and (several or refit):
            raise ValueError(
                "guarantee needs the model that predicts to be the one that scored the calibration "
                "rows: hold out a fraction (cv=0.2) with refit=False, or pass fresh rows to a "
                f"fitted model (cv='prefit'). Got cv={self.cv!r} with {len(splits)} splits and "
                f"refit={self.refit!r}."
            )
        if several and not refit:
            raise ValueError("When cv has several folds, refit cannot be False.")
        fitted, scores = zip(
            *Parallel(n_jobs=self.n_jobs)(
                delayed(_fit_and_score)(
                    clone(self.estimator), X, y, train, held_out, routed.estimator.fit, self._scores
                )
                for train, held_out in splits
            )
        )
        estimator = fitted[0]
        if refit:
            estimator = clone(self.estimator).fit(X, y, **routed.estimator.fit)
        held_out = np.concatenate([held_out for _, held_out in splits])
        return (
            estimator,
            held_out,
            "cross-fitted" if several else "held-out",
            np.concatenate(scores),
        )

    def update(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        value: ArrayLike | None = None,
    ) -> BudgetThresholdClassifier:
        """Calibrate the threshold anew, on fresh rows, without training the estimator.

        For when scores have drifted. The rows need labels only with ``basis="fpr"``. A
        guarantee holds again, for the population that these rows were drawn from.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that the estimator was not trained on.
        y : array-like of shape (n_samples,), default=None
            Their labels, needed with ``basis="fpr"``. Without them ``coverage_`` is NaN, and
            ``allocation="coverage"`` keeps the groups' rates in proportion to each other.
        sample_weight : array-like of shape (n_samples,), default=None
            How many rows each row stands for. Must be equal if `guarantee` is set.
        groups : array-like of shape (n_samples,), default=None
            Their segments, all of those seen in `fit`; needed if `fit` had groups.
        value : array-like of shape (n_samples,), default=None
            What catching each row is worth; needs `y`.

        Returns
        -------
        self : BudgetThresholdClassifier

        Raises
        ------
        ValueError
            If labels or groups are missing or unknown, or there are too few rows for
            the guarantee. The threshold is then as it was.
        """
        check_is_fitted(self, "threshold_")
        self._check_params(groups)
        if y is None and self.basis == "fpr":
            raise ValueError(
                "update needs y with basis='fpr': a false positive rate is a share of the "
                "negatives, which only labels tell."
            )
        if y is None and value is not None:
            raise ValueError("value says what positives are worth, and needs y.")
        X, y = indexable(X, y)
        n_samples = _num_samples(X)
        positive = None
        if y is not None:
            y = column_or_1d(y, warn=True)
            unknown = np.setdiff1d(y, self.classes_)
            if unknown.size:
                raise ValueError(
                    f"y contains previously unseen labels: {unknown[:10].tolist()}; the classes "
                    f"are {self.classes_.tolist()}."
                )
            positive = y == self._positive_class(self.estimator_)
        weight = check_weights(sample_weight, n_samples)
        if self.guarantee is not None:
            refuse_unequal_weights(weight)
        value = check_weights(value, n_samples, "value")
        codes = self._known_groups(groups, n_samples)
        scores = self._scores(self.estimator_, X)
        self._calibrate(_Rows(scores, codes, positive, weight, value), "update")
        return self

    # --- the threshold --------------------------------------------------------------

    def _calibrate(self, rows: _Rows, source: str) -> None:
        """Set the threshold, and what is known of it."""
        if rows.weight is not None:
            rows = rows.take(rows.weight > 0)
        spending = np.ones(rows.scores.size, dtype=bool)
        if self.basis == "fpr" and rows.positive is not None:
            spending = ~rows.positive
        sizes = self._sizes(rows, spending)
        thresholds = np.array(
            [
                self._threshold(rows.group(spending & (rows.codes == code)), size)
                for code, size in enumerate(sizes)
            ]
        )
        everything = Group(rows.scores, rows.weight)
        flagged = rows.scores > thresholds[rows.codes]
        alert_rate = everything.where(flagged).total / everything.total
        self._warn_of_ties(rows, spending, thresholds)
        previous = np.nan
        if source == "update":
            before = rows.scores > np.atleast_1d(self.threshold_)[rows.codes]
            previous = everything.where(before).total / everything.total
        coverage = self._coverage(rows, flagged)

        self.group_rates_ = None
        if self.groups_ is not None:
            spent, of_rows = sizes, self._by_group(rows, spending)
            if self.basis == "fpr":
                # `alerts` will not know the negatives.
                everyone = np.ones(flagged.size, dtype=bool)
                spent, of_rows = self._by_group(rows, flagged), self._by_group(rows, everyone)
            self.group_rates_ = np.minimum(spent / of_rows, 1.0)
        self.threshold_: Any = float(thresholds[0]) if self.groups_ is None else thresholds
        self.n_calibration_ = int(np.count_nonzero(spending))
        self.alert_rate_ = alert_rate
        self.coverage_ = coverage
        self.calibrations_ = [
            *self.calibrations_,
            {
                "source": source,
                "n_rows": rows.scores.size,
                "n_calibration": self.n_calibration_,
                "previous_alert_rate": previous,
                "threshold": self.threshold_,
                "alert_rate": alert_rate,
                "coverage": coverage,
            },
        ]

    @property
    def _n_groups(self) -> int:
        return 1 if self.groups_ is None else self.groups_.size

    def _by_group(self, rows: _Rows, counted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how many of the ``counted`` rows each group has."""
        weight = None if rows.weight is None else rows.weight[counted]
        return np.bincount(rows.codes[counted], weight, minlength=self._n_groups).astype(np.float64)

    def _sizes(self, rows: _Rows, spending: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how many of its spending rows each group may have flagged."""
        totals = self._by_group(rows, spending)
        self._check_enough(rows, spending)
        if self.groups_ is None or self.allocation == "equal":
            return self.budget * totals
        if rows.positive is None:
            sizes = np.asarray(self.group_rates_) * totals
            return sizes * (self.budget * totals.sum() / sizes.sum())
        curves = [
            sorted_curve(rows.group(spending & inside), rows.take(inside).positives())
            for inside in (rows.codes == code for code in range(totals.size))
        ]
        return coverage_sizes(curves, self.budget * totals.sum())

    def _group_risk(self, guarantee: float) -> float:
        """Return the probability with which one group may exceed the budget."""
        # Groups are independent, so their guarantees multiply.
        return float(-np.expm1(np.log(guarantee) / self._n_groups))

    def _check_enough(self, rows: _Rows, spending: NDArray[np.bool_]) -> None:
        kind = "calibration rows" if self.basis == "population" else "negatives to calibrate on"
        counts = np.bincount(rows.codes[spending], minlength=self._n_groups)
        least, wanted = 1, "A threshold needs"
        if self.guarantee is not None:
            least = fewest_rows(self.budget, self._group_risk(self.guarantee))
            wanted = f"guarantee={self.guarantee:g} of budget={self.budget:g} needs"
        if counts.min() >= least:
            return
        found = f"got {counts.min()}"
        if self.groups_ is not None:
            kind += " in each group"
            found = f"group {self.groups_.tolist()[counts.argmin()]!r} has {counts.min()}"
        raise ValueError(f"{wanted} at least {least} {kind}: {found}.")

    def _threshold(self, spenders: Group, size: float) -> float:
        if self.guarantee is None:
            return spenders.cut(size).threshold
        return guaranteed_threshold(spenders.scores, self.budget, self._group_risk(self.guarantee))

    def _warn_of_ties(
        self, rows: _Rows, spending: NDArray[np.bool_], thresholds: NDArray[np.float64]
    ) -> None:
        for code, threshold in enumerate(thresholds):
            scores = rows.scores[spending & (rows.codes == code)]
            tied = int(np.count_nonzero(scores == threshold))
            if tied > 1 and scores.max() == threshold:
                where = "" if self.groups_ is None else f" of group {self.groups_[code]!r}"
                warnings.warn(
                    f"The greatest score, {threshold:g}, is shared by {tied} calibration rows"
                    f"{where}, too many for budget={self.budget:g}: predict will flag only "
                    "rows that score higher.",
                    UserWarning,
                    stacklevel=4,
                )

    @staticmethod
    def _coverage(rows: _Rows, flagged: NDArray[np.bool_]) -> float:
        if rows.positive is None:
            return np.nan
        worth = rows.positives().total
        return rows.take(flagged).positives().total / worth if worth > 0 else np.nan

    # --- prediction -----------------------------------------------------------------

    @property
    def classes_(self) -> NDArray:
        """Class labels."""
        return self.estimator_.classes_

    def _positive_class(self, estimator: Any) -> Any:
        return estimator.classes_[1] if self.pos_label is None else self.pos_label

    def _scores(self, estimator: Any, X: Any) -> NDArray[np.float64]:
        """Return scores that are greater for the positive class."""
        methods = self.response_method
        scores = _get_response_values_binary(
            estimator,
            X,
            RESPONSE_METHODS if methods == "auto" else methods,
            pos_label=self.pos_label,
        )[0]
        return check_scores(scores, "scores")

    def predict(self, X: Any, *, groups: ArrayLike | None = None) -> NDArray:
        """Flag rows that score above the threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as the estimator takes them.
        groups : array-like of shape (n_samples,), default=None
            Their segments, if `fit` had groups; each must have been seen there.

        Returns
        -------
        class_labels : ndarray of shape (n_samples,)
            The positive class for rows that are flagged, the other one for the rest.
        """
        check_is_fitted(self, "threshold_")
        codes = self._known_groups(groups, _num_samples(X))
        flagged = self._scores(self.estimator_, X) > np.atleast_1d(self.threshold_)[codes]
        is_positive = self.classes_ == self._positive_class(self.estimator_)
        positive, negative = self.classes_[is_positive][0], self.classes_[~is_positive][0]
        return np.where(flagged, positive, negative).astype(self.classes_.dtype, copy=False)

    def alerts(
        self, X: Any, capacity: int | None = None, *, groups: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Return the rows to review first, exactly as many as can be reviewed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as the estimator takes them.
        capacity : int, default=None
            How many rows can be reviewed. By default the budget's share of `X`, rounded up.
        groups : array-like of shape (n_samples,), default=None
            Their segments, if `fit` had groups; each must have been seen there.

        Returns
        -------
        rows : ndarray of shape (min(capacity, n_samples),)
            Indices into `X`, best first. The threshold plays no part, and a smaller
            capacity returns the beginning of a greater one's.

        Notes
        -----
        Of rows with equal scores the earlier one comes first. Where the order of `X` means
        something, shuffle it before.

        With groups the capacity is shared by `group_rates_`: a row comes the earlier the
        smaller its rank in its group is, as a fraction of what the group is due.
        """
        check_is_fitted(self, "threshold_")
        if capacity is not None:
            capacity = check_positive(capacity, "capacity", "alerts", integer=True, minimum=1)
        n_samples = _num_samples(X)
        codes = self._known_groups(groups, n_samples)
        if capacity is None:
            capacity = whole_rows(self.budget, n_samples)
        scores = self._scores(self.estimator_, X)
        if self.group_rates_ is None:
            return np.argsort(-scores, kind="stable")[:capacity]
        return merged_order(scores, codes, self.group_rates_)[:capacity]

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray:
        """Return the scores of the fitted estimator, as it gives them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as the estimator takes them.

        Returns
        -------
        decisions : ndarray of shape (n_samples,)
            Greater for ``classes_[1]``.
        """
        check_is_fitted(self, "threshold_")
        return self.estimator_.decision_function(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray:
        """Return the class probabilities of the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as the estimator takes them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            In the order of ``classes_``.
        """
        check_is_fitted(self, "threshold_")
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> NDArray:
        """Return the logarithms of the class probabilities of the fitted estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as the estimator takes them.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, 2)
            In the order of ``classes_``.
        """
        check_is_fitted(self, "threshold_")
        return self.estimator_.predict_log_proba(X)

    # --- scikit-learn's conventions ---------------------------------------------------

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what metadata goes where.

        Returns
        -------
        routing : MetadataRouter
            `sample_weight`, `groups` and `value` are this classifier's own;
            the estimator's `fit` and the splitter's `split` get what they ask for.
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, those on the input being the estimator's."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.allow_nan = inner.allow_nan
        return tags
