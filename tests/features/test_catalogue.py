"""The catalogue in Solr's words."""

import pytest

from builders.small_service import small_plan
from reprise.errors import UsageError
from reprise.features.catalogue import (
    behaviour_field,
    columns,
    cost_class,
    defaults,
    efi,
    entry_key,
    parameter_values,
    request_parameters,
    solr_entries,
    store_entries,
)
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


def test_what_features_read_is_what_the_application_sends():
    solr = Solr(features=[
        {"name": "words", "kind": "query", "meaning": "m", "computes": "words"},
        {"name": "live", "kind": "query", "meaning": "m", "computes": "says", "of": ["live"]},
        {"name": "home", "kind": "context", "meaning": "m", "field": "language"},
        {"name": "boost", "kind": "match", "meaning": "m", "query": "{!func}product(${query_words},popularity)"},
    ])  # fmt: skip
    entries = store_entries(solr)
    parameters = request_parameters(solr, entries, {})

    assert [name[:19] if "says" in name else name for name in sorted(parameters)] == [
        "reprise.language",
        "reprise.query_says_",
        "reprise.query_words",
    ]
    assert {f"${name}" for name in parameters} | {"$q"} == set(efi(entries).values())
    assert parameter_values(parameters, "Live  Raga", {}) == {
        name: "2" if name == "reprise.query_words" else "1" for name in parameters if "language" not in name
    }
    assert parameter_values(parameters, "", {"language": "hi"})["reprise.language"] == "hi"
    assert set(defaults(parameters).values()) == {"0", ""}


def test_the_live_releases_parameters_outlive_their_features():
    solr = Solr(features=[{"name": "engine_score", "kind": "match", "meaning": "m"}])
    old = {"name": "gone", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": "${query_says_1}"}}
    defined = {"reprise.query_says_1": {"computes": "says", "of": ["live"], "default": "0"}}
    entries = solr_entries(solr, [old])

    assert request_parameters(solr, entries, defined) == defined
    assert request_parameters(solr, store_entries(solr), defined) == {}
    with pytest.raises(UsageError, match=r"reads reprise.query_says_1, which neither .*→ have a query or context"):
        request_parameters(solr, entries, {})


def test_a_query_feature_of_another_definition_is_another_parameter():
    def parameter(**changes):
        feature = {"name": "x", "kind": "query", "meaning": "m", "computes": "says", "of": ["live"], **changes}
        solr = Solr(features=[feature])
        return next(iter(request_parameters(solr, store_entries(solr), {})))

    assert len({parameter(), parameter(of=["remix"]), parameter(default=1), parameter(name="y")}) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"features": [{"name": "x", "kind": "item", "field": "beh_plays_0a1b"}]}, "feature 'x' reads beh_plays_0a1b"),
        (
            {"features": [{"name": "x", "kind": "match", "query": "{!func}log(beh_plays_0a1b)"}]},
            "feature 'x' reads beh_plays_0a1b",
        ),
        ({"request": {"params": {"bf": "log(sum(beh_plays_0a1b,1))"}}}, "request.params.bf reads beh_plays_0a1b"),
    ],
)
def test_what_would_see_its_labels_own_days_is_refused(changes, said):
    """Solr has a behaviour field of today; a training block is weeks ago."""
    features = changes.get("features") or [{"name": "engine_score", "kind": "match"}]
    solr = Solr(**{**changes, "features": [{**one, "meaning": "m"} for one in features]})

    with pytest.raises(UsageError, match=f"{said}.* would see its labels → write it as a feature of kind behaviour"):
        store_entries(solr)


def test_the_cost_of_a_feature_is_its_kinds_unless_it_says_so():
    features = [
        {"name": "a", "kind": "match"}, {"name": "b", "kind": "match", "query": "{!field f=title}${q}"},
        {"name": "c", "kind": "query", "computes": "words"}, {"name": "d", "kind": "item", "field": "f"},
        {"name": "e", "kind": "match", "query": "{!field f=title}${q}", "cost": "cheap"},
    ]  # fmt: skip
    solr = Solr(features=[{**one, "meaning": "m"} for one in features])

    assert [cost_class(feature) for feature in solr.features] == ["free", "dear", "free", "cheap", "cheap"]
