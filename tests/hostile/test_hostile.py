"""No public callable answers a hostile argument wrongly, or with an error that helps nobody.

The default run draws a few values for every argument. The long one makes every call, part by
part; a part that was interrupted is run again by its number:

    python -m pytest -n 0 -m slow tests/hostile -s
    python -m pytest -n 0 -m slow tests/hostile -k part-17
"""

import fnmatch
import warnings
from dataclasses import replace

import pytest

for package in ("lightgbm", "xgboost", "torch", "skorch", "matplotlib", "pandas", "polars"):
    pytest.importorskip(package)
pytest.importorskip("numpydoc")

import hostile_exceptions
import hostile_run
import hostile_walk

SEED = 0
VALUES_PER_ARGUMENT = 4
N_PARTS = 40

ROOMS = tuple(room.removeprefix("skbudget.") for room in hostile_walk.rooms()[1:])
EXEMPT = (*hostile_exceptions.ALLOWED, *hostile_exceptions.KNOWN)


def is_in(room, name):
    return name.startswith(f"skbudget.{room}.")


def test_every_public_callable_has_an_example():
    public = set(hostile_walk.public_callables())
    tried = {name.partition("[")[0] for name in hostile_run.all_examples()}
    left_out = {
        pattern: set(fnmatch.filter(public, pattern)) for pattern in hostile_exceptions.NOT_CALLED
    }
    assert public - tried - set().union(*left_out.values()) == set(), "write an example for these"
    assert tried - public == set(), "these are not public"
    for pattern, names in left_out.items():
        assert names, f"{pattern} is not public"
        assert names & tried == set(), f"{pattern} has an example"


@pytest.mark.parametrize("room", ROOMS)
def test_valid_arguments_answer(room):
    """Otherwise no error would say anything."""
    for name, example in hostile_run.all_examples().items():
        for variant in (0, 1):
            if is_in(room, name):
                answer = example.base(variant, "")
                wrong = example.wrong(answer, example.valid(variant))
                assert wrong is None, f"{name} [{variant}]: {wrong}"


@pytest.fixture(scope="module")
def sample():
    return hostile_run.sample(VALUES_PER_ARGUMENT, SEED)


@pytest.mark.parametrize("room", ROOMS)
def test_hostile_arguments(room, sample):
    calls = [call for name, found in sample.items() if is_in(room, name) for call in found]
    assert calls
    failed = []
    for verdict in hostile_run.run_all(calls):
        failed += hostile_exceptions.failures(verdict)
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("entry", EXEMPT, ids=[entry.call for entry in EXEMPT])
def test_every_exemption_is_needed(entry):
    call = hostile_run.find_call(*entry.reproducer)
    if "time" in entry.kinds:
        # It lasts longer than any limit.
        call = call._replace(example=replace(call.example, limit=1.0))
    (verdict,) = hostile_run.run_all([call])
    kinds = {kind for kind, _ in verdict.faults}
    assert entry.covers(verdict, next(iter(kinds & set(entry.kinds)), "none")), (
        f"remove {entry.call} from hostile_exceptions: {verdict}"
    )


@pytest.fixture(scope="module")
def finished():
    verdicts = []
    yield verdicts
    print(hostile_run.render_table(verdicts))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(N_PARTS), ids=[f"part-{part}" for part in range(N_PARTS)])
def test_every_call(part, finished):
    failed = []
    with warnings.catch_warnings():
        for verdict in hostile_run.run_all(hostile_run.long_run(part, N_PARTS)):
            finished.append(verdict)
            failed += hostile_exceptions.failures(verdict)
    assert not failed, "\n".join(failed)
