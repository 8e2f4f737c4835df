"""Losses as objectives of LightGBM and XGBoost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .._utils.callers import outer_call
from .._utils.conditions import OF_SURROGATES, warn_of_idle
from .._utils.naming import naming
from .._utils.validation import BASES, check_band, check_budget, check_option, check_positive
from ..band import TAU_SCALES, Basis, TauScale
from ..objectives import AtBudget, Loss, Schedule, find_loss
from ..objectives._checks import check_for_boosters
from ..objectives._compose import check_loss
from ..objectives.losses.pairwise_pauc import LINKS, Link, PairwisePAUC
from ..objectives.losses.trapezoid_pauc import TrapezoidPAUC
from ._calls import WEIGHTS_OF_POSITIVES, BoosterCallable, WeightOfPositives

__all__ = ["BoosterObjective", "PAUCObjective", "pauc_objective"]

Surrogate = Literal["pairwise", "trapezoid"]
SURROGATES = ("pairwise", "trapezoid")


@dataclass(frozen=True)
class BoosterObjective(BoosterCallable):
    """Offer any loss to LightGBM and XGBoost.

    Parameters
    ----------
    objective : Loss or str
        What to optimise: a loss, or a name of `skbudget.objectives.available`.
    schedule : Schedule, default=None
        How it changes over rounds; needs the `LightGBMRounds` or
        `XGBoostRounds` callback.
    weight_of_positives : {"rows", "value"}, default="rows"
        What the weights of positives are, see `PAUCObjective`.

    See Also
    --------
    PAUCObjective : The partial AUC, ready for a budget.
    skbudget.objectives : The losses that can be offered.

    Examples
    --------
    >>> from skbudget.boosting import BoosterObjective
    >>> from skbudget.objectives import HardNegativeCrossEntropy
    >>> objective = BoosterObjective(HardNegativeCrossEntropy(factor=10.0))
    >>> gradient, hessian = objective([0, 0, 1], [0.0, 0.0, 0.0])
    >>> gradient
    array([ 5. ,  5. , -0.5], dtype=float32)
    """

    objective: Loss[Any] | str
    schedule: Schedule | None = None
    weight_of_positives: WeightOfPositives = "rows"

    _loss: Loss[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_option(self.weight_of_positives, "weight_of_positives", WEIGHTS_OF_POSITIVES, owner)
        _check_schedule(self.schedule, owner)
        loss = self.objective
        if isinstance(loss, str):
            with naming("objective", "a loss or the name of one"):
                loss = find_loss(loss)
        check_loss(loss, "objective", owner)
        if self.schedule is not None:
            # Before the first round, which may be hours away.
            self.schedule._check(loss)
        check_for_boosters(loss, "objective", owner)
        object.__setattr__(self, "_loss", loss)

    @property
    def _name(self) -> str:
        return type(self._loss).__name__


def _check_schedule(schedule: Any, owner: str) -> None:
    if schedule is not None and not isinstance(schedule, Schedule):
        raise TypeError(
            f"The 'schedule' parameter of {owner} must be a Schedule or None. "
            f"Got {schedule!r} instead."
        )
    if schedule is not None:
        check_for_boosters(schedule.warmup, "schedule", owner)


@dataclass(frozen=True, kw_only=True)
class PAUCObjective(BoosterCallable):
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
    basis : {"fpr", "population"}, default="fpr"
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

    Where the band is empty (``basis="population"`` with nothing but
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
    basis: Basis = "fpr"
    n_knots: int = 2
    schedule: Schedule | None = None
    weight_of_positives: WeightOfPositives = "rows"

    _loss: Loss[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_option(self.weight_of_positives, "weight_of_positives", WEIGHTS_OF_POSITIVES, owner)
        check_parameters(self, owner)
        if outer_call().module == __name__:
            # An estimator warns of its own parameters.
            warn_of_idle(OF_SURROGATES, self)
        object.__setattr__(self, "_loss", self._make_loss())

    def _make_loss(self) -> Loss[Any]:
        shared: dict[str, Any] = {
            "alpha": 0.0 if self.alpha is None else self.alpha,
            "beta": 1.0 if self.beta is None else self.beta,
            "temperature": self.temperature,
            "tau_scale": self.tau_scale,
            "basis": self.basis,
        }
        loss: Loss[Any]
        if self.surrogate == "pairwise":
            loss = PairwisePAUC(link=self.link, **shared)
        else:
            loss = TrapezoidPAUC(n_knots=self.n_knots, **shared)
        return AtBudget(loss, self.budget) if self.beta is None else loss


def check_parameters(holder: Any, owner: str) -> None:
    """Raise if an attribute of ``holder`` is out of range for the parameter of `PAUCObjective`.

    Parameters
    ----------
    holder : object
        What has the parameters as attributes: an objective, or an estimator.
    owner : str
        Its name in messages.
    """
    check_budget(holder.budget, owner)
    check_band(
        0.0 if holder.alpha is None else holder.alpha,
        1.0 if holder.beta is None else holder.beta,
        owner,
    )
    check_option(holder.surrogate, "surrogate", SURROGATES, owner)
    check_option(holder.link, "link", LINKS, owner)
    check_positive(holder.temperature, "temperature", owner)
    check_option(holder.tau_scale, "tau_scale", TAU_SCALES, owner)
    check_option(holder.basis, "basis", BASES, owner)
    check_positive(holder.n_knots, "n_knots", owner, integer=True, minimum=2)
    _check_schedule(holder.schedule, owner)


pauc_objective = PAUCObjective()
"""`PAUCObjective` with its defaults: 50 basis points, pairwise, logistic link."""
