"""Draw the pictures of docs/pictures.md into docs/images. This takes about a minute.

Run it with ``python docs/examples/pictures.py``.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from lightgbm import LGBMClassifier
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbudget import (
    PAUCClassifier,
    PAUCLGBMClassifier,
    make_contested_top,
    make_coverage_scorer,
)
from skbudget.datasets import bayes_contested_top_score
from skbudget.metrics import (
    CoverageCurveDisplay,
    PartialROCDisplay,
    ScoreBandDisplay,
    TrainingCurveDisplay,
)

IMAGES = Path(__file__).parents[1] / "images"
BUDGET, POS_RATE = 0.005, 0.003


def save(display, name):
    """Write the figure of a display."""
    display.figure_.savefig(IMAGES / f"{name}.png", dpi=130)


def main():
    """Train the models on a contested top and draw each picture."""
    X, y = make_contested_top(60_000, pos_rate=POS_RATE, random_state=0)
    X_new, y_new = make_contested_top(60_000, pos_rate=POS_RATE, random_state=1)
    trees = {"n_estimators": 100, "learning_rate": 0.05, "n_jobs": 1, "verbose": -1}
    band = {"budget": BUDGET, "selection_cv": None, "calibration_cv": None}
    models = {
        "LightGBM, L2 5": LGBMClassifier(**trees, reg_lambda=5.0, num_leaves=15),
        "PAUCLGBMClassifier": PAUCLGBMClassifier(**band, **trees),
    }
    ceiling = bayes_contested_top_score(X_new, pos_rate=POS_RATE)

    coverage = roc = None
    for name, model in models.items():
        model.fit(X, y)
        coverage = CoverageCurveDisplay.from_estimator(
            model,
            X_new,
            y_new,
            budget=BUDGET,
            ceiling=ceiling,
            name=name,
            unit="bps",
            random_state=0,
            ax=coverage and coverage.ax_,
        )
        roc = PartialROCDisplay.from_estimator(
            model, X_new, y_new, beta=BUDGET, name=name, ax=roc and roc.ax_
        )
    save(coverage, "display-coverage")
    save(roc, "display-partial-roc")
    save(
        ScoreBandDisplay.from_estimator(models["PAUCLGBMClassifier"], X_new, y_new, beta=BUDGET),
        "display-score-band",
    )

    cv_results = cross_validate(
        PAUCLGBMClassifier(**band, **trees),
        X,
        y,
        cv=StratifiedKFold(5),
        scoring=make_coverage_scorer(BUDGET),
        return_estimator=True,
        return_indices=True,
    )
    save(
        CoverageCurveDisplay.from_cv_results(cv_results, X, y, budget=BUDGET, unit="bps"),
        "display-cross-validation",
    )

    network = PAUCClassifier(
        budget=BUDGET, n_members=2, max_epochs=30, early_stopping=True, random_state=0
    )
    network = make_pipeline(StandardScaler(), network).fit(X, y)
    save(TrainingCurveDisplay.from_estimator(network), "display-training")


if __name__ == "__main__":
    main()
