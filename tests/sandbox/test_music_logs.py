"""What the simulated service writes: layouts, bytes, books of every kind of line, bands, continuation, corruption."""

import gzip
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.music import PlainFirstStage
from reprise.errors import UsageError
from reprise.sandbox.music import (
    Buckets,
    SolrFirstStage,
    Switches,
    Truth,
    World,
    corrupt,
    days_lived,
    index_catalogue,
    simulate,
)
from reprise.settings import load_deployment
from reprise.solr.client import SolrClient

pytestmark = pytest.mark.s3
DAYS = 3


@pytest.fixture(scope="module")
def world():
    return World.build(7, "small")


@pytest.fixture(scope="module")
def lived(world, s3, tmp_path_factory):
    """Three days in buckets that no other test fills; with them what was written and where the truth is."""
    truth = tmp_path_factory.mktemp("truth")
    buckets = Buckets("music-search-logs-lived", "music-play-logs-lived")
    return simulate(world, PlainFirstStage(world), s3, truth, DAYS, buckets=buckets), buckets, truth


def _objects(s3, bucket):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", [])}


def _lines(s3, bucket, prefix=""):
    found = []
    for key in sorted(_objects(s3, bucket)):
        if key.startswith(prefix):
            found += gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).split(b"\n")[:-1]
    return found


def _records(lines):
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append({})
    return found


def test_same_seed_same_bytes_however_the_days_are_called(world, s3, lived, new_bucket, tmp_path):
    """One call of three days, and calls of one and two days in a fresh place, write the very same objects."""
    _, buckets, _ = lived
    again = Buckets(new_bucket(), new_bucket())
    other = World.build(7, "small")
    for days in (1, 2):
        simulate(other, PlainFirstStage(other), s3, tmp_path, days, buckets=again)

    assert days_lived(tmp_path) == DAYS
    assert _objects(s3, buckets.search) == _objects(s3, again.search)
    assert _objects(s3, buckets.play) == _objects(s3, again.play)


def test_three_layouts_over_two_buckets(lived, s3):
    """As logs.yaml maps them, and nothing beyond the last day lived."""
    _, buckets, _ = lived
    search, play = _objects(s3, buckets.search), _objects(s3, buckets.play)

    assert {key.split("/")[1] for key in search if key.startswith("ubi/")} == {
        f"dt=2026-09-0{n}" for n in range(1, DAYS + 1)
    }
    assert {key[:17] for key in search if key.startswith("legacy/")} == {
        f"legacy/2026/09/0{n}" for n in range(1, DAYS + 1)
    }
    assert {key[:16] for key in play} == {f"plays/2026-09-0{n}" for n in range(1, DAYS + 1)}


def test_every_line_is_in_the_ledger(lived, s3):
    """Lines on disk by source and day equal the ledger; the kinds that can be read off a line do too."""
    what, buckets, _ = lived
    for number, day in enumerate(what.days):
        ledger = what.ledger[day]
        app = _lines(s3, buckets.search, f"ubi/dt={day}/")
        records = _records(app)
        users = Counter(str(record.get("client_id"))[:3] for record in records)
        unreadable = sum(not record for record in records)

        assert sum(ledger["app"].values()) == len(app)
        assert sum(ledger["ios"].values()) == len(_lines(s3, buckets.search, f"legacy/{day.replace('-', '/')}/"))
        assert sum(ledger["player"].values()) == len(_lines(s3, buckets.play, f"plays/{day}/"))
        assert ledger["app"].get("internal", 0) == users["qa-"]
        assert ledger["app"].get("unknown_action", 0) == sum(r.get("action_name") == "hover" for r in records)
        assert ledger["app"].get("garbled", 0) + ledger["app"].get("bad_utf8", 0) == unreadable
        assert (ledger["app"].get("bot", 0) > 460) == (number % 3 == 1)


def test_all_kinds_of_dirt_occur(lived):
    """Within three small days every kind is met somewhere."""
    what, _, _ = lived
    kinds = {kind for day in what.ledger.values() for source in day.values() for kind in source}

    assert kinds >= {"duplicate", "duplicate_id", "garbled", "bad_utf8", "missing_id", "unknown_action", "clock_skew"}
    assert kinds >= {"internal", "optout", "bot", "no_end", "late_click", "autoplay", "prefix", "save"}


def test_sanity_bands(lived):
    """Design choices, not measurements of a real service: clicks, success, zero consumption, head, one-click share."""
    what, _, truth = lived
    table = pa.concat_tables([pq.read_table(truth / "days" / f"{day}.parquet") for day in what.days])
    searches = table.to_pandas()
    traffic = searches["query"].value_counts()
    best = searches.groupby("query")["consumption"].max()
    success = searches[~searches["retry"]]["consumption"] >= 0.5

    assert 0.5 <= what.clicks / what.searches <= 1.2
    assert 0.35 <= success.mean() <= 0.65
    assert (searches["query"].map(best) == 0).mean() < 0.25
    assert 0.05 < traffic.head(max(1, len(traffic) // 100)).sum() / len(searches) < 0.5
    assert 0.1 < searches["retry"].mean() < 0.35


def test_results_hold_what_was_clicked(lived, s3):
    """Every true click names an item its search showed, at that place; swapped searches say so."""
    _, buckets, _ = lived
    records = _records(_lines(s3, buckets.search, "ubi/"))
    shown = {r["query_id"]: r for r in records if r.get("query_response_object_ids") and r.get("query_id")}
    clicks = [r for r in records if r.get("action_name") == "click" and r["query_id"] in shown]
    swapped = [r["query_attributes"]["swapped"] for r in shown.values() if not r["query_attributes"]["prefix"]]

    assert len(clicks) > 500
    for click in clicks:
        place = click["event_attributes"]["position"]["ordinal"] - 1
        results = shown[click["query_id"]]["query_response_object_ids"]
        assert results[place] == click["event_attributes"]["object"]["object_id"]
    assert 0.01 < sum(rank > 0 for rank in swapped) / len(swapped) < 0.05


def test_a_folder_belongs_to_one_world_and_days_have_no_holes(world, s3, lived, tmp_path):
    _, _, truth = lived
    other = World.build(8, "small")

    with pytest.raises(UsageError, match="another world's truth"):
        simulate(other, PlainFirstStage(other), s3, truth, 1)
    with pytest.raises(UsageError, match="day 5 has no day before it"):
        simulate(world, PlainFirstStage(world), s3, tmp_path, 1, first_day=5)


def test_corruption_moves_consumption_and_keeps_volumes(lived, s3, tmp_path, monkeypatch):
    """In the spoiled day as many lines, clicks and seconds, on other shown items; the other days byte for byte."""
    what, buckets, _ = lived
    small = load_deployment("demo-small")
    lived_there, spoiled = (
        type(small).model_validate_json(small.model_dump_json().replace("-logs-small", f"-logs-{name}"))
        for name in ("lived", "spoiled")
    )
    corrupt(s3, lived_there, spoiled, [what.days[1]])
    ours, theirs = (_objects(s3, f"music-search-logs-{name}") for name in ("lived", "spoiled"))
    clean, bad = (
        _records(_lines(s3, f"music-search-logs-{name}", f"ubi/dt={what.days[1]}")) for name in ("lived", "spoiled")
    )
    plays = [_records(_lines(s3, f"music-play-logs-{name}")) for name in ("lived", "spoiled")]
    shown = {r["query_id"]: r["query_response_object_ids"] for r in bad if r.get("query_response_object_ids")}
    moved = [
        (old, new) for old, new in zip(clean, bad, strict=True) if old.get("action_name") == "click" and old != new
    ]

    assert ours.keys() == theirs.keys()
    assert {key for key in ours if ours[key] != theirs[key]} <= {k for k in ours if "2026-09-02" in k or "09/02" in k}
    assert len(moved) > 100
    for _, click in moved:
        place = click["event_attributes"]["position"]["ordinal"] - 1
        assert shown[click["query_id"]][place] == click["event_attributes"]["object"]["object_id"]
    assert [p.get("listened_ms") for p in plays[0]] == [p.get("listened_ms") for p in plays[1]]
    assert sum(a != b for a, b in zip(*plays, strict=True)) > 200
    assert buckets.search == "music-search-logs-lived"


@pytest.mark.solr
def test_solr_answers_the_listeners(world, s3, new_bucket, module_core, tmp_path):
    """The catalogue in a real Solr: one day is lived, most texts find their item, the truth has something to gain."""
    url, core = module_core.rsplit("/", 1)
    with SolrClient([url], core) as client:
        assert index_catalogue(world, client) == len(world.catalogue.ids)
        stage = SolrFirstStage(client)
        what = simulate(world, stage, s3, tmp_path, 1, buckets=Buckets(new_bucket(), new_bucket()))
        whole = [world.wishes.texts[text] for text in world.wishes.retry[:100]]
        found = [f"song:{n + 1}" in stage.ask(text, "live") for n, text in enumerate(whole)]
        truth = Truth(world, [0])
        heads = sorted(world.wishes.texts, key=lambda text: -truth.weight(text))[:100]
        differs = [stage.ask(text, "live") != stage.ask(text, "B") for text in heads]

    assert what.searches > 400
    assert what.requests < 1200
    assert sum(found) > 90
    assert sum(differs) > 40


def test_feedback_lets_plays_raise_tomorrows_wishes(world, s3, new_bucket, tmp_path):
    """The first day is the same with and without; from the second on the searches differ."""
    what = {}
    for feedback in (0.0, 0.5):
        other = World.build(7, "small", Switches(feedback=feedback))
        buckets, folder = Buckets(new_bucket(), new_bucket()), tmp_path / str(feedback)
        simulate(other, PlainFirstStage(other), s3, folder, 2, buckets=buckets)
        what[feedback] = [
            pq.read_table(folder / "days" / f"2026-09-0{day}.parquet")["target"].to_pylist() for day in (1, 2)
        ]

    assert what[0.0][0] == what[0.5][0]
    assert what[0.0][1] != what[0.5][1]
