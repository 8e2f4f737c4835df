"""Two stages as one classifier: the second model sees only what the first one lets through."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing, check_consistent_length, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import _num_samples, check_is_fitted

from ._stages import FLOOR, RESPONSE_METHODS, bounded, margin_of, mean_distance, with_column
from ._utils.estimators import check_estimator
from ._utils.features import check_for_models, errors_of_models
from ._utils.fit_arguments import fit_argument, optional_fit_argument
from ._utils.labels import (
    TwoClasses,
    already_told,
    classes_by_role,
    find_classes,
    is_positive_first,
)
from ._utils.positive import asked_positive, is_frozen, refuse_one_sided, tell_positive
from ._utils.preparation import table_for_networks
from ._utils.seeds import check_random_state
from ._utils.splits import (
    check_groups,
    check_trainable,
    groups_for,
    is_splitter,
    requested_groups,
    table_splits,
)
from ._utils.tables import LabelledRows
from ._utils.validation import (
    _invalid,
    check_budget,
    check_option,
    check_positive,
    check_weights,
)
from .metrics._ranking import CountedRows, budget_size

__all__ = ["CascadeClassifier"]

_ALLOWED = "None or a classifier with decision_function or predict_proba"

# The second stage is trained on at least this many rows of each class, if there are as many.
_FEWEST = 10


class CascadeClassifier(ClassifierMixin, BaseEstimator):
    """Two stages: the second model ranks only the rows that the first one lets through.

    A cheap first model keeps a few rows in a hundred. A second model, which may be dear to
    compute or trained for this slice alone, ranks them. Rows that do not reach the second
    stage rank below all that do, in the order of the first score.

    The second stage is trained on the rows that reach it, and this is decided by first scores
    of rows that were held out (`cv`). By scores of rows that the first model was trained on,
    it would be shown positives that the first stage will not let through again.

    Parameters
    ----------
    first : classifier, default=None
        The first stage, a binary classifier with `decision_function` or `predict_proba`. None
        is logistic regression on imputed and standardised numbers and, from a data frame, one
        column per category. A ``FrozenEstimator`` is used as it is.
    second : classifier, default=None
        The second stage. None is `PAUCLGBMClassifier` with the budget that the second stage
        has within the pool, ``budget / budget_first``.
    budget_first : float, default=0.05
        What the first stage lets through, as a fraction in (0, 1] of the rows.
    budget : float, default=0.005
        Review budget of the whole, a fraction in (0, 1] of the rows and at most
        ``budget_first``. Only the default second stage reads it.
    cv : int, cross-validation generator, iterable or None, default=5
        How first scores of the training rows are held out:

        - int: number of stratified folds. It is reduced to the number of rows of the rarer
          class, if that is smaller. With ``groups`` no group is split;
        - a splitter, or an iterable of (train, test) indices. Rows that no split holds out do
          not train the second stage. A row that several splits hold out counts once for each;
        - None: first scores are those of the rows that the first model was trained on. It
          saves the fits of the folds, and is right for a model that cannot overfit, as one
          with a handful of coefficients.
    first_as_feature : bool, default=False
        Whether the second stage gets the first score as a further column, the last one. In a
        data frame it is called ``"first_score"``.
    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it, this is the one that ``first`` or ``second``
        name by a ``pos_label`` of their own; else 1 of {0, 1} and {-1, 1}, and True. Of any
        other two labels it is the rarer one, with a warning. A positive class that is the
        majority is warned about in any case.
    n_jobs : int, default=None
        Number of threads of the default second stage.
    random_state : int, RandomState instance or None, default=None
        Draws the folds and seeds the default second stage. Models of your own keep their
        seeds.

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
    first_ : classifier
        The first stage, fitted on all rows.
    second_ : classifier
        The second stage, fitted on the rows of the pool.
    threshold_ : float
        First scores of at least this much let a row through.
    n_pool_ : int
        Number of rows that trained the second stage.
    first_coverage_ : float
        Share of the positives that the held-out first scores let through, by weight. The
        coverage of the whole cannot be greater, but for chance.

    Raises
    ------
    ValueError
        For a parameter out of range, for other than two classes, or if a model does not take
        weights or values that `fit` was given.

    Warns
    -----
    UserWarning
        If fewer than ten rows of a class reach the second stage. It is then trained on the ten
        of them that rank highest.

    See Also
    --------
    skbudget.metrics.cascade_coverage : What two stages catch, and which of them loses what.
    skbudget.metrics.make_cascade_scorer : Chooses a second stage behind a first one.
    skbudget.ensemble.PAUCEnsembleClassifier : Two models that both see every row.

    Notes
    -----
    The threshold is the score at which the held-out rows spend the first budget, those tied
    with it included. New rows are let through by this score, each by itself, so that their
    number varies. To keep exactly the budget of a batch, see
    `skbudget.metrics.cascade_scores`.

    The scores of held-out rows come from the models of the folds, and those of new rows from
    the model that was fitted on all rows, as in `sklearn.ensemble.StackingClassifier`.

    There is no `predict_proba`: the probabilities of the two stages do not rank rows as the
    cascade does. ``CalibratedClassifierCV(CascadeClassifier(...), method="isotonic")`` has them.

    Where the margin of a row that reached the second stage is at most 500 in size it is that of
    the second stage; greater ones are compressed. A stage without `decision_function` has its
    probability less one half for a margin.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skbudget import PAUCLGBMClassifier, coverage_at_budget_score, make_contested_top
    >>> from skbudget.cascade import CascadeClassifier
    >>> X, y = make_contested_top(10_000, pos_rate=0.01, cue="linear", random_state=0)
    >>> trees = PAUCLGBMClassifier(
    ...     budget=0.2, n_estimators=20, selection_cv=None, calibration_cv=None, verbose=-1
    ... )
    >>> model = CascadeClassifier(LogisticRegression(), trees, budget_first=0.1, cv=2)
    >>> model = model.fit(X, y)
    >>> X_new, y_new = make_contested_top(10_000, pos_rate=0.01, cue="linear", random_state=1)
    >>> model.reaches(X_new).mean().round(1).item()
    0.1
    >>> bool(coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.02) > 0.7)
    True
    """

    # Where there are groups, they are to be heeded.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {"groups": True}

    def __init__(
        self,
        first: Any = None,
        second: Any = None,
        *,
        budget_first: float = 0.05,
        budget: float = 0.005,
        cv: Any = 5,
        first_as_feature: bool = False,
        pos_label: Any = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.first = first
        self.second = second
        self.budget_first = budget_first
        self.budget = budget
        self.cv = cv
        self.first_as_feature = first_as_feature
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
        value: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> CascadeClassifier:
        """Fit the first stage, and the second one on the rows that reach it.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows, which the models check themselves.
        y : array-like of shape (n_samples,)
            Two labels of any kind, see ``pos_label``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of 2 is the row twice, in the first budget as well. Both models
            get them. Rows of weight 0 do not train.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, at least 0. Each model gets it that takes it,
            and at least one must.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for example its customer. A splitter such as ``GroupKFold``
            gets them, and a number of folds keeps them together. A model gets them if its
            `fit` has a parameter of this name.
        **params : dict
            With metadata routing, what else the splitter asks for.

        Returns
        -------
        self : CascadeClassifier
        """
        self._check_params()
        X = check_for_models(self, X, reset=True)
        n_samples = _num_samples(X)
        weight = check_weights(sample_weight, n_samples)
        found = self._find_classes(X, y, weight)
        worth = check_weights(value, n_samples, "value")
        groups = check_groups(groups, n_samples)
        given = self._route(groups, params)
        rows = np.arange(n_samples) if weight is None else np.flatnonzero(weight > 0)
        self._check_counts(found, rows)
        self.pos_label_ = found.classes[1]
        self.classes_ = np.sort(found.classes)
        labels = found.classes[found.positive.astype(np.intp)]
        table = LabelledRows(X, labels, weight, worth, groups=groups)
        first, second, seed = self._new_models(X)
        arguments = self._arguments(table, first=first, second=second)
        with already_told(found.classes), errors_of_models(X, type(self).__name__):
            weighted = table if rows.size == n_samples else table.take(rows)
            self.first_ = weighted.fit(clone(first), arguments["first"])
            held_out, scores = self._hold_out(
                first, table, found.positive, rows, arguments["first"], seed, given
            )
            pool, of_pool = self._find_pool(table, found.positive, held_out, scores)
            trained_on = table.take(pool)
            if self.first_as_feature:
                trained_on = LabelledRows(
                    with_column(trained_on.features, of_pool),
                    trained_on.labels,
                    trained_on.weight,
                    trained_on.value,
                    groups=trained_on.groups,
                )
            self.second_ = trained_on.fit(second, arguments["second"])
        self.n_pool_ = int(pool.size)
        return self

    def _check_params(self) -> None:
        owner = type(self).__name__
        first = check_budget(self.budget_first, owner, "budget_first")
        if check_budget(self.budget, owner) > first:
            allowed = f"at most budget_first, which is {first:g}"
            raise _invalid("budget", self.budget, owner, allowed)
        if isinstance(self.cv, Integral) and not isinstance(self.cv, bool):
            check_positive(self.cv, "cv", owner, integer=True, minimum=2)
        elif self.cv is not None and not is_splitter(self.cv):
            allowed = "None, an int of at least 2, a splitter or an iterable of (train, test)"
            raise _invalid("cv", self.cv, owner, allowed)
        check_option(self.first_as_feature, "first_as_feature", (True, False), owner)
        check_random_state(self.random_state)
        for role in ("first", "second"):
            model = getattr(self, role)
            if model is not None:
                check_estimator(model, role, owner, _ALLOWED, RESPONSE_METHODS)

    def _find_classes(self, X: Any, y: Any, weight: NDArray | None) -> TwoClasses:
        pos_label = self.pos_label
        for model in (self.first, self.second):
            pos_label = asked_positive(model) if pos_label is None else pos_label
        if y is not None:
            check_consistent_length(X, y)
        return find_classes(y, pos_label, owner=type(self).__name__, weight=weight, stacklevel=4)

    def _check_counts(self, found: TwoClasses, rows: NDArray[np.intp]) -> None:
        """Raise if a class has too few rows with weight."""
        counts = np.bincount(found.positive[rows], minlength=2)
        if counts.min() == 0:
            raise ValueError(
                f"{type(self).__name__} needs two classes, but all sample weights of the class "
                f"{found.classes.tolist()[counts.argmin()]!r} are zero."
            )
        if counts.min() < 2 and self.cv is not None and not is_splitter(self.cv):
            raise ValueError(
                "The least populated class in y has only 1 member: first scores are those of "
                "held-out rows, which needs at least 2. Pass more rows, or cv=None."
            )

    def _route(self, groups: NDArray | None, params: dict[str, Any]) -> dict[str, Any]:
        """Return what a splitter gets beside the rows."""
        if _routing_enabled():
            known = {**requested_groups(self, groups), **params}
            return dict(process_routing(self, "fit", **known).splitter.split)
        _raise_for_params(params, self, None)
        return groups_for(self.cv, groups)

    def _new_models(self, X: Any) -> tuple[Any, Any, int]:
        """Return the two models, unfitted, and the seed of the folds."""
        rng = check_random_state(self.random_state)
        seed, fold_seed = (int(rng.randint(2**31 - 1)) for _ in range(2))
        first, second = self.first, self.second
        if first is None:
            first = make_pipeline(table_for_networks(X), LogisticRegression(max_iter=1000))
        if second is None:
            from .boosting import PAUCLGBMClassifier

            # Half of the pool is a band of everything.
            budget = min(self.budget / self.budget_first, 0.5)
            second = PAUCLGBMClassifier(
                budget=budget,
                calibration_cv=None,
                random_state=seed,
                n_jobs=self.n_jobs,
                verbose=-1,
            )
        for model in (first, second):
            refuse_one_sided(model, classes_by_role(self))
        return *(tell_positive(model, self.pos_label_) for model in (first, second)), fold_seed

    @staticmethod
    def _arguments(table: LabelledRows, **models: Any) -> dict[str, dict[str, str]]:
        """Return by which names the `fit` of each model takes the columns."""
        columns = table.columns
        found: dict[str, dict[str, str]] = {role: {} for role in models}
        for role, model in models.items():
            if "sample_weight" in columns:
                found[role]["sample_weight"] = fit_argument(model, role)
            for name in ("value", "groups"):
                argument = optional_fit_argument(model, name) if name in columns else None
                if argument is not None:
                    found[role][name] = argument
        if "value" in columns and not any("value" in names for names in found.values()):
            raise ValueError(
                "value cannot be passed on: neither fit of first nor that of second takes it."
            )
        return found

    def _hold_out(
        self,
        first: Any,
        table: LabelledRows,
        positive: NDArray[np.bool_],
        rows: NDArray[np.intp],
        arguments: dict[str, str],
        seed: int,
        given: dict[str, Any],
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return row numbers and their first scores, held out from the model that gives them."""
        if self.cv is None or is_frozen(first):
            return rows, margin_of(self.first_, table.take(rows).features, self.pos_label_, "first")
        owner = type(self).__name__
        strata = positive.astype(np.int64)
        splits = table_splits(
            self.cv, table, strata, rows, owner=owner, seed=seed, given=given, stacklevel=5
        )
        remedy = "Pass more rows, other splits as cv, or cv=None."
        check_trainable(splits, positive, classes_by_role(self), owner, remedy)
        scores = []
        for split in splits:
            model = table.take(split.train).fit(clone(first), arguments)
            unseen = table.take(split.held_out).features
            scores.append(margin_of(model, unseen, self.pos_label_, "first"))
        held_out = np.concatenate([rows[:0], *(split.held_out for split in splits)])
        if np.unique(positive[held_out]).size < 2:
            raise ValueError(
                f"{owner} trains the second stage on rows that cv holds out, and needs both "
                f"classes among them: {np.count_nonzero(positive[held_out])} of {held_out.size} "
                "are positive."
            )
        # In the order of the table, as far as the splits hold out each row once.
        order = np.argsort(held_out, kind="stable")
        return held_out[order], np.concatenate(scores)[order]

    def _find_pool(
        self,
        table: LabelledRows,
        positive: NDArray[np.bool_],
        held_out: NDArray[np.intp],
        scores: NDArray[np.float64],
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Find the threshold; return the rows that train the second stage, and their scores."""
        weight = None if table.weight is None else table.weight[held_out]
        ranked = CountedRows(scores, weight).in_range()
        cut = ranked.cut(budget_size(self.budget_first, ranked, "population"), reach=True)
        reaches = scores >= cut.threshold
        # A threshold at which everything passes lets new rows through as well.
        self.threshold_ = float(cut.threshold)
        self._spread = mean_distance(scores, max(self.threshold_, float(scores.min())), weight)
        of_class = positive[held_out]
        counts = ranked.where(of_class), ranked.where(of_class & reaches)
        self.first_coverage_ = min(counts[1].total / counts[0].total, 1.0)
        for code, kind in ((False, "negatives"), (True, "positives")):
            members = np.flatnonzero(of_class == code)
            n_reached = int(np.count_nonzero(reaches[members]))
            wanted = min(_FEWEST, members.size)
            if n_reached >= wanted:
                continue
            # Of rows that are tied at the last place all are taken.
            least = np.partition(scores[members], -wanted)[-wanted]
            reaches[members[scores[members] >= least]] = True
            budget = float(self.budget_first)
            warnings.warn(
                f"{type(self).__name__}: only {n_reached} of {members.size} {kind} are let "
                f"through by budget_first={budget:g}, which is few to train the second "
                f"stage on. It is trained on the {wanted} that rank highest. Raise budget_first.",
                UserWarning,
                stacklevel=3,
            )
        return held_out[reaches], scores[reaches]

    # --- prediction ---------------------------------------------------------------

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the margin of each row.

        Rows that reach the second stage have its margin, and all others are below them. A
        margin above zero favours ``classes_[1]``.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        margin : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = check_for_models(self, X, reset=False)
        first = self._first_margin(X)
        reaches = first >= self.threshold_
        # Differences beyond the range of a float are infinite, and compressed as others are.
        with np.errstate(over="ignore", invalid="ignore"):
            below = np.where(reaches, 0.0, (first - self.threshold_) / self._spread)
        margin = FLOOR + bounded(below)
        rows = np.flatnonzero(reaches)
        if rows.size:
            part = _safe_indexing(X, rows)
            if self.first_as_feature:
                part = with_column(part, first[rows])
            with errors_of_models(X, type(self).__name__):
                second = margin_of(self.second_, part, self.pos_label_, "second")
            margin[rows] = bounded(second)
        return -margin if is_positive_first(self) else margin

    def reaches(self, X: Any) -> NDArray[np.bool_]:
        """Tell which rows the first stage lets through.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        reaches : ndarray of shape (n_samples,), dtype=bool
        """
        check_is_fitted(self)
        X = check_for_models(self, X, reset=False)
        return self._first_margin(X) >= self.threshold_

    def _first_margin(self, X: Any) -> NDArray[np.float64]:
        with errors_of_models(X, type(self).__name__):
            return margin_of(self.first_, X, self.pos_label_, "first")

    def predict(self, X: Any) -> NDArray:
        """Return the class of each row.

        A row is positive if it reaches the second stage and this says so. To spend a budget,
        act on the top of `decision_function`.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(np.intp)]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where.

        Returns
        -------
        routing : MetadataRouter
            `sample_weight` and `value` are this classifier's own, and it hands them to the
            models. `groups` are requested unless ``set_fit_request(groups=False)`` says
            otherwise. The splitter's `split` gets what it requests.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        if not hasattr(self.cv, "get_metadata_routing"):
            return router
        to_splitter = MethodMapping().add(caller="fit", callee="split")
        return router.add(splitter=self.cv, method_mapping=to_splitter)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        models = [model for model in (self.first, self.second) if model is not None]
        tags.input_tags.allow_nan = all(get_tags(model).input_tags.allow_nan for model in models)
        return tags
