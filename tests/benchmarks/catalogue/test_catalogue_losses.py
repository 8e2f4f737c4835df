import math
from pathlib import Path

import numpy as np
import pytest
from promises_fakes import draw_one_column, make_measure

from benchmarks.catalogue import _contenders, _losses
from benchmarks.catalogue._losses import BUDGETS, losses_tables, promise_of, render_losses, run_loss
from benchmarks.catalogue._parts import PARTS
from benchmarks.promises.__main__ import with_tables
from benchmarks.promises._measure import read_measures
from benchmarks.study import StudyTable
from skbudget.objectives import available
from skbudget.objectives._registry import loss_classes

for _needed in ("lightgbm", "xgboost", "torch", "skorch", "optuna"):
    pytest.importorskip(_needed)

DOCS = Path(__file__).parents[3] / "docs"
TABLE = StudyTable("contested-product", "contested top", draw_one_column, "one column")


def test_every_loss_of_two_labels_is_compared():
    found = _contenders.contenders()
    classes = loss_classes()
    able = {
        name
        for name in available("binary")
        if classes[name].needs <= {"row_id"} and not _contenders._asks_for_more(classes[name])
    }
    boosters = {name for name in able if name in available(model="boosters")}
    assert {name for name in found if name.startswith("lightgbm:")} == {
        f"lightgbm:{name}" for name in boosters
    }
    networks = {name.partition(":")[2] for name in found if name.startswith("network:")}
    assert networks == able | set(_contenders.torch_only())
    assert {"smooth_ap", "recall_at_quantile"} <= set(_contenders.torch_only())
    assert not {"focal", "weighted_cross_entropy", "pauc_at_budget"} & networks
    # What a budget sets is trained for each.
    assert found["lightgbm:pairwise_pauc"].per_budget
    assert found["network:recall_at_quantile"].per_budget
    assert not found["lightgbm:class_balanced_cross_entropy"].per_budget
    assert all(one.role == "peer" for one in _contenders.PEERS)


def test_a_loss_of_short_lists_gets_queries():
    assert _contenders._queries("focal_loss", 25_000, 0) == {}
    assert _contenders._queries("lambda_rank", 10_000, 0) == {}
    group = _contenders._queries("lambda_rank", 25_000, 0)["group"]
    assert np.bincount(group).max() <= 10_000
    assert np.bincount(group).size == 3


def test_tables_are_contested_tops_and_real_ones(monkeypatch):
    monkeypatch.delenv("SKBUDGET_DATA", raising=False)
    names = [table.name for table in losses_tables(quick=True)]
    assert names == [f"contested-{cue}" for cue in ("product", "radial", "linear")] + [
        "mammography"
    ]


@pytest.mark.parametrize(
    "method",
    ["lightgbm:pairwise_pauc", "network:smooth_ap", "network-bce", "lightgbm-coverage-lambda"],
)
def test_a_method_is_measured_at_every_budget(method):
    draw = draw_one_column(0, n_rows=400, shift=3.0)
    measures = run_loss(TABLE, draw, 0, method, effort=0.2)
    assert [one.promise for one in measures] == [promise_of(budget) for budget in BUDGETS]
    assert {(one.method, one.trials) for one in measures} == {(method, _losses.QUICK_TRIALS)}
    assert measures[-1].test > 0.1
    cells = PARTS["losses"].cells(method)
    assert [("", one.promise) for one in measures] == cells


# --- report -----------------------------------------------------------------------------------


def measures_of(tests):
    return [
        make_measure(
            table=table,
            method=method,
            seed=seed,
            promise=promise_of(budget),
            test=value,
            addition="",
        )
        for (method, table, budget), values in tests.items()
        for seed, value in enumerate(values)
    ]


def rows_of(text):
    return {
        (cells[0], cells[1]): cells[2:]
        for line in text.splitlines()
        if line.startswith("|")
        for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    }


def test_what_is_better_and_what_loses_is_marked():
    tests = {
        ("lightgbm", "one", 0.005): [0.5, 0.6, 0.7],
        ("lightgbm-weight", "one", 0.005): [0.4, 0.5, 0.6],
        ("lightgbm:pairwise_pauc", "one", 0.005): [0.6, 0.71, 0.8],
        ("network:focal_loss", "one", 0.005): [0.3, 0.4, 0.49],
        ("network:alm", "one", 0.005): [0.5, 0.6, 0.71],
    }
    text = render_losses(measures_of(tests), brief=True)
    rows = rows_of(text)
    assert list(rows)[2:] == [
        ("`pairwise_pauc`", "trees"),
        ("`alm`", "network"),
        ("peer: LightGBM, penalty tuned", "trees"),
        ("peer: LightGBM, penalty and class weight tuned", "trees"),
        ("`focal_loss`", "network"),
    ]
    assert rows["`pairwise_pauc`", "trees"][0] == "- / **0.703** / -"
    assert rows["`focal_loss`", "network"][0] == "- / *0.397* / -"
    assert rows["`alm`", "network"][0] == "- / 0.603 / -"
    assert rows["`pairwise_pauc`", "trees"][2].startswith("**+0.103 ± ")
    assert rows["peer: LightGBM, penalty tuned", "trees"][2] == ""
    assert text.startswith("3 seeds")


def test_one_seed_has_no_marks():
    tests = {("lightgbm", "one", 0.005): [0.5], ("lightgbm:pairwise_pauc", "one", 0.005): [0.6]}
    rows = rows_of(render_losses(measures_of(tests)))
    assert rows["`pairwise_pauc`", "trees"][-3:] == ["", "0.600", ""]
    assert math.isnan(_losses._mean_over({}, ["one"], 0.005))


@pytest.mark.parametrize(
    ("part", "page"), [("losses", "catalogue.md"), ("lambda", "coverage_lambda.md")]
)
def test_pages_have_the_figures_of_their_files(part, page):
    if not DOCS.is_dir():
        pytest.skip("docs are not part of an installed package")
    text = (DOCS / page).read_text(encoding="utf-8")
    measures = read_measures(DOCS / f"catalogue-{part}.csv")
    assert with_tables(text, PARTS[part], measures, "catalogue") == text, (
        f"run python -m benchmarks.catalogue {part} --report --page docs/{page}"
    )
