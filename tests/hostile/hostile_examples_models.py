"""Valid examples of the estimators: constructors are tried by fitting and predicting."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hostile_data import N_ROWS, in_range, labels, scores, table, values, weights
from hostile_legal import Array, Kind, Number
from hostile_rule import LIMIT_S, Example
from sklearn.linear_model import LogisticRegression

from skbudget import model_selection
from skbudget.autobalance import AutoBalanceClassifier
from skbudget.boosting import PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.ensemble import PAUCEnsembleClassifier
from skbudget.model_selection import BudgetThresholdClassifier
from skbudget.neural import Head, PAUCClassifier

ANYTHING = Kind(none=True)

_TREES: dict[str, Any] = {
    "budget": 0.25,
    "beta": 0.5,
    "n_estimators": 3,
    "learning_rate": 0.5,
    "selection_cv": None,
    "calibration_cv": 2,
    "n_jobs": 1,
    "random_state": 0,
}


def _known(found: type, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that a class has, so that a new name needs no change here."""
    return {
        name: entry
        for name, entry in settings.items()
        if name in inspect.signature(found).parameters
    }


def _settings() -> dict[type, dict[str, Any]]:
    network = {
        "budget": 0.25,
        "n_members": 1,
        "max_epochs": 2,
        "hidden_layer_sizes": (4,),
        "batch_size": 16,
        "queue_size": 16,
        "device": "cpu",
        "random_state": 0,
    }
    return {
        PAUCLGBMClassifier: {
            **_TREES,
            "num_leaves": 4,
            "min_child_samples": 2,
            "min_split_gain": 0.0,
            "verbose": -1,
        },
        PAUCXGBClassifier: {**_TREES, "max_leaves": 4, "gamma": 0.0},
        PAUCClassifier: _known(PAUCClassifier, network),
        PAUCEnsembleClassifier: {"budget": 0.25, "cv": 2, "n_jobs": 1, "random_state": 0},
        BudgetThresholdClassifier: {"budget": 0.25, "random_state": 0},
        AutoBalanceClassifier: {
            "budget": 0.25,
            "n_candidates": 1,
            "cv": 2,
            "n_repeats": 1,
            "random_state": 0,
        },
    }


class Linear(LogisticRegression):
    """A quick model that takes values of rows, as those of the package do."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, value: Any = None) -> Linear:
        return super().fit(X, y, sample_weight)


def _parts(found: type) -> dict[str, Any]:
    """Return the estimators that an estimator is made of."""
    if found is PAUCEnsembleClassifier:
        return {"trees": Linear(), "network": Linear(C=0.5)}
    if found is AutoBalanceClassifier:
        return {"estimator": _new(PAUCLGBMClassifier, beta=None)}
    return {"estimator": LogisticRegression()} if found is BudgetThresholdClassifier else {}


def _new(found: type, **changes: Any) -> Any:
    return found(**{**_parts(found), **_settings()[found], **changes})


@cache
def _fitted(found: type, variant: int) -> Any:
    return _new(found).fit(table(variant), labels(variant))


def _is_plain(arguments: dict[str, Any]) -> bool:
    """Return whether nothing but the ordinary prediction is asked for."""
    return arguments.keys() <= {"X", "segments"}


def _probabilities_are_right(answer: Any, arguments: dict[str, Any]) -> str | None:
    if not _is_plain(arguments):
        return None
    found = np.asarray(answer)
    if found.ndim != 2 or found.shape[1] != 2:
        return f"probabilities of shape {found.shape}"
    if not np.allclose(found.sum(axis=1), 1.0, atol=1e-5):
        return "probabilities do not add up to one"
    return in_range(0.0, 1.0)(found, arguments)


def _labels_are_known(answer: Any, arguments: dict[str, Any]) -> str | None:
    if not _is_plain(arguments):
        return None
    return None if set(np.unique(answer).tolist()) <= {0, 1} else f"labels {np.unique(answer)}"


def _rooms() -> dict[type, str]:
    return {
        PAUCLGBMClassifier: "skbudget.boosting",
        PAUCXGBClassifier: "skbudget.boosting",
        PAUCClassifier: "skbudget.neural",
        PAUCEnsembleClassifier: "skbudget.ensemble",
        BudgetThresholdClassifier: "skbudget.model_selection",
        AutoBalanceClassifier: "skbudget.autobalance",
    }


# Parameters of the parents, whose values the boosters judge.
_OF_PARENTS = (
    *("boosting_type", "num_leaves", "max_depth", "learning_rate", "n_estimators", "objective"),
    *("subsample_for_bin", "class_weight", "min_split_gain", "min_child_weight", "gamma"),
    *("min_child_samples", "subsample", "subsample_freq", "colsample_bytree", "reg_alpha"),
    *("reg_lambda", "importance_type", "grow_policy", "max_leaves", "verbose"),
)


# What the boosters' own `fit` reads.
_OF_PARENTS_FIT = frozenset(
    {
        *("eval_set", "eval_names", "eval_sample_weight", "eval_class_weight", "eval_init_score"),
        *("eval_metric", "feature_name", "categorical_feature", "callbacks", "init_model"),
        *("eval_X", "eval_y", "verbose", "xgb_model", "sample_weight_eval_set"),
        "base_margin_eval_set",
    }
)
_BOOSTERS = (PAUCLGBMClassifier, PAUCXGBClassifier)
_SLOW = (PAUCEnsembleClassifier, AutoBalanceClassifier)
_MADE_OF_OTHERS = (BudgetThresholdClassifier, PAUCEnsembleClassifier, AutoBalanceClassifier)

# How the boosters refuse what is theirs to judge.
_OF_BOOSTERS = frozenset({"LightGBMError", "XGBoostError"})


def _kinds_of_constructor(found: type) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {"verbose": ANYTHING, "n_jobs": Kind(pool="jobs", none=True)}
    # Folds are a number, a splitter or an iterable.
    kinds |= dict.fromkeys(("selection_cv", "calibration_cv", "fold_learning_rate"), ANYTHING)
    for name in inspect.signature(found).parameters:
        if name in (
            "estimator",
            "trees",
            "network",
            "schedule",
            "module",
            "cv",
            "net_params",
            "loss",
            "heads",
        ) or (found in _BOOSTERS and name in _OF_PARENTS):
            kinds[name] = ANYTHING
    if found is AutoBalanceClassifier:
        # Strengths are tuned by gradients, of networks.
        kinds["augment"] = ANYTHING
    if found is PAUCClassifier:
        kinds |= dict.fromkeys(
            ("max_epochs", "class_weight", "device", "hidden_layer_sizes"), ANYTHING
        )
    return kinds


def _ranking(model: Any, X: Any) -> Any:
    return model.decision_function(X)


def _estimator(found: type) -> list[Example]:
    room = _rooms()[found]
    full = f"{room}.{found.__name__}"
    # The classifiers inside judge the rows, and the parents what is theirs.
    made_of_others = found in _MADE_OF_OTHERS
    upstream = frozenset({"X"} if made_of_others else ())
    network = found is PAUCClassifier

    def construct(**settings: Any) -> Any:
        model = found(**settings).fit(table(0), labels(0))
        ranking = _ranking(model, table(0))
        # A model without a calibration ranks only.
        if not hasattr(model, "predict_proba"):
            return ranking
        return ranking, model.predict_proba(table(0))

    def settings(variant: int) -> dict[str, Any]:
        return {**copy.deepcopy(_parts(found)), **_settings()[found]}

    def changed(**params: Any) -> Any:
        model = _new(found).set_params(**params).fit(table(0), labels(0))
        return _ranking(model, table(0))

    def fit(**arguments: Any) -> Any:
        variant = arguments.pop("variant", 0)
        model = _new(found).fit(**arguments)
        if np.shape(arguments["X"]) == (N_ROWS, 4):
            return _ranking(model, table(variant)), model.predict_proba(table(variant))
        return None

    def rows(variant: int) -> dict[str, Any]:
        given = {"X": table(variant), "y": labels(variant)}
        return {**given, "sample_weight": weights(variant)} if variant % 2 else given

    def filled(variant: int) -> dict[str, Any]:
        return {
            "sample_weight": weights(variant),
            "value": values(variant),
            "iid_mask": np.arange(N_ROWS) % 5 > 0,
            "segments": np.arange(N_ROWS) % 2,
            "init_score": np.zeros(N_ROWS),
            "base_margin": np.zeros(N_ROWS),
            "eval_set": [(table(variant + 1), labels(variant + 1))],
            "eval_X": table(variant + 1),
            "eval_y": labels(variant + 1),
            "verbose": 0,
        }

    kinds = {
        **dict.fromkeys(
            ("eval_set", "eval_names", "eval_sample_weight", "eval_class_weight", "callbacks"),
            ANYTHING,
        ),
        **dict.fromkeys(("eval_init_score", "eval_metric", "feature_name", "init_model"), ANYTHING),
        **dict.fromkeys(("categorical_feature", "eval_X", "eval_y", "eval_value"), ANYTHING),
        **dict.fromkeys(("verbose", "xgb_model", "sample_weight_eval_set"), ANYTHING),
        **dict.fromkeys(("base_margin_eval_set", "value_eval_set", "raw_score"), ANYTHING),
        **dict.fromkeys(("init_score", "base_margin"), Array("columns", role="numbers", none=True)),
        "classes": ANYTHING,
        # Beside most objectives a segment has no effect, and is refused.
        "segment": ANYTHING,
    }
    optional = {"sample_weight", "value", "iid_mask", "segments"}
    for name in inspect.signature(found.fit).parameters:
        if name in optional:
            role = {"iid_mask": "mask", "segments": "ids"}.get(name, "weights")
            kinds[name] = Array("columns", role=role, none=True)
    kinds["y"] = Array("columns", role="labels", none=found is BudgetThresholdClassifier and False)
    kinds["X"] = Array("tables", role="table")

    examples = [
        Example(
            full,
            construct,
            settings,
            (found,),
            kinds=_kinds_of_constructor(found),
            raises=_OF_BOOSTERS,
            upstream=frozenset({*_OF_PARENTS, "n_jobs"} if found in _BOOSTERS else ()),
            # The default network has eight members, and all of these are fits inside fits.
            limit=60.0 if found in _SLOW else LIMIT_S,
        ),
        Example(
            f"{full}.set_params",
            changed,
            lambda variant: {"budget": 0.25},
            (found.set_params, found),
            kinds={"budget": Number(low=0.0, high=1.0, with_low=False)},
            skip=frozenset({"params"}),
        ),
        Example(
            f"{full}.fit",
            fit,
            rows,
            (found.fit,),
            filled=filled,
            kinds=kinds,
            upstream=upstream | (_OF_PARENTS_FIT if found in _BOOSTERS else frozenset()),
            raises=_OF_BOOSTERS,
        ),
    ]
    for method, right in (
        ("predict", _labels_are_known),
        ("predict_proba", _probabilities_are_right),
        ("predict_log_proba", None),
        ("decision_function", None),
    ):
        if not hasattr(found, method) and found is not BudgetThresholdClassifier:
            continue
        if method == "predict_log_proba" and found is not BudgetThresholdClassifier:
            continue
        member = getattr(found, method)
        examples.append(
            Example(
                f"{full}.{method}",
                lambda _method=method, **arguments: getattr(_fitted(found, 0), _method)(
                    **arguments
                ),
                lambda variant: {"X": table(variant)},
                (_plain(member),),
                right=right,
                kinds={
                    "X": Array("tables", role="table"),
                    "segments": ANYTHING,
                    **dict.fromkeys(
                        ("raw_score", "pred_leaf", "pred_contrib", "output_margin"), ANYTHING
                    ),
                },
                infinite=method == "predict_log_proba" or bool(upstream),
                upstream=upstream,
                alone=True,
            )
        )
    examples.append(
        Example(
            f"{full}.score",
            lambda **arguments: _fitted(found, 0).score(**arguments),
            rows,
            (_plain(found.score),),
            kinds={"X": Array("tables", role="table")},
            # The method is scikit-learn's, and calls its `accuracy_score`.
            skip=frozenset({"y", "sample_weight"}),
            upstream=upstream,
            right=in_range(0.0, 1.0),
        )
    )
    if hasattr(found, "get_xgb_params"):
        examples.append(
            Example(
                f"{full}.get_xgb_params",
                lambda: len(_fitted(found, 0).get_xgb_params()),
                lambda variant: {},
                (found.get_xgb_params,),
            )
        )
    if network:
        examples += _of_network(full, rows, filled, kinds)
    if found is BudgetThresholdClassifier:
        examples += _of_threshold(full, rows, filled, kinds)
    return examples


def _plain(member: Any) -> Any:
    """Return the function behind a method that is there only for some estimators."""
    return inspect.unwrap(member)


def _of_network(full: str, rows: Any, filled: Any, kinds: Any) -> list[Example]:
    def partial_fit(**arguments: Any) -> Any:
        model = _new(PAUCClassifier).partial_fit(**arguments)
        return model.decision_function(table(0))

    cart = labels(2).astype(float)
    cart[:4] = np.nan

    @cache
    def with_head() -> Any:
        heads = {"cart": Head(weight=0.5)}
        return _new(PAUCClassifier).set_params(heads=heads).fit(table(0), labels(0), cart=cart)

    return [
        Example(
            f"{full}.head_scores",
            lambda X: with_head().head_scores(X)["cart"],
            lambda variant: {"X": table(variant)},
            (PAUCClassifier.head_scores,),
            kinds={"X": Array("tables", role="table")},
            alone=True,
        ),
        Example(
            "skbudget.neural.Head",
            lambda **given: (
                _new(PAUCClassifier)
                .set_params(heads={"cart": Head(**given)})
                .fit(table(0), labels(0), cart=cart)
                .decision_function(table(0))
            ),
            lambda variant: {"weight": 0.5},
            (Head,),
            kinds={"loss": ANYTHING, "weight": Number(low=0.0, high=1e6)},
        ),
        Example(
            "skbudget.neural.Head.with_params",
            lambda **given: Head().with_params(**given),
            lambda variant: {"owner": "PAUCClassifier", "name": "heads__cart"},
            (Head.with_params,),
            kinds={"owner": ANYTHING, "name": ANYTHING},
            skip=frozenset({"params"}),
        ),
        Example(
            f"{full}.partial_fit",
            partial_fit,
            lambda variant: {**rows(variant), "classes": np.array([0, 1])},
            (PAUCClassifier.partial_fit, PAUCClassifier.fit),
            filled=filled,
            # A part of a stream need not hold both classes.
            kinds={**kinds, "y": Kind(pool="columns")},
        ),
        Example(
            f"{full}.to",
            lambda device: (
                copy.deepcopy(_fitted(PAUCClassifier, 0)).to(device).predict_proba(table(0))
            ),
            lambda variant: {"device": "cpu"},
            (PAUCClassifier.to,),
            kinds={"device": ANYTHING},
        ),
    ]


@cache
def _segmented() -> Any:
    return _new(BudgetThresholdClassifier).fit(table(0), labels(0), segments=np.arange(N_ROWS) % 2)


@cache
def _with_floor() -> Any:
    return BudgetThresholdClassifier(LogisticRegression(), min_recall=0.75).fit(table(0), labels(0))


def _of_threshold(full: str, rows: Any, filled: Any, kinds: Any) -> list[Example]:
    found = BudgetThresholdClassifier

    def update_floor(**arguments: Any) -> Any:
        model = copy.deepcopy(_with_floor()).update(**arguments)
        return model.threshold_, model.alert_rate_

    def fit_floor(**settings: Any) -> Any:
        model = found(**settings).fit(table(0), labels(0))
        return model.threshold_, model.predict(table(0))

    def update(**arguments: Any) -> Any:
        model = copy.deepcopy(_fitted(found, 0)).update(**arguments)
        return model.threshold_, model.alert_rate_

    def alerts_are_rows(answer: Any, arguments: dict[str, Any]) -> str | None:
        if len(set(answer.tolist())) != answer.size or answer.dtype.kind != "i":
            return f"rows {answer[:5]}"
        return None

    def segmented(name: str) -> Callable[..., Any]:
        return lambda **arguments: getattr(_segmented(), name)(**arguments)

    segments = {"X": Array("tables", role="table"), "segments": Array("columns", role="ids")}

    # Either of them needs the other.
    limits = dict.fromkeys(("group", "max_per_group"), ANYTHING)
    segments |= limits

    def with_segments(variant: int) -> dict[str, Any]:
        return {"X": table(variant), "segments": np.arange(N_ROWS) % 2}

    return [
        Example(
            f"{full}.update",
            update,
            rows,
            (found.update, found.fit),
            filled=filled,
            # A share of all rows needs no positive.
            kinds={**kinds, "y": Array("columns", role="ids", none=True), "segments": ANYTHING},
            upstream=frozenset({"X"}),
        ),
        Example(
            f"{full}[min_recall]",
            fit_floor,
            lambda variant: {**_parts(found), "min_recall": 0.75, "random_state": 0},
            (found,),
            kinds=_kinds_of_constructor(found),
        ),
        Example(
            f"{full}.update[min_recall]",
            update_floor,
            rows,
            (found.update, found.fit),
            filled=filled,
            kinds={**kinds, "y": Array("columns", role="ids"), "segments": ANYTHING},
            upstream=frozenset({"X"}),
        ),
        Example(
            f"{full}.alerts",
            lambda **arguments: _fitted(found, 0).alerts(**arguments),
            lambda variant: {"X": table(variant), "capacity": 5},
            (found.alerts,),
            alone=True,
            right=alerts_are_rows,
            upstream=frozenset({"X"}),
            kinds={"X": Array("tables", role="table"), "segments": ANYTHING, **limits},
        ),
        Example(
            f"{full}.alerts[group]",
            lambda **arguments: _fitted(found, 0).alerts(**arguments),
            lambda variant: {
                "X": table(variant),
                "capacity": 5,
                "group": np.arange(N_ROWS) % 6,
                "max_per_group": 1,
            },
            (found.alerts,),
            right=alerts_are_rows,
            upstream=frozenset({"X"}),
            kinds={"X": Array("tables", role="table"), "segments": ANYTHING, **limits},
        ),
        Example(
            f"{full}.alerts[segments]",
            segmented("alerts"),
            with_segments,
            (found.alerts,),
            right=alerts_are_rows,
            upstream=frozenset({"X"}),
            kinds=segments,
        ),
        Example(
            f"{full}.predict[segments]",
            segmented("predict"),
            with_segments,
            (found.predict,),
            upstream=frozenset({"X"}),
            right=_labels_are_known,
            kinds=segments,
        ),
    ]


# --- thresholds and the report ----------------------------------------------------------------


def _report_arguments(variant: int) -> dict[str, Any]:
    given = {
        "X": table(variant),
        "y": labels(variant),
        "budget": 0.25,
        "baseline": LogisticRegression(),
        "candidate": LogisticRegression(C=0.5),
        "hard_negatives": "drop",
        "probe": "drop",
        "cv": 2,
        "random_state": 0,
    }
    return {**given, "sample_weight": weights(variant)} if variant % 2 else given


@cache
def _report() -> Any:
    return model_selection.adoption_report(**_report_arguments(0))


def _selection() -> list[Example]:
    room = "skbudget.model_selection"
    report, threshold = model_selection.adoption_report, model_selection.budget_threshold
    fewest = model_selection.min_calibration_rows
    floor, least = model_selection.recall_threshold, model_selection.min_calibration_positives
    found = model_selection.AdoptionReport
    models = ("baseline", "candidate", "hard_negatives", "probe", "cv")
    return [
        Example(
            f"{room}.adoption_report",
            report,
            _report_arguments,
            (report,),
            filled=lambda variant: {"sample_weight": weights(variant), "value": values(variant)},
            kinds=dict.fromkeys(models, ANYTHING),
            nan=("half_width", "low", "high", "lift_confidence"),
            infinite=True,
            # The positive label has the type that y has.
            unsteady=("seconds", ".pos_label"),
            upstream=frozenset({"X"}),
        ),
        Example(
            f"{room}.AdoptionReport.to_dict",
            lambda: _report().to_dict(),
            lambda variant: {},
            (found.to_dict,),
            nan=("half_width']",),
        ),
        Example(
            f"{room}.AdoptionReport.to_frame",
            lambda: _report().to_frame().shape,
            lambda variant: {},
            (found.to_frame,),
        ),
        Example(
            f"{room}.budget_threshold",
            threshold,
            lambda variant: {"y_score": scores(variant), "budget": 0.25},
            (threshold,),
            filled=lambda variant: {"sample_weight": weights(variant)},
            infinite=True,
            alone=True,
        ),
        Example(
            f"{room}.recall_threshold",
            floor,
            lambda variant: {"y_score": scores(variant), "min_recall": 0.75},
            (floor,),
            filled=lambda variant: {"sample_weight": weights(variant)},
            alone=True,
        ),
        Example(
            f"{room}.top_rows",
            model_selection.top_rows,
            lambda variant: {
                "y_score": scores(variant),
                "group": np.arange(len(scores(variant))) % 6,
                "max_per_group": 3 if variant % 2 else 0.25,
                "capacity": 9,
            },
            (model_selection.top_rows,),
            alone=True,
            # Either of them needs the other.
            kinds=dict.fromkeys(("group", "max_per_group"), ANYTHING),
        ),
        Example(
            f"{room}.min_calibration_positives",
            least,
            lambda variant: {"min_recall": 0.75, "guarantee": 0.75},
            (least,),
            right=lambda answer, arguments: None if answer >= 1 else f"{answer} positives",
        ),
        Example(
            f"{room}.min_calibration_rows",
            fewest,
            lambda variant: {"budget": 0.25, "guarantee": 0.75},
            (fewest,),
            right=lambda answer, arguments: None if answer >= 1 else f"{answer} rows",
        ),
    ]


def examples() -> list[Example]:
    """Return the examples of these rooms."""
    return [*(one for found in _rooms() for one in _estimator(found)), *_selection()]
