"""What public tables have in common."""

from itertools import combinations

from benchmarks.study._origins import MADE, SAME_SOURCE, shared_sources, source_of
from benchmarks.study._public_recipes import recipes

NAMES = {recipe.name for recipe in recipes()}


def test_origins_are_those_of_public_tables():
    named = [name for names in SAME_SOURCE.values() for name in names]
    assert len(set(named)) == len(named)
    assert {*named, *MADE} <= NAMES
    assert not {*SAME_SOURCE} & (NAMES - set(named))
    assert len({source_of(name, "real") for name in NAMES}) == 41


def test_tables_of_one_file_have_one_source():
    pairs = [
        pair
        for pair in combinations(recipes(), 2)
        if (pair[0].package, pair[0].file) == (pair[1].package, pair[1].file)
    ]
    assert len(pairs) >= 5
    for one, other in pairs:
        assert source_of(one.name, "real") == source_of(other.name, "real"), one.name


def test_a_table_made_from_another_has_its_source():
    assert source_of("few-aloi", "few positives") == source_of("implanted-aloi", "implanted")
    assert source_of("few-flights_late", "few positives by time") == "nycflights13"
    assert source_of("few-aloi", "real") == "few-aloi"  # a file of this name
    tables = [("aloi", "real"), ("yeast4", "real"), ("few-aloi", "few positives"), ("x", "real")]
    assert shared_sources([*tables, *tables]) == {"aloi": ["aloi", "few-aloi"]}
