"""What the docstrings of the classifiers for both boosters share."""

from __future__ import annotations

__all__ = ["document_parameters"]

PARAMETERS_DOC = """budget : float, default=0.005
        Review budget, a fraction in (0, 1]: the share of rows that can be acted on.
    alpha, beta : float, default=None
        Ends of the FPR band of training, as fractions. Without ``alpha`` the band begins
        at the top. Without ``beta`` its end is chosen, see ``selection_cv``.
    surrogate : {"pairwise", "trapezoid"}, default="pairwise"
        Surrogate of the partial AUC.
    link : {"logistic", "sigmoid"}, default="logistic"
        Loss of a pair, for the pairwise surrogate.
    temperature : float, default=1.0
        Width of the comparison of two margins.
    tau_scale : {"iqr", "band"} or None, default=None
        Dispersion that multiplies ``temperature``; None for units of margin.
    basis : {"fpr", "population"}, default="fpr"
        Whether the ends of the band count negatives or all rows.
    n_knots : int, default=2
        Knots of the trapezoid surrogate.
    schedule : Schedule, default=None
        Warm-up and annealing over rounds, see `skbudget.objectives.Schedule`.
    regularizer : str or Loss, default=None
        A loss that is added to the one that is minimised, from the first round on: a
        `skbudget.objectives.Loss` of the same target, or a name of
        ``skbudget.objectives.available(model="boosters")``. "critical_rank" pushes the lowest
        positives up, so that few false positives are needed to catch nearly all of them. A
        loss over a band that is given by name has the band of ``budget``.
    regularizer_weight : float, default=1.0
        Weight of the regulariser, at least 0; not used without one. Both are added as
        `skbudget.objectives.WeightedSum` adds them. With a weight of 1 a positive pulls as
        hard through a regulariser of ranks as through cross-entropy.
    selection_cv : int, cross-validation generator, iterable or None, default=3
        Folds used to choose what ``beta=None``, ``{split_gain}="auto"`` and
        ``{leaves}="auto"`` leave open: their number, a splitter or an iterable of (train, test)
        indices, see Notes. Counts of rows do not
        tell whether other rows contest the top of the ranking, whether these can be told
        apart, and how noisy the top is. So three models are compared on rows that they
        were not trained on. The first has the band of `skbudget.boosting.default_beta`
        and a least split gain of 0, and finds the finest structure. The second has a least
        split gain of 1, and leaves noise alone. The third has the whole AUC, a least split
        gain of 1 and trees of 15 leaves, for a table whose top is like the rest of it. The
        model with the greatest partial AUC up to three times the budget (and over at least
        20 held-out negatives) is chosen. They race: after each fold the models that are behind
        by more than half a 95 % interval drop out. So three folds take five to nine fits. Of two
        models that are equally good one may be lost; one that is better by much hardly ever is.
        Without early stopping calibration uses the same fits, if it has the same folds. The first
        of the three is trained where nothing is chosen: with None, with
        fewer than 10 rows of a class (held out ones, for splits that are given), when the
        training of a model is continued, and for a target that does not have two classes.
    calibration_cv : int, cross-validation generator, iterable or None, default=3
        Folds used to learn `predict_proba`: their number, a splitter or an iterable of (train,
        test) indices, see Notes. The model itself is trained on all rows. For each fold one
        more model scores its rows, after training on the other folds, and a sigmoid is fitted
        to these margins. It is increasing, so that the ranking stays. This costs as many fits
        on ``1 - 1/cv`` of the rows. With None there is no `predict_proba`, only
        `decision_function`.
    fold_learning_rate : float, default=0.15
        Least learning rate of the models of the folds. They have fewer trees in proportion, but
        no fewer than 25, and end at about the same margins. So the same candidate is nearly
        always chosen. Margins of held-out rows are mapped to the scale of the final model, so
        that probabilities are nearly as good. With None these models have the learning rate and
        the trees of the final one, and take three times as long. It is the same as None with
        callbacks, early stopping, a schedule, scores that boosting begins from, trees that are
        dropped, and linear trees.
    pool : "exact", float or None, default="exact"
        Which rows the trees are grown on, where the objective has a band. "exact": the positives
        and all negatives that can rise into the band before rows are chosen again, which the
        greatest leaves of the trees bound. Gradients are those of all rows. What else is counted
        in a leaf, such as its least number of rows, is scaled to the rows that are left. Where
        this would cost more than it saves, as in the first rounds, in small tables and where the
        top is close to the bulk, all rows are used. A float in (0, 1) is a share of the
        negatives, those with the greatest scores, but no fewer than the band holds. It is
        faster, and others may rise into the band unseen; a warning tells how many did. None uses
        all rows always.
    pos_label : int, float, bool or str, default=None
        Label of the positive class, the one to be caught. None means 1 for labels 0 and 1 or
        -1 and 1, and True for booleans. Of any other two labels the rarer one is then taken,
        with a warning that names it. A positive class that is the majority is warned about."""

OBJECTIVE_DOC = """objective : str, Loss or callable, default=None
        What is minimised. None is the partial AUC that the parameters above set. A name of
        `skbudget.objectives.available` or a `skbudget.objectives.Loss` is another loss, and
        boosting begins from its `start`. If the booster has that loss itself, its own
        objective is trained, see `skbudget.objectives.Loss.library_params`. A loss over a band
        that is given by name has the band of ``budget``, ``alpha``, ``beta`` and ``basis``; its
        other parameters, and all those of a loss object, are its own. A callable, such as a
        `skbudget.boosting.BoosterObjective`, ignores the parameters above but for
        ``budget``, and boosting begins at zero. A loss may take other targets than two
        classes, see Notes."""

TARGETS_DOC = """``X`` holds numbers, booleans, missing values and, in data frames of
    pandas and polars, categories and nullable types. Categories need no parameter; a level
    that was not seen in `fit` counts as a missing value. Infinity is an error that names the
    columns, and so are text and dates, with the lines that prepare them.

    ``y`` has two classes, unless ``objective`` is a loss of another target:

    - classes: a margin per class. `decision_function` has shape (n_samples, n_classes). It
      is the log-odds of each class with calibration, and the raw margins without it.
      `predict` gives the class of the greatest margin. Each class is calibrated against all
      others, and the probabilities of a row are normalised.
    - ordered levels, which must be numbers. `predict_proba` gives the probability of each
      level, and needs calibration. With a margin per threshold between two levels, `predict`
      gives the level after the last threshold that is passed, counted by margins above zero,
      and with a margin per level that of the greatest. With a single margin it gives the
      level in the middle of the calibrated distribution; without calibration there is no
      `predict`. `skbudget.metrics.expected_worth` says what the levels are worth.
    - real numbers: `predict` gives the score, and the estimator is a regressor. There is
      no calibration, and there are no ``classes_``.

    Two classes with a binary loss and more labels are refused; for one-versus-rest wrap the
    estimator in `sklearn.multiclass.OneVsRestClassifier`, or use
    `skbudget.objectives.OneVsRest`."""

FOLDS_DOC = """The models of the folds are trained as the final model is, but with fewer and
    longer steps where ``fold_learning_rate`` allows for it, and without evaluation sets then.
    Otherwise they have the same parameters, evaluation sets and callbacks, of which each has
    copies that saw no training before (the object itself where it cannot be copied). With early
    stopping, each model that a choice is made by stops by itself. Those that probabilities are
    learnt from are trained for as many rounds as the final model keeps, because margins grow
    with every round, and take further fits.

    **Folds** should part rows as fresh rows are parted from the table. If a customer has
    several rows that are alike, and folds part them, the models of the folds have all but seen
    the rows that they score. The choice is then too bold, and probabilities are too extreme.

    - A number of folds stands for stratified ones. With ``groups``, and with the column
      ``group`` of a loss, no group is split between them. There are as many folds as the
      smallest class has rows, or groups, if those are fewer.
    - A splitter, or an iterable of (train, test), splits the table as `fit` gets it. Rows of
      weight 0 have row numbers there, but are neither trained on nor held out. The splitter
      gets ``groups`` if its `split` takes them, and if it parts a group all the same, there is
      a warning.
    - Rows that no split holds out, such as the first ones of ``TimeSeriesSplit``, only train.
      A row that several splits hold out counts once for each.
    - Each split must train on rows of each class. A split of ``selection_cv`` whose held-out
      rows lack a class is left out of the comparison, and one at least must have both. The
      splits of ``calibration_cv`` together must hold out rows of each class.

    Inside `sklearn.model_selection.cross_validate` and
    `sklearn.model_selection.GridSearchCV`, ``groups`` reach the folds if metadata routing is
    enabled: `fit` requests them unless ``set_fit_request(groups=False)`` says otherwise. What the
    loss reads is requested by name: ``set_fit_request(group=True)``."""


def document_parameters(doc: str, split_gain: str, leaves: str) -> str:
    """Return a class docstring with the shared parts, and the parent's names in them."""
    shared = {"own": PARAMETERS_DOC, "objective": OBJECTIVE_DOC}
    shared |= {"targets": TARGETS_DOC, "folds": FOLDS_DOC}
    for name, part in shared.items():
        doc = doc.replace(f"{{{name}}}", part)
    return doc.replace("{split_gain}", split_gain).replace("{leaves}", leaves)
