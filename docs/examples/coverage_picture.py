"""Draw docs/images/coverage.png from the table of docs/guide/when_to_use.md, in a second.

    python docs/examples/coverage_picture.py

The page says which command measures the table. The best peer is the one with the greatest
coverage in the table. A difference from it has an interval if the page gives the paired one.
"""

import math
import re
from pathlib import Path

from skbudget.cli import ContestedTop, Estimate
from skbudget.cli._comparison import MethodSummary, ProblemSummary
from skbudget.cli._methods import METHODS
from skbudget.cli._plot import draw_summaries

DOCS = Path(__file__).parents[1]
CUES = ("product", "radial", "linear")
ROWS = {
    "lightgbm": "`LGBMClassifier()` with its defaults",
    "lightgbm-l2": "LightGBM binary, L2 5",
    "lightgbm-l2-small": "the same with 7 leaves, not 31",
    "xgboost-rank": "XGBoost `rank:pairwise`",
    "pauc-lightgbm": "`PAUCLGBMClassifier()`",
    "pauc-ensemble": "`PAUCEnsembleClassifier()`",
}
OVER = {
    "pauc-lightgbm": "`PAUCLGBMClassifier` over",
    "pauc-ensemble": "`PAUCEnsembleClassifier` over",
}
AGAINST = {"lightgbm-l2": "LightGBM, L2 5", "lightgbm-l2-small": "LightGBM, L2 5, 7 leaves"}
N_DRAWS = 8


def read_table():
    """Return an estimate for each row and cue of the table of contested tops."""
    page = (DOCS / "guide" / "when_to_use.md").read_text(encoding="utf-8")
    section = page.split("\n## Contested tops\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    found = {}
    for line in lines[2:]:
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for cue, cell in zip(CUES, cells, strict=True):
            numbers = [float(number) for number in re.findall(r"[+-]?\d\.\d+", cell)]
            if numbers:
                found[name, cue] = Estimate(numbers[0], (*numbers, math.nan)[1], N_DRAWS)
    return found


def summarise(table, cue):
    """Return the summary of the comparison on one cue."""
    coverage = {name: table[row, cue] for name, row in ROWS.items()}
    peers = [name for name in ROWS if name not in OVER]
    best = max(peers, key=lambda name: coverage[name].mean)
    methods = []
    for name, estimate in coverage.items():
        over = {}
        if name in OVER:
            gain = Estimate(estimate.mean - coverage[best].mean, math.nan, N_DRAWS)
            over[best] = table.get((f"{OVER[name]} {AGAINST[best]}", cue), gain)
        methods.append(MethodSummary(METHODS[name], estimate, math.nan, over))
    problem = ContestedTop(cue, n_draws=N_DRAWS, n_train=150_000, n_test=300_000)
    return ProblemSummary(problem, tuple(methods), best, table["ceiling", cue], N_DRAWS)


def main():
    """Draw the picture."""
    table = read_table()
    figure = draw_summaries([summarise(table, cue) for cue in CUES])
    figure.savefig(DOCS / "images" / "coverage.png")


if __name__ == "__main__":
    main()
