"""The few calls to EMR that a run needs; refusals become one line that names the cluster and the remedy."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reprise import aws
from reprise.errors import ServiceError, UsageError
from reprise.objects import ObjectStore

log = logging.getLogger(__name__)

LIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
#: A step in one of these is the step a retry wants; the others failed or were cancelled.
REATTACH = ("PENDING", "RUNNING", "COMPLETED")
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED")
TAIL_LINES = 20


@contextmanager
def plain_errors(what: str) -> Iterator[None]:
    """Turn boto's errors into one line saying what was asked of EMR."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in ("InvalidRequestException", "ValidationException"):
            raise UsageError(
                f"EMR refused to {what}: {message}",
                "if the cluster is gone, clear the task open_cluster with its downstream; else correct emr.yaml",
            ) from error
        raise ServiceError(f"EMR could not {what}: {code}: {message}", "check the rights and limits of AWS") from error
    except BotoCoreError as error:
        raise ServiceError(f"EMR does not answer ({what}): {error}", "start it, or correct AWS_ENDPOINT_URL") from error


def find_clusters(name: str) -> list[str]:
    """Return the ids of all live clusters of a name, oldest first."""
    with plain_errors(f"list clusters named {name}"):
        pages = aws.client("emr").get_paginator("list_clusters").paginate(ClusterStates=LIVE)
        found = [c for page in pages for c in page["Clusters"] if c["Name"] == name]
    return [c["Id"] for c in sorted(found, key=lambda c: str(c["Status"].get("Timeline", {}).get("CreationDateTime")))]


def open_cluster(request: dict[str, Any]) -> str:
    """Return the id of the live cluster of the request's name, started now if there is none."""
    if found := find_clusters(request["Name"]):
        log.info("cluster %s (%s) is open already", found[0], request["Name"])
        return found[0]
    with plain_errors(f"open cluster {request['Name']}"):
        opened = str(aws.client("emr").run_job_flow(**request)["JobFlowId"])
    log.info("opened cluster %s (%s)", opened, request["Name"])
    return opened


def close_clusters(name: str) -> list[str]:
    """Terminate every live cluster of a name and return their ids."""
    found = find_clusters(name)
    if found:
        with plain_errors(f"terminate {', '.join(found)}"):
            aws.client("emr").terminate_job_flows(JobFlowIds=found)
        log.info("terminated %s (%s)", ", ".join(found), name)
    return found


def submit_step(cluster: str, request: dict[str, Any], *, before_submit: Any = None) -> str:
    """Return the id of the step of the request's name: one that is under way or done, else a new one.

    ``before_submit`` runs only where a new one is made.
    """
    with plain_errors(f"list the steps of {cluster}"):
        pages = aws.client("emr").get_paginator("list_steps").paginate(ClusterId=cluster)
        steps = [s for page in pages for s in page["Steps"] if s["Name"] == request["Name"]]
    for step in steps:
        if step["Status"]["State"] in REATTACH:
            log.info("step %s (%s) is %s: reattached", step["Id"], step["Name"], step["Status"]["State"])
            return str(step["Id"])
    if before_submit:
        before_submit()
    with plain_errors(f"add step {request['Name']} to {cluster}"):
        step_id = str(aws.client("emr").add_job_flow_steps(JobFlowId=cluster, Steps=[request])["StepIds"][0])
    log.info("submitted step %s (%s) to %s", step_id, request["Name"], cluster)
    return step_id


def step_status(cluster: str, step_id: str) -> dict[str, str]:
    """Return a step's state and, where it failed, EMR's reason and the address of the log that holds it."""
    with plain_errors(f"describe step {step_id} of {cluster}"):
        status = aws.client("emr").describe_step(ClusterId=cluster, StepId=step_id)["Step"]["Status"]
    details = status.get("FailureDetails") or {}
    reason = details.get("Message") or details.get("Reason") or status.get("StateChangeReason", {}).get("Message", "")
    return {"state": status["State"], "reason": str(reason or ""), "log": str(details.get("LogFile") or "")}


def cancel_step(cluster: str, step_id: str) -> None:
    """Cancel a step and its processes; one that has ended is left alone."""
    with plain_errors(f"cancel step {step_id} of {cluster}"):
        aws.client("emr").cancel_steps(ClusterId=cluster, StepIds=[step_id], StepCancellationOption="TERMINATE_PROCESS")
    log.info("cancelled step %s of %s", step_id, cluster)


def log_tail(uri: str) -> str:
    """Return the last lines of a step's log, or nothing where EMR has not put it there (yet)."""
    folder, _, name = uri.rpartition("/")
    try:
        packed = ObjectStore(folder).get(name)
        content = gzip.decompress(packed) if packed is not None else b""
    except (OSError, EOFError, ServiceError, UsageError):  # a missing log never hides why the step failed
        return ""
    return "\n".join(content.decode("utf-8", "replace").strip().splitlines()[-TAIL_LINES:])
