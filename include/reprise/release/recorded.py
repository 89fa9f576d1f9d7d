"""The searches to check with: the most frequent of a day, of those that enough listeners typed; or a file of them."""

from __future__ import annotations

from pathlib import Path

from reprise.errors import UsageError
from reprise.lake import Lake
from reprise.plan import logs_version
from reprise.settings import Deployment


def frequent(deployment: Deployment, lake: Lake, day: str, count: int) -> list[str]:
    """Return a day's most frequent texts, of those that enough listeners typed."""
    version, fewest = logs_version(deployment), deployment.logs.privacy.min_users_per_query
    rows = lake.read("query_stats", version, [f"dt={day}"], ["q", "searches", "listeners"]).to_pylist()
    searched: dict[str, int] = {}
    for row in rows:
        if row["listeners"] >= fewest:
            searched[row["q"]] = searched.get(row["q"], 0) + row["searches"]
    return sorted(searched, key=lambda text: (-searched[text], text))[:count]


def from_file(path: Path, count: int) -> list[str]:
    """Return a file's lines, one search each; a file that is not there or not text is an error."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "name a UTF-8 file with one search a line") from None
    return [text for line in lines if (text := line.strip())][:count]
