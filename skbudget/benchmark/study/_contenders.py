"""Every contender of the study, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ._contender import Contender
from ._ensembles import OUR_ENSEMBLES
from ._networks import NETWORKS, OUR_NETWORKS
from ._trees import OUR_TREES, TREES

__all__ = ["CONTENDERS", "find_contenders", "split_by_availability"]

CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (*TREES, *NETWORKS, *OUR_TREES, *OUR_NETWORKS, *OUR_ENSEMBLES)
}
"""In the order of the tables: peers, then ours."""


def find_contenders(names: Iterable[str] | None = None) -> list[Contender]:
    """Return contenders by name, each once; None for all.

    Raises
    ------
    ValueError
        If a name is not known.
    """
    if names is None:
        return list(CONTENDERS.values())
    found = {}
    for name in names:
        if name not in CONTENDERS:
            raise ValueError(
                f"Unknown method {name!r}: it should be one of {', '.join(CONTENDERS)}."
            )
        found[name] = CONTENDERS[name]
    return list(found.values())


def split_by_availability(
    contenders: Sequence[Contender],
) -> tuple[list[Contender], dict[str, str]]:
    """Return the contenders that can run, and by label why the others cannot.

    Raises
    ------
    ImportError
        If none of them can.
    """
    able, skipped = [], {}
    for contender in contenders:
        reason = contender.why_unavailable()
        if reason is None:
            able.append(contender)
        else:
            skipped[contender.label] = reason
    if not able:
        raise ImportError(
            f"None of the methods can run: {'; '.join(sorted(set(skipped.values())))}"
        )
    return able, skipped
