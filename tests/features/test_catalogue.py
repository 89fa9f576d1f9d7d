"""The catalogue in Solr's words."""

import pytest

from builders.small_service import small_plan
from reprise.errors import UsageError
from reprise.features.catalogue import behaviour_field, columns, entry_key, solr_entries, store_entries
from reprise.settings import BehaviourFeature, MatchFeature, Solr

VALUE = {"name": "intercept", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}}


def a_behaviour(**changes):
    return BehaviourFeature(**{"name": "plays", "kind": "behaviour", "meaning": "m", "measure": "plays", **changes})


def test_every_kind_becomes_the_solr_feature_that_computes_it(tmp_path):
    solr = small_plan(tmp_path).deployment.solr

    short = [(e["name"], e["class"].rsplit(".")[-1], e["params"]) for e in store_entries(solr)]

    plays = behaviour_field(solr.features[4])
    assert short[0] == ("engine_score", "OriginalScoreFeature", {})
    assert short[1] == ("title_terms", "SolrFeature", {"q": "{!edismax qf=title mm=1}${q}"})
    assert short[2] == ("popularity", "FieldValueFeature", {"field": "popularity"})
    assert short[3] == ("is_song", "SolrFeature", {"fq": ["{!term f=entity}song"]})
    assert ("plays", "FieldValueFeature", {"field": plays}) == short[4]


@pytest.mark.parametrize("change", [{"measure": "listeners"}, {"days": 7}, {"prior": 3}])
def test_another_definition_is_another_field(change):
    assert behaviour_field(a_behaviour()) != behaviour_field(a_behaviour(**change))


def test_another_wording_is_the_same_field():
    assert behaviour_field(a_behaviour()) == behaviour_field(a_behaviour(meaning="said otherwise"))


def test_text_inside_the_braces_is_refused():
    feature = MatchFeature(name="title", kind="match", meaning="m", query="{!edismax qf=title v=${q}}")

    with pytest.raises(UsageError, match=r"'title' puts the listener's text inside the braces.*→ write it after"):
        store_entries(Solr(features=[feature]))


@pytest.mark.parametrize("query", ["title:${q}", "{!dismax qf=title}${q}", "{!prefix f=title}${q}", "${q}"])
def test_a_parser_that_some_text_fails_is_refused(query):
    feature = MatchFeature(name="title", kind="match", meaning="m", query=query)

    with pytest.raises(UsageError, match=r"'title' has the listener's text read by a parser.*→ use one of edismax"):
        store_entries(Solr(features=[feature]))


def test_the_champions_own_features_get_columns_beside_the_catalogues(tmp_path):
    solr = small_plan(tmp_path).deployment.solr
    shared = {**store_entries(solr)[1], "name": "called_otherwise"}
    old = {"name": "plays", "class": "org.apache.solr.ltr.feature.FieldValueFeature", "params": {"field": "beh_old"}}

    found = columns(solr, [shared, old, VALUE])

    assert found[entry_key(shared)] == "title_terms"
    assert found[entry_key(old)] == "live_plays"
    assert entry_key(VALUE) not in found
    asked = [entry["name"] for entry in solr_entries(solr, [shared, old, VALUE])]
    assert asked == ["engine_score", "title_terms", "popularity", "is_song", "live_plays"]
