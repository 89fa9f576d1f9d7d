"""`featurize` on a real Solr and Spark: what becomes a row, with which values."""

import dataclasses
import json

import numpy as np
import pytest

from builders.days import publish_day
from builders.flaky_s3 import flaky_s3
from builders.small_service import (
    DAYS,
    NAMES,
    WORDS,
    item_stats,
    judgment,
    publish_daily,
    publish_run,
    query_group,
    small_plan,
)
from reprise.features.catalogue import behaviour_field, solr_entries
from reprise.features.featurize import run
from reprise.features.match import logging_store
from reprise.features.publish import values_of
from reprise.plan import days_between
from reprise.solr import SolrClient

pytestmark = [
    pytest.mark.spark,
    pytest.mark.solr,
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated"),  # PySpark's look at pandas
]

ITEMS = 90
TOP = 20
UNREACHABLE = "song:999"


@pytest.fixture(scope="module")
def catalogue(module_core):
    """A core of items whose titles hold two words each."""
    base, _, core = module_core.rpartition("/")
    random = np.random.default_rng(1)
    with SolrClient([base], core) as client:
        client.add(
            {
                "id": f"{'artist' if n % 3 == 0 else 'song'}:{n}",
                "entity": "artist" if n % 3 == 0 else "song",
                "title": " ".join(random.choice(WORDS, 2, replace=False)),
                "popularity": float(np.float32(random.random())),
            }
            for n in range(ITEMS)
        )
        yield client


@pytest.fixture(scope="module")
def plan(catalogue, tmp_path_factory):
    vectors = tmp_path_factory.mktemp("vectors")
    plan = filled_plan(catalogue, tmp_path_factory.mktemp("lake"), live_vectors=[f"{vectors}/{{date}}.json"])
    entries = solr_entries(plan.deployment.solr, [])
    store = logging_store(catalogue, entries)
    log = catalogue.log_features(store, {"q": "raga"}, {"q": "$q"}, "/search", rows=TOP)
    with (vectors / f"{DAYS[-1]}.json").open("w", encoding="utf-8") as file:
        for item, row in zip(log.ids, log.values, strict=True):
            features = ",".join(f"{name}={value}" for name, value in zip(log.names, row, strict=True))
            record = {"query": "Raga", "item": item, "store": store, "features": features}
            print(json.dumps({"time": f"{DAYS[-1]}T23:00:00+00:00", **record}), file=file)
    return plan


def filled_plan(catalogue, lake, **solr):
    """A plan whose lake holds statistics and judgments of what Solr itself retrieves."""
    request = {"rerank_docs": TOP, "rows": 10}
    plan = small_plan(
        lake, urls=catalogue.urls, core=catalogue.core, request=request, unshown_per_query=4, behaviour_mask_share=0.5,
        **solr,
    )  # fmt: skip
    entities = [f"{'artist' if n % 3 == 0 else 'song'}:{n}" for n in range(ITEMS)]
    publish_daily(plan, "item_stats", item_stats(DAYS, entities[:60]))
    judgments, groups = [], []
    for block in plan.blocks:
        for word in WORDS:
            shown = order(catalogue, word)[:8]
            judgments += [judgment(block.name, word, item, 2.0 * (n < 3), 4.0) for n, item in enumerate(shown)]
            judgments.append(judgment(block.name, word, UNREACHABLE, 1.0, 4.0))
            judgments.append(judgment(block.name, word, shown[0], 1.0, 4.0, variant="one"))
            groups.append(query_group(block.name, word, 10))
        groups.append(query_group(block.name, "zxzx", 20))  # shown nothing
        groups.append(query_group(block.name, "unloved", 5, query="raga"))  # shown, nothing consumed
        judgments.append(judgment(block.name, "unloved", "song:1", 0.0, 4.0))
    publish_run(plan, "judgments", judgments)
    publish_run(plan, "query_groups", groups)
    return plan


@pytest.fixture(scope="module")
def featurized(plan, spark):
    """The verdict and the training set's rows."""
    verdict = run(plan)
    return verdict, plan.open_lake().read("training_set", plan.training_version, [plan.partition]).to_pylist()


def order(client, text):
    found = client.select({"q": text, "rows": TOP, "fl": "id,score"}, "/search").body["response"]["docs"]
    return [document["id"] for document in found]


def test_evaluated_blocks_hold_everything_a_ranker_would_rerank(featurized, catalogue):
    _, rows = featurized
    for role in ("validation", "test"):
        for word in WORDS:
            mine = sorted((r["engine_rank"], r["item"]) for r in rows if r["role"] == role and r["query_group"] == word)
            assert list(enumerate(order(catalogue, word), start=1)) == mine


def test_train_blocks_hold_the_judged_and_a_few_never_shown(featurized):
    _, rows = featurized
    train = [r for r in rows if r["role"] == "train" and r["query_group"] == "raga"]

    assert [sum(r["judged"] for r in train), sum(not r["judged"] for r in train)] == [8, 4]
    assert {(0, 0.1, None)} == {(r["grade"], r["weight"], r["g"]) for r in train if not r["judged"]}
    assert {4 / 6} == {r["weight"] for r in train if r["judged"]}


def test_a_query_with_nothing_consumed_is_not_asked(featurized):
    assert set(WORDS) == {row["query_group"] for row in featurized[1]}


def test_solrs_features_are_solrs(featurized, catalogue):
    """The engine's score is the query's; an equality is 1 or 0; a field is the field; all float32."""
    _, rows = featurized
    documents = catalogue.select({"q": "river", "rows": TOP, "fl": "id,score,entity,popularity"}, "/search").body
    expected = {
        d["id"]: (np.float32(d["score"]), float(d["entity"] == "song"), np.float32(d["popularity"]))
        for d in documents["response"]["docs"]
    }

    test = [row for row in rows if row["role"] == "test" and row["query_group"] == "river"]

    assert expected == {r["item"]: (r["engine_score"], r["is_song"], r["popularity"]) for r in test}


def test_behaviour_is_masked_in_train_alone(featurized):
    known = {f"{'artist' if n % 3 == 0 else 'song'}:{n}" for n in range(60)}
    _, rows = featurized

    hidden = {
        role: np.mean([r["plays"] == 0 for r in rows if r["role"] == role and r["item"] in known])
        for role in ("train", "validation", "test")
    }

    assert hidden["train"] == pytest.approx(0.5, abs=0.2)
    assert max(hidden["validation"], hidden["test"]) < 0.02  # an item nobody played on any day


def test_what_retrieval_lost_is_counted(featurized):
    verdict, _ = featurized
    facts = verdict.facts

    assert facts["unreachable_share"]["test"] == pytest.approx(1 / 9)
    assert facts["recall"]["test"] == pytest.approx(6 / 7)
    assert facts["zero_result_share"] == pytest.approx(20 / (8 * 10 + 20 + 5))
    assert facts["top_failing_queries"] == [["zxzx", 20]]
    assert facts["features"] == NAMES


def test_live_vectors_are_compared_on_the_way(featurized, plan, catalogue):
    shown = len(order(catalogue, "raga"))
    skew = plan.open_lake().get_json(f"runs/{plan.run}/features/skew.json")

    assert featurized[0].facts["skew"]["compared"] == shown
    assert {name: one["pairs"] for name, one in skew.items()} == dict.fromkeys(NAMES[:4], shown)
    assert {0.0} == {one["bits_share"] for one in skew.values()}


def test_later_days_change_no_row_of_an_earlier_block(featurized, plan, spark):
    """Not one bit: a run over more days, wild ones, with the same blocks."""
    later = days_between("2026-09-09", "2026-09-11")
    longer = dataclasses.replace(plan, run="later", days=[*plan.days, *later])
    wild = [{**row, "plays": row["plays"] * 1000} for row in item_stats(later, [f"song:{n}" for n in range(60)])]
    for day in later:
        rows = {"item_stats": [row for row in wild if row["dt"] == day]}
        publish_day(longer.open_lake(), longer.logs_version, day, rows)
    lake = plan.open_lake()
    for table in ("judgments", "query_groups"):
        rows = lake.read(table, plan.judgments_version, [plan.partition])
        lake.write(table, plan.judgments_version, longer.partition, rows)

    verdict = run(longer)

    again = lake.read("training_set", plan.training_version, [longer.partition]).to_pylist()
    assert by_pair(featurized[1]) == by_pair(again)
    assert verdict.facts["digest"] == featurized[0].facts["digest"]


def by_pair(rows):
    return {(row["block"], row["query_group"], row["item"]): row for row in rows}


def test_the_training_set_is_summed_up_for_whoever_compares_runs(featurized):
    verdict, rows = featurized
    for role in ("train", "validation", "test"):
        mine = [row for row in rows if row["role"] == role]
        judged = [row["g"] for row in mine if row["judged"]]
        facts = {name: verdict.facts[name][role] for name in ("rows", "judged_rows", "graded_rows", "weight")}
        assert facts == pytest.approx({
            "rows": len(mine), "judged_rows": len(judged), "graded_rows": sum(row["grade"] > 0 for row in mine),
            "weight": sum(row["weight"] for row in mine),
        })  # fmt: skip
        assert verdict.facts["mean_g"][role] == pytest.approx(np.mean(judged))


def test_twice_is_once(featurized, plan):
    again = run(plan)

    assert again.reason == "already published"
    assert featurized[0].facts == json.loads(json.dumps(again.facts))


def test_serving_values_are_as_of_the_newest_day(featurized, plan):
    field = behaviour_field(plan.deployment.solr.features[4])
    values = values_of(plan, [field])
    plays = {}
    for row in plan.open_lake().read("item_stats", plan.logs_version, [f"dt={d}" for d in DAYS]).to_pylist():
        plays[row["item"]] = plays.get(row["item"], 0) + row["plays"]

    expected = {item: np.log1p(n * 28 / len(DAYS)) for item, n in plays.items()}
    assert expected == pytest.approx(dict(zip(values.items, values.rows[:, 0], strict=True)), rel=1e-6)
    assert values.fields == [field]


def test_the_logging_store_is_put_once(catalogue):
    entry = {"name": "one", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}}
    first = logging_store(catalogue, [entry])

    assert first == logging_store(catalogue, [entry])
    assert [feature["name"] for feature in catalogue.features(first)] == ["one"]


def test_of_a_day_only_its_item_statistics_are_read(spark, catalogue, s3, home, new_bucket, monkeypatch):
    """At most once for each block and once for what Solr is to serve, and their footers; of impressions, not a byte."""
    bucket, noise = new_bucket(), np.random.default_rng(1).integers(0, 1 << 60, 20_000)
    plan = filled_plan(catalogue, f"s3://{bucket}/lake")
    lake = plan.open_lake()
    for day, published in lake.partitions("item_stats", plan.logs_version).items():
        rows = {
            "item_stats": lake.read("item_stats", plan.logs_version, [day]),
            "impressions": [{"dt": day[3:], "search_id": str(n), "item": f"song:{n}"} for n in noise],
        }
        publish_day(lake, plan.logs_version, day[3:], rows, replaces=published)
    days = lake.partitions("item_stats", plan.logs_version).values()
    size = {
        name: sum(len(lake.store.get(key) or b"") for day in days for key in day.files_of(name))
        for name in ("item_stats", "impressions")
    }
    with flaky_s3(home.url("s3")) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", door.url)
        spark.sparkContext._jsc.hadoopConfiguration().set(f"fs.s3a.bucket.{bucket}.endpoint", door.url)
        run(plan)
    read = {name: sum(n for path, n in door.handed_out.items() if f"/{name}/" in path) for name in size}

    assert size["impressions"] > 10 * size["item_stats"]
    assert read["impressions"] == 0
    assert 0.5 * size["item_stats"] < read["item_stats"] < 1.2 * (len(plan.blocks) + 1) * size["item_stats"]
