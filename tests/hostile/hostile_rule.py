"""The rule: a right answer, or an error of the package that says what is wrong.

`run_call` makes one call with one hostile argument, and returns a `Verdict`. Its faults are

======== ==================================================================================
error    an exception that is no answer to a user, such as AttributeError
message  an error that does not name the parameter
value    an error that names neither the value nor what is wrong with it
trace    the stack trace of a library in a message
refused  an error, where the argument is the valid one in another form
accepted an answer, where the argument is not legal
nan      an answer with NaN or infinity
answer   a wrong answer
warning  a numerical or deprecation warning from a file of the package
changed  an argument was changed
state    a global generator or setting was changed
time     the call took longer than its limit
memory   the call asked for more memory than there is
======== ==================================================================================
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from hostile_legal import Array, Kind, Seed, kind_of, raised_by, read_parameters
from hostile_state import differs, find_nan, fingerprint, global_state
from hostile_tables import tables, tensors
from hostile_values import (
    MISSING,
    MISSPELT,
    Hostile,
    NotApplicable,
    columns,
    jobs,
    scalars,
)
from sklearn.exceptions import NotFittedError

import skbudget

LIMIT_S = 5.0
# Seconds of the wall clock after which a call that waits is stopped.
WAIT_S = 60.0
# Bytes that a call may ask for beyond what the process has.
MEMORY = 4 << 30

OWN_ERRORS = (ValueError, TypeError, FloatingPointError, NotImplementedError, NotFittedError)
# Errors that derive from one of the above, and say nothing to a user.
_NOT_OWN = (KeyError, IndexError, UnicodeError, np.linalg.LinAlgError, ZeroDivisionError)
OWN_FILES = str(Path(skbudget.__file__).parent)
_NUMERICAL = (RuntimeWarning, DeprecationWarning, PendingDeprecationWarning, FutureWarning)

POOLS: dict[str, Callable[[], list[Hostile]]] = {
    "scalars": scalars,
    "jobs": jobs,
    "columns": columns,
    "tables": tables,
    "tensors": tensors,
}


@dataclass(frozen=True)
class Example:
    """A public callable with valid arguments.

    Parameters
    ----------
    name : str
        The public name, see `hostile_walk`.
    call : callable
        Takes the arguments by name.
    valid : callable
        Takes the number of a variant, and returns fresh valid arguments.
    documented : tuple
        The members whose docstrings and signature describe the arguments.
    filled : callable, default=None
        As ``valid``, for arguments that are left out there.
    right : callable, default=None
        Takes an answer and the arguments, and returns what is wrong, or None.
    kinds : mapping of str to Kind
        Kinds of parameters that the docstrings get wrong.
    skip : frozenset of str
        Arguments that stay as they are.
    nan : tuple of str
        Endings of the ways in the answer at which NaN is right.
    infinite : bool
        Whether infinity is right in an answer.
    same : bool
        Whether another form of an argument must give the same answer.
    raises : frozenset of str
        Further names of exceptions that are right.
    upstream : frozenset of str
        Arguments that an estimator of the user judges: any of its errors is right.
    owned : frozenset of str
        Arguments that become part of what is called, and may be changed.
    passes_nan : bool
        Whether an answer of NaN is right for an argument with NaN or infinity.
    alone : bool
        Whether arrays of another length are legal, because no other array must be as long.
    unsteady : tuple of str
        Endings of the ways in the answer that change from call to call.
    limit : float
        Seconds of the processor that a call may take.
    """

    name: str
    call: Callable[..., Any]
    valid: Callable[[int], dict[str, Any]]
    documented: tuple[Any, ...]
    filled: Callable[[int], dict[str, Any]] | None = None
    right: Callable[[Any, dict[str, Any]], str | None] | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()
    nan: tuple[str, ...] = ()
    infinite: bool = False
    same: bool = True
    raises: frozenset[str] = frozenset()
    upstream: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    passes_nan: bool = False
    alone: bool = False
    unsteady: tuple[str, ...] = ()
    limit: float = LIMIT_S
    _bases: dict[Any, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The parameters that can be passed by name."""
        found = dict(inspect.signature(self.documented[0]).parameters)
        kept = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        named = {
            name: parameter
            for name, parameter in found.items()
            if parameter.kind in kept and name not in ("self", "cls") and name not in self.skip
        }
        for name in self.valid(0):
            if name not in named and name not in self.skip:
                named[name] = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
        return named

    @cached_property
    def kind_by_name(self) -> dict[str, Kind]:
        """The kind of each parameter."""
        said = read_parameters(*self.documented)
        return {
            name: self.kinds[name] if name in self.kinds else kind_of(name, said, given.default)
            for name, given in self.parameters.items()
        }

    def kinds_of(self, names: set[str]) -> list[Kind]:
        """Return the kinds of the parameters with these names."""
        return [self.kind_by_name[name] for name in names if name in self.kind_by_name]

    @cached_property
    def announced(self) -> set[str]:
        """Names of the exceptions that are right beside those of the package."""
        return raised_by(*self.documented) | set(self.raises)

    def calls(self) -> Iterator[tuple[str, Hostile]]:
        """Yield every argument with every value that it is handed."""
        for name, kind in self.kind_by_name.items():
            for hostile in POOLS[kind.pool]():
                yield name, hostile
            if isinstance(kind, Array) and kind.pool == "columns":
                yield name, Hostile("true", lambda _: True, "thing")
            yield name, Hostile(MISSPELT, lambda valid: valid, MISSPELT)
            required = inspect.signature(self.documented[0]).parameters.get(name)
            if required is not None and required.default is inspect.Parameter.empty:
                yield name, Hostile(MISSING, lambda valid: valid, MISSING)

    def arguments(self, variant: int, argument: str) -> dict[str, Any]:
        """Return fresh valid arguments, with this one among them if it is known."""
        given = self.valid(variant)
        if argument not in given and self.filled is not None:
            known = self.filled(variant)
            if argument in known:
                given[argument] = known[argument]
        return given

    def wrong(self, answer: Any, arguments: dict[str, Any]) -> str | None:
        """Return what is wrong with an answer, or None."""
        allowed = (*self.nan, ".pos_label", ".name")
        if (problem := find_nan(answer, allowed=allowed, infinite=self.infinite)) is not None:
            return problem
        return None if self.right is None else self.right(answer, arguments)

    def base(self, variant: int, argument: str) -> Any:
        """Return the answer to the valid arguments."""
        given = self.arguments(variant, argument)
        key = (variant, argument if argument not in self.valid(variant) else None)
        if key not in self._bases:
            with warnings.catch_warnings(), _quiet():
                warnings.simplefilter("ignore")
                self._bases[key] = self.call(**given)
        return self._bases[key]


@dataclass(frozen=True)
class Verdict:
    """What one call came to: ``outcome`` is "answer", "error" or "none" (not applicable)."""

    example: str
    argument: str
    value: str
    variant: int
    outcome: str
    faults: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0

    @property
    def call(self) -> str:
        return f"{self.example}({self.argument}={self.value})"

    def lines(self) -> list[str]:
        return [f"{kind:8s} {self.call} [{self.variant}]: {text}" for kind, text in self.faults]


class TooLong(BaseException):
    """A call took longer than its limit."""


@contextlib.contextmanager
def _watched(limit: float) -> Iterator[None]:
    """Stop what is inside after so many seconds of the processor, or a longer wait."""

    def stop(number: int, frame: Any) -> None:
        raise TooLong

    before = {signal_: signal.signal(signal_, stop) for signal_ in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, limit)
    signal.setitimer(signal.ITIMER_REAL, WAIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for signal_, handler in before.items():
            signal.signal(signal_, handler)


@contextlib.contextmanager
def limited_memory(extra: int = MEMORY) -> Iterator[None]:
    """Let requests for much more memory than the process has fail at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def run_call(example: Example, argument: str, hostile: Hostile, variant: int = 0) -> Verdict:
    """Call an example with one hostile argument."""
    arguments = example.arguments(variant, argument)
    verdict = {"example": example.name, "argument": argument, "value": hostile.name}
    default = example.parameters[argument].default
    valid = arguments.get(argument, None if default is inspect.Parameter.empty else default)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = hostile.make(valid)
    except (NotApplicable, TypeError, ValueError, AttributeError, IndexError):
        return Verdict(**verdict, variant=variant, outcome="none")
    if hostile.tag == "same" and valid is None:
        return Verdict(**verdict, variant=variant, outcome="none")
    named = argument
    if hostile.tag == MISSPELT:
        named = argument[:-2] + argument[-1] if len(argument) > 3 else f"{argument}_"
        arguments.pop(argument, None)
        # A column that is None is not given, whatever its name.
        value = arguments[named] = 0.5 if value is None else value
    elif hostile.tag == MISSING:
        arguments.pop(argument, None)
    else:
        arguments[argument] = value
    kind = example.kind_by_name[argument]
    legal = False if hostile.tag in (MISSPELT, MISSING) else kind.judge(hostile, value)
    if hostile.tag == "length" and example.alone:
        legal = None

    # The base comes first: it may set up what is kept between calls.
    base = None
    if example.same and hostile.tag in ("same", "same-values"):
        base = example.base(variant, argument)
    faults: list[tuple[str, str]] = []
    kept = {name: entry for name, entry in arguments.items() if name not in example.owned}
    prints = {name: fingerprint(entry) for name, entry in kept.items()}
    state = global_state()
    error: BaseException | None = None
    answer = None
    with warnings.catch_warnings(record=True) as caught, _quiet():
        warnings.simplefilter("always")
        start = _processor_time()
        try:
            with _watched(example.limit):
                answer = example.call(**arguments)
        except BaseException as raised:
            if isinstance(raised, KeyboardInterrupt):
                raise
            error = raised
        seconds = _processor_time() - start
    after = global_state()
    if argument == "random_state" and value is None:
        state["numpy.random"] = after["numpy.random"]
    for name, before in state.items():
        if after[name] != before:
            faults.append(("state", f"{name} was changed"))
    _restore(state, after)
    for name, entry in kept.items():
        if not inspect.isgenerator(entry) and fingerprint(entry) != prints[name]:
            faults.append(("changed", f"{name} was changed"))
    faults += _faults_of_warnings(caught)
    if error is not None:
        names = {argument, named}
        faults += _faults_of_error(error, example, names, arguments.keys(), value, hostile, legal)
    else:
        faults += _faults_of_answer(answer, base, example, arguments, value, hostile, legal)
    outcome = "answer" if error is None else "error"
    return Verdict(
        **verdict, variant=variant, outcome=outcome, faults=tuple(faults), seconds=seconds
    )


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _restore(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Undo what would make later calls fail."""
    if before["numpy.errstate"] != after["numpy.errstate"]:
        np.seterr(**dict(before["numpy.errstate"]))
    torch = sys.modules.get("torch")
    if torch is not None and "torch.threads" in before:
        torch.set_num_threads(before["torch.threads"])
        torch.set_grad_enabled(before["torch.grad"])
        torch.set_default_dtype(before["torch.dtype"])


def _faults_of_warnings(caught: list[warnings.WarningMessage]) -> list[tuple[str, str]]:
    found = []
    for entry in caught:
        ours = entry.filename.startswith(OWN_FILES) and issubclass(entry.category, _NUMERICAL)
        if ours or entry.category.__name__ == "ComplexWarning":
            place = f"{Path(entry.filename).name}:{entry.lineno}"
            found.append(("warning", f"{entry.category.__name__} at {place}: {entry.message}"))
    return found[:1]


def _faults_of_error(
    error: BaseException,
    example: Example,
    names: set[str],
    passed: Container[str],
    value: Any,
    hostile: Hostile,
    legal: bool | None,
) -> list[tuple[str, str]]:
    text = str(error)
    said = f"{type(error).__name__}: {text[:200]}{_place(error)}"
    if isinstance(error, TooLong):
        return [("time", f"stopped{_place(error)}")]
    if isinstance(error, MemoryError):
        return [("memory", said)]
    if hostile.name == "raiser" and "the user's own function" in text:
        return []
    if callable(value) and any(kind.called for kind in example.kinds_of(names)):
        return []
    mro = {base.__name__ for base in type(error).__mro__}
    known = isinstance(error, OWN_ERRORS) and (
        isinstance(error, NotFittedError) or not isinstance(error, _NOT_OWN)
    )
    if not known and not mro & example.announced:
        return [("error", said)]
    if re.search(r"Stack trace|\[bt\]|\(0\) /|\.(cc|cpp|cu):\d+", text):
        return [("trace", said)]
    if hostile.tag == "same" and legal:
        return [("refused", said)]
    if names & example.upstream:
        return []
    kinds = example.kinds_of(names)
    of_array = any(isinstance(kind, Array) for kind in kinds)
    if of_array and hostile.tag in ("length", "shape", "empty"):
        # Of two arrays whose lengths differ, either may be named.
        names |= {
            name
            for name, kind in example.kind_by_name.items()
            if isinstance(kind, Array) and name in passed
        }
    if not any(_names(name, text) for name in names):
        return [("message", said)]
    judged = any(type(kind) not in (Kind, Seed) for kind in kinds)
    if judged and hostile.tag not in (MISSPELT, MISSING) and not _says_what(value, text, of_array):
        return [("value", said)]
    return []


def _place(error: BaseException) -> str:
    """Return the last line of the package that an error went through."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(OWN_FILES) and not frame.filename.endswith("naming.py")
    ]
    if not ours:
        return ""
    return f" ({Path(ours[-1].filename).relative_to(Path(OWN_FILES).parent)}:{ours[-1].lineno})"


# What scikit-learn calls an argument in the messages of its checks.
_ALIASES: dict[str, str] = {
    "X": r"feature|column|[Tt]able|samples|Expected 2D|sparse|data type|DataFrame|array",
    "y": r"label|class|target|samples",
    "random_state": r"[Ss]eed",
    "target": r"column",
    "name": r"called",
    "package": r"pip install",
}
_FACTS = (
    r"NaN|NA\b|missing|infin|finite|[Nn]egative|zero|shape|dimension|-D|1d|2D|length|entr|sample|"
    r"\brows?\b|dtype|class|label|empty|column|feature|sparse|complex|string|number|boolean|binary|"
    r"\[|passed|dense|numeric|sequence|scalar|list|dim\b|\bdate|categor|mask|None|duplicate|unique"
)


def _names(argument: str, text: str) -> bool:
    # One class needs more margins, or fewer labels.
    if argument == "raw_score" and "margins per row" in text:
        return True
    # scikit-learn lists the lengths of all arrays instead of naming one.
    if "inconsistent numbers of samples: [" in text:
        return True
    if re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", text):
        return True
    alias = _ALIASES.get(argument)
    return alias is not None and re.search(alias, text) is not None


def _says_what(value: Any, text: str, of_array: bool) -> bool:
    shown = {type(value).__name__}
    for show in (repr, str, lambda entry: format(entry, "g")):
        with contextlib.suppress(Exception):
            shown.add(show(value))
    shown.discard("")
    if any(form in text for form in shown):
        return True
    simple = isinstance(value, bool | int | float | str | bytes) or value is None
    return (of_array or not simple) and re.search(_FACTS, text, re.IGNORECASE) is not None


def _faults_of_answer(
    answer: Any,
    base: Any,
    example: Example,
    arguments: dict[str, Any],
    value: Any,
    hostile: Hostile,
    legal: bool | None,
) -> list[tuple[str, str]]:
    allowed = (*example.nan, ".pos_label", ".name")
    not_finite = find_nan(answer, allowed=allowed, infinite=example.infinite)
    extreme = hostile.tag in ("nan", "inf", "number", "negative", "constant")
    if not_finite is not None and example.passes_nan and extreme:
        # A loss that is no number tells as much as an error.
        return []
    if legal is False:
        return [("accepted", f"{_short(value)} gave {_short(answer)}")]
    if not_finite is not None:
        return [("nan", not_finite)]
    if base is not None and (problem := differs(answer, base, example.unsteady)) is not None:
        return [("answer", problem)]
    if example.right is not None:
        try:
            wrong = example.right(answer, arguments)
        except Exception as error:
            wrong = f"the answer cannot be used: {type(error).__name__}: {error}{_place(error)}"
        if wrong is not None:
            return [("answer", wrong)]
    return []


def _short(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= 90 else f"{text[:87]}..."
