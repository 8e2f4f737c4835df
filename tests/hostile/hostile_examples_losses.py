"""Valid examples of the losses: in NumPy, as boosters call them, and as torch modules."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import lightgbm
import numpy as np
import xgboost
from hostile_data import (
    N_ROWS,
    in_range,
    labels,
    optional_columns,
    scores,
    table,
    values,
    weights,
)
from hostile_legal import Array, Kind, Number
from hostile_rule import Example

from skbudget import boosting, objectives
from skbudget.objectives import (
    AtBudget,
    BinaryCrossEntropy,
    ClassBalancedCrossEntropy,
    Derivatives,
    Loss,
    OneVsRest,
    PairwisePAUC,
    Rows,
    Schedule,
    WeightedSum,
    example_rows,
    find_loss,
)

ROOM = "skbudget.objectives"
ANYTHING = Kind()
# The base of an effective number of rows, not the end of a band.
BETA_OF_COUNTS = Number(low=0.0, high=1.0, none=True)


# --- losses in NumPy --------------------------------------------------------------------------


def _composites() -> dict[str, Callable[[], Loss[Any]]]:
    return {
        "AtBudget": lambda: AtBudget(PairwisePAUC(beta=0.5), budget=0.25),
        "OneVsRest": lambda: OneVsRest(PairwisePAUC(beta=0.5)),
        "WeightedSum": lambda: WeightedSum(((0.5, BinaryCrossEntropy()), (0.5, PairwisePAUC()))),
        "Loss": BinaryCrossEntropy,
    }


def _losses() -> dict[str, Callable[[], Loss[Any]]]:
    """Return a valid loss of every class by the class's name."""
    found: dict[str, Callable[[], Loss[Any]]] = dict(_composites())
    for name in objectives.available():
        found[type(find_loss(name)).__name__] = lambda name=name: next(
            iter(type(find_loss(name)).examples())
        )[0]
    return found


def _user_rows(loss: Loss[Any]) -> dict[str, Any]:
    """Return labels, scores and columns as a user has them."""
    rows = example_rows(loss, N_ROWS)
    raw = np.round(rows.raw * 16) / 16
    given = {
        "y_true": rows.target.astype(float if loss.target == "real" else int),
        "raw_score": raw,
    }
    return {**given, **{name: np.asarray(entry) for name, entry in rows.columns.items()}}


def _is_gradient(answer: Any, arguments: dict[str, Any]) -> str | None:
    parts = answer if isinstance(answer, tuple) else (answer,)
    shape = np.shape(arguments["raw_score"])
    for part in parts:
        if part.shape != shape and part.shape != shape[:1]:
            return f"shape {part.shape} of scores of shape {shape}"
    if len(parts) == 2 and not (parts[1] >= 0).all():
        return "the hessian is negative"
    return None


def _of_loss(name: str, make: Callable[[], Loss[Any]]) -> list[Example]:
    full = f"{ROOM}.{name}"
    loss = make()
    found = type(loss)
    kinds: dict[str, Kind] = {
        "held": ANYTHING,
        **{column: Array("columns", role="ids") for column in loss.needs},
    }
    columns = set(loss.reads | loss.needs)

    def valid(variant: int) -> dict[str, Any]:
        given = _user_rows(loss)
        if variant % 2 and loss.target == "binary":
            extra = optional_columns(variant)
            given["sample_weight"] = extra["sample_weight"]
            given.update({key: extra[key] for key in columns & extra.keys()})
        return given

    def filled(variant: int) -> dict[str, Any]:
        return {"sample_weight": weights(variant)}

    if loss.target != "binary":
        # One class is as good as several.
        kinds["y_true"] = Array("columns", role="numbers")
    two = loss.margins != "one"
    if two:
        kinds["raw_score"] = Array("tables", role="scores")
    examples = []
    for method in ("rows", "loss", "gradient", "gradient_hessian"):
        member = getattr(found, method)

        def call(_method: str = method, **arguments: Any) -> Any:
            return getattr(make(), _method)(**arguments)

        examples.append(
            Example(
                f"{full}.{method}",
                call,
                valid,
                (member, found.loss, found.rows),
                filled=filled,
                kinds=kinds,
                right=_is_gradient if method.startswith("gradient") else None,
                same=method != "rows",
            )
        )
    if name != "Loss":
        examples.append(_constructor(full, found, loss))
    examples += _replaced(full, loss)
    # What takes Rows is called by boosters, and is handed rows that were checked.
    for method in ("hold", "start", "resolved", "boosting_factor"):
        examples.append(_of_rows(f"{full}.{method}", make, method))
    for method in ("value", "derivatives"):
        examples.append(_of_rows(f"{full}.{method}", make, method, held=True))
    examples.append(_of_rows(f"{full}.check_trained", make, "check_trained", owner="Model"))
    if hasattr(found, "from_counts"):
        examples.append(from_counts(full, found))
    examples.append(
        Example(
            f"{full}.library_params",
            lambda **given: make().library_params(**given),
            lambda variant: {"library": ("lightgbm", "xgboost")[variant % 2]},
            (Loss.library_params,),
        )
    )
    for method in ("torch_loss", "examples"):
        examples.append(
            Example(
                f"{full}.{method}",
                lambda _method=method: (
                    list(itertools.islice(type(make()).examples(), 2))
                    if _method == "examples"
                    else getattr(make(), _method)()
                ),
                lambda variant: {},
                (getattr(Loss, method),),
            )
        )
    return examples


def from_counts(full: str, found: Any) -> Example:
    """Return how the parameters of a loss follow from the sizes of the classes."""
    several = "counts" in inspect.signature(found.from_counts).parameters
    sizes = {"counts": [6.0, 12.0]} if several else {"n_pos": 6.0, "n_neg": 12.0}
    return Example(
        f"{full}.from_counts",
        lambda **given: vars(found.from_counts(**given)),
        lambda variant: {**sizes, "gamma": 0.5, "tau": 1.0, "beta": 0.5 if variant % 2 else None},
        (found.from_counts,),
        kinds={"beta": BETA_OF_COUNTS},
    )


def _constructor(full: str, found: type, loss: Loss[Any]) -> Example:
    parameters = {
        name: getattr(loss, name)
        for name in inspect.signature(found).parameters  # type: ignore[arg-type]
    }

    def build(**settings: Any) -> Any:
        made = found(**settings)
        given = _user_rows(made)
        return made.gradient_hessian(**given)

    kinds: dict[str, Kind] = {
        name: ANYTHING
        for name, entry in parameters.items()
        if isinstance(entry, Loss | tuple) or name in ("pos_weight", "cross_sections")
    }
    if "regularizer" in parameters:
        # Numbers or words.
        kinds["regularizer"] = Number(low=1e-12, high=1e12, words=("budget", "signal"))
        kinds["centre"] = Number(low=-1e150, high=1e150, words=("budget",))
    kinds.update(_other_kinds(found))
    return Example(full, build, lambda variant: dict(parameters), (found,), kinds=kinds)


def _other_kinds(found: type) -> dict[str, Kind]:
    """Return the kinds of parameters that are called as others are."""
    return {"beta": Number(low=0.0, high=1.0)} if found is ClassBalancedCrossEntropy else {}


def _replaced(full: str, loss: Loss[Any]) -> list[Example]:
    changed = next(
        (
            name
            for name in inspect.signature(type(loss)).parameters
            if isinstance(getattr(loss, name), float)
        ),
        None,
    )
    changes = {} if changed is None else {changed: getattr(loss, changed)}
    return [
        Example(
            f"{full}.replace",
            lambda **changes: loss.replace(**changes),
            lambda variant: dict(changes),
            (Loss.replace, type(loss)),
            kinds=_other_kinds(type(loss)),
        ),
        Example(
            f"{full}.with_params",
            lambda **given: loss.with_params(**given),
            lambda variant: {"owner": "Model", "name": "loss", **changes},
            (Loss.with_params, type(loss)),
            kinds=_other_kinds(type(loss)),
        ),
    ]


def _of_rows(
    full: str, make: Callable[[], Loss[Any]], method: str, held: bool = False, **more: Any
) -> Example:
    def valid(variant: int) -> dict[str, Any]:
        loss = make()
        rows = example_rows(loss, N_ROWS, weighted=bool(variant % 2))
        return {"rows": rows, "held": loss.hold(rows)} if held else {"rows": rows, **more}

    return Example(
        full,
        lambda **arguments: getattr(make(), method)(**arguments),
        valid,
        (getattr(Loss, method),),
        kinds={"rows": ANYTHING, "held": ANYTHING},
        infinite=True,
        nan=("t_alpha", "t_beta"),
    )


def _other_objectives() -> list[Example]:
    def rows(variant: int) -> dict[str, Any]:
        return {
            "target": labels(variant).astype(bool),
            "raw": scores(variant),
            "weight": weights(variant),
            "columns": {"value": values(variant)},
        }

    schedule = {"warmup_rounds": 2, "blend_rounds": 2, "anneal_rounds": 4, "beta_start": 0.5}
    derivatives = Derivatives(None, np.array([0.5, -0.5]), np.array([0.25, 0.25]))
    return [
        Example(
            f"{ROOM}.Rows", Rows, rows, (Rows,), kinds={"dtype": ANYTHING, "columns": ANYTHING}
        ),
        Example(
            f"{ROOM}.Rows.replace",
            lambda **changes: Rows(**rows(0)).replace(**changes),
            lambda variant: {"raw": scores(variant)},
            (Rows.replace, Rows),
        ),
        Example(
            f"{ROOM}.Rows.take",
            lambda rows: Rows(**_valid_rows()).take(rows),
            lambda variant: {"rows": np.arange(N_ROWS)[::2]},
            (Rows.take,),
        ),
        Example(
            f"{ROOM}.Derivatives.dense",
            lambda **arguments: Derivatives(
                np.array([0, 2]), derivatives.gradient.copy(), derivatives.hessian.copy()
            ).dense(**arguments),
            lambda variant: {"n_samples": 4},
            (Derivatives.dense,),
            kinds={"dtype": ANYTHING},
        ),
        Example(
            f"{ROOM}.Schedule",
            lambda **settings: Schedule(**settings).at(3, PairwisePAUC(beta=0.25)),
            lambda variant: {**schedule, "warmup": BinaryCrossEntropy()},
            (Schedule,),
        ),
        Example(
            f"{ROOM}.Schedule.at",
            lambda **arguments: Schedule(**schedule).at(**arguments),
            lambda variant: {"iteration": 3, "loss": PairwisePAUC(beta=0.25)},
            (Schedule.at,),
            kinds={"iteration": Number(whole=True, low=0)},
        ),
        Example(
            f"{ROOM}.available",
            objectives.available,
            lambda variant: {"target": "binary"},
            (objectives.available,),
        ),
        Example(
            f"{ROOM}.example_rows",
            example_rows,
            lambda variant: {"loss": BinaryCrossEntropy(), "n_samples": 8},
            (example_rows,),
        ),
        Example(
            f"{ROOM}.find_loss",
            find_loss,
            lambda variant: {"name": "pairwise_pauc", "beta": 0.25},
            (find_loss, PairwisePAUC),
        ),
    ]


def _valid_rows() -> dict[str, Any]:
    return {"target": labels(0).astype(bool), "raw": scores(0), "weight": weights(0)}


# --- as boosters call them --------------------------------------------------------------------


def _booster_rows(variant: int) -> dict[str, Any]:
    given = {"y_true": labels(variant).astype(np.float32), "y_pred": scores(variant)}
    return {**given, "sample_weight": weights(variant)} if variant % 2 else given


def _is_pair_of_scores(answer: Any, arguments: dict[str, Any]) -> str | None:
    gradient, hessian = answer
    if gradient.shape != np.shape(arguments["y_pred"]) or gradient.dtype != np.float32:
        return f"a gradient of {gradient.dtype}, shape {gradient.shape}"
    return None if (hessian >= 0).all() else "the hessian is negative"


class _ByDataset:
    """Labels and weights as a booster's data set holds them."""

    def __init__(self, booster: str, y: Any, weight: Any) -> None:
        self.booster, self.y, self.weight = booster, y, weight

    def made(self) -> Any:
        X = np.arange(2.0 * N_ROWS).reshape(N_ROWS, 2)
        if self.booster == "lightgbm":
            return lightgbm.Dataset(X, self.y, weight=self.weight)
        return xgboost.DMatrix(X, self.y, weight=self.weight)


def _pools(room: str) -> list[Example]:
    """Return examples of the callbacks that train on the rows within reach."""
    lgb_pool, xgb_pool = boosting.LightGBMPool, boosting.XGBoostPool
    objective = boosting.PAUCObjective(budget=0.25)

    def of_lightgbm(**given: Any) -> Any:
        pool = lgb_pool(**given)
        data = lightgbm.Dataset(table(), labels(), params={"feature_pre_filter": False})
        params = {"objective": pool.objective, "verbose": -1, "num_threads": 1}
        lightgbm.train(params, data, 2, callbacks=[pool])
        return pool.work_.n_rounds

    def of_xgboost(**given: Any) -> Any:
        pool = xgb_pool(**given)
        data = xgboost.QuantileDMatrix(table(), labels(), nthread=1)
        xgboost.train({"nthread": 1}, data, 2, obj=pool.objective, callbacks=[pool])
        return pool.work_.n_rounds

    def environment() -> Any:
        data = SimpleNamespace(
            num_data=lambda: N_ROWS,
            num_feature=lambda: table().shape[1],
            get_params=lambda: {"feature_pre_filter": False},
        )
        return SimpleNamespace(
            model=SimpleNamespace(train_set=data), params={}, iteration=0, end_iteration=2
        )

    kinds = {"objective": ANYTHING, "X": Array("columns", role="table")}
    rounds = dict.fromkeys(("model", "epoch", "evals_log"), ANYTHING)
    examples = [
        Example(
            f"{room}.{pool.__name__}",
            train,
            lambda variant: {"objective": objective, "X": table(variant)},
            (pool,),
            kinds=kinds,
        )
        for pool, train in ((lgb_pool, of_lightgbm), (xgb_pool, of_xgboost))
    ]
    examples.append(
        Example(
            f"{room}.LightGBMPool.__call__",
            lambda env: lgb_pool(objective, table())(env),
            lambda variant: {"env": environment()},
            (lgb_pool.__call__,),
            kinds={"env": ANYTHING},
        )
    )
    for name in ("before_training", "before_iteration", "after_training"):
        method = getattr(xgb_pool, name)
        more = {"epoch": 0, "evals_log": {}} if name == "before_iteration" else {}
        examples.append(
            Example(
                f"{room}.XGBoostPool.{name}",
                # Whether an answer is the model is no comparison of two answers.
                lambda _name=name, **given: (
                    getattr(xgb_pool(objective, table()), _name)(**given) is False
                ),
                lambda variant, more=more: {"model": SimpleNamespace(), **more},
                (method,),
                kinds=rounds,
                owned=frozenset({"model"}),
            )
        )
    return examples


def _boosting() -> list[Example]:
    room = "skbudget.boosting"
    pauc, offered, metric = (
        boosting.PAUCObjective,
        boosting.BoosterObjective,
        boosting.CoverageMetric,
    )

    def filled(variant: int) -> dict[str, Any]:
        return {"sample_weight": weights(variant)}

    settings = {
        "PAUCObjective": {
            "budget": 0.25,
            "alpha": 0.0,
            "beta": 0.5,
            "temperature": 0.5,
            "n_knots": 3,
            "surrogate": "trapezoid",
        },
        "BoosterObjective": {"objective": PairwisePAUC(beta=0.5)},
    }
    margins = Array("columns", role="margins")
    group = {"group": Array("columns", role="ids", none=True), "y_pred": margins}
    examples = []
    for name, found in (("PAUCObjective", pauc), ("BoosterObjective", offered)):
        examples.append(
            Example(
                f"{room}.{name}",
                lambda _found=found, **given: _found(**given)(labels(0), scores(0)),
                lambda variant, name=name: dict(settings[name]),
                (found,),
                kinds={"objective": ANYTHING},
            )
        )

        def objective(_found: Any = found, _name: str = name) -> Any:
            return _found(**settings[_name])

        examples += [
            Example(
                f"{room}.{name}.__call__",
                lambda _make=objective, **given: _make()(**given),
                _booster_rows,
                (found.__call__,),
                filled=filled,
                right=_is_pair_of_scores,
                kinds=group,
            ),
            Example(
                f"{room}.{name}.loss",
                lambda _make=objective, **given: _make().loss(**given),
                _booster_rows,
                (found.loss, found.__call__),
                filled=filled,
                kinds={"y_pred": margins},
            ),
            Example(
                f"{room}.{name}.start",
                lambda _make=objective, **given: _make().start(**given),
                lambda variant: {"y_true": labels(variant)},
                (found.start, found.__call__),
                filled=filled,
                alone=True,
            ),
            Example(
                f"{room}.{name}.with_columns",
                lambda _make=objective, **given: _make().with_columns(**given)(
                    labels(0), scores(0)
                ),
                lambda variant: {"value": values(variant)},
                (found.with_columns,),
                kinds={"value": Array("columns", role="weights", none=True)},
            ),
        ]
    for booster in ("lightgbm", "xgboost"):

        def by_dataset(
            _booster: str = booster, y: Any = None, weight: Any = None, preds: Any = None
        ) -> Any:
            data = _ByDataset(_booster, labels(0), weights(0)).made()
            return boosting.PAUCObjective(budget=0.25)(preds, data)

        examples.append(
            Example(
                f"{room}.PAUCObjective.__call__[{booster}]",
                by_dataset,
                lambda variant: {"preds": scores(variant)},
                (by_dataset,),
                kinds={"preds": margins},
                skip=frozenset({"y", "weight", "_booster"}),
            )
        )
    examples += [
        Example(
            f"{room}.pauc_objective.__call__",
            boosting.pauc_objective,
            _booster_rows,
            (pauc.__call__,),
            filled=filled,
            right=_is_pair_of_scores,
            kinds=group,
        ),
        Example(
            f"{room}.CoverageMetric",
            lambda **given: metric(**given)(labels(0), scores(0)),
            lambda variant: {"budget": 0.25},
            (metric,),
            right=in_range(0.0, 1.0),
        ),
        Example(
            f"{room}.CoverageMetric.__call__",
            lambda **given: metric(budget=0.25)(**given),
            _booster_rows,
            (metric.__call__,),
            filled=filled,
            right=in_range(0.0, 1.0),
        ),
        Example(
            f"{room}.LightGBMRounds.__call__",
            lambda env: boosting.LightGBMRounds()(env),
            lambda variant: {"env": SimpleNamespace(iteration=0, model=None)},
            (boosting.LightGBMRounds.__call__,),
            kinds={"env": ANYTHING},
        ),
        Example(
            f"{room}.XGBoostRounds.before_iteration",
            lambda **given: boosting.XGBoostRounds().before_iteration(**given),
            lambda variant: {
                "model": SimpleNamespace(num_boosted_rounds=lambda: 0),
                "epoch": 0,
                "evals_log": {},
            },
            (boosting.XGBoostRounds.before_iteration,),
            kinds=dict.fromkeys(("model", "epoch", "evals_log"), ANYTHING),
        ),
        *(
            Example(
                f"{room}.{name}",
                getattr(boosting, name),
                lambda variant: {},
                (getattr(boosting, name),),
            )
            for name in ("LightGBMRounds", "XGBoostRounds")
        ),
        *_pools(room),
    ]
    return examples


def examples() -> list[Example]:
    """Return the examples of these rooms."""
    found = [one for name, make in _losses().items() for one in _of_loss(name, make)]
    return [*found, *_other_objectives(), *_boosting()]
