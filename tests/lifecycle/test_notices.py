"""Words to people outside: they arrive at real servers, and a server that is down stops nothing."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from reprise.lifecycle.notices import tell

HOSTILE = "<!channel> & <http://evil|raga>\r\nBcc: everybody@example.com"


class Chat(BaseHTTPRequestHandler):
    """Keeps what was posted."""

    def do_POST(self):
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    """Takes one mail, as a server does that knows no extension."""

    def handle(self):
        self.wfile.write(b"220 mail\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            self.wfile.write({b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n"))
            if word == b"QUIT":
                return
            if word == b"DATA":
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text.decode())
                self.server.got.append("".join(lines))
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def server():
    """Starts servers, and ends them."""
    running = []

    def start(kind, handler):
        one = kind(("127.0.0.1", 0), handler)
        one.got, one.status = [], 200
        threading.Thread(target=one.serve_forever, daemon=True).start()
        running.append(one)
        return one

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def connect(monkeypatch, service, server, **extra):
    host, port = server.server_address
    content = {"host": host, "port": port, "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_REPRISE_{service.upper()}", json.dumps(content))


def test_without_a_connection_nothing_is_sent():
    assert tell("subject", "text") == []


def test_what_is_typed_stays_text(monkeypatch, server):
    chat, mail = server(HTTPServer, Chat), server(socketserver.TCPServer, Mail)
    connect(monkeypatch, "chat", chat)
    connect(monkeypatch, "mail", mail, to=["mira@example.com"], **{"from": "reprise@example.com"})

    assert tell(f"waiting {HOSTILE}", f"approve? {HOSTILE}") == []

    (said,) = chat.got
    assert "<" not in said["text"]
    assert "&lt;!channel&gt; &amp; " in said["text"]
    (letter,) = mail.got
    head, _, body = letter.partition("\r\n\r\n")
    assert "\nBcc:" not in head
    assert "To: mira@example.com" in head
    assert "approve?" in body


@pytest.mark.parametrize("status", [500, 403])
def test_a_server_that_refuses_stops_nothing(monkeypatch, server, status):
    chat = server(HTTPServer, Chat)
    chat.status = status
    connect(monkeypatch, "chat", chat)
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_MAIL", '{"host": "127.0.0.1", "port": 9, "extra": {"to": "mira"}}')

    assert [line.partition(":")[0] for line in tell("subject", "text")] == ["chat", "mail"]
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_MAIL", "no JSON")
    assert len(tell("subject", "text")) == 2
