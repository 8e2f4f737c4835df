"""Sums over all pairs of a positive and a negative, without forming the pairs."""

from ._dispatch import PairSums, pair_sums

__all__ = ["PairSums", "pair_sums"]
