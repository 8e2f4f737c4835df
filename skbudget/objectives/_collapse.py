"""The warning of a loss whose least value is that of a model that selects nothing."""

from __future__ import annotations

__all__ = ["NEAR", "NO_BETTER", "CollapseWarning", "collapse_message"]

# Scores this near to the centre, by the weights of the loss, have not gone anywhere, if the loss
# is no less than this share of that of a constant.
NEAR, NO_BETTER = 0.25, 0.99


class CollapseWarning(UserWarning):
    """A loss pulls all scores to one number: no model found is better by it than a constant.

    The losses of significance raise it while they are trained on, and so do the hinge loss and
    those of quantiles at the end of boosting. Boosters raise it where no tree has a split.

    See Also
    --------
    LovaszSignificance : Says when this happens.
    skbudget.neural.SignificanceLoss : The same in torch.

    Examples
    --------
    An error in the place of the warning ends the training:

    >>> import warnings
    >>> from skbudget.objectives import CollapseWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", CollapseWarning)
    ...     # model.fit(X, y)
    """


def collapse_message(owner: str, regularizer: float) -> str:
    """Return what has happened, and what to change."""
    return (
        f"{owner} has collapsed: to give all rows the same score is no worse by this loss than "
        f"the scores that it was handed, so it pulls them together, and the ranking is lost. Its "
        f"regularizer is {regularizer:.3g} of the background. Raise it (ten or a hundred times), "
        "or use features that tell more. Selecting rows pays where the share of the signal kept "
        "is above sqrt(1 + false positive rate / regularizer) / 2."
    )
