"""The jar fetcher against a small real HTTP server that can be cut off, be wrong, and count what it served."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reprise.errors import ServiceError, UsageError
from reprise.sandbox import jars


class Repository(ThreadingHTTPServer):
    """Serves ``content`` by path, with Range; the first ``cuts`` answers break off in the middle."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.content, self.cuts, self.asked = {}, 0, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        first = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.asked.append((self.path, first))
        if self.path not in self.server.content:
            self.send_error(404)
            return
        body = self.server.content[self.path][first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut, self.server.cuts = self.server.cuts > 0, self.server.cuts - 1
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *words):
        pass


@pytest.fixture
def repository(monkeypatch):
    server = Repository()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("REPRISE_MAVEN_URL", server.url + "/")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def lock(repository, tmp_path):
    """A lock of three jars in two groups that the repository serves truly."""
    lines = ["# made by hand", ""]
    for group, name in (("a", "one"), ("a", "two"), ("b", "three")):
        path, body = f"org/{name}/1/{name}-1.jar", name.encode() * 50_000
        repository.content["/" + path] = body
        lines.append(f"{group} {path} {hashlib.sha256(body).hexdigest()} {len(body)}")
    file = tmp_path / "jars.lock"
    file.write_text("\n".join(lines))
    return file


def test_brings_the_groups_asked_for_in_the_order_of_the_lock(repository, lock, tmp_path):
    paths = jars.fetch_jars(["a"], tmp_path / "jars", lock)

    assert [path.name for path in paths] == ["one-1.jar", "two-1.jar"]
    assert [repository.content["/org/one/1/one-1.jar"], repository.content["/org/two/1/two-1.jar"]] == [
        path.read_bytes() for path in paths
    ]


def test_what_is_there_is_not_fetched_again(repository, lock, tmp_path):
    jars.fetch_jars(["a"], tmp_path / "jars", lock)
    jars.fetch_jars(["a", "b"], tmp_path / "jars", lock)

    paths = sorted(path for path, _ in repository.asked)
    assert sorted(repository.content) == paths


def test_goes_on_where_the_connection_broke(repository, lock, tmp_path):
    repository.cuts = 2

    (path,) = jars.fetch_jars(["b"], tmp_path / "jars", lock)

    body = repository.content["/org/three/1/three-1.jar"]
    assert body == path.read_bytes()
    starts = [first for _, first in repository.asked]
    assert [0, len(body) // 2, len(body) // 2 + (len(body) - len(body) // 2) // 2] == starts


def test_a_wrong_checksum_is_refused_and_named_and_the_rest_may_be_right(repository, lock, tmp_path):
    true = repository.content["/org/two/1/two-1.jar"]
    repository.content["/org/two/1/two-1.jar"] = true[:-1] + b"X"

    with pytest.raises(ServiceError, match=r"two-1\.jar is not the file of the lock: SHA-256 .* it was refused"):
        jars.fetch_jars(["a", "b"], tmp_path / "jars", lock)

    assert list((tmp_path / "jars").rglob("two-1.jar*")) == []
    repository.content["/org/two/1/two-1.jar"] = true
    assert true == jars.fetch_jars(["a", "b"], tmp_path / "jars", lock)[1].read_bytes()


def test_a_part_of_a_wrong_file_is_not_kept_for_ever(repository, lock, tmp_path):
    part = tmp_path / "jars" / "org/three/1/three-1.jar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"left by another file of this name")
    with pytest.raises(ServiceError, match="refused"):
        jars.fetch_jars(["b"], tmp_path / "jars", lock)

    (path,) = jars.fetch_jars(["b"], tmp_path / "jars", lock)

    assert repository.content["/org/three/1/three-1.jar"] == path.read_bytes()


def test_a_repository_without_the_file_is_one_line_with_its_address(repository, lock, tmp_path):
    del repository.content["/org/three/1/three-1.jar"]

    with pytest.raises(ServiceError, match=r"three-1\.jar could not be fetched from http://127.*404.*→.*REPRISE_MAVEN"):
        jars.fetch_jars(["b"], tmp_path / "jars", lock)


def test_a_spoilt_lock_names_its_line(tmp_path):
    (tmp_path / "jars.lock").write_text("# fine\nsolr org/x.jar\n")

    with pytest.raises(UsageError, match=r"jars\.lock line 2"):
        jars.read_lock(tmp_path / "jars.lock")


def test_a_flat_folder_holds_one_group_and_forgets_what_left_the_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_JARS", str(tmp_path / "cache"))
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "old.jar").symlink_to(tmp_path / "gone.jar")

    folder = jars.link_jars("s3a", jars.link_jars("s3a", tmp_path / "flat"))

    assert {path.name: path for path in jars.jar_paths("s3a")} == {
        link.name: link.readlink() for link in folder.iterdir()
    }


def test_the_lock_covers_every_group_once_and_names_no_host():
    locked = jars.read_lock()

    assert set(jars.GROUPS) == {jar.group for jar in locked}
    assert len(locked) == len({(jar.group, jar.path) for jar in locked})
    assert [jar.path for jar in locked if "://" in jar.path or jar.path.startswith("/") or ".." in jar.path] == []
    assert {64} == {len(jar.sha256) for jar in locked}


def test_the_address_is_the_variable_then_the_mirror_then_what_ivy_knows(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("REPRISE_MAVEN_URL", raising=False)
    by_ivy = jars.repository_url()
    settings = tmp_path / ".m2" / "settings.xml"
    settings.parent.mkdir()
    settings.write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><mirrors>'
        "<mirror><mirrorOf>other</mirrorOf><url>http://wrong.example/</url></mirror>"
        "<mirror><mirrorOf>central,x</mirrorOf><url>http://mirror.example/m2/</url></mirror>"
        "</mirrors></settings>"
    )
    by_mirror = jars.repository_url()
    monkeypatch.setenv("REPRISE_MAVEN_URL", "http://mine.example")

    assert by_ivy.startswith("https://")
    assert by_mirror == "http://mirror.example/m2"
    assert jars.repository_url() == "http://mine.example"
