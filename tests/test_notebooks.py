"""Every notebook runs from top to bottom."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
if not NOTEBOOKS:
    pytest.skip("notebooks are not part of an installed package", allow_module_level=True)

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

# Those that take longest. What they show has tests of its own.
SLOW = (
    "contested_top",
    "pauc_classifier",
    "reproduction",
    "tuning_with_optuna",
    "your_own_table",
)

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


# What takes minutes is made smaller, for what is tested is that it runs.
SMALLER = {
    "reproduction": (
        "SCALE, N_SEEDS = QUICK, 2",
        "from dataclasses import replace\n"
        "SCALE = replace(QUICK, n_train=12_000, n_test=20_000, n_demo=16_000, epochs=4)\n"
        "N_SEEDS = 1",
    ),
    "contested_top": ("for draw in range(3):", "for draw in range(2):"),
    "tuning_with_optuna": ("N_TRIALS = 10", "N_TRIALS = 3"),
    "your_own_table": ("N_DRAWS = 6", "N_DRAWS = 2"),
}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in SLOW else [])
        for path in NOTEBOOKS
    ],
)
def test_notebook_runs(path):
    pytest.importorskip("torch")
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(KernelSpecManager):
        """Knows one kernel: the interpreter that runs the tests, not one that was registered."""

        def get_kernel_spec(self, kernel_name):
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name=kernel_name, language="python")

    notebook = nbformat.read(path, as_version=4)
    if path.stem in SMALLER:
        as_shown, smaller = SMALLER[path.stem]
        shown = [cell for cell in notebook.cells if as_shown in cell.source]
        assert len(shown) == 1
        shown[0].source = shown[0].source.replace(as_shown, smaller)
    manager = AsyncKernelManager(kernel_spec_manager=ThisInterpreter())
    nbclient.NotebookClient(notebook, km=manager, timeout=600).execute(cwd=str(path.parent))
    errors = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert errors == []


@by_name
def test_notebook_is_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
