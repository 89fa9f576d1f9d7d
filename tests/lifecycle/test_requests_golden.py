"""Every rendered EMR request, word for word; ``REBUILD_GOLDEN=1 pytest tests/lifecycle`` writes them anew."""

import json
import os
from dataclasses import replace

import pytest

from builders.airflow_process import ROOT
from reprise.lifecycle.cluster import cluster_request, log_uri, scaled, step_logs_uri, step_name, step_request
from reprise.plan import Plan, lay_blocks
from reprise.settings import load_deployment

GOLDEN = ROOT / "tests" / "golden"
DAYS = [f"2026-09-{n:02d}" for n in range(1, 28)]
STEPS = [
    ("extract", None),
    ("judge", None),
    ("featurize", None),
    ("train", "linear"),
    ("train", "lambdamart"),
    ("evaluate", None),
    ("behaviour", None),
]


def demo_plan(emr=None):
    """Return a plan of the demo with these settings of emr.yaml changed."""
    deployment = load_deployment(str(ROOT / "include" / "deployments" / "demo"))
    if emr:
        deployment = deployment.model_copy(update={"emr": deployment.emr.model_copy(update=emr)})
    return Plan(
        run="0123456789ab",
        deployment=deployment,
        lake="s3://reprise-lake/demo",
        days=DAYS,
        blocks=lay_blocks(DAYS, deployment.gate.blocks),
        families=["linear", "lambdamart"],
        solr_urls=["http://solr.example:8983/solr"],
        bundle="fedcba9876543210",
    )


def same_as_golden(name, request):
    path, text = GOLDEN / f"{name}.json", json.dumps(request, indent=1) + "\n"
    if os.environ.get("REBUILD_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "if this is what you want: REBUILD_GOLDEN=1, and read the diff"


@pytest.mark.parametrize(("command", "family"), STEPS, ids=lambda word: word or "")
def test_step(command, family):
    same_as_golden("-".join(filter(None, ("step", command, family))), step_request(demo_plan(), command, family))


def test_xgboosts_workers_stand_all_at_once():
    """So the step asks for as many executors as there are workers, and keeps them; other families' steps do not."""
    plan = demo_plan()
    spread = plan.deployment.gate.lambdamart.model_copy(update={"engine": "xgboost", "workers": 4, "worker_cores": 2})
    gate = plan.deployment.gate.model_copy(update={"lambdamart": spread})
    plan = replace(plan, deployment=plan.deployment.model_copy(update={"gate": gate}))

    same_as_golden("step-train-lambdamart-xgboost", step_request(plan, "train", "lambdamart"))
    assert step_request(plan, "train", "linear") == step_request(demo_plan(), "train", "linear")


def test_cluster_of_the_demo():
    same_as_golden("cluster-demo", cluster_request(demo_plan(), "s3://reprise-lake/bundles/fedcba9876543210"))


def test_cluster_in_production():
    """Spot for task nodes, a subnet and a log folder of its own."""
    emr = {
        "task_instances": 4,
        "core_instances": 2,
        "subnet_id": "subnet-0a1b2c",
        "log_uri": "s3://our-logs/emr/",
        "idle_timeout_s": 600,
    }

    same_as_golden("cluster-production", cluster_request(demo_plan(emr), "s3://reprise-lake/bundles/fedcba9876543210"))


def test_the_application_master_stays_off_spot():
    request = cluster_request(demo_plan({"task_instances": 4}), "s3://b/bundles/1")
    markets = {group["InstanceRole"]: group["Market"] for group in request["Instances"]["InstanceGroups"]}

    assert markets == {"MASTER": "ON_DEMAND", "CORE": "ON_DEMAND", "TASK": "SPOT"}
    assert request["Configurations"][0]["Properties"]["yarn.node-labels.am.default-node-label-expression"] == "CORE"


def test_no_address_or_secret_among_the_arguments():
    words = " ".join(step_request(demo_plan(), "featurize")["HadoopJarStep"]["Args"])

    assert "solr.example" not in words
    assert "mlflow" not in words.lower()


def test_a_step_is_found_again_by_its_name():
    plan = demo_plan()

    assert step_name("train", plan.run, "linear") == step_request(plan, "train", "linear")["Name"]
    assert step_name("judge", plan.run) == "judge-0123456789ab"


def test_logs_are_where_the_cluster_puts_them():
    plan = demo_plan({"log_uri": "s3://our-logs/emr/"})

    assert log_uri(plan) == "s3://our-logs/emr"
    assert step_logs_uri(plan, "j-1", "s-2") == "s3://our-logs/emr/j-1/steps/s-2"


@pytest.mark.parametrize(
    ("memory", "rows", "expected"),
    [("1g", 0, "1g"), ("1g", 4_999_999, "1g"), ("1g", 5_000_000, "2g"), ("512m", 12_000_000, "1536m"),
     ("4g", 10**9, "32g")],
)  # fmt: skip
def test_memory_grows_with_the_rows_a_step_holds(memory, rows, expected):
    assert scaled(memory, rows) == expected
