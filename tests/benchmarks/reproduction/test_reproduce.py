import dataclasses
import json
import math
import subprocess
import sys
import zlib
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import stats

from benchmarks.reproduction import PUBLISHED_TABLES, QUICK
from benchmarks.reproduction._data import draw_confounded, draw_contested, split_table
from benchmarks.reproduction._published import Published, Row
from benchmarks.reproduction._recipes import FULL, CardFraud, Contested, Demo, Fit, Recipe, Scale
from benchmarks.reproduction._tables import find_tables
from skbudget.__main__ import main
from skbudget._utils.statistics import bootstrap_interval

TINY = Scale("tiny", 4000, 6000, 6000, None, 2, 2, 2, 512, 512)
DRAWN = [name for name, table in PUBLISHED_TABLES.items() if not table.needs_data]

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


# --- the rows -----------------------------------------------------------------------

# The publication's own generator gives these values for these seeds and sizes.
PINNED = {
    "linear": ([1.6398989, 2.418035, 2.5109746], [3.231443, 1.441849, -0.31328988], 466769237),
    "product": ([1.6398989, 2.418035, 2.5109746], [2.8472114, -0.8957319, -0.8478066], 4226013034),
    "radial": ([1.6398989, 2.418035, -0.8890255], [2.804932, -1.9943786, 0.06884825], 868805734),
}


@pytest.mark.parametrize("cue", PINNED)
def test_study_rows_are_those_of_the_publication(cue):
    first, last, roles = PINNED[cue]
    sample = draw_contested(3, 5000, 8000, cue=cue)
    train, test = sample.train, sample.test
    assert train.X.dtype == np.float32
    np.testing.assert_allclose(train.X[0, :2], [0.28262424, 0.40224087], rtol=1e-6)
    np.testing.assert_allclose(train.X[train.y == 1][0, [0, 5, 6]], first, rtol=1e-6)
    np.testing.assert_allclose(test.X[test.y == 1][-1, [0, 5, 6]], last, rtol=1e-6)
    assert zlib.crc32(train.roles.tobytes()) == 4277187475
    assert zlib.crc32(test.roles.tobytes()) == roles
    np.testing.assert_array_equal(test.y, test.roles == 1)


def test_demo_rows_are_those_of_the_publication():
    sample = draw_confounded(42, 8000)
    train, test = sample.train, sample.test
    assert (len(train.y), len(test.y)) == (6000, 2000)
    np.testing.assert_allclose(train.X[0, :2], [-0.31184635, 1.9300945], rtol=1e-6)
    np.testing.assert_allclose(
        test.X[test.y == 1][0, [0, 5, 6]], [2.566471, -0.5113214, -2.9089637], rtol=1e-6
    )
    np.testing.assert_allclose(
        test.X[test.roles == 3][0, [0, 5, 6]], [-0.028349, -2.3332455, -1.8251599], rtol=1e-6
    )
    assert zlib.crc32(train.roles.tobytes()) == 690326144
    assert zlib.crc32(test.roles.tobytes()) == 2912578639


def test_numbers_of_rows_in_each_role():
    sample = draw_contested(0, 10_000, 20_000, decoy_frac=0.02)
    assert np.bincount(sample.train.roles).tolist() == [9785, 15, 200]
    assert np.bincount(sample.test.roles).tolist() == [19571, 30, 399]
    without = draw_contested(0, 10_000, 20_000, decoy_frac=0.0)
    assert np.bincount(without.train.roles).tolist() == [9985, 15]


def test_real_table_is_split_and_standardised():
    rng = np.random.default_rng(0)
    X = rng.normal(3.0, 2.0, size=(2000, 4))
    y = (rng.random(2000) < 0.05).astype(int)
    sample = split_table(X, y, 0)
    assert (len(sample.train.y), len(sample.test.y)) == (1400, 600)
    assert sample.train.y.sum() == pytest.approx(0.7 * y.sum(), abs=1)
    np.testing.assert_allclose(sample.train.X.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(sample.train.X.std(axis=0), 1.0, atol=1e-5)
    assert not np.array_equal(split_table(X, y, 1).test.X, sample.test.X)
    assert len(split_table(X, y, 0, n_samples=500).train.y) == 350


# --- declared tables ------------------------------------------------------------------


def test_sections_are_in_the_order_of_the_publication():
    assert [table.section for table in PUBLISHED_TABLES.values()] == sorted(
        table.section for table in PUBLISHED_TABLES.values()
    )


def test_published_figures():
    figures = {
        (table.name, row.name): row.published
        for table in PUBLISHED_TABLES.values()
        for row in table.rows
        if row.published is not None
    }
    assert figures["cues", "product lift"] == Published(0.216, 0.183, 0.257)
    assert figures["cues", "wide lift"] == Published(0.045, 0.035, 0.055)
    assert figures["demo", "pairwise coverage"].value == 0.772
    assert figures["mining", "oracle 200"].value == 0.632
    assert figures["mechanism", "probe pauc"].value == 0.910
    for table in ("cues", "demo", "separable"):
        lifts = [row for row in PUBLISHED_TABLES[table].rows if "lift" in row.name]
        assert lifts
        assert all(row.signed for row in lifts)


def test_published_figures_agree_to_their_digits():
    assert Published(0.575).agrees_with(0.5754, 0.6)
    assert not Published(0.575).agrees_with(0.5756, 0.6)
    assert Published(0.72, digits=2).agrees_with(0.7249, 0.8)
    assert Published(low=0.40, high=0.48, digits=2).agrees_with(0.483, 0.5)
    assert not Published(low=0.40, high=0.48, digits=2).agrees_with(0.49, 0.5)
    assert Published(text="collapses").agrees_with(0.3, 0.4) is None
    assert Published(0.5).agrees_with(math.nan, math.nan) is None


def test_seeds():
    assert list(PUBLISHED_TABLES["cues"].seeds(None, FULL)) == list(range(8))
    assert list(PUBLISHED_TABLES["demo"].seeds(None, FULL)) == [42, 43, 44, 45, 46]
    assert list(PUBLISHED_TABLES["demo"].seeds(2, FULL)) == [42, 43]


def test_unknown_table():
    with pytest.raises(ValueError, match="Unknown table 'cue': it should be one of cues, surr"):
        find_tables(["cue"])
    assert [table.name for table in find_tables(["band", "cues", "band"])] == ["band", "cues"]


def test_bootstrap_interval_is_scipys():
    values = [0.61, 0.70, 0.66, 0.59, 0.72, 0.64]
    ours = bootstrap_interval(values, n_resamples=20_000)
    theirs = stats.bootstrap(
        (np.array(values),), np.mean, n_resamples=20_000, method="percentile"
    ).confidence_interval
    assert ours.mean == pytest.approx(np.mean(values))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=2e-3)
    assert ours == bootstrap_interval(values, n_resamples=20_000)
    assert bootstrap_interval([0.4]).to_dict() == {"mean": 0.4, "low": None, "high": None, "n": 1}


def test_quick_is_not_comparable():
    from benchmarks.reproduction import Reproduction

    assert Reproduction((), FULL, None, (), 1).comparable
    assert not Reproduction((), QUICK, None, (), 1).comparable


# --- training ---------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("ce"),
        Recipe("ce", decoy_weight=10.0),
        Recipe("ce", mined_share=0.02),
        Recipe("pauc"),
        Recipe("pauc", surrogate="trapezoid", pos_numerator="live", queue_factor=2),
        Recipe("smoothap"),
        Recipe("trivial"),
    ],
    ids=lambda recipe: f"{recipe.loss}-{recipe.surrogate}-{recipe.decoy_weight}",
)
def test_training_is_repeatable_and_ranks(recipe):
    import torch
    from sklearn.metrics import roc_auc_score

    from benchmarks.reproduction._training import score, train

    scale = dataclasses.replace(TINY, batch_size=128, epochs=4)
    sample = draw_contested(0, 4000, 6000, cue="linear")
    state = torch.get_rng_state()
    scores = [score(train(recipe, sample.train, 0, scale), sample.test.X) for _ in range(2)]
    np.testing.assert_array_equal(*scores)
    assert torch.equal(state, torch.get_rng_state())
    assert roc_auc_score(sample.test.y, scores[0]) > 0.9


@needs_torch
@pytest.mark.parametrize(
    "recipe", [Recipe("ce", batches="repeated"), Recipe("ce", batches="running")]
)
def test_demo_batches_are_those_of_the_loader(recipe):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from benchmarks.reproduction._training import _epochs_of_batches

    def loader():
        generator = torch.Generator().manual_seed(5)
        data = TensorDataset(torch.arange(1000))
        return DataLoader(data, batch_size=512, shuffle=True, generator=generator)

    one = loader()
    for batches in _epochs_of_batches(recipe, 1000, 5, TINY):
        expected = [index for (index,) in (one if recipe.batches == "running" else loader())]
        assert [len(index) for index in batches] == [512, 488]
        assert all(torch.equal(*pair) for pair in zip(batches, expected))


@needs_torch
def test_weights_of_decoys_and_mined_rows_change_the_model():
    from benchmarks.reproduction._training import score, train

    sample = draw_contested(0, 4000, 6000)
    recipes = [Recipe("ce"), Recipe("ce", decoy_weight=50.0), Recipe("ce", mined_share=0.05)]
    scores = [score(train(recipe, sample.train, 0, TINY), sample.test.X) for recipe in recipes]
    decoys = sample.test.roles == 2
    means = [values[decoys].mean() for values in scores]
    assert means[1] < means[0]
    assert means[2] < means[0]


@needs_torch
def test_gradient_mass_of_cross_entropy():
    from benchmarks.reproduction._training import gradient_mass, score, train

    sample = draw_contested(0, 4000, 6000)
    model = train(Recipe("ce"), sample.train, 0, TINY)
    mass = gradient_mass(model, sample.train, Recipe("pauc", budget=0.02))
    rows = sample.train
    gradient = 1.0 / (1.0 + np.exp(-score(model, rows.X).astype(float)))
    expected = gradient[rows.roles == 2].sum() / gradient[rows.y == 0].sum()
    assert mass["ce"] == pytest.approx(expected, rel=1e-4)
    assert 0.0 <= mass["pauc"] <= 1.0


@needs_torch
def test_band_shares_of_a_known_ranking():
    from benchmarks.reproduction import Lab

    bench = Lab(TINY).bench(0)
    fit = Fit(Contested(), Recipe("trivial"))
    roles = bench.sample(fit.data).test.roles
    # Decoys are the greatest scores among the negatives, 72 of 5991.
    scores = np.where(roles == 2, 10.0, 0.0) + np.linspace(0.0, 1.0, len(roles))
    bench._scores[fit] = scores.astype(np.float32)
    n_decoys, n_negatives = int((roles == 2).sum()), int((roles != 1).sum())
    shares = bench.band_shares(fit, 0.005, (0.5, 1.5))
    assert shares["decoys_of_band"] == 1.0
    assert shares["decoys_inside"] == pytest.approx(
        0.005 * n_negatives / n_decoys, abs=1 / n_decoys
    )
    assert shares["decoys_above"] == pytest.approx(
        0.0025 * n_negatives / n_decoys, abs=1 / n_decoys
    )
    assert shares["decoys_in_top"] == 1.0
    assert bench.band_shares(fit, 0.005, (0.0, 1.0))["decoys_above"] == 0.0
    assert bench.decoys_of_negatives(fit.data) == n_decoys / n_negatives


@needs_torch
def test_lab_trains_a_network_once():
    from benchmarks.reproduction import Lab

    trained = []
    lab = Lab(TINY, lambda: trained.append(1))
    fit = Fit(Contested(), Recipe("trivial"))
    assert lab.bench(0).coverage(fit) == lab.bench(0).coverage(fit)
    assert len(trained) == 1
    lab.bench(1).coverage(fit)
    assert len(trained) == 2
    with pytest.raises(TypeError, match="not known"):
        lab.bench(0).ceiling(Demo(), 0.005)
    with pytest.raises(TypeError, match="no hidden layers"):
        lab.bench(0).probe(fit)
    with pytest.raises(ValueError, match="has not been read"):
        CardFraud().draw(0, TINY)


# --- tables -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reproduction():
    pytest.importorskip("torch")
    pytest.importorskip("skorch")
    from benchmarks.reproduction import reproduce_tables
    from skbudget.neural import PAUCClassifier

    counts = dict.fromkeys(PUBLISHED_TABLES, 0)

    def count(name):
        counts[name] += 1

    with pytest.MonkeyPatch.context() as patch:
        # Its two hundred epochs would take ten times as long as all networks of the tables.
        patch.setattr("skbudget.neural.PAUCClassifier", partial(PAUCClassifier, max_epochs=4))
        found = reproduce_tables(scale=TINY, n_seeds=1, on_fit=count)
    return found, counts


def test_every_table_measures_its_rows(reproduction):
    found, _ = reproduction
    assert found.complete
    assert [result.table.name for result in found.results()] == DRAWN
    assert found.skipped == {"separable": "no data given"}
    for measurement in found.measurements:
        table = PUBLISHED_TABLES[measurement.table]
        assert {row.name for row in table.rows} == set(measurement.values)
        assert len({row.label for row in table.rows}) == len(table.rows)
        for row in table.rows:
            value = measurement.values[row.name]
            highest = math.inf if row.name.endswith(" time") else 1.0
            assert (-1.0 if row.signed else 0.0) <= value <= highest


def test_networks_are_shared(reproduction):
    from benchmarks.reproduction._reproduction import count_fits

    found, counts = reproduction
    planned = count_fits(found.tables, 1, TINY)
    assert counts == {**planned, "separable": 0}
    assert planned["mechanism"] == 0
    assert planned["surrogates"] == 3


def test_rows_shared_between_tables_have_one_value(reproduction):
    found, _ = reproduction
    values = {m.table: m.values for m in found.measurements}
    assert values["cues"]["product pauc"] == values["band"]["[0.5, 1.5]"]
    assert values["cues"]["product ce"] == values["mining"]["ce"] == values["surrogates"]["ce"]
    lift = values["cues"]["radial lift"]
    assert lift == values["cues"]["radial pauc"] - values["cues"]["radial ce"]


def test_separable_on_a_table_of_ones_own():
    pytest.importorskip("torch")
    from benchmarks.reproduction import reproduce_tables

    sample = draw_contested(0, 4000, 16)
    data = CardFraud(sample.train.X, sample.train.y)
    found = reproduce_tables(["separable"], n_seeds=2, scale=TINY, data={"separable": data})
    [result] = found.results()
    assert result.seeds == (0, 1)
    assert result.ours["ce"].n == 2


def test_text(reproduction):
    from benchmarks.reproduction import render_reproduction

    found, _ = reproduction
    text = render_reproduction(found)
    assert text.startswith("NOT COMPARABLE WITH THE PUBLISHED FIGURES (tiny mode)")
    assert "+0.216 [+0.183, +0.257]" in text
    assert "cues (section 4.1)" in text
    assert "~0.38 †" in text
    assert "0.573 (sd 0.094)" in text
    assert "- separable left out: no data given" in text
    assert "agree" not in text.replace("agrees with", "")
    assert max(len(line) for line in text.splitlines()) <= 110
    short = render_reproduction(found, notes=False)
    assert "resamples" not in short
    assert "separable left out" in short


def test_text_of_a_full_reproduction():
    from benchmarks.reproduction import Reproduction, render_reproduction
    from benchmarks.reproduction._reproduction import Measurement

    table = dataclasses.replace(
        PUBLISHED_TABLES["cues"],
        rows=(
            Row("a", "first", Published(0.5)),
            Row("b", "second", Published(0.9)),
            Row("c", "third"),
            Row("d", "fourth", Published(0.1, 0.05, 0.15), signed=True),
        ),
        notes=(),
    )
    measurements = tuple(
        Measurement("cues", seed, {"a": value, "b": value, "c": value, "d": value - 0.4})
        for seed, value in enumerate([0.4, 0.45, 0.5, 0.5, 0.5, 0.5, 0.55, 0.6])
    )
    text = render_reproduction(Reproduction((table,), FULL, None, measurements, 1))
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line[:2] == "  "}
    assert (lines["first"][:2], lines["first"][-1]) == (["0.500", "0.500"], "yes")
    assert (lines["second"][:2], lines["second"][-1]) == (["0.900", "0.500"], "no")
    assert (lines["third"][0], lines["third"][-1][-1]) == ("0.500", "]")
    assert lines["fourth"][:4] == ["+0.100", "[+0.050,", "+0.150]", "+0.100"]
    assert "2 of 3 published figures agree" in text
    unfinished = render_reproduction(Reproduction((table,), FULL, 9, measurements, 1))
    assert "Interrupted" in unfinished
    fewer = render_reproduction(Reproduction((table,), FULL, 3, measurements[:3], 1))
    assert "yes" not in fewer
    assert "published figures agree" not in fewer


def test_json(reproduction):
    found, _ = reproduction
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (content["complete"], content["comparable"]) == (True, False)
    assert content["scale"]["n_train"] == 4000
    assert [table["name"] for table in content["tables"]] == DRAWN
    row = {row["name"]: row for row in content["tables"][0]["rows"]}["product lift"]
    assert row["published"]["value"] == 0.216
    assert row["ours"]["n"] == 1
    assert row["agrees"] is None
    assert {"torch", "skbudget"} <= set(content["versions"])


# --- the command --------------------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("benchmarks.reproduction._command.QUICK", TINY)


def fails(capsys, *arguments):
    """Return the error message of a call that must not start any work."""
    with pytest.raises(SystemExit) as stopped:
        main(["reproduce", *arguments])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom skbudget.__main__ import main\n"
        "try: main(['reproduce', '--help'])\n"
        "except SystemExit as stopped: print('status', stopped.code)\n"
        "print([m for m in ('numpy', 'sklearn', 'torch', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *help_text, status, heavy = out.stdout.splitlines()
    assert (status, heavy) == ("status 0", "[]")
    for word in ("--quick", "--seeds", "--json", "--data", "cues", "examples:"):
        assert word in "\n".join(help_text)


def test_list(capsys):
    assert main(["reproduce", "--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(PUBLISHED_TABLES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "Unknown table 'nothing': it should be one of cues, surrogates"),
        (["cues", "--seeds", "0"], "must be at least 1: got 0"),
        (["cues", "--seeds", "two"], "must be a whole number, at least 1: got 'two'"),
        (
            ["cues", "--n-jobs", "0"],
            "at least 1, or -1 for all processors: got 0",
        ),
        (["cues", "--json", "no/such/out.json"], "--json: there is no folder"),
        (["cues", "--data", "t.npz"], "--data t.npz is the table of 'separable'"),
        (["--see", "2"], "unrecognized arguments"),
    ],
)
def test_bad_options(capsys, arguments, message):
    assert message in fails(capsys, *arguments)


@needs_torch
def test_data_that_is_not_there(capsys):
    assert "There is no file 'none.npz'" in fails(capsys, "separable", "--data", "none.npz")


def test_no_torch(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    message = fails(capsys, "cues", "--quick")
    assert 'needs torch: pip install "skbudget[neural]"' in message


def test_command(capsys, tiny, tmp_path):
    record = tmp_path / "out.json"
    arguments = ["surrogates", "demo", "--quick", "--n-jobs", "1", "--json", str(record)]
    assert main(["reproduce", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("NOT COMPARABLE WITH THE PUBLISHED FIGURES") == 2
    assert "surrogates (section 4.2)" in captured.out
    assert "demo (section 4.3)" in captured.out
    assert "surrogates: 10 fits done" in captured.err
    assert "demo: 10 fits done" in captured.err
    content = json.loads(record.read_text())
    assert [m["seed"] for m in content["measurements"]] == [0, 1, 42, 43]


def test_json_on_standard_output(capsys, tiny):
    arguments = ["surrogates", "--quick", "--seeds", "1", "--n-jobs", "1", "--quiet", "--json", "-"]
    assert main(["reproduce", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert len(json.loads(captured.out)["measurements"]) == 1


def test_table_without_data_is_left_out(capsys, tiny, monkeypatch):
    def no_network(**settings):
        raise OSError("no route")

    monkeypatch.setattr("skbudget.datasets.fetch_creditcard_fraud", no_network)
    words = ["--quick", "--seeds", "1", "--n-jobs", "1"]
    assert main(["reproduce", "separable", "surrogates", *words]) == 0
    assert "separable left out: no route" in capsys.readouterr().out
    assert "Nothing to do: no route" in fails(capsys, "separable", *words)


def test_separable_from_a_file(capsys, tiny, tmp_path):
    sample = draw_contested(0, 4000, 16)
    np.savez(tmp_path / "mine.npz", X=sample.train.X, y=sample.train.y)
    words = ["--data", str(tmp_path / "mine.npz"), "--quick", "--seeds", "1", "--n-jobs", "1"]
    assert main(["reproduce", "separable", *words]) == 0
    assert "separable (section 4.5)" in capsys.readouterr().out


@pytest.mark.parametrize("n_fits", [0, 7])
def test_interruption(capsys, tiny, monkeypatch, tmp_path, n_fits):
    from benchmarks.reproduction import _training

    train, calls = _training.train, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > n_fits:
            raise KeyboardInterrupt
        return train(*arguments)

    monkeypatch.setattr(_training, "train", interrupted)
    record = tmp_path / "out.json"
    words = ["surrogates", "--quick", "--n-jobs", "1", "--json", str(record)]
    assert main(["reproduce", *words]) == 130
    captured = capsys.readouterr()
    if n_fits == 0:
        assert captured.err.splitlines()[-1] == "Interrupted."
        assert not record.exists()
        return
    assert "surrogates (section 4.2)" in captured.out
    assert "Interrupted: unfinished seeds are left out" in captured.out
    content = json.loads(record.read_text())
    assert (content["complete"], len(content["measurements"])) == (False, 1)


def test_result_that_cannot_be_written(capsys, tiny, monkeypatch):
    def no_space(self, *args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", no_space)
    words = ["surrogates", "--quick", "--seeds", "1", "--n-jobs", "1", "--json", "out.json"]
    assert main(["reproduce", *words]) == 1
    captured = capsys.readouterr()
    assert "surrogates (section 4.2)" in captured.out
    assert "error: No space left on device" in captured.err


def test_other_seeds_than_the_published():
    cues, demo = find_tables(["cues", "demo"], skip_seeds=8)
    assert list(cues.seeds(2, FULL)) == [8, 9]
    assert list(demo.seeds(2, FULL)) == [50, 51]
    assert find_tables(["cues"]) == [PUBLISHED_TABLES["cues"]]
