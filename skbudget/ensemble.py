"""Trees and a network, both trained on the partial AUC, as one classifier."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import _num_samples, check_is_fitted

from ._blending import Seen, TopScale, blend, choose_tenths, match_folds, mean_line
from ._utils.calibration import SigmoidCalibrator
from ._utils.estimators import check_estimator
from ._utils.features import check_for_models, errors_of_models
from ._utils.fit_arguments import fit_argument, optional_fit_argument
from ._utils.labels import (
    TwoClasses,
    already_told,
    classes_by_role,
    find_classes,
    is_positive_first,
    two_columns,
)
from ._utils.positive import asked_positive, favours, refuse_one_sided, tell_positive
from ._utils.preparation import table_for_networks
from ._utils.seeds import check_random_state
from ._utils.splits import (
    Split,
    check_groups,
    check_trainable,
    groups_for,
    is_splitter,
    requested_groups,
    table_splits,
)
from ._utils.tables import LabelledRows
from ._utils.validation import check_budget, check_positive, check_response, check_weights
from .boosting._classifier import PAUCClassifierMixin, rows_of_weight

__all__ = ["PAUCEnsembleClassifier"]


def _as_chosen(model: Any, fitted: Any) -> Any:
    """Return ``model``, unfitted, with the settings that ``fitted`` chose by folds of its own."""
    if isinstance(fitted, PAUCClassifierMixin):
        model.set_params(selection_cv=None, **fitted._chosen)
    return model


def _as_encoded(model: Any, fitted: Any) -> Any:
    """Return ``model``, unfitted, with the encoding that ``fitted`` found right for all rows.

    Folds have fewer positives, and a network of another kind would rank otherwise.
    """
    last = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    if getattr(last, "encoding", None) != "auto" or not hasattr(last, "settings_"):
        return model
    model = clone(model)
    inner = model[-1] if isinstance(model, Pipeline) else model
    inner.set_params(encoding=last.settings_["encoding"])
    return model


def _margin(model: Any, X: Any, pos_label: Any, role: str) -> NDArray[np.float64]:
    """Return the margins of a model, greater for the positive class."""
    margin = check_response(model.decision_function(X), f"decision_function of {role}")
    return margin if favours(model, pos_label) else -margin


class PAUCEnsembleClassifier(ClassifierMixin, BaseEstimator):
    """Boosted trees and a network, both trained on the partial AUC, blended into one ranking.

    Trees and networks err on different rows. On synthetic contested tops the blend
    covers more positives than either model: with the cue ``"product"`` it covers 0.848,
    the network alone 0.842 and the trees 0.826; with the cue ``"radial"`` it covers 0.806,
    and the better of the two models 0.79. The weight of the network is chosen on rows that
    neither model was trained on. Where the network ranks badly, its weight is 0.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
        It sets the band of the default models. The blend is chosen by the partial AUC up
        to a false positive rate of ``budget``.
    trees, network : classifier, default=None
        The two models: any binary classifiers with `decision_function`. They are cloned,
        not fitted themselves. None takes `PAUCLGBMClassifier` and `PAUCClassifier` with
        the budget. The default network gets imputed and standardised numbers and, from a
        data frame, one column per category. A model of your own gets ``X`` unchanged, so
        put any preparation in a pipeline. Calibration inside the models would only cost
        time: pass ``calibration_cv=None`` to the models of this package.
    cv : int, cross-validation generator or iterable, default=3
        Folds on which the blend and `predict_proba` are learnt:

        - int: number of stratified folds. It is reduced to the number of rows of the rarer
          class, if that is smaller. With ``groups`` no group is split;
        - a splitter, or an iterable of (train, test) indices. Rows that no split holds out,
          such as the first ones of ``TimeSeriesSplit``, only train. A row that several splits
          hold out counts once for each.
    pos_label : int, float, bool or str, default=None
        Label of the positive class. Without it, this is the one that ``trees`` or ``network``
        name by a ``pos_label`` of their own; else 1 of {0, 1} and {-1, 1}, and True. Of any
        other two labels it is the rarer one, with a warning. A positive class that is the
        majority is warned about in any case.
    n_jobs : int, default=None
        Number of threads of the default trees. For the network use
        ``torch.set_num_threads``.
    random_state : int, RandomState instance or None, default=None
        Draws the folds and seeds the default models. Models of your own keep their
        seeds. The same number gives the same model on the same machine.

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
    trees_, network_ : classifiers
        The two models, fitted on all rows.
    network_weight_ : float
        Weight of the network in the blend, a multiple of 0.1 from 0 to 1. The trees have
        the rest. A model of weight 0 is kept, but not used to predict.
    calibrator_ : SigmoidCalibrator
        Map from margin to probability.

    See Also
    --------
    skbudget.boosting.PAUCLGBMClassifier : Trees of LightGBM alone.
    skbudget.boosting.PAUCXGBClassifier : Trees of XGBoost alone.
    skbudget.neural.PAUCClassifier : The network alone.

    Notes
    -----
    Each model is fitted once on all rows, and once without each fold. Models that have a
    ``pos_label`` are told the positive class.
    Settings that the trees choose by cross-fitting of their own are chosen once, on all rows.

    Before the margins of the two models are added, they are put on the scale of the top.
    0 is where ten times the budget is spent (at most half of the rows), and 1 is where the
    budget is spent (at most a twentieth). On held-out rows these points are quantiles of the
    margins of each fold. The models that were fitted on all rows have a scale of their own, and
    no held-out rows to measure it. They are compared with the models of each fold on the rows
    that both were trained on: there their blend gets the spread and the mean probability that the
    blends of the folds have, without a look at the labels. Where such a model ranks these rows
    unlike those of the folds, as after very few epochs, it counts for less in the blend.
    Among blends that rank the held-out rows equally well, the weight closest to one half is
    chosen. With fewer than ten rows of a class the weight is one half, because there are too
    few rows to choose it.

    ``sample_weight`` counts in both models, in the blend and in the probabilities. Rows
    of weight zero are not held out. The classifier is binary; for one-versus-rest wrap it in
    `sklearn.multiclass.OneVsRestClassifier`.

    Examples
    --------
    >>> from skbudget import PAUCClassifier, PAUCEnsembleClassifier, PAUCLGBMClassifier
    >>> from skbudget import coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(10_000, pos_rate=0.01, cue="linear", random_state=0)
    >>> trees = PAUCLGBMClassifier(
    ...     budget=0.02, n_estimators=20, calibration_cv=None, n_jobs=1, verbose=-1
    ... )
    >>> network = PAUCClassifier(
    ...     budget=0.02, n_members=2, max_epochs=10, calibration_cv=None, random_state=0
    ... )
    >>> model = PAUCEnsembleClassifier(budget=0.02, trees=trees, network=network, cv=2)
    >>> model = model.fit(X, y)
    >>> X_new, y_new = make_contested_top(10_000, pos_rate=0.01, cue="linear", random_state=1)
    >>> bool(coverage_at_budget_score(y_new, model.decision_function(X_new), budget=0.02) > 0.8)
    True
    """

    def __init__(
        self,
        *,
        budget: float = 0.005,
        trees: Any = None,
        network: Any = None,
        cv: Any = 3,
        pos_label: Any = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.budget = budget
        self.trees = trees
        self.network = network
        self.cv = cv
        self.pos_label = pos_label
        self.n_jobs = n_jobs
        self.random_state = random_state

    # Where there are groups, they are to be heeded.
    __metadata_request__fit: ClassVar[dict[str, Any]] = {"groups": True}

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
    ) -> PAUCEnsembleClassifier:
        """Fit both models, and choose the blend on rows that they did not see.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows. The default models accept NaN and the categories of a data frame.
        y : array-like of shape (n_samples,)
            Two labels of any kind, see ``pos_label``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, for example an amount, at least 0 and in
            any unit. Entries of negatives are not used. Both models get it, and the blend
            is chosen by the partial AUC of the value. It does not change how often a row
            counts: probabilities are those of the classes, as without it.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for example its customer. A splitter such as ``GroupKFold``
            gets them, and a number of folds keeps them together too. A model gets them if its
            `fit` has a parameter of this name. Splits that part a group are warned about.
        **params : dict
            With metadata routing, what else the splitter asks for.

        Returns
        -------
        self : PAUCEnsembleClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes with two
            rows each, no positive has value, a split has no positives or no negatives to train
            on, or a model does not accept weights or values.
        """
        self._check_params()
        owner = type(self).__name__
        X = check_for_models(self, X, reset=True)
        weight = check_weights(sample_weight, _num_samples(X))
        found = self._find_classes(X, y, weight)
        target = found.positive.astype(np.int64)
        worth = check_weights(value, _num_samples(X), "value")
        groups = check_groups(groups, _num_samples(X))
        given = self._route(groups, params)
        rows, counts = rows_of_weight(target, weight, found.classes, owner)
        strata = target if worth is None else target * (worth > 0)
        if not strata[rows].any():
            raise ValueError("The positives have no value: at least one must be worth something.")
        counts = np.bincount(strata[rows], minlength=2)
        if counts.min() < 2:
            raise ValueError(
                "The least populated class in y has only 1 member"
                + (": " if worth is None else " (of positives those with value count): ")
                + "the blend is learnt on held-out rows, which needs at least 2."
            )
        self.pos_label_ = found.classes[1]
        self.classes_ = np.sort(found.classes)
        models, fold_seed = self._new_models(X)
        table = LabelledRows(X, found.classes[target], weight, worth, groups=groups)
        splits = self._find_splits(table, strata, rows, fold_seed, given)
        arguments = {
            role: self._arguments(model, role, table.columns) for role, model in models.items()
        }
        with already_told(found.classes), errors_of_models(X, type(self).__name__):
            self.trees_, self.network_ = (
                table.fit(clone(model), arguments[role]) for role, model in models.items()
            )
            models["trees"] = _as_chosen(models["trees"], self.trees_)
            models["network"] = _as_encoded(models["network"], self.network_)
            standard, seen = self._score_folds(models, arguments, table, splits)
        held_out = np.concatenate([split.held_out for split in splits])
        # In the order of the table, as far as the splits hold out each row once.
        order = np.argsort(held_out, kind="stable")
        held_out, standard = held_out[order], standard[order]
        of_rows = (None if entries is None else entries[held_out] for entries in (weight, worth))
        self._settle_blend(target[held_out], standard, *of_rows)
        self._settle_final(X, seen)
        return self

    def _find_classes(self, X: Any, y: Any, weight: NDArray | None) -> TwoClasses:
        pos_label = self.pos_label
        for model in (self.trees, self.network):
            pos_label = asked_positive(model) if pos_label is None else pos_label
        if y is not None:
            check_consistent_length(X, y)
        return find_classes(y, pos_label, owner=type(self).__name__, weight=weight, stacklevel=4)

    def _route(self, groups: NDArray | None, params: dict[str, Any]) -> dict[str, Any]:
        """Return what a splitter gets beside the rows."""
        if _routing_enabled():
            known = {**requested_groups(self, groups), **params}
            return dict(process_routing(self, "fit", **known).splitter.split)
        _raise_for_params(params, self, None)
        return groups_for(self.cv, groups)

    @staticmethod
    def _arguments(model: Any, role: str, columns: dict[str, NDArray]) -> dict[str, str]:
        """Return by which names the `fit` of a model takes the columns."""
        found = {name: fit_argument(model, role, name) for name in columns if name != "groups"}
        of_groups = optional_fit_argument(model, "groups") if "groups" in columns else None
        return found if of_groups is None else {**found, "groups": of_groups}

    def _find_splits(
        self,
        table: LabelledRows,
        strata: NDArray[np.int64],
        rows: NDArray[np.intp],
        seed: int,
        given: dict[str, Any],
    ) -> list[Split]:
        """Return the splits of the rows that have weight."""
        owner, remedy = type(self).__name__, "Pass more rows, or other splits as cv."
        splits = table_splits(
            self.cv, table, strata, rows, owner=owner, seed=seed, given=given, stacklevel=5
        )
        check_trainable(
            splits, table.labels == self.pos_label_, classes_by_role(self), owner, remedy
        )
        held_out = np.concatenate([rows[:0], *(split.held_out for split in splits)])
        if np.bincount(strata[held_out], minlength=2).min() < 1:
            raise ValueError(
                f"{owner} learns probabilities from held-out rows of both classes, and cv holds "
                f"out {np.count_nonzero(strata[held_out])} positives of {held_out.size} rows."
            )
        return splits

    def _score_folds(
        self,
        models: dict[str, Any],
        arguments: dict[str, dict[str, str]],
        table: LabelledRows,
        splits: list[Split],
    ) -> tuple[NDArray[np.float64], list[Seen]]:
        """Return standardised margins of held-out rows, split by split, and of the other rows."""
        parts: list[NDArray] = []
        shared: list[Seen] = []
        for split in splits:
            seen, unseen = table.take(split.train), table.take(split.held_out)
            columns, trained_on = [], {}
            for role, model in models.items():
                fitted = seen.fit(clone(model), arguments[role])
                margin = _margin(fitted, unseen.features, self.pos_label_, role)
                scale = TopScale.of(margin, unseen.weight, self.budget)
                columns.append(scale(margin))
                trained_on[role] = scale(_margin(fitted, seen.features, self.pos_label_, role))
            parts.append(np.column_stack(columns))
            shared.append(Seen.of(split.train, trained_on, seen.weight))
        return np.concatenate(parts), shared

    def _check_params(self) -> None:
        owner = type(self).__name__
        check_budget(self.budget, owner)
        if isinstance(self.cv, Integral):
            check_positive(self.cv, "cv", owner, integer=True, minimum=2)
        elif not is_splitter(self.cv):
            raise InvalidParameterError(
                f"The 'cv' parameter of {owner} must be an int of at least 2, a splitter or an "
                f"iterable of (train, test). Got {self.cv!r} instead."
            )
        check_random_state(self.random_state)
        for role in ("trees", "network"):
            model = getattr(self, role)
            if model is not None:
                allowed = "None or a classifier with decision_function"
                check_estimator(model, role, owner, allowed, ("decision_function",))

    def _new_models(self, X: Any) -> tuple[dict[str, Any], int]:
        """Return the two models by role, unfitted, and the seed of the folds."""
        seed, fold_seed = self.random_state, 0
        if seed is not None:
            rng = check_random_state(seed)
            fold_seed = int(rng.randint(2**31 - 1))
            if not isinstance(seed, Integral):
                # A generator would give every fold a different seed.
                seed = int(rng.randint(2**31 - 1))
        trees, network = self.trees, self.network
        if trees is None:
            from .boosting import PAUCLGBMClassifier

            trees = PAUCLGBMClassifier(
                budget=self.budget,
                calibration_cv=None,
                random_state=seed,
                n_jobs=self.n_jobs,
                verbose=-1,
            )
        if network is None:
            from .neural import PAUCClassifier

            network = make_pipeline(
                table_for_networks(X),
                PAUCClassifier(budget=self.budget, calibration_cv=None, random_state=seed),
            )
        models = {"trees": trees, "network": network}
        for model in models.values():
            refuse_one_sided(model, classes_by_role(self))
        told = {role: tell_positive(model, self.pos_label_) for role, model in models.items()}
        return told, fold_seed

    def _settle_blend(
        self,
        target: NDArray[np.int64],
        standard: NDArray,
        weight: NDArray | None,
        value: NDArray | None,
    ) -> None:
        """Learn the blend, and its probabilities, from standardised held-out margins."""
        self._tenths = choose_tenths(target, standard, weight, self.budget, value)
        self.network_weight_ = self._tenths / 10
        blended = blend(self._tenths, *standard.T)
        self.calibrator_ = SigmoidCalibrator.fit(blended, target == 1, weight)

    def _settle_final(self, X: Any, seen: list[Seen]) -> None:
        """Put the final models on the scale of the models that the blend was learnt from."""
        margins = self._margins(X)
        self._lines = {role: mean_line(role, margin, seen) for role, margin in margins.items()}
        found, final = self.calibrator_, self._blend_of(margins)
        # The offset becomes part of the margin. A margin of zero then means even odds.
        self._line = match_folds(self._tenths, final, seen, found)
        self.calibrator_ = SigmoidCalibrator(found.slope)

    # --- prediction ---------------------------------------------------------------

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the margin of each row: the blend of the two models' margins.

        A margin above zero means a probability of ``classes_[1]`` above one half.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        margin : ndarray of shape (n_samples,)
        """
        blend = self._blended(X)
        return -blend if is_positive_first(self) else blend

    def _blended(self, X: Any) -> NDArray[np.float64]:
        """Return the margin of each row, greater for the positive class."""
        check_is_fitted(self)
        X = check_for_models(self, X, reset=False)
        with errors_of_models(X, type(self).__name__):
            margins = self._margins(X)
        return self._line(self._blend_of(margins))

    def _margins(self, X: Any) -> dict[str, NDArray[np.float64]]:
        """Return the margins of the final models that have weight in the blend."""
        idle = {0: "network", 10: "trees"}.get(self._tenths)
        models = {"trees": self.trees_, "network": self.network_}
        return {
            role: _margin(model, X, self.pos_label_, role)
            for role, model in models.items()
            if role != idle
        }

    def _blend_of(self, margins: dict[str, NDArray]) -> NDArray[np.float64]:
        """Return the blend of the margins of the final models."""
        parts = (
            self._lines[role](margins[role]) if role in margins else 0.0
            for role in ("trees", "network")
        )
        return blend(self._tenths, *parts)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return calibrated class probabilities.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``. The second column ranks rows as
            `decision_function` does, up to rounding.
        """
        blend = self._blended(X)
        return two_columns(self.calibrator_(blend), is_positive_first(self))

    def predict(self, X: Any) -> NDArray:
        """Return the more probable class of each row.

        For rare positives that is nearly always the negative class. To spend a
        budget, act on the top of `decision_function`.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        second = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[second.astype(np.intp)]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where.

        Returns
        -------
        routing : MetadataRouter
            `sample_weight` and `value` are this classifier's own, and it hands them to both
            models. `groups` are requested unless ``set_fit_request(groups=False)`` says
            otherwise. The splitter's `split` gets what it requests.
        """
        to_splitter = MethodMapping().add(caller="fit", callee="split")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(splitter=self.cv, method_mapping=to_splitter)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
