"""A real Chromium, driven over its DevTools protocol: pages as a person sees them, keys as a person presses them."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_KEYS = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}


class Browser:
    """One tab of a running Chromium."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.said: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]
            if message.get("method") == "Runtime.exceptionThrown":
                self.said.append(str(message["params"]["exceptionDetails"]))
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.said.append(message["params"]["entry"]["text"])

    def log_in(self, url: str, token: str) -> None:
        """Carry Airflow's cookie of a log-in."""
        self.call("Network.setCookie", name="_token", value=token, url=url, httpOnly=True, sameSite="Lax")

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page; of a promise, what it becomes."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, script: str, timeout_s: float = 60.0) -> Any:
        """Return an expression's value once it is true."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if value := self.run(f"(value => value instanceof Node || value)({script})"):
                return value
            time.sleep(0.1)
        raise AssertionError(f"this never came true: {script}\n{self.text()[:2000]}\n{self.said}")

    def text(self) -> str:
        """Return what the page says."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        code = _KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
        typed = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            some = typed if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **some)

    def size(self, width: int, height: int) -> None:
        """Show the page in a window of this many pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def unreadable(self) -> list[str]:
        """Return what axe-core finds that a screen reader, a keyboard or a weak eye cannot use: rule and element."""
        self.run(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8") + "; undefined")
        found = self.run("axe.run({resultTypes: ['violations']}).then(all => all.violations)")
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and end it afterwards."""
    command = [
        str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with connect(_tab(folder), max_size=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait(30)


def _tab(folder: Path) -> str:
    deadline = time.monotonic() + 60
    file = folder / "DevToolsActivePort"
    while time.monotonic() < deadline:
        if file.exists() and (lines := file.read_text().splitlines()):
            tabs = httpx.get(f"http://127.0.0.1:{lines[0]}/json").json()
            return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
        time.sleep(0.1)
    raise AssertionError("chromium does not start")
