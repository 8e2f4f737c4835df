"""What the classifiers for both boosters share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _num_samples, check_is_fitted, column_or_1d, validate_data

from .._calibration import SigmoidCalibrator
from .._validation import check_positive, check_weights
from ._metric import CoverageMetric
from ._objective import PAUCObjective

OBJECTIVE_PARAMETERS = (
    "budget",
    "alpha",
    "beta",
    "surrogate",
    "link",
    "temperature",
    "tau_scale",
    "budget_basis",
    "n_knots",
    "schedule",
)
OWN_PARAMETERS = (*OBJECTIVE_PARAMETERS, "calibration_cv")

PARAMETERS_DOC = """budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
        Sets the training band by `skbudget.boosting.default_beta`.
    alpha, beta : float, default=None
        Ends of the FPR band as fractions; they override the band of ``budget``.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC.
    link : {"logistic", "sigmoid"}, default="logistic"
        Loss of a pair, for the pairwise surrogate.
    temperature : float, default=1.0
        Width of the comparison of two margins.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``; None for units of margin.
    budget_basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    n_knots : int, default=2
        Knots of the trapezoid surrogate.
    schedule : Schedule, default=None
        Warm-up and annealing over rounds, see `skbudget.objectives.Schedule`.
    calibration_cv : int or None, default=3
        Folds from which `predict_proba` is learnt. The model itself is trained on
        all rows; ``calibration_cv`` more models, each on the other folds, score
        every row unseen, and a sigmoid (increasing, so that the ranking stays) is
        fitted to those margins. Costs as many fits on ``1 - 1/cv`` of the rows.
        With None there is no `predict_proba` and no `predict`, only
        `decision_function`."""


def _has_calibration(estimator: Any) -> bool:
    if estimator.calibration_cv is None:
        raise AttributeError(
            f"This {type(estimator).__name__} ranks only: probabilities and labels need "
            "calibration_cv >= 2 (it is None). Use decision_function."
        )
    return True


class PAUCClassifierMixin:
    """Fitting, calibration and prediction around a booster's own classifier.

    A subclass also inherits from that classifier, whose constructor parameters
    it shares; `_parent` names it. The booster is trained by an instance of the
    parent, and its fitted attributes are taken over, so that everything the
    parent offers for a fitted booster works.
    """

    _parent: type
    calibration_cv: int | None
    objective: Any
    budget: float
    get_params: Callable[..., dict[str, Any]]

    # --- to be provided by the subclass ----------------------------------------

    def _n_trained_rounds(self) -> int | None:
        """Return the number of rounds early stopping kept, None without it."""
        raise NotImplementedError

    def _raw_margin(self, X: Any, **kwargs: Any) -> NDArray:
        """Return the booster's margins."""
        raise NotImplementedError

    def _shift_margins(self, offset: float) -> None:
        """Add a constant to the booster's margins."""
        raise NotImplementedError

    # --- fitting ----------------------------------------------------------------

    def _parent_params(self) -> dict[str, Any]:
        """Return the parameters that the parent understands."""
        params = self.get_params(deep=False)
        return {name: value for name, value in params.items() if name not in OWN_PARAMETERS}

    def _boosting_objective(self) -> Any:
        if self.objective is not None:
            return self.objective
        return PAUCObjective(**{name: getattr(self, name) for name in OBJECTIVE_PARAMETERS})

    def _coverage_metric(self) -> CoverageMetric:
        return CoverageMetric(self.budget, "population")

    def _check_params(self) -> None:
        self._boosting_objective()
        if self.calibration_cv is not None:
            check_positive(
                self.calibration_cv, "calibration_cv", type(self).__name__, integer=True, minimum=2
            )

    def _check_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        earlier_model: Any,
        earlier_name: str,
    ) -> tuple[Any, NDArray[np.int64], NDArray | None, NDArray[np.intp]]:
        """Check parameters and data of `fit`.

        Returns the features, the labels as 0 and 1, the weights, and the rows to
        calibrate on. ``earlier_model``, an argument of `fit` called ``earlier_name``,
        is the model whose training is continued, or None.
        """
        self._check_params()
        if earlier_model is not None and self.calibration_cv is not None:
            raise ValueError(
                f"{earlier_name} has seen rows that calibration would have to hold out: "
                "pass calibration_cv=None to continue its training."
            )
        X = self._check_X(X, reset=True)
        target = self._encode_target(X, y)
        weight = check_weights(sample_weight, _num_samples(X))
        return X, target, weight, self._calibration_rows(target, weight)

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if hasattr(X, "__dataframe__") or hasattr(X, "iloc"):
            # Data frames go to the booster as they are: it knows categories.
            validate_data(self, X, skip_check_array=True, reset=reset)
            return X
        return validate_data(
            self,
            X,
            accept_sparse="csr",
            ensure_all_finite=False,
            dtype="numeric",
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )

    def _encode_target(self, X: Any, y: Any) -> NDArray[np.int64]:
        """Learn the classes and return the labels as 0 and 1."""
        if y is None:
            raise ValueError(
                f"requires y to be passed, but the target y is None: {type(self).__name__} "
                "needs labels."
            )
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if y.shape[0] != _num_samples(X):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[_num_samples(X), y.shape[0]]}"
            )
        encoder = LabelEncoder().fit(y)
        n_classes = encoder.classes_.size
        if n_classes > 2:
            raise ValueError(
                f"Only binary classification is supported by {type(self).__name__}. "
                f"The type of the target is {type_of_target(y)}, with {n_classes} classes. "
                "For one-versus-rest, wrap it in sklearn.multiclass.OneVsRestClassifier."
            )
        if n_classes < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes, but y contains one class: "
                f"{encoder.classes_.tolist()}."
            )
        self._label_encoder = encoder
        return encoder.transform(y)

    def _encode_eval_target(self, y: Any) -> NDArray[np.int64]:
        return self._label_encoder.transform(column_or_1d(y))

    def _take_over(self, fitted: Any) -> None:
        """Adopt the fitted attributes of a parent instance."""
        mine = {*inspect.signature(self._parent).parameters, *fitted.get_params()}
        for name, value in vars(fitted).items():
            if name not in mine and name not in ("_other_params", "kwargs", "_class_weight"):
                setattr(self, name, value)

    def _calibration_rows(
        self, target: NDArray[np.int64], weight: NDArray | None
    ) -> NDArray[np.intp]:
        """Return the rows to calibrate on; they must allow two folds."""
        rows = np.arange(target.size) if weight is None else np.flatnonzero(weight > 0)
        counts = np.bincount(target[rows], minlength=2)
        if counts.min() == 0:
            raise ValueError(
                f"{type(self).__name__} needs two classes, but all sample weights of the class "
                f"{self._label_encoder.classes_[counts.argmin()]!r} are zero."
            )
        if self.calibration_cv is not None and counts.min() < 2:
            raise ValueError(
                "The least populated class in y has only 1 member: calibration needs at least 2. "
                "Pass calibration_cv=None to train a model that only ranks."
            )
        return rows

    def _fit_calibrator(
        self,
        X: Any,
        target: NDArray[np.int64],
        rows: NDArray[np.intp],
        row_arguments: dict[str, Any],
        fit_fold: Callable[[Any, Any, NDArray, dict[str, Any]], None],
    ) -> None:
        """Fit the calibrator on margins of folds that the trees did not see.

        ``row_arguments`` are fit arguments with one entry per row, or None. The
        offset goes into the booster itself, so that a margin of zero means even
        odds there as well, in a saved booster too.
        """
        self._calibrator = None
        if self.calibration_cv is None:
            return
        seed = 0
        random_state = getattr(self, "random_state", None)
        if random_state is not None and not isinstance(random_state, np.random.Generator):
            seed = int(check_random_state(random_state).randint(2**31 - 1))
        folds = StratifiedKFold(
            min(self.calibration_cv, int(np.bincount(target[rows]).min())),
            shuffle=True,
            random_state=seed,
        )
        margin = np.empty(rows.size)
        ranker = clone(self).set_params(calibration_cv=None)
        n_rounds = self._n_trained_rounds()
        if n_rounds is not None:
            ranker.set_params(n_estimators=n_rounds)
        for train, held_out in folds.split(rows, target[rows]):
            arguments = {
                name: None if value is None else _safe_indexing(value, rows[train])
                for name, value in row_arguments.items()
            }
            fit_fold(ranker, _safe_indexing(X, rows[train]), target[rows[train]], arguments)
            margin[held_out] = ranker._raw_margin(_safe_indexing(X, rows[held_out]))
        weight = np.ones(rows.size)
        if row_arguments.get("sample_weight") is not None:
            weight = np.asarray(row_arguments["sample_weight"], dtype=float)[rows]
        class_weight = getattr(self, "class_weight", None)
        if class_weight is not None:
            weight = weight * compute_sample_weight(class_weight, self.classes_[target[rows]])
        calibrator = SigmoidCalibrator.fit(margin, target[rows] == 1, weight)
        self._shift_margins(calibrator.offset)
        self._calibrator = SigmoidCalibrator(calibrator.slope)

    # --- prediction ---------------------------------------------------------------

    def decision_function(self, X: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Return the margin of each row: the booster's raw score.

        With calibration, a margin above zero means a probability above one half;
        without it only the order has a meaning.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        **kwargs
            Passed to the parent's prediction (iteration range and the like).

        Returns
        -------
        margin : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self._raw_margin(self._check_X(X, reset=False), **kwargs)

    def _probabilities(self, X: Any, **kwargs: Any) -> NDArray[np.float64]:
        margin = self.decision_function(X, **kwargs)
        calibrator = getattr(self, "_calibrator", None)
        if calibrator is None:
            raise NotFittedError(
                f"This {type(self).__name__} has no calibration: it was fitted with "
                "calibration_cv=None or its booster was loaded from a file. "
                "decision_function ranks all the same."
            )
        positive = calibrator(margin)
        return np.column_stack([1.0 - positive, positive])

    def _labels(self, X: Any, **kwargs: Any) -> NDArray:
        return self.classes_[(self._probabilities(X, **kwargs)[:, 1] > 0.5).astype(np.intp)]

    @property
    def classes_(self) -> NDArray:
        """Class labels, shape (2,); the second is the positive class."""
        check_is_fitted(self)
        encoder = getattr(self, "_label_encoder", None)
        return np.arange(2) if encoder is None else encoder.classes_

    @property
    def n_classes_(self) -> int:
        """Number of classes."""
        return len(self.classes_)

    @n_classes_.setter
    def n_classes_(self, value: int) -> None:
        # The parents store it while fitting; here it follows from `classes_`.
        pass

    # The parents derive the names from the booster and cannot be told them.
    @property
    def feature_names_in_(self) -> NDArray:
        """Names of features seen during `fit`; defined where they are all strings."""
        if "_feature_names_in" not in vars(self):
            raise AttributeError(
                "feature_names_in_ is defined only when X has feature names that are all strings."
            )
        return self._feature_names_in

    @feature_names_in_.setter
    def feature_names_in_(self, value: NDArray) -> None:
        self._feature_names_in = value

    @feature_names_in_.deleter
    def feature_names_in_(self) -> None:
        vars(self).pop("_feature_names_in", None)

    @property
    def calibrator_(self) -> SigmoidCalibrator:
        """The fitted map from margin to probability."""
        check_is_fitted(self)
        calibrator = getattr(self, "_calibrator", None)
        if calibrator is None:
            raise AttributeError("There is no calibrator: calibration_cv is None.")
        return calibrator

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = False
        tags.no_validation = False
        return tags
