"""All contenders of the study, by name."""

from __future__ import annotations

from collections.abc import Iterable

from ._ablation import ABLATION
from ._contender import Contender
from ._ensembles import OUR_ENSEMBLES
from ._networks import NETWORKS, OUR_NETWORKS
from ._table import BY_TIME, StudyTable
from ._trees import OUR_TREES, TREES

__all__ = ["CONTENDERS", "find_contenders", "runs_on"]

CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (*TREES, *NETWORKS, *OUR_TREES, *OUR_NETWORKS, *OUR_ENSEMBLES)
}
"""All contenders by name, in the order of the tables: peers come first, then ours."""


# The verdict is about real tables, so all contenders run there. Generated tables show when
# and why a contender wins. For that the usual peer, the closest booster, the closest network
# and ours are enough.
_EVERYTHING = frozenset(CONTENDERS)
_CLOSEST = frozenset(
    {
        "lightgbm",
        "xgboost-pairwise",
        "mlp-imbalanced-losses",
        "pauc-lightgbm",
        "pauc-network",
        "pauc-ensemble",
    }
)
_BY_GROUP = {
    "real": _EVERYTHING,
    BY_TIME["real"]: _EVERYTHING,
    "regime": frozenset({"lightgbm", "pauc-lightgbm"}),
}


def runs_on(contender: Contender, table: StudyTable) -> bool:
    """Return whether a contender runs on a table if the user names no methods."""
    return contender.name in _BY_GROUP.get(table.group, _CLOSEST)


def find_contenders(
    names: Iterable[str] | None = None, *, ablation: bool = False
) -> list[Contender]:
    """Return the contenders with these names, each once.

    Parameters
    ----------
    names : iterable of str, default=None
        Names. None stands for all contenders.
    ablation : bool, default=False
        Whether to look among the contenders of the ablation.

    Returns
    -------
    contenders : list of Contender

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    known = ABLATION if ablation else CONTENDERS
    if names is None:
        return list(known.values())
    found = {}
    for name in names:
        if name not in known:
            raise ValueError(f"Unknown method {name!r}: it should be one of {', '.join(known)}.")
        found[name] = known[name]
    return list(found.values())
