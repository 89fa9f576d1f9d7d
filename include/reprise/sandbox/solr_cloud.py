"""A SolrCloud on this machine: ZooKeeper and two nodes, each a process of its own, from the same jars as the sandbox's.

The tests prove the release protocol on it; the demo serves from one standalone node.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from reprise.errors import ServiceError
from reprise.sandbox.jars import jar_paths
from reprise.sandbox.ports import free_ports
from reprise.sandbox.services import java
from reprise.sandbox.solr_server import FILES, render_configset, server_command

_START_S = 90.0
_POLL_S = 0.2


@dataclass
class SolrCloud:
    """Two running nodes; ``nodes`` are their base addresses, ``zookeeper`` the ensemble's (host:port)."""

    folder: Path
    ports: list[int]
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def nodes(self) -> list[str]:
        """The nodes' base addresses."""
        return [f"http://127.0.0.1:{port}/solr" for port in self.ports[1:]]

    @property
    def zookeeper(self) -> str:
        """Where ZooKeeper listens."""
        return f"127.0.0.1:{self.ports[0]}"

    def start(self, *numbers: int) -> None:
        """Ensure nodes run and answer."""
        for number in numbers:
            self._launch(number)
        for number in numbers:
            _wait(f"{self.nodes[number]}/admin/info/system", self.folder / f"node-{number}.log")

    def _launch(self, number: int) -> None:
        if f"node-{number}" in self._processes:
            return
        port, home = self.ports[number + 1], self.folder / f"node-{number}"
        home.mkdir(exist_ok=True)
        (home / "solr.xml").write_text((FILES / "solr_cloud.xml").read_text(encoding="utf-8"), encoding="utf-8")
        command = server_command(java(), home, port)
        self._run(f"node-{number}", [*command[:1], f"-DzkHost={self.zookeeper}", *command[1:]])

    def kill(self, number: int) -> None:
        """End a node as a power cut would."""
        process = self._processes.pop(f"node-{number}")
        process.kill()
        process.wait()

    def create_collection(self, name: str, replicas: int = 2, shards: int = 1, trusted: bool = False) -> None:
        """Ensure a collection exists, with a configset of its own and replicas on different nodes.

        A ``trusted`` configset is loaded by Solr's command line; then nobody without a log-in may alter it.
        """
        conf = render_configset("8.11", self.folder / f"conf-{name}")
        load = self._load_configset if trusted else self._upload_configset
        load(name, conf)
        asked = {"action": "CREATE", "name": name, "numShards": shards, "replicationFactor": replicas}
        self.admin(**asked, **{"collection.configName": name, "maxShardsPerNode": 4})

    def remove_collection(self, name: str) -> None:
        """Ensure a collection and its configset are gone."""
        self.admin(action="DELETE", name=name)
        httpx.get(f"{self.nodes[0]}/admin/configs", params={"action": "DELETE", "name": name}, timeout=60)

    def admin(self, **params: object) -> None:
        """Do something to collections; what Solr refuses is a ServiceError."""
        answer = httpx.get(f"{self.nodes[0]}/admin/collections", params={**params}, timeout=120)  # type: ignore[dict-item]
        if answer.status_code != 200:
            raise ServiceError(f"SolrCloud refused {params}: {answer.text[:300]}", f"see {self.folder}/node-0.log")

    def close(self) -> None:
        """End all processes."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()

    def _start_zookeeper(self) -> None:
        data = self.folder / "zookeeper"
        data.mkdir()
        settings = self.folder / "zoo.cfg"
        settings.write_text(
            f"tickTime=1000\ndataDir={data}\nclientPort={self.ports[0]}\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n",
            encoding="utf-8",
        )
        class_path = ":".join(map(str, jar_paths("solr")))
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        log4j = f"-Dlog4j2.configurationFile={FILES / 'log4j2.xml'}"
        self._run("zookeeper", [str(java()), "-Xmx128m", log4j, "-cp", class_path, main, str(settings)])

    def _load_configset(self, name: str, conf: Path) -> None:
        class_path = ":".join(map(str, jar_paths("solr")))
        command = [str(java()), "-cp", class_path, "org.apache.solr.cloud.ZkCLI", "-zkhost", self.zookeeper]
        subprocess.run(
            [*command, "-cmd", "upconfig", "-confdir", str(conf), "-confname", name],
            check=True,
            capture_output=True,
        )

    def _upload_configset(self, name: str, conf: Path) -> None:
        import io
        import zipfile

        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(conf.iterdir()):
                archive.write(file, file.name)
        answer = httpx.post(
            f"{self.nodes[0]}/admin/configs",
            params={"action": "UPLOAD", "name": name, "overwrite": "true"},
            content=packed.getvalue(),
            headers={"Content-Type": "application/octet-stream"},
            timeout=60,
        )
        if answer.status_code != 200:
            raise ServiceError(f"SolrCloud refused a configset: {answer.text[:300]}", f"see {self.folder}/node-0.log")

    def _run(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)


@contextmanager
def solr_cloud(folder: Path) -> Iterator[SolrCloud]:
    """Start ZooKeeper and two nodes on free ports, everything they write in ``folder``; end them afterwards."""
    cloud = SolrCloud(folder, free_ports(3))
    try:
        cloud._start_zookeeper()
        cloud.start(0, 1)
        yield cloud
    finally:
        cloud.close()


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).status_code == 200:
                return
        time.sleep(_POLL_S)
    raise ServiceError(f"{url} does not answer after {_START_S:.0f} s", f"see {log}")
