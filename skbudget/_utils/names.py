"""Names that nobody knows, and the near name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from sklearn.utils._param_validation import InvalidParameterError

__all__ = ["near_name", "refuse_unknown_names", "suggestion"]

# As alike as "sample_weigth" and "sample_weight" are, or "buget" and "budget".
_NEAR = 0.7


def near_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like another one, None if none is like it.

    Of several the first is taken.
    """
    likeness = SequenceMatcher(b=name.lower())
    best, greatest = None, _NEAR
    for one in known:
        likeness.set_seq1(one.lower())
        # The quick one is an upper bound.
        if likeness.quick_ratio() > greatest and likeness.ratio() > greatest:
            best, greatest = one, likeness.ratio()
    return best


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the question whether the near name was meant, empty if no name is near."""
    near = near_name(name, known)
    return "" if near is None else f"Did you mean {near!r}?"


def refuse_unknown_names(
    given: Iterable[str], known: Iterable[str], callee: str, also: str = ""
) -> None:
    """Raise if an argument is given that a callable does not have, whatever its value.

    Parameters
    ----------
    given : iterable of str
        Names of the arguments.
    known : iterable of str
        Names that the callable has. The more likely ones come first.
    callee : str
        The class, or the method of a class, for messages.
    also : str, default=""
        Where the user finds the names, or what else may be wrong.

    Raises
    ------
    InvalidParameterError
        A ValueError and a TypeError.
    """
    known = list(known)
    for name in given:
        if name in known:
            continue
        hint = suggestion(name, known)
        raise InvalidParameterError(
            f"{callee} has no parameter {name!r}, so that it would have no effect."
            f"{hint and ' '}{hint}{also}"
        )
