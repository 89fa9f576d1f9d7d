"""The rooms' rules: who may import what, how large a module may grow, what may never be named."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "include" / "reprise"
STAGES = ("searches", "judgments", "features", "training", "gate", "release")
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return every module that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def at_import_time(path: Path) -> set[str]:
    """Return what a file imports when it is itself imported: outside functions and type checking."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def stage_imports(path: Path) -> set[str]:
    return {s for s in STAGES for m in imported(path) if m == f"reprise.{s}" or m.startswith(f"reprise.{s}.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_keep_to_the_rooms(path):
    """metrics, solr and tracking know no stage; Airflow and Spark stay where they belong."""
    here, names = room(path), imported(path)
    airflow = {n for n in names if n.split(".")[0] == "airflow"}
    spark = {n for n in names if n.split(".")[0] == "pyspark"}

    if here in ("metrics", "solr", "tracking"):
        assert stage_imports(path) == set(), "move what needs a stage into the stage, or pass it in"
    if here != "lifecycle":
        assert airflow == set(), "only lifecycle/, dags/ and plugins/ import Airflow"
    if here not in (*STAGES[:4], "spark", "sandbox"):  # the sandbox finds the cluster image's Spark
        assert spark == set(), "only stage rooms and spark.py import Spark"


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_reads_only_what_stands_to_its_left(stage):
    """The flow has one direction."""
    right = set(STAGES[STAGES.index(stage) + 1 :])
    if stage == "training":
        right -= {"release"}  # a candidate is the release's own noun
    backwards = {p.name: stage_imports(p) & right for p in (PACKAGE / stage).rglob("*.py")}

    assert {name: wrong for name, wrong in backwards.items() if wrong} == {}


def test_dag_files_load_nothing_heavy():
    """Parsing happens every thirty seconds; pandas, MLflow, Spark and LightGBM are for tasks."""
    heavy = {"pandas", "mlflow", "pyspark", "lightgbm", "numpy", "pyarrow", "matplotlib", "scipy"}
    files = [*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").glob("*.py"), *(PACKAGE / "lifecycle").glob("*.py")]

    assert {f.name: at_import_time(f) & heavy for f in files if at_import_time(f) & heavy} == {}


def test_modules_are_one_idea_each():
    """About 300 lines; 350 is where a module is split."""
    lines = {str(p.relative_to(PACKAGE)): len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}

    assert {name: n for name, n in lines.items() if n > 350} == {}


def test_no_registry_and_no_machine_is_named():
    """A clone works behind any mirror and in any folder."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = r"repo1?\.maven|maven\.org|pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|/work/|\.\./shared"
    allowed = {"tests/test_rooms.py", ".ci/run"}
    named = {
        name: sorted(set(re.findall(hosts, (ROOT / name).read_text(encoding="utf-8", errors="ignore"))))
        for name in tracked
        if name not in allowed and (ROOT / name).is_file() and not name.endswith((".png", ".gz"))
    }

    assert {name: found for name, found in named.items() if found} == {}
