"""Names elsewhere, and what they are called here."""

import pytest

from reprise.searches.vocabulary import NAMES, likeness, meaning, unit, words


def best(path):
    """Return our field whose names are most like a path."""
    return max(NAMES, key=lambda name: (likeness(path, NAMES[name]), name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("trackUri", ("track", "uri")), ("track_uri", ("track", "uri")), ("TRACK-URI", ("track", "uri")),
        ("HTTPServer2", ("http", "server", "2")), ("_id", ("id",)), ("", ()),
    ],
)  # fmt: skip
def test_words(name, expected):
    assert expected == words(name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("queryId", "search_id"), ("request.id", "search_id"), ("qid", "search_id"), ("user.id", "user"),
        ("payload.client_id", "user"), ("event.created_at", "ts"), ("request.text", "query"), ("search.query", "query"),
        ("response.ids", "results"), ("hits.ids", "results"), ("event.type", "action"), ("event.item_id", "item"),
        ("event.rank", "position"), ("ctx.lang", "language"), ("ms_played", "listened"), ("ms_total", "duration"),
        ("trackDuration", "duration"), ("dwellMs", "shown_ms"), ("playId", "play_id"), ("is_autoplay", "autoplay"),
    ],
)  # fmt: skip
def test_names_that_others_use(path, expected):
    assert best(path) == expected


@pytest.mark.parametrize("path", ["object_id_field", "query_kind", "app_version", "format", "seat", "note", "message"])
def test_names_that_only_look_alike(path):
    assert max(likeness(path, names) for names in NAMES.values()) == 0.0


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("click", "click"), ("resultTapped", "click"), ("product_impression", "impression"), ("fav_add", "save"),
        ("addToPlaylist", "save"), ("add_to_cart", None), ("unlike", None), ("remove_favorite", None),
        ("search", None), ("hover", None), ("click_save", None), ("", None),
    ],
)  # fmt: skip
def test_what_an_action_means(action, expected):
    """What undoes something is not it, and what could be two things is neither."""
    assert meaning(action) == expected


def test_units_by_name():
    assert [unit(path) for path in ("a.listenedMs", "seconds_played", "duration")] == ["ms", "s", ""]
