"""How often is `adoption_report` right? Its advice against what fresh rows show.

    python docs/examples/adoption_outcomes.py --seeds 5 --tables product,radial,linear

For every table the report's models are trained on all of its rows, and compared on fresh
rows of the same generator. One line per table goes to the file of results, and tables
that are in it already are not run again.
"""

import argparse
import csv
from pathlib import Path

from sklearn.base import clone

from skbudget import coverage_at_budget_score, make_contested_top
from skbudget.datasets import make_hard_bulk
from skbudget.model_selection import adoption_report
from skbudget.model_selection._report_models import find_competitors

BUDGET = 0.005
CONTESTED = {"n_samples": 150_000, "pos_rate": 0.0015}
SMALLER = {"n_samples": 60_000, "pos_rate": 0.003}
TABLES = {
    "product": (make_contested_top, CONTESTED | {"cue": "product"}),
    "radial": (make_contested_top, CONTESTED | {"cue": "radial"}),
    "linear": (make_contested_top, CONTESTED | {"cue": "linear"}),
    "uncontested": (make_contested_top, SMALLER | {"decoy_frac": 0.0, "easy": 3.0}),
    "hard bulk": (make_hard_bulk, SMALLER),
    "common": (make_contested_top, {"n_samples": 60_000, "pos_rate": 0.02}),
    "few": (make_contested_top, {"n_samples": 30_000, "pos_rate": 0.001}),
}
FRESH_ROWS = 600_000
ROLES = ("baseline", "hard_negatives", "probe", "candidate")


def compare_on_fresh_rows(X, y, fresh):
    """Return the coverage of each model on fresh rows, trained on all of ``X``."""
    X_new, y_new = fresh
    coverage = {}
    for one in find_competitors(dict.fromkeys(ROLES), BUDGET, 0):
        model = clone(one.estimator).fit(X, y)
        if hasattr(model, "decision_function"):
            scores = model.decision_function(X_new)
        else:
            scores = model.predict_proba(X_new)[:, 1]
        coverage[one.role] = coverage_at_budget_score(y_new, scores, budget=BUDGET)
    return coverage


def run(name, seed):
    """Return one line of results."""
    make, geometry = TABLES[name]
    X, y = make(**geometry, random_state=seed)
    report = adoption_report(X, y, budget=BUDGET, random_state=seed)
    fresh = make(**geometry | {"n_samples": FRESH_ROWS}, random_state=1_000 + seed)
    coverage = compare_on_fresh_rows(X, y, fresh)
    line = {"table": name, "seed": seed, "recommendation": str(report.recommendation)}
    for role in ROLES[1:]:
        summary = report[role]
        line[f"{role} lift"] = round(summary.lift.mean, 4)
        line[f"{role} low"] = round(summary.lift.low, 4)
        line[f"{role} high"] = round(summary.lift.high, 4)
        line[f"{role} low by split"] = round(summary.lift_by_split.low, 4)
        line[f"{role} high by split"] = round(summary.lift_by_split.high, 4)
        line[f"{role} fresh lift"] = round(coverage[role] - coverage["baseline"], 4)
    line["fresh baseline"] = round(coverage["baseline"], 4)
    return line


def main():
    """Run what is missing, and print each line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path("adoption-outcomes.csv"))
    options = parser.parse_args()
    done = set()
    if options.results.exists():
        with options.results.open(newline="") as file:
            done = {(line["table"], int(line["seed"])) for line in csv.DictReader(file)}
    for seed in range(options.seeds):
        for name in options.tables.split(","):
            if (name, seed) in done:
                continue
            line = run(name, seed)
            is_new = not options.results.exists()
            with options.results.open("a", newline="") as file:
                writer = csv.DictWriter(file, line)
                if is_new:
                    writer.writeheader()
                writer.writerow(line)
            print(line, flush=True)


if __name__ == "__main__":
    main()
