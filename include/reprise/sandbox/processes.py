"""Starts processes that outlive us, remembers them, and ends those and no others.

Every process is a session of its own with its output in a log file, and a record ``run/<name>.json`` with its
pid and start time: a pid alone says nothing after a reboot. Ending it takes its whole session, because Airflow
and MLflow leave children behind when only their parent ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from reprise.errors import ServiceError
from reprise.objects import ObjectStore
from reprise.sandbox.home import Home
from reprise.settings import digest_of

_SAME_START_S = 2.0  # start times are reckoned from the boot time, which a clock correction moves a little
_GRACE_S = 20.0
# Kept so that Python does not warn of a child left running: leaving it running is what we are for.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Record:
    """One process that ``up`` started."""

    name: str
    pid: int
    started: float
    command: str  # digest of what it was started with: another port or setting means another process
    log: str

    def leader(self) -> psutil.Process | None:
        """Return the process itself if it still runs; another one under its reused pid does not count."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > _SAME_START_S or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process


def records(home: Home) -> list[Record]:
    """Return what this home has started and not ended, by name."""
    found = sorted(home.folder("run").glob("*.json"))
    return [Record(**json.loads(path.read_text(encoding="utf-8"))) for path in found]


def start(home: Home, name: str, argv: Sequence[str]) -> Record:
    """Start a process in the background and return its record; its log begins anew."""
    environment = home.process_environment()
    log = home.log(name)
    with log.open("wb") as output:
        child = subprocess.Popen(
            argv,
            env=environment,
            cwd=home.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _CHILDREN[child.pid] = child
    record = Record(name, child.pid, psutil.Process(child.pid).create_time(), command_digest(home, argv), str(log))
    # Whole or not at all: services start side by side, and each reads all records.
    ObjectStore(str(home.folder("run"))).put(_path(home, name).name, json.dumps(asdict(record)).encode())
    return record


def command_digest(home: Home, argv: Sequence[str]) -> str:
    """Return a digest of a command and of everything this home tells it."""
    return digest_of([list(argv), home.client_environment()])


def last_line(log: Path | str) -> str:
    """Return the last line of a log that says something, cut to 200 characters."""
    text = Path(log).read_text(encoding="utf-8", errors="replace") if Path(log).exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "(its log is empty)"


def stop(home: Home, ended: Sequence[Record]) -> None:
    """End the processes with all their descendants, kindly first; forget their records."""
    targets = [process for record in ended for process in _session(home, record)]
    _end(targets)
    # What was born while its parent was ending.
    _end([process for record in ended for process in _session(home, record)])
    for record in ended:
        _path(home, record.name).unlink(missing_ok=True)


def sweep(home: Home) -> None:
    """End every process that still carries this home's mark: what an interrupted start never recorded."""
    _end([process for process in psutil.process_iter() if process.pid != os.getpid() and _carries_mark(home, process)])


def _session(home: Home, record: Record) -> list[psutil.Process]:
    """Return the process, its session and its descendants; without the leader, only what is provably ours."""
    leader = record.leader()
    found = {process.pid: process for process in ([leader, *_children(leader)] if leader else [])}
    # While any of a session lives its number is not given to another, unless the machine began anew.
    session_is_ours = not psutil.pid_exists(record.pid) and record.started > psutil.boot_time() - _SAME_START_S
    for process in psutil.process_iter():
        try:
            if process.pid in found or os.getsid(process.pid) != record.pid:
                continue
        except (ProcessLookupError, PermissionError):
            continue
        if leader or _carries_mark(home, process, or_none=session_is_ours):
            found[process.pid] = process
    return list(found.values())


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _carries_mark(home: Home, process: psutil.Process, or_none: bool = False) -> bool:
    """Whether a process inherited this home's mark; ``or_none`` accepts one whose title overwrote its environment."""
    try:
        environment = process.environ()
    except psutil.Error:
        return False
    return environment.get("REPRISE_SANDBOX_MARK") == home.secrets["mark"] or (or_none and not environment)


def _end(processes: Iterable[psutil.Process]) -> None:
    waiting = list(processes)
    for number, patience in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, 5.0)):
        for process in waiting:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + patience
        while (waiting := [process for process in waiting if not _has_ended(process)]) and time.monotonic() < deadline:
            time.sleep(0.05)
    _reap()  # one that was a zombie when it was looked at


def _reap() -> None:
    """Take note of children that have ended: unasked, Python would say at its exit that they still run."""
    for child in list(_CHILDREN.values()):
        child.poll()


def _has_ended(process: psutil.Process) -> bool:
    """Whether it runs no more; a zombie does not, and where nobody reaps orphans (a container) it stays one."""
    _reap()
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def run_to_end(home: Home, name: str, argv: Sequence[str], keep_going: Callable[[], None]) -> None:
    """Run a preparing command to its end; a failure is a ServiceError naming its log.

    ``keep_going`` is asked before every wait, and raises when the whole start was given up.
    """
    record = start(home, name, argv)
    try:
        while (code := _CHILDREN[record.pid].poll()) is None:
            keep_going()
            time.sleep(0.05)
        if code:
            raise ServiceError(f"{name} failed ({last_line(record.log)})", f"see {record.log}")
    finally:
        stop(home, [record])


def _path(home: Home, name: str) -> Path:
    return home.folder("run") / f"{name}.json"
