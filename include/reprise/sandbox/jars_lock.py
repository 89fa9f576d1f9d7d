"""Makes ``jars.lock`` anew from the coordinates below, by Maven: ``python -m reprise.sandbox.jars_lock``.

Only who changes a version needs this (and Maven 3.8 or newer); everybody else reads the lock.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from reprise.sandbox.jars import LOCK

# artifact coordinates: group:artifact:version[:classifier]
ROOTS: dict[str, list[str]] = {
    "s3proxy": ["org.gaul:s3proxy:4.1.0:jar-with-dependencies"],
    "s3a": [
        "org.apache.hadoop:hadoop-aws:3.3.4",
        *(f"com.amazonaws:aws-java-sdk-{part}:1.12.262" for part in ("core", "s3", "sts", "dynamodb")),
    ],
    "solr": ["org.apache.solr:solr-core:8.11.4", "org.apache.solr:solr-ltr:8.11.4"],
}
# 280 MB of which S3A needs three parts; and what Spark's own jars folder holds already, newer.
LEFT_OUT = {"com.amazonaws:aws-java-sdk-bundle"}
SPARK_HAS = {"commons-codec", "commons-logging", "httpclient", "httpcore", "joda-time"}
SPARK_HAS |= {"jackson-core", "jackson-annotations", "jackson-databind"}


def _pom(roots: list[str]) -> str:
    def tags(**fields: str) -> str:
        return "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in fields.items())

    exclusions = "".join(
        f"<exclusion>{tags(groupId=name.split(':')[0], artifactId=name.split(':')[1])}</exclusion>"
        for name in sorted(LEFT_OUT)
    )
    dependencies = []
    for root in roots:
        group, artifact, version, *classifier = root.split(":")
        fields = {"groupId": group, "artifactId": artifact, "version": version}
        if classifier:  # a self-contained jar: its pom's dependencies are inside it
            fields["classifier"] = classifier[0]
        left_out = "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>" if classifier else exclusions
        dependencies.append(f"<dependency>{tags(**fields)}<exclusions>{left_out}</exclusions></dependency>")
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"{tags(groupId='reprise', artifactId='jars', version='1')}"
        f"<dependencies>{''.join(dependencies)}</dependencies></project>"
    )


def _closure(roots: list[str]) -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pom.xml").write_text(_pom(roots), encoding="utf-8")
        repository = Path(folder) / "repository"
        options = [f"-Dmaven.repo.local={repository}", "-Dmdep.outputFile=cp.txt", "-DincludeScope=runtime"]
        subprocess.run(["mvn", "-q", "-B", *options, "dependency:build-classpath"], cwd=folder, check=True)
        found = (Path(folder) / "cp.txt").read_text(encoding="utf-8").strip().split(":")
        return [(str(Path(path).relative_to(repository)), Path(path).read_bytes()) for path in found]


def main() -> None:
    """Write the lock: the runtime closure of every group, in Maven's class path order."""
    lines = ["# Made by `python -m reprise.sandbox.jars_lock`; do not edit.", "# group path sha256 size"]
    for group, roots in ROOTS.items():
        for path, content in _closure(roots):
            if group == "s3a" and path.split("/")[-3] in SPARK_HAS:
                continue
            lines.append(f"{group} {path} {hashlib.sha256(content).hexdigest()} {len(content)}")
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
