from pathlib import Path

import pytest
from promises_fakes import TABLE, draw_one_column, make_measure, measures_of

from benchmarks.promises import __main__ as command
from benchmarks.promises._bases import BASES
from benchmarks.promises._measure import Results, read_measures
from benchmarks.promises._parts import PARTS
from benchmarks.promises._published import CIFAR10, MELANOMA
from benchmarks.promises._recall_report import choices, render_recall
from benchmarks.promises._tables import recall_tables
from benchmarks.promises._which import PEERS, WHICH_PROMISES, render_which, run_contender
from benchmarks.promises._work import Failure, Part, plan, run_units

DOCS = Path(__file__).parents[3] / "docs"


def lines_of(text, start):
    """Return the cells of the lines of all tables that start with a word."""
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line] for line in found]
    return [row for row in rows if row[0] == start]


def small_results():
    tests = {}
    for number, base in enumerate(BASES):
        level = 0.5 + 0.01 * number
        tests[base, "alone"] = [level, level + 0.02, level + 0.04]
        # RankReg improves six of eight, and a weight all that it is tuned for.
        gain = 0.1 if number < 6 else -0.1
        tests[base, "rank-reg"] = [level - gain, level + 0.021 - gain, level + 0.041 - gain]
        if not BASES[base].weighted:
            tests[base, "weight"] = [level - 0.2, level - 0.181, level - 0.16]
    return measures_of(tests, table="hidden-positives")


def test_improved_base_losses_are_counted():
    text = render_recall(small_results())
    counted = {(row[1], row[2]): row[4] for row in lines_of(text, "hidden-positives")}
    assert counted["RankReg", "alone"] == "6 of 8 (6 / 2), -0.049"
    # The weighted cross-entropies stand for plain cross-entropy there.
    assert counted["weight tuned", "alone"].startswith("8 of 8 (8 / 0), ")
    assert counted["RankReg", "weight tuned"].startswith("0 of 8 (0 / 8), ")


def test_gains_are_bold_and_losses_in_italics():
    text = render_recall(small_results())
    (bce,) = [row for row in lines_of(text, "BCE") if "±" in row[1]]
    assert bce[1] == "0.520 ± 0.050"
    assert any(cell.startswith("**-0.099 ±") for cell in bce)
    (ldam,) = [row for row in lines_of(text, "LDAM") if "±" in row[1]]
    assert any(cell.startswith("*+0.101 ±") for cell in ldam)


def test_the_better_regulariser_is_chosen_on_the_validation_rows():
    measures = [
        make_measure(addition="rank-reg", validation=0.3, test=0.6),
        make_measure(addition="critical-rank", validation=0.4, test=0.2),
        make_measure(addition="rank-reg", seed=1, validation=0.3, test=0.6),
    ]
    (chosen,) = choices(measures)
    assert (chosen.addition, chosen.seed, chosen.test) == ("either", 0, 0.6)


def test_published_figures_stand_beside_the_table_that_stands_in_for_them():
    tests = {(base, "alone"): [0.5, 0.5] for base in BASES}
    text = render_recall(measures_of(tests) + measures_of(tests, table="mammography"))
    shown = [row for row in lines_of(text, "CB-BCE") if "89.0 / 72.0 / 59.0" in row]
    assert len(shown) == 1
    # The row of the melanomas is that of CIFAR10 again, and is not quoted.
    assert sum("69.0 / 52.0 / 37.0" in row for row in lines_of(text, "W-BCE")) == 1
    assert "w-bce" not in MELANOMA
    assert list(CIFAR10) == list(BASES)


# --- which --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["logistic", "lightgbm-weight", "p-norm-push", "significance"])
def test_a_method_is_measured_by_every_promise(method):
    for package in ("optuna", "lightgbm"):
        pytest.importorskip(package)
    draw = draw_one_column(0, n_rows=800, shift=4.0)
    measures = run_contender(TABLE, draw, 1, method, effort=0.1)
    assert [one.promise for one in measures] == list(WHICH_PROMISES)
    assert {one.trials for one in measures} == {2}
    figures = {one.promise: one.test for one in measures}
    assert figures["coverage"] > 0.5
    assert figures["fpr-at-95"] < 0.2
    assert figures["balanced-error"] < 0.1
    assert figures["significance"] > 0.4


def test_ours_are_compared_with_the_best_peer():
    tests = {
        ("logistic", ""): [0.5, 0.52, 0.54],
        ("lightgbm", ""): [0.6, 0.62, 0.64],
        ("pauc", ""): [0.7, 0.721, 0.74],
        ("focal", ""): [0.4, 0.421, 0.44],
        ("whole-auc", ""): [0.5, 0.7, 0.6],
    }
    measures = measures_of(tests, promise="coverage", table="contested-top")
    text = render_which(measures)
    assert "logistic" in PEERS
    by_label = {row[0]: row[1] for row in lines_of(text, "LightGBM, partial AUC")}
    assert by_label["LightGBM, partial AUC"].startswith("**0.720 ±")
    assert lines_of(text, "LightGBM, focal loss")[0][1].startswith("*0.420 ±")
    assert lines_of(text, "LightGBM, whole AUC")[0][1].startswith("0.600 ±")
    (best,) = lines_of(text, "coverage at 0.5%")
    assert best[2:] == [
        "LightGBM, partial AUC", "0.720 ± 0.050", "LightGBM, penalty tuned", "+0.100 ± 0.001",
    ]  # fmt: skip


# --- units and the command ------------------------------------------------------------------


def fail_on_bad(table, draw, seed, method, effort):
    if method == "bad":
        raise RuntimeError("no good")
    return [make_measure(method=method, seed=seed, effort=effort, test=float(draw.X_test[0, 0]))]


def make_part():
    return Part(
        "recall",
        "a study",
        lambda quick: [TABLE],
        lambda table: ["good", "bad"],
        lambda method: [("alone", "fpr-at-95")],
        fail_on_bad,
        lambda measures, brief: f"{len(measures)} measures{' in brief' * brief}",
        seeds=3,
    )


def test_a_study_continues_and_outlives_a_failure(tmp_path):
    part, path = make_part(), tmp_path / "results.csv"
    results = Results(path)
    units = plan(part, [TABLE], None, 2, 1.0, results)
    assert [(unit.seed, unit.method) for unit in units] == [
        (0, "good"), (0, "bad"), (1, "good"), (1, "bad"),
    ]  # fmt: skip
    failures = []
    for _, found in run_units(units, part.run, 1.0, 1):
        failures.append(found) if isinstance(found, Failure) else results.add(found)
    assert [failure.error for failure in failures] == ["RuntimeError: no good"] * 2
    again = plan(part, [TABLE], None, 3, 1.0, Results(path))
    assert [(unit.seed, unit.method) for unit in again if unit.method == "good"] == [(2, "good")]
    with pytest.raises(ValueError, match=r"results\.csv holds results of 1 of the usual training"):
        plan(part, [TABLE], None, 3, 0.25, Results(path))


def test_the_command_runs_reports_and_says_what_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "PARTS", {"recall": make_part()})
    path = tmp_path / "results.csv"
    assert command.main(["recall", "--seeds", "2", "--results", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == "2 measures\n"
    assert "bad failed on hard-bulk, seed 1: RuntimeError: no good" in printed.err
    assert len(read_measures(path)) == 2
    assert command.main(["recall", "--report", "--results", str(path)]) == 0
    assert command.main(["recall", "--methods", "good", "--results", str(path)]) == 0
    assert {one.seed for one in read_measures(path)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--methods", "worst"], "--methods: unknown name 'worst'", id="method"),
        pytest.param(["--tables", "chairs"], "--tables: unknown name 'chairs'", id="table"),
        pytest.param(["--page", "page.md"], "--page is for --report", id="page-of-a-run"),
        pytest.param(["--report"], "--report: there is no file of results", id="no-results"),
    ],
)
def test_options_that_cannot_be_used_are_named(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "PARTS", {"recall": make_part()})
    with pytest.raises(SystemExit) as stopped:
        command.main(["recall", *words, "--results", str(tmp_path / "results.csv")])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_tables_are_put_between_their_comments(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "PARTS", {"recall": make_part()})
    path, page = tmp_path / "results.csv", tmp_path / "page.md"
    Results(path).add([make_measure()])
    page.write_text(
        "A\n<!-- promises: recall -->\nold\n<!-- promises: end -->\nB\n<!-- promises: end -->\n"
    )
    words = ["recall", "--report", "--results", str(path), "--page", str(page)]
    for _ in range(2):
        assert command.main(words) == 0
        assert page.read_text() == (
            "A\n<!-- promises: recall -->\n\n1 measures in brief\n<!-- promises: end -->\nB\n"
            "<!-- promises: end -->\n"
        )
    page.write_text("nothing")
    with pytest.raises(SystemExit):
        command.main(words)


@pytest.mark.parametrize("name", PARTS)
def test_the_page_has_the_tables_of_the_results(name):
    page = (DOCS / "promises.md").read_text(encoding="utf-8")
    results = DOCS / f"promises-{name}.csv"
    if not results.is_file():  # not measured yet
        assert f"<!-- promises: {name} -->\n<!-- promises: end -->\n" in page
        return
    measures = read_measures(results)
    assert command.with_tables(page, PARTS[name], measures) == page


def test_every_part_plans_its_tables():
    assert [table.name for table in recall_tables()] == [
        "hard-bulk", "hidden-positives", "mammography",
    ]  # fmt: skip
    for part in PARTS.values():
        for table in part.tables(True):
            methods = part.methods(table)
            assert ("best possible" in methods) == table.has_ceiling
            assert all(part.cells(method) for method in methods)
