"""The words by which logs elsewhere call what is in ours, and how well a dotted path is one of them.

A name is a row of words: ``queryId``, ``query_id``, ``query.id`` and ``queryid`` are all *query id*. Units are no part
of it. The first name in a list is the likeliest, so that of two paths the plainer one is taken.
"""

from __future__ import annotations

import re
from typing import Literal

Meaning = Literal["impression", "click", "save"]

NAMES: dict[str, str] = {
    "search_id": "search id, query id, qid, search request id, request id, search uuid, query uuid, search key,"
    " ctx search, search",
    "user": "user id, client id, uid, user, listener id, listener, customer id, account id, member id, visitor id,"
    " subscriber id, profile id, anonymous id, user key, user hash, client, customer, player id, player, device id",
    "session": "session id, session, sid, visit id, session key",
    "ts": "timestamp, ts, time, event time, at, t, when, created at, occurred at, logged at, datetime, date time,"
    " started at, started, start time, played at, began, server time, date",
    "query": "user query, query text, query string, search query, search text, search term, search string, query, q,"
    " keywords, keyword, search terms, request text, text, phrase, term, terms, user input, typed, search",
    "results": "results, query response object ids, result ids, response object ids, response ids, hits, hit ids,"
    " shown ids, shown, shown items, res, object ids, items, item ids, docs, doc ids, documents, document ids, tracks,"
    " track ids, songs, song ids, products, product ids, ranking, ranked ids, hits ids, results ids, ids",
    "action": "action name, action, action type, event action, event type, event name, act, verb, event verb,"
    " interaction type, interaction, activity, event, type",
    "item": "item id, item, object id, track id, track, song id, song, doc id, document id, product id, obj,"
    " content id, media id, entity id, target id, clicked id, clicked item, clicked, sku, asin, episode id",
    "position": "position, position ordinal, rank, ordinal, idx, pos, index, result position, slot, place",
    "surface": "surface, platform, device type, device, channel, ui, os, operating system",
    "scope": "scope, market, country, country code, region, territory, storefront, tenant, catalogue, catalog",
    "language": "language, lang, language code, user language, locale",
    "ranker": "ranker, ranking model, ranker name, model, algorithm, variant, ab group, arm, experiment group",
    "swapped": "swapped, swap, swapped at, swap position",
    "shown_ms": "shown, dwell, dwell time, displayed, display time, visible, visible time, on screen",
    "optout": "optout, opt out, opted out, tracking optout, do not track, dnt, private session, incognito",
    "play_id": "play id, playback id, stream id, listen id, pid, play uuid",
    "from_item": "from item, source item, source id, context id, from, container id, playlist id, parent id,"
    " context uri, album id",
    "listened": "listened, played, listen time, listening time, listen duration, play time, playtime, heard,"
    " time played, seconds played, played duration, progress",
    "duration": "duration, track duration, track length, length, total, item duration, runtime, song duration",
    "autoplay": "autoplay, auto play, autoplayed, auto played, auto, is auto",
}  # fmt: skip
#: What an item's own key is called within a list of objects.
ITEM_KEYS = "id, item id, doc id, document id, object id, track id, song id, product id, key, sku, asin, uri, item"

_MEANINGS: dict[Meaning, str] = {
    "impression": "impression impressed imp show shown display displayed exposure exposed seen rendered",
    "click": "click clicked clickthrough tap tapped select selected open opened press pressed choose chosen",
    "save": "save saved fav favorite favorited favourite favourited like liked heart hearted love loved bookmark"
    " bookmarked collect collected star starred",
}
_NOT = frozenset(["un", "undo", "remove", "removed", "delete", "deleted", "cancel", "unset", "off", "not"])
_MILLIS = frozenset(["ms", "msec", "millis", "millisecond", "milliseconds"])
_SECONDS = frozenset(["s", "sec", "secs", "second", "seconds"])
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")

EXACT, PATH, ENDING = 1.0, 0.97, 0.8
_NEXT = 0.01  # what each place in a list of names costs


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: ``trackUri`` and ``track_uri`` are both ``("track", "uri")``."""
    return tuple(word.lower() for word in _WORD.findall(name))


def unit(path: str) -> str:
    """Return ``ms`` or ``s`` where a path's last name says so, else nothing."""
    named = set(words(path.rpartition(".")[2]))
    return "ms" if named & _MILLIS else "s" if named & _SECONDS else ""


def likeness(path: str, names: str) -> float:
    """Return how well a path is one of these names, 0 to 1: its last name, the path's end, or its last name's end."""
    *parents, last = path.split(".")
    leaf = _without_units(words(last))
    full = (*(word for parent in parents for word in words(parent)), *leaf)
    best = 0.0
    for place, name in enumerate(names.split(",")):
        wanted = _without_units(words(name))
        if leaf == wanted or "".join(leaf) == "".join(wanted):
            found = EXACT
        elif full[-len(wanted) :] == wanted:
            found = PATH if len(leaf) < len(wanted) else ENDING
        else:
            continue
        if found == ENDING and len("".join(wanted)) < 4:  # `at`, `q` and `id` end too many names
            continue
        best = max(best, found - place * _NEXT)
    return best


def is_search(action: str) -> bool:
    """Whether a word of theirs marks the search itself, which is no action of ours."""
    return bool({"search", "searched", "query", "queried"} & set(words(action))) and meaning(action) is None


def meaning(action: str) -> Meaning | None:
    """Return which of our actions a word of theirs is, or None: ``fav_add`` is a save, ``unlike`` is nothing."""
    said = set(words(action))
    if said & _NOT:
        return None
    if {"add", "added"} & said and {"playlist", "library", "collection", "favorites", "favourites"} & said:
        return "save"
    found = [ours for ours, theirs in _MEANINGS.items() if said & set(theirs.split())]
    return found[0] if len(found) == 1 else None


def _without_units(name: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in name if word not in _MILLIS | _SECONDS) or name
