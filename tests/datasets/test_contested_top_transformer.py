"""The transformer: its geometry on any table, and what scikit-learn asks of it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbudget.datasets import ContestedTopTransformer, draw_roles, load_mammography

CUES = ("linear", "product", "radial")


class AnyColumnIsRoles(ContestedTopTransformer):
    """Read a role into any number, so that the common checks meet rows of every role."""

    def _read_roles(self, X):
        return np.abs(np.nan_to_num(X[:, self.role_index_])).round() % 4


@pytest.mark.filterwarnings("ignore:X has no column named 'role'")
@parametrize_with_checks(
    [
        # The checks' tables have no roles, ...
        ContestedTopTransformer(),
        # ... so that this one reads some into them; the checks' narrowest table has 2 columns.
        AnyColumnIsRoles(role_column=-1, cue="radial", easy_features=(), cue_features=(0,)),
        AnyColumnIsRoles(role_column=-1, easy_features=(0,), cue_features=()),
    ]
)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.fixture
def table():
    """Rows of all roles on columns of unlike scales; the roles come last."""
    rng = np.random.RandomState(0)
    base = rng.normal(size=(4_000, 8)) * [1, 10, 0.1, 1, 1, 5, 0.5, 1] + 3
    return np.column_stack([base, rng.randint(0, 4, size=4_000)])


def shifts(table, **parameters):
    """Return the transformer and what it adds to the table, in units of each column."""
    contest = ContestedTopTransformer(role_column=-1, random_state=0, **parameters)
    added = contest.fit_transform(table) - table[:, :-1]
    added[:, :3] /= contest.easy_shift_
    added[:, 5:7] /= contest.cue_shift_
    return added.round(9), table[:, -1]


@pytest.mark.parametrize("cue", CUES)
def test_every_role_gets_its_shift(table, cue):
    added, roles = shifts(table, cue=cue)
    np.testing.assert_array_equal(added[np.isin(roles, [1, 2]), :3], 1)
    np.testing.assert_array_equal(added[np.isin(roles, [0, 3]), :3], 0)
    np.testing.assert_array_equal(added[:, [3, 4, 7]], 0)
    np.testing.assert_array_equal(added[np.isin(roles, [0, 2]), 5:7], 0)
    for role in (1, 3):
        signs = added[roles == role, 5:7]
        assert set(np.unique(signs)) <= {-1, 1}
        limit = 4 / np.sqrt(len(signs))
        if cue == "linear":
            np.testing.assert_array_equal(signs, 1)
        else:
            assert np.abs(signs.mean(axis=0)).max() < limit
        if cue == "product":
            np.testing.assert_array_equal(signs[:, 0], signs[:, 1])
        if cue == "radial":
            assert abs((signs[:, 0] * signs[:, 1]).mean()) < limit


def test_shifts_are_in_standard_deviations_of_the_column(table):
    contest = ContestedTopTransformer(role_column=-1, easy=2, sep=0.5).fit(table)
    np.testing.assert_allclose(contest.easy_shift_, 2 * np.array([1, 10, 0.1]), rtol=0.06)
    np.testing.assert_allclose(contest.cue_shift_, 0.5 * np.array([5, 0.5]), rtol=0.06)
    unit = ContestedTopTransformer(role_column=-1, easy=2, sep=0.5, scale=None).fit(table)
    np.testing.assert_array_equal(unit.easy_shift_, 2)
    np.testing.assert_array_equal(unit.cue_shift_, 0.5)


def test_scale_is_learnt_at_fit_only(table):
    contest = ContestedTopTransformer(role_column=-1, random_state=0).fit(table)
    wider = table * 100
    wider[:, -1] = 2
    added = contest.transform(wider) - wider[:, :-1]
    np.testing.assert_allclose(added[:, :3], np.tile(contest.easy_shift_, (4_000, 1)))


def test_scale_of_awkward_columns():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(2_000, 8))
    X[:20, 0] = 1e9  # outliers
    X[:, 1] = rng.uniform(size=2_000) < 0.1  # an interquartile range of 0
    X[:, 2] = 4  # constant
    X[::3, 5] = np.nan
    X[:, 6] = np.nan
    X[:, -1] = 1
    contest = ContestedTopTransformer(role_column=-1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Xt = contest.fit_transform(X)
    np.testing.assert_allclose(contest.easy_shift_ / 2.5, [1, np.std(X[:, 1]), 1], rtol=0.08)
    np.testing.assert_allclose(contest.cue_shift_ / 1.7, [1, 1], rtol=0.08)
    np.testing.assert_array_equal(np.isnan(Xt), np.isnan(X[:, :-1]))


@pytest.mark.parametrize("cue", CUES)
def test_a_row_gets_the_same_shift_in_any_batch(table, cue):
    contest = ContestedTopTransformer(cue=cue, role_column=-1, random_state=0).fit(table)
    whole = contest.transform(table)
    order = np.random.RandomState(1).permutation(len(table))
    np.testing.assert_array_equal(contest.transform(table[order]), whole[order])
    np.testing.assert_array_equal(contest.transform(table[2000:]), whole[2000:])
    np.testing.assert_array_equal(contest.transform(table[[17]]), whole[[17]])
    np.testing.assert_array_equal(contest.transform(table), whole)


def test_signs_look_independent(table):
    table[:, -1] = 1

    def signs(seed):
        contest = ContestedTopTransformer(cue="radial", role_column=-1, random_state=seed)
        return np.sign(contest.fit_transform(table) - table[:, :-1])[:, 5:7]

    zero, one = signs(0), signs(1)
    base = table[:, :-1] - table[:, :-1].mean(axis=0)
    limit = 4.5 / np.sqrt(len(table))
    together = np.corrcoef(np.hstack([zero, one, base, np.sign(base)]).T)
    assert np.abs(together[:4, 4:]).max() < limit  # of the rows they are drawn from
    assert np.abs(together[:4, :4] - np.eye(4)).max() < limit  # of each other and the seed
    for lag in (1, 2, 7):
        assert abs(np.mean(zero[lag:] * zero[:-lag])) < limit  # of the row before


def test_tiny_changes_and_signed_zeros():
    grid = np.zeros((2, 9))
    grid[:, -1] = 1
    grid[1, :4] = -0.0
    contest = ContestedTopTransformer(role_column=-1, random_state=0).fit(grid)
    np.testing.assert_array_equal(*contest.transform(grid))
    # Neighbouring whole numbers, as in a table of counts, still get mixed signs.
    counts = np.zeros((1_000, 9))
    counts[:, 0], counts[:, -1] = np.arange(1_000), 1
    assert abs(np.sign(contest.transform(counts)[:, 5]).mean()) < 0.13


def test_random_states(table):
    def transformed(random_state):
        contest = ContestedTopTransformer(role_column=-1, random_state=random_state)
        return contest.fit_transform(table)

    np.testing.assert_array_equal(transformed(3), transformed(3))
    assert not np.array_equal(transformed(3), transformed(4))
    assert not np.array_equal(transformed(None), transformed(None))
    np.testing.assert_array_equal(transformed(np.random.RandomState(3)), transformed(3))


def test_sizes_do_not_change_the_signs(table):
    small, _ = shifts(table, cue="radial", sep=0.1)
    large, _ = shifts(table, cue="radial", sep=3.0, easy=1.0, scale=None)
    np.testing.assert_array_equal(small, large)


def test_dtypes_and_input_left_alone(table):
    before = table.copy()
    contest = ContestedTopTransformer(role_column=-1, random_state=0)
    assert contest.fit_transform(table).dtype == np.float64
    assert contest.fit_transform(table.astype(np.float32)).dtype == np.float32
    assert contest.fit_transform(table.astype(int)).dtype == np.float64
    np.testing.assert_array_equal(table, before)


def test_clone_and_pickle(table):
    contest = ContestedTopTransformer(cue="radial", role_column=-1, random_state=0).fit(table)
    expected = contest.transform(table)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(contest)).transform(table), expected)
    np.testing.assert_array_equal(clone(contest).fit_transform(table), expected)


@pytest.mark.parametrize("place", [0, 4, 8])
def test_the_role_column_may_stand_anywhere(table, place):
    expected = ContestedTopTransformer(role_column=-1, random_state=0).fit_transform(table)
    moved = np.insert(table[:, :-1], place, table[:, -1], axis=1)
    positions = np.delete(np.arange(9), place)
    contest = ContestedTopTransformer(
        role_column=place,
        easy_features=positions[:3],
        cue_features=list(positions[5:7] - 9),  # negative positions count from the end
        random_state=0,
    )
    np.testing.assert_array_equal(contest.fit_transform(moved), expected)
    assert contest.role_index_ == place


def test_data_frames(table):
    pandas = pytest.importorskip("pandas")
    names = [f"V{j}" for j in range(8)]
    frame = pandas.DataFrame(table[:, :-1], columns=names, index=np.arange(4_000)[::-1])
    frame.insert(3, "role", table[:, -1].astype(np.int8))
    by_name = {"easy_features": ["V0", "V1", "V2"], "cue_features": ["V5", "V6"]}
    contest = ContestedTopTransformer(random_state=0, **by_name).set_output(transform="pandas")
    out = contest.fit_transform(frame)  # finds the column called "role"
    assert list(out.columns) == list(contest.get_feature_names_out()) == names
    pandas.testing.assert_index_equal(out.index, frame.index)
    expected = ContestedTopTransformer(role_column=-1, random_state=0).fit_transform(table)
    np.testing.assert_array_equal(out.to_numpy(), expected)
    named = contest.set_params(role_column="V7")
    with pytest.raises(ValueError, match=r"role column of X \(column 8\) must hold"):
        named.fit(frame)


def test_feature_names_out_of_an_array(table):
    contest = ContestedTopTransformer(role_column=2, easy_features=(0, 1), cue_features=(5, 6))
    table[:, [2, -1]] = table[:, [-1, 2]]
    contest.fit(table)
    assert contest.n_features_in_ == 9
    assert contest.get_feature_names_out().tolist() == [f"x{j}" for j in range(9) if j != 2]
    assert contest.get_feature_names_out(list("abcdefghi")).tolist() == list("abdefghi")
    with pytest.raises(ValueError, match="input_features should have length"):
        contest.get_feature_names_out(["a"])


def test_without_roles_the_table_comes_back_with_a_warning(table):
    contest = ContestedTopTransformer()
    with pytest.warns(UserWarning, match="no column named 'role'.* nothing is implanted"):
        out = contest.fit_transform(table)
    np.testing.assert_array_equal(out, table)
    assert out is not table
    assert contest.role_index_ is None


def test_a_real_table_can_be_contested():
    X, y = load_mammography(return_X_y=True)
    roles = draw_roles(y, decoy_frac=0.05, random_state=0)
    contest = ContestedTopTransformer(
        easy_features=(0, 1, 2), cue_features=(3, 4), role_column=-1, random_state=0
    )
    Xt = contest.fit_transform(np.column_stack([X, roles]))
    assert Xt.shape == X.shape
    np.testing.assert_array_equal(Xt[roles == 0], X[roles == 0])
    np.testing.assert_array_equal(Xt[:, 5], X[:, 5])
    moved = Xt[roles == 2] - X[roles == 2]
    np.testing.assert_allclose(moved[:, :3], np.tile(contest.easy_shift_, (len(moved), 1)))
    np.testing.assert_array_equal(moved[:, 3:], 0)


def contested_problem():
    rng = np.random.RandomState(0)
    y = (rng.uniform(size=6_000) < 0.05).astype(int)
    roles = draw_roles(y, decoy_frac=0.1, random_state=0)
    return np.column_stack([rng.normal(size=(6_000, 8)), roles]), y


def test_grid_search_over_the_cue():
    X, y = contested_problem()
    pipeline = make_pipeline(
        ContestedTopTransformer(role_column=-1, random_state=0), LogisticRegression()
    )
    grid = {"contestedtoptransformer__cue": list(CUES), "contestedtoptransformer__sep": [0.0, 1.7]}
    search = GridSearchCV(pipeline, grid, scoring="average_precision", cv=3).fit(X, y)
    score = dict(zip(map(str, search.cv_results_["params"]), search.cv_results_["mean_test_score"]))
    by_cue = {
        (p["contestedtoptransformer__cue"], p["contestedtoptransformer__sep"]): score[str(p)]
        for p in search.cv_results_["params"]
    }
    # A linear model sees the linear cue alone; without a cue all are one table.
    assert by_cue["linear", 1.7] > by_cue["product", 1.7] + 0.2
    assert by_cue["linear", 0.0] == by_cue["product", 0.0] == by_cue["radial", 0.0]
    assert search.best_params_ == {
        "contestedtoptransformer__cue": "linear", "contestedtoptransformer__sep": 1.7
    }  # fmt: skip


def test_cue_carries_over_to_rows_not_seen_at_fit():
    X, y = contested_problem()
    contest = ContestedTopTransformer(role_column=-1, random_state=0)
    quadratic = (PolynomialFeatures(2), LogisticRegression(C=0.1))

    def held_out(contest):
        model = make_pipeline(contest, *quadratic)
        return cross_val_score(model, X, y, cv=2, scoring="average_precision").mean()

    assert held_out(contest) > held_out(clone(contest).set_params(sep=0.0)) + 0.1


def test_sparse_tables_are_refused(table):
    with pytest.raises(TypeError, match=r"Sparse data was passed.*dense data is required"):
        ContestedTopTransformer(role_column=-1).fit(sparse.csr_matrix(table))


def test_a_table_of_roles_alone_is_refused():
    with pytest.raises(ValueError, match="Got n_features=1, the role column alone"):
        ContestedTopTransformer(role_column=0).fit([[0], [1]])


def test_unfitted(table):
    with pytest.raises(NotFittedError):
        ContestedTopTransformer().transform(table)
    with pytest.raises(NotFittedError):
        ContestedTopTransformer().get_feature_names_out()


@pytest.mark.parametrize("role", [-1, 4, 0.5, np.nan])
def test_unknown_roles_are_refused(table, role):
    contest = ContestedTopTransformer(role_column=-1).fit(table)
    table[5, -1] = role
    message = rf"must hold 0 \(bulk\).* 1 of 4000 rows do not; the first one holds {role:g}"
    with pytest.raises(ValueError, match=message):
        contest.transform(table)
    with pytest.raises(ValueError, match=message):
        contest.fit(table)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cue": "cubic"}, r"'cue' parameter of ContestedTopTransformer must be a str among"),
        ({"easy": -1}, r"'easy' parameter of ContestedTopTransformer .* range \[0.0, 1e\+18\]"),
        ({"sep": -1}, r"'sep' parameter of ContestedTopTransformer .* range \[0.0, 1e\+18\]"),
        ({"scale": "std"}, r"'scale' parameter of ContestedTopTransformer"),
        ({"random_state": "x"}, r"'random_state' parameter of ContestedTopTransformer"),
        ({"role_column": 1.5}, r"'role_column' parameter of ContestedTopTransformer"),
        ({"role_column": 9}, r"'role_column' .* range \[-9, 9\), as X has n_features=9. Got 9"),
        ({"role_column": "role"}, r"'role_column' .* name a column of X. Got 'role' .* no column"),
        ({"easy_features": 3}, r"'easy_features' parameter of ContestedTopTransformer"),
        ({"easy_features": [0, 9]}, r"'easy_features' .* range \[-9, 9\).* Got 9 instead"),
        ({"easy_features": ["V1"]}, r"'easy_features' .* name a column of X. Got 'V1'"),
        ({"easy_features": [0.5]}, r"'easy_features' .* Got 0.5 instead"),
        ({"easy_features": [True]}, r"'easy_features' .* Got True instead"),
        ({"easy_features": [1, -8]}, r"Got -8, which is already in easy_features"),
        ({"cue_features": [-10]}, r"'cue_features' .* range \[-9, 9\).* Got -10 instead"),
        ({"cue_features": [5, 8]}, r"'cue_features' .* Got 8, which is already in role_column"),
        ({"easy_features": [-1]}, r"'easy_features' .* Got -1, which is already in role_column"),
        ({"cue_features": [2, 5]}, r"'cue_features' .* Got 2, which is already in easy_features"),
    ],
)
def test_parameters_refused(table, parameters, message):
    contest = ContestedTopTransformer(**{"role_column": -1, **parameters})
    with pytest.raises(ValueError, match=message):
        contest.fit(table)


def test_missing_names_are_listed(table):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table, columns=list("abcdefghr"))
    contest = ContestedTopTransformer(role_column="roles")
    with pytest.raises(ValueError, match=r"Got 'roles' instead. The columns are \['a', 'b'"):
        contest.fit(frame)
