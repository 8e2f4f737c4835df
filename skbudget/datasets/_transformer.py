"""Implant a contested top into a table whose rows already have roles."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import InvalidParameterError, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from .._utils.naming import naming
from .._utils.seeds import check_random_state
from ._roles import BULK, CONFOUNDER, DECOY, MAGNITUDE_CONSTRAINT, POSITIVE, ROLES

CUES: Final = ("linear", "product", "radial")
CUE_CONSTRAINT: Final = [StrOptions(set(CUES))]
EASY_FEATURES: Final = (0, 1, 2)
CUE_FEATURES: Final = (5, 6)

# Name of the role column if the user does not give one.
_ROLE_NAME = "role"

# Interquartile range of a standard normal variable.
_NORMAL_IQR = 1.3489795003921634

# Increment and multipliers of the SplitMix64 generator.
_GAMMA = 0x9E3779B97F4A7C15
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def _scramble(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the SplitMix64 output of each state; the products overflow on purpose."""
    state = (state ^ (state >> np.uint64(30))) * _MIX[0]
    state = (state ^ (state >> np.uint64(27))) * _MIX[1]
    return state ^ (state >> np.uint64(31))


def _row_signs(rows: NDArray, n_signs: int, seed: int) -> NDArray[np.float64]:
    """Return ``n_signs`` random signs for each row, a function of its values and the seed."""
    # Equal rows must get equal bits: adding zero turns -0.0 into 0.0, and all NaN are made one.
    values = np.ascontiguousarray(rows, dtype=np.float64) + 0.0
    values[np.isnan(values)] = np.nan
    state = np.full(values.shape[0], seed, dtype=np.uint64)
    for column in values.view(np.uint64).T:
        state = _scramble((state + np.uint64(_GAMMA)) ^ column)
    offsets = [np.uint64((j + 1) * _GAMMA % 2**64) for j in range(n_signs)]
    signs = np.empty((values.shape[0], n_signs))
    for j, offset in enumerate(offsets):
        signs[:, j] = np.where(_scramble(state + offset) >> np.uint64(63), 1.0, -1.0)
    return signs


def _robust_std(column: NDArray) -> float:
    """Return IQR / 1.349, or the standard deviation if the IQR is 0, or 1 if both are 0."""
    values = column[~np.isnan(column)].astype(np.float64)
    if not values.size:
        return 1.0
    lower, upper = np.percentile(values, [25, 75])
    return float((upper - lower) / _NORMAL_IQR or np.std(values) or 1.0)


class ContestedTopTransformer(TransformerMixin, BaseEstimator):
    """Implant a contested top into a table that has a column with each row's role.

    Positives and *decoy* negatives get the same strong signal on the easy
    features, so that both reach the top of any ranking. Only a weaker cue, of
    a form that you choose, tells them apart. The output is the table with its
    rows shifted and without its role column. The base table may be noise
    (:func:`make_contested_top`) or real data (:func:`draw_roles` assigns the
    roles).

    ==== ================== ============== ==============
    role meaning            easy features  cue features
    ==== ================== ============== ==============
    0    bulk negative      untouched      untouched
    1    positive           ``+easy``      cue of ``sep``
    2    decoy negative     ``+easy``      untouched
    3    confounder         untouched      cue of ``sep``
    ==== ================== ============== ==============

    Parameters
    ----------
    cue : {'linear', 'product', 'radial'}, default='product'
        Form of the cue. ``'linear'`` adds ``sep`` to every cue feature.
        ``'product'`` draws one sign per row and adds ``sign * sep`` to every
        cue feature, which raises their product but no mean. ``'radial'``
        draws a sign for each row and cue feature, so that only the distance
        from the centre tells the rows apart.
    easy : float, default=2.5
        Size of the easy signal, in standard deviations of each column.
    sep : float, default=1.7
        Size of the cue, in standard deviations of each column.
    easy_features : sequence of int or str, default=(0, 1, 2)
        Columns that carry the easy signal, as positions in the input (the
        role column counts) or names.
    cue_features : sequence of int or str, default=(5, 6)
        Columns that carry the cue; none may be an easy one.
    role_column : int, str or None, default=None
        Position or name of the column of roles. None takes the column called
        ``"role"``. A table without such a column has no roles: it is returned
        unchanged, with a warning from `fit`. For an array whose last column
        holds the roles pass -1.
    scale : {'robust'} or None, default='robust'
        How standard deviations are measured. ``'robust'`` learns them at
        `fit`: the interquartile range of each column over 1.349, or its plain
        standard deviation if that range is 0, or 1 for a constant column.
        None takes 1, for a table that is already in standard units.
    random_state : int, RandomState instance or None, default=None
        Seeds the signs of the cue, once per `fit`. Pass an int for the same
        output at every fit.

    Attributes
    ----------
    role_index_ : int or None
        Position of the role column in the input.
    easy_indices_, cue_indices_ : ndarray of shape (n_easy,) and (n_cue,)
        Positions of the shifted columns in the output. Empty if the table has
        no roles.
    easy_shift_, cue_shift_ : ndarray of shape (n_easy,) and (n_cue,)
        Sizes of the shifts, in the units of each column.
    sign_seed_ : int
        Seed of the signs.
    n_features_in_ : int
        Number of input columns, including the role column.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the input columns, if all are strings.

    See Also
    --------
    draw_roles : Assigns roles to the rows of a binary problem.
    make_contested_top : The same geometry on a table of noise.

    Notes
    -----
    Training and test rows both need roles. The transformer generates a
    benchmark; it is not a step to deploy.

    A fitted transformer is a function of the row. It derives the signs from
    ``sign_seed_`` and the row's own values, not from a stream of random
    numbers. So a row gets the same shift in every batch and order, and
    training and test rows get independent shifts. Rows with equal values get
    equal signs. In a `Pipeline`, put the transformer first: a step before it
    that is refitted changes the values and therefore the signs. For one
    ``random_state`` the signs do not depend on ``sep``, ``easy`` or the scale,
    so that comparisons over a grid are paired.

    Missing values (NaN) stay missing, and the scale ignores them.

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood (2014). Fast splittable
       pseudorandom number generators. OOPSLA 2014, 453-472 (the mixing
       function behind the signs).

    Examples
    --------
    >>> import numpy as np
    >>> from skbudget.datasets import ContestedTopTransformer, draw_roles
    >>> rng = np.random.RandomState(0)
    >>> y = (rng.uniform(size=5000) < 0.02).astype(int)
    >>> X = np.column_stack([rng.normal(size=(5000, 8)), draw_roles(y, random_state=0)])
    >>> contest = ContestedTopTransformer(cue="product", role_column=-1, random_state=0)
    >>> Xt = contest.fit_transform(X)
    >>> Xt.shape
    (5000, 8)
    >>> product = Xt[:, 5] * Xt[:, 6]
    >>> [round(float(product[y == label].mean())) for label in (0, 1)]
    [0, 3]

    The cue can be searched over like any other parameter, because the roles
    are part of the table:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> search = GridSearchCV(
    ...     make_pipeline(contest, LogisticRegression()),
    ...     {"contestedtoptransformer__cue": ["linear", "product", "radial"]},
    ...     scoring="average_precision",
    ... ).fit(X, y)
    >>> search.best_params_
    {'contestedtoptransformer__cue': 'linear'}
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "cue": CUE_CONSTRAINT,
        "easy": MAGNITUDE_CONSTRAINT,
        "sep": MAGNITUDE_CONSTRAINT,
        "easy_features": ["array-like"],
        "cue_features": ["array-like"],
        "role_column": [Integral, str, None],
        "scale": [StrOptions({"robust"}), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        cue: str = "product",
        easy: float = 2.5,
        sep: float = 1.7,
        easy_features: Sequence[int | str] = EASY_FEATURES,
        cue_features: Sequence[int | str] = CUE_FEATURES,
        role_column: int | str | None = None,
        scale: str | None = "robust",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.cue = cue
        self.easy = easy
        self.sep = sep
        self.easy_features = easy_features
        self.cue_features = cue_features
        self.role_column = role_column
        self.scale = scale
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> ContestedTopTransformer:
        """Find the columns and learn their scales.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the role column.
        y : None
            Ignored: the roles say which rows are positive.

        Returns
        -------
        self : ContestedTopTransformer
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is not allowed, a column is missing, out of range
            or used twice, or a role is not 0, 1, 2 or 3.
        """
        X = self._validate(X, reset=True)
        self.role_index_ = self._find_role_column()
        easy, cue = self._find_signal_columns(self.role_index_)
        if self.role_index_ is None:
            warnings.warn(
                f"X has no column named {_ROLE_NAME!r}, so no row has a role and nothing is "
                "implanted. Pass the column of roles as role_column (-1 for the last one).",
                UserWarning,
                stacklevel=3,
            )
        self._read_roles(X)  # raises here rather than at transform

        self.easy_shift_ = self.easy * self._learn_scale(X, easy)
        self.cue_shift_ = self.sep * self._learn_scale(X, cue)
        self.easy_indices_ = self._output_positions(easy)
        self.cue_indices_ = self._output_positions(cue)
        rng = check_random_state(self.random_state)
        self.sign_seed_ = int(rng.randint(0, 2**32, dtype=np.uint64))
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Shift each row by its role, and drop the role column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the role column, with the columns seen at `fit`.

        Returns
        -------
        X_out : ndarray of shape (n_samples, n_features - 1)
            The shifted table, float32 if `X` is, else float64. Without a
            role column, a copy of `X`.

        Raises
        ------
        ValueError
            If a role is not 0, 1, 2 or 3.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        roles = self._read_roles(X)
        table = X.copy() if self.role_index_ is None else np.delete(X, self.role_index_, axis=1)

        cued = np.flatnonzero((roles == POSITIVE) | (roles == CONFOUNDER))
        # Drawn before anything is shifted: the signs depend on the base rows.
        cue = self.cue_shift_ * self._cue_signs(table[cued])
        table[np.ix_(cued, self.cue_indices_)] += cue.astype(table.dtype)

        eased = np.flatnonzero((roles == POSITIVE) | (roles == DECOY))
        table[np.ix_(eased, self.easy_indices_)] += self.easy_shift_.astype(table.dtype)
        return table

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Get the names of the output columns: those of the input without the role column.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the input columns. None takes the names seen at `fit`, or
            ``x0``, ``x1``, ... if there were none.

        Returns
        -------
        feature_names_out : ndarray of str objects
            The names.
        """
        check_is_fitted(self, "n_features_in_")
        if input_features is not None and np.ndim(input_features) != 1:
            raise ValueError(
                "input_features must hold the names of the input columns, one for each: got "
                f"{input_features!r}."
            )
        names = np.asarray(_check_feature_names_in(self, input_features), dtype=object)
        return names if self.role_index_ is None else np.delete(names, self.role_index_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _validate(self, X: ArrayLike, *, reset: bool) -> NDArray:
        with naming("X"):
            return validate_data(
                self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
            )

    def _find_role_column(self) -> int | None:
        if self.role_column is None:
            names = list(getattr(self, "feature_names_in_", ()))
            return names.index(_ROLE_NAME) if _ROLE_NAME in names else None
        role_index = self._position(self.role_column, "role_column")
        if self.n_features_in_ == 1:
            raise ValueError(
                f"{type(self).__name__} needs other columns beside the column of roles. "
                "Got n_features=1, the role column alone."
            )
        return role_index

    def _find_signal_columns(
        self, role_index: int | None
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        if role_index is None:
            # Nothing will be shifted, so a table with fewer columns is no mistake.
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        taken = {role_index: "role_column"}
        found = []
        for parameter in ("easy_features", "cue_features"):
            positions = []
            features = getattr(self, parameter)
            if np.ndim(features) != 1:
                raise InvalidParameterError(
                    f"The {parameter!r} parameter of {type(self).__name__} must be a sequence of "
                    f"columns. Got {features!r} instead."
                )
            for feature in features:
                position = self._position(feature, parameter)
                if position in taken:
                    raise InvalidParameterError(
                        f"The {parameter!r} parameter of {type(self).__name__} must hold columns "
                        f"that are used once. Got {feature!r}, which is already in "
                        f"{taken[position]}."
                    )
                taken[position] = parameter
                positions.append(position)
            found.append(np.array(positions, dtype=np.intp))
        return found[0], found[1]

    def _output_positions(self, columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the positions of input columns in the output, without the role column."""
        return columns if self.role_index_ is None else columns - (columns > self.role_index_)

    def _position(self, column: Any, parameter: str) -> int:
        """Return the position in the input of a column given by position or name."""
        owner = type(self).__name__
        names = list(getattr(self, "feature_names_in_", ()))
        if isinstance(column, str):
            if column not in names:
                known = f"The columns are {names}." if names else "X has no column names."
                raise InvalidParameterError(
                    f"The {parameter!r} parameter of {owner} must name a column of X. "
                    f"Got {column!r} instead. {known}"
                )
            return names.index(column)
        n_features = self.n_features_in_
        if (
            not isinstance(column, Integral)
            or isinstance(column, bool | np.timedelta64)
            or not -n_features <= column < n_features
        ):
            raise InvalidParameterError(
                f"The {parameter!r} parameter of {owner} must give a column of X by name or by a "
                f"position in the range [{-n_features}, {n_features}), as X has "
                f"n_features={n_features}. Got {column!r} instead."
            )
        return int(column) % n_features

    def _read_roles(self, X: NDArray) -> NDArray:
        if self.role_index_ is None:
            return np.full(X.shape[0], BULK)
        roles = X[:, self.role_index_]
        known = np.isin(roles, ROLES)
        if not known.all():
            raise ValueError(
                f"The role column of X (column {self.role_index_}) must hold 0 (bulk), "
                "1 (positive), 2 (decoy) or 3 (confounder) in every row. "
                f"{np.count_nonzero(~known)} of {roles.size} rows do not; the first one holds "
                f"{roles[~known][0]:g}. Got role_column={self.role_column!r}."
            )
        return roles

    def _learn_scale(self, X: NDArray, columns: NDArray[np.intp]) -> NDArray[np.float64]:
        if self.scale is None:
            return np.ones(columns.size)
        with np.errstate(over="ignore", invalid="ignore"):
            scale = np.array([_robust_std(X[:, column]) for column in columns], dtype=np.float64)
        if not np.isfinite(scale).all():
            spread = columns[~np.isfinite(scale)].tolist()
            raise ValueError(
                f"Columns {spread} of X spread over more than a float holds, so they have no "
                "scale: divide them by a constant, or pass scale=None."
            )
        return scale

    def _cue_signs(self, rows: NDArray) -> NDArray[np.float64]:
        """Return the signs of the cue, broadcastable to (n_rows, n_cue)."""
        if self.cue == "linear":
            return np.ones((rows.shape[0], 1))
        n_signs = 1 if self.cue == "product" else self.cue_indices_.size
        return _row_signs(rows, n_signs, self.sign_seed_)
