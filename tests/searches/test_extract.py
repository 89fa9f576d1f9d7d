"""Extraction on small logs of our own making, against hand-made cases, brute force and DuckDB."""

import base64
import random
import shutil
from datetime import timedelta

import duckdb
import pytest

from builders.journeys import brute_force
from builders.logs import Logs, at, plan_of
from builders.same_rows import differences_from_duckdb
from reprise import tables
from reprise.lake import DAILY
from reprise.plan import logs_version
from reprise.searches import check_logs
from reprise.searches.calendar import closed_days
from reprise.searches.extract import run

pytestmark = pytest.mark.spark
DAYS = ["2026-09-01", "2026-09-02", "2026-09-03"]


class Extracted:
    """A published lake and the way to its rows."""

    def __init__(self, deployment, lake):
        self.deployment, self.plan = deployment, plan_of(deployment, lake, closed_days(deployment))
        self.verdict = run(self.plan)
        self.lake, self.version = self.plan.open_lake(), self.plan.logs_version

    def rows(self, table, days=None):
        found = self.lake.read(table, self.version, [f"dt={day}" for day in days or self.plan.days])
        tables.check(table, found.schema, getattr(tables, table))
        return found.to_pylist()

    def files(self, table):
        return self.lake.files(table, self.version, [f"dt={day}" for day in self.plan.days])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One log with a case of everything, a user each; and fifty random listeners."""
    logs = Logs(tmp_path_factory.mktemp("raw"))
    logs.quiet_days(range(5))
    _settled_and_displayed(logs)
    _plays(logs)
    _dirt(logs)
    logs.listeners = _random_listeners(logs, 50)
    logs.write()
    return logs


@pytest.fixture(scope="module")
def extracted(spark, written, tmp_path_factory):
    """All of it, extracted once."""
    return Extracted(written.deployment(utility={"max_searches_per_user_day": 30}), tmp_path_factory.mktemp("lake"))


def _settled_and_displayed(logs):
    """Three prefixes within three seconds of each other: one flashed by, one was displayed, one settled."""
    logs.search("p1", at(0, 12, 0), "t", ["song:9"], "typist", shown_ms=100)
    logs.search("p2", at(0, 12, 1), "tu", ["song:8", "song:1"], "typist", shown_ms=1500)
    logs.search(
        "p3", at(0, 12, 2.5), "ＴＵＭ  hi", ["song:1", "song:2"], "typist", shown_ms=9000, ranker="B", swapped=1
    )
    logs.event("click", "p3", at(0, 12, 8), "song:1", "typist")
    logs.play("typist-1", at(0, 12, 8), "song:1", 115, "typist")
    logs.search("p4", at(0, 12, 300), "tum again", ["song:2"], "typist")


def _plays(logs):
    """Containers, autoplay, missing plays, missing ends, repeats, saves, a later journey; and midnight."""
    logs.search("c1", at(0, 13), "an artist", ["artist:3", "song:1"], "opener")
    logs.event("click", "c1", at(0, 13, 5), "artist:3", "opener")
    logs.play("c-a", at(0, 13, 9), "song:5", 10, "opener", from_item="artist:3")
    logs.play("c-b", at(0, 13, 30), "song:6", 10, "opener", from_item="artist:3", autoplay=True)
    logs.play("c-c", at(0, 13, 60), "song:7", 30, "opener", from_item="artist:3")
    logs.search("m1", at(0, 13), "gone", ["song:1", "song:2"], "misser")
    logs.event("click", "m1", at(0, 13, 5), "song:2", "misser")
    logs.search("e1", at(0, 13), "endless", ["song:1"], "endless")
    logs.event("click", "e1", at(0, 13, 5), "song:1", "endless")
    logs.play("e-a", at(0, 13, 5), "song:1", None, "endless")
    logs.search("r1", at(0, 13), "again", ["song:1"], "repeater")
    logs.play("r-a", at(0, 13, 5), "song:1", 40, "repeater")
    logs.play("r-b", at(1, 10), "song:1", 200, "repeater")
    logs.search("b1", at(0, 13), "boundless", ["song:1"], "boundless")
    logs.event("click", "b1", at(0, 13, 5), "song:1", "boundless")
    no_time = {"uid": "boundless", "track": "song:1", "listened_ms": "NaN"}
    logs.raw("player", at(0), no_time | {"started": round(at(0, 13, 5).timestamp() * 1000)})
    for place in range(4):  # 0.7, three times 0.1, and an end that was lost
        logs.search(f"o{place}", at(0, 13), "in any order", ["album:1"], f"order-{place}")
        for n, seconds in enumerate([98 if n == place else 10 for n in range(4)] + [None]):
            user = f"order-{place}"
            logs.play(f"{user}-{n}", at(0, 13, 100 * n), f"song:{n}", seconds, user, from_item="album:1")
    logs.search("h1", at(0, 13), "holes", [None, "song:2", "song:2", "song:1"], "finder")
    logs.search("s1", at(0, 13), "keep", ["song:1", "song:2"], "saver")
    logs.event("save", "s1", at(0, 13, 50), "song:2", "saver")
    logs.search("n1", at(0, 23.9), "before midnight", ["song:1"], "owl")
    logs.search("n2", at(1, 0.01), "after midnight", ["song:2"], "owl")
    logs.play("n-a", at(1, 0.02), "song:2", 200, "owl")
    logs.search("n3", at(1, 0.1), "next", ["song:2", "song:3"], "owl")


def _dirt(logs):
    """One of every kind of record that must not be learned from."""
    copy = logs.search("d1", at(1, 9), "twice", ["song:1"], "copier")
    logs.raw("app", at(1), copy)
    logs.raw("app", at(1), copy | {"user_query": "same id"})
    logs.search("qa", at(1, 9), "probe", ["song:1"], "qa-7")
    logs.search("o1", at(1, 9), "secret wish", ["song:1"], "private", optout=True)
    logs.search("o2", at(1, 10), "another secret", ["song:1"], "private")
    logs.event("teleport", "o1", at(1, 11), "song:1", "private")
    for n in range(31):
        logs.search(f"bot-{n}", at(1, 9, 10 * n), f"q{n}", ["song:1", "song:2"], "bot")
    for n in range(25):
        logs.play(f"farm-{n}", at(1, 9, 40 * n), "song:77", 31, "farmer")
    long = b'{"user_query": "' + b"\xff" * 90 + b'"}'
    glued = b'{"query_id": "g1", "client_id": "u", "user_query": "one}"}{"query_id": "g2"}'
    for line in (b'{"query_id": "t1", "client', b'{"user_query": "\xff\xfe"}', b"[]", b"null", b"42", glued, long):
        logs.raw("app", at(1), line)
    logs.raw("app", at(1), {"query_id": "x", "timestamp": "2026-09-02T09:00:00Z", "user_query": "nobody"})
    logs.raw("app", at(1), {"query_id": "x", "client_id": "u", "timestamp": "yesterday", "user_query": "when"})
    logs.event("teleport", "d1", at(1, 9, 1), "song:1", "copier")
    logs.event("click", "unheard-of", at(1, 9), "song:1", "copier")
    logs.event("click", "d1", at(1, 9, 2), "song:4", "copier")
    logs.event("click", "d1", at(1, 8), "song:1", "copier")
    logs.search("late", at(1, 23), "comes a day late", ["song:1"], "slow", day=at(2))
    logs.search("older", at(0, 1), "comes two days late", ["song:1"], "slow", day=at(2))
    logs.search("ahead", at(3, 5), "from tomorrow", ["song:1"], "hasty", day=at(2))
    logs.search("blank", at(1, 9), "  ", ["song:1"], "copier")


def _random_listeners(logs, count):
    """Random evenings across midnight; returns each listener's records for the brute force."""
    listeners = {}
    for number in range(count):
        rng, user = random.Random(number), f"random-{number}"
        searches, clicks, saves, plays = [], [], [], []
        now = at(0, 22)
        for n in range(rng.randint(1, 12)):
            now += timedelta(
                milliseconds=rng.choice([400, 1500, 2900, 3000, 20_000, 119_000, 400_000, 1_700_000, 2_000_000])
            )
            shown = rng.sample(["song:1", "song:2", "song:3", "artist:1", "album:1"], rng.randint(0, 4))
            key = f"{user}-s{n:02}"
            logs.search(key, now, f"q{rng.randint(1, 3)}", shown, user)
            searches.append((key, now, shown, None))
            for k in range(rng.randint(0, 2) if shown else 0):
                now += timedelta(milliseconds=rng.choice([500, 4000, 30_000, 900_000]))
                item = rng.choice(shown)
                act = rng.random()
                if act < 0.1:
                    logs.event("save", key, now, item, user)
                    saves.append((key, now, item))
                    continue
                logs.event("click", key, now, item, user)
                clicks.append((key, now, item))
                if act < 0.9:
                    track = item if item.startswith("song") else rng.choice(["song:4", "song:5"])
                    play = (f"{key}-p{k}", now, track, item if track != item else None,
                            rng.choice([None, 2.0, 10.0, 29.0, 40.0, 115.0, 200.0]), rng.choice([None, 20.0, 200.0]),
                            rng.random() < 0.2)  # fmt: skip
                    logs.play(play[0], now, track, play[4], user, duration=play[5], from_item=play[3], autoplay=play[6])
                    plays.append(play)
        listeners[user] = (searches, clicks, saves, plays)
    return listeners


def by_id(rows):
    return {row["search_id"]: row for row in rows}


def outcome(extracted, search_id, item):
    found = [r for r in extracted.rows("impressions") if (r["search_id"], r["item"]) == (search_id, item)]
    assert len(found) == 1
    return found[0]


def test_every_record_has_one_fate(extracted, written):
    """Records in = used + dropped + rejected, per source and day, and each reason is the right one."""
    actual = {(r["dt"], r["source"], r["fate"]): r["records"] for r in extracted.rows("log_counts")}
    for name, lines in written.lines.items():
        source, folder, _ = name.split("/")
        if (day := folder.removeprefix("dt=")) in DAYS:
            assert len(lines) == sum(n for key, n in actual.items() if key[:2] == (day, source))
    reasons = {fate: n for (day, source, fate), n in actual.items() if day == DAYS[1] and source == "app"}
    reasons.pop("used")

    assert reasons == {
        "dropped:duplicate": 1,
        "dropped:duplicate id": 1,
        "dropped:internal": 1,
        "dropped:opted out": 3,
        "dropped:extreme user": 31,
        "dropped:unknown search": 1,
        "dropped:item not shown": 1,
        "dropped:before its search": 1,
        "dropped:empty query": 1,
        "rejected:unreadable": 5,
        "rejected:not UTF-8": 2,
        "rejected:missing user": 1,
        "rejected:bad or missing ts": 1,
        "rejected:unknown action": 1,
    }
    assert actual[DAYS[1], "player", "dropped:more plays than a listener's"] == 5
    assert actual[DAYS[2], "app", "dropped:too late"] == 1
    assert actual[DAYS[2], "app", "dropped:clock ahead"] == 1


def test_rejects_keep_the_record_verbatim(extracted):
    """Text as it was; bytes that are no text as base64, so that nothing is lost."""
    raw = {r["raw"]: r["reason"] for r in extracted.rows("rejects")}

    assert raw['{"query_id": "t1", "client'] == "unreadable"
    assert raw["base64:eyJ1c2VyX3F1ZXJ5IjogIv/+In0="] == "not UTF-8"
    assert raw["base64:" + base64.b64encode(b'{"user_query": "' + b"\xff" * 90 + b'"}').decode()] == "not UTF-8"


def test_nothing_of_an_opted_out_listener_is_written(extracted):
    """Neither searches nor rejects of that day, not even the record that forgot the flag."""
    assert {r["query"] for r in extracted.rows("searches")}.isdisjoint({"secret wish", "another secret"})
    assert not any("private" in r["raw"] for r in extracted.rows("rejects"))


def test_prefixes_collapse_into_the_settled_search(extracted):
    """One search with three keystrokes; text normalised; what shaped the answer kept."""
    searches = by_id(extracted.rows("searches"))

    assert "p1" not in searches
    assert "p2" not in searches
    row = searches["p3"]
    assert (row["q"], row["keystrokes"], row["ranker"], row["swapped"]) == ("tum hi", 3, "B", 1)


def test_a_displayed_prefix_is_credited_with_the_final_item(extracted):
    """With the declared weight; a prefix that flashed by is not."""
    rows = [r for r in extracted.rows("impressions") if r["search_id"] in ("p1", "p2")]
    actual = {(r["search_id"], r["item"]): (r["utility"], r["prefix_weight"], r["q"]) for r in rows}

    assert actual == {("p2", "song:8"): (0.0, 0.5, "tu"), ("p2", "song:1"): (0.75, 0.5, "tu")}


def test_a_success_ends_the_journey(extracted):
    """The search after a listened play begins another one, however soon."""
    searches = by_id(extracted.rows("searches"))

    assert searches["p3"]["journey_id"] == "p3"
    assert searches["p4"]["journey_id"] == "p4"
    assert not searches["p4"]["reformulated"]


def test_a_journey_across_midnight_belongs_to_its_first_day(extracted):
    """So does its play; what follows the success is the next day's."""
    searches = by_id(extracted.rows("searches"))

    assert (searches["n2"]["dt"], searches["n2"]["journey_id"]) == (DAYS[0], "n1")
    assert searches["n3"]["dt"] == DAYS[1]
    assert outcome(extracted, "n2", "song:2")["utility"] == 1.0


@pytest.mark.parametrize(
    ("search_id", "item", "utility", "seconds"),
    [
        ("c1", "artist:3", 0.6, 40.0),  # 0.1 + 0.5; what autoplay added is left out
        ("c1", "song:1", 0.0, None),
        ("m1", "song:2", None, None),  # clicked, no play record: unknown
        ("m1", "song:1", 0.0, None),
        ("e1", "song:1", None, None),  # played, no end: unknown
        ("b1", "song:1", None, None),  # played for no number of seconds: unknown
        *(
            (f"o{place}", "album:1", 1.0, 128.0) for place in range(4)
        ),  # enough whatever the lost end was, and however summed
        ("r1", "song:1", 1.0, 40.0),  # repeated the next morning
        ("s1", "song:2", 1.0, None),  # saved
        ("late", "song:1", 0.0, None),
    ],
)
def test_what_the_listener_got(extracted, search_id, item, utility, seconds):
    """Attribution by hand."""
    row = outcome(extracted, search_id, item)

    assert (utility, seconds) == (pytest.approx(row["utility"]), row["seconds"])


def test_an_item_keeps_its_place_in_the_answer(extracted):
    """Also below a place without an item, and below one that is there twice."""
    rows = [r for r in extracted.rows("impressions") if r["search_id"] == "h1"]

    assert {(row["item"], row["position"]) for row in rows} == {("song:2", 2), ("song:1", 4)}


def test_random_listeners_against_brute_force(extracted, written):
    """Journeys, days, reformulations and every utility, as plain Python has them."""
    searches = by_id(extracted.rows("searches"))
    impressions = {(r["search_id"], r["item"]): r for r in extracted.rows("impressions") if r["prefix_weight"] == 1}
    settled_ids = set()
    for records in written.listeners.values():
        settled, outcomes = brute_force(*records, extracted.deployment.logs)
        for search in settled:
            row = searches[search["id"]]
            settled_ids.add(search["id"])
            expected = tuple(search[k] for k in ("journey_id", "dt", "keystrokes", "reformulated"))
            assert expected == tuple(row[k] for k in ("journey_id", "dt", "keystrokes", "reformulated")), search["id"]
        for key, utility in outcomes.items():
            assert utility == (
                None if impressions[key]["utility"] is None else pytest.approx(impressions[key]["utility"])
            ), key

    assert settled_ids == {key for key in searches if key.startswith("random-")}


def test_every_table_against_duckdb(extracted):
    """Row for row, by SQL over the raw files."""
    assert differences_from_duckdb(extracted.plan) == {name: [] for name in DAILY}


def test_query_item_stats_against_duckdb(extracted):
    """Sums over known, capped impressions."""
    cap = extracted.deployment.logs.utility.max_impressions_per_user_item_day
    expected = duckdb.sql(f"""
        with capped as (
          select *, row_number() over (partition by dt, "user", item order by ts, search_id, position) as n
          from read_parquet({extracted.files("impressions")}) where utility is not null)
        select dt, q, item, position, ranker, surface, scope, swapped,
          sum(prefix_weight), sum(prefix_weight * clicked::int),
          sum(prefix_weight * utility), sum(prefix_weight * utility * utility), count(distinct "user")
        from capped where n <= {cap} group by all""").fetchall()
    actual = [tuple(row.values()) for row in extracted.rows("query_item_stats")]

    assert len(expected) > 80
    assert sorted(actual) == [pytest.approx(row) for row in sorted(expected)]


def test_journey_stats_against_duckdb(extracted):
    """Scores of known journeys, from searches and impressions alone."""
    expected = duckdb.sql(f"""
        with scored as (
          select journey_id, coalesce(sum(utility), 0) as u, coalesce(bool_or(utility is null), false) as partly
          from read_parquet({extracted.files("impressions")}) where prefix_weight = 1 group by all),
        journeys as (
          select dt, journey_id, arg_min(ranker, (ts, search_id)) as ranker,
            sum(keystrokes) as keys, min("user") as u_hash
          from read_parquet({extracted.files("searches")}) group by all)
        select dt, ranker, ('0x' || u_hash[:8])::bigint % 16 as bucket, count(*), sum(least(1, coalesce(u, 0))),
          sum(least(1, coalesce(u, 0)) ** 2), sum(keys)
        from journeys left join scored using (journey_id)
        where coalesce(u, 0) >= 1 or not coalesce(partly, false) group by all""").fetchall()
    names = ("dt", "ranker", "user_bucket", "journeys", "score_sum", "score_sq_sum", "keystrokes_sum")
    rows = extracted.rows("journey_stats")

    actual = [tuple(row[name] for name in names) for row in rows]
    assert sorted(actual) == [pytest.approx(row) for row in sorted(expected)]
    assert sum(row["successes"] for row in rows) <= sum(row["journeys"] for row in rows)


def test_item_stats_by_hand(extracted):
    """All plays of one item on one day: the farm's are capped, none of them was searched for."""
    (farm,) = [r for r in extracted.rows("item_stats") if r["item"] == "song:77"]
    expected = {"plays": 20, "organic_plays": 20, "skips": 0, "completions": 0, "listeners": 1, "search_plays": 0}

    assert expected == {name: farm[name] for name in expected}
    (opened,) = [r for r in extracted.rows("item_stats", DAYS[:1]) if r["item"] == "song:7"]
    assert (opened["plays"], opened["organic_plays"], opened["search_plays"]) == (1, 0, 1)


def test_a_second_run_does_nothing_and_a_changed_day_is_rebuilt(spark, extracted, written, tmp_path):
    """Late raw files reopen the days that they touch, as a new version; the others stay."""
    copy = tmp_path / "lake"
    shutil.copytree(extracted.lake.uri, copy)
    assert run(plan_of(extracted.deployment, copy, extracted.plan.days)).facts == {"days": []}

    late = Logs(written.root)
    late.search("reopened", at(3, 9), "comes late", ["song:1"], "latecomer")
    path = written.root / "app" / "dt=2026-09-04" / "part-01.jsonl.gz"
    late.write_one(path)
    try:
        again = run(plan_of(extracted.deployment, copy, extracted.plan.days))
    finally:
        path.unlink()

    assert again.facts["days"] == ["2026-09-03", "2026-09-04"]
    lake = plan_of(extracted.deployment, copy, DAYS).open_lake()
    numbers = {day: lake.published("searches", extracted.version, f"dt={day}").number for day in extracted.plan.days}
    assert numbers == {"2026-09-01": 1, "2026-09-02": 1, "2026-09-03": 2, "2026-09-04": 2}
    # 3 September has other neighbours now, but the same rows: it keeps its files.
    files = {
        day: [
            [file.rsplit("/")[-1] for file in each.files("searches", extracted.version, [f"dt={day}"])]
            for each in (extracted.lake, lake)
        ]
        for day in extracted.plan.days
    }
    assert [day for day, (kept, now) in files.items() if now != kept] == ["2026-09-04"]
    before = lake.read("impressions", extracted.version, ["dt=2026-09-03"]).num_rows
    assert before == len(extracted.rows("impressions", DAYS[2:]))


def test_check_logs_names_the_day_and_the_number(extracted):
    """Two rejected records in a hundred are too many for a limit of one in a hundred."""
    strict = extracted.deployment.model_copy(
        update={"logs": extracted.deployment.logs.model_copy(update={"max_reject_share": 0.001})}
    )
    assert logs_version(strict) == extracted.version  # a policy does not change what was extracted
    verdict = check_logs.run(plan_of(strict, extracted.lake.uri, DAYS[1:2]))

    assert verdict.answer == "no"
    assert "2026-09-02" in verdict.reason
    assert "records are unreadable (limit 0.1%)" in verdict.reason
