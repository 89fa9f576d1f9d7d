"""A candidate is named by its content, survives JSON, and is refused where Solr would fail later."""

import json

import pytest

from builders.solr_core import FEATURES, TINY, linear_candidate
from reprise.errors import UsageError
from reprise.release import Candidate


def test_a_candidate_survives_json():
    candidate = linear_candidate()

    again = Candidate.from_dict(json.loads(json.dumps(candidate.to_dict())))

    assert candidate == again
    assert candidate.sha == again.sha


def test_the_order_of_features_in_the_store_does_not_matter_to_the_names():
    turned = linear_candidate(features=FEATURES[::-1])

    assert linear_candidate().store == turned.store
    assert linear_candidate().model == turned.model


def test_another_model_has_another_name_in_the_same_store():
    assert linear_candidate(1.0).model != linear_candidate(2.0).model
    assert linear_candidate(1.0).store == linear_candidate(2.0).store


def test_another_definition_of_a_feature_has_another_store_and_model():
    changed = [*FEATURES[:-1], {**FEATURES[-1], "params": {"value": 2}}]

    assert linear_candidate().store != linear_candidate(features=changed).store
    assert linear_candidate().model != linear_candidate(features=changed).model


def test_where_and_when_it_was_trained_is_no_part_of_what_is_served():
    assert linear_candidate().sha == linear_candidate(mlflow_run_id="other", trained_until="2026-10-01").sha
    assert linear_candidate().sha != linear_candidate(rerank_docs=50).sha


def test_user_text_enters_the_rerank_query_by_reference():
    candidate = linear_candidate()

    assert candidate.rq == f"{{!ltr model={candidate.model} reRankDocs=100 efi.q=$q}}"


WRONG = {
    "an efi is missing": ({"rq_efi": {}}, r"need the efi \['q'\]"),
    "an efi with text": ({"rq_efi": {"q": "$q}", "x": "1"}}, "neither a word nor a reference"),
    "a feature is missing": ({"features": FEATURES[1:]}, r"no feature is defined for \['title'\]"),
    "a feature is repeated": ({"features": [*FEATURES, FEATURES[0]]}, "repeated"),
    "a feature names its store": ({"features": [{**FEATURES[0], "store": "x"}, *FEATURES[1:]]}, "names a store"),
    "a behaviour field nobody reads": ({"behaviour_fields": [TINY, "beh_other"]}, r"\['beh_other'\]"),
    "nothing reranked": ({"rerank_docs": 0}, "rerank_docs"),
    "no day": ({"trained_until": "last week"}, "last week"),
    "a family that breaks the name": ({"family": "Linear Model"}, "family"),
    "a model Solr would misread": (
        {"model_json": {**linear_candidate().model_json, "params": {"weights": {}}}},
        "no weight",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_would_fail_while_serving_is_refused(case):
    changes, said = WRONG[case]
    fields = {**linear_candidate().to_dict(), **changes}

    with pytest.raises(UsageError, match=said):
        Candidate.from_dict(fields)


def test_every_mistake_is_listed_at_once():
    with pytest.raises(UsageError, match=r"family.*rerank_docs"):
        Candidate.from_dict({**linear_candidate().to_dict(), "family": "X", "rerank_docs": 0})


def test_missing_and_unknown_keys_are_listed():
    fields = {**linear_candidate().to_dict(), "colour": "red"}
    del fields["rq_efi"]

    with pytest.raises(UsageError, match=r"lacks \['rq_efi'\] and has the unknown \['colour'\]"):
        Candidate.from_dict(fields)
