"""What the classifiers for both boosters share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import RegressorTags
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _num_samples, check_is_fitted, column_or_1d

from .._utils.labels import TwoClasses, is_positive_first
from .._utils.levels import level_accuracy
from .._utils.names import refuse_unknown_names
from .._utils.naming import naming
from .._utils.ranges import in_fitting_range
from .._utils.rare_class import warn_of_few_rows
from .._utils.splits import check_groups
from .._utils.threads import container_threads
from .._utils.validation import _invalid, check_band, check_positive, check_weights
from ..band import Basis, default_beta
from ..objectives import Rows
from ..objectives._checks import set_loss_params
from ..objectives._rows import Margins, Target, check_columns
from ._booster import Binned
from ._calls import plain_objective
from ._choosing import choose
from ._columns import check_names_of_columns, check_negatives, check_value
from ._conditions import CONDITIONS
from ._fitting import (
    CALIBRATED,
    MIN_TO_CHOOSE,
    Booster,
    Calibration,
    Choice,
    Model,
    Settings,
    Training,
    calibrate,
    check_trained,
    train,
    weights_of,
)
from ._metric import CoverageMetric
from ._minimised import Minimised, find_minimised
from ._parameters import OWN_PARAMETERS, ParentNames, check_seed
from ._routing import RoutedFit
from ._splits import check_folds, route_to_splitters, with_given_splits
from ._table import prepare_table
from ._targets import check_base, code_labels, count_margins, rows_of_weight, warn_of_new_base

__all__ = [
    "BAND_LEAVES",
    "MIN_TO_CHOOSE",
    "Leaves",
    "PAUCClassifierMixin",
    "Pool",
    "SplitGain",
    "adopt_fitted",
    "rows_of_weight",
]

SplitGain = float | Literal["auto"] | None

Leaves = int | Literal["auto"] | None

Pool = Literal["exact"] | float | None

SPLIT_GAINS = (0.0, 1.0)
WHOLE_AUC = 1.0
# Boosters count rounds in 32 bits.
MOST_ROUNDS = 2**31 - 1
BAND_LEAVES, WHOLE_AUC_LEAVES = 127, 15

# Attributes of a booster's own estimators that do not come from training.
_NOT_FITTED = ("_other_params", "kwargs", "_class_weight", "_client", "_asynchronous")


def adopt_fitted(estimator: Any, fitted: Any) -> None:
    """Give an estimator the attributes that training gave to an instance of its parent."""
    params = fitted.get_params()
    for name, value in vars(fitted).items():
        if name not in params and name not in _NOT_FITTED:
            # A fitted model has no use for the columns of its training rows.
            setattr(estimator, name, plain_objective(value)[0])


class PAUCClassifierMixin(RoutedFit):
    """Fitting, calibration and prediction around a booster's own classifier.

    A subclass also inherits from that classifier, whose constructor parameters
    it shares; `_parent` names it. The booster is trained by an instance of the
    parent, and its fitted attributes are taken over, so that everything the
    parent offers for a fitted booster works.
    """

    _parent: type
    _split_gain_name: str
    _leaves_name: str
    # What the parent calls the scores of rows that boosting begins from.
    _base_name: str
    # Under what name losses know the booster.
    _library: ClassVar[str]
    # The greatest number that the parent holds in a table.
    _greatest: ClassVar[float] = np.inf
    # Errors of the booster itself.
    _errors: ClassVar[tuple[type[Exception], ...]]
    _names: ClassVar[ParentNames]
    # What the parent's predictions take beside the rows.
    _options: ClassVar[tuple[str, ...]]
    beta: float | None
    basis: Basis
    calibration_cv: Any
    selection_cv: Any
    fold_learning_rate: float | None
    pool: Pool
    objective: Any
    alpha: float | None
    budget: float
    get_params: Callable[..., dict[str, Any]]
    _get_param_names: Callable[..., list[str]]
    __sklearn_is_fitted__: Callable[[], bool]

    pos_label: Any
    _label_encoder: LabelEncoder | TwoClasses | None
    _fitted_kind: tuple[Target, Margins]
    _calibration: Calibration | None = None
    _kept: Any = None
    _carried: float = 0.0
    _n_loaded_classes: int = 2

    # --- to be provided by the subclass ----------------------------------------

    def _raw_margins(self, X: Any, base: Any, **options: Any) -> NDArray[np.float64]:
        """Return the booster's margins; ``base`` are scores of the rows to begin from, or None."""
        raise NotImplementedError

    # --- fitting ----------------------------------------------------------------

    def _fit(self, training: Training, booster: Booster, earlier: Any) -> None:
        """Choose, train and calibrate, and take over the result."""
        settings = self._settings(booster, earlier)
        beta = self._check_band(training, settings)
        encoder = self._label_encoder
        settings = with_given_splits(settings, training, encoder and encoder.classes_)
        # The models of the folds share what the booster makes of the table.
        training = replace(training, binned=Binned(training.X))
        with self._names.in_errors(self._errors, booster.params, settings.owner):
            choice, held_out = choose(training, settings)
            model = train(training, settings, choice)
            check_trained(training, settings, model)
            if model.work is not None:
                model.work.warn_of_risen(self.pool, settings.owner, stacklevel=3)
            calibration = calibrate(training, settings, choice, model, held_out)
        self._take_over(model)
        self._calibration, self._chosen = calibration, choice
        for name in (self._split_gain_name, self._leaves_name):
            setattr(self, f"{name}_", choice[name])
        vars(self).pop("beta_", None)
        if beta is not None:
            self.beta_ = beta if choice["beta"] is None else choice["beta"]

    def _settings(self, booster: Booster, earlier: Any) -> Settings:
        minimised = find_minimised(self)
        return Settings(
            owner=type(self).__name__,
            booster=booster,
            minimised=minimised,
            candidates=self._candidates(minimised),
            budget=self.budget,
            selection_cv=self.selection_cv,
            calibration_cv=self.calibration_cv,
            random_state=self._asked("random_state"),
            class_weight=self._coded_weights(getattr(self, "class_weight", None)),
            earlier=earlier,
            fold_learning_rate=self.fold_learning_rate,
        )

    def set_params(self, **params: Any) -> Any:
        """Set parameters; ``objective__*`` and ``regularizer__*`` are those of losses.

        Parameters
        ----------
        **params
            Parameters by name. ``objective__beta=0.01`` sets the parameter of a
            `skbudget.objectives.Loss` that is the objective.

        Returns
        -------
        self : estimator
        """
        for name in ("objective", "regularizer"):
            set_loss_params(params, name, self)
        own = (*OWN_PARAMETERS, *self._get_param_names())
        self._names.refuse_unknown(params, own, type(self).__name__)
        return super().set_params(**params)  # type: ignore[misc]

    def _extras(self) -> dict[str, Any]:
        """Return the parameters outside of the constructor, by the names they were given."""
        raise NotImplementedError

    def _asked(self, name: str) -> Any:
        """Return a parameter of the parent's constructor, under whatever name it was given."""
        return self._names.resolved(self._extras(), self).get(name, getattr(self, name))

    def _parent_params(self) -> dict[str, Any]:
        """Return the parameters that the parent understands, each by one name."""
        extras = self._extras()
        params = self.get_params(deep=False)
        params = {
            name: value
            for name, value in params.items()
            if name in self._names.constructor and name not in extras
        }
        params |= self._names.resolved(extras, self)
        if params.get("n_jobs") is None:
            params["n_jobs"] = container_threads()
        return params

    def _is_theirs(self, training: Training) -> bool:
        """Tell whether an objective of the booster's own is trained."""
        minimised = find_minimised(self)
        return bool(minimised.library_params(self._library, training.rows))

    def _has_metric(self, training: Training) -> bool:
        """Tell whether the booster's own objective brings a metric, for more than two classes."""
        # That of ranks would ask for the queries of the evaluation set.
        without = self._fitted_kind[0] == "binary" or find_minimised(self).has_queries
        return not without and self._is_theirs(training)

    def _coverage_metric(self, queries: Any, *, of_value: bool) -> CoverageMetric:
        if self._fitted_kind[0] != "binary":
            raise ValueError(
                "An evaluation set needs an eval_metric for this objective: coverage at the "
                "budget, the metric otherwise, is known for two classes only. For grades of "
                "queries pass 'ndcg@10'."
            )
        weights: Any = "value" if of_value else "rows"
        return CoverageMetric(self.budget, "population", weights, per_query=queries is not None)

    def _check_params(self) -> Minimised:
        minimised = find_minimised(self)
        extras = self._extras()
        self._names.refuse_without_effect(extras, minimised, self)
        self._names.resolved(extras, self)
        n_jobs = self._asked("n_jobs")
        if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral)):
            raise _invalid("n_jobs", n_jobs, type(self).__name__, "an int or None")
        check_seed(self._asked("random_state"), type(self).__name__)
        n_rounds = self._asked("n_estimators")
        if n_rounds is not None:
            owner = type(self).__name__
            check_positive(
                n_rounds, "n_estimators", owner, integer=True, minimum=1, maximum=MOST_ROUNDS
            )
        for name in (self._split_gain_name, self._leaves_name):
            value = self._asked(name)
            if isinstance(value, str) and value != "auto":
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be a number or 'auto'. "
                    f"Got {value!r} instead."
                )
        check_folds(self)
        return minimised

    def _check_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        base: ArrayLike | None,
        columns: Mapping[str, ArrayLike | None],
        earlier: Mapping[str, Any],
    ) -> Training:
        """Check parameters and data of `fit`, and return the rows.

        ``columns`` are for the loss, and ``groups`` among them for the folds. ``base`` are scores
        that boosting begins from. ``earlier`` has one entry: the model whose training is
        continued, or None, by the name of that argument of `fit`.
        """
        owner, minimised = type(self).__name__, self._check_params()
        self._names.warn_without_effect(CONDITIONS[self._library], self._extras(), self)
        target, margins = self._fitted_kind = minimised.target, minimised.margins
        calibrated = self.calibration_cv is not None and target in CALIBRATED
        for name, model in earlier.items():
            if model is not None and calibrated:
                raise ValueError(
                    f"{name} has seen rows that calibration would have to hold out: "
                    "pass calibration_cv=None to continue its training."
                )
        X = self._check_X(X, reset=True)
        weight = in_fitting_range(check_weights(sample_weight, _num_samples(X)))
        self._label_encoder, coded = code_labels(
            target, margins, X, y, owner, self.pos_label, weight, minimised.loss
        )
        if self._label_encoder is not None:
            classes = self._label_encoder.classes_
            _, counts = rows_of_weight(coded, weight, classes, owner)
            if target in CALIBRATED:
                warn_of_few_rows(counts, classes, owner, stacklevel=4)
            if calibrated and counts.min() < 2:
                raise ValueError(
                    "The least populated class in y has only 1 member: calibration needs at least "
                    "2. Pass calibration_cv=None to train a model that only ranks."
                )
        elif getattr(self, "class_weight", None) is not None:
            raise ValueError("class_weight needs classes, and this objective takes a real target.")
        for_loss = {name: column for name, column in columns.items() if name != "groups"}
        groups = check_groups(columns.get("groups"), coded.size)
        for_splitters, columns = route_to_splitters(self, groups, for_loss, minimised.loss)
        check_names_of_columns(self, minimised, columns)
        given = check_columns(columns, coded.size)
        n_margins = self._n_margins
        shape = (coded.size,) if n_margins == 1 else (coded.size, n_margins)
        coded = coded == 1 if target == "binary" else coded
        rows = Rows(coded, np.broadcast_to(0.0, shape), weight, given)
        if target == "binary":
            check_negatives(rows, owner)
            check_value(self, minimised, rows)
        base = check_base(base, self._base_name, coded.size, n_margins)
        return Training(X, rows, base, groups, for_splitters)

    def _check_options(self, options: Mapping[str, Any], method: str) -> None:
        """Raise for an option of a prediction that the parent does not have."""
        refuse_unknown_names(options, self._options, f"{type(self).__name__}.{method}")

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        return prepare_table(self, X, reset=reset, greatest=self._greatest)

    @property
    def _n_margins(self) -> int:
        """Raw scores per row of the target that is being fitted."""
        encoder = self._label_encoder
        return count_margins(self._fitted_kind[1], 1 if encoder is None else encoder.classes_.size)

    def _coded_sets(self, sets: Any, name: str) -> list[tuple[Any, NDArray[Any]]]:
        """Return evaluation sets, called ``name`` in errors, with coded labels."""
        if not isinstance(sets, Sequence) or not all(
            isinstance(pair, Sequence) and len(pair) == 2 for pair in sets
        ):
            raise ValueError(f"{name} must be a list of pairs (X, y).")
        coded = []
        for number, (X, y) in enumerate(sets):
            which = f"{name}[{number}]"
            with naming(which, "a pair (X, y)"):
                X = self._check_X(X, reset=False)
                y = column_or_1d(y)
                if self._label_encoder is not None:
                    y = self._label_encoder.transform(y)
                if y.shape[0] != _num_samples(X):
                    raise ValueError(f"X has {_num_samples(X)} rows, and y has {y.shape[0]}.")
            coded.append((X, y))
        return coded

    def _coded_weights(self, class_weight: Any) -> Any:
        """Return ``class_weight`` with class numbers in place of labels."""
        if not isinstance(class_weight, dict) or self._label_encoder is None:
            return class_weight
        codes = {label: code for code, label in enumerate(self._label_encoder.classes_)}
        unknown = [label for label in class_weight if label not in codes]
        if unknown:
            raise ValueError(
                f"class_weight of {type(self).__name__} names classes that are not in y: "
                f"{unknown}. The classes are {self._label_encoder.classes_.tolist()}."
            )
        return {codes[label]: weight for label, weight in class_weight.items()}

    def _check_band(self, training: Training, settings: Settings) -> float | None:
        """Return the upper end of the band that the parameters give; None without a band."""
        if not settings.minimised.has_band:
            return None
        beta = self.beta
        if beta is None:
            weight, positive = weights_of(training, settings), training.rows.target
            weights = weight[positive].sum(), weight[~positive].sum()
            beta = default_beta(self.budget, *weights, self.basis)
        check_band(0.0 if self.alpha is None else self.alpha, beta, settings.owner)
        return beta

    def _take_over(self, model: Model) -> None:
        """Adopt the fitted attributes of a parent instance, and what its booster lacks."""
        adopt_fitted(self, model.fitted)
        self._kept, self._carried = model.kept, model.carried

    def _candidates(self, minimised: Minimised) -> list[Choice]:
        """Return what may be chosen where parameters leave it open."""
        asked = self._asked(self._split_gain_name)
        gains = SPLIT_GAINS if asked == "auto" else (asked,)
        candidates = [self._choice(self.beta, gain) for gain in gains]
        if minimised.target != "binary":
            return candidates[:1]
        if self.beta is None and minimised.has_band:
            candidates.append(self._choice(WHOLE_AUC, gains[-1]))
        return candidates

    def _choice(self, beta: float | None, split_gain: Any) -> Choice:
        leaves = self._asked(self._leaves_name)
        if leaves == "auto":
            leaves = WHOLE_AUC_LEAVES if beta == WHOLE_AUC else BAND_LEAVES
        return {"beta": beta, self._split_gain_name: split_gain, self._leaves_name: leaves}

    # --- prediction ---------------------------------------------------------------

    @property
    def _kind(self) -> tuple[Target, Margins]:
        """Target and margins: of the fitted model, else of the objective."""
        if "_fitted_kind" in vars(self) and self.__sklearn_is_fitted__():
            return self._fitted_kind
        try:
            minimised = find_minimised(self)
        except (TypeError, ValueError):
            # `fit` says what is wrong.
            return "binary", "one"
        return minimised.target, minimised.margins

    def decision_function(self, X: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Return the margins of each row: the booster's raw scores.

        With calibration, a margin above zero means a probability above one half;
        without it only the order has a meaning. Of two classes a greater margin favours
        ``classes_[1]``. If the positive class is ``classes_[0]``, it is the booster's raw score
        with the other sign.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        **kwargs
            Passed to the prediction of the parent (iteration range and the like), and the
            scores of these rows that boosting begins from, see `predict_proba`.

        Returns
        -------
        margin : ndarray of shape (n_samples,) or (n_samples, n_margins)
            One margin per row, or several for a loss that has several. With one per class and
            two classes it is the second minus the first, as in scikit-learn.
        """
        scores = self._scores(X, **kwargs)
        if self._kind[0] == "classes" and scores.ndim == 2 and scores.shape[1] == 2:
            return scores[:, 1] - scores[:, 0]
        return -scores if is_positive_first(self) else scores

    def _scores(self, X: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Return the margins of each row, which favour the positive class of two."""
        check_is_fitted(self)
        self._check_options(kwargs, "decision_function")
        base = kwargs.pop(self._base_name, None)
        margins = self._raw_margins(self._check_X(X, reset=False), base, **kwargs)
        if self._kept is not None:
            margins = margins + self._kept
        calibrator = self._calibrator(base)
        return margins if calibrator is None else calibrator.scores(margins)

    def _calibrator(self, base: Any) -> Any:
        """Return the map to probabilities, None if there is none."""
        found = self._calibration
        if found is None:
            return None
        return found.alone if base is None or found.with_base is None else found.with_base

    def _probabilities(self, X: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Return the probabilities of the classes; of two the positive one is the second."""
        scores, base = self._scores(X, **kwargs), kwargs.get(self._base_name)
        calibrator = self._calibrator(base)
        if calibrator is None:
            raise self._lacks_calibration()
        warn_of_new_base(base, self._calibration, self._base_name, type(self).__name__)
        return calibrator.probabilities(scores)

    def _lacks_calibration(self) -> NotFittedError:
        return NotFittedError(
            f"This {type(self).__name__} has no calibration: it was fitted with "
            "calibration_cv=None or its booster was loaded from a file. "
            "decision_function ranks all the same."
        )

    def _class_probabilities(self, X: Any, **kwargs: Any) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``."""
        found = self._probabilities(X, **kwargs)
        return found[:, ::-1] if is_positive_first(self) else found

    def _labels(self, X: Any, **kwargs: Any) -> NDArray:
        target, _ = self._kind
        if target == "binary":
            second = self._class_probabilities(X, **kwargs)[:, 1] > 0.5
            return self.classes_[second.astype(np.intp)]
        scores = self._scores(X, **kwargs)
        if target == "real":
            return scores
        return self.classes_[self._codes(scores, kwargs)]

    def _codes(self, scores: NDArray[np.float64], options: Mapping[str, Any]) -> NDArray[np.intp]:
        """Return the numbers of the classes, or levels, that scores stand for."""
        _, margins = self._kind
        if margins == "classes":
            return scores.argmax(axis=1)
        if margins == "thresholds":
            return (scores > 0).sum(axis=1)
        calibrator = self._calibrator(options.get(self._base_name))
        if calibrator is None:
            raise self._lacks_calibration()
        return calibrator.levels(scores)

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of `predict`; for a real target the coefficient of determination.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            Rows to score.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        score : float
        """
        if self._kind[0] in ("real", "ordinal"):
            measure = r2_score if self._kind[0] == "real" else level_accuracy
            return float(measure(y, self.predict(X), sample_weight=sample_weight))  # type: ignore[attr-defined]
        return super().score(X, y, sample_weight=sample_weight)  # type: ignore[misc]

    @property
    def classes_(self) -> NDArray:
        """Class labels in increasing order."""
        check_is_fitted(self)
        encoder = getattr(self, "_label_encoder", None)
        if encoder is None and self._kind[0] == "real":
            raise AttributeError("A model of a real target has no classes.")
        if encoder is None:
            # The booster was loaded from a file, which does not hold the labels.
            return np.arange(self._n_loaded_classes)
        return np.sort(encoder.classes_)

    @property
    def pos_label_(self) -> Any:
        """Label of the positive class, of two."""
        if self._kind[0] != "binary":
            raise AttributeError("There is a positive class among two only.")
        classes = self.classes_
        encoder = getattr(self, "_label_encoder", None)
        return classes[1] if encoder is None else encoder.classes_[1]

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
    def calibrator_(self) -> Any:
        """The fitted map from margins to probabilities."""
        check_is_fitted(self)
        if self._calibration is None:
            raise AttributeError("There is no calibrator: calibration_cv is None.")
        return self._calibration.alone

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.no_validation = False
        target, _ = self._kind
        if target == "real":
            tags.estimator_type = "regressor"
            tags.classifier_tags, tags.regressor_tags = None, RegressorTags()
            return tags
        tags.classifier_tags.multi_class = target != "binary"
        tags.classifier_tags.multi_label = False
        return tags
