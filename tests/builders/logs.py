"""Raw logs in the demo's schema, written as gzip JSON lines to local folders, and a deployment that maps them."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reprise.plan import Plan
from reprise.settings import Deployment

START = datetime(2026, 9, 1, tzinfo=UTC)

SEARCH_FIELDS = {
    "search_id": "query_id", "user": "client_id", "ts": "timestamp", "query": "user_query",
    "results": "query_response_object_ids", "action": "action_name",
    "item": "event_attributes.object.object_id", "position": "event_attributes.position.ordinal",
    "surface": "query_attributes.surface", "scope": "query_attributes.scope", "ranker": "query_attributes.ranker",
    "swapped": "query_attributes.swapped", "shown_ms": "query_attributes.shown_ms",
    "optout": "query_attributes.optout",
}  # fmt: skip
PLAY_FIELDS = {
    "play_id": "play_id", "user": "uid", "ts": "started", "item": "track", "listened_ms": "listened_ms",
    "duration_ms": "duration_ms", "from_item": "from_item", "autoplay": "autoplay",
}  # fmt: skip


def at(day: int = 0, hour: float = 12, seconds: float = 0) -> datetime:
    """Return a moment counted from the log's first midnight."""
    return START + timedelta(days=day, hours=hour, seconds=seconds)


class Logs:
    """Raw files under a folder; records go to the day of their time unless told otherwise."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.lines: dict[str, list[bytes]] = {}

    def search(self, search_id, when, query="tum hi ho", results=("song:1", "song:2", "song:3"), user="u1", *,
               day=None, **attributes):  # fmt: skip
        """Log one request and what it showed."""
        record = {
            "application": "t", "query_id": search_id, "client_id": user, "user_query": query,
            "timestamp": _iso(when), "query_response_object_ids": None if results is None else list(results),
            "query_attributes": attributes,
        }  # fmt: skip
        self.raw("app", day or when, record)
        return record

    def event(self, action, search_id, when, item, user="u1", position=1, *, day=None):
        """Log a click or a save."""
        record = {
            "action_name": action, "query_id": search_id, "client_id": user, "timestamp": _iso(when),
            "event_attributes": {"object": {"object_id": item}, "position": {"ordinal": position}},
        }  # fmt: skip
        self.raw("app", day or when, record)
        return record

    def play(self, play_id, when, item, seconds=200.0, user="u1", *, duration=200.0, from_item=None, autoplay=False,
             day=None):  # fmt: skip
        """Log a play; ``seconds=None`` leaves its end out."""
        record = {
            "play_id": play_id, "uid": user, "track": item, "started": round(when.timestamp() * 1000),
            "duration_ms": duration and round(duration * 1000), "from_item": from_item, "autoplay": autoplay,
        }  # fmt: skip
        if seconds is not None:
            record["listened_ms"] = round(seconds * 1000)
        self.raw("player", day or when, record)
        return record

    def raw(self, source, when, record):
        """Add a record, or bytes as they are, to the file of a source and day."""
        content = record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode()
        self.lines.setdefault(f"{source}/dt={when:%Y-%m-%d}/part-00.jsonl.gz", []).append(content)

    def quiet_days(self, days):
        """Give every source something on each of these days, so that the days before them are closed."""
        for day in days:
            self.search(f"quiet-{day}", at(day, 3), "nothing", [], user="quiet")
            self.play(f"quiet-{day}", at(day, 4), "song:999", user="quiet")

    def write(self):
        """Write all files and return their number."""
        for name, lines in self.lines.items():
            _write(self.root / name, lines)
        return len(self.lines)

    def write_one(self, path):
        """Write every record to one file."""
        _write(path, [line for lines in self.lines.values() for line in lines])

    def deployment(self, *, plays=True, **logs):
        """Return a deployment that maps these files."""
        app = {
            "name": "app", "kind": "search", "uris": [f"{self.root}/app/dt={{date}}/*.jsonl.gz"],
            "fields": SEARCH_FIELDS, "actions": {"click": "click", "save": "save"},
            "drop_when": {"optout": ["true"], "user": ["qa-*"]},
        }  # fmt: skip
        player = {
            "name": "player", "kind": "play", "uris": [f"{self.root}/player/dt={{date}}/*.jsonl.gz"],
            "time_format": "epoch_ms", "fields": PLAY_FIELDS,
        }  # fmt: skip
        return Deployment.model_validate(
            {
                "name": "tiny",
                "logs": {"sources": [app, player] if plays else [app], "min_searches_per_day": 1, **logs},
                "solr": {"features": [{"name": "engine_score", "meaning": "score", "kind": "match"}]},
            }
        )


def plan_of(deployment, lake, days, run="run1"):
    """Return a plan for these days, with everything else left empty."""
    return Plan(run, deployment, str(lake), list(days), [], [], [])


def _write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


def _iso(when):
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
