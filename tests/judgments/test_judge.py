"""`judge` on Spark: θ against a known truth, judgments and query groups against DuckDB."""

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from builders.days import publish_day
from builders.flaky_s3 import flaky_s3
from reprise.errors import MissingDataError
from reprise.experts.grades import Grade
from reprise.experts.store import save
from reprise.judgments.fold import fold
from reprise.judgments.judge import run
from reprise.plan import Plan, days_between, lay_blocks
from reprise.searches.privacy import ensure_keys
from reprise.settings import Deployment
from reprise.settings.gate import Blocks

pytestmark = pytest.mark.spark

THETA = np.array([1, 0.674, 0.414, 0.293, 0.208, 0.171, 0.136, 0.117, 0.084, 0.058])  # Baidu, all pairs
DAYS = days_between("2026-09-01", "2026-09-06")


def a_plan(lake, days=DAYS, **theta):
    """A plan of two days each for train, validation and test, whose stage commands may run on local folders."""
    logs = {
        "sources": [
            {
                "name": "app",
                "kind": "search",
                "uris": ["s3://logs/{date}"],
                "fields": {"user": "u", "ts": "t", "query": "q", "search_id": "i"},
            }
        ]
    }
    blocks = {"test_days": 2, "validation_days": 2, "train_block_days": 2, "min_history_days": 0}
    solr = {"features": [{"name": "score", "meaning": "the engine's own", "kind": "match"}]}
    deployment = Deployment.model_validate(
        {"name": "tiny", "logs": logs, "solr": solr, "gate": {"blocks": blocks, "theta": theta}}
    )
    return Plan("r1", deployment, str(lake), days, lay_blocks(days, Blocks(**blocks)), ["linear"], [])


def publish(plan, stats, searches):
    """Write days of statistics into the plan's lake; searches are counted here."""
    queries = {}
    for search in searches:
        counted = queries.setdefault((search["dt"], search["q"], search["language"]), [0, 0])
        counted[0] += 1
        counted[1] |= 1 << search["user"]
    rows = [
        {"dt": dt, "q": q, "language": language, "searches": n, "listeners": bits}
        for (dt, q, language), (n, bits) in queries.items()
    ]
    for day in plan.days:
        daily = {"query_item_stats": stats, "query_stats": rows}
        mine = {table: [r for r in found if r["dt"] == day] for table, found in daily.items()}
        publish_day(plan.open_lake(), plan.logs_version, day, mine)


def a_search(day, q, n, language="en"):
    return {"dt": day, "q": q, "language": language, "user": n % 5}


def simulated(seed, *, rankers, swaps, queries=30, per_day=16000, steady=False):
    """Position-based clicks with a strong logger: relevance falls with the engine's order. Yields stats rows.

    With ``rankers`` = 2 a fifth of the traffic is answered by a noisier order; ``swaps`` is the share of answers
    with one adjacent pair exchanged. Where ``steady``, items are worth the same every day.
    """
    rng = np.random.default_rng(seed)
    worth = {}
    for day in DAYS:
        for q in range(queries):
            g = np.sort(rng.beta(1, 4, 14))[::-1]
            g = worth.setdefault(q, g) if steady else g
            for ranker in range(rankers):
                noise = rng.normal(0, 0.15 if ranker else 0.03, 14)
                order = np.argsort(-(g + noise))[:10]
                total = per_day if ranker == 0 else per_day // 4
                swapped = rng.multinomial(int(total * swaps), np.full(9, 1 / 9)) if swaps else np.zeros(9, int)
                for k, n in [(0, total - swapped.sum()), *enumerate(swapped, start=1)]:
                    shown = order.copy()
                    if k:
                        shown[[k - 1, k]] = shown[[k, k - 1]]
                    clicks = rng.binomial(n, THETA * g[shown])
                    for position, item in enumerate(shown, start=1):
                        if n:
                            yield {
                                "dt": day, "q": f"q{q}", "item": f"song:{item}", "position": position,
                                "ranker": "AB"[ranker], "surface": "web", "scope": "IN", "swapped": k,
                                "impressions": float(n), "clicks": float(clicks[position - 1]),
                                "utility_sum": 0.5 * clicks[position - 1],
                                "utility_sq_sum": 0.25 * clicks[position - 1], "user_days": int(n),
                            }  # fmt: skip


def harvested(tmp_path, rows):
    plan = a_plan(tmp_path)
    publish(plan, list(rows), [a_search(day, "q0", 0) for day in DAYS])
    verdict = run(plan)
    read = plan.open_lake().read("propensities", plan.judgments_version, [plan.partition]).to_pylist()
    return verdict, [r["theta"] for r in read if r["theta_variant"] == "measured"], read


def test_two_rankers_and_swaps_give_theta_within_five_per_cent(spark, tmp_path):
    """The truth is the simulator's; a naive click ratio on the same rows is four times as wrong."""
    rows = list(simulated(3, rankers=2, swaps=0.05))
    verdict, theta, read = harvested(tmp_path, rows)
    naive = np.array([sum(r["clicks"] for r in rows if r["position"] == k) for k in range(1, 11)])
    error = np.mean(np.abs(np.array(theta) / THETA - 1))

    assert verdict.facts["theta_measured"] is True
    assert error < 0.05
    assert np.mean(np.abs(np.array(verdict.facts["theta_em"]) / THETA - 1)) < 0.1  # another method says the same
    assert np.mean(np.abs(naive / naive[0] / THETA - 1)) > 4 * error
    assert {r["method"] for r in read if r["theta_variant"] == "measured"} == {"all_pairs"}
    for row in read:
        if row["theta_variant"] == "measured" and row["position"] > 1:
            assert row["low"] < row["theta"] < row["high"]


def test_of_a_day_only_its_statistics_are_read(spark, s3, home, new_bucket, monkeypatch):
    """Three times at most, for θ, for spellings and for judgments; of tables with a row per impression, not a byte.

    Hadoop's S3 client reads ahead by 64 KB at every opening of a file.
    """
    bucket = new_bucket()
    plan = a_plan(f"s3://{bucket}/lake")
    lake, noise = plan.open_lake(), np.random.default_rng(1).integers(0, 1 << 60, 20_000)
    stats = list(simulated(3, rankers=2, swaps=0.05, queries=150, per_day=2000))
    for day in DAYS:
        rows = {
            "query_item_stats": [row for row in stats if row["dt"] == day],
            "query_stats": [
                {"dt": day, "q": f"q{n}", "language": "", "searches": 9, "listeners": 7} for n in range(150)
            ],
            "impressions": [{"dt": day, "search_id": str(n), "item": f"song:{n}"} for n in noise],
            "searches": [{"dt": day, "search_id": str(n), "q": f"q{n}"} for n in noise],
        }
        publish_day(lake, plan.logs_version, day, rows)
    days = lake.partitions("query_stats", plan.logs_version).values()
    size = {
        name: sum(len(lake.store.get(key) or b"") for day in days for key in day.files_of(name))
        for name in ("query_item_stats", "query_stats", "impressions", "searches")
    }
    with flaky_s3(home.url("s3")) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", door.url)
        spark.sparkContext._jsc.hadoopConfiguration().set(f"fs.s3a.bucket.{bucket}.endpoint", door.url)
        run(plan)
    read = {name: sum(n for path, n in door.handed_out.items() if f"/{name}/" in path) for name in size}

    assert size["impressions"] > 3 * size["query_item_stats"]
    assert read["impressions"] == read["searches"] == 0
    for name in ("query_item_stats", "query_stats"):
        assert 0.5 * size[name] < read[name] < 3 * (size[name] + len(DAYS) * (64 << 10))


def test_one_ranker_without_swaps_cannot_be_measured(spark, tmp_path):
    """The answer is the assumed curve under its own name, never a number made of relevance."""
    rows = [r | {"item": f"song:{r['position']}"} for r in simulated(3, rankers=1, swaps=0, queries=5)]
    verdict, theta, _ = harvested(tmp_path, rows)

    assert verdict.facts["theta_measured"] is False
    assert "(2: 0, 3: 0" in verdict.reason
    assert "swapped" in verdict.reason
    assert theta == a_plan(tmp_path).deployment.gate.theta.assumed


def random_world(seed=5):
    """Small statistics with spellings of one query, unclicked items and a position below the last."""
    rng = np.random.default_rng(seed)
    stats, found = [], []
    for day in DAYS:
        for q in ("beyoncé", "beyonce", "tum hi ho", "tumhiho", "दिल", "abba"):
            count = int(rng.integers(1, 5))
            found += [a_search(day, q, n, rng.choice(["hi", "en"])) for n in range(count)]
            for item, position in zip(rng.integers(0, 5, 12), rng.permutation(12) + 1, strict=True):
                n = float(rng.integers(1, 30))
                clicks = float(rng.integers(0, int(n) + 1)) * (rng.random() < 0.7)
                stats.append(
                    {
                        "dt": day,
                        "q": q,
                        "item": f"song:{item}",
                        "position": int(position),
                        "ranker": "A",
                        "surface": str(rng.choice(["web", "car"])),
                        "scope": "IN",
                        "swapped": 0,
                        "impressions": n,
                        "clicks": clicks,
                        "utility_sum": 0.7 * clicks,
                        "utility_sq_sum": 0.49 * clicks,
                        "user_days": 3,
                    }
                )
    return stats, found


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):
    """A judged random world: its plan, and its two inputs with a block and a group per row."""
    plan = a_plan(tmp_path_factory.mktemp("lake"), min_pairs=2, min_surface_pairs=2, pool_from=2)
    stats, found = random_world()
    publish(plan, stats, found)
    run(plan)
    block = {day: b.name for b in plan.blocks for day in b.days}
    for row in (*stats, *found):
        row |= {"block": block[row["dt"]], "query_group": fold(row["q"])}
    return plan, stats, found


def table(plan, name):
    return plan.open_lake().read(name, plan.judgments_version, [plan.partition])


def connect(**frames):
    """An oracle that knows these tables by name."""
    db = duckdb.connect()
    for name, frame in frames.items():
        db.register(name, frame)
    return db


def test_judgments_agree_with_duckdb(world):
    """Every g of every block, variant, group and item, from the formula in SQL."""
    plan, rows, _ = world
    stats, theta, ours = pa.Table.from_pylist(rows), table(plan, "propensities"), table(plan, "judgments")
    db = connect(stats=stats, theta=theta, ours=ours)
    expected = db.sql("""
        with sums as (
            select block, theta_variant, query_group, item, sum(utility_sum) u, sum(impressions * theta) e,
                sum(utility_sq_sum) u2, sum(impressions) n
            from stats join (from theta where theta_variant <> 'em') theta
                on theta.position = least(stats.position, 10) and theta.surface = coalesce((
                select any_value(t.surface) from theta t
                where t.surface = stats.surface and t.theta_variant = theta.theta_variant), '')
            group by all)
        select *, least(1, (u + 2 * prior) / (e + 2)) g,
            sqrt((n + 2) * ((u2 + 2 * squares) / (n + 2) - pow((u + 2 * average) / (n + 2), 2))) / (e + 2) error
        from sums join (
            select block, theta_variant, sum(u) / sum(e) prior, sum(u) / sum(n) average, sum(u2) / sum(n) squares
            from sums group by all) using (block, theta_variant)
        order by block, theta_variant, query_group, item""").fetchnumpy()
    got = db.sql("select * from ours order by block, theta_variant, query_group, item").fetchnumpy()
    cuts = plan.deployment.gate.judging.grade_cuts

    assert set(got["theta_variant"]) == {"measured", "one", "assumed", "steep"}
    assert len({row["surface"] for row in theta.to_pylist()}) > 1
    for key in ("block", "theta_variant", "query_group", "item"):
        assert got[key].tolist() == expected[key].tolist()
    assert got["g"] == pytest.approx(expected["g"])
    assert got["grade"].tolist() == [sum(g >= cut for cut in cuts) for g in got["g"]]
    assert got["examination_sum"] == pytest.approx(expected["e"])
    assert got["error"] == pytest.approx(expected["error"])


def test_query_groups_agree_with_duckdb(world):
    """Traffic, text, language, segment and novelty of each group and block."""
    plan, _, rows = world
    searches, ours = pa.Table.from_pylist(rows), table(plan, "query_groups")
    first = pa.Table.from_pylist([{"block": b.name, "first": b.first} for b in plan.blocks])
    db = connect(searches=searches, ours=ours, first=first)
    expected = db.sql("""
        with counts as (select block, query_group, count(*) n from searches group by all),
        shares as (select *, (sum(n) over (partition by block order by n desc, query_group) - n)
                   / sum(n) over (partition by block) share from counts)
        select block, query_group, n, if(share < 1/3, 'head', if(share < 2/3, 'torso', 'tail')) segment,
            (select min(dt) from searches s where s.query_group = shares.query_group) < first.first seen
        from shares join first using (block) order by block, query_group""").fetchall()
    got = db.sql("select * from ours order by block, query_group").fetchall()

    assert [(r[0], r[1], r[3], r[5], r[6]) for r in got] == expected
    for block, group, query, _, language, *_ in got:
        inside = [r for r in rows if (r["block"], r["query_group"]) == (block, group)]
        for value, column in ((query, "q"), (language, "language")):
            counts = [sum(r[column] == v for r in inside) for v in {r[column] for r in inside}]
            assert sum(r[column] == value for r in inside) == max(counts)


def test_query_groups_count_listeners(world):
    """Distinct users of each group in its block, counted from the rows by themselves."""
    plan, _, rows = world
    expected: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        expected.setdefault((row["block"], row["query_group"]), set()).add(row["user"])
    got = {(r["block"], r["query_group"]): r["users"] for r in table(plan, "query_groups").to_pylist()}

    assert got == {key: len(users) for key, users in expected.items()}
    assert len(set(got.values())) > 1


def test_query_groups_count_the_lists_shown(world):
    """Impressions at the first place: a displayed prefix is in them by its weight."""
    plan, rows, _ = world
    expected: dict[tuple[str, str], float] = {}
    for row in rows:
        if row["position"] == 1:
            key = (row["block"], row["query_group"])
            expected[key] = expected.get(key, 0.0) + row["impressions"]
    got = {(r["block"], r["query_group"]): r["lists"] for r in table(plan, "query_groups").to_pylist()}

    assert {key: lists for key, lists in got.items() if lists} == pytest.approx(expected)


def test_a_change_of_keys_makes_no_listener_two(spark, tmp_path):
    """The same three on both days of a block, hashed anew on the second, are three; a listener less is not made up."""
    plan = a_plan(tmp_path)
    ensure_keys(plan.open_lake(), plan.days, rotate_days=1)
    stats, _ = random_world()
    rows = [a_search(day, "abba", n) for day in DAYS for n in range(3)]
    publish(plan, stats, [row | {"user": row["user"] + 5 * DAYS.index(row["dt"])} for row in rows])
    run(plan)

    assert {row["users"] for row in table(plan, "query_groups").to_pylist()} == {3}


def test_a_published_run_is_not_computed_again(world):
    """The second call touches nothing and needs no Spark."""
    plan, *_ = world
    before = plan.open_lake().store.list()

    assert run(plan).reason == "already published"
    assert plan.open_lake().store.list() == before


def test_a_window_without_answers_is_named(spark, tmp_path):
    plan = a_plan(tmp_path)
    publish(plan, [], [])

    with pytest.raises(MissingDataError, match="would be empty"):
        run(plan)


def test_contrasts_agree_with_duckdb(spark):
    """Every pair of positions of every item, day and surface, by a join of the table with itself."""
    from reprise.judgments.comparisons import contrasts, places

    rows, _ = random_world()
    frame = spark.createDataFrame(rows)
    ours = pa.Table.from_pylist([row.asDict() for row in contrasts(places(frame, 10)).collect()])
    db = connect(stats=pa.Table.from_pylist(rows), ours=ours)
    expected = db.sql("""
        with seen as (select dt, scope, surface, q, item, position, sum(impressions) n, sum(clicks) c
                      from stats where position <= 10 group by all)
        select surface, a.position, b.position,
            sum(a.c * b.n / (a.n + b.n)), sum(b.c * a.n / (a.n + b.n)), count(*)
        from seen a join seen b using (dt, scope, surface, q, item)
        where a.position < b.position and a.c + b.c > 0 group by all order by all""").fetchall()
    got = db.sql("""select surface, upper, lower, sum(clicks_upper), sum(clicks_lower), sum(pairs)
        from ours group by all order by all""").fetchall()

    assert len(got) > 20
    assert [row[:3] for row in got] == [row[:3] for row in expected]
    assert np.array([row[3:] for row in got], float) == pytest.approx(np.array([row[3:] for row in expected], float))
    parts = db.sql("select surface, upper, lower, part from ours").fetchall()
    assert len(parts) == len(set(parts))


def test_experts_are_listened_to_but_not_in_the_test(spark, tmp_path):
    """Five looks that brought what the grade is worth, where it teaches; a grade that tests changes nothing."""
    plan = a_plan(tmp_path)
    stats, found = random_world()
    publish(plan, stats, found)
    words = ["tum hi ho", "abba", "beyonce", "दिल"]
    grades = [Grade(q, item, 4, "asha") for q in words for item in ("song:0", "song:77")]
    assert {grade.purpose for grade in grades} == {"teach", "test"}
    alone = replace(plan, run="alone")
    run(alone)
    save(plan.open_lake(), grades, "grades.csv")
    verdict = run(plan)
    before, after = ({key_of(row): row for row in table(one, "judgments").to_pylist()} for one in (alone, plan))
    taught = {(grade.query_group, grade.item) for grade in grades if grade.purpose == "teach"}
    learning = {block.name for block in plan.blocks if block.role != "test"}

    assert verdict.facts["expert_pairs"] == len(taught)
    for key, row in after.items():
        block, _, group, item = key
        old = before.get(key, {"utility_sum": 0.0, "examination_sum": 0.0, "impressions": 0.0})
        added = 5.0 if block in learning and (group, item) in taught else 0.0
        assert row["examination_sum"] == pytest.approx(old["examination_sum"] + added)
        assert row["utility_sum"] == pytest.approx(old["utility_sum"] + 0.8 * added)
        assert row["impressions"] == old["impressions"]
        assert row["graders"] == (1 if added else 0)
    assert set(before) <= set(after)
    assert any(key not in before for key in after)  # a pair that only an expert knows


def key_of(row):
    return row["block"], row["theta_variant"], row["query_group"], row["item"]


def test_levels_agree_with_duckdb(spark):
    """Every pair of positions of every item and day, in the tier of what the pair brought on other days."""
    from reprise.judgments.comparisons import levels

    rows, _ = random_world()
    ours = pa.Table.from_pylist([row.asDict() for row in levels(spark.createDataFrame(rows), 10).collect()])
    db = connect(stats=pa.Table.from_pylist(rows), ours=ours)
    expected = db.sql("""
        with seen as (select dt, scope, surface, q, item, position, sum(impressions) n, sum(utility_sum) u
                      from stats where position <= 10 group by all),
        days as (select dt, scope, surface, q, item, sum(n) n, sum(u) u from seen group by all),
        worth as (select a.dt, a.scope, a.surface, a.q, a.item, sum(b.u) / sum(b.n) worth
                  from days a join days b using (scope, surface, q, item) where a.dt <> b.dt group by all),
        tiers as (select *, (select count(*) from (values (0.25), (0.75), (1.5), (3.0)) t(cut)
                             where worth >= cut * (select sum(u) / sum(n) from seen)) tier from worth)
        select a.position, b.position, tier, sum(a.u * b.n / (a.n + b.n)), sum(b.u * a.n / (a.n + b.n)),
            sum(a.n * b.n / (a.n + b.n)), count(*)
        from seen a join seen b using (dt, scope, surface, q, item) join tiers using (dt, scope, surface, q, item)
        where a.position < b.position group by all order by all""").fetchnumpy()
    got = db.sql("select * from ours order by upper, lower, tier").fetchnumpy()

    assert len(got["tier"]) > 60
    for mine, theirs in zip(got.values(), expected.values(), strict=True):
        assert mine.astype(float) == pytest.approx(theirs.astype(float))


def test_what_positions_bring_by_themselves_is_taken_off(spark, tmp_path):
    """Half of all judgments' formula is in the table; clicks for being on top are found, and only where asked for."""
    rng = np.random.default_rng(8)
    rows = [
        row | {"utility_sum": row["utility_sum"] + 0.5 * rng.binomial(int(row["impressions"]), 0.2 * THETA[k - 1] / k)}
        for row in simulated(3, rankers=2, swaps=0.05, queries=12, per_day=4000, steady=True)
        for k in [row["position"]]
    ]
    plan = a_plan(tmp_path, trust=True)
    publish(plan, rows, [a_search(day, "q0", 0) for day in DAYS])
    verdict = run(plan)
    curve = [row for row in table(plan, "propensities").to_pylist() if row["theta_variant"] == "measured"]
    labels = [row for row in table(plan, "judgments").to_pylist() if row["block"] == "test"]
    mine = [row for row in labels if row["theta_variant"] == "measured"]
    prior = sum(r["utility_sum"] - r["trust_sum"] for r in mine) / sum(r["examination_sum"] for r in mine)

    assert {row["method"] for row in curve} == {"affine"}
    assert verdict.facts["trust"][0] == pytest.approx(0.1, abs=0.04)
    assert [row["trust"] for row in curve] == verdict.facts["trust"]
    for row in mine:
        worth = (row["utility_sum"] - row["trust_sum"] + 2 * prior) / (row["examination_sum"] + 2)
        assert row["g"] == pytest.approx(min(1.0, max(0.0, worth)))
    assert {row["trust_sum"] for row in labels if row["theta_variant"] == "assumed"} == {0.0}
