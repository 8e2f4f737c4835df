"""Metadata requests for the columns that `fit` takes by names of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar

from sklearn.utils._metadata_requests import RequestMethod

__all__ = ["COLUMNS", "ColumnRequests"]

# Columns that losses of this package read, beside those that `fit` names.
COLUMNS: dict[str, Any] = dict.fromkeys(("iid_mask", "process", "row_id", "segment", "value"))


class ColumnRequests:
    """Lets an estimator request columns that its `fit` takes as further keywords.

    scikit-learn makes ``set_fit_request`` of the names in the signature, and a loss or a head
    of the user's may have columns by any name.
    """

    # Methods that take columns.
    _taking_columns: ClassVar[tuple[str, ...]] = ("fit",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for method in cls._taking_columns:
            name = f"set_{method}_request"
            made = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
            if isinstance(made, RequestMethod):
                setattr(cls, name, _OpenRequest(method, made.keys))

    def _own_columns(self) -> Iterable[str]:
        """Return the columns that the losses of this estimator read."""
        raise NotImplementedError


class _OpenRequest(RequestMethod):
    """The descriptor of ``set_fit_request``, for the columns of an instance too."""

    def __get__(self, instance: Any, owner: Any) -> Callable[..., Any]:
        usual = super().__get__(instance, owner)

        @wraps(usual)
        def request(*args: Any, **names: Any) -> Any:
            estimator = instance if instance is not None else args[0]
            further = [name for name in names if name not in self.keys]
            if not further:
                return usual(*args, **names)
            known = sorted({*self.keys, *estimator._own_columns()})
            for name in further:
                if name not in known:
                    raise TypeError(
                        f"set_{self.name}_request of {type(estimator).__name__} got {name!r}, "
                        f"which {self.name} does not take: neither itself nor its losses read it. "
                        f"Set the loss first. What can be requested: {', '.join(known)}."
                    )
            return RequestMethod(self.name, known).__get__(instance, owner)(*args, **names)

        return request
