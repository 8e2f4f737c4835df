"""The uncertainty of a measured coverage: intervals, a test and sample sizes."""

from ._bootstrap import bootstrap_ci, paired_bootstrap_ci
from ._comparison import CoverageDifference, coverage_difference_test
from ._interval import BootstrapInterval
from ._sample_size import CoverageSampleSize, coverage_sample_size

__all__ = [
    "BootstrapInterval",
    "CoverageDifference",
    "CoverageSampleSize",
    "bootstrap_ci",
    "coverage_difference_test",
    "coverage_sample_size",
    "paired_bootstrap_ci",
]
