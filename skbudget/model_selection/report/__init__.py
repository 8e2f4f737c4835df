"""Whether a band loss is worth switching to: the measurement, the rule and the words."""

from ._report import AdoptionReport, adoption_report

__all__ = ["AdoptionReport", "adoption_report"]
