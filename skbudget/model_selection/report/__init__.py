"""Whether a band loss is worth switching to: the measurement, the rule and the words."""

from ._report import adoption_report
from ._result import AdoptionReport

__all__ = ["AdoptionReport", "adoption_report"]
