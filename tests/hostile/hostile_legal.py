"""What each parameter may be: read from the docstrings, and from two tables where they say less.

`kind_of` returns the kind of a parameter. A kind says whether a value is legal (True), illegal
(False), or neither (None): then an answer and an error are both right. An error is right for
a legal value too, if it says what is wrong with it; an answer is wrong for an illegal one.
"""

from __future__ import annotations

import inspect
import re
import warnings
from dataclasses import dataclass, field
from numbers import Integral, Rational, Real
from typing import Any

import numpy as np
from hostile_values import Hostile


@dataclass(frozen=True)
class Kind:
    """Anything at all: nothing is illegal."""

    pool: str = "scalars"
    none: bool = False
    called: bool = False
    """Whether it is a function, which may raise whatever it likes."""

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        """Return whether a value is legal."""
        return None


@dataclass(frozen=True)
class Number(Kind):
    """A real number in a range, or a whole number."""

    low: float = -np.inf
    high: float = np.inf
    with_low: bool = True
    with_high: bool = True
    whole: bool = False
    words: tuple[Any, ...] = ()

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        if value is None:
            return self.none
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, bool | np.bool_):
            return any(value is word for word in self.words)
        if self.none and type(value).__name__ in ("NAType", "NaTType"):
            return None
        if isinstance(value, Rational) and not isinstance(value, Integral):
            return None
        if not isinstance(value, Real) or isinstance(value, np.timedelta64):
            # A single number in an array, and a Decimal, may be read as a number.
            return None if hostile.name in ("0-d", "array-of-one", "decimal") else False
        if isinstance(value, np.generic):
            value = value.item()
        if value != value:
            return False
        if self.whole and not isinstance(value, Integral):
            return None if float(value).is_integer() else False
        above = value > self.low or (self.with_low and value == self.low)
        below = value < self.high or (self.with_high and value == self.high)
        return bool(above and below)


@dataclass(frozen=True)
class Level(Kind):
    """How much is printed: a number, or a flag."""

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        if value is None:
            return self.none
        return None if isinstance(value, Real | np.bool_) else False


@dataclass(frozen=True)
class Option(Kind):
    """One of a few."""

    options: tuple[Any, ...] = ()

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        if value is None:
            return self.none or None in self.options
        if isinstance(value, str):
            return value in self.options
        if isinstance(value, bool | np.bool_ | Real) and any(
            isinstance(option, bool | Real) for option in self.options
        ):
            return None
        return False


@dataclass(frozen=True)
class Flag(Kind):
    """True or False, or a word."""

    words: tuple[str, ...] = ()

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, bool | np.bool_):
            return True
        if value is None:
            return self.none or None
        # Anything is true or false to Python; but "no" would be true, and so would NaN.
        not_a_number = isinstance(value, float | np.floating) and np.isnan(value)
        return False if isinstance(value, bytes) or not_a_number else None


@dataclass(frozen=True)
class Text(Kind):
    """A string: most are labels of a picture, and anything that can be written will do."""


@dataclass(frozen=True)
class Seed(Kind):
    """What scikit-learn takes for a seed."""

    none: bool = True

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        if value is None or isinstance(value, np.random.RandomState):
            return True
        if isinstance(value, bool | np.bool_ | np.random.Generator | np.timedelta64):
            return None
        return isinstance(value, Integral) and 0 <= value < 2**32


@dataclass(frozen=True)
class Array(Kind):
    """Numbers of shape (n_samples,), or a table: ``illegal`` are tags of the values."""

    pool: str = "columns"
    role: str = "scores"

    def judge(self, hostile: Hostile, value: Any) -> bool | None:
        if hostile.tag in ("same", "same-values"):
            # As text, for NumPy says that float64 equals None.
            dtype = str(getattr(value, "dtype", "bool"))
            if self.role == "mask" and dtype not in ("bool", "boolean", "Boolean"):
                # A mask is an array of booleans; whether numbers pass for one is left open.
                return None
            # scikit-learn refuses numbers as objects for labels.
            return None if self.role == "labels" and dtype == "object" else True
        if hostile.tag == "None":
            return self.none
        return False if hostile.tag in ILLEGAL_TAGS[self.role] else None


_NO_NUMBERS = {
    *("text", "dates", "mixed", "thing", "shape", "empty", "length", "complex", "none"),
    *("nan", "inf"),
}
ILLEGAL_TAGS: dict[str, set[str]] = {
    "scores": _NO_NUMBERS,
    "weights": _NO_NUMBERS | {"negative", "zeros"},
    # Some strings and dates are labels, and most calls then need a `pos_label`.
    "labels": {
        *("thing", "shape", "empty", "length", "complex", "none", "nan", "inf"),
        *("constant", "zeros"),
    },
    # Those of pages, whose rows may be all positive.
    "labels of pages": {"thing", "shape", "empty", "length", "complex", "none", "nan", "inf"},
    "mask": _NO_NUMBERS,
    "ids": {"shape", "empty", "length", "thing", "nan", "none"},
    # Whatever the models inside say: they need not take or refuse anything.
    "table": {"thing", "shape", "empty", "length", "complex"},
    "numbers": _NO_NUMBERS,
    # Rows of one class alone, of which there may be any number.
    "one class": _NO_NUMBERS - {"empty"},
    # Two margins per row are two classes, each against the other.
    "margins": _NO_NUMBERS - {"shape"},
    "fractions": (_NO_NUMBERS | {"negative", "zeros"}) - {"shape", "length"},
    "tensor": {"shape", "empty", "length", "thing", "complex", "nan", "inf"},
    "target": {"shape", "empty", "length", "thing", "complex", "nan", "inf"},
    "free": set(),
    "broadcast": {"thing", "complex", "nan", "inf"},
}

# Ranges by name: a name means the same everywhere in the package.
_FRACTION = {"low": 0.0, "high": 1.0, "with_low": False}
_OPEN = {**_FRACTION, "with_high": False}
RANGES: dict[str, dict[str, Any]] = {
    "budget": _FRACTION,
    "beta": _FRACTION,
    "beta_start": _FRACTION,
    "tpr": _FRACTION,
    "alpha": {"low": 0.0, "high": 1.0, "with_high": False},
    "confidence_level": _OPEN,
    "level": _OPEN,
    "guarantee": _OPEN,
    "power": _OPEN,
    "pos_rate": _OPEN,
    "confidence": {"low": 0.5, "high": 1.0, "with_low": False, "with_high": False},
    "min_lift": _OPEN,
    "budget_window": {"low": 1.0, "with_high": False},
    "temperature": {"low": 0.0, "with_low": False, "with_high": False},
    "temperature_start": {"low": 0.0, "with_low": False, "with_high": False},
    "cost": {"low": 0.0, "with_high": False},
    "widening": {"low": 0.0, "with_low": False, "with_high": False},
    "n_samples": {"low": 0},
    "decoy_frac": {"low": 0.0, "high": 1.0, "with_high": False},
    "confounder_frac": {"low": 0.0, "high": 1.0, "with_high": False},
    "easy": {"low": 0.0, "with_high": False},
    "sep": {"low": 0.0, "with_high": False},
    "mu_bulk": {"low": 0.0, "with_high": False},
    "mu_contest": {"low": 0.0, "with_high": False},
    "flip_y": {"low": 0.0, "high": 1.0},
    "top_fraction": _FRACTION,
    "factor": {"low": 0.0, "with_low": False, "with_high": False},
    "gamma": {"low": 0.0, "with_high": False},
    "lr": {"low": 0.0, "with_low": False, "with_high": False},
    "weight_decay": {"low": 0.0, "with_high": False},
    "input_decay": {"low": 0.0, "with_high": False},
    "warmup": {"low": 0.0, "with_high": False},
    "blend": {"low": 0.0, "with_high": False},
    "validation_fraction": _OPEN,
    "label_smoothing": {"low": 0.0, "high": 1.0, "with_high": False},
    "final_main_weight": {"low": 0.0, "high": 1.0},
    "coverage": {"low": 0.0, "high": 1.0},
    "test_train_ratio": {"low": 0.0, "with_high": False},
    "lift": {"low": 0.0, "high": 1.0, "with_low": False},
    "half_width": {"low": 0.0, "high": 1.0, "with_low": False},
    "discordance": {"low": 0.0, "high": 1.0},
    "n_jobs": {},
    "verbose": {},
    "eps": {"low": 0.0, "with_high": False},
    "luminosity": {"low": 0.0, "with_low": False, "with_high": False},
    "min_efficiency": {"low": 0.0, "high": 1.0},
    "min_background": {"low": 0.0, "with_high": False},
    "positive_weight": {"low": 0.0, "with_high": False},
    "negative_weight": {"low": 0.0, "with_low": False, "with_high": False},
}
# Whole numbers are counts, unless they are listed here.
_ANY_WHOLE = {"n_jobs", "verbose", "ignore_index", "max_depth", "iteration", "step", "epoch"}
_FROM_ZERO = {
    *("queue_size", "warmup_rounds", "blend_rounds", "anneal_rounds", "n_bulk", "n_contest"),
    *("n_noise", "random_state", "seed", "warmup_steps", "blend_steps", "warmup_epochs"),
    *("blend_epochs", "n_retries", "iteration", "subsample_freq", "max_depth", "max_leaves"),
}

ROLES: dict[str, str] = {
    **dict.fromkeys(("y_true", "y", "target", "y_test", "y_train"), "labels"),
    **dict.fromkeys(
        ("y_score", "y_pred", "score_a", "score_b", "scores", "raw_score", "positives"), "scores"
    ),
    **dict.fromkeys(("sample_weight", "value", "weight_pos", "weight_neg"), "weights"),
    **dict.fromkeys(("iid_mask", "hard_mask"), "mask"),
    **dict.fromkeys(("segments", "group", "groups", "process"), "ids"),
    "X": "table",
    "budgets": "fractions",
}


@dataclass
class Documented:
    """The parameters of a docstring: the type and the description of each."""

    types: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def read_parameters(*documented: Any) -> Documented:
    """Return what the docstrings of some objects say about their parameters."""
    from numpydoc.docscrape import ClassDoc, FunctionDoc

    found = Documented()
    for member in documented:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scraped = ClassDoc(member) if inspect.isclass(member) else FunctionDoc(member)
        for entry in [*scraped["Parameters"], *scraped["Other Parameters"]]:
            for name in entry.name.replace("*", "").split(","):
                if entry.type:
                    # "As in another method" has no type: that method is asked next.
                    found.types.setdefault(name.strip(), entry.type)
                    found.texts.setdefault(name.strip(), " ".join(entry.desc))
    return found


def raised_by(*documented: Any) -> set[str]:
    """Return the names of the exceptions that the docstrings announce."""
    from numpydoc.docscrape import ClassDoc, FunctionDoc

    found: set[str] = set()
    for member in documented:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scraped = ClassDoc(member) if inspect.isclass(member) else FunctionDoc(member)
        found |= {entry.type or entry.name for entry in scraped["Raises"]}
    return found


def _range_in(text: str) -> dict[str, Any]:
    """Return the range that a description names, such as ``in (0, 1]`` or ``at least 16``."""
    if match := re.search(r"\bin ([\[(])(\d[\d.]*), (\d[\d.]*|inf)([\])])", text):
        return {
            "low": float(match[2]),
            "high": float(match[3]),
            "with_low": match[1] == "[",
            "with_high": match[4] == "]",
        }
    if match := re.search(r"\bat least (\d+)\b", text):
        return {"low": float(match[1])}
    return {"low": 0.0} if re.search(r"\b0 for no\b", text) else {}


def kind_of(name: str, documented: Documented, default: Any = inspect.Parameter.empty) -> Kind:
    """Return the kind of a parameter.

    Raises
    ------
    LookupError
        If neither the docstring nor a table says what it is.
    """
    full = documented.types.get(name, "")
    text = documented.texts.get(name, "")
    stated = re.sub(r",?\s*default\s*=.*$", "", full).strip()
    none = default is None or bool(re.search(r"\bNone\b", stated))
    options = tuple(
        {"None": None, "True": True, "False": False}.get(word, word.strip("'\""))
        for group in re.findall(r"\{([^}]*)\}", stated)
        for word in re.split(r",\s*", group)
    )
    words = tuple(re.findall(r"""["']([\w-]+)["']""", stated))
    if name == "verbose":
        return Level(none=none)
    if name == "n_jobs":
        return Kind(pool="jobs", none=none)
    if name == "device":
        return Kind(none=none)
    if name == "random_state" or "RandomState" in stated:
        return Seed()
    if re.search(r"\bTensor\b", stated) and "float" not in stated:
        role = "target" if name.startswith("target") else "tensor"
        return Array(pool="tensors", role=role, none=none)
    if stated.startswith("{array-like") or re.match(
        r"(array-like|ndarray|sequence|DataFrame|list of float)", stated
    ):
        two = "n_features" in stated or name == "X"
        role = ROLES.get(name, "table" if two else "numbers" if "float" in stated else "free")
        return Array(pool="tables" if two else "columns", role=role, none=none)
    if options and not re.search(r"\b(int|float)\b", stated):
        return Option(options=options, none=none)
    if re.match(r"bool\b", stated):
        return (
            Flag(none=none, words=words)
            if not re.search(r"\bor (str|int)", stated)
            else Kind(none=none)
        )
    if match := re.match(r"(int|float)\b", stated):
        if re.search(r"\b(str|bool|splitter|Tensor|iterable|list|generator|callable)\b", stated):
            return Kind(none=none)
        whole = match[1] == "int"
        # Either of both is a number.
        whole = whole and "float" not in stated
        given = _range_in(text) or RANGES.get(name, {})
        if whole and not given and name not in _ANY_WHOLE:
            given = {"low": 0 if name in _FROM_ZERO else 1}
        return Number(whole=whole, none=none, words=words, **given)
    if re.match(r"str\b", stated) and not re.search(r"\bor (int|path|Loss|list)", stated):
        return Text(none=none)
    if stated or name in FREE:
        return Kind(none=none, called=stated.startswith("callable"))
    raise LookupError(f"no docstring says what {name!r} is")


# Arguments that hold whatever the caller likes, and that no docstring of a parent describes.
FREE = {"env", "model", "epoch", "evals_log", "kwargs", "params", "changes", "columns"}
