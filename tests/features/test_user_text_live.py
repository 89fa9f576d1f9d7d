"""Whatever a listener types is data: a live Solr answers, and a feature is what an independent request says it is."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from builders.solr_core import client_of
from reprise.errors import UsageError
from reprise.features.catalogue import store_entries
from reprise.features.rows import LONGEST_TEXT
from reprise.settings import MatchFeature, Solr
from reprise.solr import as_data

pytestmark = pytest.mark.solr

QUERIES = {
    "terms": "{!edismax qf=title mm=1}${q}",
    "all_terms": "{!edismax qf='title artist' mm=100% tie=0}${q}",
    "phrase": "{!field f=title}${q}",
    "words": "{!simple qf=title q.operators=NONE}${q}",
}
TITLES = [
    "raga night", "river q title", "${q} {!func} $dollar x", "and or not", "मानसून की रात", "ليلة القمر", "לילה טוב",
    "Beyonce\u0301 raga", "夜に駆ける", "rock & roll 😀", "func 1 v uq title", "raga raga raga",
]  # fmt: skip
_PIECES = [
    "raga", "night", "and", "AND", "OR", "NOT", "q", "title", "func", "रात", "القمر", "לילה", "Beyonce\u0301", "夜",
    '"', "'", "{", "}", "{!func}1", "{!lucene v=$q}", "${q}", "${x}", "${x:night}", "${", "$q", "$", "\\", "\\${q}",
    "\\\\", "(", ")", "[", "]", "[a TO z]", "+", "-", "-raga", "!", "&&", "||", "*", "?", "raga*", "*:*", "~2", "^5",
    ":", "title:raga", '_query_:"{!func}1"', "/ra.*/", ",", "=", "]efi.q=x", "%", "#", ";", "😀", "\u202e", "\u200d",
    "\u0301", "\n", "\t", "\x00",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=8).map(" ".join),
    st.lists(st.sampled_from(_PIECES), max_size=8).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WEIGHTS = {"terms": 0.5, "all_terms": -0.25, "phrase": 2.0, "words": 1.5}


@pytest.fixture(scope="module")
def client(module_core):
    with client_of(module_core) as client:
        client.add({"id": f"song:{n}", "entity": "song", "title": title} for n, title in enumerate(TITLES))
        entries = store_entries(
            Solr(features=[MatchFeature(name=n, kind="match", meaning="m", query=q) for n, q in QUERIES.items()])
        )
        client.put_features("texts", entries)
        model = {"name": "texts", "class": "org.apache.solr.ltr.model.LinearModel", "store": "texts"}
        client.put_model({**model, "features": [{"name": n} for n in QUERIES], "params": {"weights": WEIGHTS}})
        yield client


def logged(client, text):
    """The features of every document for a text, whatever the search itself would find."""
    params = {"q": text, "defType": "lucene", "df": "title", "sort": "id asc"}
    found = client.log_features("texts", {**params, "q": "*:*", "said": as_data(text)}, {"q": "$said"})
    return {item: dict(zip(found.names, row, strict=True)) for item, row in zip(found.ids, found.values, strict=True)}


def scores(client, query, **params):
    """A top-level request's score of each document it finds; its parameters are no macros."""
    sent = {"q": query, "rows": 100, "fl": "id,score", "expandMacros": "false", **params}
    found = client.select(sent).body["response"]["docs"]
    return {document["id"]: np.float32(document["score"]) for document in found}


def words_of(client, text):
    """What the title's own analysis makes of a text."""
    params = {"analysis.fieldname": "title", "analysis.fieldvalue": "", "analysis.query": text, "expandMacros": "false"}
    steps = client.get("/analysis/field", params)["analysis"]["field_names"]["title"].get("query", [])
    return [token["text"] for token in steps[-1]] if steps else []


@CALM
@given(text=TEXTS)
@example("${q}")
@example("raga ${")
@example("raga " * 200)
@example("x" * LONGEST_TEXT)
@example("夜" * LONGEST_TEXT)
def test_a_feature_is_what_the_same_query_by_reference_scores(client, text):
    found = logged(client, text)

    assert len(TITLES) == len(found)
    for name in ("terms", "all_terms", "phrase"):
        query = QUERIES[name].removesuffix("}${q}") + " v=$said}"
        expected = scores(client, query, said=as_data(text))
        assert {item: expected.get(item, np.float32(0)) for item in found} == {i: row[name] for i, row in found.items()}


@CALM
@given(text=TEXTS)
@example("raga -night")
@example("title:raga {!func}1 ${night}")
def test_without_operators_a_text_is_its_words_and_nothing_else(client, text):
    """The sum of what each word scores, of the text as it was typed."""
    if text.strip() == "*":  # the one text that the parser keeps a meaning for: every document, alike
        return
    found = logged(client, text)
    expected = dict.fromkeys(found, 0.0)
    for word in words_of(client, text):
        for item, score in scores(client, "{!term f=title v=$word}", word=word).items():
            expected[item] += float(score)

    assert expected == pytest.approx({item: float(row["words"]) for item, row in found.items()}, rel=1e-5)


@CALM
@given(words=st.lists(st.sampled_from(["raga", "night", "river", "title", "x", "and", "मानसून", "रात"]), unique=True))
def test_on_plain_words_simple_and_edismax_score_the_same(client, words):
    """To the last bit; where a word is repeated the order of the sum differs."""
    text = " ".join(words)
    for theirs, ours in (("mm=1", "q.op=OR"), ("mm=100%", "q.op=AND")):
        expected = scores(client, f"{{!edismax qf=title {theirs} v=$said}}", said=text)
        assert expected == scores(client, f"{{!simple qf=title {ours} q.operators=NONE v=$said}}", said=text)


@CALM
@given(text=TEXTS)
def test_a_search_is_reranked_whatever_is_typed(client, text):
    """The model's score of each item found is that of the features logged for it."""
    rq = "{!ltr model=texts reRankDocs=100 efi.q=$q}"
    answer = client.select({"q": text, "rq": rq, "fl": "id,score", "rows": 100}, "/search").body["response"]["docs"]
    log = client.log_features("texts", {"q": text}, {"q": "$q"}, "/search")

    assert sorted(log.ids) == sorted(document["id"] for document in answer)
    scored = {item: sum(WEIGHTS[n] * v for n, v in zip(log.names, row.tolist(), strict=True)) for item, row in
              zip(log.ids, log.values, strict=True)}  # fmt: skip
    assert {d["id"]: d["score"] for d in answer} == pytest.approx(scored, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("number", [4, 5, 6, 7, 8])
def test_a_title_in_any_script_is_found_by_itself(client, number):
    """Devanagari, Arabic and Hebrew (right to left), a combining mark, Han and kana."""
    title, item = TITLES[number], f"song:{number}"
    found = logged(client, title)
    others = [row["words"] for other, row in found.items() if other != item]

    assert found[item]["phrase"] > 0
    assert found[item]["words"] > max(others)
    assert {row["phrase"] for other, row in found.items() if other != item} == {0}


def test_an_efi_nobody_passed_fails_training_as_it_fails_serving(client):
    with pytest.raises(UsageError, match="efi"):
        client.select({"q": "raga", "rq": "{!ltr model=texts reRankDocs=100}"}, "/search")
    with pytest.raises(UsageError, match="efi"):
        client.log_features("texts", {"q": "raga"}, {}, "/search")


def test_a_field_that_a_document_has_not_is_0_in_training_and_in_serving(client):
    kind = "org.apache.solr.ltr.feature."
    entries = [
        {"name": "artist", "class": f"{kind}SolrFeature", "params": {"q": "{!edismax qf=artist mm=1}${q}"}},
        {"name": "popularity", "class": f"{kind}FieldValueFeature", "params": {"field": "popularity"}},
        {"name": "one", "class": f"{kind}ValueFeature", "params": {"value": 1}},
    ]
    client.put_features("fields", entries)
    model = {"name": "fields", "class": "org.apache.solr.ltr.model.LinearModel", "store": "fields"}
    weights = {"artist": 8.0, "popularity": 4.0, "one": 0.5}
    client.put_model({**model, "features": [{"name": n} for n in weights], "params": {"weights": weights}})

    log = client.log_features("fields", {"q": "raga"}, {"q": "$q"}, "/search")
    served = client.select({"q": "raga", "rq": "{!ltr model=fields efi.q=$q}", "fl": "id,score"}, "/search").body

    assert len(log.ids) > 2
    assert {(0.0, 0.0, 1.0)} == {tuple(row) for row in log.values.tolist()}
    assert {0.5} == {document["score"] for document in served["response"]["docs"]}
