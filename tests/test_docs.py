"""The site lacks no public name and no page, and public docstrings are as numpydoc wants them.

Warnings of the build itself are errors in `.ci/run`.
"""

import fnmatch
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import benchmarks
import skbudget

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))
if not (DOCS / "conf.py").exists():
    pytest.skip("docs are not part of an installed package", allow_module_level=True)


# Rooms inside a room, which offers their public names.
INNER = (
    "skbudget.metrics.intervals",
    "skbudget.model_selection.report",
    "skbudget.neural.losses",
    "skbudget.neural.training",
    "skbudget.objectives.losses",
)


def is_public(module):
    private = any(part.startswith("_") for part in module.split("."))
    return not private and not module.startswith(INNER)


# A command has options instead of parameters, and `--help` documents them.
COMMANDS = {
    "benchmarks.catalogue",
    "benchmarks.promises",
    "benchmarks.significance",
    "benchmarks.snapshot",
    "benchmarks.speed.loss_cost",
    "benchmarks.ltr",
}
MODULES = {
    module.name
    for package in (skbudget, benchmarks)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if is_public(module.name)
} - COMMANDS
# The parts of the commands, which users meet through the commands.
OF_COMMANDS = ("skbudget.cli", "benchmarks.")


def names_of(module):
    for needed in ("torch", "lightgbm", "xgboost", "dask.dataframe", "distributed"):
        pytest.importorskip(needed)
    return set(importlib.import_module(module).__all__)


def read_reference():
    """Return the documented names of each module."""
    import available_losses

    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("api/*.rst")]
    names = {}
    for text in [*pages, available_losses.render()]:
        current, in_summary = None, False
        for line in text.splitlines():
            if match := re.match(r"\.\. currentmodule:: (\S+)", line):
                current = names.setdefault(match[1], set())
            elif match := re.match(r"\.\. data:: (\w+)", line):
                current.add(match[1])
            if line and not line.startswith(" "):
                in_summary = line == ".. autosummary::"
            elif in_summary and (match := re.fullmatch(r"   (\w+)", line)):
                current.add(match[1])
    return names


REFERENCE = read_reference()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_reference_lists_every_public_name(module):
    assert REFERENCE.get(module) == names_of(module)


def test_reference_says_what_the_package_itself_offers():
    index = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    listed = re.findall(r":(?:class|func|data):`~(skbudget\.[\w.]+)\.(\w+)`", index)
    assert sorted(name for _, name in listed) == sorted(skbudget.__all__)
    assert all(name in REFERENCE[module] for module, name in listed)


# --- pages ---------------------------------------------------------------------------------


def find_pages():
    """Return the names of pages, those copied from notebooks included."""
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix()
        for path in DOCS.rglob("*")
        if path.suffix in {".md", ".rst"}
        and not {"_build", "_templates", "generated"} & set(path.relative_to(DOCS).parts)
    }
    # The build makes this one.
    pages.add("api/available")
    return pages | {f"notebooks/{path.stem}" for path in DOCS.parent.glob("notebooks/*.ipynb")}


def read_toctrees(page):
    """Yield the entries of a page's toctrees, as patterns of page names."""
    path = DOCS / page
    text = "".join(
        path.with_suffix(suffix).read_text(encoding="utf-8")
        for suffix in (".md", ".rst")
        if path.with_suffix(suffix).exists()
    )
    markdown = re.findall(r"^```\{toctree\}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    rst = re.findall(r"^\.\. toctree::\n((?:\n|   .*\n)+)", text, flags=re.MULTILINE)
    for line in "\n".join([*markdown, *rst]).split():
        if line.startswith("/"):
            yield line[1:]
        elif not line.startswith(":"):
            yield (path.parent / line).relative_to(DOCS).as_posix()


def test_every_page_is_in_a_toctree():
    pages = find_pages()
    assert {"index", "study", "api/metrics", "notebooks/study"} <= pages
    reached, ahead = set(), {"index"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        for pattern in read_toctrees(page):
            level = {name for name in pages if name.count("/") == pattern.count("/")}
            ahead |= set(fnmatch.filter(level, pattern)) - reached
    assert reached == pages


def test_parts_of_other_files_are_there():
    n_parts = 0
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for file, options in re.findall(r"```\{include\} (\S+)\n(.*?)```", text, flags=re.DOTALL):
            included = (page.parent / file).read_text(encoding="utf-8")
            ends = re.findall(r':(?:start-after|end-before): "(.*)"', options)
            assert all(included.count(f"\n{end}") + included.startswith(end) == 1 for end in ends)
            n_parts += 1
    assert n_parts >= 5


# --- docstrings ----------------------------------------------------------------------------

NOT_ASKED = {
    "ES01",  # no further summary, where one sentence says it
    "GL01",  # the summary begins beside the quotes, which numpydoc allows from 1.11 on
    "PR03",  # parameters that matter most come first, whatever their place in the signature
    "RT02",  # no name of what is returned: ours have one,
    "RT03",  # and beside a name and a shape a description often says nothing more
}
# A method's sentence names its arguments and its result, and its class has the rest.
NOT_ASKED_OF_METHODS = NOT_ASKED | {"EX01", "PR01", "RT01", "SA01", "YD01"}
NOT_ASKED_OF_PARTS_OF_COMMANDS = NOT_ASKED_OF_METHODS
NOT_ASKED_OF = {
    # Parameters that are handed on are listed together, "as in" the class that they go to.
    "skbudget.boosting.DaskPAUCXGBClassifier": {"PR02", "PR04"},
    "skbudget.boosting.PAUCLGBMClassifier": {"PR04"},
    "skbudget.boosting.PAUCLGBMClassifier.fit": {"PR04"},
    "skbudget.boosting.PAUCXGBClassifier.fit": {"PR04"},
    "benchmarks.study.find_study_tables": {"PR04"},
    # What functions return: fields are attributes, and examples those of the functions.
    "skbudget.band.Band": {"EX01", "PR01"},
    "skbudget.kernels.PairSums": {"EX01", "PR01"},
    "skbudget.metrics.BootstrapInterval": {"EX01"},
    "skbudget.metrics.CascadeCoverage": {"EX01", "PR01"},
    "skbudget.model_selection.AdoptionReport": {"EX01", "PR01"},
    "skbudget.metrics.CoverageDifference": {"EX01"},
    "skbudget.sampling.NegativeSample": {"PR01"},
    "skbudget.metrics.CoverageSampleSize": {"EX01"},
    # Parameters that are handed on to `from_predictions` or `plot` are listed together.
    **{
        f"skbudget.metrics.{display}.{name}": {"PR04"}
        for display, names in {
            "CoverageCurveDisplay": ("from_predictions", "from_estimator", "from_cv_results"),
            "PartialROCDisplay": ("from_predictions", "from_estimator", "from_cv_results"),
            "ScoreBandDisplay": ("from_predictions", "from_estimator"),
            "SignificanceDisplay": ("from_predictions", "from_estimator"),
            "TrainingCurveDisplay": ("from_estimator",),
        }.items()
        for name in names
    },
    # What methods return.
    "skbudget.objectives.Derivatives": {"EX01", "PR01"},
    # Needs a process group, as in docs/examples/two_processes.py.
    "skbudget.neural.all_gather_rows": {"EX01"},
}


def find_documented(module):
    """Yield functions, classes and what ours define, with the checks not asked of them."""
    for name in sorted(names_of(module)):
        thing = getattr(importlib.import_module(module), name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield f"{module}.{name}", NOT_ASKED
        for member in dir(thing) if inspect.isclass(thing) else ():
            value = inspect.getattr_static(thing, member)
            function = getattr(value, "fget", None) or getattr(value, "__func__", value)
            defined_in = getattr(function, "__module__", None) or ""
            ours = defined_in.startswith(("skbudget", "benchmarks"))
            if ours and function.__doc__ and not member.startswith("_"):
                yield f"{module}.{name}.{member}", NOT_ASKED_OF_METHODS


@pytest.mark.parametrize("module", sorted(MODULES))
def test_docstrings(module):
    validate = pytest.importorskip("numpydoc.validate").validate
    failures = {}
    for name, not_asked in find_documented(module):
        if module.startswith(OF_COMMANDS):
            not_asked = NOT_ASKED_OF_PARTS_OF_COMMANDS
        not_asked = not_asked | NOT_ASKED_OF.get(name, set())
        if errors := [error for error in validate(name)["errors"] if error[0] not in not_asked]:
            failures[name] = errors
    assert failures == {}


@pytest.mark.parametrize("name", NOT_ASKED_OF)
def test_exceptions_are_needed(name):
    """An exception that outlived its reason would hide a later mistake."""
    validate = pytest.importorskip("numpydoc.validate").validate
    names_of("skbudget")  # skips where an extra is missing
    assert NOT_ASKED_OF[name] <= {code for code, _ in validate(name)["errors"]}
