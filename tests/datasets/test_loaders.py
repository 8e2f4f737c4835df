"""The shipped table is what it was, and the fetched one says what it needs."""

from __future__ import annotations

import hashlib
import pickle
import sys
from http.client import IncompleteRead
from importlib import resources
from urllib.error import URLError

import numpy as np
import pytest
from sklearn.utils import Bunch

from skbudget.datasets import _loaders, fetch_creditcard_fraud, load_mammography

MAMMOGRAPHY_SHA256 = "8660fe33f23e1a6f8e1e1956787403a52b7183c3ca071bbe9579939ad87f3ab3"


def test_mammography_is_bit_for_bit_the_published_table():
    X, y = load_mammography(return_X_y=True)
    assert (X.dtype, y.dtype) == (np.float64, np.int64)
    content = X.astype("<f8").tobytes() + y.astype("<i8").tobytes()
    assert hashlib.sha256(content).hexdigest() == MAMMOGRAPHY_SHA256


def test_mammography_bunch():
    bunch = load_mammography()
    assert bunch.data.shape == (11_183, 6)
    assert np.bincount(bunch.target).tolist() == [10_923, 260]
    assert bunch.feature_names == [f"attr{j}" for j in range(1, 7)]
    assert bunch.target_names.tolist() == ["other object", "microcalcification"]
    assert bunch.frame is None
    assert "Woods" in bunch.DESCR
    assert len(bunch.data) - len(np.unique(bunch.data, axis=0)) == 3_335  # as DESCR says
    assert bunch.data_module == "skbudget.datasets.data"
    folder = resources.files("skbudget.datasets") / "data"
    assert (folder / bunch.filename).is_file()
    notice = (folder / "NOTICE.txt").read_text(encoding="utf-8")
    assert "1417-1436" in notice
    assert "openml.org/d/310" in notice
    assert pickle.loads(pickle.dumps(bunch)).target.sum() == 260


def test_mammography_as_frame():
    pandas = pytest.importorskip("pandas")
    bunch = load_mammography(as_frame=True)
    assert list(bunch.frame.columns) == [*bunch.feature_names, "class"]
    pandas.testing.assert_frame_equal(bunch.frame[bunch.feature_names], bunch.data)
    pandas.testing.assert_series_equal(bunch.frame["class"], bunch.target)
    X, y = load_mammography(return_X_y=True)
    X_frame, y_series = load_mammography(return_X_y=True, as_frame=True)
    np.testing.assert_array_equal(X_frame.to_numpy(), X)
    np.testing.assert_array_equal(y_series.to_numpy(), y)


def test_each_load_is_a_fresh_copy():
    first = load_mammography()
    first.data[:] = 0
    assert load_mammography().data.any()


@pytest.mark.parametrize("load", [load_mammography, fetch_creditcard_fraud])
def test_as_frame_without_pandas(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr(_loaders, "fetch_openml", lambda **_: pytest.fail("fetched"))
    with pytest.raises(ImportError, match=f"{load.__name__} with as_frame=True requires pandas"):
        load(as_frame=True)


@pytest.mark.parametrize("load", [load_mammography, fetch_creditcard_fraud])
@pytest.mark.parametrize("parameter", ["return_X_y", "as_frame"])
def test_flags_must_be_boolean(load, parameter):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of {load.__name__}"):
        load(**{parameter: "yes"})


NAMES = [*(f"V{j}" for j in range(1, 29)), "Amount"]


@pytest.fixture
def served(monkeypatch):
    """Serve a small table in place of OpenML's; record what was asked for."""
    asked = {}
    labels = np.array(["0", "1", "0", "0"], dtype=object)

    def fetch_openml(**parameters):
        asked.update(parameters)
        data, target = np.arange(4 * 29.0).reshape(4, 29), labels
        if parameters["as_frame"]:
            pandas = pytest.importorskip("pandas")
            data = pandas.DataFrame(data, columns=NAMES)
            target = pandas.Series(labels, dtype="category", name="Class")
        return Bunch(data=data, target=target, feature_names=NAMES, DESCR="Card fraud.")

    monkeypatch.setattr(_loaders, "fetch_openml", fetch_openml)
    asked["labels"] = labels
    return asked


def test_creditcard_arrays(served):
    bunch = fetch_creditcard_fraud(data_home="somewhere", n_retries=1, delay=0.5)
    assert bunch.data.dtype == np.float64
    assert bunch.data.shape == (4, 29)
    assert bunch.target.dtype == np.int64
    assert bunch.target.tolist() == [0, 1, 0, 0]
    assert bunch.feature_names == NAMES
    assert bunch.target_names.tolist() == ["genuine", "fraud"]
    assert bunch.frame is None
    assert bunch.DESCR == "Card fraud."
    assert bunch.url.endswith("/1597")
    asked = {name: served[name] for name in ("data_id", "data_home", "cache", "n_retries", "delay")}
    assert asked == {
        "data_id": 1597, "data_home": "somewhere", "cache": True, "n_retries": 1, "delay": 0.5
    }  # fmt: skip
    X, y = fetch_creditcard_fraud(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


def test_creditcard_as_frame(served):
    pytest.importorskip("pandas")
    bunch = fetch_creditcard_fraud(as_frame=True)
    assert list(bunch.frame.columns) == [*NAMES, "Class"]
    assert bunch.target.dtype == np.int64
    assert bunch.target.tolist() == [0, 1, 0, 0]


def test_creditcard_parser_does_without_pandas(served, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    fetch_creditcard_fraud()
    assert served["parser"] == "liac-arff"


def test_creditcard_quoted_labels_are_read_and_others_refused(served):
    served["labels"][:] = ["'0'", "'1'", "'0'", "'1'"]
    assert fetch_creditcard_fraud().target.tolist() == [0, 1, 0, 1]
    served["labels"][2] = "maybe"
    with pytest.raises(ValueError, match=r"should have the classes '0' and '1'. Got .*maybe"):
        fetch_creditcard_fraud()


@pytest.mark.parametrize(
    "failure",
    [URLError("no route to host"), TimeoutError("timed out"), ConnectionResetError("reset"),
     IncompleteRead(b"half")],
)  # fmt: skip
def test_creditcard_offline(monkeypatch, tmp_path, failure):
    def fetch_openml(**_):
        raise failure

    monkeypatch.setattr(_loaders, "fetch_openml", fetch_openml)
    with pytest.raises(OSError, match="Could not fetch the card fraud table") as caught:
        fetch_creditcard_fraud(data_home=tmp_path, n_retries=2)
    message = str(caught.value)
    assert f"looked for a copy in {tmp_path / 'openml'}" in message
    assert "up to 3 times" in message
    assert type(failure).__name__ in message
    assert "To place it by hand" in message
    assert caught.value.__cause__ is failure

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "shared"))
    with pytest.raises(OSError, match="used no cache") as caught:
        fetch_creditcard_fraud(cache=False)
    assert str(tmp_path / "shared" / "openml") in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"data_home": 3}, "'data_home' parameter of fetch_creditcard_fraud"),
        ({"cache": "no"}, "'cache' parameter of fetch_creditcard_fraud"),
        ({"n_retries": -1}, r"'n_retries' parameter .* range \[0, inf\). Got -1"),
        ({"delay": -1}, r"'delay' parameter .* range \[0.0, inf\). Got -1"),
    ],
)
def test_creditcard_refuses(served, parameters, message):
    with pytest.raises(ValueError, match=message):
        fetch_creditcard_fraud(**parameters)
