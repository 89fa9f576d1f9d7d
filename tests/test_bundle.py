"""The bundle is the package, named by its bytes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

import reprise
from reprise import bundle
from reprise.errors import MissingDataError
from reprise.objects import ObjectStore

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return bundle.build_bundle(tmp_path_factory.mktemp("bundle"))


def wheel_of(built: bundle.Bundle) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(path for name, path in built.files.items() if name.endswith(".whl")))


def test_it_has_what_a_cluster_needs_and_no_more(built):
    expected = {f"reprise-{reprise.__version__}-py3-none-any.whl", "reprise_step.py", bundle.LOCK, "bootstrap.sh"}

    assert expected == set(built.files)
    assert (ROOT / "requirements-emr.txt").read_bytes() == built.files[bundle.LOCK].read_bytes()


def test_the_wheel_is_the_package_without_the_rooms_of_the_worker(built):
    package = ROOT / "include" / "reprise"
    tracked = subprocess.run(["git", "ls-files", "."], cwd=package, capture_output=True, text=True, check=True)
    expected = {f"reprise/{name}" for name in tracked.stdout.split() if name.split("/")[0] not in bundle.LEFT_OUT}

    with wheel_of(built) as wheel:
        names = set(wheel.namelist())

    assert expected - names == set()
    assert not [name for name in names if re.match(r"reprise/(sandbox|lifecycle)/|.*__pycache__|deployments", name)]


def test_the_wheels_record_holds_for_every_file(built):
    with wheel_of(built) as wheel:
        record = wheel.read(f"reprise-{reprise.__version__}.dist-info/RECORD").decode().splitlines()
        sums = {
            name: urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest()).rstrip(b"=").decode()
            for name in wheel.namelist()
        }

    rows = [line.split(",") for line in record]
    assert set(sums) == {name for name, _, _ in rows}
    assert [name for name, digest, _ in rows if digest and digest != f"sha256={sums[name]}"] == []


def test_the_same_code_gives_the_same_bytes(built, tmp_path):
    again = bundle.build_bundle(tmp_path)

    assert built.digest == again.digest == bundle.installed_digest()
    assert {n: p.read_bytes() for n, p in built.files.items()} == {n: p.read_bytes() for n, p in again.files.items()}


@pytest.mark.parametrize("changed", ["include/reprise/lake.py", "requirements-emr.txt", "include/reprise/bootstrap.sh"])
def test_any_change_to_what_is_shipped_gives_another_digest(built, tmp_path, changed):
    copy = copy_of_the_checkout(tmp_path)
    same = digest_in(copy)
    with (copy / changed).open("a") as file:
        file.write("# changed\n")

    assert built.digest == same
    assert same != digest_in(copy)


def test_a_change_to_the_sandbox_gives_the_same_digest(tmp_path):
    copy = copy_of_the_checkout(tmp_path)
    before = digest_in(copy)
    (copy / "include/reprise/sandbox/__init__.py").write_text("changed = True\n")

    assert before == digest_in(copy)


def copy_of_the_checkout(folder: Path) -> Path:
    shutil.copytree(ROOT / "include", folder / "include", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "requirements-emr.txt", folder)
    return folder


def digest_in(checkout: Path) -> str:
    """Return the digest that a Reprise installed from this checkout gives."""
    code = "from reprise.bundle import installed_digest as d; print(d())"
    environment = os.environ | {"PYTHONPATH": str(checkout / "include"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_the_lock_it_says_how_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "_PACKAGE", tmp_path / "lib" / "reprise")

    with pytest.raises(MissingDataError, match="install Reprise from its checkout"):
        bundle.installed_digest()


def test_uploading_is_done_once_per_digest(built, tmp_path):
    address = bundle.upload_bundle(built, f"{tmp_path}/lake/")
    first = ObjectStore(address).list()
    again = bundle.upload_bundle(built, f"{tmp_path}/lake")

    assert f"{tmp_path}/lake/bundles/{built.digest}" == address == again
    assert set(built.files) == set(first)
    assert first == ObjectStore(address).list()


def test_the_lock_is_the_main_locks_and_has_neither_spark_nor_airflow():
    def pins(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for package, version in re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE):
            found.setdefault(package, set()).add(version)
        return found

    ours, main = pins("requirements-emr.txt"), pins("requirements.txt")

    assert {name: versions for name, versions in ours.items() if not versions <= main.get(name, set())} == {}
    assert {"pyspark", "apache-airflow", "mlflow", "uvicorn"} & set(ours) == set()


@pytest.mark.services
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_wheelhouse_has_the_clusters_wheels_and_the_same_digest(tmp_path, monkeypatch, machine):
    """With one small compiled package of the lock in place of all of them."""
    package = tmp_path / "include" / "reprise"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "include" / "reprise" / "bootstrap.sh", package)
    block = re.search(r"^kiwisolver==(?:.*\\\n)+.*\n", (ROOT / bundle.LOCK).read_text(), re.MULTILINE)
    (tmp_path / bundle.LOCK).write_text(block[0])
    monkeypatch.setattr(bundle, "_PACKAGE", package)

    with_wheels = bundle.build_bundle(tmp_path / "with", wheelhouse=machine)

    (wheel,) = [name for name in with_wheels.files if name.startswith("wheelhouse/")]
    assert wheel.startswith("wheelhouse/kiwisolver-")
    assert machine in wheel
    assert with_wheels.digest == bundle.build_bundle(tmp_path / "without").digest
