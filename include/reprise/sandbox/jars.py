"""The Java parts of one machine, brought by a lock file: ``jars.lock`` names each with size and SHA-256.

Groups: ``s3proxy`` (the S3 server), ``s3a`` (what Spark lacks to read ``s3://``), ``solr`` (Solr and its LTR
plugin). Verified jars are kept in ``$REPRISE_JARS`` (default ``~/.cache/reprise/jars``), shared by every clone
and every ``REPRISE_HOME``; a jar is only ever renamed into place after its checksum was right.

The repository's address is ``$REPRISE_MAVEN_URL``, else the mirror in ``~/.m2/settings.xml``, else the one that
PySpark's own Ivy would use. The lock is made anew by ``python -m reprise.sandbox.jars_lock`` (needs Maven).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from reprise.errors import ServiceError, UsageError

if TYPE_CHECKING:
    import httpx
    from rich.progress import Progress, TaskID

LOCK = Path(__file__).with_name("jars.lock")
GROUPS = ("s3proxy", "s3a", "solr")
_AT_ONCE = 6
_TRIES = 3


@dataclass(frozen=True)
class Jar:
    """One line of the lock: a path in a Maven repository and what its bytes must be."""

    group: str
    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rsplit("/", 1)[-1]


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """Return the lock's jars in its order; a line that is not four fields is a UsageError naming it."""
    jars = []
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        fields = line.split()
        if len(fields) != 4 or not fields[3].isdigit():
            raise UsageError(f"{lock.name} line {number} is not `group path sha256 size`", "restore the file from git")
        jars.append(Jar(fields[0], fields[1], fields[2], int(fields[3])))
    return jars


def jars_folder() -> Path:
    """Return the folder of verified jars."""
    return Path(os.environ.get("REPRISE_JARS") or "~/.cache/reprise/jars").expanduser().absolute()


def repository_url() -> str:
    """Return the Maven repository's address, without a slash at its end."""
    url = os.environ.get("REPRISE_MAVEN_URL") or _mirror_in_settings() or _address_known_to_ivy()
    return url.rstrip("/")


def _mirror_in_settings() -> str | None:
    settings = Path.home() / ".m2" / "settings.xml"
    if not settings.is_file():
        return None
    for mirror in ElementTree.parse(settings).getroot().iterfind("{*}mirrors/{*}mirror"):
        covers = {part.strip() for part in (mirror.findtext("{*}mirrorOf") or "").split(",")}
        if covers & {"*", "central", "external:*"}:
            return mirror.findtext("{*}url")
    return None


def _address_known_to_ivy() -> str:
    import pyspark

    for ivy in sorted((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar")):
        with zipfile.ZipFile(ivy) as archive:
            text = archive.read("org/apache/ivy/core/settings/repository.properties").decode()
        if found := re.search(r"^ivy\.ibiblio\.default\.artifact\.root\s*=\s*(\S+)", text, re.MULTILINE):
            return found.group(1)
    raise UsageError("no Maven repository is known", "set REPRISE_MAVEN_URL")


def jar_paths(group: str, folder: Path | None = None) -> list[Path]:
    """Return the files of one group, in the lock's order (which is Maven's class path order); they may be missing."""
    return [(folder or jars_folder()) / jar.path for jar in read_lock() if jar.group == group]


def link_jars(group: str, folder: Path) -> Path:
    """Ensure ``folder`` holds links to one group's jars and nothing else: a class path of the form ``folder/*``."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / path.name: path for path in jar_paths(group)}
    here = {link: link.readlink() for link in folder.iterdir()}
    for link in here:  # only what is wrong: a Spark step may be starting from this folder
        if wanted.get(link) != here[link]:
            link.unlink()
    for link, path in wanted.items():
        if here.get(link) != path:
            link.symlink_to(path)
    return folder


def fetch_jars(groups: Sequence[str] = GROUPS, folder: Path | None = None, lock: Path = LOCK) -> list[Path]:
    """Ensure the groups' jars are in the folder and true to the lock; return their paths in the lock's order.

    Several come at once; a broken download goes on where it stopped; a wrong checksum is refused and named.
    """
    folder = folder or jars_folder()
    jars = [jar for jar in read_lock(lock) if jar.group in groups]
    if not all(_is_here(jar, folder) for jar in jars):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as mine:
            fcntl.flock(mine, fcntl.LOCK_EX)  # another process may be fetching the same files
            _fetch_all([jar for jar in jars if not _is_here(jar, folder)], folder)
    return [folder / jar.path for jar in jars]


def _is_here(jar: Jar, folder: Path) -> bool:
    """A jar gets its final name only after its checksum was right, so its size is enough to look at."""
    path = folder / jar.path
    return path.is_file() and path.stat().st_size == jar.size


def _fetch_all(jars: Sequence[Jar], folder: Path) -> None:
    import httpx
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    if not jars:
        return
    stop = Event()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        Progress(*columns) as progress,
        httpx.Client(follow_redirects=True, timeout=60) as client,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        bar = progress.add_task(f"{len(jars)} jars", total=sum(jar.size for jar in jars))
        fetch = _Fetch(client, repository_url(), folder, progress, stop, bar)
        futures = [pool.submit(fetch.one, jar) for jar in sorted(jars, key=lambda jar: -jar.size)]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@dataclass
class _Fetch:
    """What every download of one call shares."""

    client: httpx.Client
    url: str
    folder: Path
    progress: Progress
    stop: Event
    bar: TaskID

    def one(self, jar: Jar) -> None:
        """Bring one jar; a cut connection is taken up again, a wrong checksum is not."""
        import httpx

        target = self.folder / jar.path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        for attempt in range(1, _TRIES + 1):
            try:
                self._download(jar, part)
                break
            except httpx.HTTPError as error:
                refused = isinstance(error, httpx.HTTPStatusError) and error.response.is_client_error
                if refused or attempt == _TRIES:
                    first_line = (str(error) or type(error).__name__).splitlines()[0]
                    raise ServiceError(
                        f"{jar.name} could not be fetched from {self.url}: {first_line}",
                        "check the network or set REPRISE_MAVEN_URL, then run it again: it goes on where it stopped",
                    ) from error
        if self.stop.is_set():
            return
        _verify(jar, part)
        part.replace(target)

    def _download(self, jar: Jar, part: Path) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have >= jar.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self.client.stream("GET", f"{self.url}/{jar.path}", headers=headers) as answer:
            answer.raise_for_status()
            resumed = answer.status_code == 206
            with part.open("ab" if resumed else "wb") as file:
                if resumed:
                    self.progress.advance(self.bar, have)
                for chunk in answer.iter_bytes():
                    if self.stop.is_set():
                        return
                    file.write(chunk)
                    self.progress.advance(self.bar, len(chunk))


def _verify(jar: Jar, part: Path) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        part.unlink()
        raise ServiceError(
            f"{jar.name} is not the file of the lock: SHA-256 {found}, expected {jar.sha256}; it was refused",
            "try again; if it stays so, the repository (REPRISE_MAVEN_URL) serves another file under this name",
        )
