"""Deployments: defaults, inheritance, and every mistake at once."""

import pytest
import yaml

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


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"uris": ["s3://b/{day}/*"]}, "uris.0: {day} is no part of a day; there are date, yyyy, mm, dd"),
        ({"uris": ["s3://b/{yyyy}/{mm}/*"]}, "uris.0: a day needs {yyyy}, {mm} and {dd}"),
        ({"uris": ["gs://b/{date}/*"]}, "uris.0: gs:// cannot be read; name s3:// or a local path"),
        ({"format": "cvs"}, "format: Input should be 'jsonl', 'bulk', 'csv' or 'parquet'"),
        ({"delimiter": ";"}, "delimiter: only csv has it; this is jsonl"),
        ({"format": "csv", "delimiter": ";;"}, "delimiter: String should match pattern"),
        (
            {"format": "csv", "columns": ["client_id", "timestamp", "q", "query_id"]},
            "fields.query: 'user_query' is none",
        ),
        ({"format": "csv", "columns": ["user_query", "user_query"]}, "columns: 'user_query' is there twice"),
        ({"time_zone": "Asia/Kolkatta"}, "time_zone: 'Asia/Kolkatta' is no IANA time zone; Asia/Kolkata"),
        ({"time_format": "unix"}, "time_format: Input should be 'auto', 'iso', 'epoch_s', 'epoch_ms' or 'epoch_us'"),
        ({"fields": {"postion": "rank"}}, "fields.postion: not a field of ours; position?"),
        ({"fields": {"item": "hit..id"}}, "fields.item: 'hit..id' has an empty part"),
        ({"fields": {"item": "hits[].id"}}, "fields.item: only `results`, and not in csv, can lead through a list"),
        (
            {"fields": {"item": "hit", "position": "hit.rank"}},
            "fields.item: 'hit' is mapped whole, but 'hit.rank' leads",
        ),
        ({"actions": {"tap": "click"}}, "actions: map `action` in fields, or give it in defaults"),
        (
            {"fields": {"action": "act"}, "actions": {"tap": "clik"}},
            "actions.tap: Input should be 'impression', 'click'",
        ),
        ({"defaults": {"user": "me"}}, "defaults.user: each record needs its own"),
        ({"defaults": {"colour": "red"}}, "defaults.colour: not a field of ours"),
        ({"skip_when": {"type": []}}, "skip_when.type: name a value"),
    ],
)
def test_a_mistake_in_a_source_is_one_clear_line(write, change, mistake):
    """It names the file, the source and the key, and says what would do."""
    source = yaml.safe_load(LOGS)["sources"][0]
    source |= change | {"fields": source["fields"] | change.get("fields", {})}
    write("odd", logs=yaml.safe_dump({"sources": [source]}), solr=SOLR, gate=GATE)

    with pytest.raises(DeploymentError) as caught:
        load_deployment("odd")

    lines = [line for line in caught.value.mistakes if line.startswith(f"logs.yaml: sources.search.{mistake}")]
    assert len(lines) == 1, caught.value.mistakes
    assert "\n" not in lines[0]


def test_text_that_yaml_takes_for_numbers_and_flags(write):
    """`true: click` names an action that is logged as true."""
    more = "    actions: {true: click, 0: save}\n    drop_when: {user: [0, false]}\n"
    source = load_deployment(write("mine", logs=LOGS.replace("query_id}", "query_id, action: a}") + more, solr=SOLR,
                                   gate=GATE)).logs.sources[0]  # fmt: skip

    assert (source.actions, source.drop_when) == ({"true": "click", "0": "save"}, {"user": ["0", "false"]})


def test_features_to_learn_from_are_features_that_there_are(write):
    write("odd", logs=LOGS, solr=SOLR, gate="features: [engine_score, tempo]")

    with pytest.raises(DeploymentError) as caught:
        load_deployment("odd")

    assert "gate.yaml: features: 'tempo' is not defined in solr.yaml" in caught.value.mistakes


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("xendcg: {engine: xgboost}", "XGBoost has no rank_xendcg"),
        ("lambdamart: {engine: xgboost}\ntraffic_power: 0.5", "takes no weights: set traffic_power to 0"),
    ],
)
def test_what_an_engine_cannot_do_is_refused_before_anything_runs(write, gate, said):
    with pytest.raises(UsageError, match=said):
        load_deployment(write("mine", logs=LOGS, solr=SOLR, gate=gate))
