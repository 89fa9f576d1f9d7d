"""All clusters of one server: found by id, listed newest first, resumed at its start."""

from __future__ import annotations

import threading
from typing import Any

from reprise.sandbox.emr.faults import Faults
from reprise.sandbox.emr.image import Image
from reprise.sandbox.emr.life import Life
from reprise.sandbox.emr.models import Cluster
from reprise.sandbox.emr.store import Store


class Cloud:
    """The clusters that a server has started, also before its last restart."""

    def __init__(self, store: Store, image: Image, faults: Faults) -> None:
        self._store, self._image, self.faults = store, image, faults
        self._lives: dict[str, Life] = {}
        self._lock = threading.Lock()

    def open(self) -> None:
        """Install the image and take up every cluster where it was left."""
        self._image.install()
        for cluster in self._store.load():
            life = Life(cluster, self._image, self._store, self.faults)
            self._lives[cluster.id] = life
            if cluster.ended is None:
                life.resume()

    def close(self) -> None:
        """End every process, and leave the clusters to the next start."""
        for life in self.lives():
            life.close()
        for life in self.lives():
            life.join(5.0)
        self._store.close()

    def run(self, request: dict[str, Any]) -> Cluster:
        """Start a cluster."""
        life = Life(Cluster.from_wire(request), self._image, self._store, self.faults)
        with self._lock:
            self._lives[life.cluster.id] = life
        life.start()
        return life.cluster

    def find(self, cluster_id: str) -> Life | None:
        """Return a cluster's life, or None."""
        with self._lock:
            return self._lives.get(cluster_id)

    def lives(self) -> list[Life]:
        """Return all clusters, newest first."""
        with self._lock:
            return sorted(self._lives.values(), key=lambda life: life.cluster.created, reverse=True)
