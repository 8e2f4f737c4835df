"""Functions of the commands refuse what they cannot use, and name the argument."""

import dataclasses
import gzip
import pickle
import re

import numpy as np
import pytest

from skbudget._utils.statistics import t_interval
from skbudget.cli import (
    METHODS,
    Comparison,
    ContestedTop,
    Table,
    Task,
    compare,
    iter_runs,
    load_table,
    plot_comparison,
    read_table,
    render_text,
)
from skbudget.cli._methods import find_methods

TABLE = Table("small", np.zeros((60, 1)), np.arange(60) % 10 == 0, budget=0.1, n_repeats=1)
LIGHTGBM = METHODS["lightgbm"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 2}, "'budget' parameter of Task .* Got 2"),
        ({"n_jobs": 0}, "'n_jobs' parameter of Task .* Got 0"),
        ({"n_jobs": True}, "'n_jobs' parameter of Task .* Got True"),
        ({"random_state": -1}, "'random_state' parameter of Task .* Got -1"),
    ],
)
def test_task(changes, message):
    with pytest.raises(ValueError, match=message):
        Task(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "'name' parameter of Method must be a string that is not empty. Got ''"),
        ({"label": None}, "'label' parameter of Method .* Got None"),
        ({"package": 1}, "'package' parameter of Method .* Got 1"),
        ({"extra": 1}, "'extra' parameter of Method must be a string or None. Got 1"),
        ({"role": "pair"}, "'role' .* one of 'baseline', 'peer', 'band'. Got 'pair'"),
        ({"role": []}, r"'role' .* Got \[\]"),
        ({"build": None}, "'build' parameter of Method must be a function. Got None"),
        ({"fit": "fit"}, "'fit' parameter of Method must be a function. Got 'fit'"),
        ({"score": 1}, "'score' parameter of Method must be a function. Got 1"),
        ({"by_default": "no"}, "'by_default' parameter of Method must be True or False. Got 'no'"),
    ],
)
def test_method(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(LIGHTGBM, **changes)


def test_a_package_without_a_version():
    method = dataclasses.replace(LIGHTGBM, package="json.scanner")
    assert compare([TABLE], [method], n_jobs=1).to_dict()["versions"]["json.scanner"] == "unknown"


def test_booleans_of_numpy():
    assert not dataclasses.replace(LIGHTGBM, by_default=np.False_).by_default


@pytest.mark.parametrize("names", ["lightgbm", 3])
def test_methods_are_several(names):
    with pytest.raises(ValueError, match=f"several methods or names of methods: got {names!r}"):
        find_methods(names)


def test_name_of_a_method_is_text():
    with pytest.raises(ValueError, match=r"Unknown method \[\]"):
        find_methods([[]])


@pytest.mark.parametrize(
    ("problems", "message"),
    [
        ([], "'problems' parameter of compare must hold a data set"),
        ("mammography", "Got 'mammography' among them"),
        ([1], "Got 1 among them"),
        (2, "Got 2 among them"),
    ],
)
def test_problems(problems, message):
    with pytest.raises(ValueError, match=message):
        compare(problems, ["lightgbm"])


@pytest.mark.parametrize("several", [np.array(1), b"1", {"a": 1}.get])
def test_what_cannot_be_gone_through(several):
    with pytest.raises(ValueError, match="'problems' parameter of compare must be data sets"):
        compare(several, ["lightgbm"])
    with pytest.raises(ValueError, match="methods must be several methods or names"):
        find_methods(several)
    with pytest.raises(ValueError, match="'methods' parameter of iter_runs must be methods"):
        iter_runs([TABLE], several, 1)


def test_error_of_a_table_says_what_it_is_about():
    with pytest.raises(
        ValueError, match="^n_folds: small has 6 positive and 54 negative"
    ) as caught:
        dataclasses.replace(TABLE, n_folds=7)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.argument) == (str(caught.value), "n_folds")


def test_on_run_is_a_function():
    with pytest.raises(ValueError, match="'on_run' parameter of compare must be a function. Got 1"):
        compare([TABLE], ["lightgbm"], on_run=1)


def test_one_data_set_needs_no_list():
    assert compare(TABLE, [METHODS["lightgbm"]], n_jobs=1).problems == (TABLE,)


def test_runs_are_checked_before_the_first_one():
    with pytest.raises(ValueError, match="'methods' parameter of iter_runs .* Got 'lightgbm'"):
        iter_runs([TABLE], ["lightgbm"], 1)
    with pytest.raises(ValueError, match="'problems' parameter of iter_runs .* Got 1 among them"):
        iter_runs([1], [LIGHTGBM], 1)
    with pytest.raises(ValueError, match="'n_jobs' parameter of iter_runs .* Got 0"):
        iter_runs([TABLE], [LIGHTGBM], 0)
    with pytest.raises(ValueError, match="'n_threads' parameter of iter_runs .* Got 0"):
        iter_runs([TABLE], [LIGHTGBM], 1, 0)


def test_comparison_is_one():
    with pytest.raises(ValueError, match="'comparison' parameter of render_text .* Got None"):
        render_text(None)
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="'comparison' parameter of plot_comparison .* Got None"):
        plot_comparison(None)


@pytest.mark.parametrize(
    ("X", "shown"),
    [
        (np.zeros(60), r"shape \(60,\)"),
        ([0] * 60, r"shape \(60,\)"),
        (np.zeros((60, 0)), r"shape \(60, 0\)"),
        ("table", "str"),
        (3, "int"),
    ],
)
def test_table_has_columns(X, shown):
    with pytest.raises(ValueError, match=f"'X' parameter of Table .* Got {shown} instead"):
        dataclasses.replace(TABLE, X=X)


def test_ragged_table():
    with pytest.raises(ValueError, match="X must be a table of numbers: "):
        dataclasses.replace(TABLE, X=[[0.0], [0.0, 1.0]])


def test_table_in_lists():
    rows = np.arange(120.0).reshape(60, 2)
    split, of_lists = (
        next(dataclasses.replace(TABLE, X=X).splits()) for X in (rows, rows.tolist())
    )
    np.testing.assert_array_equal(of_lists.X_train, split.X_train)


def test_table_is_real():
    with pytest.raises(ValueError, match="'X' parameter of Table must be real"):
        dataclasses.replace(TABLE, X=np.zeros((60, 1), complex))


@pytest.mark.parametrize("name", ["n_train", "n_test"])
@pytest.mark.parametrize("rows", [2**31, 2**31 * 40])
def test_draws_fit_into_memory(name, rows):
    with pytest.raises(ValueError, match=f"ContestedTop cannot hold a table of {name}={rows} in"):
        ContestedTop(**{name: rows})


@pytest.mark.parametrize("seed", [-1, 2**31, 2**70, np.timedelta64(1, "s"), 0.0])
def test_seeds_of_splits(seed):
    for build in (ContestedTop, lambda **given: dataclasses.replace(TABLE, **given)):
        with pytest.raises(ValueError, match="'random_state' parameter of"):
            build(random_state=seed)


def test_notes_are_wanted_or_not():
    with pytest.raises(ValueError, match="'notes' parameter of render_text .* Got 'no'"):
        render_text(Comparison((), (), (), 1), notes="no")


@pytest.mark.parametrize("jobs", [np.ones(2), None, "1"])
def test_jobs(jobs):
    if jobs is None:
        jobs = pytest.importorskip("pandas").NA
    with pytest.raises(ValueError, match="'n_jobs' parameter of compare must be an int"):
        compare([TABLE], [LIGHTGBM], n_jobs=jobs)


@pytest.mark.parametrize("name", [0, None, ["mammography"]])
def test_name_of_a_table(name):
    with pytest.raises(ValueError, match="'name' parameter of load_table must be a string. Got"):
        load_table(name)


@pytest.fixture
def file(tmp_path):
    pytest.importorskip("pandas")
    path = tmp_path / "small.csv"
    path.write_text("id,a,y\n" + "".join(f"{n},{n % 7},{int(n % 5 == 0)}\n" for n in range(60)))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": 0}, "'path' parameter of read_table must be a string or a path. Got 0"),
        ({"path": b"small.csv"}, "'path' parameter of read_table .* Got b'small.csv'"),
        ({"target": ["y"]}, r"'target' parameter of read_table .* Got \['y'\]"),
        ({"positive": [1]}, r"'positive' parameter of read_table .* Got \[1\]"),
        ({"positive": 10**400}, "^positive: .* has no label 1000"),
        ({"positive": "maybe"}, "^positive: Target column 'y' has no label 'maybe'"),
        ({"target": None}, "^target: small.csv needs the name of its target column: got None"),
        ({"target": "z"}, "^target: small.csv has no column 'z'"),
        ({"drop": ["z"]}, "^drop: small.csv has no column 'z'"),
        ({"drop": np.array("id")}, "'drop' parameter of read_table"),
        ({"drop": "id"}, "'drop' parameter of read_table .* several names of columns. Got 'id'"),
        ({"drop": [0]}, r"'drop' parameter of read_table .* Got \[0\]"),
        ({"drop": None}, "'drop' parameter of read_table .* Got None"),
    ],
)
def test_file(file, changes, message):
    with pytest.raises(ValueError, match=message):
        read_table(**{"path": file, "target": "y", **changes})


def separated(separator, decimal="."):
    rows = [f"{n}{decimal}5{separator}{n % 7}{separator}{int(n % 5 == 0)}\n" for n in range(60)]
    return separator.join(["amount", "a", "y"]) + "\n" + "".join(rows)


@pytest.mark.parametrize("decimal", [".", ","], ids=["points", "commas"])
@pytest.mark.parametrize("separator", [";", "|", "\t"], ids=["semicolon", "bar", "tab"])
def test_a_file_with_another_separator_says_what_to_do(separator, decimal, tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "sales.csv"
    path.write_text(separated(separator, decimal))
    with pytest.raises(ValueError) as raised:
        read_table(path, "y")
    message = str(raised.value)
    shown = "tabs" if separator == "\t" else repr(separator)
    assert f"It seems to be separated by {shown}, and not by ','" in message
    # What the message says makes a table that can be read.
    if separator == "\t":
        assert message.endswith("give it a name that ends in .tsv.")
        path = path.rename(tmp_path / "sales.tsv")
        if decimal == ",":
            return
    else:
        assert (
            f"Write it anew: pandas.read_csv({str(path)!r}, sep={separator!r}).to_csv('new.csv', "
            "index=False). If its numbers have decimal commas, pass decimal=',' to read_csv."
        ) in message
        frame = pandas.read_csv(path, sep=separator, decimal=decimal)
        path = tmp_path / "new.csv"
        frame.to_csv(path, index=False)
    np.testing.assert_array_equal(read_table(path, "y").X[:, 0], np.arange(60) + 0.5)


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("t.csv.gz", separated(";"), r"separated by ';'.*to_csv\('new\.csv', index=False\)"),
        ("t.tsv", separated(","), "separated by ',', and not by tabs: give it a name .* in .csv"),
        ("t.tsv", separated(";"), r"';', and not by tabs.*'new.tsv', index=False, sep='\\t'\)"),
        ("t.csv", separated(";").replace("amount", "amount, EUR"), "separated by ';'"),
        ("t.csv", separated(",").replace("y", "z"), None),
        ("t.csv", "a\n1\n2\n", None),
        ("t.csv", "a;b,c\n1,2\n2,3\n", None),
    ],
    ids=["packed", "commas", "tsv", "comma-in-a-name", "right", "one-column", "in-a-name"],
)
def test_which_separator_a_file_has(name, text, hint, tmp_path):
    pytest.importorskip("pandas")
    path = tmp_path / name
    with gzip.open(path, "wt") if name.endswith("gz") else open(path, "w") as file:
        file.write(text)
    with pytest.raises(ValueError, match="has no column 'y'|cannot be read") as raised:
        read_table(path, "y")
    assert ("It seems to be separated by" in str(raised.value)) == (hint is not None)
    if hint is not None:
        assert re.search(hint, str(raised.value))


@pytest.mark.parametrize("positive", ["0", 0, 0.0, False, np.int8(0)])
def test_positive_label_is_a_string_or_a_number(file, positive):
    table = read_table(file, "y", positive=positive, drop=(name for name in ["id"]))
    assert (table.y.sum(), table.X.shape) == (48, (60, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, np.nan],), "values"),
        (([1e308] * 3,), r"values must lie within \[-1e\+150, 1e\+150\]"),
        (([1.0, 2.0], np.timedelta64(1, "s")), "'test_train_ratio' parameter of t_interval"),
        (([1.0, 2.0], 0.5, np.timedelta64(1, "s")), "'level' parameter of t_interval"),
        (([1.0, 2.0], 0.5, 1.0), "'level' parameter of t_interval .* Got 1.0"),
    ],
)
def test_interval(arguments, message):
    values, *rest = arguments
    changes = dict(zip(("test_train_ratio", "level"), rest))
    with pytest.raises(ValueError, match=message):
        t_interval(values, **changes)


def test_ratio_of_an_interval():
    with pytest.raises(ValueError, match="'test_train_ratio' parameter of t_interval .* Got -1"):
        t_interval([1.0, 2.0], test_train_ratio=-1)
