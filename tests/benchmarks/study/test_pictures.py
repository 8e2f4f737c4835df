import math

import pytest
from test_summary import measures

from benchmarks.study import Ranking, Summary, rank_methods
from benchmarks.study._pictures import (
    _cliques,
    _tells_apart,
    draw_study,
    plot_differences,
    plot_ranks,
    plot_regimes,
)

pytest.importorskip("matplotlib")

VALUES = {"lightgbm": [0.5, 0.52], "forest": [0.55, 0.53], "pauc-lightgbm": [0.7, 0.69]}
OURS = ["pauc-lightgbm"]


@pytest.fixture
def summary():
    found = [
        *measures(VALUES),
        *(measure for k in range(9) for measure in measures(VALUES, table=f"table{k}")),
        *measures(VALUES, table="regime-product-rate-0.005-decoys-0.012", group="regime"),
        *measures(VALUES, table="regime-linear-rate-0.05-decoys-0", group="regime", budget=0.02),
    ]
    return Summary(found)


def test_every_picture_is_drawn(tmp_path, summary):
    files = draw_study(summary, tmp_path, labels={}, ours=OURS)
    assert {file.name for file in files} == {
        "ranks.png", "differences-pauc-lightgbm.png", "regimes-pauc-lightgbm.png",
    }  # fmt: skip
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


@pytest.mark.parametrize(("distance", "drawn"), [
    (11.5, False), (2.1, False), (1.9, True), (math.nan, False),
])  # fmt: skip
def test_ranks_that_tell_nothing_are_not_drawn(distance, drawn):
    # Without a picture the best method is told from one of its three peers, or from none.
    ranks = {"pauc-lightgbm": 1.0, "hard": 2.5, "forest": 3.0, "lightgbm": 3.4}
    assert _tells_apart(Ranking(ranks, 4, distance, 0.01)) == drawn
    assert not _tells_apart(Ranking({"pauc-lightgbm": 1.0}, 4, math.nan, math.nan))
    assert not _tells_apart(Ranking({}, 0, math.nan, math.nan))


def test_what_cannot_be_drawn_is_left_out(tmp_path):
    assert draw_study(Summary(measures({"forest": [0.5]})), tmp_path, labels={}, ours=OURS) == []


def test_regimes_show_the_lift_of_their_cell(summary):
    figure = plot_regimes(summary.select(groups=["regime"]), "pauc-lightgbm", labels={})
    shown = {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert shown["product cue, 1.2 % decoys"] == ["+0.18"]
    assert shown["linear cue, 0 % decoys"] == ["+0.18"]
    assert shown["linear cue, 1.2 % decoys"] == []


def test_the_title_of_regimes_promises_bold_figures_only_where_there_are_intervals():
    name = "regime-product-rate-0.005-decoys-0.012"

    def drawn(values):
        cells = Summary(measures(values, table=name, group="regime")).cells
        figure = plot_regimes(cells, "pauc-lightgbm", labels={})
        return figure.get_suptitle(), figure.axes[0].texts[0].get_fontweight()

    title, weight = drawn({method: values[:1] for method, values in VALUES.items()})
    assert "one draw each, so without intervals" in title
    assert "bold" not in title
    assert weight == "normal"
    title, weight = drawn({"lightgbm": [0.5, 0.52, 0.51], "pauc-lightgbm": [0.7, 0.71, 0.72]})
    assert "mean of 3 draws; bold: 95 % interval without zero" in title
    assert weight == "bold"


@pytest.mark.parametrize(("lift", "colour"), [(0.30, "white"), (-0.30, "white"), (0.10, "#24292f")])
def test_figures_of_regimes_can_be_read_on_their_ground(lift, colour):
    values = {"lightgbm": [0.5], "pauc-lightgbm": [0.5 + lift]}
    found = measures(values, table="regime-product-rate-0.0005-decoys-0.05", group="regime")
    figure = plot_regimes(Summary(found).cells, "pauc-lightgbm", labels={})
    (text,) = figure.axes[0].texts
    assert text.get_color() == colour
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["0.05 % positive\n(40 to train on)"]


def test_differences_are_over_the_best_peer_and_the_usual_one(summary):
    cells = summary.select(groups=["real"])
    figure = plot_differences(cells, "pauc-lightgbm", labels={}, ours=OURS)
    over_best, over_usual = (
        sorted({round(line.get_xdata()[0], 3) for line in axes.lines if line.get_marker() == "o"})
        for axes in figure.axes
    )
    assert over_best == [0.155]
    assert over_usual == [0.185]


def test_ranks_are_drawn_best_first(summary):
    ranking = rank_methods(summary.select(groups=["real"]), list(VALUES))
    axes = plot_ranks(ranking, labels={"forest": "Forest"}, ours=OURS).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["pauc-lightgbm", "Forest", "lightgbm"]


@pytest.mark.parametrize(
    ("ranks", "distance", "expected"),
    [
        ([1.0, 1.4, 3.0, 3.2], 1.0, [(0, 1), (2, 3)]),
        ([1.0, 1.6, 2.2], 1.0, [(0, 1), (1, 2)]),
        ([1.0, 1.2, 1.4], 1.0, [(0, 2)]),
        ([1.0, 3.0], 1.0, []),
    ],
)
def test_bars_join_the_longest_runs(ranks, distance, expected):
    assert _cliques(ranks, distance) == expected
