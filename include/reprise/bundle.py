"""What EMR needs of Reprise, as a few files whose digest says exactly which code they are.

    reprise-<version>-py3-none-any.whl   the package without sandbox/ and lifecycle/
    reprise_step.py                      what spark-submit is given: the command line
    requirements-emr.txt                 the lock, with hashes; PySpark is not in it, the cluster brings it
    bootstrap.sh                         builds /home/hadoop/reprise-env on every node
    wheelhouse/                          on request: every wheel of the lock, for clusters without an index

Deployments are not in it: the plan carries the one it is about.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import reprise
from reprise.errors import MissingDataError, ServiceError
from reprise.objects import ObjectStore

#: Rooms that stay on the worker's side.
LEFT_OUT = ("sandbox", "lifecycle")
LOCK = "requirements-emr.txt"
#: What makes a step find its environment and its entry script after bootstrap.sh has run.
PYTHON = "/home/hadoop/reprise-env/bin/python"
ENTRY = "/home/hadoop/reprise/reprise_step.py"
_ENTRY_SCRIPT = b'''"""One stage of Reprise as a Spark application: `reprise_step.py extract --plan s3://...`."""

from reprise.cli import main

main()
'''
_PACKAGE = Path(reprise.__file__).resolve().parent
_WHEEL = f"reprise-{reprise.__version__}-py3-none-any.whl"
# What the lock's wheels may be built for: EMR 7 is Amazon Linux 2023, glibc 2.34. pip takes each tag by its word.
_PLATFORMS = ("manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 35)))


@dataclass(frozen=True)
class Bundle:
    """A built bundle: its digest, and every file by its name within the bundle."""

    digest: str
    files: dict[str, Path]


def build_bundle(destination_dir: Path, wheelhouse: Literal["x86_64", "aarch64"] | None = None) -> Bundle:
    """Write the bundle and return it; the same code gives the same bytes anywhere.

    ``wheelhouse`` is the machine type of a cluster that has no package index. Its wheels are what the lock names
    by hash, so they do not change the digest.
    """
    contents = _contents()
    destination_dir.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (destination_dir / name).write_bytes(content)
    files = {name: destination_dir / name for name in contents}
    if wheelhouse:
        folder = destination_dir / "wheelhouse"
        _download(folder, wheelhouse)
        files |= {f"wheelhouse/{path.name}": path for path in sorted(folder.iterdir())}
    return Bundle(_digest(contents), files)


def upload_bundle(bundle: Bundle, uri: str) -> str:
    """Put the bundle under ``<uri>/bundles/<digest>`` and return that address; what is there already stays.

    ``bootstrap.sh`` goes last, so that a cluster never starts from half a bundle.
    """
    store = ObjectStore(f"{uri.rstrip('/')}/bundles/{bundle.digest}")
    there = store.list()
    for name in sorted(bundle.files, key=lambda name: (name == "bootstrap.sh", name)):
        if name not in there:
            store.put(name, bundle.files[name].read_bytes())
    return store.root


def installed_digest() -> str:
    """Return the digest that a bundle of the package as installed now would have."""
    return _digest(_contents())


def _contents() -> dict[str, bytes]:
    lock = _PACKAGE.parents[1] / LOCK
    if not lock.is_file():
        raise MissingDataError(f"there is no {lock}", "install Reprise from its checkout: `pip install -e .`")
    return {
        _WHEEL: _wheel(),
        "reprise_step.py": _ENTRY_SCRIPT,
        LOCK: lock.read_bytes(),
        "bootstrap.sh": (_PACKAGE / "bootstrap.sh").read_bytes(),
    }


def _digest(contents: dict[str, bytes]) -> str:
    """Return 16 hex digits of a SHA-256 over the names and contents."""
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))
    return hashlib.sha256(sums.encode()).hexdigest()[:16]


def _wheel() -> bytes:
    """Return the package as a wheel; stored, not deflated, with fixed times, so that its bytes are its code."""
    info = f"reprise-{reprise.__version__}.dist-info"
    files = {f"reprise/{name}": content for name, content in _package_files().items()}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: reprise\nVersion: {reprise.__version__}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: reprise\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            archive.writestr(entry, content)
    return buffer.getvalue()


def _package_files() -> dict[str, bytes]:
    files = {}
    for path in sorted(_PACKAGE.rglob("*")):
        parts = path.relative_to(_PACKAGE).parts
        if path.is_file() and parts[0] not in LEFT_OUT and "__pycache__" not in parts:
            files["/".join(parts)] = path.read_bytes()
    return files


def _record(files: dict[str, bytes], itself: str) -> bytes:
    """Return a wheel's RECORD (PEP 376): each file with its hash and size, and itself with neither."""
    lines = []
    for name, content in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return ("".join(lines) + f"{itself},,\n").encode()


def _download(folder: Path, machine: str) -> None:
    """Fetch every wheel of the lock for a cluster's machine type."""
    options = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--python-version=3.11", "--dest", str(folder)]
    lock = str(_PACKAGE.parents[1] / LOCK)
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, "-r", lock]
    command += [f"--platform={platform}_{machine}" for platform in _PLATFORMS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(
            f"the wheelhouse for {machine} could not be filled: {done.stderr.strip()}",
            "check the package index, or leave the wheelhouse out",
        )
