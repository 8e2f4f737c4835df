import math
import re
from dataclasses import replace

import pytest
from test_summary import measures

from benchmarks.study import Summary, render_report
from benchmarks.study._report import render_ablation

VALUES = {
    "lightgbm": [0.50, 0.52, 0.51],
    "forest": [0.55, 0.53, 0.54],
    "pauc-lightgbm": [0.70, 0.69, 0.71],
}


@pytest.fixture
def report():
    found = [
        *measures(VALUES),
        *measures({**VALUES, "ceiling": [0.8] * 3}, table="two", group="contested"),
        *measures({name: [0.3, 0.31, 0.29] for name in VALUES}, table="three", group="few"),
    ]
    return render_report(
        Summary(found, {"one": lambda seeds: 1 / 3}),
        labels={"lightgbm": "LightGBM", "pauc-lightgbm": "PAUC"},
        ours=["pauc-lightgbm", "absent"],
        pointwise=["lightgbm"],
    )


def rows(report, title):
    block = report.split(f"## {title}")[1].split("\n## ")[0]
    lines = [line for line in block.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_ours_stands_beside_the_best_peer_and_the_usual_one(report):
    row = next(row for row in rows(report, "Contested") if row[0] == "two")
    assert row[1:5] == ["0.5 %", "PAUC", "0.700 ± 0.025", "forest 0.540"]
    assert row[5].startswith("+0.160 ±")
    assert row[5].endswith("win")
    assert row[6].startswith("+0.190 ±")
    assert row[7] == "3"


def test_every_method_and_the_ceiling_are_shown(report):
    shown = {row[0]: row[1:] for row in rows(report, "Contested")}
    assert shown["ceiling"] == ["0.800"]
    assert shown["forest"] == ["0.540"]


def test_cells_are_counted(report):
    counted = {row[1]: row[2:] for row in rows(report, "Wins, ties and losses")[2:]}
    assert counted["the best peer of each cell"] == ["2", "1", "0", "+0.107"]
    assert counted["LightGBM"] == ["2", "1", "0", "+0.127"]


def test_cells_whose_budget_allows_no_false_positive_are_named_and_not_counted():
    found = [
        *measures(VALUES),
        *measures(VALUES, budget=0.0005),
        *measures(VALUES, table="yeast4"),
        *measures(VALUES, table="yeast5"),
        *measures(VALUES, table="card_default"),
    ]
    report = render_report(Summary(found), labels={}, ours=["pauc-lightgbm"], pointwise=[])
    counted = {row[1]: row[2:5] for row in rows(report, "Wins, ties and losses")[2:]}
    assert counted["lightgbm"] == ["4", "0", "0"]
    assert (
        "1 of 5 cells are counted neither here nor in the ranks, because their budget allows less "
        "than one false positive among the test rows: one 0.05 %."
    ) in report
    assert "Mean rank over 3 tables" in report
    assert "yeast (yeast4, yeast5)." in report
    assert "card_default (simulated)." in report


def test_tables_of_their_own_have_no_word_on_their_origin(report):
    assert "Origin of the tables" not in report


def test_ranks_and_times(report):
    ranks = [row[0] for row in rows(report, "Mean rank over 3 tables")[2:]]
    assert ranks == ["PAUC", "forest", "LightGBM"]
    assert re.search(r"Nemenyi's test at the 5 % level if they are \d\.\d\d apart", report)
    times = {row[0]: row[1:] for row in rows(report, "Processor time of one training run")[2:]}
    assert times["PAUC"] == ["0.12", "1.00"]


def test_one_seed_has_no_intervals_and_counts_as_a_tie():
    found = measures({name: values[:1] for name, values in VALUES.items()})
    report = render_report(Summary(found), labels={}, ours=["pauc-lightgbm"], pointwise=[])
    row = next(row for row in rows(report, "Real") if row[0] == "one")
    assert row[3] == "0.700"
    assert row[5] == "+0.150 tie"


def test_a_study_without_ours_or_without_peers_is_reported():
    found = measures({"lightgbm": [0.5, 0.6]})
    assert "LightGBM" in render_report(
        Summary(found), labels={"lightgbm": "LightGBM"}, ours=[], pointwise=[]
    )
    found = measures({"pauc-lightgbm": [0.5, 0.6]})
    assert "0.550" in render_report(Summary(found), labels={}, ours=["pauc-lightgbm"], pointwise=[])


def test_an_ablation_shows_what_each_change_does_to_each_table():
    found = [
        *measures({"rule": [0.5, 0.5], "more": [0.6, 0.63], "less": [0.5, 0.48]}),
        *measures({"rule": [0.5, 0.5], "more": [0.5, 0.5]}, table="two"),
        *measures({"rule": [0.2, 0.2], "more": [0.4, 0.4]}, budget=0.02),
    ]
    report = render_ablation(Summary(found), labels={"more": "More trees"}, reference="rule")
    shown = {row[0]: row[1:] for row in rows(report, "Each change by itself, over rule")}
    assert shown["change"] == ["one", "two", "mean", "wins / ties / losses"]
    assert shown["More trees"] == ["+0.158", "+0.000", "+0.079", "1 / 2 / 0"]
    assert shown["less"] == ["-0.010", "", "-0.010", "0 / 1 / 0"]
    assert shown["rule"] == ["+0.000", "+0.000", "+0.000", "0 / 3 / 0"]


def test_times_that_were_not_measured_are_left_out():
    found = [replace(measure, seconds=math.nan) for measure in measures(VALUES)]
    found += measures({"lightgbm": [0.5]}, table="two")
    report = render_report(Summary(found), labels={}, ours=["pauc-lightgbm"], pointwise=[])
    times = [row[0] for row in rows(report, "Processor time of one training run")[2:]]
    assert times == ["lightgbm"]
