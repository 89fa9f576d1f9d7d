"""A drafted source is what a person would have written, on logs whose mapping a person did write."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import formats
from builders.logs import Logs, at
from builders.music import PlainFirstStage, local_deployment, simulate_locally
from reprise.cli import exit_code
from reprise.errors import MissingDataError
from reprise.sandbox.music import World
from reprise.searches.check import check
from reprise.searches.draft import drafts, verdict
from reprise.searches.sniff import sniff
from reprise.settings import Source, load_deployment

SAME = ("kind", "format", "fields", "actions", "time_format", "position_base", "list_separator", "columns", "delimiter")


def drafted(*uris):
    """Return each address's draft as a source, mistakes and all but those of form."""
    return [Source.model_validate(_parsed(one)) for one in drafts(uris)]


def _parsed(draft):
    ((source,),) = yaml.safe_load(f"sources:\n{draft.text}").values()
    return source


def _written(folder, records, name="2026-11-01.jsonl"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Two days of the simulated service; returns their deployment, whose mapping is the demo's."""
    root = tmp_path_factory.mktemp("music")
    world = World.build(7, "small")
    simulate_locally(root, world, PlainFirstStage(world), [0, 1])
    return local_deployment(root)


def test_the_demos_mapping_is_found_in_its_logs(music):
    """Everything but what no log says: `qa-*` is somebody's habit, and a name is a matter of taste."""
    globs = [re.sub(r"\{[^}]*\}", "*", source.uris[0]) for source in music.logs.sources]
    globs[2] = globs[2].replace("*-*-*", "*")

    found = drafts(globs)

    assert [one.missing for one in found] == [(), (), ()]
    assert verdict(found).answer == "yes"
    for source, one in zip(music.logs.sources, found, strict=True):
        actual = Source.model_validate(_parsed(one))
        for name in SAME:
            assert getattr(source, name) == getattr(actual, name), (source.name, name)
        assert source.uris[0].replace("{yyyy}-{mm}-{dd}", "{date}") == actual.uris[0]
        assert source.drop_when.get("optout") == actual.drop_when.get("optout")
        assert actual.mistakes() == []
    assert not any("qa-" in one.text or "hi ho" in one.text for one in found)


@pytest.mark.skipif(not os.environ.get("REPRISE_FOREIGN_DATA"), reason="REPRISE_FOREIGN_DATA names no folder")
def test_the_foreign_mapping_is_found_in_its_log():
    """All of it, from its first two thousand records."""
    (expected,) = load_deployment("ubi").logs.sources
    (actual,) = drafted(expected.uris[0])

    for name in (*SAME, "uris"):
        assert getattr(expected, name) == getattr(actual, name), name


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small log that tests of formats write again."""
    return formats.small_log(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize("form", [formats.as_csv, formats.as_parquet, formats.as_zstd])
def test_a_format_makes_no_difference(small, tmp_path, form):
    """The draft is the mapping that the format's builder states, but for the scope, which no record has."""
    expected = form(small, tmp_path).logs.sources[0]
    globs = [re.sub(r"\{[^}]*\}", "*", uri) for uri in expected.uris]

    for number, actual in enumerate(drafted(*globs)):
        for name in ("format", "delimiter", "columns", "list_separator", "actions", "position_base"):
            assert getattr(expected, name) == getattr(actual, name), name
        assert {name: path for name, path in expected.fields.items() if name != "scope"} == actual.fields
        assert actual.mistakes() == []
        assert expected.uris[number] == actual.uris[0]


def test_files_of_two_kinds_say_so(small, tmp_path):
    """Only a person knows by what to tell them apart."""
    uri = formats.as_zstd(small, tmp_path).logs.sources[0].uris[0]
    assert "kind: play" in drafts([uri])[0].text


def test_a_csv_without_a_header_names_no_values(small, tmp_path):
    """Its columns are numbered; times are known by themselves, and nobody's record is taken for names."""
    uri = formats.as_csv(small, tmp_path).logs.sources[1].uris[0]
    (draft,) = drafts([uri])
    actual = Source.model_validate(_parsed(draft))

    assert (actual.format, actual.delimiter, len(actual.columns)) == ("csv", ";", 8)
    assert actual.fields["ts"] == "column_3"
    assert set(draft.missing) >= {"user"}
    assert "# user: ?  seen: column_1" in draft.text
    assert "song:" not in draft.text


def test_a_bulk_file(small, tmp_path):
    """Action lines frame records and are none."""
    small.write_one(tmp_path / "plain.gz")
    lines = [line for name, mine in small.lines.items() if name.startswith("app") for line in mine]
    action = b'{"index": {"_index": "searches"}}'
    (tmp_path / "bulk.ndjson").write_bytes(b"".join(action + b"\n" + line + b"\n" for line in lines))

    (actual,) = drafted(f"{tmp_path}/*.ndjson")

    assert actual.format == "bulk"
    assert small.deployment().logs.sources[0].fields == actual.fields | {"scope": "query_attributes.scope"}


def test_other_peoples_names(tmp_path):
    """camelCase, objects in lists, lists as text, mixed times, seconds, and units that names do not say."""
    searches = [
        {"requestId": f"r{n}", "userId": f"u{n % 9}", "createdAt": 1_793_000_000 * 1000 ** (n % 2) + n,
         "searchText": f"song {n}", "hits": [{"id": f"t{n + k}", "score": 1.5} for k in range(5)],
         "deviceType": "phone" if n % 2 else "web", "countryCode": "IN", "isPrivateSession": False}
        for n in range(60)
    ]  # fmt: skip
    events = [
        {"requestId": f"r{n}", "userId": f"u{n % 9}", "createdAt": 1_793_000_050 + n, "eventType": what,
         "trackId": f"t{n}", "rank": n % 4}
        for n in range(60) for what in ("resultTapped", "addToPlaylist", "share")
    ]  # fmt: skip
    plays = [
        {"visitorId": f"u{n % 9}", "startedAt": f"2026-11-01 10:00:{n:02}", "songId": f"t{n}", "secondsPlayed": 30 + n,
         "trackLength": 200_000 + n}
        for n in range(60)
    ]  # fmt: skip
    search, play = drafts([_written(tmp_path, [*searches, *events]), _written(tmp_path / "plays", plays)])
    one, two = Source.model_validate(_parsed(search)), Source.model_validate(_parsed(play))

    assert one.fields == {
        "search_id": "requestId", "user": "userId", "ts": "createdAt", "query": "searchText", "results": "hits[].id",
        "action": "eventType", "item": "trackId", "position": "rank", "surface": "deviceType", "scope": "countryCode",
        "optout": "isPrivateSession",
    }  # fmt: skip
    assert (one.time_format, one.position_base) == ("auto", 0)
    assert one.actions == {"addToPlaylist": "save", "resultTapped": "click"}
    assert "# actions: share" in search.text
    assert one.uris == [f"{tmp_path}/{{date}}.jsonl"]
    assert two.fields == {
        "user": "visitorId", "ts": "startedAt", "item": "songId", "listened_s": "secondsPlayed",
        "duration_ms": "trackLength",
    }  # fmt: skip
    assert (two.kind, two.time_format) == ("play", "iso")
    assert "state time_zone" in play.text
    assert one.mistakes() + two.mistakes() == []


def test_searches_that_have_an_action_need_a_source_of_their_own(tmp_path):
    """To us a record with an action is no search; as drafted, all of them would be rejected."""
    records = [{"verb": verb, "qid": f"q{n}", "q": "raga"} for n in range(20) for verb in ("search", "tap")]
    (draft,) = drafts([_written(tmp_path, records)])

    assert _parsed(draft)["actions"] == {"tap": "click"}
    assert "# actions: search (50%) marks searches" in draft.text


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (["Query ID;Search Term;Date/Time", "q1;raga;2026-11-01", "q2;kirtan;2026-11-02"], 0),
        (["user;query", "u;raga", "v;kirtan"], 0),
        (["name;score", "asha;1", "ravi;2"], 2),
        (["asha;null", "ravi;2", "mira;3"], 2),
        (["asha;kirtan", "ravi;raga", "mira;bhajan"], 2),
    ],
)
def test_what_a_header_is(tmp_path, lines, columns):
    """Two names we know, or one above numbers or times; a person's first record must not pass for names."""
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))

    form = sniff(str(path))
    assert (form.delimiter, len(form.columns)) == (";", columns)


@pytest.mark.parametrize("mark", [",", "|", " "])
def test_results_that_are_one_text(tmp_path, mark):
    """JSON has lists of its own, so what joins a text is always said."""
    records = [{"qid": f"q{n}", "q": f"raga {n}", "results": mark.join(["a1", "b2", "c3"])} for n in range(20)]
    (actual,) = drafted(_written(tmp_path, records))

    assert (actual.fields["results"], actual.list_separator) == ("results", mark)


def test_nothing_recognisable_is_comments_only(tmp_path, capsys):
    """Paths are named for somebody to choose from, values are not; the answer is no."""
    uri = _written(tmp_path, [{"alpha": f"secret{n}", "beta": {"gamma": n}} for n in range(30)])

    assert exit_code(["check", "--draft", uri]) == 1
    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out) is None
    assert "# search_id: ?  seen: alpha (100%), beta.gamma (100%)" in printed.out
    assert "secret" not in printed.out
    assert printed.err.startswith("no: nothing at")


def test_no_files_is_one_clear_error(tmp_path):
    with pytest.raises(MissingDataError, match="there are no files at"):
        drafts([f"{tmp_path}/*.gz"])


def test_what_is_printed_can_be_pasted(small, capsys):
    """Drafts on standard output, the answer beside it."""
    small.write()
    assert exit_code(["check", "--draft", f"{small.root}/app/*/*.gz", "--draft", f"{small.root}/player/*/*.gz"]) == 0

    sources = yaml.safe_load("sources:\n" + capsys.readouterr().out)["sources"]
    assert [source["name"] for source in sources] == ["app", "player"]
    deployment = small.deployment().model_dump(mode="json")
    deployment["logs"]["sources"] = sources
    assert check(type(small.deployment()).model_validate(deployment)).verdict().answer == "yes"


_names = st.text(max_size=8) | st.sampled_from(
    ["query", "query_id", "user", "ts", "hits", "id", "results", "action", "item", "rank", "listened_ms", "optout"]
)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(_names, _anything, max_size=6), max_size=6))
def test_no_record_stops_a_draft(tmp_path, records):
    """Whatever JSON there is, the draft is YAML; where nothing needed is missing, it is a source."""
    (draft,) = drafts([_written(tmp_path, records)])
    parsed = yaml.safe_load(f"sources:\n{draft.text}")["sources"]

    if not draft.missing:
        assert Source.model_validate(parsed[0]).mistakes() == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_stop_a_draft(tmp_path, content):
    path = Path(tmp_path) / "bytes.log"
    path.write_bytes(content)
    yaml.safe_load(f"sources:\n{drafts([str(path)])[0].text}")


def test_a_log_grows_no_second_meaning(tmp_path):
    """The same records in another order of keys give the same draft."""
    logs = Logs(tmp_path)
    record = logs.search("s1", at(0, 9), surface="phone")
    turned = dict(reversed(record.items()))
    one, two = (_written(tmp_path / name, [each] * 5) for name, each in (("a", record), ("b", turned)))

    assert [source.fields for source in drafted(one)] == [source.fields for source in drafted(two)]
