"""A loss that is tuned for what it is used for: two levels, of weights and of the loss."""

from ._classifier import AutoBalanceClassifier

__all__ = ["AutoBalanceClassifier"]
