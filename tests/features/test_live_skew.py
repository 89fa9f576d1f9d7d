"""Vectors a live Solr logged with its searches, beside what training replayed: the same until something differs."""

import dataclasses
import gzip
import json

import numpy as np
import pytest

from builders.small_service import DAYS, NAMES, WORDS, item_stats, publish_daily, publish_run, small_plan
from builders.solr_core import ITEMS, client_of, fill
from reprise import tables
from reprise.features.catalogue import behaviour_features, behaviour_field, store_entries
from reprise.features.featurize import item_stats as stats_of
from reprise.features.measures import last_day, values
from reprise.features.skew import compare, of_plan
from reprise.gate.checks import live_skew

pytestmark = [
    pytest.mark.spark,
    pytest.mark.solr,
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated"),  # PySpark's look at pandas
]
TEST_DAYS = DAYS[-2:]
SHOWN = 10


@pytest.fixture(scope="module")
def plan(module_core, tmp_path_factory):
    """A plan whose champion's store is in Solr, with statistics."""
    base, _, core = module_core.rpartition("/")
    plan = small_plan(tmp_path_factory.mktemp("lake"), urls=[base], core=core)
    plan = dataclasses.replace(plan, champion={"number": 1, "store": "live"})
    entries = store_entries(plan.deployment.solr)
    plan.open_lake().put_json(f"runs/{plan.run}/champion.json", {"features": entries, "model": {}})
    publish_daily(plan, "item_stats", item_stats(DAYS, [f"song:{n}" for n in range(ITEMS)]))
    with fill(client_of(module_core)) as client:
        client.put_features("live", entries)
    return plan


@pytest.fixture(scope="module")
def served(spark, plan, module_core):
    """Day → word → (items, vectors): what a search was answered with and logged, behaviour published for that day."""
    found = {}
    with client_of(module_core) as client:
        for day in TEST_DAYS:
            publish(spark, client, plan, last_day(day, 1))
            found[day] = {
                word: client.log_features("live", {"q": word}, {"q": "$q"}, "/search", rows=SHOWN) for word in WORDS
            }
    return found


@pytest.fixture(scope="module")
def replayed(plan, served):
    """The training set's test rows, from the first day's answers: behaviour is what the block's first day knew."""
    rows = [
        {
            "block": "test", "role": "test", "query_group": word, "query": word, "item": item, "engine_rank": n + 1,
            "judged": False, "grade": 0, "weight": 0.1, "traffic": 1, **dict(zip(log.names, row.tolist(), strict=True)),
        }
        for word, log in served[TEST_DAYS[0]].items()
        for n, (item, row) in enumerate(zip(log.ids, log.values, strict=True))
    ]  # fmt: skip
    publish_run(plan, "training_set", rows, plan.training_version, tables.training_set(NAMES))
    return rows


def publish(spark, client, plan, until):
    """Give Solr the behaviour values of a day."""
    features = [(behaviour_field(feature), feature) for feature in behaviour_features(plan.deployment.solr)]
    rows = values(stats_of(spark, plan), plan.days, until, features).collect()
    client.update_fields((row["item"], {name: row[name] for name, _ in features}) for row in rows)


def logged(served, change=lambda record, number: record):
    """Live records as an application would write them, one per item shown; texts as typed."""
    number = 0
    for day, words in served.items():
        for word, log in words.items():
            for item, row in zip(log.ids, log.values, strict=True):
                features = ",".join(f"{name}={value!s}" for name, value in zip(log.names, row, strict=True))
                record = {"time": f"{day}T10:00:00Z", "query": f" {word.upper()}", "item": item, "store": "live",
                          "features": features}  # fmt: skip
                yield change(record, number)
                number += 1


def write(folder, records):
    """Files by day; returns their address."""
    for day in TEST_DAYS:
        path = folder / f"dt={day}" / "part-0.json.gz"
        path.parent.mkdir(parents=True)
        mine = [json.dumps(record) for record in records if record["time"].startswith(day)]
        path.write_bytes(gzip.compress("\n".join([*mine, "{torn"]).encode()))
    return f"{folder}/dt={{date}}/*.gz"


def test_what_the_live_engine_logged_is_what_training_replayed(plan, served, replayed, tmp_path):
    """Though behaviour moved between the two test days: each day is compared with what serving knew then."""
    first, second = (served[day]["raga"].values[:, NAMES.index("plays")] for day in TEST_DAYS)
    assert (first != second).any()

    verdict = of_plan(plan, [write(tmp_path, list(logged(served)))])

    skew = plan.open_lake().get_json(f"runs/{plan.run}/features/skew.json")
    assert verdict.answer == "yes"
    assert set(NAMES) == set(skew)
    assert {2 * len(replayed)} == {one["pairs"] for one in skew.values()}
    assert {0.0} == {one["differing_share"] for one in skew.values()}
    assert {0.0} == {skew[name]["bits_share"] for name in NAMES[:4]}


def test_what_differs_is_found_and_by_how_much(plan, served, replayed, tmp_path):
    """A quarter of records has another popularity; the second day's behaviour was never published."""

    def changed(record, number):
        features = dict(pair.split("=") for pair in record["features"].split(","))
        if number % 4 == 0:
            features["popularity"] = str(np.float32(features["popularity"]) + np.float32(0.25))
        return {**record, "features": ",".join(f"{name}={value}" for name, value in features.items())}

    stale = {day: served[TEST_DAYS[0]] for day in TEST_DAYS}
    moved = np.concatenate([
        ~np.isclose(*(served[day][word].values[:, NAMES.index("plays")] for day in TEST_DAYS), rtol=1e-5)
        for word in WORDS
    ])  # fmt: skip

    verdict = of_plan(plan, [write(tmp_path, list(logged(stale, changed)))])

    skew = plan.open_lake().get_json(f"runs/{plan.run}/features/skew.json")
    assert verdict.answer == "no"
    assert skew["popularity"]["differing_share"] == pytest.approx(0.25, abs=0.01)
    assert skew["popularity"]["max_abs"] == pytest.approx(0.25)
    assert skew["plays"]["differing_share"] == pytest.approx(moved.mean() / 2)
    assert skew["title_terms"]["differing_share"] == 0
    assert live_skew(skew, plan.deployment.gate.policy).outcome == "fail"
    assert f"{verdict.facts['worst']} differs" in live_skew(skew, plan.deployment.gate.policy).reason


def test_vectors_of_another_store_or_other_days_tell_nothing(plan, served, replayed, tmp_path):
    other = write(tmp_path / "store", [{**one, "store": "reprise_other"} for one in logged(served)])
    verdict = of_plan(plan, [other])

    assert verdict.answer == "cannot tell"
    assert verdict.facts == {"records": 2 * len(replayed), "of_another_store": 2 * len(replayed), "compared": 0}
    assert of_plan(plan, [f"{tmp_path}/none/dt={{date}}/*"]).answer == "cannot tell"
    assert live_skew({}, plan.deployment.gate.policy).outcome == "inconclusive"


@pytest.mark.parametrize("weight", [3.0, -3.0])
def test_a_search_that_is_reranked_logs_what_one_that_is_not_logs(plan, module_core, weight):
    """As docs/adopt.md has an application log: the model's score does not take the engine's place in a feature."""
    model = {"name": f"by_popularity_{weight}", "class": "org.apache.solr.ltr.model.LinearModel", "store": "live"}
    params = {"weights": {name: weight if name == "popularity" else 0.001 for name in NAMES}}
    with client_of(module_core) as client:
        client.put_model({**model, "features": [{"name": name} for name in NAMES], "params": params})
        search = {"q": "river", "rq": f"{{!ltr model={model['name']} efi.q=$q}}", "rows": SHOWN}
        fl = "id,[features store=live efi.q=$q]"
        shown = client.select({**search, "fl": fl}, "/search").body["response"]["docs"]
        plain = client.log_features("live", {"q": "river"}, {"q": "$q"}, "/search", rows=ITEMS)

    expected = dict(zip(plain.ids, plain.values.tolist(), strict=True))
    actual = {d["id"]: [float(np.float32(p.split("=")[1])) for p in d["[features]"].split(",")] for d in shown}
    assert len(actual) == SHOWN
    assert {item: expected[item] for item in actual} == actual


def test_bits_are_bits():
    live = np.array([1.0, np.nextafter(np.float32(1), np.float32(2)), 2.0, -0.0, 3.0], np.float32)
    replayed = np.array([1.0, 1.0, 2.5, 0.0, 3.0], np.float32)

    found = compare(live, replayed)

    different = [a != b for a, b in zip((live + 0).view(np.uint32), (replayed + 0).view(np.uint32), strict=True)]
    assert found.bits_share == np.mean(different) == 0.4
    assert (found.pairs, found.differing_share, found.max_abs) == (5, 0.2, 0.5)
    assert found.relative_p95 == pytest.approx(np.quantile([0, 2**-23, 0.2, 0, 0], 0.95), rel=1e-6)
