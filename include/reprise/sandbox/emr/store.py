"""Clusters on disk: one folder each under the server's home, with ``cluster.json`` in it.

A server owns its home: a second one on the same folder is refused, for two would both run the steps.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from pathlib import Path

from reprise.errors import UsageError
from reprise.sandbox.emr.models import Cluster

#: EMR forgets an ended cluster after two months.
_KEEP_S = 60 * 24 * 3600


class Store:
    """The clusters of one server."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock = (self.home / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another EMR server uses {self.home}", "end it first, or give another --home") from None

    def folder(self, cluster_id: str) -> Path:
        """Return a cluster's folder, which holds its home, its steps and its record."""
        return self.home / "clusters" / cluster_id

    def save(self, cluster: Cluster) -> None:
        """Write a cluster's record; after a crash the old or the new one is there, never half of it."""
        folder = self.folder(cluster.id)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / ".cluster.json"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(cluster.to_json(), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / "cluster.json")

    def load(self) -> list[Cluster]:
        """Return every cluster, oldest first; those long ended are removed."""
        clusters = []
        for path in (self.home / "clusters").glob("*/cluster.json"):
            cluster = Cluster.from_json(json.loads(path.read_text(encoding="utf-8")))
            if cluster.ended and cluster.ended < time.time() - _KEEP_S:
                shutil.rmtree(path.parent, ignore_errors=True)
            else:
                clusters.append(cluster)
        return sorted(clusters, key=lambda cluster: cluster.created)

    def clear(self, cluster_id: str) -> None:
        """Remove what goes with a cluster's machines when it ends: its home, and the folders of its steps."""
        folder = self.folder(cluster_id)
        for name in ("home", "conf", "steps", "bootstrap-actions"):
            shutil.rmtree(folder / name, ignore_errors=True)

    def close(self) -> None:
        """Give the home free for another server."""
        self._lock.close()
