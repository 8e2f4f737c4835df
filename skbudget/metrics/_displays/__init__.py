"""The metrics as pictures: scikit-learn displays. matplotlib is imported by what draws."""

from ._coverage import CoverageCurveDisplay

__all__ = ["CoverageCurveDisplay"]
