"""Measurements with known figures."""

from benchmarks.speed import Peak, Speed, Turns
from benchmarks.speed._boosters import CONTEXT

FIT = Turns(
    part="fit",
    setting="LightGBM, 5 % positives",
    rows=1_000_000,
    seconds={
        "PAUCObjective": (3.0, 6.0, 3.3),
        "binary": (2.0, 3.0, 2.0),
        "no-op objective": (1.5, 2.0, 3.0),
    },
    repeats=100,
    unit="round",
    inside=(0.25, 0.75, 0.5),
)
RANK = Turns(
    part="rank",
    setting="LightGBM, contested top",
    rows=150_000,
    seconds={"PAUCObjective": (1.0,), "lambdarank, 15 queries at random": (4.0,)},
    repeats=200,
    unit="round",
    coverage={
        "PAUCObjective": 0.8, "lambdarank, 15 queries at random": 0.61, "ceiling": 0.87,
    },
)  # fmt: skip


def one_call(rows, seconds, setting="1 % positives, whole AUC", **others):
    timed = {"PAUCObjective": (seconds,)} | {name: (taken,) for name, taken in others.items()}
    return Turns("scale", setting, rows, timed)


# Linear in the rows from 10^5 on, not before.
SCALE = (
    one_call(1_000_000, 0.04),
    one_call(10_000, 0.001, **{"brute force": 0.01}),
    one_call(100_000, 0.004),
    Turns("scale", CONTEXT, 10_000, {"binary": (0.06,)}, 20, "round"),
)
PEAKS = (
    Peak("default band", "float32", 1_000_000, 10_100_000),
    Peak("default band", "float64", 1_000_000, 20_200_000),
)
LIBAUC = Turns(
    part="losses",
    setting="pairwise, no queue",
    rows=4096,
    seconds={"PAUCAtBudgetLoss": (0.00025,), "LibAUC pAUC_DRO_Loss": (0.002,)},
    unit="step",
)


def one_growth(rows, seconds, peaks):
    names = ("rows within reach", "binary")
    return Turns(
        part="growth",
        setting="LightGBM, contested top",
        rows=rows,
        seconds=dict(zip(names, seconds)),
        repeats=100,
        unit="round",
        peaks=dict(zip(names, peaks)),
    )


# Time grows with the square root of the rows for ours, linearly for the peer.
GROWTH = (
    one_growth(
        1_000_000,
        ((4.0, 5.0, 6.0), (10.0, 10.0, 10.0)),
        ((300_000_000, 320_000_000, 310_000_000), (290_000_000, 290_000_000, 290_000_000)),
    ),
    one_growth(10_000, ((0.5,), (0.1,)), ((100_000_000,), (100_000_000,))),
    one_growth(250_000, ((2.5,), (2.5,)), ((100_000_000,), (101_000_000,))),
)
SPEED = Speed(
    turns=(FIT, RANK, *SCALE, LIBAUC, *GROWTH),
    peaks=PEAKS,
    skipped={"fit with XGBoost": 'needs xgboost: pip install "skbudget[xgboost]"'},
    about={
        "versions": {"skbudget": "1.2", "numpy": "3.4"},
        "platform": "Linux x86_64",
        "cores": 8,
        "n_jobs": 1,
        "quick": True,
    },
)
