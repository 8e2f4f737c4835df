"""The names of LightGBM's parameters."""

from __future__ import annotations

from lightgbm.basic import _ConfigAliases

__all__ = ["main_names"]


def main_names() -> dict[str, str]:
    """Return the main name of each name that the installed LightGBM knows."""
    aliases = _ConfigAliases._get_all_param_aliases()
    return {name: main for main, names in aliases.items() for name in (main, *names)}
