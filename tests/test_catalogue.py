"""The table of docs/catalogue.md names all losses, and each of them trains what the table says."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[1] / "docs"
if not (DOCS / "catalogue.csv").exists():
    pytest.skip("docs are not part of an installed package", allow_module_level=True)
sys.path.insert(0, str(DOCS))

import catalogue_table

from skbudget import objectives
from skbudget.objectives import Loss, available, find_loss
from skbudget.objectives._registry import NETWORK_LOSSES, loss_classes

for _needed in ("lightgbm", "xgboost", "torch", "skorch"):
    pytest.importorskip(_needed)

import torch

from skbudget import PAUCClassifier, neural
from skbudget.boosting import PAUCLGBMClassifier, PAUCXGBClassifier
from skbudget.neural.training._criterion import torch_losses

ITEMS = catalogue_table.read()
VERDICTS = ("built", "through a library", "pointed to", "documented", "out of scope")
BOOSTERS, NETWORKS, EMBEDDINGS = "boosters, networks", "networks", "embeddings"
EMBEDDING_LOSSES = available(model="embeddings")
OWN_OF_TORCH = torch_losses().keys() - loss_classes().keys()
TRAINED = {name: item for item in ITEMS for name in item.names}
CLASSES = (PAUCLGBMClassifier, PAUCXGBClassifier)


def names_trained(*models):
    return sorted(name for name, item in TRAINED.items() if item.models in models)


def is_plain(name):
    return name.isidentifier()


def make_loss(name):
    """What is handed over: a plain name as it is, and what an expression makes."""
    if is_plain(name):
        return name
    offered = {one: getattr(objectives, one) for one in objectives.__all__}
    return eval(name, offered)


def declared(name):
    """The loss, which says what it takes; a torch module as it is."""
    if name in OWN_OF_TORCH:
        return torch_losses()[name]
    loss = make_loss(name)
    return find_loss(loss) if isinstance(loss, str) else loss


# --- the table and the registry ---------------------------------------------------------------


def test_the_page_has_the_table():
    text = catalogue_table.PAGE.read_text(encoding="utf-8")
    assert catalogue_table.with_table(text) == text, "run python docs/catalogue_table.py"


def test_every_line_has_a_verdict_and_a_reason():
    assert len({item.item for item in ITEMS}) == len(ITEMS)
    for item in ITEMS:
        assert item.verdict in VERDICTS, item
        assert item.called, item
        assert item.where or item.names, item
        assert bool(item.names) == bool(item.models), item
        assert item.models in ("", BOOSTERS, NETWORKS, EMBEDDINGS), item
        if item.verdict in ("pointed to", "documented", "out of scope"):
            assert item.where, item
            assert not item.names, item
        assert "|" not in "".join(item), item
    assert {item.verdict for item in ITEMS} == set(VERDICTS)


def test_links_of_the_table_lead_to_pages():
    for item in ITEMS:
        for page, anchor in re.findall(r"\]\(([\w./]+\.md)(#[\w-]+)?\)", item.where):
            assert (DOCS / page).exists(), (item.item, page)
            if anchor:
                heads = re.findall(r"^#+ (.*)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
                assert anchor[1:] in slugs, (item.item, page, anchor)


def test_every_name_of_the_table_is_there():
    known = {*available(), *available(model="networks"), *EMBEDDING_LOSSES}
    for name in TRAINED:
        if is_plain(name):
            assert name in known, f"{name} is in the table and is no loss of available()"
        else:
            assert isinstance(make_loss(name), Loss)


def test_every_loss_is_in_the_table():
    missing = {*available(), *available(model="networks"), *EMBEDDING_LOSSES} - TRAINED.keys()
    assert not missing, f"docs/catalogue.csv lacks {sorted(missing)}"


def test_every_torch_loss_of_its_own_is_in_the_table():
    twins = {type(next(cls.examples())[0].torch_loss()) for cls in loss_classes().values()}
    own = {
        name
        for name in OWN_OF_TORCH
        if torch_losses()[name] not in twins and not torch_losses()[name].__name__.startswith("_")
    }
    assert own <= TRAINED.keys(), f"docs/catalogue.csv lacks {sorted(own - TRAINED.keys())}"
    # They are listed without torch, by the names of their modules and what they take.
    assert own == NETWORK_LOSSES.keys() == {*available(model="networks")} - {*available()}
    for name, (module, target) in NETWORK_LOSSES.items():
        found = torch_losses()[name]
        assert found is getattr(neural, module)
        assert getattr(found, "target", "binary") == (target or "labels")
        assert (name in available(target or "real", model="networks")) == (target is not None)
        assert name in {item.names[0] for item in ITEMS if item.models == NETWORKS and item.names}


@pytest.mark.parametrize("name", sorted(NETWORK_LOSSES))
def test_a_torch_loss_is_refused_elsewhere_with_what_takes_it(name):
    y = np.arange(40) % 4 == 0
    X = np.arange(80.0).reshape(40, 2)
    for cls in CLASSES:
        with pytest.raises(ValueError, match=rf"{cls.__name__}.*PAUCClassifier\(loss='{name}'\)"):
            cls(objective=name).fit(X, y)
    with pytest.raises(ValueError, match=rf"The loss '{name}' is for networks only.*torch module"):
        find_loss(name)


@pytest.mark.parametrize("name", sorted(filter(is_plain, TRAINED)))
def test_the_models_are_those_of_the_registry(name):
    expected = EMBEDDINGS if name in EMBEDDING_LOSSES else NETWORKS
    expected = BOOSTERS if name in available(model="boosters") else expected
    assert TRAINED[name].models == expected


def test_what_a_library_trains_says_so():
    for name in filter(is_plain, TRAINED):
        if name in EMBEDDING_LOSSES or name in OWN_OF_TORCH:
            continue
        theirs = {"lightgbm", "xgboost", "torch"} & set(declared(name).library)
        assert bool(theirs) == (TRAINED[name].verdict == "through a library"), name


# --- training ---------------------------------------------------------------------------------

N = 360
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4))
SCORE = X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.normal(size=N)


def draw_target(loss):
    """A target of the loss's kind that rises with a score."""
    kind = getattr(loss, "target", "binary")
    if kind == "real":
        return SCORE - SCORE.min()
    if kind == "labels":
        return np.column_stack([SCORE > 0.5, SCORE > 1.0, X[:, 2] > 0.5]).astype(int)
    return np.digitize(SCORE, [1.0] if kind == "binary" else [-0.5, 1.0])


def needed_columns(loss):
    given = getattr(loss, "needs", frozenset()) - {"row_id"}
    return {name: np.arange(N) % 3 for name in given}


def n_splits(model):
    if isinstance(model, PAUCLGBMClassifier):
        return int(model.booster_.trees_to_dataframe()["split_feature"].notna().sum())
    return int((model.get_booster().trees_to_dataframe()["Feature"] != "Leaf").sum())


def small_booster(cls, loss):
    quiet = {"verbose": -1} if cls is PAUCLGBMClassifier else {}
    return cls(objective=loss, n_estimators=3, selection_cv=None, calibration_cv=None, n_jobs=1,
               budget=0.05, **quiet)  # fmt: skip


def small_network(loss):
    return PAUCClassifier(
        loss=loss, budget=0.05, n_members=1, hidden_layer_sizes=(8,), max_epochs=1, lr=1e-2,
        batch_size=120, calibration_cv=None, random_state=0,
    )  # fmt: skip


def ranked(model):
    score = (model.decision_function if hasattr(model, "decision_function") else model.predict)(X)
    assert np.isfinite(score).all()
    return score if score.ndim == 1 else score[:, -1]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("name", names_trained(BOOSTERS))
def test_three_rounds_grow_a_split(cls, name):
    loss = declared(name)
    model = small_booster(cls, make_loss(name)).fit(X, draw_target(loss), **needed_columns(loss))
    assert n_splits(model) >= 1
    assert np.ptp(ranked(model)) > 0


@pytest.mark.parametrize("name", names_trained(BOOSTERS, NETWORKS))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_network_is_trained_for_an_epoch(name):
    torch.set_num_threads(1)
    loss = declared(name)
    model = small_network(make_loss(name)).fit(X, draw_target(loss), **needed_columns(loss))
    assert np.ptp(ranked(model)) > 0


@pytest.mark.parametrize("name", names_trained(EMBEDDINGS))
def test_an_embedding_is_trained_for_an_epoch(name):
    torch.set_num_threads(1)
    model = neural.EmbeddingRecallClassifier(loss=name, n_steps=5, random_state=0)
    model.fit(X, np.digitize(SCORE, [1.0]))
    assert np.ptp(ranked(model)) > 0


# --- refused elsewhere ------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("name", [*filter(is_plain, names_trained(NETWORKS, EMBEDDINGS))])
def test_boosters_refuse_what_has_no_second_derivative(cls, name):
    loss = None if name in EMBEDDING_LOSSES else declared(name)
    with pytest.raises(ValueError, match="objective") as caught:
        small_booster(cls, name).fit(X, draw_target(loss))
    # The message says what takes it, or what to take in its place.
    assert re.search(
        r"PAUCClassifier|Classifier\(loss=|the name of a loss: |[Uu]se |[Tt]ake ", str(caught.value)
    )


@pytest.mark.parametrize("name", names_trained(EMBEDDINGS))
def test_a_network_of_scores_refuses_a_loss_of_embeddings(name):
    with pytest.raises(ValueError, match="loss") as caught:
        small_network(name).fit(X, draw_target(None))
    assert "EmbeddingRecallClassifier" in str(caught.value)
