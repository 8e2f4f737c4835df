"""The command behind the figures of the page runs, and shows what the page says."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "sampling_negatives.py"
if not SCRIPT.exists():
    pytest.skip("docs are not part of an installed package", allow_module_level=True)


@pytest.fixture(scope="module")
def script():
    for module in ("lightgbm", "torch", "skorch"):
        pytest.importorskip(module)
    spec = importlib.util.spec_from_file_location("sampling_negatives", SCRIPT)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_weights_keep_probabilities_where_they_were(script, capsys):
    found = script.measure("trees", "mammography", 0, 0, 30)
    of_kind = {arm: calibration for arm, (_, calibration, _, _) in found.items()}
    for kind in ("random", "hard and random"):
        assert of_kind[kind, "weights"] == pytest.approx(1.0, abs=0.35)
        assert of_kind[kind, "nothing"] > of_kind[kind, "weights"] + 0.5
    script.print_part("trees", "mammography", [found, found])
    rows = capsys.readouterr().out.strip().splitlines()
    assert len(rows) == 4 + len(found)
    assert all(row.count("|") == 8 for row in rows[2:])


def test_a_mask_brings_the_band_of_all_rows(script):
    _, (X, y), _ = script.mammography(0, 0)
    everything = script.choose("all rows", "", X, y, 0, 5)
    assert everything.rows.size == y.size
    chosen = script.choose("hard and random", "beta, mask", X, y, 0, 5)
    assert not chosen.undone
    assert 0 < np.count_nonzero(~chosen.iid_mask) < chosen.rows.size
