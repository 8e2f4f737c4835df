"""What the classifiers for both boosters share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _num_samples, check_is_fitted, column_or_1d, validate_data

from .._utils.calibration import SigmoidCalibrator
from .._utils.validation import check_positive, check_weights
from ..band import Basis, default_beta
from ..metrics import partial_auc_score
from ._calls import BoosterCallable, WithColumns
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
    "basis",
    "n_knots",
    "schedule",
)
OWN_PARAMETERS = (*OBJECTIVE_PARAMETERS, "calibration_cv", "selection_cv")

PARAMETERS_DOC = """budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
    alpha, beta : float, default=None
        Ends of the FPR band of training, as fractions. Without ``alpha`` it begins
        at the top; without ``beta`` its end is chosen, see ``selection_cv``.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC.
    link : {"logistic", "sigmoid"}, default="logistic"
        Loss of a pair, for the pairwise surrogate.
    temperature : float, default=1.0
        Width of the comparison of two margins.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``; None for units of margin.
    basis : {"fpr", "population"}, default="fpr"
        Whether the band's ends count negatives or all rows.
    n_knots : int, default=2
        Knots of the trapezoid surrogate.
    schedule : Schedule, default=None
        Warm-up and annealing over rounds, see `skbudget.objectives.Schedule`.
    selection_cv : int or None, default=3
        Folds by which that is chosen which ``beta=None``, ``{split_gain}="auto"``
        and ``{leaves}="auto"`` leave open. Whether the top of the ranking is contested
        by rows that can be told apart, how noisy it is, and whether it is contested
        at all cannot be seen from counts; so three models are compared on rows they
        were not trained on: the band of `skbudget.boosting.default_beta` with a
        least split gain of 0, which finds the finest structure; the same with 1,
        which leaves noise alone; and the whole AUC with 1 and trees of 15 leaves, for
        a table whose top is like the rest of it. The greatest partial AUC up to
        three times the budget wins (over 20 held-out negatives at least). It costs
        ``3 * cv`` more fits on ``1 - 1/cv`` of the rows, which calibration shares if
        it has as many folds. Where nothing is chosen (None, fewer than 10 rows of a
        class, or a model whose training is continued), the first of the three is
        trained.
    calibration_cv : int or None, default=3
        Folds from which `predict_proba` is learnt. The model itself is trained on
        all rows; ``calibration_cv`` more models, each on the other folds, score
        every row unseen, and a sigmoid (increasing, so that the ranking stays) is
        fitted to those margins. Costs as many fits on ``1 - 1/cv`` of the rows.
        With None there is no `predict_proba` and no `predict`, only
        `decision_function`."""


def document_parameters(split_gain: str, leaves: str) -> str:
    """Return the docstring's entries, with the parent's names of two parameters."""
    return PARAMETERS_DOC.replace("{split_gain}", split_gain).replace("{leaves}", leaves)


def _has_calibration(estimator: Any) -> bool:
    if estimator.calibration_cv is None:
        raise AttributeError(
            f"This {type(estimator).__name__} ranks only: probabilities and labels need "
            "calibration_cv >= 2 (it is None). Use decision_function."
        )
    return True


SplitGain = float | Literal["auto"] | None

Leaves = int | Literal["auto"] | None

SPLIT_GAINS = (0.0, 1.0)
WHOLE_AUC = 1.0
BAND_LEAVES, WHOLE_AUC_LEAVES = 127, 15
# With fewer positives than these there is nothing to choose by.
MIN_TO_CHOOSE = 10
# Choices are compared by the partial AUC up to three times the budget, and over no fewer
# held-out negatives than these: it says the same as coverage does, and varies less.
BUDGETS_JUDGED = 3.0
LEAST_NEGATIVES = 20


class Training(NamedTuple):
    """What a model is trained on, for training further ones on parts of it.

    ``rows`` are those with weight, ``row_arguments`` the fit arguments with one entry
    per row (or None), and ``fit_fold(ranker, X, target, row_arguments)`` trains.
    """

    X: Any
    target: NDArray[np.int64]
    rows: NDArray[np.intp]
    row_arguments: dict[str, Any]
    fit_fold: Callable[[Any, Any, NDArray, dict[str, Any]], None]

    @property
    def value(self) -> NDArray[np.float64] | None:
        """What catching each positive is worth, None for one each."""
        return self.row_arguments.get("value")

    @property
    def strata(self) -> NDArray[np.int64]:
        """By class, for folds that each need both: positives without value are none."""
        strata = self.target
        if self.value is not None:
            strata = strata * (self.value > 0)
        return strata[self.rows]


class _Fold(NamedTuple):
    """A model and the rows that it was not trained on."""

    ranker: Any
    rows: NDArray[np.intp]


def check_table(estimator: Any, X: Any, *, reset: bool, **options: Any) -> Any:
    """Return the features; ``options`` are scikit-learn's for what is no data frame."""
    if hasattr(X, "__dataframe__") or hasattr(X, "iloc"):
        # Data frames go to the booster as they are: it knows categories.
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return X
    options = {"dtype": "numeric", "ensure_min_samples": 2 if reset else 1, **options}
    return validate_data(estimator, X, reset=reset, **options)


def encode_two_classes(X: Any, y: Any, owner: str) -> tuple[LabelEncoder, NDArray[np.int64]]:
    """Return the encoder of the labels, and the labels as 0 and 1."""
    if y is None:
        raise ValueError(
            f"requires y to be passed, but the target y is None: {owner} needs labels."
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
            f"Only binary classification is supported by {owner}. "
            f"The type of the target is {type_of_target(y)}, with {n_classes} classes. "
            "For one-versus-rest, wrap it in sklearn.multiclass.OneVsRestClassifier."
        )
    if n_classes < 2:
        raise ValueError(
            f"{owner} needs two classes, but y contains one class: {encoder.classes_.tolist()}."
        )
    return encoder, encoder.transform(y)


def rows_of_weight(
    target: NDArray[np.int64], weight: NDArray | None, classes: NDArray, owner: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows with weight, and how many of them each class has."""
    rows = np.arange(target.size) if weight is None else np.flatnonzero(weight > 0)
    counts = np.bincount(target[rows], minlength=2)
    if counts.min() == 0:
        raise ValueError(
            f"{owner} needs two classes, but all sample weights of the class "
            f"{classes[counts.argmin()]!r} are zero."
        )
    return rows, counts


def values_as_weights(
    targets: Sequence[NDArray], values: Any, name: str, refused: dict[str, Any]
) -> list[NDArray]:
    """Return weights of evaluation sets by which `CoverageMetric` knows their values.

    ``refused`` are the arguments, by name, that values leave no room for.
    """
    for other, given in refused.items():
        if given is not None:
            raise ValueError(
                f"{name} and {other} cannot be combined: the values take the place of the "
                "weights, and only coverage knows them for values."
            )
    if not isinstance(values, list | tuple) or len(values) != len(targets):
        raise ValueError(
            f"{name} must be a list with one array per evaluation set: expected {len(targets)}, "
            f"got {len(values) if isinstance(values, list | tuple) else type(values).__name__}."
        )
    weights = []
    for target, value in zip(targets, values):
        checked = check_weights(value, target.size, name)
        if checked is None or not (target * checked).any():
            raise ValueError(f"The positives have no value in {name}: at least one must have.")
        weights.append(np.where(target == 1, checked, 1.0))
    return weights


class PAUCClassifierMixin:
    """Fitting, calibration and prediction around a booster's own classifier.

    A subclass also inherits from that classifier, whose constructor parameters
    it shares; `_parent` names it. The booster is trained by an instance of the
    parent, and its fitted attributes are taken over, so that everything the
    parent offers for a fitted booster works.
    """

    _parent: type
    _split_gain_name: str
    _leaves_name: str
    beta: float | None
    basis: Basis
    calibration_cv: int | None
    selection_cv: int | None
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

    def _margin_after(self, X: Any, n_rounds: int | None) -> NDArray:
        """Return the booster's margins after some rounds, None for all of them."""
        raise NotImplementedError

    def _shift_margins(self, offset: float) -> None:
        """Add a constant to the booster's margins."""
        raise NotImplementedError

    # --- fitting ----------------------------------------------------------------

    def _parent_params(self) -> dict[str, Any]:
        """Return the parameters that the parent understands."""
        params = self.get_params(deep=False)
        return {name: value for name, value in params.items() if name not in OWN_PARAMETERS}

    def _boosting_objective(self, beta: float | None) -> Any:
        """Return what is minimised, on a band up to ``beta``; None for the rule."""
        if self.objective is not None:
            return self.objective
        values = {name: getattr(self, name) for name in OBJECTIVE_PARAMETERS}
        return PAUCObjective(**{**values, "beta": beta})

    def _coverage_metric(self, *, of_value: bool) -> CoverageMetric:
        return CoverageMetric(self.budget, "population", "value" if of_value else "rows")

    def _check_params(self) -> None:
        self._boosting_objective(self.beta)
        for name in (self._split_gain_name, self._leaves_name):
            value = getattr(self, name)
            if isinstance(value, str) and value != "auto":
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be a number or 'auto'. "
                    f"Got {value!r} instead."
                )
        for name in ("calibration_cv", "selection_cv"):
            if getattr(self, name) is not None:
                check_positive(
                    getattr(self, name), name, type(self).__name__, integer=True, minimum=2
                )

    def _check_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        value: ArrayLike | None,
        earlier_model: Any,
        earlier_name: str,
    ) -> tuple[Any, NDArray[np.int64], NDArray | None, NDArray | None, NDArray[np.intp]]:
        """Check parameters and data of `fit`.

        Returns the features, the labels as 0 and 1, the weights, the values, and the
        rows to calibrate on. ``earlier_model``, an argument of `fit` called ``earlier_name``,
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
        rows = self._calibration_rows(target, weight)
        return X, target, weight, self._check_value(value, target, rows), rows

    def _check_value(
        self, value: ArrayLike | None, target: NDArray[np.int64], rows: NDArray[np.intp]
    ) -> NDArray[np.float64] | None:
        checked = check_weights(value, target.size, "value")
        if checked is None:
            return None
        objective = self._boosting_objective(self.beta)
        if not isinstance(objective, BoosterCallable):
            raise ValueError(
                "value needs the partial AUC or a BoosterObjective as the objective: "
                f"objective={objective!r} cannot be told of it."
            )
        if objective.weight_of_positives == "value":
            raise ValueError(
                "The values of the positives were passed as value, but the objective takes "
                "their weights for values: leave weight_of_positives at 'rows'."
            )
        n_valued = int(np.count_nonzero(target[rows] * checked[rows]))
        if n_valued == 0:
            raise ValueError("The positives have no value: at least one must be worth something.")
        if self.calibration_cv is not None and n_valued < 2:
            raise ValueError(
                "Only 1 positive has value: calibration needs at least 2. "
                "Pass calibration_cv=None to train a model that only ranks."
            )
        return checked

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        return check_table(self, X, reset=reset, accept_sparse="csr", ensure_all_finite=False)

    def _encode_target(self, X: Any, y: Any) -> NDArray[np.int64]:
        """Learn the classes and return the labels as 0 and 1."""
        self._label_encoder, target = encode_two_classes(X, y, type(self).__name__)
        return target

    def _encode_eval_target(self, y: Any) -> NDArray[np.int64]:
        return self._label_encoder.transform(column_or_1d(y))

    def _take_over(self, fitted: Any) -> None:
        """Adopt the fitted attributes of a parent instance."""
        mine = {*inspect.signature(self._parent).parameters, *fitted.get_params()}
        for name, value in vars(fitted).items():
            if name not in mine and name not in ("_other_params", "kwargs", "_class_weight"):
                # A fitted model has no use for the values of its training rows.
                known = value.objective if isinstance(value, WithColumns) else value
                setattr(self, name, known)

    def _calibration_rows(
        self, target: NDArray[np.int64], weight: NDArray | None
    ) -> NDArray[np.intp]:
        """Return the rows to calibrate on; they must allow two folds."""
        classes = self._label_encoder.classes_
        rows, counts = rows_of_weight(target, weight, classes, type(self).__name__)
        if self.calibration_cv is not None and counts.min() < 2:
            raise ValueError(
                "The least populated class in y has only 1 member: calibration needs at least 2. "
                "Pass calibration_cv=None to train a model that only ranks."
            )
        return rows

    def _fit_folds(
        self, training: Training, choice: dict[str, Any], cv: int, n_rounds: int | None = None
    ) -> list[_Fold]:
        """Train on all folds but one, for each of them, with what was chosen."""
        target, rows, strata = training.target, training.rows, training.strata
        seed = 0
        random_state = getattr(self, "random_state", None)
        if random_state is not None and not isinstance(random_state, np.random.Generator):
            seed = int(check_random_state(random_state).randint(2**31 - 1))
        folds = StratifiedKFold(
            min(cv, int(np.bincount(strata).min())), shuffle=True, random_state=seed
        )
        fitted = []
        for train, held_out in folds.split(rows, strata):
            ranker = clone(self).set_params(
                calibration_cv=None,
                selection_cv=None,
                **choice,
            )
            if n_rounds is not None:
                ranker.set_params(n_estimators=n_rounds)
            arguments = {
                name: None if value is None else _safe_indexing(value, rows[train])
                for name, value in training.row_arguments.items()
            }
            training.fit_fold(
                ranker, _safe_indexing(training.X, rows[train]), target[rows[train]], arguments
            )
            fitted.append(_Fold(ranker, rows[held_out]))
        return fitted

    def _candidates(self) -> list[dict[str, Any]]:
        """Return what may be chosen where parameters leave it open."""
        asked = getattr(self, self._split_gain_name)
        gains = SPLIT_GAINS if asked == "auto" else (asked,)
        candidates = [self._choice(self.beta, gain) for gain in gains]
        # Another objective than the band's has no band.
        if self.beta is None and self.objective is None:
            candidates.append(self._choice(WHOLE_AUC, gains[-1]))
        return candidates

    def _choice(self, beta: float | None, split_gain: Any) -> dict[str, Any]:
        leaves = getattr(self, self._leaves_name)
        if leaves == "auto":
            leaves = WHOLE_AUC_LEAVES if beta == WHOLE_AUC else BAND_LEAVES
        return {"beta": beta, self._split_gain_name: split_gain, self._leaves_name: leaves}

    def _choose(
        self, training: Training, *, continued: bool
    ) -> tuple[dict[str, Any], list[_Fold] | None]:
        """Return parameters that were open, and models that calibration can use.

        ``continued`` is whether an earlier model is trained further.
        """
        candidates = self._candidates()
        target, value = training.target, training.value
        # With an earlier model there are no rows that it has not seen.
        if (
            len(candidates) == 1
            or self.selection_cv is None
            or continued
            or np.bincount(training.strata).min() < MIN_TO_CHOOSE
        ):
            return candidates[0], None
        weight = self._row_weight(training)
        tried = [self._fit_folds(training, choice, self.selection_cv) for choice in candidates]

        def worth(folds: list[_Fold]) -> float:
            areas = []
            for fold in folds:
                positive = target[fold.rows]
                least = LEAST_NEGATIVES / max(1, int(np.count_nonzero(positive == 0)))
                area = partial_auc_score(
                    positive,
                    fold.ranker._raw_margin(_safe_indexing(training.X, fold.rows)),
                    beta=min(1.0, max(BUDGETS_JUDGED * self.budget, least)),
                    sample_weight=weight[fold.rows],
                    value=None if value is None else value[fold.rows],
                )
                areas.append(area)
            return float(np.mean(areas))

        worths = [worth(folds) for folds in tried]
        best = worths.index(max(worths))
        return candidates[best], tried[best] if self.selection_cv == self.calibration_cv else None

    def _choose_and_keep(
        self, training: Training, *, continued: bool
    ) -> tuple[dict[str, Any], list[_Fold] | None]:
        """Choose, set the fitted attributes, and return parameters for the parent."""
        choice, folds = self._choose(training, continued=continued)
        self._chosen = choice
        beta = choice["beta"]
        for_parent = {name: value for name, value in choice.items() if name != "beta"}
        for name, value in for_parent.items():
            setattr(self, f"{name}_", value)
        vars(self).pop("beta_", None)
        if self.objective is None:
            self.beta_ = self._rule(training) if beta is None else beta
        objective = self._boosting_objective(beta)
        if training.value is not None:
            objective = objective.with_columns(value=training.value)
        return {**for_parent, "objective": objective}, folds

    def _rule(self, training: Training) -> float:
        """Return the band's upper end that the rule gives for these rows."""
        weight = self._row_weight(training)
        positive = training.target == 1
        weights = weight[positive].sum(), weight[~positive].sum()
        return default_beta(self.budget, *weights, self.basis)

    def _row_weight(self, training: Training) -> NDArray:
        """Return each row's weight, that of its class included; 0 for rows left out."""
        target, rows = training.target, training.rows
        weight = np.zeros(target.size)
        sample_weight = training.row_arguments.get("sample_weight")
        weight[rows] = 1.0 if sample_weight is None else np.asarray(sample_weight)[rows]
        class_weight = getattr(self, "class_weight", None)
        if class_weight is not None:
            weight[rows] *= compute_sample_weight(
                class_weight, self._label_encoder.classes_[target[rows]]
            )
        return weight

    def _fit_calibrator(self, training: Training, folds: list[_Fold] | None) -> None:
        """Fit the calibrator on margins of folds that the trees did not see.

        The offset goes into the booster itself, so that a margin of zero means even
        odds there as well, in a saved booster too.
        """
        self._calibrator = None
        if self.calibration_cv is None:
            return
        target, rows = training.target, training.rows
        n_rounds = self._n_trained_rounds()
        if folds is None:
            folds = self._fit_folds(training, self._chosen, self.calibration_cv, n_rounds)
        margin = np.zeros(target.size)
        for fold in folds:
            margin[fold.rows] = fold.ranker._margin_after(
                _safe_indexing(training.X, fold.rows), n_rounds
            )
        weight = self._row_weight(training)
        calibrator = SigmoidCalibrator.fit(margin[rows], target[rows] == 1, weight[rows])
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
