"""Import public names on first use, so that `import skbudget` stays light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, names: Mapping[str, str], extras: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package.

    Parameters
    ----------
    package : str
        Name of the package, ``__name__``.
    names : mapping of str to str
        Module, relative to the package, that defines each public name.
    extras : mapping of str to str, default=None
        Extra of this distribution that installs a third-party module.

    Returns
    -------
    getattr_, dir_ : callables
    """

    def getattr_(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(names[name], package)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if extras is None or missing not in extras:
                raise
            raise ImportError(
                f"{package}.{name} needs {missing}, which is not installed: "
                f'pip install "skbudget[{extras[missing]}]"'
            ) from error
        return getattr(module, name)

    def dir_() -> list[str]:
        return sorted(names)

    return getattr_, dir_
