"""A door in front of S3 that counts what it hands out, and may answer 503 for a while, as S3 does under load."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_HOP = ("connection", "transfer-encoding", "keep-alive")


class FlakyS3(ThreadingHTTPServer):
    """Passes requests on; each of the first ``objects`` different ones is refused ``times`` times before."""

    daemon_threads = True
    status = 503  # of what is refused
    said: tuple[tuple[str, str], ...] = ()  # headers of it

    def __init__(self, behind: str, objects: int, times: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind, self.objects, self.times = urlsplit(behind).netloc, objects, times
        self.refused: Counter[tuple[str, str]] = Counter()
        self.handed_out: Counter[str] = Counter()  # path → bytes of what GET answered
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, method: str, path: str, size: int) -> None:
        """Count an answer."""
        if method == "GET":
            with self._lock:
                self.handed_out[path.partition("?")[0]] += size

    def refuses(self, method: str, path: str) -> bool:
        """Whether this request is one to refuse; counts it where it is."""
        with self._lock:
            known = (method, path) in self.refused
            if (not known and len(self.refused) >= self.objects) or self.refused[method, path] >= self.times:
                return False
            self.refused[method, path] += 1
            return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyS3

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.refuses(self.command, self.path):
            self._send(self.server.status, self.server.said, b"" if self.command == "HEAD" else _SLOW_DOWN)
            return
        behind = http.client.HTTPConnection(self.server.behind, timeout=60)
        behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # the signature covers Host, so it stays
            if name.lower() not in (*_HOP, "expect"):
                behind.putheader(name, value)
        behind.endheaders(body)
        answer = behind.getresponse()
        content = answer.read()
        self.server.count(self.command, self.path, len(content))
        self._send(answer.status, answer.getheaders(), content)
        behind.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer

    def _send(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in (*_HOP, "content-length"):
                self.send_header(name, value)
        length = dict((name.lower(), value) for name, value in headers).get("content-length")
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what matters is counted."""


@contextmanager
def flaky_s3(behind: str, *, objects: int = 0, times: int = 0) -> Iterator[FlakyS3]:
    """Open the door, and close it afterwards; as it stands, it refuses nothing."""
    door = FlakyS3(behind, objects, times)
    thread = threading.Thread(target=door.serve_forever, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        door.shutdown()
        door.server_close()
        thread.join()
