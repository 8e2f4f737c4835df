"""Whether to adopt a band loss."""

from ._report import AdoptionReport, Recommendation, adoption_report

__all__ = ["AdoptionReport", "Recommendation", "adoption_report"]
