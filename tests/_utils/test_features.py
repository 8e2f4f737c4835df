"""Messages about tables: the line that prepares one is for the kind of table that was passed."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skbudget import BudgetThresholdClassifier, PAUCLGBMClassifier
from skbudget._utils.features import check_for_models, check_kinds, errors_of_models, kind_of_table
from skbudget.autobalance import AutoBalanceClassifier
from skbudget.cascade import CascadeClassifier
from skbudget.ensemble import PAUCEnsembleClassifier

polars = pytest.importorskip("polars")

N = 120


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = (np.arange(N) % 4 == 0).astype(int)
    return pd.DataFrame(rng.normal(size=(N, 3)), columns=list("abc")), y


def trees():
    options = {"n_estimators": 2, "selection_cv": None, "calibration_cv": None}
    return PAUCLGBMClassifier(budget=0.1, verbose=-1, n_jobs=1, **options)


def of_two():
    return CascadeClassifier(LogisticRegression(), trees(), cv=2, budget_first=0.5, budget=0.1)


def threshold():
    return BudgetThresholdClassifier(trees(), budget=0.2, cv=0.3, refit=False)


def balanced():
    return AutoBalanceClassifier(trees(), n_candidates=1, cv=2, n_repeats=1)


def ensemble():
    from skbudget.neural import PAUCClassifier

    network = PAUCClassifier(max_epochs=1, n_members=1)
    return PAUCEnsembleClassifier(trees=trees(), network=network, cv=2)


MODELS = {"cascade": of_two, "autobalance": balanced, "ensemble": ensemble}
MODELS |= {"threshold": threshold}
FORMS = {
    "array": (np.asarray, "number 1", r"X = np.where\(np.abs\(X\) < 1e30, X, np.nan\)"),
    "list": (lambda X: X.to_numpy().tolist(), "number 1", r"X = np.where\(np.abs\(X\) < 1e30"),
    "pandas": (lambda X: X, "'b'", r"X\['b'\] = X\['b'\].where\(X\['b'\].abs\(\) < 1e30\)"),
    "polars": (polars.DataFrame, "'b'", r"pl.when\(pl.col\('b'\).abs\(\) < 1e30\)"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", MODELS)
def test_infinity_is_counted_in_the_whole_table(table, model, form):
    X, y = table
    make, name, line = FORMS[form]
    wrong = X.copy()
    wrong.loc[:9, "b"] = np.inf
    owner = type(MODELS[model]()).__name__
    told = rf"infinity in 1 column: {name} \(10\)\. {owner} takes finite numbers.*\n.*{line}"
    with pytest.raises(ValueError, match=told):
        MODELS[model]().fit(make(wrong), y)


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_the_line_mends_the_table(table, form):
    X, y = table
    wrong = X.copy()
    wrong.loc[:9, ["a", "b"]] = np.inf
    wrong = FORMS[form][0](wrong)
    with pytest.raises(ValueError, match="infinity in 2 columns") as error:
        trees().fit(wrong, y)
    names = {"X": wrong, "pl": polars, "np": np}
    exec(str(error.value).partition("\n")[2].strip(), names)
    assert np.isnan(np.asarray(names["X"], dtype=float)).sum() == 20
    trees().fit(names["X"], y)


def test_the_line_renames_columns_of_either_frame(table):
    X, y = table
    for make in (lambda X: X, polars.DataFrame):
        wrong = make(X.set_axis(["a[0]", 'b{"k": 1}', "c"], axis=1))
        with pytest.raises(ValueError, match=r"must not hold any of .*'a\[0\]'") as error:
            trees().fit(wrong, y)
        names = {"X": wrong}
        exec(str(error.value).partition("\n")[2].strip(), names)
        trees().fit(names["X"], y)


@pytest.mark.parametrize("model", MODELS)
def test_a_message_names_the_estimator_that_was_called(table, model):
    X, y = table
    owner = type(MODELS[model]()).__name__
    with pytest.raises(ValueError, match=rf"{owner}: Names of columns of PAUCLGBMClassifier"):
        MODELS[model]().fit(X.set_axis(["a[0]", "b", "c"], axis=1), y)
    if model == "threshold":
        return
    fitted = MODELS[model]().fit(X, y)
    wrong = X.copy()
    wrong.loc[:4, "c"] = -np.inf
    with pytest.raises(ValueError, match=rf"infinity in 1 column: 'c' \(5\)\. {owner} takes"):
        fitted.decision_function(wrong)


def test_a_pipeline_may_mend_infinity(table):
    X, y = table
    wrong = X.copy()
    wrong.loc[:9, "b"] = np.inf
    finite = FunctionTransformer(lambda X: X.clip(-9, 9))
    first = make_pipeline(finite, LogisticRegression())
    CascadeClassifier(first, make_pipeline(finite, trees()), budget_first=0.5, cv=2).fit(wrong, y)


@pytest.mark.parametrize(
    "make",
    [np.asarray, lambda X: np.asarray(X).tolist(), csr_matrix],
    ids=["array", "list", "sparse"],
)
def test_complex_numbers_are_refused_without_a_copy_of_the_table(table, make):
    X, y = table
    wrong = make(X + 1j)
    for model in (trees(), of_two(), balanced()):
        if isinstance(wrong, csr_matrix) and not isinstance(model, PAUCLGBMClassifier):
            continue
        owner = type(model).__name__
        with pytest.raises(ValueError, match=f"{owner} takes real numbers.*Complex data") as error:
            model.fit(wrong, y)
        assert len(str(error.value)) < 300
    for model in (trees(), of_two(), balanced()):
        with pytest.raises(ValueError, match=r"'a' \(complex128\).*\n.*X\['a'\].map\(abs\)"):
            model.fit(X.assign(a=X["a"] + 1j), y)


def test_errors_of_models_keep_their_class():
    X = np.zeros((3, 2))
    cases = (
        (TypeError("no such thing"), r"^Owner: no such thing$"),
        (ValueError("of Owner itself"), "^of Owner itself$"),
        (KeyError("a"), "^'a'$"),
        (ValueError("infinity of another thing"), "^Owner: infinity of another thing$"),
    )
    for error, told in cases:
        with pytest.raises(type(error), match=told), errors_of_models(X, "Owner"):
            raise error


def test_whose_table_it_is(table):
    X, _ = table
    assert kind_of_table(X) == "pandas"
    assert kind_of_table(polars.DataFrame(X)) == "polars"
    assert kind_of_table(X.to_numpy()) == kind_of_table([[1.0]]) == "array"
    assert check_kinds(X, "Owner") is X
    assert check_for_models(LogisticRegression(), X, reset=True) is X
