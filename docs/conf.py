"""Settings of the documentation site; CONTRIBUTING.md says how it is built and extended.

Two environment variables, both optional, change what a build does:

``SKBUDGET_DOCS_ONLINE=1``
    Links into the pages of NumPy, scikit-learn, ... Their inventories come from the network,
    and a build that cannot reach them would fail.
``SKBUDGET_DOCS_EXECUTE=study`` (names of notebooks, with commas, or ``all``)
    Runs these notebooks, so that their pages have pictures. The others show code alone.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parent
ROOT = DOCS.parent
# The reference documents the benchmarks, too, which are not part of an installed package.
sys.path[:0] = [str(ROOT), str(DOCS)]

import available_losses  # noqa: E402

import skbudget  # noqa: E402

# This is done before Sphinx lists the pages.
available_losses.write(DOCS / "api")
ONLINE = os.environ.get("SKBUDGET_DOCS_ONLINE") == "1"
EXECUTE = set(filter(None, os.environ.get("SKBUDGET_DOCS_EXECUTE", "").split(",")))

project = "skbudget"
author = "The skbudget developers"
copyright = f"2026, {author}"
release = version = skbudget.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
nitpicky = True
smartquotes = False  # options are quoted as in Python

# --- Python objects -------------------------------------------------------------------------
# In a docstring `name` is a link where it names an object, and emphasis where a parameter.
default_role = "autolink"
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have the types
numpydoc_show_class_members = False  # autodoc shows them
numpydoc_xref_param_type = False

intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "scipy": ("https://docs.scipy.org/doc/scipy", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
    "lightgbm": ("https://lightgbm.readthedocs.io/en/stable", None),
    "xgboost": ("https://xgboost.readthedocs.io/en/stable", None),
    "torch": ("https://docs.pytorch.org/docs/stable", None),
    "skorch": ("https://skorch.readthedocs.io/en/stable", None),
    "matplotlib": ("https://matplotlib.org/stable", None),
}
if ONLINE:
    extensions.append("sphinx.ext.intersphinx")
# Names of other projects: links where an inventory has them, and text elsewhere.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(lightgbm|xgboost|dask|sklearn|numpy|scipy|torch|skorch|matplotlib|pandas|optuna)\..*"
        r"|tracemalloc",
    ),
    # An attribute that LightGBM defines, in our list of attributes.
    ("py:obj", "booster_"),
]

# --- Markdown pages and notebooks -----------------------------------------------------------
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a part of README starts at the level it has there
nb_execution_mode = "off"  # `copy_notebooks` runs those that are asked for, in their own folder

# --- Appearance -----------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"skbudget {release}"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skbudget"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {"index": [], "guide/getting_started": []}
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


# --- Files that lie outside this folder -----------------------------------------------------
# The pages link to each other as files of the repository, which works in a checkout.
# Here README is in parts on several pages, and the notebooks' pages are beside this folder's.
PAGES = {
    "docs/": "/",
    "notebooks/": "/notebooks/",
    "README.md": "/index.md",
    "CONTRIBUTING.md": "/project/contributing.md",
    "CHANGELOG.md": "/project/changelog.md",
}
LINK = re.compile(r"\]\((?:\.\./)*(" + "|".join(map(re.escape, PAGES)) + ")")


def lead_links_to_pages(*event):
    """Turn links to files of the repository into links to pages of this site."""
    content = event[-1]  # a list of one text, which is exchanged
    content[0] = LINK.sub(lambda link: f"]({PAGES[link[1]]}", content[0])


def copy_notebooks(app):
    """Copy the notebooks to where Sphinx looks, with the outputs of those that are to be run."""
    paths = {path.stem: path for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
    if unknown := EXECUTE - {*paths, "all"}:
        raise ValueError(
            f"SKBUDGET_DOCS_EXECUTE names no notebook: {sorted(unknown)}; there are {list(paths)}."
        )
    for stale in DOCS.glob("notebooks/*.ipynb"):
        if stale.stem not in paths:
            stale.unlink()
    for name, path in paths.items():
        notebook = nbformat.read(path, as_version=4)
        if EXECUTE & {name, "all"}:
            NotebookClient(notebook, timeout=1800).execute(cwd=str(path.parent))
        content = nbformat.writes(notebook)
        copy = DOCS / "notebooks" / path.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != content:
            copy.write_text(content, encoding="utf-8")


def skip_foreign(app, what, name, obj, skip, options):
    """Leave out what other projects define, for they document it.

    That takes the fields of named tuples along ("Alias for field 0"): docstrings list them.
    """
    function = getattr(obj, "fget", None) or getattr(obj, "func", obj)  # of a property
    module = getattr(function, "__module__", None) or ""
    return None if module.startswith(("skbudget", "benchmarks")) else True


def setup(app):
    """Register what is done before the pages are read."""
    app.connect("builder-inited", copy_notebooks)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("source-read", lead_links_to_pages)
    app.connect("include-read", lead_links_to_pages)
