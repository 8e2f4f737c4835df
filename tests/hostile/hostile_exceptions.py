"""What the rule does not hold for, and why, in one place.

`NOT_CALLED` are public names without an example. `ALLOWED` are calls for which a fault is right.
`KNOWN` are calls for which it is not: each has the room that has to be fixed, and the list should
be empty. `test_hostile` fails if an entry of any of the three is no longer needed.
"""

from __future__ import annotations

import fnmatch
from typing import NamedTuple

from hostile_rule import Verdict

_RESULT = "a result: the package makes it, and its fields are what the package has found"
_CLUSTER = "needs a Dask cluster: tests/boosting/test_dask.py tries it"

# Patterns of names, and why they have no example.
NOT_CALLED: dict[str, str] = {
    "skbudget.band.Band": _RESULT,
    "skbudget.cli.Comparison": _RESULT,
    "skbudget.cli.Estimate": _RESULT,
    "skbudget.cli.MethodSummary": _RESULT,
    "skbudget.cli.Run": _RESULT,
    "skbudget.kernels.PairSums": _RESULT,
    "skbudget.metrics.BootstrapInterval": _RESULT,
    "skbudget.metrics.CascadeCoverage": _RESULT,
    "skbudget.metrics.CoverageDifference": _RESULT,
    "skbudget.metrics.CoverageSampleSize": _RESULT,
    "skbudget.model_selection.AdoptionReport": _RESULT,
    "skbudget.sampling.NegativeSample": _RESULT,
    "skbudget.objectives.CollapseWarning": "a warning",
    "skbudget.objectives.Derivatives": _RESULT,
    "skbudget.cli.Split": "what a problem yields: a problem of the user may yield anything",
    "skbudget.cli.Problem": "a protocol",
    "skbudget.cli.Problem.describe": "a protocol",
    "skbudget.cli.Problem.splits": "a protocol",
    "skbudget.cli.Method.fit": "a function of the user, kept as an attribute",
    "skbudget.cli.Method.score": "a function of the user, kept as an attribute",
    "skbudget.objectives.Loss": "abstract",
    "skbudget.boosting.PAUCXGBClassifier.load_model": (
        "reads a file of XGBoost's: tests/boosting/test_estimator_targets.py tries it"
    ),
    "skbudget.boosting.DaskPAUCXGBClassifier*": _CLUSTER,
}


class Exempt(NamedTuple):
    """Calls whose faults are no failure.

    ``call`` is a pattern of "callable(argument=value)", ``kinds`` are those of
    `hostile_rule`, and ``reproducer`` is one of the calls: argument and value of the callable
    that is named before. The calls are not ``made`` where a whole argument is exempt.
    """

    call: str
    kinds: tuple[str, ...]
    reason: str
    reproducer: tuple[str, str, str]
    made: bool = True

    def covers(self, verdict: Verdict, kind: str) -> bool:
        """Return whether a fault of this kind is no failure."""
        return kind in self.kinds and fnmatch.fnmatchcase(verdict.call, self.call)


_CALLBACK = "the booster calls it, with its own environment"

_CONTRACT = (
    "called in every round of boosting, by the package and with what it has checked: a round "
    "validates nothing twice (docs/contract.md)"
)
_AS_LONG_AS_ASKED = "training lasts as long as it is asked to, and can be interrupted"
_AS_TORCH = "draws rows from torch's generator, as dropout does"

ALLOWED: tuple[Exempt, ...] = (
    Exempt(
        "skbudget.objectives.CrammerSinger(weight=*)",
        ("refused",),
        "the default is a word, and its letters are no weights",
        ("skbudget.objectives.CrammerSinger", "weight", "as-tuple"),
    ),
    Exempt(
        "skbudget.neural.PAUCClassifier(max_epochs=*)",
        ("time",),
        _AS_LONG_AS_ASKED,
        ("skbudget.neural.PAUCClassifier", "max_epochs", "10**12"),
    ),
    Exempt(
        "skbudget.neural.*Loss(max_pool_size=*)",
        ("state",),
        _AS_TORCH,
        ("skbudget.neural.SmoothAPLoss", "max_pool_size", "np.int8"),
    ),
    Exempt(
        "skbudget.boosting.LightGBMRounds.__call__(env=*)",
        ("error",),
        _CALLBACK,
        ("skbudget.boosting.LightGBMRounds.__call__", "env", "None"),
        made=False,
    ),
    Exempt(
        "skbudget.boosting.LightGBMPool.__call__(env=*)",
        ("error",),
        _CALLBACK,
        ("skbudget.boosting.LightGBMPool.__call__", "env", "None"),
        made=False,
    ),
    Exempt(
        "skbudget.boosting.XGBoostPool.before_iteration(model=*)",
        ("message",),
        _CALLBACK,
        ("skbudget.boosting.XGBoostPool.before_iteration", "model", "None"),
        made=False,
    ),
    Exempt(
        "skbudget.boosting.XGBoostPool.after_training(model=*)",
        ("message",),
        _CALLBACK,
        ("skbudget.boosting.XGBoostPool.after_training", "model", "None"),
        made=False,
    ),
    Exempt(
        "skbudget.boosting.XGBoostRounds.before_iteration(model=*)",
        ("error",),
        _CALLBACK,
        ("skbudget.boosting.XGBoostRounds.before_iteration", "model", "None"),
        made=False,
    ),
    Exempt(
        "skbudget.objectives.*(rows=*)",
        ("error",),
        _CONTRACT,
        ("skbudget.objectives.PairwisePAUC.hold", "rows", "None"),
        made=False,
    ),
    Exempt(
        "skbudget.objectives.*(held=*)",
        ("error",),
        "what `hold` returned, of a type that the loss alone knows",
        ("skbudget.objectives.PairwisePAUC.loss", "held", "nan"),
        made=False,
    ),
    Exempt(
        "skbudget.metrics.*Display(*=*)",
        ("accepted",),
        "made by its `from_` methods, as scikit-learn's displays are",
        ("skbudget.metrics.CoverageCurveDisplay", "budgets", "one-nan"),
        made=False,
    ),
    Exempt(
        "skbudget.band.Band.temperature(multiplier=*)",
        ("nan",),
        _CONTRACT,
        ("skbudget.band.Band.temperature", "multiplier", "inf"),
        made=False,
    ),
    Exempt(
        "skbudget.objectives.Rows(*=*)",
        ("error",),
        _CONTRACT,
        ("skbudget.objectives.Rows", "columns", "nan"),
        made=False,
    ),
    Exempt(
        "skbudget.objectives.Rows.replace(*=*)",
        ("nan",),
        _CONTRACT,
        ("skbudget.objectives.Rows.replace", "raw", "one-nan"),
        made=False,
    ),
    Exempt(
        "skbudget.objectives.Derivatives.dense(*=*)",
        ("accepted",),
        _CONTRACT,
        ("skbudget.objectives.Derivatives.dense", "scale", "nan"),
        made=False,
    ),
    Exempt(
        "skbudget.objectives.Schedule.at(*=*)",
        ("error",),
        _CONTRACT,
        ("skbudget.objectives.Schedule.at", "loss", "nan"),
        made=False,
    ),
)

KNOWN: tuple[Exempt, ...] = ()


def is_made(example: str, argument: str) -> bool:
    """Return whether hostile values are tried for an argument."""
    call = f"{example}({argument}=)"
    return not any(
        not entry.made and fnmatch.fnmatchcase(call, entry.call) for entry in (*ALLOWED, *KNOWN)
    )


def failures(verdict: Verdict) -> list[str]:
    """Return the faults of a call that no entry covers, as lines."""
    return [
        line
        for (kind, _), line in zip(verdict.faults, verdict.lines())
        if not any(entry.covers(verdict, kind) for entry in (*ALLOWED, *KNOWN))
    ]
