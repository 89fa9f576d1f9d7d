"""The simulated service itself: same seed same world, hazards against the closed form, truth against a replay."""

import json

import numpy as np
import pytest

from builders.music import PlainFirstStage
from reprise.errors import UsageError
from reprise.sandbox.music import Switches, Truth, World, true_consumption
from reprise.sandbox.music.config import ROWS, stream
from reprise.sandbox.music.day import Searches, outcome
from reprise.sandbox.music.listening import listen, utility


@pytest.fixture(scope="module")
def world():
    return World.build(7, "small")


def test_same_seed_same_catalogue_and_texts(world):
    """Another build of the seed is the same to the letter; another seed is not."""
    again, other = World.build(7, "small"), World.build(8, "small")

    assert json.dumps(world.catalogue.documents()) == json.dumps(again.catalogue.documents())
    assert world.wishes.texts == again.wishes.texts
    assert world.catalogue.documents() != other.catalogue.documents()


def test_catalogue_has_six_languages_in_their_scripts_and_transliterations(world):
    """Every Indic language shows some titles in its own script, with a Latin spelling beside each."""
    blocks = {"hi": 0x900, "bn": 0x980, "pa": 0xA00, "ta": 0xB80, "te": 0xC00}
    documents = world.catalogue.documents()

    assert {document["language"] for document in documents} == {*blocks, "en"}
    for language, block in blocks.items():
        native = [d for d in documents if d["language"] == language and ord(d["title"][0]) > 0x7F]
        assert native
        assert all(block <= ord(letter) < block + 0x80 for d in native for letter in d["title"] if letter != " ")
        assert all(any(name.isascii() for name in d["alt_names"]) for d in native)


def test_no_document_tells_what_is_hidden(world):
    """Only the schema's fields; and the frozen popularity is a weak echo of how wanted an item is."""
    known = {"id", "entity", "title", "artist", "album", "alt_names", "language", "market", "duration_s"}
    fields = {field for document in world.catalogue.documents() for field in document}
    ranks = [np.argsort(np.argsort(values)) for values in (world.catalogue.popularity, world.catalogue.weight)]

    assert fields == known | {"released_at", "popularity"}
    assert 0.05 < np.corrcoef(*ranks)[0, 1] < 0.4


def test_listening_follows_the_documented_mixture():
    """75 % satisfied, 25 % wrong items, 210 s: 26 % gone by 5 s, 35 % by 30 s, 55 % heard to the end (closed form)."""
    rng = np.random.default_rng(1)
    count = 400_000
    heard = listen(rng, rng.random(count) < 0.75, np.full(count, 210.0))

    assert [(heard < 5).mean(), (heard < 30).mean(), (heard >= 210).mean()] == pytest.approx(
        [0.26, 0.35, 0.55], abs=0.006
    )


def test_worth_of_a_click_is_its_mean_utility(world):
    """The exact integration agrees with drawing tracks one by one, for a song and for containers."""
    rng = np.random.default_rng(2)
    count, catalogue = 200_000, world.catalogue
    for item in (0, world.index["artist:1"], world.index["playlist:2"]):
        tracks = rng.choice(catalogue.children[item], (2, count))
        duration = catalogue.duration_s[tracks]
        happy = rng.random((2, count)) < 0.6
        heard = np.stack([listen(rng, happy[n], duration[n]) for n in (0, 1)])
        worth = utility(heard[0], duration[0])
        song = catalogue.entity[item] == 0
        loved = happy[0] & (heard[0] >= 30) & (rng.random(count) < (1 - 0.95 * (0.9 if song else 1.0)))
        if not song:
            worth = np.minimum(1, worth + utility(heard[1], duration[1]) * (rng.random(count) < 0.35))
        simulated = np.where(loved, 1.0, worth)

        assert simulated.mean() == pytest.approx(
            world.worth.at(np.array([item]), np.array([0.6]))[0], abs=4 * simulated.std() / count**0.5
        )


@pytest.fixture(scope="module")
def popular(world):
    """Texts that mean many things, by traffic."""
    truth = Truth(world, [0])
    texts = sorted(world.wishes.texts, key=lambda text: -truth.weight(text))
    return texts[:8]


def test_truth_is_the_mean_of_what_listeners_do(world, popular):
    """For each text: its listeners, drawn as the simulator draws them, consume Σ θ·g of the list they are shown."""
    stage, truth = PlainFirstStage(world), Truth(world, [0])
    for number, text in enumerate(popular):
        ids = stage.ask(text, "live")
        simulated = _replay(world, truth, text, ids, 30_000, number)
        error = 4 * simulated.std() / len(simulated) ** 0.5

        assert truth.consumption(text, ids) == pytest.approx(simulated.mean(), abs=error)


def _replay(world, truth, text, ids, count, number):
    """Return the utility of each of many searches of one text, all shown the same list."""
    rng = stream(1, 99, number)
    targets, share = truth.targets(text)
    shown = np.full((count, ROWS), -1)
    shown[:, : len(ids)] = [world.index[one] for one in ids]
    none = np.zeros(count, dtype=np.int64)
    target = rng.choice(targets, count, p=share)
    clicks, _ = outcome(rng, world, Searches(none, target, none, np.zeros(count), none > 0, shown, none))
    return np.bincount(clicks.search, clicks.worth, minlength=count)


def test_what_a_text_means_is_what_its_typists_wanted(world):
    """P(item | text) against a million draws of listener, wish and text."""
    rng = stream(1, 98)
    truth = Truth(world, [0])
    users = rng.choice(len(world.listeners.ids), 1_000_000, p=world.listeners.activity)
    rows = world.wanted(0)
    target = np.zeros(len(users), dtype=np.int64)
    for language, row in enumerate(rows):
        who = world.listeners.language[users] == language
        target[who] = rng.choice(len(row), int(who.sum()), p=row)
    text = world.wishes.draw(rng, target)
    for query in sorted(world.wishes.texts, key=lambda q: -truth.weight(q))[:5]:
        typed = target[text == world.text_index[query]]
        targets, share = truth.targets(query)

        assert truth.weight(query) == pytest.approx(len(typed) / len(users), rel=0.1)
        assert np.abs(np.bincount(typed, minlength=len(world.catalogue.ids))[targets] / len(typed) - share).max() < 0.02


def test_no_order_beats_the_best_order(world, popular):
    """Against every permutation tried, and the engine's."""
    stage, truth = PlainFirstStage(world), Truth(world, [0])
    rng = np.random.default_rng(3)
    for text in popular:
        ids = stage.ask(text, "live")
        best = truth.consumption(text, truth.best_order(text, ids))

        assert all(truth.consumption(text, list(rng.permutation(ids))) <= best + 1e-12 for _ in range(200))
        assert truth.consumption(text, ids) <= best


def test_true_consumption_is_weighted_by_traffic(world, popular):
    """Two texts, weights 3 and 1."""
    stage, truth = PlainFirstStage(world), Truth(world, [0, 1])
    rankings = {text: stage.ask(text, "live") for text in popular[:2]}
    each = [truth.consumption(text, rankings[text]) for text in popular[:2]]

    assert true_consumption(world, rankings, dict(zip(popular[:2], (3, 1), strict=True)), [0, 1]) == pytest.approx(
        (3 * each[0] + each[1]) / 4
    )


def test_truth_refuses_what_it_cannot_state():
    """With a cascade, Σ θ·g is not what listeners consume; a text nobody types has no meaning."""
    with pytest.raises(UsageError, match="cascade_stop"):
        Truth(World.build(7, "small", Switches(cascade_stop=True)), [0])
    with pytest.raises(UsageError, match="no listener types"):
        Truth(World.build(7, "small"), [0]).targets("qqq")
    with pytest.raises(UsageError, match="no scale 'tiny'"):
        World.build(7, "tiny")


@pytest.mark.parametrize(("switches", "more"), [(Switches(cascade_stop=True), False), (Switches(trust_bias=0.3), True)])
def test_a_switch_changes_how_much_is_clicked(world, popular, switches, more):
    """A satisfied listener looks no further; a trusted rank is clicked for its own sake."""
    other = World.build(7, "small", switches)
    truth, stage = Truth(world, [0]), PlainFirstStage(world)
    text = max(popular, key=lambda text: len(stage.ask(text, "live")))
    ids, (targets, share) = stage.ask(text, "live"), truth.targets(text)
    counts = []
    for one in (world, other):
        rng = stream(1, 97)
        none = np.zeros(20_000, dtype=np.int64)
        shown = np.full((20_000, ROWS), -1)
        shown[:, : len(ids)] = [world.index[i] for i in ids]
        target = rng.choice(targets, 20_000, p=share)
        clicks, _ = outcome(rng, one, Searches(none, target, none, np.zeros(20_000), none > 0, shown, none))
        counts.append(len(clicks.item))

    assert (counts[1] > counts[0] * 1.05) if more else (counts[1] < counts[0] * 0.98)


def test_drift_moves_wishes_from_week_to_week():
    """The wishes of a week are the same each day of it; with drift the weeks grow apart."""
    still, moving = (World.build(7, "small", Switches(drift=drift)) for drift in (0.0, 0.8))

    assert (still.wanted(1) == still.wanted(6)).all()
    assert np.abs(moving.wanted(21) - moving.wanted(0)).sum() > 2 * np.abs(still.wanted(21) - still.wanted(0)).sum()
