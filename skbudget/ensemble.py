"""Trees and a network, both trained on the partial AUC, as one classifier."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _num_samples, check_is_fitted

from ._utils.calibration import SigmoidCalibrator
from ._utils.fit_arguments import fit_argument
from ._utils.preparation import table_for_networks
from ._utils.validation import check_budget, check_positive, check_scores, check_weights
from .boosting._classifier import (
    MIN_TO_CHOOSE,
    PAUCClassifierMixin,
    check_table,
    encode_two_classes,
    rows_of_weight,
)
from .metrics import partial_auc_score
from .metrics._ranking import Group

__all__ = ["PAUCEnsembleClassifier"]

# Weights that the network may get, in tenths.
_TENTHS = range(11)


class _TopScale(NamedTuple):
    """The map that takes a model's margins to the scale of the top of its ranking.

    The budget's cut is at 1 and ten times the budget at 0, so that margins of two
    models can be added where the budget is spent, however they spread below.
    """

    low: float
    width: float

    @classmethod
    def of(cls, margin: NDArray, weight: NDArray | None, budget: float) -> _TopScale:
        """Return the scale of the margins of some rows."""
        ranked = Group(margin, weight)
        # The caps keep the levels apart where the budget is most of the rows.
        shares = (min(10 * budget, 0.5), min(budget, 0.05))
        low, high = (ranked.cut(share * ranked.total).threshold for share in shares)
        return cls(low, (high - low) or 1.0)

    def __call__(self, margin: NDArray) -> NDArray[np.float64]:
        """Return standardised margins."""
        return (margin - self.low) / self.width


def _choose_tenths(
    target: NDArray[np.int64],
    standard: NDArray,
    weight: NDArray | None,
    budget: float,
    value: NDArray | None = None,
) -> int:
    """Return the network's tenths in the blend that ranks the held-out rows best.

    ``standard`` holds the standardised margins of the trees and of the network.
    """
    valued = target if value is None else target * (value > 0)
    if np.bincount(valued, minlength=2).min() < MIN_TO_CHOOSE:
        # Of so few rows the best weight is a matter of luck.
        return 5

    def worth(tenths: int) -> tuple[float, int, int]:
        blend = _blend(tenths, *standard.T)
        area = partial_auc_score(target, blend, beta=budget, sample_weight=weight, value=value)
        return area, -abs(tenths - 5), -tenths

    return max(_TENTHS, key=worth)


def _blend(tenths: int, of_trees: Any, of_network: Any) -> Any:
    return (1 - tenths / 10) * of_trees + tenths / 10 * of_network


class _Rows(NamedTuple):
    """What the models are fitted on."""

    X: Any
    labels: NDArray
    weight: NDArray | None
    value: NDArray | None

    @property
    def per_row(self) -> dict[str, NDArray]:
        """What `fit` is told of the rows beside their labels."""
        known = {"sample_weight": self.weight, "value": self.value}
        return {name: entries for name, entries in known.items() if entries is not None}

    def take(self, part: NDArray[np.intp]) -> _Rows:
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[part]
        value = None if self.value is None else self.value[part]
        return _Rows(_safe_indexing(self.X, part), self.labels[part], weight, value)

    def fit(self, model: Any, names: dict[str, str]) -> Any:
        """Fit a model, and return it; ``names`` are those of the arguments of its `fit`."""
        given = {names[name]: entries for name, entries in self.per_row.items()}
        # Weights are handed over by name, whatever an application has set up for routing.
        with config_context(enable_metadata_routing=False):
            return model.fit(self.X, self.labels, **given)


def _as_chosen(model: Any, fitted: Any) -> Any:
    """Return ``model``, unfitted, with what ``fitted`` has chosen by folds of its own."""
    if isinstance(fitted, PAUCClassifierMixin):
        model.set_params(selection_cv=None, **fitted._chosen)
    return model


def _margin(model: Any, X: Any, role: str) -> NDArray[np.float64]:
    return check_scores(model.decision_function(X), f"decision_function of {role}")


class PAUCEnsembleClassifier(ClassifierMixin, BaseEstimator):
    """Boosted trees and a network, both trained on the partial AUC, blended into one ranking.

    Trees and networks err on different rows. On synthetic contested tops the blend
    covers more positives than either: 0.848 where the network alone has 0.842 and the
    trees 0.826 (cue ``"product"``), and 0.806 where the better of the two has 0.79
    (``"radial"``). How much the network counts is chosen on rows that neither model
    was trained on, so that on a table where it ranks badly it counts for nothing.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
        Sets the band of the default models, and the partial AUC (up to a false
        positive rate of ``budget``) by which the blend is chosen.
    trees, network : classifier, default=None
        The two models: any binary classifiers with `decision_function`, given
        unfitted and cloned. None for `PAUCLGBMClassifier` and `PAUCClassifier` with
        the budget, the latter behind imputed and standardised numbers and, for a data
        frame, one column per category. A model of your own gets ``X`` as it is: put
        what it needs in a pipeline. Its own calibration would only cost time: pass
        ``calibration_cv=None`` to ours.
    cv : int, default=3
        Folds of the rows on which the blend and `predict_proba` are learnt; never
        more than the rarer class has rows.
    n_jobs : int, default=None
        Threads of the default trees. Those of the network are torch's
        (``torch.set_num_threads``).
    random_state : int, RandomState instance or None, default=None
        Draws the folds, and seeds the default models; models of your own keep their
        seeds. The same number gives the same model on the same machine.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Class labels; the second is the positive class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, if all are strings.
    trees_, network_ : classifiers
        The two models, fitted on all rows.
    network_weight_ : float
        Weight of the network in the blend, a tenth from 0 to 1; that of the trees is
        the rest. A model of weight 0 is kept, but not asked when predicting.
    calibrator_ : SigmoidCalibrator
        Map from margin to probability.

    See Also
    --------
    skbudget.boosting.PAUCLGBMClassifier : Trees of LightGBM alone.
    skbudget.boosting.PAUCXGBClassifier : Trees of XGBoost alone.
    skbudget.neural.PAUCClassifier : The network alone.

    Notes
    -----
    Each model is fitted ``cv + 1`` times, on all rows and on all folds but one. What the
    trees choose by cross-fitting of their own they choose once, on all rows.

    The margins of each model are put on the scale of the top before they are added:
    0 where ten times the budget is spent (at most half of the rows), 1 where the budget
    is (at most a twentieth), by quantiles of each fold's held-out margins, and for new
    rows by the means of those quantiles over folds. Blends that rank the held-out rows
    equally well are settled in favour of the weight closest to one half. With fewer
    than ten rows of a class the weight is one half, for want of rows to choose it by.

    ``sample_weight`` counts in both models, in the blend and in the probabilities; rows
    of weight zero are not held out. Binary only; for one-versus-rest wrap it in
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
        cv: int = 3,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.budget = budget
        self.trees = trees
        self.network = network
        self.cv = cv
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
    ) -> PAUCEnsembleClassifier:
        """Fit both models, and the blend on rows they did not see.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows. The default models take NaN, and categories of a data frame.
        y : array-like of shape (n_samples,)
            Two labels of any kind; the greater one is the positive class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, say an amount, at least 0 and in any
            unit; entries of negatives are not used. Passed to both models, and the blend
            is chosen by the partial AUC of the value. It counts no rows: probabilities
            are those of the classes, as without it.

        Returns
        -------
        self : PAUCEnsembleClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes with two
            rows each, no positive has value, or a model cannot be given weights or values.
        """
        self._check_params()
        owner = type(self).__name__
        X = self._check_X(X, reset=True)
        encoder, target = encode_two_classes(X, y, owner)
        weight = check_weights(sample_weight, _num_samples(X))
        worth = check_weights(value, _num_samples(X), "value")
        rows, counts = rows_of_weight(target, weight, encoder.classes_, owner)
        strata = target if worth is None else target * (worth > 0)
        if not strata[rows].any():
            raise ValueError("The positives have no value: at least one must be worth something.")
        counts = np.bincount(strata[rows], minlength=2)
        if counts.min() < 2:
            raise ValueError(
                "The least populated class in y has only 1 member"
                + (": " if worth is None else " (of positives those with value count): ")
                + "the blend is learnt on rows that are held out, which needs at least 2."
            )
        self.classes_ = encoder.classes_
        models, fold_seed = self._new_models(X)
        table = _Rows(X, self.classes_[target], weight, worth)
        arguments = {
            role: {name: fit_argument(model, role, name) for name in table.per_row}
            for role, model in models.items()
        }
        self.trees_, self.network_ = (
            table.fit(clone(model), arguments[role]) for role, model in models.items()
        )
        models["trees"] = _as_chosen(models["trees"], self.trees_)

        n_folds = min(int(self.cv), int(counts.min()))
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=fold_seed)
        standard = np.empty((rows.size, len(models)))
        scales: dict[str, list[_TopScale]] = {role: [] for role in models}
        for train, held_out in folds.split(rows, strata[rows]):
            seen, unseen = table.take(rows[train]), table.take(rows[held_out])
            for column, (role, model) in enumerate(models.items()):
                fitted = seen.fit(clone(model), arguments[role])
                margin = _margin(fitted, unseen.X, role)
                scale = _TopScale.of(margin, unseen.weight, self.budget)
                standard[held_out, column] = scale(margin)
                scales[role].append(scale)
        self._scales = {
            role: _TopScale(*np.mean(of_folds, axis=0).tolist())
            for role, of_folds in scales.items()
        }
        of_rows = (None if entries is None else entries[rows] for entries in (weight, worth))
        self._settle_blend(target[rows], standard, *of_rows)
        return self

    def _check_params(self) -> None:
        owner = type(self).__name__
        check_budget(self.budget, owner)
        check_positive(self.cv, "cv", owner, integer=True, minimum=2)
        check_random_state(self.random_state)
        for role in ("trees", "network"):
            model = getattr(self, role)
            if model is None:
                continue
            if isinstance(model, type) or not all(
                hasattr(model, method) for method in ("fit", "decision_function")
            ):
                raise InvalidParameterError(
                    f"The {role!r} parameter of {owner} must be None or a classifier with "
                    f"decision_function. Got {model!r} instead."
                )

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        return check_table(
            self,
            X,
            reset=reset,
            dtype=(np.float64, np.float32),
            ensure_all_finite="allow-nan",
        )

    def _new_models(self, X: Any) -> tuple[dict[str, Any], int]:
        """Return the two models by role, unfitted, and the seed of the folds."""
        seed, fold_seed = self.random_state, 0
        if seed is not None:
            rng = check_random_state(seed)
            fold_seed = int(rng.randint(2**31 - 1))
            if not isinstance(seed, Integral):
                # A generator would give every fold another seed.
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
        return {"trees": clone(trees), "network": clone(network)}, fold_seed

    def _settle_blend(
        self,
        target: NDArray[np.int64],
        standard: NDArray,
        weight: NDArray | None,
        value: NDArray | None,
    ) -> None:
        """Learn the blend, and its probabilities, from standardised held-out margins."""
        self._tenths = _choose_tenths(target, standard, weight, self.budget, value)
        self.network_weight_ = self._tenths / 10
        blend = _blend(self._tenths, *standard.T)
        found = SigmoidCalibrator.fit(blend, target == 1, weight)
        # The offset goes into the margin, whose zero then means even odds.
        self._offset = found.offset
        self.calibrator_ = SigmoidCalibrator(found.slope)

    # --- prediction ---------------------------------------------------------------

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the margin of each row: the blend of the two models' margins.

        A margin above zero means a probability above one half.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        margin : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        idle = {0: "network", 10: "trees"}.get(self._tenths)
        of_trees, of_network = (
            0.0 if role == idle else self._scales[role](_margin(model, X, role))
            for role, model in (("trees", self.trees_), ("network", self.network_))
        )
        return _blend(self._tenths, of_trees, of_network) + self._offset

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return calibrated class probabilities.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``. The second ranks rows exactly as
            `decision_function` does, up to rounding.
        """
        margin = self.decision_function(X)
        positive = self.calibrator_(margin)
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Any) -> NDArray:
        """Return the more probable class of each row.

        For rare positives that is nearly always the negative one; to spend a
        budget, act on the top of `decision_function`.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        positive = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[positive.astype(np.intp)]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
