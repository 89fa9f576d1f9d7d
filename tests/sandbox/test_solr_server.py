"""The configset as rendered for three Solr versions, and as the running one keeps its promises."""

from __future__ import annotations

import os
import signal
from xml.etree import ElementTree

import httpx
import psutil
import pytest

from reprise.errors import ServiceError, UsageError
from reprise.release.record import HOLD, LIVE, PREVIOUS, RELEASES
from reprise.sandbox import processes, solr_server, supervisor
from reprise.sandbox.home import DEFAULT_PORTS, Home
from reprise.sandbox.ports import free_ports
from reprise.solr.versions import LINES

SONG = {
    "id": "song:1",
    "entity": "song",
    "title": "Tum Hi Ho",
    "artist": "Arijít",
    "album": "Aashiqui",
    "alt_names": ["तुम ही हो", "tumhiho"],
    "language": "hi",
    "market": "IN",
    "duration_s": 262,
    "released_at": "2013-04-08T00:00:00Z",
    "popularity": 0.5,
    "beh_plays_0a1b": 0.25,
}


@pytest.mark.parametrize("version", list(LINES))
def test_every_version_has_ltr_in_place_updates_and_the_handler(tmp_path, version):
    config = ElementTree.parse(solr_server.render_configset(version, tmp_path) / "solrconfig.xml").getroot()

    assert config.find("queryParser[@name='ltr']").get("class").endswith("LTRQParserPlugin")
    assert config.find("transformer[@name='features']") is not None
    assert config.find("updateHandler/updateLog") is not None
    assert config.find("requestHandler[@name='/search']/lst/str[@name='defType']").text == "edismax"
    assert config.find("requestHandler[@name='/search']/lst/str[@name='rq']") is None
    assert config.find("lib") is None  # removed in Solr 10, and needless where the plugin is on the class path


@pytest.mark.parametrize(("version", "named"), [("8.11", True), ("9", True), ("10", False)])
def test_the_feature_cache_is_named_only_where_solr_accepts_it(tmp_path, version, named):
    config = ElementTree.parse(solr_server.render_configset(version, tmp_path) / "solrconfig.xml").getroot()

    name = config.find("transformer[@name='features']/str[@name='fvCacheName']")
    caches = [cache.get("name") for cache in config.findall("query/cache")]
    assert named == (name is not None)
    assert caches == ([name.text] if named else [])
    assert config.find("query/featureVectorCache") is None  # its key lacks the query: see the module


def test_rendering_again_keeps_what_solr_wrote_there(tmp_path):
    (tmp_path / "params.json").write_text("{}")
    solr_server.render_configset("8.11", tmp_path)
    first = (tmp_path / "schema.xml").read_bytes()
    solr_server.render_configset("8.11", tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.json", "schema.xml", "solrconfig.xml"]
    assert first == (tmp_path / "schema.xml").read_bytes()


def test_a_version_that_nobody_knows_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no configset for Solr '7' → choose one of: 8.11, 9, 10"):
        solr_server.render_configset("7", tmp_path)


def test_a_core_on_a_dead_solr_is_one_line(tmp_path):
    (port,) = free_ports(1)

    with pytest.raises(ServiceError, match=rf"Solr at http://127.0.0.1:{port}/solr does not answer.*sandbox up"):
        solr_server.create_core(f"http://127.0.0.1:{port}/solr", tmp_path)


def get(url, **params):
    return httpx.get(url, params=params).raise_for_status().json()


def post(url, documents, **params):
    return httpx.post(url, json=documents, params=params).raise_for_status()


@pytest.mark.solr
def test_everything_but_copies_comes_back(module_core):
    post(f"{module_core}/update", [SONG], commit="true")

    (found,) = get(f"{module_core}/select", q="id:song\\:1")["response"]["docs"]

    assert {"_version_"} == set(found) - set(SONG)
    assert {name: found[name] for name in SONG} == SONG


@pytest.mark.solr
@pytest.mark.parametrize("typed", ["t", "tum h", "ARIJ", "arijit", "तुम", "tumhi", "tum hi ho arijit"])
def test_a_song_is_found_by_beginnings_scripts_and_plain_letters(module_core, typed):
    post(f"{module_core}/update", [SONG, {"id": "song:2", "entity": "song", "title": "Zzz"}], commit="true")

    assert [doc["id"] for doc in get(f"{module_core}/search", q=typed)["response"]["docs"]] == ["song:1"]


@pytest.mark.solr
def test_behaviour_fields_are_updated_in_place_and_seen_by_ltr(new_core):
    core = new_core()
    post(f"{core}/update", [SONG], commit="true")
    feature = {
        "store": "s",
        "name": "plays",
        "class": "org.apache.solr.ltr.feature.FieldValueFeature",
        "params": {"field": "beh_plays_0a1b"},
    }
    httpx.put(f"{core}/schema/feature-store", json=[feature]).raise_for_status()

    post(f"{core}/update", [{"id": "song:1", "beh_plays_0a1b": {"set": 0.75}}], commit="true")

    # An update that is not in place writes the document anew and leaves the old one deleted.
    index = get(f"{core}/admin/luke", numTerms="0")["index"]
    assert (index["numDocs"], index["maxDoc"]) == (1, 1)
    (found,) = get(f"{core}/select", q="*:*", fl="[features store=s]")["response"]["docs"]
    assert found["[features]"] == "plays=0.75"


@pytest.mark.solr
def test_nothing_is_seen_before_its_writer_commits(new_core):
    core = new_core()
    post(f"{core}/update", [SONG])

    before = get(f"{core}/select", q="*:*")["response"]["numFound"]
    post(f"{core}/update", [], commit="true")

    assert (before, get(f"{core}/select", q="*:*")["response"]["numFound"]) == (0, 1)


@pytest.mark.solr
def test_a_power_cut_loses_neither_documents_nor_paramsets(tmp_path):
    home = Home(tmp_path / "home", dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True)))
    core = f"{home.url('solr')}/{solr_server.CORE}"
    try:
        supervisor.up(home, ["solr"])
        post(f"{core}/update", [SONG], commit="true")
        post(f"{core}/config/params", {"set": {"mine": {"rows": "3"}}})
        before = get(f"{core}/config/params")["response"]["params"]
        for record in processes.records(home):
            os.kill(record.pid, signal.SIGKILL)
            psutil.Process(record.pid).wait(30)  # to its last thread
        supervisor.up(home, ["solr"])

        assert {"mine", HOLD, LIVE, PREVIOUS, RELEASES} == set(before)
        assert before == get(f"{core}/config/params")["response"]["params"]
        assert get(f"{core}/search", q="tum")["response"]["numFound"] == 1
    finally:
        supervisor.down(home)
