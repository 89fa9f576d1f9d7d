"""Deployments: defaults, inheritance, and every mistake at once."""

import pytest

from reprise.errors import DeploymentError, UsageError
from reprise.settings import load_deployment

LOGS = """
sources:
  - name: search
    kind: search
    uris: ["s3://logs/{date}/*.gz"]
    fields: {user: client_id, ts: timestamp, query: user_query, search_id: query_id}
"""
SOLR = """
features:
  - {name: engine_score, kind: match, meaning: the engine's own score}
"""
GATE = "review: {required: false}\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a deployment's files under a folder of deployments."""
    monkeypatch.setenv("REPRISE_DEPLOYMENTS", str(tmp_path))

    def _write(name: str, **files: str) -> str:
        (tmp_path / name).mkdir(exist_ok=True)
        for file, content in files.items():
            (tmp_path / name / f"{file}.yaml").write_text(content)
        return name

    return _write


def test_two_files_are_a_deployment(write):
    """Everything else is a default."""
    deployment = load_deployment(write("mine", logs=LOGS, solr=SOLR, gate=GATE))

    assert deployment.name == "mine"
    assert deployment.logs.utility.listen_s == 30.0
    assert deployment.solr.features[0].kind == "match"


def test_a_child_holds_only_differences(write):
    """extends: takes the rest from the parent; a list replaces a list."""
    write("mine", logs=LOGS, solr=SOLR, gate=GATE)
    child = load_deployment(write("child", logs="extends: mine\njourneys: {idle_s: 60}\n"))

    assert child.logs.journeys.idle_s == 60.0
    assert child.logs.sources == load_deployment("mine").logs.sources
    assert child.digest != load_deployment("mine").digest


def test_a_child_changes_one_source_by_its_name(write):
    """Lists of named entries merge by name; other lists are replaced."""
    write("mine", logs=LOGS, solr=SOLR, gate=GATE)
    change = """
extends: mine
sources:
  - {name: search, uris: ["s3://other/{date}/*"]}
  - {name: plays, kind: play, uris: ["s3://plays/*"], fields: {user: u, ts: t, item: i}}
"""
    search, plays = load_deployment(write("child", logs=change)).logs.sources

    assert search.uris == ["s3://other/{date}/*"]
    assert search.fields == load_deployment("mine").logs.sources[0].fields
    assert plays.kind == "play"


def test_all_mistakes_are_listed_with_file_and_key(write):
    """One run of check shows everything there is to mend."""
    write(
        "bad",
        logs=LOGS + "utilty: {}\n",
        solr=SOLR.replace("kind: match", "kind: mach") + "request: {rows: 0}\n",
        gate="policy: {confidence: 2}\n",
    )

    with pytest.raises(DeploymentError) as caught:
        load_deployment("bad")

    mistakes = "\n".join(caught.value.mistakes)
    for expected in (
        "logs.yaml: utilty",
        "solr.yaml: features.0",
        "solr.yaml: request.rows",
        "gate.yaml: policy.confidence",
    ):
        assert expected in mistakes


def test_mistakes_between_files_are_found(write):
    """What no single key shows: duplicate names, nobody to review, a field without which nothing works."""
    logs = LOGS.replace(", query: user_query", "")
    write("odd", logs=logs, solr=SOLR + SOLR.split("\n", 2)[2])

    with pytest.raises(DeploymentError) as caught:
        load_deployment("odd")

    mistakes = "\n".join(caught.value.mistakes)
    for expected in ("'engine_score' is defined twice", "review.reviewers", "sources.search.fields.query"):
        assert expected in mistakes


def test_text_that_is_not_yaml_and_a_circle(write):
    """Neither ends in a traceback."""
    write("broken", logs="sources: [", solr=SOLR)
    with pytest.raises(DeploymentError, match=r"logs\.yaml: not YAML"):
        load_deployment("broken")

    write("a", logs="extends: b\n")
    write("b", logs="extends: a\n")
    with pytest.raises(DeploymentError, match="circle: a → b → a"):
        load_deployment("a")


def test_an_unknown_deployment_names_those_there_are(write):
    """The remedy is a list to choose from."""
    write("mine", logs=LOGS, solr=SOLR)
    with pytest.raises(UsageError, match=r"no deployment 'yours' → choose one of: mine"):
        load_deployment("yours")
