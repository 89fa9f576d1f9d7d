"""Where EMR puts logs, and what it says of a failed step.

<LogUri>/<cluster>/steps/<step>/{controller,stdout,stderr}.gz
<LogUri>/<cluster>/node/<instance>/bootstrap-actions/<n>/{controller,stdout,stderr}.gz
"""

from __future__ import annotations

import gzip
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

from reprise.errors import RepriseError
from reprise.objects import ObjectStore

NAMES = ("controller", "stdout", "stderr")
#: Lines of Spark's own log, and of a Java stack, which never are the cause themselves.
_NOISE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d |\s+at |\s*$|\t")
_TAIL = 1 << 16
_log = logging.getLogger(__name__)


def publish(log_uri: str, key: str, folder: Path) -> None:
    """Put a process's three logs under the cluster's LogUri; like EMR, a step never fails for its logs."""
    if not log_uri:
        return
    store = ObjectStore(log_uri)
    try:
        for name in NAMES:
            path = folder / name
            content = path.read_bytes() if path.exists() else b""
            store.put(f"{key}/{name}.gz", gzip.compress(content, mtime=0))
    except (RepriseError, OSError) as error:
        _log.warning("logs of %s were not written: %s", key, error)


def note(folder: Path, text: str, level: str = "INFO") -> None:
    """Add a line to the controller log, which tells what EMR did around the process."""
    with (folder / "controller").open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {level} {text}\n")


def failure(folder: Path, log_uri: str, key: str) -> dict[str, str]:
    """Return EMR's FailureDetails: the last line that reads like a cause, and the log that holds it."""
    # PySpark's launcher sends the Python process's stderr to stdout, so a traceback may be in either.
    for name in ("stderr", "stdout"):
        cause = _last_line(folder / name)
        if cause:
            break
    else:
        name, cause = "stderr", ""
    details = {"Reason": "Unknown Error.", "Message": cause}
    if log_uri:
        details["LogFile"] = f"{log_uri}/{key}/{name}.gz"
    return details


def _last_line(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if not _NOISE.match(line)), "")
