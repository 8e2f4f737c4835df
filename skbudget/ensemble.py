"""Trees and a network, both trained on the partial AUC, as one classifier."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _num_samples, check_is_fitted

from ._utils.calibration import SigmoidCalibrator
from ._utils.fit_arguments import fit_argument
from ._utils.preparation import table_for_networks
from ._utils.tables import LabelledRows
from ._utils.validation import check_budget, check_positive, check_scores, check_weights
from .boosting._classifier import (
    MIN_TO_CHOOSE,
    PAUCClassifierMixin,
    check_table,
    encode_two_classes,
    rows_of_weight,
)
from .metrics import partial_auc_score
from .metrics._ranking import CountedRows

__all__ = ["PAUCEnsembleClassifier"]

# Weights that the network may have in the blend, in tenths.
_TENTHS = range(11)


class _TopScale(NamedTuple):
    """The map of a model's margins to the scale of the top of its ranking.

    The cut at the budget is mapped to 1, and the cut at ten times the budget to 0. The margins
    of two models can then be added where the budget is spent, however they spread below.
    """

    low: float
    width: float

    @classmethod
    def of(cls, margin: NDArray, weight: NDArray | None, budget: float) -> _TopScale:
        """Return the scale of the margins of some rows."""
        ranked = CountedRows(margin, weight)
        # The caps keep the two levels apart if the budget is most of the rows.
        shares = (min(10 * budget, 0.5), min(budget, 0.05))
        low, high = (ranked.cut(share * ranked.total).threshold for share in shares)
        return cls(low, (high - low) or 1.0)

    def __call__(self, margin: NDArray) -> NDArray[np.float64]:
        """Return the standardised margins."""
        return (margin - self.low) / self.width


def _choose_tenths(
    target: NDArray[np.int64],
    standard: NDArray,
    weight: NDArray | None,
    budget: float,
    value: NDArray | None = None,
) -> int:
    """Return the network's weight, in tenths, in the blend that ranks the held-out rows best.

    ``standard`` has two columns, the standardised margins of the trees and of the network.
    """
    valued = target if value is None else target * (value > 0)
    if np.bincount(valued, minlength=2).min() < MIN_TO_CHOOSE:
        # On so few rows the best weight would be a matter of luck.
        return 5

    def worth(tenths: int) -> tuple[float, int, int]:
        blend = _blend(tenths, *standard.T)
        area = partial_auc_score(target, blend, beta=budget, sample_weight=weight, value=value)
        return area, -abs(tenths - 5), -tenths

    return max(_TENTHS, key=worth)


def _blend(tenths: int, of_trees: Any, of_network: Any) -> Any:
    return (1 - tenths / 10) * of_trees + tenths / 10 * of_network


def _as_chosen(model: Any, fitted: Any) -> Any:
    """Return ``model``, unfitted, with the settings that ``fitted`` chose by folds of its own."""
    if isinstance(fitted, PAUCClassifierMixin):
        model.set_params(selection_cv=None, **fitted._chosen)
    return model


def _margin(model: Any, X: Any, role: str) -> NDArray[np.float64]:
    margin = np.asarray(model.decision_function(X), dtype=np.float64)
    return check_scores(margin, f"decision_function of {role}")


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
    cv : int, default=3
        Number of folds on which the blend and `predict_proba` are learnt. It is reduced
        to the number of rows of the rarer class, if that is smaller.
    n_jobs : int, default=None
        Number of threads of the default trees. For the network use
        ``torch.set_num_threads``.
    random_state : int, RandomState instance or None, default=None
        Draws the folds and seeds the default models. Models of your own keep their
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
    Each model is fitted ``cv + 1`` times: once on all rows, and once without each fold.
    Settings that the trees choose by cross-fitting of their own are chosen once, on all rows.

    Before the margins of the two models are added, they are put on the scale of the top.
    0 is where ten times the budget is spent (at most half of the rows), and 1 is where the
    budget is spent (at most a twentieth). On held-out rows these points are quantiles of the
    margins of each fold. For new rows they are the means of those quantiles over folds.
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
        """Fit both models, and choose the blend on rows that they did not see.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows. The default models accept NaN and the categories of a data frame.
        y : array-like of shape (n_samples,)
            Two labels of any kind. The greater one is the positive class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        value : array-like of shape (n_samples,), default=None
            What catching each positive is worth, for example an amount, at least 0 and in
            any unit. Entries of negatives are not used. Both models get it, and the blend
            is chosen by the partial AUC of the value. It does not change how often a row
            counts: probabilities are those of the classes, as without it.

        Returns
        -------
        self : PAUCEnsembleClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, ``y`` does not have two classes with two
            rows each, no positive has value, or a model does not accept weights or values.
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
                + "the blend is learnt on held-out rows, which needs at least 2."
            )
        self.classes_ = encoder.classes_
        models, fold_seed = self._new_models(X)
        table = LabelledRows(X, self.classes_[target], weight, worth)
        arguments = {
            role: {name: fit_argument(model, role, name) for name in table.columns}
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
                margin = _margin(fitted, unseen.features, role)
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
        # The offset becomes part of the margin. A margin of zero then means even odds.
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
            Columns in the order of ``classes_``. The second column ranks rows as
            `decision_function` does, up to rounding.
        """
        margin = self.decision_function(X)
        positive = self.calibrator_(margin)
        return np.column_stack([1.0 - positive, positive])

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
        positive = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[positive.astype(np.intp)]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
