"""Train on the band from Parquet files that are never in memory as a whole, and measure the peak.

Run it with ``python docs/examples/beyond_memory.py``. It writes 10 million rows of 20 features
into a temporary folder, or as many as you add, and trains LightGBM, or XGBoost if you add
``xgboost``.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import xgboost as xgb
from pyarrow import parquet

from skbudget import PAUCObjective, coverage_at_budget_score, make_contested_top
from skbudget.boosting import LightGBMPool, RowBatches, XGBoostPool

ROUNDS, PART, BUDGET = 100, 250_000, 0.005


def peak():
    """Return the greatest memory that this process has held, in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def write(folder, n_rows):
    """Write a contested top, a file for each part of the rows."""
    for number, begin in enumerate(range(0, n_rows, PART)):
        X, y = make_contested_top(min(PART, n_rows - begin), pos_rate=0.0015, random_state=number)
        columns = {f"x{column}": X[:, column].astype(np.float32) for column in range(X.shape[1])}
        table = pa.table({**columns, "y": y.astype(np.int8)})
        parquet.write_table(
            table, folder / f"part-{number:04}.parquet", compression="none", use_dictionary=False
        )


def train_lightgbm(rows):
    """Return a booster, and what its training did."""
    # LightGBM would try two layouts of the bins otherwise, and hold both.
    settings = {"feature_pre_filter": False, "force_col_wise": True, "num_threads": 1}
    data = lgb.Dataset(rows.for_lightgbm(), rows.y, params=settings)
    pool = LightGBMPool(PAUCObjective(budget=BUDGET), rows)
    params = {**settings, "objective": pool.objective, "lambda_l2": 5.0, "verbose": -1}
    return lgb.train(params, data, ROUNDS, callbacks=[pool]), pool.work_


def train_xgboost(rows):
    """Return a booster, and what its training did."""
    data = xgb.QuantileDMatrix(rows.for_xgboost(), nthread=1)
    pool = XGBoostPool(PAUCObjective(budget=BUDGET), rows, n_rounds=ROUNDS)
    params = {"reg_lambda": 5.0, "learning_rate": 0.1, "nthread": 1}
    return xgb.train(params, data, ROUNDS, obj=pool.objective, callbacks=[pool]), pool.work_


def main():
    """Write, train, and print seconds and the peak of the memory."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    n_rows = numbers[0] if numbers else 10_000_000
    library = "xgboost" if "xgboost" in sys.argv[1:] else "lightgbm"
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, n_rows)
        size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        print(f"{n_rows} rows in files of {size:.0f} MB; peak before training {peak():.0f} MB")
        start = time.perf_counter()
        rows = RowBatches(folder, "y")
        booster, work = {"lightgbm": train_lightgbm, "xgboost": train_xgboost}[library](rows)
        seconds = time.perf_counter() - start
    print(
        f"{library}, {ROUNDS} rounds: {seconds:.0f} s; peak {peak():.0f} MB; trained on "
        f"{work.trained:.0%} of the rows, took {work.rescored:.0%} through trees again"
    )
    X_new, y_new = make_contested_top(PART, pos_rate=0.0015, random_state=10**6)
    if library == "lightgbm":
        scores = booster.predict(X_new, raw_score=True, num_threads=1)
    else:
        scores = booster.inplace_predict(X_new, predict_type="margin", validate_features=False)
    print(f"coverage of new rows {coverage_at_budget_score(y_new, scores, budget=BUDGET):.3f}")


if __name__ == "__main__":
    main()
