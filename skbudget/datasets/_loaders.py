"""Two real tables with a rare class: one comes with the package, one is fetched."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from http.client import HTTPException
from importlib import resources
from numbers import Integral, Real
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ._limits import Within

_MAMMOGRAPHY_FILE = "mammography.csv.gz"
_MAMMOGRAPHY_DESCR = """\
Mammography: microcalcifications among segmented objects
---------------------------------------------------------

:Samples: 11 183 objects, 260 of them microcalcifications (2.3 %)
:Features: 6, numeric, standardised to mean 0 and standard deviation 1
:Missing values: none
:Target: 1 for a microcalcification, 0 for any other object

Each row is an object segmented from a digitised mammogram. The article names
six measurements (area, average grey level, gradient strength along the
perimeter, root mean square noise, contrast with the border, a low-order shape
moment); the published table calls its columns attr1 to attr6, without saying
which is which.

3 335 rows repeat the features of an earlier row, mostly among the negatives:
expect ties between scores, and equal rows on both sides of a random split.

Source: OpenML data set 310, by courtesy of Aleksandar Lazarevic.

.. rubric:: References

K. S. Woods, C. C. Doss, K. W. Bowyer, J. L. Solka, C. E. Priebe,
W. P. Kegelmeyer (1993). Comparative evaluation of pattern recognition
techniques for detection of microcalcifications in mammography. International
Journal of Pattern Recognition and Artificial Intelligence 7(6), 1417-1436.
"""

_CREDITCARD_ID = 1597


def _import_pandas(owner: str) -> ModuleType:
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{owner} with as_frame=True requires pandas. Install it (pip install pandas) or "
            "use as_frame=False for NumPy arrays."
        ) from error
    return pandas


def _as_bunch(
    owner: str,
    data: Any,
    target: NDArray,
    *,
    target_column: str,
    feature_names: Sequence[str],
    return_X_y: bool,
    as_frame: bool,
    **about: Any,
) -> Bunch | tuple[Any, Any]:
    """Return a table in the form that scikit-learn's loaders use."""
    frame = None
    if as_frame:
        pandas = _import_pandas(owner)
        data = pandas.DataFrame(data, columns=list(feature_names))
        target = pandas.Series(target, index=data.index, name=target_column)
        frame = pandas.concat([data, target], axis="columns")
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, frame=frame, feature_names=list(feature_names), **about)


@validate_params(
    {"return_X_y": ["boolean"], "as_frame": ["boolean"]}, prefer_skip_nested_validation=True
)
def load_mammography(
    *, return_X_y: bool = False, as_frame: bool = False
) -> Bunch | tuple[Any, Any]:
    """Load the mammography table: microcalcifications among segmented objects.

    ================= ==============
    Rows              11 183
    Positives         260 (2.3 %)
    Features          6, standardised
    ================= ==============

    The table comes with the package. Nothing is downloaded.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether data and target are a pandas DataFrame and Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        data : ndarray of shape (11183, 6), dtype=float64, or DataFrame
            The features.
        target : ndarray of shape (11183,), dtype=int64, or Series
            1 for a microcalcification, 0 for any other object.
        frame : DataFrame of shape (11183, 7) or None
            Data and target, only if ``as_frame``.
        feature_names : list of str
            ``attr1`` to ``attr6``.
        target_names : ndarray of shape (2,)
            Names of the classes 0 and 1.
        DESCR : str
            Description of the table.
        filename, data_module : str
            File that the table is read from, and the package that contains it.

    (data, target) : tuple if ``return_X_y``
        The features and the target alone.

    Raises
    ------
    ImportError
        If ``as_frame`` and pandas is not installed.

    See Also
    --------
    fetch_creditcard_fraud : A larger table, from OpenML.

    Notes
    -----
    3 335 rows repeat the features of an earlier row.

    References
    ----------
    .. [1] K. S. Woods, C. C. Doss, K. W. Bowyer, J. L. Solka, C. E. Priebe,
       W. P. Kegelmeyer (1993). Comparative evaluation of pattern recognition
       techniques for detection of microcalcifications in mammography.
       International Journal of Pattern Recognition and Artificial
       Intelligence 7(6), 1417-1436.
    .. [2] OpenML data set 310, https://www.openml.org/d/310.

    Examples
    --------
    >>> from skbudget.datasets import load_mammography
    >>> X, y = load_mammography(return_X_y=True)
    >>> X.shape, int(y.sum())
    ((11183, 6), 260)
    """
    stored = resources.files("skbudget.datasets") / "data" / _MAMMOGRAPHY_FILE
    with stored.open("rb") as raw, gzip.open(raw, "rt", encoding="ascii") as lines:
        *feature_names, target_column = next(lines).strip().split(",")
        table = np.loadtxt(lines, delimiter=",")
    return _as_bunch(
        "load_mammography",
        np.ascontiguousarray(table[:, :-1]),
        table[:, -1].astype(np.int64),
        target_column=target_column,
        feature_names=feature_names,
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=np.array(["other object", "microcalcification"]),
        DESCR=_MAMMOGRAPHY_DESCR,
        filename=_MAMMOGRAPHY_FILE,
        data_module="skbudget.datasets.data",
    )


def _openml_parser() -> str:
    """Return the fast parser, or the one that needs no pandas."""
    try:
        import pandas  # noqa: F401
    except ImportError:
        return "liac-arff"
    return "pandas"


def _read_01(target: ArrayLike) -> NDArray[np.int64]:
    """Return the classes of an OpenML table, given as categories or strings, as 0 and 1."""
    labels = np.char.strip(np.asarray(target).astype(str), "'\" ")
    if not np.isin(labels, ["0", "1"]).all():
        raise ValueError(
            f"OpenML data set {_CREDITCARD_ID} should have the classes '0' and '1'. "
            f"Got {np.unique(labels)[:10].tolist()}: it may have changed since this was written."
        )
    return labels.astype(np.int64)


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
        "cache": ["boolean"],
        "n_retries": [Within(Integral, 0, None, closed="left")],
        "delay": [Within(Real, 0, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def fetch_creditcard_fraud(
    *,
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
    cache: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch | tuple[Any, Any]:
    """Fetch the European card fraud table of 2013 from OpenML (classification).

    ================= ===============
    Rows              284 807
    Positives         492 (0.17 %)
    Features          29
    ================= ===============

    The first call downloads the table. Later calls read it from the cache.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache. None takes the folder of scikit-learn, see
        :func:`sklearn.datasets.get_data_home`.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether data and target are a pandas DataFrame and Series.
    cache : bool, default=True
        Whether to keep the downloaded table.
    n_retries : int, default=3
        How often to try again when a download fails.
    delay : float, default=1.0
        Seconds between tries.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        data : ndarray of shape (284807, 29), dtype=float64, or DataFrame
            The features: ``V1`` to ``V28``, principal components of
            undisclosed variables, and ``Amount``, the sum of the transaction.
        target : ndarray of shape (284807,), dtype=int64, or Series
            1 for a fraud, 0 for a genuine transaction.
        frame : DataFrame of shape (284807, 30) or None
            Data and target, only if ``as_frame``.
        feature_names : list of str
            Names of the features.
        target_names : ndarray of shape (2,)
            Names of the classes 0 and 1.
        DESCR : str
            Description given by OpenML.
        url : str
            Where the table comes from.

    (data, target) : tuple if ``return_X_y``
        The features and the target alone.

    Raises
    ------
    OSError
        If the table is not in the cache and cannot be downloaded.
    ImportError
        If ``as_frame`` and pandas is not installed.

    See Also
    --------
    load_mammography : A smaller table, without a download.

    Notes
    -----
    Every feature column that OpenML serves for this data set is returned.
    Other publications of the table also have a column ``Time``. Without it,
    a split in time can only follow the order of the rows.

    References
    ----------
    .. [1] A. Dal Pozzolo, O. Caelen, R. A. Johnson, G. Bontempi (2015).
       Calibrating probability with undersampling for unbalanced
       classification. IEEE Symposium Series on Computational Intelligence.
    .. [2] OpenML data set 1597, https://www.openml.org/d/1597.

    Examples
    --------
    >>> from skbudget.datasets import fetch_creditcard_fraud
    >>> X, y = fetch_creditcard_fraud(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((284807, 29), 492)
    """
    if as_frame:
        # Fail now rather than after the download.
        _import_pandas("fetch_creditcard_fraud")
    try:
        fetched = fetch_openml(
            data_id=_CREDITCARD_ID,
            data_home=data_home,
            cache=cache,
            as_frame=as_frame,
            parser=_openml_parser(),
            n_retries=n_retries,
            delay=delay,
        )
    except (OSError, HTTPException) as error:
        home = data_home or os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data"
        folder = os.path.join(os.path.expanduser(home), "openml")
        looked = (
            f"looked for a copy in {folder} (data_home={data_home!r})"
            if cache
            else "used no cache (cache=False)"
        )
        raise OSError(
            f"Could not fetch the card fraud table (OpenML data set {_CREDITCARD_ID}): {looked}, "
            f"then tried https://www.openml.org/d/{_CREDITCARD_ID} up to {n_retries + 1} times "
            f"and got {type(error).__name__}: {error}. To place it by hand, call "
            "fetch_creditcard_fraud() on a machine with a connection and copy the folder 'openml' "
            f"of its sklearn.datasets.get_data_home() to {folder}."
        ) from error

    return _as_bunch(
        "fetch_creditcard_fraud",
        fetched.data if as_frame else np.asarray(fetched.data, dtype=np.float64),
        _read_01(fetched.target),
        target_column="Class",
        feature_names=fetched.feature_names,
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=np.array(["genuine", "fraud"]),
        DESCR=fetched.DESCR,
        url=f"https://www.openml.org/d/{_CREDITCARD_ID}",
    )
