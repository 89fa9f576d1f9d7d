"""Processes of a cluster, and how a whole tree of them is ended.

A process tree here is more than a process group: Spark's Python daemon makes groups of its own and outlives
its parent. So every process carries a mark in its environment, and whatever bears the mark belongs to the tree.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

#: The one variable of a step that EMR does not have; its value is ``<cluster>/<step>``.
MARK = "REPRISE_SANDBOX_PROCESS"
GRACE_S = 10.0


class Process:
    """One started command, its output going to files; ``stop`` ends it with everything it started."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path, stdout: Path, stderr: Path
    ) -> None:
        self._mark = environment[MARK]
        with stdout.open("wb") as out, stderr.open("wb") as err:
            self._popen = subprocess.Popen(
                list(argv), env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip

    def wait(self) -> int:
        """Return the exit code (negative: killed by that signal), with no process of the tree left."""
        code = self._popen.wait()
        kill_marked(self._mark)
        return code

    def stop(self, *, grace_s: float = GRACE_S) -> None:
        """Ask the command to end, and after the grace kill what is left of the tree; returns at once."""
        threading.Thread(target=self._stop, args=(grace_s,), daemon=True).start()

    def _stop(self, grace_s: float) -> None:
        if grace_s > 0:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, 9)
        kill_marked(self._mark)


def kill_marked(mark: str) -> int:
    """Kill every process of a step, or of a whole cluster by its id alone; return how many there were.

    Asked again until none is found, as they may start others meanwhile.
    """
    killed = 0
    for _ in range(50):
        found = [*_marked(mark)]
        if not found:
            return killed
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        # Not psutil's wait: it would reap our own child, and its exit code with it.
        killed += len(found)
        time.sleep(0.02)
    return killed


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and f"{process.environ().get(MARK)}/".startswith(f"{mark}/"):
                yield process
