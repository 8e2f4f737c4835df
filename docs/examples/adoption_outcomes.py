"""Compare the advice of `adoption_report` with fresh rows, to see how often it is right.

    python docs/examples/adoption_outcomes.py --seeds 5 --tables product,radial,linear  # hours
    python docs/examples/adoption_outcomes.py --seeds 10 --quick --repeats 1            # minutes

With ``--quick`` there are few trees and small tables. The baseline of the product and the
radial cue is then a linear model, which cannot see these cues. This tests the rule of the
report, and not the loss.

For every table, the report's models are trained on all of its rows and compared on fresh
rows from the same generator. The file of results gets one line per table. Tables that are
already in the file are not run again.

600 000 fresh rows determine the cuts. Coverage is then measured on 30 000 further positives.
This is possible because the distribution of a positive does not depend on their number. With
the positives of the fresh rows alone, the lifts would be uncertain by a hundredth.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbudget import PAUCLGBMClassifier, make_contested_top
from skbudget.datasets import make_hard_bulk
from skbudget.metrics import coverage_curve
from skbudget.model_selection import adoption_report
from skbudget.model_selection.report._measure import budgets_near
from skbudget.model_selection.report._models import find_competitors

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
TINY = {"n_samples": 20_000, "pos_rate": 0.01}
QUICK_TABLES = {
    "product": (make_contested_top, TINY | {"cue": "product", "decoy_frac": 0.05}),
    "radial": (make_contested_top, TINY | {"cue": "radial", "decoy_frac": 0.05}),
    "linear": (make_contested_top, TINY | {"cue": "linear"}),
    "uncontested": (make_contested_top, TINY | {"decoy_frac": 0.0, "easy": 3.5}),
    "hard bulk": (make_hard_bulk, TINY),
    "common": (make_contested_top, TINY | {"pos_rate": 0.03}),
    "few": (make_contested_top, TINY | {"pos_rate": 0.002}),
}
FRESH_ROWS, MORE_POSITIVES = 600_000, 30_000
MIN_LIFT = 0.02
ROLES = ("baseline", "hard_negatives", "probe", "candidate")


def small_models(name):
    """Return models that can be trained in a second, by role."""
    shared = {"n_estimators": 60, "learning_rate": 0.1, "reg_lambda": 5.0, "random_state": 0}
    trees = LGBMClassifier(n_jobs=1, verbose=-1, **shared)
    band = PAUCLGBMClassifier(
        budget=0.02, selection_cv=None, calibration_cv=None, n_jobs=1, verbose=-1, **shared
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    return {
        "baseline": linear if name in ("product", "radial") else trees,
        "hard_negatives": "drop",
        "probe": "drop",
        "candidate": band,
    }


def fresh_rows(make, geometry, seed):
    """Return fresh rows with labels and weights. There are many positives of small weight."""
    X, y = make(**geometry | {"n_samples": FRESH_ROWS}, random_state=1_000 + seed)
    dense = {"n_samples": 2 * MORE_POSITIVES, "pos_rate": 0.5}
    X_more, y_more = make(**geometry | dense, random_state=2_000 + seed)
    positives = X_more[y_more == 1]
    weight = np.repeat([1.0, y.sum() / len(positives)], [len(y) - y.sum(), len(positives)])
    return np.vstack([X[y == 0], positives]), weight != 1.0, weight


def run(name, seed, quick=False, n_jobs=1, repeats=3):
    """Return one line of the results."""
    make, geometry = (QUICK_TABLES if quick else TABLES)[name]
    models = small_models(name) if quick else dict.fromkeys(ROLES)
    budget = 0.02 if quick else 0.005
    X, y = make(**geometry, random_state=seed)
    # For one repeat, an int makes the report derive the seed of the folds from its own seed.
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=seed)
    cv = 5 if repeats == 1 else cv
    report = adoption_report(X, y, budget=budget, cv=cv, random_state=seed, n_jobs=n_jobs, **models)
    X_new, y_new, weight = fresh_rows(make, geometry, seed)
    budgets = budgets_near(budget, report.budget_range[1] / budget)
    covered, covered_near = {}, {}
    for one in find_competitors(models, budget, seed):
        model = clone(one.estimator).fit(X, y)
        if hasattr(model, "decision_function"):
            scores = model.decision_function(X_new)
        else:
            scores = model.predict_proba(X_new)[:, 1]
        _, curve = coverage_curve(y_new, scores, budgets=budgets, sample_weight=weight)
        covered[one.role], covered_near[one.role] = curve[curve.size // 2], curve.mean()
    line = {"table": name, "seed": seed, "recommendation": str(report.recommendation)}
    line["fresh baseline"] = round(float(covered["baseline"]), 4)
    for summary in report.models[1:]:
        role, lift, by_split = summary.role, summary.lift, summary.lift_by_split
        found = {
            "lift": lift.mean,
            "low": lift.low,
            "high": lift.high,
            "low by split": by_split.low,
            "high by split": by_split.high,
            "fresh lift": covered_near[role] - covered_near["baseline"],
            "lift at the budget": summary.lift_at_budget.mean,
            "low at the budget": summary.lift_at_budget.low,
            "high at the budget": summary.lift_at_budget.high,
            "fresh lift at the budget": covered[role] - covered["baseline"],
        }
        line.update({f"{role} {label}": round(float(value), 4) for label, value in found.items()})
    return line


def summarise(path):
    """Print how often the advice was right, table by table."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    print(
        "table, advice: tables; right by the fresh lift, by that at the budget alone; fresh lift "
        "within its interval, within that by split, at the budget within its own; mean fresh lifts"
    )
    groups = {}
    for line in lines:
        groups.setdefault((line["table"], line["recommendation"]), []).append(line)
    for (table, advice), found in sorted(groups.items()):
        near, at = (
            [float(line[f"candidate fresh lift{where}"]) for line in found]
            for where in ("", " at the budget")
        )
        right = "-", "-"
        if advice in ("adopt", "keep cross-entropy"):
            adopted = advice == "adopt"
            right = [sum((lift >= MIN_LIFT) == adopted for lift in lifts) for lifts in (near, at)]
        held = [
            sum(
                float(line[f"candidate low{how}"]) <= lift <= float(line[f"candidate high{how}"])
                for line, lift in zip(found, lifts)
            )
            for how, lifts in (("", near), (" by split", near), (" at the budget", at))
        ]
        print(f"{table}, {advice}: {len(found)}; {right[0]}, {right[1]}; ", end="")
        print(f"{held[0]}, {held[1]}, {held[2]}; {np.mean(near):+.3f}, {np.mean(at):+.3f}")


def append(path, line):
    """Append a line to a file, in the order of the columns of the file."""
    columns = list(line)
    if path.exists():
        with path.open(newline="") as file:
            columns = next(csv.reader(file))
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns)
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(line)


def main():
    """Run the missing tables and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path("adoption-outcomes.csv"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=3, help="how often folds are drawn")
    parser.add_argument("--n-jobs", type=int, default=1, help="parallel fits of a report")
    options = parser.parse_args()
    done = set()
    if options.results.exists():
        with options.results.open(newline="") as file:
            done = {(line["table"], int(line["seed"])) for line in csv.DictReader(file)}
    for seed in range(options.seeds):
        for name in options.tables.split(","):
            if (name, seed) in done:
                continue
            line = run(name, seed, options.quick, options.n_jobs, options.repeats)
            append(options.results, line)
            print(line, flush=True)
    summarise(options.results)


if __name__ == "__main__":
    main()
