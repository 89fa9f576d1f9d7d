"""What may break between a run and the services it writes to; and a listener who searches all the while.

A fault is put where the client hands its request to the network: what reaches Solr reaches the real one.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import httpx
import pytest


class Killed(BaseException):
    """Stands for a process that ends at this very moment."""


@dataclass(frozen=True)
class Fault:
    """Something that breaks in a task, at a request to Solr: ``request`` is looked for in "METHOD path?query".

    ``down``: this request and all later ones find nobody, or (``after``) are done, but their answer is lost.
    ``refused``: such requests get a 500. ``ignored``: a 200, and nothing is done. ``killed``: the process ends before
    it, or (``after``) when Solr has done it. Without ``lasting`` only the task's first try meets it.
    """

    task: str
    kind: Literal["down", "refused", "ignored", "killed"]
    request: str = ""
    after: bool = False
    lasting: bool = True


@dataclass
class Network:
    """Between the run and Solr. Whoever drives the run says which task is at work, and when all is mended."""

    fault: Fault | None = None
    task: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    met: int = 0
    #: At this task's first such request something else happens first.
    meanwhile: tuple[str, str, Callable[[], object]] | None = None
    _down: bool = False

    def begin(self, task: str) -> None:
        """A task begins (once more)."""
        self.task, self.tries[task] = task, self.tries.get(task, 0) + 1
        if self._down and self.fault and not self.fault.lasting:
            self._down = False

    def mend(self) -> None:
        """From now on nothing is broken."""
        self.fault, self._down = None, False

    def hits(self, sent: str) -> bool:
        """Whether the fault is at this request."""
        fault = self.fault
        if fault is None or (not fault.lasting and self.tries.get(fault.task, 0) > 1):
            return False
        return self.task == fault.task and re.search(fault.request, sent) is not None

    def send(self, request, method: str, url: str, **more) -> httpx.Response:
        """Send a request on, or do what the fault does to it."""
        parts = urllib.parse.urlsplit(url)
        sent = f"{method} {parts.path}?{urllib.parse.urlencode(more.get('params') or {})}"
        if "/solr" not in parts.path:
            return request(method, url, **more)
        if self.meanwhile and self.task == self.meanwhile[0] and re.search(self.meanwhile[1], sent):
            happening, self.meanwhile = self.meanwhile[2], None
            happening()
        if self._down:
            raise httpx.ConnectError("connection refused")
        if not self.hits(sent):
            return request(method, url, **more)
        self.met += 1
        kind, after = self.fault.kind, self.fault.after
        if kind in ("refused", "ignored"):
            answer = {"error": {"msg": "no space left on device"}} if kind == "refused" else {"responseHeader": {}}
            return httpx.Response(500 if kind == "refused" else 200, json=answer, request=httpx.Request(method, url))
        self._down = kind == "down"
        if after:
            request(method, url, **more)
        raise Killed if kind == "killed" else httpx.ReadTimeout("timed out")


@contextmanager
def network() -> Iterator[Network]:
    """Stand between all clients of this process and Solr."""
    between = Network()
    send = httpx.Client.request
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            httpx.Client,
            "request",
            lambda client, method, url, **more: between.send(send.__get__(client), method, str(url), **more),
        )
        yield between


@dataclass
class Listener:
    """Searches every replica at a steady rate as an application does; keeps every different answer, and errors."""

    addresses: list[str]
    query: str = "raga"
    answers: dict[tuple[str, ...], set[tuple[str, ...]]] = field(default_factory=dict)  # releases → orders seen
    errors: list[str] = field(default_factory=list)
    searches: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def ask(self, address: str) -> None:
        """Search once."""
        asked = {"q": self.query, "useParams": "reprise_live", "fl": "id,release:$reprise.release", "rows": 20}
        url = f"{address}/search?{urllib.parse.urlencode({**asked, 'distrib': 'false', 'wt': 'json'})}"
        self.searches += 1
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                documents = json.load(answer)["response"]["docs"]
        except (OSError, ValueError, KeyError) as error:
            self.errors.append(f"{address}: {error!r}")
            return
        releases = tuple(sorted({str(one["release"]) for one in documents}))
        self.answers.setdefault(releases, set()).add(tuple(one["id"] for one in documents))

    def listen(self, pause_s: float) -> None:
        """Search until it is over."""
        while not self._over.is_set():
            for address in self.addresses:
                self.ask(address)
            time.sleep(pause_s)


@contextmanager
def listening(addresses: list[str], pause_s: float = 0.05) -> Iterator[Listener]:
    """Search all the while; whoever is inside may ask what was answered so far."""
    listener = Listener(addresses)
    thread = threading.Thread(target=listener.listen, args=(pause_s,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener._over.set()
        thread.join()
