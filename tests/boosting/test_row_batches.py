"""Tables that are read a batch at a time: the same rows, and the same boosters as from an array."""

from __future__ import annotations

import sys
from itertools import pairwise

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from scipy.sparse import csr_array

from skbudget import PAUCLGBMClassifier, PAUCObjective, PAUCXGBClassifier, make_contested_top
from skbudget.boosting import LightGBMPool, RowBatches, XGBoostPool, _reach

OBJECTIVE = PAUCObjective(beta=0.02)
N_ROWS, N_ROUNDS = 12_000, 40
X, Y = make_contested_top(N_ROWS, pos_rate=0.005, random_state=0)
# Numbers that single precision would round.
X = np.where(np.random.default_rng(0).random(X.shape) < 0.05, np.nan, np.pi * X.astype(np.float64))
WEIGHT = np.random.default_rng(1).integers(1, 4, N_ROWS).astype(np.float32)
BOUNDS = (0, 3_000, 3_001, 8_000, N_ROWS)
PARTS = [slice(*ends) for ends in pairwise(BOUNDS)]


def write_parquet(folder, table=X, dtype=np.float64):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(PARTS):
        columns = {f"x{column}": table[part, column].astype(dtype) for column in range(X.shape[1])}
        columns |= {"label": Y[part], "weight": WEIGHT[part]}
        file = folder / f"part-{number}.parquet"
        parquet.write_table(pa.table(columns), file, row_group_size=1_100)
    return folder


def of_array(folder):
    return RowBatches(X, Y, sample_weight=WEIGHT, batch_size=999)


def of_arrays(folder):
    return RowBatches([X[part] for part in PARTS], Y, sample_weight=WEIGHT)


def of_sparse(folder):
    return RowBatches(csr_array(X), Y, sample_weight=WEIGHT, batch_size=999)


def of_files(folder):
    files = [folder / f"{number}.npy" for number in range(len(PARTS))]
    for file, part in zip(files, PARTS):
        np.save(file, X[part])
    return RowBatches(list(map(str, files)), Y, sample_weight=WEIGHT, batch_size=999)


def of_parquet(folder):
    return RowBatches(write_parquet(folder), "label", sample_weight="weight", batch_size=999)


def of_function(folder):
    return RowBatches(lambda: ((X[part], Y[part], WEIGHT[part]) for part in PARTS))


SOURCES = {
    "array": of_array,
    "arrays": of_arrays,
    "sparse": of_sparse,
    "files of NumPy": of_files,
    "Parquet": of_parquet,
    "function": of_function,
}


@pytest.fixture(params=SOURCES.values(), ids=list(SOURCES))
def rows(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def often(monkeypatch):
    """A pool for a few rounds at a time, from the start, worthwhile or not."""
    monkeypatch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))


# --- rows ---------------------------------------------------------------------------------------


def test_the_batches_are_the_table(rows):
    assert rows.shape == (rows.n_rows, rows.n_features) == X.shape
    assert rows.dtype == np.float64
    for _ in range(2):
        parts = list(rows.batches())
        assert len(parts) > 1
        for number, whole in enumerate((X, Y, WEIGHT)):
            np.testing.assert_array_equal(np.concatenate([part[number] for part in parts]), whole)
    assert rows.y.dtype == rows.sample_weight.dtype == np.float32
    assert repr(rows) == f"RowBatches(n_rows={N_ROWS}, n_features=20)"


def test_rows_are_read_in_any_order(rows):
    rng = np.random.default_rng(0)
    for index in (
        np.arange(N_ROWS),
        rng.permutation(N_ROWS),
        rng.integers(0, N_ROWS, 50),
        [N_ROWS - 1],
        [],
    ):
        np.testing.assert_array_equal(rows.read(index), X[np.asarray(index, dtype=int)])


def test_what_is_read_is_no_part_of_the_source():
    table = X.copy()
    rows = RowBatches(table, Y)
    next(rows.batches())[0][:] = 0.0
    np.testing.assert_array_equal(table, X)


def test_the_rows_that_nobody_needs_are_not_read(monkeypatch, tmp_path):
    rows, read = of_parquet(tmp_path), []
    numbers = rows._source.numbers
    monkeypatch.setattr(
        rows._source, "numbers", lambda block, some: read.append(block) or numbers(block, some)
    )
    rows.read([3_500, 3_501])
    assert sum(block.num_rows for block in read) <= 1_100
    passed = []

    def parts():
        for part in PARTS:
            passed.append(part)
            yield X[part], Y[part]

    rows = RowBatches(parts)
    passed.clear()
    rows.read([3_000])
    assert len(passed) == 2


@pytest.mark.parametrize(
    ("kinds", "dtype"),
    [
        ((np.float32, np.int16, bool), np.float32),
        ((np.float32, np.int32), np.float64),
        ((np.float16,), np.float32),
        ((np.float64,), np.float64),
    ],
    ids=["small", "int32", "half", "double"],
)
def test_numbers_are_single_where_that_holds_them(kinds, dtype, tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    values = np.arange(6) % 2
    tables = [values[:, None].astype(kind) for kind in kinds]
    assert RowBatches(tables).dtype == dtype
    assert RowBatches(lambda: ((table, values) for table in tables)).dtype == dtype
    columns = {f"{number}": values.astype(kind) for number, kind in enumerate(kinds)}
    parquet.write_table(pa.table({**columns, "y": values}), tmp_path / "some.parquet")
    rows = RowBatches(tmp_path / "some.parquet", "y")
    assert rows.dtype == rows.read([1]).dtype == dtype
    np.testing.assert_array_equal(rows.read([0, 1]), [[0] * len(kinds), [1] * len(kinds)])


def test_columns_of_parquet_are_chosen_and_may_lack_entries(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {
        "whole": pa.array([1, None, 3]),
        "flag": pa.array([True, None, False]),
        "money": pa.array(["1.25", None, "2.5"]).cast(pa.decimal128(5, 2)),
        "nothing": pa.nulls(3),
        "y": [0, 1, 0],
        "when": pa.array([1, 2, 3], pa.timestamp("s")),
    }
    file = tmp_path / "some.parquet"
    parquet.write_table(pa.table(columns), file)
    chosen = ["money", "whole", "flag", "nothing"]
    rows = RowBatches(file, "y", features=chosen)
    assert rows.feature_names == chosen
    assert rows.dtype == np.float64
    found = rows.read([0, 1, 2])
    expected = [[1.25, 1, 1, np.nan], [np.nan] * 4, [2.5, 3, 0, np.nan]]
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"'when' of .* is timestamp\[.*leave it out"):
        RowBatches(file, "y")


def test_frames_and_nullable_numbers_come_from_functions():
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": pd.array([1, None], dtype="Int64")})
    rows = RowBatches(lambda: iter([(frame, [0, 1])]))
    np.testing.assert_array_equal(rows.read([0, 1]), [[1.5, 1], [2.5, np.nan]])


# --- LightGBM -----------------------------------------------------------------------------------

LIGHTGBM = {"num_leaves": 15, "lambda_l2": 5.0, "verbose": -1, "num_threads": 1, "seed": 0}
# LightGBM does not draw the sample of a Sequence by `seed`.
KEPT = {"feature_pre_filter": False, "bin_construct_sample_cnt": 5_000, "data_random_seed": 3}


def lightgbm_dataset(rows, **given):
    data = rows.for_lightgbm()
    return lgb.Dataset(data, rows.y, weight=rows.sample_weight, params=KEPT, **given)


def train_lightgbm(data, table):
    pool = LightGBMPool(OBJECTIVE, table)
    params = {**LIGHTGBM, "objective": pool.objective}
    return lgb.train(params, data, N_ROUNDS, callbacks=[pool]), pool


@pytest.fixture(scope="module")
def lightgbm_of_array():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reach.Reach, "_length", lambda *_: (3, 0.0))
        return train_lightgbm(lgb.Dataset(X, Y, weight=WEIGHT, params=KEPT), X)


def test_lightgbm_is_that_of_the_array_to_the_last_bit(rows, often, lightgbm_of_array):
    booster, pool = train_lightgbm(lightgbm_dataset(rows), rows)
    expected, its_pool = lightgbm_of_array
    assert pool.work_ == its_pool.work_
    assert pool.work_.n_pools > 2
    np.testing.assert_array_equal(
        booster.predict(X, raw_score=True), expected.predict(X, raw_score=True)
    )


def test_every_row_that_a_pool_brings_up_to_date_is_read_once(often, monkeypatch, tmp_path):
    rows, read = of_parquet(tmp_path), []
    walk = rows._walk
    monkeypatch.setattr(
        rows, "_walk", lambda wanted: read.append(np.unique(wanted).size) or walk(wanted)
    )
    bring = LightGBMPool._bring
    calls = []

    def counted(self, index, score, at, last):
        calls.append(np.unique(at[index]).size)
        return bring(self, index, score, at, last)

    monkeypatch.setattr(LightGBMPool, "_bring", counted)
    train_lightgbm(lightgbm_dataset(RowBatches(X, Y)), rows)
    # Rows that lack different trees are in one pass.
    assert len(read) == len(calls)
    assert max(calls) > 1


def test_a_sequence_answers_as_lightgbm_asks(rows):
    sequence = rows.for_lightgbm()
    assert isinstance(sequence, lgb.Sequence)
    assert len(sequence) == N_ROWS
    for index in (
        0,
        7,
        4_000,
        11_999,
        3,
        slice(2_990, 3_010),
        slice(5, 5),
        slice(0, 99, 7),
        [9, 2],
    ):
        np.testing.assert_array_equal(sequence[index], X[index])
    assert sequence[3].dtype == np.float64
    with pytest.raises(IndexError, match="12000"):
        sequence[N_ROWS]


def test_a_validation_set_has_the_bins_of_the_training_set(rows):
    data = lightgbm_dataset(rows)
    record = {}
    lgb.train(
        {**LIGHTGBM, "objective": "binary", "metric": "auc"},
        data,
        5,
        valid_sets=[lightgbm_dataset(rows, reference=data)],
        callbacks=[lgb.record_evaluation(record)],
    )
    whole = lgb.Dataset(X, Y, weight=WEIGHT, params=KEPT)
    expected = {}
    lgb.train(
        {**LIGHTGBM, "objective": "binary", "metric": "auc"},
        whole,
        5,
        valid_sets=[lgb.Dataset(X, Y, weight=WEIGHT, reference=whole, params=KEPT)],
        callbacks=[lgb.record_evaluation(expected)],
    )
    assert record == expected


# --- XGBoost ------------------------------------------------------------------------------------

XGBOOST = {"max_depth": 4, "eta": 0.1, "lambda": 5.0, "nthread": 1, "seed": 0}


def train_xgboost(data, table):
    pool = XGBoostPool(OBJECTIVE, table)
    return xgb.train(XGBOOST, data, N_ROUNDS, obj=pool.objective, callbacks=[pool]), pool


def margins(booster, table=X):
    return booster.inplace_predict(table, predict_type="margin", validate_features=False)


def test_xgboost_is_that_of_an_array_with_the_same_bins_to_the_last_bit(rows, often):
    data = xgb.QuantileDMatrix(rows.for_xgboost(), nthread=1)
    booster, pool = train_xgboost(data, rows)
    of_array = xgb.QuantileDMatrix(X, Y, weight=WEIGHT, nthread=1, ref=data)
    expected, its_pool = train_xgboost(of_array, X)
    assert pool.work_ == its_pool.work_
    assert pool.work_.n_pools > 2
    np.testing.assert_array_equal(margins(booster), margins(expected))


def test_xgboost_has_the_bins_of_the_array_where_values_are_few(often, tmp_path):
    coarse = np.round(4.0 * X) / 4.0
    files = write_parquet(tmp_path, coarse, np.float32)
    rows = RowBatches(files, "label", sample_weight="weight", batch_size=999)
    booster, _ = train_xgboost(xgb.QuantileDMatrix(rows.for_xgboost(), nthread=1), rows)
    whole = xgb.QuantileDMatrix(coarse, Y, weight=WEIGHT, nthread=1)
    np.testing.assert_array_equal(
        margins(booster, coarse), margins(train_xgboost(whole, coarse)[0], coarse)
    )
    assert booster.feature_names == [f"x{column}" for column in range(20)]


def test_what_a_matrix_knows_beside_its_rows_stays(often):
    rows = of_array(None)
    begin = np.random.default_rng(2).normal(size=N_ROWS)
    weights = np.arange(1, 21.0)
    found = []
    for table, made in ((rows, rows.for_xgboost()), (X, X)):
        given = {} if made is not X else {"label": Y, "weight": WEIGHT, "ref": found[0][0]}
        data = xgb.QuantileDMatrix(made, nthread=1, **given)
        data.set_info(base_margin=begin, feature_weights=weights)
        pool = XGBoostPool(OBJECTIVE, table)
        params = {**XGBOOST, "colsample_bynode": 0.5}
        booster = xgb.train(params, data, 20, obj=pool.objective, callbacks=[pool])
        found.append((data, margins(booster)))
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_external_memory_takes_the_same_rows(rows, tmp_path):
    iterator = rows.for_xgboost(str(tmp_path / "cache"))
    data = xgb.ExtMemQuantileDMatrix(iterator, max_bin=64, nthread=1)
    assert (data.num_row(), data.num_col()) == X.shape
    np.testing.assert_array_equal(data.get_label(), Y)
    np.testing.assert_array_equal(data.get_weight(), WEIGHT)
    booster = xgb.train({**XGBOOST, "max_bin": 64}, data, 3, obj=OBJECTIVE)
    assert booster.num_boosted_rounds() == 3


# --- errors -------------------------------------------------------------------------------------


def test_estimators_name_the_native_way():
    rows = of_array(None)
    for model, words in (
        (PAUCLGBMClassifier(), r"PAUCLGBMClassifier needs its table in memory.*lightgbm\.train"),
        (PAUCXGBClassifier(), r"PAUCXGBClassifier needs its table in memory.*XGBoostPool"),
    ):
        with pytest.raises(TypeError, match=words):
            model.fit(rows, Y)


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
        ("table.csv", {}, r"source of RowBatches must name .npy files or .parquet.*such as CSV"),
        (["a.npy", "b.parquet"], {}, "source of RowBatches must name .* of one kind"),
        (iter([(X, Y)]), {}, "is an iterator, which can be read once"),
        (X[:, 0], {}, r"'source' parameter of RowBatches must be .* an array of shape \(12000,\)"),
        (None, {}, "'source' parameter of RowBatches must be the path"),
        ([X, X[:, :3]], {}, "the same features throughout: got tables of 3 and 20 columns"),
        (X[:0], {}, "at least one row and one column: got 0 and 20"),
        (X.astype(complex), {}, "source of RowBatches must hold real numbers: got complex128"),
        ([["a", "b"]], {}, "source of RowBatches must hold real numbers: got <U1"),
        (X, {"y": Y[:5]}, r"y of RowBatches must have one entry for each of 12000 rows.*\(5,\)"),
        (X, {"y": np.full(N_ROWS, np.nan)}, "y of RowBatches contains NaN"),
        (X, {"y": "label"}, "y of RowBatches must be an array for this source: 'label'"),
        (X, {"sample_weight": -WEIGHT}, "Negative values in sample_weight"),
        (X, {"features": ["a"]}, "features of RowBatches names columns of Parquet files"),
        (X, {"batch_size": 0}, "'batch_size' parameter of RowBatches must be an int"),
        (lambda: None, {}, "a function without arguments that returns an iterator"),
        (lambda: iter([]), {}, "source of RowBatches must return an iterator of batches: it has"),
        (lambda: [X], {}, r"must return batches \(X, y\) or"),
        (lambda: [(X, Y[:3])], {}, "y of RowBatches must have one entry for each of 12000"),
        (lambda: [(X, Y), (X[:, 1:], Y)], {}, "batches of the same features: got 20 and 19"),
        (lambda: [(X, Y), (X, Y, WEIGHT)], {}, "weights in all batches or in none"),
        (lambda: [(X, Y)], {"y": Y}, "y of RowBatches must be None for a function"),
        (lambda: [(X, None)], {}, "y in source of RowBatches must hold labels.*got None"),
        (lambda: [(X, Y), (X, None)], {}, "y in source of RowBatches must hold labels"),
    ],
    ids=[
        *("CSV", "two kinds", "iterator", "one column", "None", "widths", "empty", "complex"),
        *("text", "length of y", "NaN in y", "name of y", "negative weight", "features"),
        *("batch size", "no iterator", "no batch", "no pair", "length in a batch", "narrow batch"),
        *("weights in one batch", "y beside a function", "no labels", "no labels in one batch"),
    ],
)
def test_what_is_no_table_is_refused(source, given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        RowBatches(source, **given)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"names a file that is not there: nowhere\.npy"):
        RowBatches("nowhere.npy")
    with pytest.raises(ValueError, match="is a folder without .parquet files"):
        RowBatches(tmp_path)
    for name, saved, message in (
        ("column", X[:, 0], r"column\.npy has float64 of shape \(12000,\)"),
        ("text", np.array([["a"]]), r"text\.npy has <U1"),
    ):
        np.save(tmp_path / f"{name}.npy", saved)
        with pytest.raises(ValueError, match=message):
            RowBatches(tmp_path / f"{name}.npy")
    (tmp_path / "no.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"must hold arrays: .*no\.npy"):
        RowBatches(tmp_path / "no.npy")
    pytest.importorskip("pyarrow")
    (tmp_path / "no.parquet").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"must be Parquet files: .*no\.parquet"):
        RowBatches(tmp_path / "no.parquet")


def test_columns_that_are_not_there_are_named(tmp_path):
    folder = write_parquet(tmp_path / "parts")
    for given, message in (
        ({"y": "labels"}, r"y of RowBatches must name columns of the files, 'x0'.*\['labels'\]"),
        ({"features": ["x1", "z"]}, r"features of RowBatches must name columns.*\['z'\]"),
        ({"features": ["x1", "x1"]}, r"names columns twice: \['x1'\]"),
        ({"features": "x1"}, "'features' parameter of RowBatches must be a list of names"),
        ({"features": []}, "at least one column of features"),
        ({"features": ["x0", "x1"], "y": "x1"}, "must not name the column of y, 'x1'"),
        (
            {"features": ["x0", "x2"], "y": "x1", "sample_weight": "x2"},
            "must not name the column of sample_weight, 'x2'",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            RowBatches(folder, **given)
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"x0": [1.0]}), folder / "part-9.parquet")
    with pytest.raises(ValueError, match=r"part-9\.parquet lacks \['x1'"):
        RowBatches(folder)


@pytest.mark.parametrize(
    "later", [[], PARTS[:2], [*PARTS, PARTS[0]]], ids=["exhausted", "fewer", "more"]
)
def test_a_function_that_returns_other_batches_is_found_out(later):
    calls = iter([PARTS, later])
    rows = RowBatches(lambda: ((X[part], Y[part]) for part in next(calls)))
    with pytest.raises(ValueError, match="the same batches in every call: 12000 rows of 20"):
        list(rows.batches())


def test_rows_that_are_not_there_cannot_be_read():
    rows = of_array(None)
    for index in ([-1], [N_ROWS], [0.5], [[1]], "a"):
        with pytest.raises(ValueError, match=r"rows of RowBatches\.read must"):
            rows.read(index)
    with pytest.raises(TypeError, match="cache_prefix of RowBatches.for_xgboost"):
        rows.for_xgboost(3)


def test_what_is_not_installed_is_named(monkeypatch, tmp_path):
    folder = write_parquet(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'need pyarrow.*"skbudget\[parquet\]"'):
        RowBatches(folder)
    rows = of_array(None)
    for library in ("lightgbm", "xgboost"):
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.delitem(sys.modules, f"skbudget.boosting._{library}_rows", raising=False)
        with pytest.raises(ImportError, match=rf'needs {library}.*"skbudget\[{library}\]"'):
            getattr(rows, f"for_{library}")()
