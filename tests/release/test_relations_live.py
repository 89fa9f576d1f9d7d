"""Relations that hold whatever the model, on a running Solr: honest candidates keep them, a planted one is noticed."""

import pytest

from builders.solr_core import FEATURES, QUERIES, REQUEST, candidate, client_of, fill, linear_candidate
from reprise.gate.metamorphic import metamorphic_checks
from reprise.release import ensure_release_zero, upload
from reprise.release.relations import relations
from reprise.settings import Solr
from reprise.settings.golden import Golden

pytestmark = pytest.mark.solr
SOLR = Solr.model_validate(
    {"features": [{"name": "engine_score", "kind": "match", "meaning": "score"}],
     "request": {**REQUEST.model_dump(), "rerank_docs": 20}}
)  # fmt: skip
HONEST = linear_candidate(5000.0, rerank_docs=20)


def literal_candidate():
    """One that looks at the query letter by letter: an id that happens to be spelled like it comes up."""
    features = [
        *FEATURES,
        {
            "name": "capitals",
            "class": "org.apache.solr.ltr.feature.SolrFeature",
            "params": {"q": "{!func}if(termfreq(id,'${q}'),0,if(gt(strdist('${q}','raga',edit),0.5),popularity,0))"},
        },
    ]
    model = {
        "class": "org.apache.solr.ltr.model.LinearModel",
        "features": [{"name": "capitals"}],
        "params": {"weights": {"capitals": 1000.0}},
    }
    return candidate("linear", model, features=features, rerank_docs=20)


@pytest.fixture(scope="module")
def client(module_core):
    with client_of(module_core) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        for one in (HONEST, literal_candidate()):
            upload(client, one, 1_000_000)
        yield client


def test_an_honest_candidate_keeps_them(client):
    found = relations(client, SOLR, HONEST, QUERIES)

    assert {one.name: one.broken for one in found} == {"spelling": 0, "depth": 0}
    assert all(one.asked > len(QUERIES) / 2 for one in found)
    assert [(check.name, check.outcome) for check in metamorphic_checks(found, Golden())] == [
        ("metamorphic_spelling", "pass"),
        ("metamorphic_depth", "pass"),
    ]


def test_one_that_reads_letters_is_noticed(client):
    found = {one.name: one for one in relations(client, SOLR, literal_candidate(), QUERIES)}

    assert found["depth"].broken == 0
    assert found["spelling"].broken > 0
    (check, _) = metamorphic_checks(list(found.values()), Golden())
    assert check.outcome == "fail"
    assert not any(query in check.reason for query in QUERIES), "no listener's text"
