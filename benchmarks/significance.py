"""Lines between a signal and two backgrounds: cross-entropy, rates as weights, significance.

``python -m benchmarks.significance`` trains a linear model on each table of
`skbudget.datasets.make_two_backgrounds` in three ways and prints a table of their lines, with
the greatest significance and the efficiency of the signal there. A line has a significance in
closed form, so only the training is random.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from sklearn.linear_model import LogisticRegression

from skbudget.datasets import make_two_backgrounds
from skbudget.datasets._two_backgrounds import CROSS_SECTIONS, LUMINOSITY, MEANS

__all__ = [
    "CASES",
    "METHODS",
    "PUBLISHED",
    "REGULARIZERS",
    "Interval",
    "Line",
    "Row",
    "Scan",
    "efficiencies",
    "fit_line",
    "main",
    "measure",
    "render",
    "scan",
]

CASES = (1, 2)
METHODS = ("cross-entropy", "rates as weights", "rates, classes balanced", "significance")

# Regularisers of the significance loss, as shares of the background; "signal" is the source's.
REGULARIZERS = ("signal", 0.01, 0.03, 0.1)

# Where a scan ends: a line that keeps less signal, or fewer background events, is not looked at.
LEAST_EFFICIENCY, LEAST_BACKGROUND = 0.05, 5.0

# Published lines, read from figures: slope and intercept of x1 over x2.
PUBLISHED = {
    ("cross-entropy", 1): (0.1639, 1.779),
    ("cross-entropy", 2): (0.1639, 1.779),
    ("significance", 1): (0.6627, -0.5217),
    ("significance", 2): (-0.3981, 7.018),
}


class Line(NamedTuple):
    """A line ``x1 = slope * x2 + intercept``; rows with a greater ``x1`` are selected.

    ``norm`` is that of the weights of the linear model.
    """

    slope: float
    intercept: float
    norm: float = 1.0

    @classmethod
    def of_weights(cls, weights: NDArray[np.float64], bias: float) -> Line:
        """Return the line on which a linear score is 0."""
        norm = float(np.hypot(*weights))
        return cls(float(-weights[1] / weights[0]), float(-bias / weights[0]), norm)


def efficiencies(line: Line, shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each process beyond a line that is shifted along its normal.

    Parameters
    ----------
    line : Line
        The line.
    shifts : ndarray of shape (n_shifts,)
        Shifts towards the selected side.

    Returns
    -------
    efficiencies : ndarray of shape (3, n_shifts)
        Of the signal and of both backgrounds.
    """
    normal = np.array([1.0, -line.slope]) / np.hypot(1.0, line.slope)
    distances = MEANS @ normal - line.intercept / np.hypot(1.0, line.slope)
    return norm.sf(shifts[None, :] - distances[:, None])


@dataclass(frozen=True)
class Scan:
    """What all lines parallel to a line reach, in one of the cases.

    Attributes
    ----------
    efficiency : ndarray of shape (3, n_shifts)
        Of the signal and of both backgrounds.
    events : ndarray of shape (n_shifts,)
        Background events beyond the line.
    significance : ndarray of shape (n_shifts,)
    """

    efficiency: NDArray[np.float64]
    events: NDArray[np.float64]
    significance: NDArray[np.float64]

    def best(self) -> tuple[float, float]:
        """Return the greatest significance, and the efficiency of the signal there."""
        looked_at = (self.efficiency[0] >= LEAST_EFFICIENCY) & (self.events >= LEAST_BACKGROUND)
        place = int(np.argmax(np.where(looked_at, self.significance, -1.0)))
        return float(self.significance[place]), float(self.efficiency[0, place])

    def at(self, efficiency: float) -> float:
        """Return the significance at an efficiency of the signal."""
        return float(np.interp(efficiency, self.efficiency[0, ::-1], self.significance[::-1]))

    def signal_at(self, rate: float, case: int | None = None) -> float:
        """Return the efficiency of the signal at one of the background.

        Of all background rows, or of background events in a case.
        """
        shares = np.array([0.5, 0.5])
        if case is not None:
            sections = np.array(CROSS_SECTIONS[case][1:])
            shares = sections / sections.sum()
        of_background = shares @ self.efficiency[1:]
        return float(np.interp(rate, of_background[::-1], self.efficiency[0, ::-1]))


def scan(line: Line, case: int) -> Scan:
    """Return what all lines parallel to a line reach.

    Parameters
    ----------
    line : Line
        The line.
    case : {1, 2}
        Which background is the heavy one.

    Returns
    -------
    scan : Scan
    """
    found = efficiencies(line, np.linspace(-12.0, 12.0, 24_001))
    events = LUMINOSITY * np.array(CROSS_SECTIONS[case])[:, None] * found
    background = events[1] + events[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        significance = np.where(background > 0, events[0] / np.sqrt(background), 0.0)
    return Scan(found, background, significance)


def fit_line(
    method: str,
    case: int,
    seed: int,
    *,
    n_samples: int = 150_000,
    regularizer: float | str = 0.03,
    n_epochs: int = 20,
    batch_size: int = 10_000,
    lr: float = 0.3,
) -> Line:
    """Return the line that a method finds on a table of its own.

    Parameters
    ----------
    method : str
        One of `METHODS`. The significance loss has the hinge error, and begins from the line
        of cross-entropy.
    case : {1, 2}
        Which background is the heavy one.
    seed : int
        Of the table and of the batches.
    n_samples : int, default=150_000
        Rows of the table.
    regularizer : float or str, default=0.03
        Of the significance loss.
    n_epochs, batch_size : int, default=20, 10_000
        Of its training, with RAdam.
    lr : float, default=0.3
        Rate at which it begins; it falls to 0 along a cosine.

    Returns
    -------
    line : Line
    """
    X, y, process, weight = make_two_backgrounds(
        n_samples, case=case, random_state=seed, return_process=True, return_weight=True
    )
    balance = "balanced" if method == "rates, classes balanced" else None
    rates = weight / weight.mean() if method.startswith("rates") else None
    found = LogisticRegression(C=np.inf, class_weight=balance).fit(X, y, sample_weight=rates)
    weights, bias = found.coef_[0], float(found.intercept_[0])
    if method != "significance":
        return Line.of_weights(weights, bias)
    return Line.of_weights(
        *_train(X, y, process, (weights, bias), case, seed, regularizer, n_epochs, batch_size, lr)
    )


def _train(
    X: NDArray,
    y: NDArray,
    process: NDArray,
    begin: tuple[NDArray, float],
    case: int,
    seed: int,
    regularizer: float | str,
    n_epochs: int,
    batch_size: int,
    lr: float,
) -> tuple[NDArray[np.float64], float]:
    """Return weights and bias of a linear model, trained on the significance loss."""
    import torch

    from skbudget.neural import SignificanceLoss

    generator = torch.Generator().manual_seed(seed)
    center, scale = X.mean(axis=0), X.std(axis=0)
    features = torch.from_numpy((X - center) / scale)
    targets, processes = torch.from_numpy(y), torch.from_numpy(process)
    model = torch.nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(begin[0] * scale)[None])
        model.bias.fill_(begin[1] + float(begin[0] @ center))
    loss = SignificanceLoss(
        "hinge",
        regularizer=regularizer,  # type: ignore[arg-type]
        cross_sections=CROSS_SECTIONS[case],
    )
    optimizer = torch.optim.RAdam(model.parameters(), lr=lr)
    n_steps = n_epochs * -(-len(X) // batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            scores = model(features[rows])[:, 0]
            loss(scores, targets[rows], process=processes[rows]).backward()
            optimizer.step()
            schedule.step()
    weights = model.weight.detach().double().numpy()[0] / scale
    return weights, float(model.bias.detach()) - float(weights @ center)


# --- the table ------------------------------------------------------------------------


class Interval(NamedTuple):
    """A mean over seeds, and half the width of its 95 % interval."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return the interval of Student's t; of one value its half width is 0."""
        n = len(values)
        spread = float(np.std(values, ddof=1)) if n > 1 else 0.0
        return cls(float(np.mean(values)), float(t.ppf(0.975, max(n - 1, 1))) * spread / n**0.5)

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half:.2f}"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    case : {1, 2}
    method : str
    lines : list of Line
        One per seed; of a published line it alone.
    """

    case: int
    method: str
    lines: list[Line]

    def figures(self) -> dict[str, Interval]:
        """Return slope, greatest significance, the efficiency there, and at 80 % efficiency."""
        scans = [scan(line, self.case) for line in self.lines]
        return {
            "slope": Interval.of([line.slope for line in self.lines]),
            "Zmax": Interval.of([one.best()[0] for one in scans]),
            "efficiency": Interval.of([one.best()[1] for one in scans]),
            "Z at 0.8": Interval.of([one.at(0.8) for one in scans]),
            "norm": Interval.of([line.norm for line in self.lines]),
        }


def measure(n_seeds: int = 8, **training: int) -> Iterator[Row]:
    """Yield the rows of the table, case by case.

    Parameters
    ----------
    n_seeds : int, default=8
        Tables of each case.
    **training
        Arguments of `fit_line`.

    Yields
    ------
    row : Row
    """
    for case in CASES:
        for method in METHODS:
            if (method, case) in PUBLISHED:
                yield Row(case, f"{method}, published line", [Line(*PUBLISHED[method, case])])
            for regularizer in REGULARIZERS if method == "significance" else (0.0,):
                lines = [
                    fit_line(method, case, seed, regularizer=regularizer, **training)
                    for seed in range(n_seeds)
                ]
                name = method if method != "significance" else f"{method}, r = {regularizer}"
                yield Row(case, name, lines)


HEAD = (
    "| case | method | slope | greatest Z | signal efficiency | Z at efficiency 0.8 | norm |\n"
    "|---|---|---|---|---|---|---|"
)


def render(row: Row) -> str:
    """Return a row of the table as Markdown."""
    figures = list(row.figures().items())
    if len(row.lines) == 1:
        cells = [f"{found.mean:.2f}" for name, found in figures]
        cells[-1] = "-"
    else:
        cells = [str(found) for _, found in figures]
    return f"| {row.case} | {row.method} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.significance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=8, help="tables of each case (default: 8)")
    parser.add_argument("--rows", type=int, default=150_000, help="rows of a table")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of the significance loss")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of threads of torch")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(options.n_jobs)
    print(HEAD)
    for row in measure(options.seeds, n_samples=options.rows, n_epochs=options.epochs):
        print(render(row), flush=True)


if __name__ == "__main__":
    main()
