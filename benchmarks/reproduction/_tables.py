"""The tables of the publication, with their figures and with what measures them.

A table is a `PublishedTable`: the networks that it needs, its rows, and a function that
measures one seed. A new table needs one more entry in `PUBLISHED_TABLES` and no other change.

The figures are those of "PAUCAtBudgetLoss: a deep dive", the explanation that comes
with the package imbalanced-losses. Those with the origin "report" are from the technical
report that it cites. Nothing here imports NumPy or torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from skbudget.cli._defaults import CUES

from ._networks import CELLS, TIGHT, WIDE, cross_entropy, in_bps, mined, oracle, pairwise
from ._published import Published, PublishedTable, Row
from ._recipes import SETTLED_BAND, STUDY_BAND, CardFraud, Contested, Demo, Fit, Recipe

if TYPE_CHECKING:
    from ._lab import Bench

__all__ = ["PUBLISHED_TABLES", "find_tables"]

FIRST_DEMO_SEED = 42


def find_tables(names: Iterable[str] | None = None, *, skip_seeds: int = 0) -> list[PublishedTable]:
    """Return the tables with these names, each once. None stands for all tables."""
    if skip_seeds:
        return [replace(table, skip_seeds=skip_seeds) for table in find_tables(names)]
    if names is None:
        return list(PUBLISHED_TABLES.values())
    found = {}
    for name in names:
        if name not in PUBLISHED_TABLES:
            raise ValueError(
                f"Unknown table {name!r}: it should be one of {', '.join(PUBLISHED_TABLES)}."
            )
        found[name] = PUBLISHED_TABLES[name]
    return list(found.values())


# --- 4.1 ----------------------------------------------------------------------------

_PUBLISHED_CUES = {
    "linear": (0.864, 0.880, Published(0.015, 0.005, 0.024)),
    "product": (0.575, 0.791, Published(0.216, 0.183, 0.257)),
    "radial": (0.426, 0.638, Published(0.212, 0.177, 0.247)),
}
_ABOUT = Published(text="~0.99")
_PUBLISHED_AUROC = {
    "product": (Published(0.994, origin="report"), Published(0.997, origin="report"))
}


def _measure_cues(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = {}
    for cue in CUES:
        ce, pauc = fits[f"{cue} ce"], fits[f"{cue} pauc"]
        values[f"{cue} ce"] = bench.coverage(ce)
        values[f"{cue} pauc"] = bench.coverage(pauc)
        values[f"{cue} lift"] = values[f"{cue} pauc"] - values[f"{cue} ce"]
        values[f"{cue} ceiling"] = bench.ceiling(ce.data, TIGHT)
        values[f"{cue} ce auroc"] = bench.auroc(ce)
        values[f"{cue} pauc auroc"] = bench.auroc(pauc)
    values["wide ce"] = bench.coverage(fits["product ce"], WIDE)
    values["wide pauc"] = bench.coverage(fits["wide pauc"], WIDE)
    values["wide lift"] = values["wide pauc"] - values["wide ce"]
    return values


def _cue_rows() -> tuple[Row, ...]:
    rows = []
    for cue in CUES:
        ce, pauc, lift = _PUBLISHED_CUES[cue]
        rows += [
            Row(f"{cue} ce", f"{cue}: weighted CE", Published(ce)),
            Row(f"{cue} pauc", f"{cue}: PAUC pairwise", Published(pauc)),
            Row(f"{cue} lift", f"{cue}: lift", lift, signed=True),
            Row(f"{cue} ceiling", f"{cue}: ceiling (likelihood ratio)"),
        ]
    rows += [
        Row("wide ce", "product, 100 bps: weighted CE"),
        Row("wide pauc", "product, 100 bps: PAUC pairwise"),
        Row("wide lift", "product, 100 bps: lift", Published(0.045, 0.035, 0.055), signed=True),
    ]
    for cue in CUES:
        ce_auroc, pauc_auroc = _PUBLISHED_AUROC.get(cue, (_ABOUT, _ABOUT))
        rows += [
            Row(f"{cue} ce auroc", f"{cue}: AUROC of weighted CE", ce_auroc),
            Row(f"{cue} pauc auroc", f"{cue}: AUROC of PAUC pairwise", pauc_auroc),
        ]
    return tuple(rows)


CUE_TABLE = PublishedTable(
    name="cues",
    section="4.1",
    title="The form of the cue determines how much can be gained",
    fits={
        **{f"{cue} ce": cross_entropy(cue) for cue in CUES},
        **{f"{cue} pauc": pairwise(cue) for cue in CUES},
        "wide pauc": pairwise(budget=WIDE),
    },
    rows=_cue_rows(),
    measure=_measure_cues,
    notes=(
        "Coverage at 50 basis points (bps) unless a row says otherwise. No model does better "
        "than the ceiling in expectation.",
    ),
)


# --- 4.2 ----------------------------------------------------------------------------


def _measure_coverage(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    return {name: bench.coverage(fit) for name, fit in fits.items()}


SURROGATE_TABLE = PublishedTable(
    name="surrogates",
    section="4.2",
    title="Only the pairwise surrogate survives a contested top",
    fits={
        "ce": cross_entropy(),
        "pairwise": pairwise(),
        "trapezoid": Fit(Contested(), Recipe("pauc", surrogate="trapezoid")),
        "smoothap": Fit(Contested(), Recipe("smoothap")),
        "trivial": Fit(Contested(), Recipe("trivial")),
    },
    rows=(
        Row("ce", "weighted CE", Published(0.575)),
        Row("pairwise", "PAUC pairwise", Published(0.79, text="~0.79", digits=2)),
        Row("trapezoid", "PAUC trapezoid",
            Published(0.38, text="~0.38", digits=2, origin="report")),
        Row("smoothap", "SmoothAP", Published(0.72, text="~0.72", digits=2)),
        Row("trivial", "mean of the easy features, nothing trained",
            Published(0.37, text="~0.37", digits=2, origin="report")),
    ),
    measure=_measure_coverage,
    notes=(
        "Product cue, 50 bps. The document says that the trapezoid collapses to the trivial "
        "floor. Its figures for SmoothAP, the trapezoid and the floor come from a companion sweep "
        "whose settings were chosen on validation rows. Here these models are trained once, on "
        "the rows of section 4.1.",
    ),
)  # fmt: skip


# --- 4.3 ----------------------------------------------------------------------------


def _measure_demo(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = {}
    for name, fit in fits.items():
        values[f"{name} coverage"] = bench.coverage(fit)
        values[f"{name} aucpr"] = bench.aucpr(fit)
    values["lift"] = values["pairwise coverage"] - values["ce coverage"]
    return values


def _demo_fit(loss: str, **options: str) -> Fit:
    batches = "repeated" if loss == "ce" else "running"
    return Fit(Demo(), Recipe(loss, batches=batches, **options))  # type: ignore[arg-type]


DEMO_TABLE = PublishedTable(
    name="demo",
    section="4.3",
    title="The demo of the package: decoys and confounders",
    fits={
        "ce": _demo_fit("ce"),
        "smoothap": _demo_fit("smoothap"),
        "trapezoid": _demo_fit("pauc", surrogate="trapezoid"),
        "pairwise": _demo_fit("pauc"),
        "pairwise live": _demo_fit("pauc", pos_numerator="live"),
    },
    rows=(
        Row("ce coverage", "weighted CE: coverage", Published(0.573, text="0.573 (sd 0.094)")),
        Row("smoothap coverage", "SmoothAP: coverage", Published(0.704, text="0.704 (sd 0.152)")),
        Row("trapezoid coverage", "PAUC trapezoid: coverage",
            Published(0.38, text="0.38", digits=2)),
        Row("pairwise coverage", "PAUC pairwise: coverage",
            Published(0.772, text="0.772 (sd 0.051)")),
        Row("lift", "PAUC pairwise over weighted CE",
            Published(0.199, text="+0.199 (+35 %)"), signed=True),
        Row("pairwise live coverage", "PAUC pairwise, live numerator: coverage",
            Published(text="below pool")),
        Row("ce aucpr", "weighted CE: AUCPR", Published(0.24, text="~0.24", digits=2)),
        Row("smoothap aucpr", "SmoothAP: AUCPR", Published(0.47, text="~0.47", digits=2)),
        Row("trapezoid aucpr", "PAUC trapezoid: AUCPR", Published(0.11, text="~0.11", digits=2)),
        Row("pairwise aucpr", "PAUC pairwise: AUCPR", Published(0.54, text="~0.54", digits=2)),
        Row("pairwise live aucpr", "PAUC pairwise, live numerator: AUCPR"),
    ),
    measure=_measure_demo,
    notes=(
        "Product cue, 50 bps, seeds from 42 on, 75 positives among the test rows. The document "
        "gives standard deviations (sd) over five seeds.",
    ),
    first_seed=FIRST_DEMO_SEED,
)  # fmt: skip


# --- 4.4 ----------------------------------------------------------------------------

LARGE_QUEUE, SMALL_BATCH = 4, 8


def _rescue_fits() -> dict[str, Fit]:
    data = Contested(decoy_frac=0.0)
    fits = {}
    for name, divisor in (("", 1), ("few ", SMALL_BATCH)):
        common = Recipe("pauc", queue_factor=LARGE_QUEUE, batch_divisor=divisor)
        fits[f"{name}ce"] = Fit(data, Recipe("ce", batch_divisor=divisor))
        fits[f"{name}pairwise"] = Fit(data, common)
        trapezoid = replace(common, surrogate="trapezoid")
        fits[f"{name}pool"] = Fit(data, trapezoid)
        fits[f"{name}live"] = Fit(data, replace(trapezoid, pos_numerator="live"))
    return fits


def _measure_rescue(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = _measure_coverage(bench, fits)
    for name in ("", "few "):
        values[f"{name}lift"] = values[f"{name}live"] - values[f"{name}pool"]
    return values


def _rescue_rows() -> tuple[Row, ...]:
    rows: list[Row] = []
    for name, batch in (("", "usual batch"), ("few ", "batch / 8")):
        rows += [
            Row(f"{name}ce", f"{batch}: weighted CE"),
            Row(f"{name}pairwise", f"{batch}: PAUC pairwise, pool"),
            Row(f"{name}pool", f"{batch}: PAUC trapezoid, pool", Published(text="diluted")),
            Row(f"{name}live", f"{batch}: PAUC trapezoid, live", Published(text="restored")),
            Row(f"{name}lift", f"{batch}: live over pool",
                Published(text="positive"), signed=True),
        ]  # fmt: skip
    return tuple(rows)


RESCUE_TABLE = PublishedTable(
    name="rescue",
    section="4.4",
    title="Live positives in the numerator if the top is not contested",
    fits=_rescue_fits(),
    rows=_rescue_rows(),
    measure=_measure_rescue,
    notes=(
        "Product cue without decoys, 50 bps. The document gives neither figures nor settings for "
        "this claim. We use a queue of 32 768 rows. The batches have 4096 rows with 6 positives, "
        "as in the study, or 512 rows, most of them with one positive or none.",
    ),
)


# --- 4.5 ----------------------------------------------------------------------------


def _measure_separable(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = _measure_coverage(bench, fits)
    for name in ("pairwise", "smoothap"):
        values[f"{name} lift"] = values[name] - values["ce"]
    values["ce auroc"] = bench.auroc(fits["ce"])
    return values


SEPARABLE_TABLE = PublishedTable(
    name="separable",
    section="4.5",
    title="Card fraud, a table whose top is not contested",
    fits={
        "ce": Fit(CardFraud(), Recipe("ce")),
        "pairwise": Fit(CardFraud(), Recipe("pauc")),
        "smoothap": Fit(CardFraud(), Recipe("smoothap")),
    },
    rows=(
        Row("ce", "weighted CE", Published(0.84, text="~0.84", digits=2)),
        Row("pairwise", "PAUC pairwise", Published(text="within noise")),
        Row("smoothap", "SmoothAP", Published(text="within noise")),
        Row("pairwise lift", "PAUC pairwise over weighted CE",
            Published(text="within noise"), signed=True),
        Row("smoothap lift", "SmoothAP over weighted CE",
            Published(text="within noise"), signed=True),
        Row("ce auroc", "AUROC of weighted CE", Published(0.97, text="~0.97", digits=2)),
    ),
    measure=_measure_separable,
    notes=(
        "50 bps. The document does not say how the table was split. Here a stratified 70 % of the "
        "rows are for training, and the features are standardised. Splits of one table share "
        "rows, so the intervals are too narrow.",
    ),
)  # fmt: skip


# --- 5.1, and the probe of 5.2 --------------------------------------------------------


def _measure_mechanism(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    ce, pauc = fits["ce"], fits["pauc"]
    shares = bench.band_shares(pauc, TIGHT, STUDY_BAND)
    mass = bench.gradient_mass(ce, pauc.recipe)
    return {
        "band": shares["decoys_of_band"],
        "base": bench.decoys_of_negatives(pauc.data),
        "mass pauc": mass["pauc"],
        "mass ce": mass["ce"],
        "probe ce": bench.probe(ce),
        "probe pauc": bench.probe(pauc),
    }


MECHANISM_TABLE = PublishedTable(
    name="mechanism",
    section="5.1, 5.2",
    title="The band mines hard negatives",
    fits={"ce": cross_entropy(), "pauc": pairwise()},
    rows=(
        Row("band", "decoys among the band's negatives", Published(0.73, text="~0.73", digits=2)),
        Row("base", "decoys among all negatives", Published(0.012)),
        Row("mass pauc", "gradient mass on decoys, PAUC", Published(0.96, text="~0.96", digits=2)),
        Row("mass ce", "gradient mass on decoys, weighted CE",
            Published(0.58, text="~0.58", digits=2)),
        Row("probe ce", "probe of the last hidden layer, weighted CE", Published(0.895)),
        Row("probe pauc", "probe of the last hidden layer, PAUC", Published(0.910)),
    ),
    measure=_measure_mechanism,
    notes=(
        "Product cue. The band is that of the trained PAUC model on test rows. The gradient mass "
        "is that of both losses at the logits of the trained CE model, on training rows. The probe "
        "is the AUROC of a logistic regression of positives against decoys, on the rows that it "
        "was fitted to, as in the publication.",
    ),
)  # fmt: skip


# --- 5.2 ----------------------------------------------------------------------------

_PUBLISHED_ORACLES = {
    10: Published(0.767),
    30: Published(text="below x10"),
    50: Published(0.702),
    200: Published(0.632),
}
_PUBLISHED_TRANSFER = {
    ("product", TIGHT): -0.027,
    ("product", WIDE): 0.004,
    ("radial", TIGHT): 0.026,
    ("radial", WIDE): 0.054,
}


def _measure_mining(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = {"ce": bench.coverage(fits["ce"])}
    for weight in _PUBLISHED_ORACLES:
        values[f"oracle {weight}"] = bench.coverage(fits[f"oracle {weight}"])
    values["mined"] = bench.coverage(fits["mined product"])
    values["pauc"] = bench.coverage(fits[f"pauc product {in_bps(TIGHT)}"])
    values["oracle lift"] = values["oracle 10"] - values["pauc"]
    for cue, budget in CELLS:
        by_mining = bench.coverage(fits[f"mined {cue}"], budget)
        by_band = bench.coverage(fits[f"pauc {cue} {in_bps(budget)}"], budget)
        values[f"mined lift {cue} {in_bps(budget)}"] = by_mining - by_band
    return values


MINING_TABLE = PublishedTable(
    name="mining",
    section="5.2",
    title="Cross-entropy with as much weight on hard negatives",
    fits={
        "ce": cross_entropy(),
        **{f"oracle {weight}": oracle(float(weight)) for weight in _PUBLISHED_ORACLES},
        **{f"mined {cue}": mined(cue) for cue in ("product", "radial")},
        **{f"pauc {cue} {in_bps(budget)}": pairwise(cue, budget) for cue, budget in CELLS},
    },
    rows=(
        Row("ce", "weighted CE", Published(0.576)),
        *(
            Row(f"oracle {weight}", f"CE, decoys weighted x{weight} (oracle)", published)
            for weight, published in _PUBLISHED_ORACLES.items()
        ),
        Row("mined", "CE, hard negatives mined without labels", Published(0.765)),
        Row("pauc", "PAUC pairwise", Published(0.792)),
        Row("oracle lift", "oracle x10 over PAUC",
            Published(-0.025, text="-0.025"), signed=True),
        *(
            Row(f"mined lift {cue} {in_bps(budget)}",
                f"mined over PAUC: {cue}, {in_bps(budget)} bps",
                Published(_PUBLISHED_TRANSFER[cue, budget], origin="report"), signed=True)
            for cue, budget in CELLS
        ),
    ),
    measure=_measure_mining,
    notes=(
        "Product cue, 50 bps, unless a row says otherwise. Mined means that before every epoch "
        "the 2 % of the negatives with the greatest scores get a weight of 50.",
    ),
)  # fmt: skip


# --- 5.3 ----------------------------------------------------------------------------

_SWEPT_BANDS = (
    SETTLED_BAND,
    (0.0, 1.5),
    (0.0, 2.5),
    (0.25, 1.0),
    (0.25, 1.5),
    (0.5, 1.0),
    STUDY_BAND,
    (0.5, 2.5),
)
_PUBLISHED_BANDS = {
    SETTLED_BAND: Published(0.814, origin="report"),
    (0.0, 1.5): Published(0.808, origin="report"),
    STUDY_BAND: Published(0.792),
}
_OPENED_BAND = (0.0, 1.5)
_IMPROVEMENT = Published(low=0.017, high=0.056, text="+0.017 to +0.056")


def _band_name(band: tuple[float, float]) -> str:
    return f"[{band[0]:g}, {band[1]:g}]"


def _measure_band(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = {_band_name(band): bench.coverage(fits[_band_name(band)]) for band in _SWEPT_BANDS}
    for cue, budget in CELLS:
        cell = f"{cue} {in_bps(budget)}"
        opened = bench.coverage(fits[f"opened {cell}"], budget)
        values[f"lift {cell}"] = opened - bench.coverage(fits[f"study {cell}"], budget)
        shares = bench.band_shares(fits[f"ce {cue}"], budget, STUDY_BAND)
        values[f"inside {cell}"] = shares["decoys_inside"]
        values[f"above {cell}"] = shares["decoys_above"]
        values[f"top {cell}"] = shares["decoys_in_top"]
    return values


def _band_rows() -> tuple[Row, ...]:
    rows = [
        Row(_band_name(band), f"band {_band_name(band)} x budget", _PUBLISHED_BANDS.get(band))
        for band in _SWEPT_BANDS
    ]
    for cue, budget in CELLS:
        cell = f"{cue} {in_bps(budget)}"
        rows.append(
            Row(f"lift {cell}", f"[0, 1.5] over [0.5, 1.5]: {cue}, {in_bps(budget)} bps",
                _IMPROVEMENT, signed=True)
        )  # fmt: skip
    inside = Published(low=0.40, high=0.48, text="0.40 to 0.48", digits=2)
    top = Published(low=0.92, high=0.94, text="0.92 to 0.94", digits=2)
    above = {
        TIGHT: Published(0.21, text="0.21", digits=2),
        WIDE: Published(0.41, text="0.41", digits=2),
    }
    for cue, budget in CELLS:
        cell, about = f"{cue} {in_bps(budget)}", f"{cue}, {in_bps(budget)} bps"
        rows += [
            Row(f"inside {cell}", f"decoys inside [0.5, 1.5]: {about}", inside),
            Row(f"above {cell}", f"decoys above it: {about}", above[budget]),
            Row(f"top {cell}", f"decoys in the top 2 % of negatives: {about}", top),
        ]  # fmt: skip
    return tuple(rows)


BAND_TABLE = PublishedTable(
    name="band",
    section="5.3",
    title="Decoys escape above a band that does not reach the top",
    fits={
        **{_band_name(band): pairwise(band=band) for band in _SWEPT_BANDS},
        **{
            f"study {cue} {in_bps(budget)}": pairwise(cue, budget, STUDY_BAND)
            for cue, budget in CELLS
        },
        **{
            f"opened {cue} {in_bps(budget)}": pairwise(cue, budget, _OPENED_BAND)
            for cue, budget in CELLS
        },
        **{f"ce {cue}": cross_entropy(cue) for cue in ("product", "radial")},
    },
    rows=_band_rows(),
    measure=_measure_band,
    notes=(
        "The first rows are coverages at 50 bps, product cue, after training with that band. "
        "Decoys inside and above the band are counted by the scores of weighted CE on test rows. "
        "The document gives the least and the greatest of four cells, or two of them.",
    ),
)


# --- beyond the publication ---------------------------------------------------------


def _measure_estimator(bench: Bench, fits: Mapping[str, Fit]) -> dict[str, float]:
    values = {name: bench.coverage(fit) for name, fit in fits.items()}
    for cue in CUES:
        ours = f"{cue} estimator"
        published = {name: values[f"{cue} {name}"] for name in _PUBLISHED_ARMS}
        values[f"{cue} lift"] = values[ours] - published["settled"]
        values[f"{cue} ceiling"] = bench.ceiling(fits[ours].data, TIGHT)
        values[f"{cue} time"] = bench.seconds(fits[ours]) / bench.seconds(fits[f"{cue} settled"])
    return values


_PUBLISHED_ARMS = {
    "ce": "weighted CE",
    "mined": "hard-negative-mined CE",
    "smoothap": "SmoothAP",
    "study": "PAUC pairwise, band [0.5, 1.5]",
    "settled": "PAUC pairwise, band [0, 1]",
}


def _estimator_fits(cue: str) -> dict[str, Fit]:
    return {
        f"{cue} ce": cross_entropy(cue),
        f"{cue} mined": mined(cue),
        f"{cue} smoothap": Fit(Contested(cue), Recipe("smoothap")),
        f"{cue} study": pairwise(cue),
        f"{cue} settled": pairwise(cue, band=SETTLED_BAND),
        f"{cue} ensemble ce": Fit(
            Contested(cue), Recipe("estimator", options=(("warmup", 1.0), ("blend", 0.0)))
        ),
        f"{cue} estimator": Fit(Contested(cue), Recipe("estimator")),
    }


def _estimator_rows(cue: str) -> list[Row]:
    ce, pauc, _ = _PUBLISHED_CUES[cue]
    published = {"ce": Published(ce), "study": Published(pauc)}
    return [
        *(
            Row(f"{cue} {name}", f"{cue}: {label}", published.get(name))
            for name, label in _PUBLISHED_ARMS.items()
        ),
        Row(f"{cue} ensemble ce", f"{cue}: PAUCClassifier(warmup=1, blend=0), weighted CE alone"),
        Row(f"{cue} estimator", f"{cue}: PAUCClassifier(budget=0.005)"),
        Row(f"{cue} lift", f"{cue}: over PAUC, band [0, 1]", signed=True),
        Row(f"{cue} ceiling", f"{cue}: ceiling (likelihood ratio)"),
        Row(f"{cue} time", f"{cue}: its training time over that of PAUC, band [0, 1]"),
    ]


ESTIMATOR_TABLE = PublishedTable(
    name="estimator",
    section="beyond",
    title="PAUCClassifier with its defaults, beside the published networks",
    fits={name: fit for cue in CUES for name, fit in _estimator_fits(cue).items()},
    rows=tuple(row for cue in CUES for row in _estimator_rows(cue)),
    measure=_measure_estimator,
    notes=(
        "Coverage at 50 bps. The estimator has its defaults and a seed. The others are trained as "
        "published, one network each. Band [0, 1] is the one that the document recommends in the "
        "end. Both times were measured in this run and with our losses.",
    ),
)


PUBLISHED_TABLES: dict[str, PublishedTable] = {
    table.name: table
    for table in (
        CUE_TABLE,
        SURROGATE_TABLE,
        DEMO_TABLE,
        RESCUE_TABLE,
        SEPARABLE_TABLE,
        MECHANISM_TABLE,
        MINING_TABLE,
        BAND_TABLE,
        ESTIMATOR_TABLE,
    )
}
"""All tables by name, in the order of the publication."""
