import pytest

from skbudget._utils.lazy import lazy_names

NAMES = {"wilson_interval": ".intervals._closed_forms", "Lost": "._no_such_module"}


def test_a_name_is_imported_when_it_is_asked_for():
    get, listed = lazy_names("skbudget.metrics", NAMES)
    assert get("wilson_interval")(0.5, 10, 0.95)[0] == pytest.approx(0.2366, abs=1e-4)
    assert listed() == ["Lost", "wilson_interval"]
    with pytest.raises(AttributeError, match=r"module 'skbudget\.metrics' has no attribute 'gone'"):
        get("gone")


def test_only_a_package_of_an_extra_is_said_to_be_missing():
    # A module of ours that is not there is a fault of ours, with or without extras.
    for extras in (None, {"lightgbm": "lightgbm"}):
        get, _ = lazy_names("skbudget.metrics", NAMES, extras)
        with pytest.raises(ModuleNotFoundError, match="_no_such_module"):
            get("Lost")
    get, _ = lazy_names("skbudget.metrics", {"x": "no_such_package"}, {"no_such_package": "all"})
    with pytest.raises(ImportError, match=r'which is not installed: pip install "skbudget\[all\]"'):
        get("x")
