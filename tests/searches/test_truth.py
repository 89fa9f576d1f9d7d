"""What the simulator knows is found again in its logs: plays, utilities, journeys, and what was typed on the way.

A log cannot tell everything. These are the cases in which it says something else than the truth, and all of them:

- *lost end*: a play of the click never reported how long it lasted;
- *another search*: the listener searched for something else meanwhile, so that the later search takes the play, or
  its answer was never seen to stand;
- *another play*: within half an hour the listener played an item shown for another reason, or within a day heard a
  clicked track again (from an album, perhaps, or the radio of it): the log has no reasons.
"""

import gzip
import json
from collections import Counter, defaultdict

import pytest

from builders.music_truth import truth_of
from builders.whole_log import KEYS, SIMULATED
from reprise.sandbox.music import day_name
from reprise.searches.privacy import hash_user

pytestmark = pytest.mark.spark
DAY_S, HALF_HOUR_S = 86400, 1800
#: What a listener takes to type, and the pause after which a search is settled: searches this close may be one.
TYPING_S = 10


@pytest.fixture(scope="module")
def truth(whole):
    """The searches of the extracted days that are in the log at all, and every play."""
    truth = truth_of(whole.worlds[7], whole.stages[7], range(SIMULATED[-1] + 2))
    truth.searches = [search for search in truth.searches if search.at < (SIMULATED[-1] + 1) * DAY_S]
    return truth


@pytest.fixture(scope="module")
def lost_ends(whole):
    """Plays whose record has no end."""
    return {r["play_id"] for r in _records(whole, "player") if "track" in r and "listened_ms" not in r}


@pytest.fixture(scope="module")
def by_listener(truth):
    """Each listener's searches in order."""
    found = defaultdict(list)
    for search in truth.searches:
        found[search.listener].append(search)
    return found


def _records(whole, source):
    """Every line of a source's simulated days that is JSON."""
    for file in whole.files:
        if file.source == source and file.day <= day_name(SIMULATED[-1] + 1):
            with gzip.open(file.uri) as lines:
                for line in lines:
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue


def _why(search, item, truth, by_listener, lost_ends):
    """Return the cases that an item shown by a search belongs to."""
    click, later = search.clicks.get(item), [s for s in by_listener[search.listener] if s.at > search.at]
    plays, cases = click.plays if click else [], set()

    def taken(play):
        return any(s.at <= play.at and (item in s.shown or s.head != search.head) for s in later)

    if any(play.id in lost_ends for play in plays):
        cases.add("lost end")
    if any(map(taken, plays)) or (not search.clicks and any(s.at <= search.at + TYPING_S for s in later)):
        cases.add("another search")
    for play in truth.plays.get(search.listener, []):
        since = [play.at - first.at for first in plays if play.track == first.track]
        again = click and click.worth < 1 and play.listened and any(0 < seconds <= DAY_S for seconds in since)
        found = play not in plays and play.touch == item and 0 <= play.at - search.at <= HALF_HOUR_S
        if not play.autoplay and ((again and play.id not in lost_ends) or (found and not taken(play))):
            cases.add("another play")
    return cases


def test_every_play_and_utility_is_found_again(whole, truth, by_listener, lost_ends):
    """Seconds to the millisecond, utility to 1e-5 (the log has milliseconds), clicks and saves; else for a reason."""
    rows = {(r["search_id"], r["item"]): r for r in whole.rows("impressions", SIMULATED) if r["prefix_weight"] == 1}
    same, differing, known = Counter(), Counter(), set()
    for search in truth.searches:
        for item in search.shown:
            row, click = rows.get((search.id, item)), search.clicks.get(item)
            cases = _why(search, item, truth, by_listener, lost_ends)
            known.add((search.id, item))
            if row and _told(row, click):
                same.update(cases or {"no case"})
                continue
            assert cases, f"{search} shows {item}: the log says {row}"
            differing.update(cases)

    assert rows.keys() <= known
    assert same["no case"] > 6_000
    assert same.keys() == {"no case", "another search"}  # a search soon after may or may not come too soon
    assert differing.keys() == {"lost end", "another search", "another play"}


def _told(row, click):
    """Whether a row says what is true."""
    played = round(sum(play.seconds for play in click.plays), 3) if click else None
    heard = None if row["seconds"] is None else round(row["seconds"], 3)
    truth = (click is not None, click is not None and click.saved, played)
    return (row["clicked"], row["saved"], heard) == truth and row["utility"] == pytest.approx(
        click.worth if click else 0.0, abs=1e-5
    )


def test_a_lost_end_is_unknown_unless_the_rest_is_enough(whole, truth, by_listener, lost_ends):
    """Where nothing else is against it: null, or 1 where the listener saved the item or came back to it."""
    rows = {(r["search_id"], r["item"]): r for r in whole.rows("impressions", SIMULATED) if r["prefix_weight"] == 1}
    found = Counter()
    for search in truth.searches:
        for item, click in search.clicks.items():
            if _why(search, item, truth, by_listener, lost_ends) == {"lost end"}:
                found[rows[search.id, item]["utility"], click.worth == 1] += 1

    assert set(found) <= {(None, False), (None, True), (1.0, True)}
    assert found[None, False] > 5


def test_every_journey_is_found_again(whole, truth, by_listener):
    """Its first search, its day, and which searches repeat a failed one, unless its listener did something else too."""
    rows = {row["search_id"]: row for row in whole.rows("searches", SIMULATED)}
    searches = {search.id: search for search in truth.searches}
    found = Counter()
    for search in truth.searches:
        head = searches.get(search.head)
        if head is None or _distracted(head, search, truth, by_listener):
            found["not to be told"] += 1
            continue
        expected = (head.id, day_name(int(head.at // DAY_S)), search.retry and search.at - head.at <= 120)
        row = rows[search.id]
        assert (row["journey_id"], row["dt"], row["reformulated"]) == expected
        found[search.retry] += 1

    assert found[False] > 1000
    assert found[True] > 200
    assert found["not to be told"] < len(truth.searches) / 4


def _distracted(head, search, truth, by_listener):
    """Whether the listener was on another journey around this one, or found something shown without a click."""
    others = [s for s in by_listener[head.listener] if s.head != head.id]
    plays, shown = truth.plays.get(head.listener, []), {*head.shown, *search.shown}
    caused = {play.id for click in head.clicks.values() for play in click.plays}
    return any(s.at - head.at >= -HALF_HOUR_S and s.at <= search.at + TYPING_S for s in others) or any(
        head.at <= play.at <= search.at and play.touch in shown and play.id not in caused for play in plays
    )


def test_prefixes_are_counted_as_keystrokes(whole, truth, by_listener):
    """As many as were logged on the way to a search."""
    typed = {r["query_id"] for r in _records(whole, "app") if isinstance(r.get("query_id"), str)}
    typed |= {r["qid"] for r in _records(whole, "ios") if isinstance(r.get("qid"), str)}
    prefixes = Counter(key.partition("p")[0] for key in typed if "p" in key)
    rows = {row["search_id"]: row for row in whole.rows("searches", SIMULATED)}
    alone = [
        search for search in truth.searches
        if not any(0 < abs(s.at - search.at) < 2 * TYPING_S for s in by_listener[search.listener])
    ]  # fmt: skip

    assert len(alone) > 1500
    assert sum(prefixes.values()) > 1000
    for search in alone:
        assert rows[search.id]["keystrokes"] == 1 + prefixes[search.id]


def test_who_opted_out_and_the_bot_are_not_there(whole):
    """Neither as listeners nor by what they typed."""
    world = whole.worlds[7]
    gone = [key for key, out in zip(world.listeners.ids, world.listeners.optout, strict=True) if out]
    users = {row["user"] for name in ("searches", "impressions") for row in whole.rows(name, SIMULATED)}

    assert len(gone) > 2
    assert users.isdisjoint({hash_user(key, KEYS[0].secret) for key in [*gone, "b000001"]})
    assert not any(row["search_id"].startswith("bot") for row in whole.rows("searches", SIMULATED))
