import subprocess
import sys

import pytest

import skbudget

HEAVY = ("torch", "skorch", "lightgbm", "xgboost", "dask", "matplotlib", "shap")


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "import skbudget",
        "import skbudget.objectives, skbudget.boosting, skbudget.datasets",
        "from skbudget.metrics import CoverageCurveDisplay, TrainingCurveDisplay",
        "from skbudget import pauc_objective, PAUCObjective",
    ],
)
def test_imports_no_heavy_library(statement):
    loaded = run(f"import sys; {statement}; print([m for m in {HEAVY} if m in sys.modules])")
    assert loaded == "[]"


def test_import_loads_not_even_scikit_learn():
    assert run("import sys, skbudget; print('sklearn' in sys.modules)") == "False"


def test_public_names_exist():
    for name in skbudget.__all__:
        assert getattr(skbudget, name) is not None
    assert set(skbudget.__all__) <= set(dir(skbudget))


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = skbudget.nonsense


@pytest.mark.parametrize(
    ("library", "name"), [("lightgbm", "PAUCLGBMClassifier"), ("xgboost", "PAUCXGBClassifier")]
)
def test_missing_extra_is_named(library, name):
    message = run(
        f"import sys; sys.modules[{library!r}] = None\n"
        "import skbudget\n"
        f"try: skbudget.{name}\n"
        "except ImportError as error: print(error)"
    )
    assert f'pip install "skbudget[{library}]"' in message
    assert f"needs {library}, which is not installed" in message
