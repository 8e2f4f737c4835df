"""Objectives as LightGBM and XGBoost call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.collective import Collective, sum_over
from .._utils.validation import BASES, check_band, check_budget, check_option, check_positive
from ..band import TAU_SCALES, Basis, TauScale
from ..objectives import BaseObjective, PairwisePAUC, Schedule, TrapezoidPAUC
from ..objectives._base import HESSIAN_FLOOR, Sample
from ..objectives._partial_auc import LINKS, Link
from ._rounds import take_round
from ._workers import find_collective

__all__ = ["BoosterObjective", "PAUCObjective", "default_beta", "pauc_objective"]

Surrogate = Literal["pairwise", "trapezoid"]
SURROGATES = ("pairwise", "trapezoid")
WeightOfPositives = Literal["rows", "value"]
WEIGHTS_OF_POSITIVES = ("rows", "value")


def default_beta(
    budget: float, positive_weight: float, negative_weight: float, basis: Basis = "fpr"
) -> float:
    """Return the upper end of the training band for a review budget.

    The band that a booster should see on its own training rows is wider than
    the budget, for two reasons. Trees separate the rows they are fitted to, so
    that fewer training negatives than ``budget`` of them end up where unseen
    ones will: three times the budget leaves room for it. And with fewer band
    negatives than positives the fit chases single rows; 1.5 negatives for each
    positive keep the contrast estimated from both sides, and let the band widen
    towards the whole AUC where positives are common.

    ``basis="fpr"`` gives ``max(3 * budget, 1.5 * positives / negatives)``, at most
    1. With ``basis="population"`` the band counts rows, and positives may fill as
    many places at its top as there are: the same number of negatives is asked
    for below them.

    Parameters
    ----------
    budget : float
        Review budget, a fraction in (0, 1].
    positive_weight, negative_weight : float
        Weight (number) of the positives and of the negatives.
    basis : {"fpr", "population"}, default="fpr"
        What the band's ends are fractions of.

    Returns
    -------
    beta : float

    See Also
    --------
    PAUCObjective : Takes this band where no end is given.
    skbudget.band.fpr_band : The negatives in a band.

    Examples
    --------
    >>> from skbudget.boosting import default_beta
    >>> default_beta(0.005, positive_weight=150, negative_weight=99_850)
    0.015
    >>> default_beta(0.005, positive_weight=100, negative_weight=1_000)
    0.15
    """
    wanted = max(3.0 * budget * negative_weight, 1.5 * positive_weight)
    if basis == "fpr":
        return min(1.0, wanted / negative_weight)
    return min(1.0, (positive_weight + wanted) / (positive_weight + negative_weight))


class _BoosterCallable:
    """The calling conventions of both boosters around `_objective_for`."""

    schedule: Schedule | None
    weight_of_positives: WeightOfPositives

    def _objective_for(self, sample: Sample) -> BaseObjective[Any]:
        raise NotImplementedError

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and hessian for one boosting round.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            Labels in {0, 1} or {-1, 1} and raw scores, as the scikit-learn
            interfaces of both boosters pass them. With ``y_pred`` of shape
            (n_samples, n_classes), labels are class numbers and each class is
            ranked against the rest. Or raw scores and the
            ``lightgbm.Dataset`` / ``xgboost.DMatrix`` they belong to, as
            ``lgb.train`` and ``xgb.train`` pass them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; taken from the Dataset / DMatrix if there is one.

        Returns
        -------
        gradient, hessian : ndarray of float32 with the shape of the raw scores

        Raises
        ------
        ValueError
            If labels are missing or not binary, a class is missing, lengths
            differ, or weights or scores are unusable.
        RuntimeError
            If there is a schedule and no callback announced the round.
        NotImplementedError
            If LightGBM trains on several workers.

        Notes
        -----
        Where XGBoost trains on several workers, rows are one worker's, and band, weights
        and pairs are those of all of them: the derivatives are the same as on one machine.
        """
        return self._with_value(None, y_true, y_pred, sample_weight)

    def _with_value(
        self,
        value: NDArray | None,
        y_true: Any,
        y_pred: Any,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what a call does, for rows whose values are known beside their weights.

        Parameters
        ----------
        value : ndarray of shape (n_samples,) or None
            What catching each positive is worth; None without values, or where the
            positives' weights hold them.
        y_true, y_pred, sample_weight
            As in a call.

        Returns
        -------
        gradient, hessian : ndarray of float32 with the shape of the raw scores
        """
        labels, raw, weight, collective = self._arguments(y_true, y_pred, sample_weight)
        if value is not None and value.shape != labels.shape:
            raise ValueError(
                f"value must have one entry per sample: expected {labels.shape[0]}, "
                f"got {value.shape[0]}."
            )
        iteration = None if self.schedule is None else take_round()
        if raw.ndim == 1:
            return self._derivatives(
                self._sample(labels, raw, weight, value, collective, np.float32), iteration
            )
        if self.weight_of_positives == "value":
            raise ValueError(
                "weight_of_positives='value' needs a binary target: of more classes each row is "
                "a positive once and a negative otherwise, and has one weight for both."
            )
        gradient = np.zeros(raw.shape, dtype=np.float32)
        hessian = np.full(raw.shape, HESSIAN_FLOOR, dtype=np.float32)
        for k in range(raw.shape[1]):
            positive = labels == k
            # A fold may lack a class: there is nothing to rank, and no gradient.
            n_positives, n_rows = sum_over(
                collective, int(np.count_nonzero(positive)), positive.size
            )
            if 0 < n_positives < n_rows:
                gradient[:, k], hessian[:, k] = self._derivatives(
                    Sample(
                        positive,
                        raw[:, k],
                        weight,
                        value=value,
                        collective=collective,
                        dtype=np.float32,
                    ),
                    iteration,
                )
        return gradient, hessian

    def loss(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        iteration: int = 0,
    ) -> float:
        """Return the loss that the gradient belongs to, summed over rows.

        Parameters
        ----------
        y_true, y_pred, sample_weight : array-like of shape (n_samples,)
            As in a call, binary.
        iteration : int, default=0
            The round, where there is a schedule.

        Returns
        -------
        loss : float
        """
        labels, raw, weight, collective = self._arguments(y_true, y_pred, sample_weight)
        sample = self._sample(labels, raw, weight, None, collective)
        objective = self._scheduled(sample, iteration)
        held = objective.find_held(sample)
        return objective.boosting_scale(sample) * objective._loss(sample, held)

    def _sample(
        self,
        labels: NDArray,
        raw: NDArray,
        weight: NDArray | None,
        value: NDArray | None,
        collective: Collective | None,
        dtype: Any = np.float64,
    ) -> Sample:
        positive = _positives(labels, collective)
        if self.weight_of_positives == "value":
            weight, value = rows_and_value(positive, weight, collective)
        return Sample(
            positive,
            raw,
            weight,
            value=value,
            collective=collective,
            dtype=dtype,
        )

    def _scheduled(self, sample: Sample, iteration: int | None) -> BaseObjective[Any]:
        objective = self._objective_for(sample)
        if self.schedule is None or iteration is None:
            return objective
        return self.schedule.at(iteration, objective)

    def _derivatives(self, sample: Sample, iteration: int | None) -> tuple[NDArray, NDArray]:
        objective = self._scheduled(sample, iteration)
        return objective.derivatives(sample, objective.find_held(sample)).dense(
            sample.raw.size,
            scale=objective.boosting_scale(sample),
            floor=HESSIAN_FLOOR,
            dtype=np.float32,
        )

    def _arguments(
        self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None
    ) -> tuple[NDArray, NDArray, NDArray | None, Collective | None]:
        """Return labels, raw scores and weights of either calling convention, and the workers.

        Called in every round, so each check is a single pass at most.
        """
        labels, raw, weight, collective = unpack_call(y_true, y_pred, sample_weight)
        if raw.dtype.kind != "f":
            raw = raw.astype(np.float64)
        if raw.ndim not in (1, 2):
            raise ValueError(f"y_pred must have 1 or 2 dimensions, got {raw.ndim}.")
        if raw.shape[0] != labels.shape[0]:
            raise ValueError(
                "y_true and y_pred have different lengths: "
                f"{labels.shape[0]} labels and {raw.shape[0]} scores."
            )
        if not np.isfinite(raw.sum()):
            raise ValueError("y_pred contains NaN or infinity.")
        if weight is not None:
            if weight.shape != labels.shape:
                raise ValueError(
                    f"sample_weight must have one entry per sample: expected {labels.shape[0]}, "
                    f"got {weight.shape[0]}."
                )
            if not (weight.min(initial=0) >= 0 and np.isfinite(weight.sum())):
                raise ValueError("sample_weight contains negative, NaN or infinite values.")
        return labels, raw, weight, collective


def unpack_call(
    y_true: Any, y_pred: Any, sample_weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray | None, Collective | None]:
    """Tell ``(y_true, y_pred[, weight])`` from ``(preds, Dataset | DMatrix)``.

    The last is the workers that rows are spread over, None if they are all here.
    """
    has_positive = True
    if hasattr(y_pred, "get_label"):
        raw, data = y_true, y_pred
        collective = find_collective(data)
        if hasattr(data, "construct"):
            # LightGBM answers only once its Dataset is built.
            data.construct()
        labels, sample_weight = data.get_label(), data.get_weight()
        # XGBoost hands out an empty array for missing labels, LightGBM zeros.
        has_positive = labels is not None and bool(np.any(labels))
        if not has_positive and collective is None:
            raise ValueError(
                f"The {type(data).__name__} has no labels, or no positive one: "
                "construct it with label=."
            )
    else:
        labels, raw = y_true, y_pred
        collective = find_collective()
    labels, raw = np.asarray(labels), np.asarray(raw)
    if labels.ndim != 1:
        raise ValueError(f"Labels must have shape (n_samples,), got {labels.shape}.")
    weight = None
    # XGBoost hands out an empty array where there are no weights.
    if sample_weight is not None and np.size(sample_weight) > 0:
        weight = np.asarray(sample_weight)
    if collective is not None:
        # Workers must agree on what they exchange; one may have no positive, or no row.
        with_positive, with_weight = sum_over(collective, has_positive, weight is not None)
        if not with_positive:
            raise ValueError("The DMatrix has no labels, or no positive one: construct it with y.")
        if with_weight and weight is None:
            weight = np.ones(labels.size, dtype=np.float32)
        raw = raw.astype(np.float32, copy=False)
    return labels, raw, weight, collective


def rows_and_value(
    positive: NDArray[np.bool_], weight: NDArray | None, collective: Collective | None
) -> tuple[NDArray | None, NDArray | None]:
    """Take weights that hold the positives' values apart, into weights of rows and values."""
    if weight is None:
        return None, None
    rows = np.where(positive, np.ones(1, dtype=weight.dtype), weight)
    # Workers must agree on whether there are weights.
    (unequal,) = sum_over(collective, int(np.count_nonzero(rows != 1)))
    return rows if unequal else None, weight


def _positives(labels: NDArray, collective: Collective | None) -> NDArray[np.bool_]:
    positive = labels == 1
    n_pos = np.count_nonzero(positive)
    if n_pos + np.count_nonzero(labels == 0) != labels.size and (
        n_pos + np.count_nonzero(labels == -1) != labels.size
    ):
        raise ValueError(
            "y_true must be binary with labels in {0, 1} or {-1, 1}: found "
            f"{np.unique(labels)[:10].tolist()}."
        )
    # Whether all workers together have both classes is asked where weights are known.
    if collective is None and n_pos in (0, labels.size):
        raise ValueError("Only one class present in y_true: ranking needs positives and negatives.")
    return positive


@dataclass(frozen=True)
class ValuedObjective:
    """An objective together with the values of the rows that it will be called with."""

    objective: _BoosterCallable
    value: NDArray

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and hessian for one boosting round."""
        return self.objective._with_value(self.value, y_true, y_pred, sample_weight)


@dataclass(frozen=True)
class BoosterObjective(_BoosterCallable):
    """Offer any objective to LightGBM and XGBoost.

    Parameters
    ----------
    objective : BaseObjective
        What to optimise.
    schedule : Schedule, default=None
        How it changes over rounds; needs the `LightGBMRounds` or
        `XGBoostRounds` callback.
    weight_of_positives : {"rows", "value"}, default="rows"
        What the weights of positives are, see `PAUCObjective`.

    See Also
    --------
    PAUCObjective : The partial AUC, ready for a budget.
    skbudget.objectives : The objectives that can be offered.

    Examples
    --------
    >>> from skbudget.boosting import BoosterObjective
    >>> from skbudget.objectives import HardNegativeCrossEntropy
    >>> objective = BoosterObjective(HardNegativeCrossEntropy(factor=10.0))
    >>> gradient, hessian = objective([0, 0, 1], [0.0, 0.0, 0.0])
    >>> gradient
    array([ 5. ,  5. , -0.5], dtype=float32)
    """

    objective: BaseObjective[Any]
    schedule: Schedule | None = None
    weight_of_positives: WeightOfPositives = "rows"

    def __post_init__(self) -> None:
        check_option(
            self.weight_of_positives,
            "weight_of_positives",
            WEIGHTS_OF_POSITIVES,
            type(self).__name__,
        )
        _check_schedule(self.schedule, type(self).__name__)

    def _objective_for(self, sample: Sample) -> BaseObjective[Any]:
        return self.objective


def _check_schedule(schedule: Any, owner: str) -> None:
    if schedule is not None and not isinstance(schedule, Schedule):
        raise TypeError(
            f"The 'schedule' parameter of {owner} must be a Schedule or None. "
            f"Got {schedule!r} instead."
        )


@dataclass(frozen=True, kw_only=True)
class PAUCObjective(_BoosterCallable):
    """Partial AUC over the FPR band of a review budget, for LightGBM and XGBoost.

    The instance is the objective: pass it as LightGBM's ``objective`` (in
    ``lgb.train``, ``lgb.cv`` and ``LGBMClassifier``), as XGBoost's ``obj`` (in
    ``xgb.train`` and ``xgb.cv``) or ``objective`` (in ``XGBClassifier``). It is
    immutable and stateless: it can be shared between runs and threads, copied
    and pickled.

    Gradient and hessian are those of the loss of `PairwisePAUC` or
    `TrapezoidPAUC` times the weight of the positives, so that one positive
    weighs what it weighs in the booster's own binary objective and
    ``min_child_weight``, ``min_sum_hessian_in_leaf`` and ``lambda`` keep their
    meaning.

    Parameters
    ----------
    budget : float, default=0.005
        Review budget, a fraction in (0, 1]; sets the band by `default_beta`.
    alpha : float, default=None
        Lower end of the FPR band, in [0, beta); None for 0, which reaches the
        top negative.
    beta : float, default=None
        Upper end of the FPR band, in (0, 1]; None for `default_beta`. With
        ``alpha=0, beta=1`` all pairs count: the whole AUC, exactly.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Loss; see `PairwisePAUC` and `TrapezoidPAUC`.
    link : {"logistic", "sigmoid"}, default="logistic"
        Loss of a pair, for the pairwise surrogate. The logistic link is convex
        and pulls hardest on the worst pairs; the sigmoid link is bounded.
    temperature : float, default=1.0
        Width of the comparison. In units of margin (``tau_scale=None``), where
        trees grow at a known rate, 1 makes a pair's logistic loss the usual one.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``. The first trees give most
        negatives one score and their IQR is about 0, so the default uses none.
    budget_basis : {"fpr", "population"}, default="fpr"
        Whether budget and band count negatives or all rows.
    n_knots : int, default=2
        Knots of the trapezoid surrogate.
    schedule : Schedule, default=None
        Warm-up and annealing; needs the `LightGBMRounds` or `XGBoostRounds`
        callback.
    weight_of_positives : {"rows", "value"}, default="rows"
        What the weights of positives are. With ``"rows"`` a weight repeats a row, as in
        any other objective. With ``"value"`` it is what catching the positive is worth,
        say an amount in any currency: it counts in the pairs, and each positive is one
        row in all that counts rows (band, temperature, the scale of the gradient). The
        weights of negatives repeat rows either way.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    BoosterObjective : Offers any other objective.
    PAUCLGBMClassifier, PAUCXGBClassifier : Classifiers built on this objective.

    Notes
    -----
    Values are taken in units of their mean over the positives, so that their unit is no
    learning rate: amounts times 1000 give the same gradient. XGBoost places the bins of
    ``tree_method="hist"`` by weights as well; there, divide values by their mean
    yourself, so that negatives do not vanish from the bins. `PAUCXGBClassifier` takes
    them apart from the weights, as ``fit(X, y, value=...)``.

    Where the band is empty (``budget_basis="population"`` with nothing but
    positives at the top) gradients are zero.

    References
    ----------
    .. [1] L. E. Dodd and M. S. Pepe (2003). Partial AUC Estimation and Regression.
       Biometrics 59(3), 614-623.
    .. [2] H. Narasimhan and S. Agarwal (2013). A Structural SVM Based Approach for
       Optimizing Partial AUC. ICML.

    Examples
    --------
    >>> import lightgbm as lgb
    >>> from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
    >>> X, y = make_contested_top(20_000, pos_rate=0.01, random_state=0)
    >>> params = {"objective": PAUCObjective(budget=0.01), "lambda_l2": 5.0, "verbose": -1}
    >>> booster = lgb.train(params, lgb.Dataset(X, y), num_boost_round=20)
    >>> X_new, y_new = make_contested_top(20_000, pos_rate=0.01, random_state=1)
    >>> coverage_at_budget_score(y_new, booster.predict(X_new), budget=0.01) > 0.4
    True

    Positives with values, as weights that travel with the rows:

    >>> import numpy as np
    >>> amount = np.random.default_rng(0).lognormal(size=y.size)
    >>> weight = np.where(y == 1, amount, 1.0)
    >>> params["objective"] = PAUCObjective(budget=0.01, weight_of_positives="value")
    >>> booster = lgb.train(params, lgb.Dataset(X, y, weight=weight), num_boost_round=20)
    """

    budget: float = 0.005
    alpha: float | None = None
    beta: float | None = None
    surrogate: Surrogate = "pairwise"
    link: Link = "logistic"
    temperature: float = 1.0
    tau_scale: TauScale = None
    budget_basis: Basis = "fpr"
    n_knots: int = 2
    schedule: Schedule | None = None
    weight_of_positives: WeightOfPositives = "rows"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_option(self.weight_of_positives, "weight_of_positives", WEIGHTS_OF_POSITIVES, owner)
        check_budget(self.budget, owner)
        check_band(
            0.0 if self.alpha is None else self.alpha,
            1.0 if self.beta is None else self.beta,
            owner,
        )
        check_option(self.surrogate, "surrogate", SURROGATES, owner)
        check_option(self.link, "link", LINKS, owner)
        check_positive(self.temperature, "temperature", owner)
        check_option(self.tau_scale, "tau_scale", TAU_SCALES, owner)
        check_option(self.budget_basis, "budget_basis", BASES, owner)
        check_positive(self.n_knots, "n_knots", owner, integer=True, minimum=2)
        _check_schedule(self.schedule, owner)

    def _objective_for(self, sample: Sample) -> BaseObjective[Any]:
        beta = self.beta
        if beta is None:
            positive_weight = sample.positive_weight
            negative_weight = sample.total_weight - positive_weight
            beta = default_beta(self.budget, positive_weight, negative_weight, self.budget_basis)
        shared: dict[str, Any] = {
            "alpha": 0.0 if self.alpha is None else self.alpha,
            "beta": beta,
            "temperature": self.temperature,
            "tau_scale": self.tau_scale,
            "budget_basis": self.budget_basis,
        }
        if self.surrogate == "pairwise":
            return PairwisePAUC(link=self.link, **shared)
        return TrapezoidPAUC(n_knots=self.n_knots, **shared)


pauc_objective = PAUCObjective()
"""`PAUCObjective` with its defaults: 50 basis points, pairwise, logistic link."""
