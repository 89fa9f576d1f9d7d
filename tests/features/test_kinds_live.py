"""Every kind of feature, from `solr.yaml` to a live Solr's vectors and back, beside what it should say by itself."""

from datetime import UTC, datetime

import numpy as np
import pytest

from builders.solr_core import client_of
from reprise.features.catalogue import (
    behaviour_features,
    behaviour_field,
    defaults,
    efi,
    names,
    parameter_values,
    request_parameters,
    store_entries,
)
from reprise.features.match import as_of
from reprise.release import Approval, Candidate, Probe, ensure_release_zero, promote, releases, rollback, upload, verify
from reprise.release.record import utc_now
from reprise.settings import Solr

pytestmark = pytest.mark.solr

NOW = datetime(2026, 9, 1, tzinfo=UTC)
MS = str(int(NOW.timestamp() * 1000))
DOCUMENTS = [
    {"id": "song:0", "entity": "song", "title": "Night River", "artist": "Asha Rao", "language": "en",
     "released_at": "2026-08-22T00:00:00Z", "duration_s": 200, "beh_x": 1},
    {"id": "song:1", "entity": "song", "title": "Night", "artist": "Night", "language": "hi",
     "released_at": "2025-09-01T00:00:00Z", "duration_s": 100},
    {"id": "artist:2", "entity": "artist", "title": "Night Rivers of the Night", "language": "en"},
    {"id": "song:3", "entity": "song", "title": "ليلة القمر", "artist": "فيروز", "language": "ar",
     "released_at": "2026-09-20T00:00:00Z"},
    {"id": "song:4", "entity": "song", "title": "Beyonce\u0301 raat", "artist": "रात", "language": "hi",
     "released_at": "2026-08-31T12:00:00Z"},
]  # fmt: skip
FEATURES = [
    {"name": "engine_score", "kind": "match"},
    {"name": "bm25", "kind": "match", "query": "{!field f=title}${q}"},
    {"name": "exact", "kind": "match", "query": "{!field f=title_whole}${q}"},
    {"name": "fuzzy", "kind": "match", "query": "{!simple qf=title_grams q.operators=NONE}${q}"},
    {"name": "characters", "kind": "query", "computes": "characters"},
    {"name": "words", "kind": "query", "computes": "words"},
    {"name": "last_word", "kind": "query", "computes": "last_word", "default": 3},
    {"name": "arabic", "kind": "query", "computes": "script", "of": ["Arabic"]},
    {"name": "wants_night", "kind": "query", "computes": "says", "of": ["night", "रात"]},
    {"name": "age", "kind": "item", "field": "released_at", "age": True, "default": 5000},
    {"name": "duration", "kind": "item", "field": "duration_s", "default": 180},
    {"name": "is_song", "kind": "item", "field": "entity", "equals": "song"},
    {"name": "own_language", "kind": "context", "field": "language"},
    {"name": "plays", "kind": "behaviour", "measure": "plays", "default": -1},
    {"name": "trend", "kind": "behaviour", "measure": "trend"},
]
SOLR = Solr(
    features=[{**one, "meaning": "m"} for one in FEATURES],
    request={"released_field": "released_at", "params": {"defType": "lucene", "df": "title"}},
)
ENTRIES = store_entries(SOLR)
PARAMETERS = request_parameters(SOLR, ENTRIES, {})
PLAYS, TREND = (behaviour_field(feature) for feature in behaviour_features(SOLR))


@pytest.fixture(scope="module")
def client(module_core):
    with client_of(module_core) as client:
        client.add({name: value for name, value in one.items() if name != "beh_x"} for one in DOCUMENTS)
        client.update_fields([("song:0", {PLAYS: 2.5, TREND: -0.5})])
        client.put_features("kinds", ENTRIES)
        yield client


def logged(client, text, language="", **params):
    sent = {"q": "*:*", "said": text, "NOW": MS, **defaults(PARAMETERS), **params}
    sent |= parameter_values(PARAMETERS, text, {"language": language})
    log = client.log_features("kinds", sent, {**efi(ENTRIES), "q": "$said"})
    return {
        item: dict(zip(log.names, map(float, row), strict=True)) for item, row in zip(log.ids, log.values, strict=True)
    }


def of(vectors, name):
    return {item: vector[name] for item, vector in vectors.items()}


def test_the_store_has_the_catalogues_features_in_its_order(client):
    assert names(SOLR) == [feature["name"] for feature in client.features("kinds")]


def test_query_features_are_the_texts_own(client):
    found = logged(client, "  Night   RIVER")

    said = {name: set(of(found, name).values()) for name in ("characters", "words", "last_word", "arabic")}
    assert said == {"characters": {11.0}, "words": {2.0}, "last_word": {5.0}, "arabic": {0.0}}
    assert {1.0} == set(of(found, "wants_night").values())
    assert {0.5} == set(of(logged(client, "ليلة moon"), "arabic").values())
    assert {1.0} == set(of(logged(client, "raat रात"), "wants_night").values())


def test_an_item_has_its_field_its_age_or_the_default(client):
    found = logged(client, "night")

    dates = {d["id"]: datetime.fromisoformat(d["released_at"]) for d in DOCUMENTS if "released_at" in d}
    ages = {item: max(0.0, (NOW - date).total_seconds() / 86400) for item, date in dates.items()}
    assert pytest.approx({**ages, "artist:2": 5000}, rel=1e-6) == of(found, "age")
    durations = {d["id"]: d.get("duration_s", 180) for d in DOCUMENTS}
    assert durations == of(found, "duration")
    assert {d["id"]: float(d["entity"] == "song") for d in DOCUMENTS} == of(found, "is_song")


def test_behaviour_is_the_field_or_the_default(client):
    found = logged(client, "night")

    assert {"song:0": 2.5} | {d["id"]: -1 for d in DOCUMENTS[1:]} == of(found, "plays")
    assert {"song:0": -0.5} | {d["id"]: 0 for d in DOCUMENTS[1:]} == of(found, "trend")


@pytest.mark.parametrize("language", ["en", "hi", "ar", "", "xx", "e n", "${q}", "{!func}1", "en OR hi"])
def test_context_is_one_where_the_item_has_what_the_listener_has(client, language):
    found = of(logged(client, "night", language.replace("${", "$ {")), "own_language")

    assert {d["id"]: float(d["language"] == language) for d in DOCUMENTS} == found


def test_an_exact_title_is_more_than_its_words(client):
    for text, item in (
        ("night river", "song:0"), ("NIGHT", "song:1"), ("ليلة القمر", "song:3"), ("beyoncé raat", "song:4"),
    ):  # fmt: skip
        assert {item} == {key for key, value in of(logged(client, text), "exact").items() if value > 0}, text


def test_a_slip_of_the_finger_still_matches(client):
    found = of(logged(client, "nigth rivre"), "fuzzy")

    assert found["song:0"] > 0
    assert found["song:3"] == 0
    assert set(of(logged(client, "nigth rivre"), "bm25").values()) == {0.0}


@pytest.mark.parametrize("title", ["Beyonce\u0301", "Beyoncé", "BEYONCE"])
def test_combining_marks_are_one_letter_however_they_are_written(client, title):
    assert {"song:4"} == {key for key, value in of(logged(client, title), "bm25").items() if value > 0}


def test_what_came_later_is_not_in_a_past_answer(client):
    asked = {"q": "*:*", "fl": "id", **as_of(SOLR, MS)}

    found = client.select(asked).body["response"]["docs"]

    assert {"song:0", "song:1", "artist:2", "song:4"} == {one["id"] for one in found}


def candidate(solr=SOLR):
    entries, parameters = store_entries(solr), request_parameters(solr, store_entries(solr), {})
    weights = {name: 0.25 + place / 8 for place, name in enumerate(names(solr))}
    model = {"class": "org.apache.solr.ltr.model.LinearModel", "features": [{"name": name} for name in weights]}
    fields = [behaviour_field(feature) for feature in behaviour_features(solr)]
    return Candidate(
        "linear", {**model, "params": {"weights": weights}}, entries, efi(entries), 50, fields, "run", "2026-08-30",
        parameters,
    )  # fmt: skip


def ids(client, **params):
    asked = {"q": "night", "useParams": "reprise_live", "fl": "id,score", "rows": 9, "NOW": MS, **params}
    found = client.select(asked).body["response"]["docs"]
    return {one["id"]: np.float32(one["score"]) for one in found}


def test_a_release_answers_whether_or_not_the_application_sends_what_features_read(client):
    """And it is proven bit for bit, although age moves with every millisecond."""
    ensure_release_zero(client, SOLR.request)
    first = candidate()
    upload(client, first, 1_000_000)
    proof = verify(client, first, [Probe({"q": text}) for text in ("night", "river", "raat")], SOLR.request, 3)
    live = promote(client, first, 0, Approval("mira", utc_now(), "r"))

    bare = ids(client)
    sent = ids(client, **parameter_values(PARAMETERS, "night", {"language": "hi"}))

    assert proof.answer == "yes"
    assert live.parameters == PARAMETERS
    weights = first.model_json["params"]["weights"]
    hindi = {"song:1": weights["own_language"]}
    expected = 5 * weights["characters"] + weights["words"] + 2 * weights["last_word"] + weights["wants_night"]
    gained = {item: float(sent[item] - bare[item]) - hindi.get(item, 0.0) for item in bare}
    assert gained == pytest.approx(dict.fromkeys(bare, expected), abs=1e-3)


def test_a_dropped_feature_never_reaches_a_new_store_and_old_releases_keep_theirs(client):
    ensure_release_zero(client, SOLR.request)
    old = candidate()
    upload(client, old, 1_000_000)
    kept = [one for one in SOLR.features if one.name not in ("arabic", "own_language", "plays")]
    fewer = SOLR.model_copy(update={"features": kept})
    new = candidate(fewer)

    upload(client, new, 1_000_000)
    number = releases(client)[-1].number
    promote(client, new, number if client.paramsets()["reprise_live"].get("reprise.release") == str(number) else 0,
            Approval("mira", utc_now(), "r"))  # fmt: skip

    assert {one["name"] for one in client.features(new.store)} == set(names(fewer))
    assert {one["name"] for one in client.features(old.store)} == set(names(SOLR))
    assert {"reprise.language", *(n for n in PARAMETERS if "script" in n)} == old.parameters.keys() - new.parameters
    client.reload()
    assert ids(client)
    rollback(client, 1, "back", "mira")
    assert ids(client)
    assert {one["name"] for one in client.features(old.store)} == set(names(SOLR))


def test_the_same_text_at_two_moments_has_two_ages(client):
    earlier = str(int(MS) - 86_400_000)

    later, before = (of(logged(client, "night", NOW=now), "age")["song:1"] for now in (MS, earlier))

    assert later - before == 1.0
