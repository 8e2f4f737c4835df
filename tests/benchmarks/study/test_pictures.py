import pytest
from test_summary import measures

from benchmarks.study import Summary, rank_methods
from benchmarks.study._pictures import (
    _cliques,
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
        *measures(VALUES, table="two"),
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


def test_what_cannot_be_drawn_is_left_out(tmp_path):
    assert draw_study(Summary(measures({"forest": [0.5]})), tmp_path, labels={}, ours=OURS) == []


def test_regimes_show_the_lift_of_their_cell(summary):
    figure = plot_regimes(summary.select(groups=["regime"]), "pauc-lightgbm", labels={})
    shown = {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert shown["product cue, 1.2 % decoys"] == ["+0.18"]
    assert shown["linear cue, 0 % decoys"] == ["+0.18"]
    assert shown["linear cue, 1.2 % decoys"] == []


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
