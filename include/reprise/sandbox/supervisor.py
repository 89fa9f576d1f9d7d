"""Starts, ends and reports the services of one home: ``up`` is idempotent, ``down`` ends only what ``up`` began."""

from __future__ import annotations

import fcntl
import logging
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from reprise.errors import ServiceError, UsageError
from reprise.sandbox import processes
from reprise.sandbox.home import Home
from reprise.sandbox.jars import fetch_jars
from reprise.sandbox.ports import holder, is_free
from reprise.sandbox.processes import Record
from reprise.sandbox.services import ALL, SERVICES, Commands

_log = logging.getLogger(__name__)
_MIN_FREE_BYTES = 2_000_000_000
_LINGER_S = 3.0  # a process that was killed holds its port until its last thread is gone
_BETWEEN_LOOKS_S = 0.25


@dataclass(frozen=True)
class Status:
    """One service as it is now; ``trouble`` is empty when a real call succeeds."""

    service: str
    title: str
    url: str
    running: int
    processes: int
    trouble: str


def up(home: Home, services: Sequence[str] = ALL) -> None:
    """Ensure the services run and work; what runs already is left alone.

    Any failure is one ServiceError naming the thing and its log, and what this call had started is ended again.
    """
    if unknown := [name for name in services if name not in SERVICES]:
        raise UsageError(f"no such service: {', '.join(unknown)}", f"choose from: {', '.join(ALL)}")
    _check_disk(home)
    fetch_jars([group for name in services for group in SERVICES[name].jars])
    with _sole_use(home), _interrupts_raise():
        home.write_env_file()
        before = processes.records(home)
        try:
            _start_side_by_side(home, services)
        except BaseException:
            processes.stop(home, [record for record in processes.records(home) if record not in before])
            raise


def down(home: Home) -> None:
    """Ensure nothing that this home started is running; other processes are never touched."""
    with _sole_use(home):
        processes.stop(home, processes.records(home))
        processes.sweep(home)


def status(home: Home, services: Sequence[str] = ALL) -> list[Status]:
    """Return every service as it is now, asked by a real call."""
    alive = {record.name for record in processes.records(home) if record.leader()}
    found = []
    for name in services:
        service = SERVICES[name]
        commands = service.commands(home)
        running = sum(process in alive for process in commands)
        trouble = service.trouble(home) if running else "not started"
        found.append(Status(name, service.title, home.url(name), running, len(commands), trouble))
    return found


def _start_side_by_side(home: Home, services: Sequence[str]) -> None:
    given_up = threading.Event()
    with ThreadPoolExecutor(max(1, len(services))) as pool:
        futures = [pool.submit(_Start(home, name, given_up).run) for name in services]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
        except BaseException:
            given_up.set()
            raise


class _GivenUp(Exception):
    """Another service failed, or the user interrupted: this one's start is not continued."""


@dataclass
class _Start:
    """The start of one service, in a thread of its own."""

    home: Home
    name: str
    given_up: threading.Event

    def run(self) -> None:
        """Start what does not run, and return once the service works."""
        home, service = self.home, SERVICES[self.name]
        service.prepare(home)
        commands = service.commands(home)
        running = self._still_good(commands)
        missing = {name: argv for name, argv in commands.items() if name not in running}
        if next(iter(commands)) in missing:  # the first one listens
            self._check_port()
        if not running:
            for name, argv in service.first(home).items():
                processes.run_to_end(home, name, argv, self._keep_going)
        for name, argv in missing.items():
            self._keep_going()
            processes.start(home, name, argv)
        self._wait_until_it_works()
        service.settle(home)
        _log.info("%s %s at %s", service.title, "works" if missing else "is still working", home.url(self.name))

    def _still_good(self, commands: Commands) -> set[str]:
        """Return which processes run as they should; one started with other settings is ended."""
        mine = {record.name: record for record in processes.records(self.home) if record.name in commands}
        changed = [
            record
            for record in mine.values()
            if record.leader() is None or record.command != processes.command_digest(self.home, commands[record.name])
        ]
        processes.stop(self.home, changed)
        return set(mine) - {record.name for record in changed}

    def _check_port(self) -> None:
        port, deadline = self.home.ports[self.name], time.monotonic() + _LINGER_S
        while not is_free(port):
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"port {port}, meant for {SERVICES[self.name].title}, is held by {holder(port)}",
                    f"end that process, or choose another port: REPRISE_{self.name.upper()}_PORT=…",
                )
            time.sleep(_BETWEEN_LOOKS_S)

    def _wait_until_it_works(self) -> None:
        service = SERVICES[self.name]
        deadline = time.monotonic() + service.patience_s
        trouble = "it was not asked yet"
        while time.monotonic() < deadline:
            self._keep_going()
            for record in self._records():
                if record.leader() is None:
                    line = processes.last_line(record.log)
                    raise ServiceError(
                        f"{service.title}: {record.name} ended at its start ({line})", f"see {record.log}"
                    )
            if not (trouble := service.trouble(self.home)):
                return
            time.sleep(_BETWEEN_LOOKS_S)
        logs = ", ".join(record.log for record in self._records())
        raise ServiceError(f"{service.title} did not work after {service.patience_s:.0f} s: {trouble}", f"see {logs}")

    def _records(self) -> list[Record]:
        names = SERVICES[self.name].commands(self.home)
        return [record for record in processes.records(self.home) if record.name in names]

    def _keep_going(self) -> None:
        if self.given_up.is_set():
            raise _GivenUp


def _check_disk(home: Home) -> None:
    free = shutil.disk_usage(home.folder()).free
    if free < _MIN_FREE_BYTES:
        raise ServiceError(
            f"only {free / 1e9:.1f} GB free where {home.root} lies; {_MIN_FREE_BYTES / 1e9:.0f} GB are needed",
            "free some space, or set REPRISE_HOME to a folder on another disk",
        )


@contextmanager
def _sole_use(home: Home) -> Iterator[None]:
    """Only one `up` or `down` of a home at a time."""
    with (home.folder() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(
                f"another `sandbox up` or `down` is at work on {home.root}", "wait until it has ended, then try again"
            ) from None
        yield


@contextmanager
def _interrupts_raise() -> Iterator[None]:
    """While starting, SIGTERM and SIGHUP end the start as Ctrl-C does, so that nothing is left half started."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    kept = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
