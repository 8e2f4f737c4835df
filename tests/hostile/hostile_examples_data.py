"""Valid examples of the data sets, and of what the commands are made of."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hostile_data import N_ROWS, labels, table
from hostile_legal import Array, Kind, Number
from hostile_rule import Example
from sklearn.linear_model import LogisticRegression

from skbudget import cli, datasets

ANYTHING = Kind(none=True)


def _tables() -> list[Example]:
    room = "skbudget.datasets"
    contested, bulk = datasets.make_contested_top, datasets.make_hard_bulk
    transformer = datasets.ContestedTopTransformer

    def is_table(answer: Any, arguments: dict[str, Any]) -> str | None:
        X, y = answer[0], answer[1]
        if X.shape[0] != y.shape[0] or set(np.unique(y)) != {0, 1}:
            return f"X of shape {X.shape}, y with the labels {np.unique(y)}"
        return None

    def has_levels(answer: Any, arguments: dict[str, Any]) -> str | None:
        X, level = answer[0], answer[1]
        if X.shape[0] != level.shape[0] or not np.isfinite(X).all():
            return f"X of shape {X.shape}, levels of shape {level.shape}"
        return None

    def roles(variant: int) -> Any:
        return datasets.draw_roles(labels(variant), decoy_frac=0.25, random_state=0)

    def with_roles(variant: int) -> Any:
        return np.column_stack([table(variant, 8), roles(variant)])

    settings = {"role_column": -1, "random_state": 0}

    def transformed(**given: Any) -> Any:
        return transformer(**given).fit_transform(with_roles(0))

    @cache
    def fitted() -> Any:
        return transformer(**settings).fit(with_roles(0))

    table_kind = {"X": Array("tables", role="table"), "y": ANYTHING}
    columns = dict.fromkeys(("easy_features", "cue_features", "role_column"), ANYTHING)
    return [
        Example(
            f"{room}.make_contested_top",
            contested,
            lambda variant: {"n_samples": 64, "pos_rate": 0.25, "random_state": variant},
            (contested,),
            right=is_table,
        ),
        Example(
            f"{room}.make_hard_bulk",
            bulk,
            lambda variant: {"n_samples": 64, "pos_rate": 0.25, "random_state": variant},
            (bulk,),
            right=is_table,
            kinds=dict.fromkeys(("n_bulk", "n_contest", "n_noise"), Number(whole=True, low=0)),
        ),
        Example(
            f"{room}.make_milestones",
            datasets.make_milestones,
            lambda variant: {"n_samples": 64, "rates": (0.5, 0.25), "random_state": variant},
            (datasets.make_milestones,),
            right=has_levels,
            kinds={"rates": ANYTHING},
        ),
        Example(
            f"{room}.make_two_backgrounds",
            datasets.make_two_backgrounds,
            lambda variant: {"n_samples": 66, "case": 1 + variant % 2, "random_state": variant},
            (datasets.make_two_backgrounds,),
            right=is_table,
            kinds={"case": Number(whole=True, low=1, high=2), "cross_sections": ANYTHING},
        ),
        Example(
            f"{room}.bayes_two_backgrounds_score",
            datasets.bayes_two_backgrounds_score,
            lambda variant: {"X": table(variant, 2), "case": 1},
            (datasets.bayes_two_backgrounds_score,),
            alone=True,
            kinds={
                "X": Array("tables", role="table"),
                "case": Number(whole=True, low=1, high=2),
                "cross_sections": ANYTHING,
            },
        ),
        Example(
            f"{room}.make_search_queries",
            datasets.make_search_queries,
            lambda variant: {"n_queries": 8, "rows_per_query": 6, "random_state": variant},
            (datasets.make_search_queries,),
            right=lambda answer, arguments: (
                None if answer[0].shape[0] == answer[1].size == answer[2].size else "lengths differ"
            ),
        ),
        Example(
            f"{room}.bayes_search_queries_score",
            datasets.bayes_search_queries_score,
            lambda variant: {"X": table(variant, 8)},
            (datasets.bayes_search_queries_score,),
            alone=True,
            kinds={"X": Array("tables", role="table")},
        ),
        Example(
            f"{room}.bayes_contested_top_score",
            datasets.bayes_contested_top_score,
            lambda variant: {"X": table(variant, 8), "pos_rate": 0.25},
            (datasets.bayes_contested_top_score,),
            alone=True,
            kinds={"X": Array("tables", role="table")},
        ),
        Example(
            f"{room}.make_hidden_positives",
            datasets.make_hidden_positives,
            lambda variant: {"n_samples": 64, "pos_rate": 0.25, "random_state": variant},
            (datasets.make_hidden_positives,),
            right=is_table,
        ),
        Example(
            f"{room}.bayes_hidden_positives_score",
            datasets.bayes_hidden_positives_score,
            lambda variant: {"X": table(variant, 8), "pos_rate": 0.25},
            (datasets.bayes_hidden_positives_score,),
            alone=True,
            kinds={"X": Array("tables", role="table")},
        ),
        Example(
            f"{room}.draw_roles",
            datasets.draw_roles,
            lambda variant: {"y": labels(variant), "decoy_frac": 0.25, "random_state": 0},
            (datasets.draw_roles,),
            alone=True,
        ),
        Example(
            f"{room}.load_mammography",
            lambda **given: type(datasets.load_mammography(**given)).__name__,
            lambda variant: {},
            (datasets.load_mammography,),
        ),
        Example(
            f"{room}.fetch_creditcard_fraud",
            _without_network,
            lambda variant: {"n_retries": 0, "delay": 0.0},
            (datasets.fetch_creditcard_fraud,),
        ),
        Example(
            f"{room}.ContestedTopTransformer",
            transformed,
            lambda variant: dict(settings),
            (transformer,),
            kinds=columns,
        ),
        Example(
            f"{room}.ContestedTopTransformer.set_params",
            lambda **given: (
                transformer(**settings).set_params(**given).fit_transform(with_roles(0))
            ),
            lambda variant: {"sep": 1.5},
            (transformer.set_params, transformer),
            skip=frozenset({"params"}),
        ),
        Example(
            f"{room}.ContestedTopTransformer.fit",
            lambda **given: transformer(**settings).fit(**given).easy_shift_,
            lambda variant: {"X": with_roles(variant)},
            (transformer.fit,),
            alone=True,
            kinds=table_kind,
        ),
        Example(
            f"{room}.ContestedTopTransformer.fit_transform",
            lambda **given: transformer(**settings).fit_transform(**given),
            lambda variant: {"X": with_roles(variant)},
            (transformer.fit_transform, transformer.fit),
            alone=True,
            kinds=table_kind,
            nan=("result",),
        ),
        Example(
            f"{room}.ContestedTopTransformer.transform",
            lambda **given: fitted().transform(**given),
            lambda variant: {"X": with_roles(variant)},
            (transformer.transform,),
            alone=True,
            kinds=table_kind,
            nan=("result",),
        ),
        Example(
            f"{room}.ContestedTopTransformer.get_feature_names_out",
            lambda **given: fitted().get_feature_names_out(**given).tolist(),
            lambda variant: {"input_features": [f"x{number}" for number in range(9)]},
            (transformer.get_feature_names_out,),
            kinds={"input_features": ANYTHING},
        ),
    ]


def _without_network(**given: Any) -> Any:
    """Fetch the table as a machine without a connection does."""
    from unittest import mock

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no connection")

    with tempfile.TemporaryDirectory() as folder, mock.patch("urllib.request.urlopen", refuse):
        given.setdefault("data_home", folder)
        with mock.patch("sklearn.datasets._openml.urlopen", refuse):
            try:
                return datasets.fetch_creditcard_fraud(**given)
            except OSError as error:
                if "no connection" not in str(error):
                    raise
                return "no connection"


def _prepared() -> list[Example]:
    """Return examples of what reads a table as it comes."""
    found = datasets.TablePreparer
    full = "skbudget.datasets.TablePreparer"
    frame = pd.DataFrame(
        {
            "amount": table(0)[:, 0],
            "city": np.where(labels(0) == 1, "Oslo", "Lima"),
            "booked": pd.date_range("2024-01-01", periods=N_ROWS).astype(str),
        }
    )

    @cache
    def fitted() -> Any:
        return found().fit(table(0))

    def numbers(prepared: Any) -> Any:
        if isinstance(prepared, pd.DataFrame):
            return prepared.select_dtypes("number").to_numpy()
        return prepared

    kinds = {"X": Array("tables", role="free"), "y": ANYTHING, "input_features": ANYTHING}
    missing = ("result",)
    return [
        Example(
            full,
            lambda **given: numbers(found(**given).fit_transform(frame)),
            lambda variant: {"max_distinct": 0.5},
            (found,),
        ),
        Example(
            f"{full}.set_params",
            lambda **given: numbers(found().set_params(**given).fit_transform(frame)),
            lambda variant: {"max_distinct": 0.5},
            (found.set_params, found),
            skip=frozenset({"params"}),
        ),
        Example(
            f"{full}.fit",
            lambda **given: len(found().fit(**given).get_feature_names_out()),
            lambda variant: {"X": table(variant)},
            (found.fit,),
            kinds=kinds,
            alone=True,
        ),
        Example(
            f"{full}.fit_transform",
            lambda **given: numbers(found().fit_transform(**given)),
            lambda variant: {"X": table(variant)},
            (found.fit_transform, found.fit),
            kinds=kinds,
            nan=missing,
            alone=True,
        ),
        Example(
            f"{full}.transform",
            lambda **given: numbers(fitted().transform(**given)),
            lambda variant: {"X": table(variant)},
            (found.transform,),
            kinds=kinds,
            nan=missing,
            alone=True,
        ),
        Example(
            f"{full}.get_feature_names_out",
            lambda **given: fitted().get_feature_names_out(**given).tolist(),
            lambda variant: {},
            (found.get_feature_names_out,),
            kinds=kinds,
        ),
    ]


# --- the commands -----------------------------------------------------------------------------


class Small:
    """A data set of the comparison that takes no time."""

    name, budget, basis, notes, about = "small", 0.25, "population", (), "On this small table"
    n_splits, test_train_ratio = 2, 0.0

    def splits(self) -> Any:
        for number in range(2):
            yield cli.Split(
                table(number), labels(number), table(number + 2), labels(number + 2), number
            )

    def describe(self) -> dict[str, Any]:
        return {
            "design": "2 draws",
            "n_features": 4,
            "n_train": N_ROWS,
            "n_test": N_ROWS,
            "positives_train": 12,
            "positives_test": 12,
        }


def _method(name: str = "linear", strength: float = 1.0) -> Any:
    return cli.Method(
        name=name,
        label=name.title(),
        package="sklearn",
        role="baseline" if name == "linear" else "band",
        build=lambda task: LogisticRegression(C=strength),
    )


@cache
def _comparison() -> Any:
    return cli.compare([Small()], [_method(), _method("other", 0.5)], n_jobs=1)


def _in_folder(write: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder))


def _read(**given: Any) -> Any:
    """Read a small file by the name that is given, which may be any value."""
    from unittest import mock

    frame = pd.DataFrame(table(0), columns=list("abcd")).assign(label=labels(0))

    def write(folder: Path) -> Any:
        frame.to_csv(folder / "small.csv", index=False)
        if isinstance(given.get("path"), str) and given["path"] == "small.csv":
            given["path"] = folder / "small.csv"
        with mock.patch.dict("os.environ", {}):
            return cli.read_table(**given).describe()

    return _in_folder(write)


def _commands() -> list[Example]:
    room = "skbudget.cli"
    top = {"n_draws": 1, "n_train": 64, "n_test": 64, "budget": 0.25}

    def split_table(**given: Any) -> Any:
        problem = cli.Table(**given)
        split = next(problem.splits())
        return split.X_train.shape, split.y_train.tolist(), problem.describe()

    def rows(variant: int) -> dict[str, Any]:
        return {
            "name": "small",
            "X": table(variant),
            "y": labels(variant),
            "budget": 0.25,
            "n_repeats": 1,
            "n_folds": 2,
        }

    def drawn(comparison: Any) -> Any:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot

        try:
            return len(cli.plot_comparison(comparison).axes)
        finally:
            pyplot.close("all")

    from skbudget.cli import ContestedTop, Table

    return [
        Example(
            f"{room}.ContestedTop",
            lambda **given: [
                split.ceiling for split in itertools.islice(ContestedTop(**given).splits(), 1)
            ],
            lambda variant: dict(top),
            (ContestedTop,),
            kinds={
                "n_draws": Number(whole=True, low=1),
                "n_train": Number(whole=True, low=16),
                "n_test": Number(whole=True, low=16),
                "random_state": Number(whole=True, low=0),
            },
        ),
        Example(
            f"{room}.ContestedTop.describe",
            lambda: ContestedTop(**top).describe(),
            lambda variant: {},
            (ContestedTop.describe,),
        ),
        Example(
            f"{room}.ContestedTop.splits",
            lambda: next(ContestedTop(**top).splits()).X_train.shape,
            lambda variant: {},
            (ContestedTop.splits,),
        ),
        Example(
            f"{room}.Table",
            split_table,
            rows,
            (Table,),
            kinds={
                "X": Array("tables", role="table"),
                "n_folds": Number(whole=True, low=2),
                "random_state": Number(whole=True, low=0),
                "notes": ANYTHING,
            },
        ),
        Example(
            f"{room}.Table.describe",
            lambda: Table(**rows(0)).describe(),
            lambda variant: {},
            (Table.describe,),
        ),
        Example(
            f"{room}.Table.splits",
            lambda: next(Table(**rows(0)).splits()).X_train.shape,
            lambda variant: {},
            (Table.splits,),
        ),
        Example(
            f"{room}.Task",
            lambda **given: str(cli.METHODS["lightgbm"].build(cli.Task(**given))),
            lambda variant: {"budget": 0.25, "n_jobs": 1, "random_state": 0},
            (cli.Task,),
            kinds={"random_state": Number(whole=True, low=0), "n_jobs": Kind(pool="jobs")},
        ),
        Example(
            f"{room}.Method",
            lambda **given: cli.compare([Small()], [cli.Method(**given)], n_jobs=1).to_dict()[
                "complete"
            ],
            lambda variant: {
                "name": "linear",
                "label": "Linear",
                "package": "sklearn",
                "role": "baseline",
                "build": lambda task: LogisticRegression(),
            },
            (cli.Method,),
            raises=frozenset({"ImportError"}),
        ),
        Example(
            f"{room}.Method.why_unavailable",
            lambda: _method().why_unavailable(),
            lambda variant: {},
            (cli.Method.why_unavailable,),
        ),
        *(
            Example(
                f"{room}.Comparison.{name}",
                lambda _name=name: getattr(_comparison(), _name)() and None,
                lambda variant: {},
                (getattr(cli.Comparison, name),),
            )
            for name in ("summary", "to_dict")
        ),
        Example(
            f"{room}.Estimate.to_dict",
            lambda: cli.t_interval([0.5, 0.25]).to_dict(),
            lambda variant: {},
            (cli.Estimate.to_dict,),
        ),
        Example(
            f"{room}.compare",
            lambda **given: cli.compare(**given).complete,
            lambda variant: {"problems": [Small()], "methods": [_method()], "n_jobs": 1},
            (cli.compare,),
            kinds=dict.fromkeys(("problems", "methods"), ANYTHING),
        ),
        Example(
            f"{room}.iter_runs",
            lambda **given: [run.coverage for run in cli.iter_runs(**given)],
            lambda variant: {"problems": [Small()], "methods": [_method()], "n_jobs": 1},
            (cli.iter_runs,),
            kinds=dict.fromkeys(("problems", "methods"), ANYTHING),
        ),
        Example(
            f"{room}.load_table",
            lambda **given: cli.load_table(**given).describe(),
            lambda variant: {"name": "mammography"},
            (cli.load_table,),
            skip=frozenset({"settings"}),
        ),
        Example(
            f"{room}.read_table",
            _read,
            lambda variant: {
                "path": "small.csv",
                "target": "label",
                "positive": "1",
                "drop": ["d"],
            },
            (cli.read_table,),
            kinds={"path": ANYTHING, "drop": ANYTHING},
        ),
        Example(
            f"{room}.plot_comparison",
            drawn,
            lambda variant: {"comparison": _comparison()},
            (cli.plot_comparison,),
        ),
        Example(
            f"{room}.render_text",
            lambda **given: len(cli.render_text(**given)) > 0,
            lambda variant: {"comparison": _comparison()},
            (cli.render_text,),
        ),
        Example(
            f"{room}.t_interval",
            cli.t_interval,
            lambda variant: {"values": [0.5, 0.25, 0.75], "test_train_ratio": 0.5},
            (cli.t_interval,),
            alone=True,
            kinds={"values": Array("columns", role="numbers")},
            nan=("half_width",),
        ),
    ]


def examples() -> list[Example]:
    """Return the examples of these rooms."""
    prepared = _prepared() if hasattr(datasets, "TablePreparer") else []
    return [*_tables(), *prepared, *_commands()]
