"""What EMR is asked for, as pure functions of plan and ``emr.yaml``; golden files in tests hold every request."""

from __future__ import annotations

import re
from typing import Any

from reprise.bundle import ENTRY, PYTHON
from reprise.plan import Plan
from reprise.settings import Emr

#: A step with so many rows to hold gets one more of its base memory.
ROWS_PER_SHARE = 5_000_000
MAX_SHARES = 8


def cluster_name(deployment: str, run: str) -> str:
    """Return the name by which a run's cluster is found again."""
    return f"reprise-{deployment}-{run}"


def step_name(command: str, run: str, family: str | None = None) -> str:
    """Return the name by which a step is found again."""
    return "-".join(part for part in (command, family, run) if part)


def verdict_uri(plan: Plan, step: str) -> str:
    """Return where a step writes its answer."""
    return f"{plan.lake}/runs/{plan.run}/verdicts/{step}.json"


def plan_uri(plan: Plan) -> str:
    """Return the plan's own address."""
    return f"{plan.lake}/runs/{plan.run}/plan.json"


def log_uri(plan: Plan) -> str:
    """Return where the cluster puts logs, without a trailing slash."""
    return (plan.deployment.emr.log_uri or f"{plan.lake}/emr-logs").rstrip("/")


def step_logs_uri(plan: Plan, cluster: str, step_id: str) -> str:
    """Return the folder of one step's logs."""
    return f"{log_uri(plan)}/{cluster}/steps/{step_id}"


def cluster_request(plan: Plan, bundle_uri: str) -> dict[str, Any]:
    """Return the RunJobFlow request of a run.

    The application master keeps to core nodes, which are on demand: a Spot node that is taken away costs some
    tasks, never the step. A cluster that nobody closes ends itself after ``idle_timeout_s``.
    """
    emr = plan.deployment.emr
    return {
        "Name": cluster_name(plan.deployment.name, plan.run),
        "ReleaseLabel": emr.release_label,
        "LogUri": f"{log_uri(plan)}/",
        "ServiceRole": emr.service_role,
        "JobFlowRole": emr.job_flow_role,
        "Applications": [{"Name": "Spark"}],
        "Instances": _instances(emr),
        "StepConcurrencyLevel": emr.step_concurrency,
        "AutoTerminationPolicy": {"IdleTimeout": emr.idle_timeout_s},
        "BootstrapActions": [
            {
                "Name": "reprise",
                "ScriptBootstrapAction": {"Path": f"{bundle_uri}/bootstrap.sh", "Args": [bundle_uri]},
            }
        ],
        "Configurations": [
            {
                "Classification": "yarn-site",
                "Properties": {
                    "yarn.node-labels.enabled": "true",
                    "yarn.node-labels.am.default-node-label-expression": "CORE",
                },
            }
        ],
        "Tags": [
            {"Key": "reprise:deployment", "Value": plan.deployment.name},
            {"Key": "reprise:run", "Value": plan.run},
        ],
        "VisibleToAllUsers": True,
    }


def _instances(emr: Emr) -> dict[str, Any]:
    groups = [
        _group("primary", "MASTER", emr.core_instance_type, 1, "ON_DEMAND"),
        _group("core", "CORE", emr.core_instance_type, emr.core_instances, "ON_DEMAND"),
    ]
    if emr.task_instances:
        groups.append(_group("task", "TASK", emr.task_instance_type, emr.task_instances, "SPOT"))
    instances = {"InstanceGroups": groups, "KeepJobFlowAliveWhenNoSteps": True, "TerminationProtected": False}
    return instances | ({"Ec2SubnetId": emr.subnet_id} if emr.subnet_id else {})


def _group(name: str, role: str, kind: str, count: int, market: str) -> dict[str, Any]:
    return {"Name": name, "InstanceRole": role, "InstanceType": kind, "InstanceCount": count, "Market": market}


def step_request(plan: Plan, command: str, family: str | None = None, rows: int = 0) -> dict[str, Any]:
    """Return one step of AddJobFlowSteps; ``rows`` is how many the step's inputs hold, by their manifests.

    With a step concurrency above one EMR takes no other ``ActionOnFailure`` than CONTINUE. Neither addresses of
    services nor secrets are among the arguments.
    """
    emr, name = plan.deployment.emr, step_name(command, plan.run, family)
    submit = [
        "spark-submit",
        *("--deploy-mode", "cluster", "--master", "yarn", "--name", name),
        *("--driver-memory", scaled(emr.driver_memory, rows)),
        *("--executor-memory", scaled(emr.executor_memory, rows)),
        *_executors(plan, family),
        *("--conf", "spark.yarn.maxAppAttempts=1"),
        *("--conf", f"spark.pyspark.python={PYTHON}"),
    ]
    stage = [ENTRY, command, "--plan", plan_uri(plan), "--verdict", verdict_uri(plan, name)]
    stage += ["--family", family] if family else []
    return {
        "Name": name,
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": submit + stage},
    }


def _executors(plan: Plan, family: str | None) -> list[str]:
    """Return how many executors a step may have; XGBoost's workers stand all at once, so theirs are fixed."""
    settings: Any = getattr(plan.deployment.gate, family) if family else None
    if settings is None or getattr(settings, "engine", "") != "xgboost":
        return ["--conf", f"spark.dynamicAllocation.maxExecutors={plan.deployment.emr.max_executors}"]
    cores = str(settings.worker_cores)
    fixed = {
        "spark.dynamicAllocation.enabled": "false",
        "spark.executor.instances": str(settings.workers),
        "spark.executor.cores": cores,
        "spark.task.cpus": cores,
    }
    return [part for name, value in fixed.items() for part in ("--conf", f"{name}={value}")]


def scaled(memory: str, rows: int) -> str:
    """Return a Spark memory size, raised by one base share per ``ROWS_PER_SHARE`` rows, to at most eight."""
    found = re.fullmatch(r"(\d+)([mg])", memory)
    if not found:
        return memory
    return f"{int(found[1]) * min(MAX_SHARES, 1 + rows // ROWS_PER_SHARE)}{found[2]}"
