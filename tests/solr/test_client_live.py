"""The client and the offline scorer against a running Solr with the Learning To Rank plugin."""

import numpy as np
import pytest

from builders.solr_core import (
    FEATURES,
    ITEMS,
    NAMES,
    QUERIES,
    RATES,
    client_of,
    fill,
    linear_candidate,
    trees_candidate,
)
from reprise.errors import ServiceError, UsageError
from reprise.solr import SolrClient, score

pytestmark = pytest.mark.solr


@pytest.fixture(scope="module")
def client(module_core):
    with fill(client_of(module_core)) as client:
        client.put_features("scratch", FEATURES)
        yield client


def logged(client, query, **more):
    return client.log_features("scratch", {"q": query}, {"q": "$q"}, "/search", **more)


def test_both_model_classes_score_bit_for_bit_as_the_offline_scorer(client):
    logs = {query: logged(client, query) for query in QUERIES}
    trees = trees_candidate(np.concatenate([log.values for log in logs.values()]))

    for candidate in (linear_candidate(), trees):
        client.put_features(f"parity_{candidate.family}", FEATURES)
        client.put_model({**candidate.solr_model(), "store": f"parity_{candidate.family}"})
        pairs = 0
        for query, log in logs.items():
            answer = client.select({"q": query, "rq": candidate.rq, "rows": 100, "fl": "id,score"}, "/search").body
            actual = {document["id"]: document["score"] for document in answer["response"]["docs"]}
            expected = score(candidate.model_json, log.values, log.names)
            assert set(log.ids) == set(actual)
            solr = np.array([actual[item] for item in log.ids], dtype=np.float32)
            assert expected.tobytes() == solr.tobytes()
            pairs += len(log.ids)
        assert pairs >= 1000


def test_logging_by_ids_returns_those_the_search_finds_with_the_same_values(client):
    everything = logged(client, "raga")
    wanted = [*everything.ids[:5], "song:none", "playlist:1"]

    found = logged(client, "raga", ids=wanted)

    assert sorted(everything.ids[:5]) == sorted(found.ids)
    assert found.names == NAMES
    rows = [everything.ids.index(item) for item in found.ids]
    assert everything.values[rows].tobytes() == found.values.tobytes()


def test_the_logged_behaviour_value_is_the_float32_that_was_written(client):
    log = logged(client, "raga")

    expected = RATES[[int(item.removeprefix("song:")) for item in log.ids]]
    assert len(expected) > 50
    assert expected.tobytes() == log.values[:, NAMES.index("rate")].tobytes()


def test_no_match_logs_nothing(client):
    assert logged(client, "zzzz").ids == []


@pytest.mark.parametrize(
    "text", ['raga "', "raga ] , x", "raga' efi.q=4", "raga {!func}1", "(raga", "raga\\", "$q raga"]
)
def test_what_a_listener_types_cannot_break_or_alter_the_request(client, text):
    plain = client.select({"q": text, "fl": "id", "rows": 100}, "/search").body["response"]["docs"]

    assert sorted(document["id"] for document in plain) == sorted(logged(client, text).ids)


def test_an_unknown_store_is_an_error_and_makes_no_phantom(client):
    before = client.feature_stores()

    assert client.features("nowhere") == []
    with pytest.raises(UsageError, match="no feature store 'nowhere'"):
        client.log_features("nowhere", {"q": "raga"}, {"q": "$q"}, "/search")

    assert before == client.feature_stores()


def test_a_store_that_goes_away_between_two_searches_is_noticed(client):
    client.put_features("fleeting", FEATURES)
    client.log_features("fleeting", {"q": "raga"}, {"q": "$q"}, "/search")
    client.delete_feature_store("fleeting")

    with pytest.raises(ServiceError, match="'fleeting' has gone"):
        client.log_features("fleeting", {"q": "raga"}, {"q": "$q"}, "/search")


def test_a_missing_efi_is_named_with_its_remedy(client):
    with pytest.raises(UsageError, match="efi") as refusal:
        client.log_features("scratch", {"q": "raga"}, {}, "/search")

    assert "pass every efi" in refusal.value.remedy


def test_a_taken_feature_name_is_wrong_use_though_solr_answers_500(client):
    with pytest.raises(UsageError, match="already contained"):
        client.put_features("scratch", FEATURES[:1])


def test_a_taken_model_name_is_wrong_use(client):
    candidate = linear_candidate(popularity=7.5)
    client.put_features("taken", FEATURES)
    client.put_model({**candidate.solr_model(), "store": "taken"})

    with pytest.raises(UsageError, match="already exists"):
        client.put_model({**candidate.solr_model(), "store": "taken"})


def test_a_store_in_use_is_not_deleted(client):
    candidate = linear_candidate(popularity=8.5)
    client.put_features("in_use", FEATURES)
    client.put_model({**candidate.solr_model(), "store": "in_use"})

    with pytest.raises(UsageError, match=candidate.model):
        client.delete_feature_store("in_use")

    client.delete_model(candidate.model)
    client.delete_feature_store("in_use")
    assert "in_use" not in client.feature_stores()


def test_one_model_is_returned_by_name_or_none(client):
    candidate = linear_candidate(popularity=9.5)
    client.put_features("by_name", FEATURES)
    client.put_model({**candidate.solr_model(), "store": "by_name"})

    assert client.model(candidate.model)["params"] == candidate.model_json["params"]
    assert client.model("never") is None


def test_an_update_in_place_keeps_the_rest_and_never_makes_a_document(client):
    missing = client.update_fields([("song:3", {"beh_x_1": 0.25}), ("song:ghost", {"beh_x_1": 0.5})])

    assert missing == ["song:ghost"]
    everything = client.select({"q": "*:*", "rows": 0}).body["response"]["numFound"]
    document = client.select({"q": "id:song\\:3", "fl": "title,beh_x_1"}).body["response"]["docs"][0]
    assert everything == ITEMS
    assert document["beh_x_1"] == 0.25
    assert document["title"]


def test_an_update_of_a_field_that_is_not_docvalues_only_is_refused(client):
    with pytest.raises(UsageError, match=r"'popularity'.*in place"):
        client.update_fields([("song:3", {"popularity": 0.25})])


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused_by_item_and_field(client, value):
    with pytest.raises(UsageError, match=r"'beh_x_1' for 'song:3'"):
        client.update_fields([("song:3", {"beh_x_1": value})])


def test_paramsets_are_replaced_and_merged_in_one_write(client):
    client.write_paramsets({"a": {"x": "1", "y": "2"}, "log": {"first": "1"}})
    client.write_paramsets({"a": {"x": "3"}}, {"log": {"second": '{"é": 2}'}})

    sets = client.paramsets()
    assert sets["a"] == {"x": "3", "": {"v": 1}}
    assert sets["log"] == {"first": "1", "second": '{"é": 2}', "": {"v": 1}}


def test_a_refused_write_of_paramsets_says_why(client):
    with pytest.raises(UsageError, match="unknown paramset"):
        client.write_paramsets({}, {"not_there": {"x": "1"}})


def test_the_version_is_the_one_the_table_knows(client):
    assert client.capabilities().version == "8.11.4"


def test_a_dead_address_and_a_wrong_core_are_told_apart(client):
    with pytest.raises(ServiceError, match="does not answer"):
        SolrClient(["http://127.0.0.1:1/solr"], "music").ping()
    with SolrClient(client.urls, "no_such_core") as wrong, pytest.raises(UsageError, match="nothing at"):
        wrong.ping()


def test_behaviour_fields_survive_a_reload(client):
    before = logged(client, "river").values.tobytes()
    client.reload()

    assert before == logged(client, "river").values.tobytes()
