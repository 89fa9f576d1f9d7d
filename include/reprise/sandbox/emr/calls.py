"""The actions of EMR's API that the sandbox implements: what each accepts, changes and returns.

``ACTIONS`` is the whole list; docs/sandbox-emr.md shows the same one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from reprise.sandbox.emr.cloud import Cloud
from reprise.sandbox.emr.life import Life
from reprise.sandbox.emr.models import ARN, Step
from reprise.sandbox.emr.protocol import invalid, refused

Wire = dict[str, Any]
_PAGE = 50
_MOST_STEPS = 256


def run_job_flow(cloud: Cloud, request: Wire) -> Wire:
    """Start a cluster, with its first steps."""
    policy = request.get("AutoTerminationPolicy") or {}
    if not 60 <= policy.get("IdleTimeout", 60) <= 604800:
        raise refused("The idle timeout of an auto-termination policy must be from 60 to 604800 seconds.")
    concurrency = request.get("StepConcurrencyLevel", 1)
    if not 1 <= concurrency <= _MOST_STEPS:
        raise refused("StepConcurrencyLevel must be from 1 to 256.")
    _check_steps(request.get("Steps") or [], concurrency, queued=0)
    cluster = cloud.run(request)
    return {"JobFlowId": cluster.id, "ClusterArn": ARN + cluster.id}


def add_job_flow_steps(cloud: Cloud, request: Wire) -> Wire:
    """Queue steps on a cluster that lives, be it starting, running or waiting."""
    life = _job_flow(cloud, request["JobFlowId"])
    with life.changing() as cluster:
        if not cluster.live:
            raise refused("A job flow that is shutting down, terminated, or finished may not be modified.")
        queued = sum(step.active for step in cluster.steps)
        _check_steps(request["Steps"], cluster.step_concurrency, queued)
        steps = [Step.from_wire(config) for config in request["Steps"]]
        life.add(steps)
    return {"StepIds": [step.id for step in steps]}


def describe_cluster(cloud: Cloud, request: Wire) -> Wire:
    """Show a cluster."""
    with _cluster(cloud, request["ClusterId"]).seeing() as cluster:
        return {"Cluster": cluster.to_wire()}


def describe_step(cloud: Cloud, request: Wire) -> Wire:
    """Show a step, with the details of its failure."""
    with _cluster(cloud, request["ClusterId"]).seeing() as cluster:
        step = cluster.step(request["StepId"])
        if step is None:
            raise invalid(f"Step id '{request['StepId']}' is not valid.")
        return {"Step": step.to_wire()}


def list_steps(cloud: Cloud, request: Wire) -> Wire:
    """List a cluster's steps, the newest first, 50 to a page."""
    wanted, states = request.get("StepIds") or [], request.get("StepStates") or []
    if len(wanted) > 10:
        raise invalid("Only up to 10 step ids may be given.")
    with _cluster(cloud, request["ClusterId"]).seeing() as cluster:
        steps = [step.to_wire() for step in reversed(cluster.steps) if not wanted or step.id in wanted]
    steps = [step for step in steps if not states or step["Status"]["State"] in states]
    return _page("Steps", steps, request.get("Marker"))


def list_clusters(cloud: Cloud, request: Wire) -> Wire:
    """List clusters, the newest first, 50 to a page."""
    states = request.get("ClusterStates") or []
    after, before = request.get("CreatedAfter", 0.0), request.get("CreatedBefore", float("inf"))
    found = []
    for life in cloud.lives():
        with life.seeing() as cluster:
            if after <= cluster.created <= before and (not states or cluster.state in states):
                found.append(cluster.summary())
    return _page("Clusters", found, request.get("Marker"))


def cancel_steps(cloud: Cloud, request: Wire) -> Wire:
    """Cancel pending and running steps; one that has ended is reported as FAILED to cancel."""
    life = _cluster(cloud, request["ClusterId"])
    force = request.get("StepCancellationOption") == "TERMINATE_PROCESS"
    answers = []
    for step_id in request["StepIds"]:
        with life.changing() as cluster:
            step = cluster.step(step_id)
            if step is None:
                raise invalid(f"Step id '{step_id}' is not valid.")
            if step.active:
                life.cancel(step, force=force)
                answers.append({"StepId": step_id, "Status": "SUBMITTED"})
            else:
                reason = f"Cannot cancel a step that is in the state {step.state}."
                answers.append({"StepId": step_id, "Status": "FAILED", "Reason": reason})
    return {"CancelStepsInfoList": answers}


def terminate_job_flows(cloud: Cloud, request: Wire) -> Wire:
    """Terminate clusters; if one of them is protected the others end, and the call is refused."""
    lives = [_job_flow(cloud, cluster_id) for cluster_id in request["JobFlowIds"]]
    for life in lives:
        if not life.cluster.protected:
            life.terminate("USER_REQUEST", "Terminated by user request")
    if any(life.cluster.protected and life.cluster.live for life in lives):
        raise refused("Could not shut down one or more job flows since they are termination protected.")
    return {}


def set_termination_protection(cloud: Cloud, request: Wire) -> Wire:
    """Protect clusters from termination, or make a protected one terminable again."""
    for life in [_job_flow(cloud, cluster_id) for cluster_id in request["JobFlowIds"]]:
        with life.changing() as cluster:
            cluster.protected = request["TerminationProtected"]
    return {}


ACTIONS: dict[str, Callable[[Cloud, Wire], Wire]] = {
    "RunJobFlow": run_job_flow,
    "AddJobFlowSteps": add_job_flow_steps,
    "DescribeCluster": describe_cluster,
    "DescribeStep": describe_step,
    "ListSteps": list_steps,
    "ListClusters": list_clusters,
    "CancelSteps": cancel_steps,
    "TerminateJobFlows": terminate_job_flows,
    "SetTerminationProtection": set_termination_protection,
}


def _cluster(cloud: Cloud, cluster_id: str) -> Life:
    life = cloud.find(cluster_id)
    if life is None:
        raise invalid(f"Cluster id '{cluster_id}' is not valid.", "NoSuchCluster")
    return life


def _job_flow(cloud: Cloud, cluster_id: str) -> Life:
    # The older actions speak of job flows, and refuse in other words.
    life = cloud.find(cluster_id)
    if life is None:
        raise refused("Specified job flow ID does not exist.")
    return life


def _check_steps(steps: list[Wire], concurrency: int, queued: int) -> None:
    if queued + len(steps) > _MOST_STEPS:
        raise refused(f"A cluster may have up to {_MOST_STEPS} pending and running steps.")
    wrong = {step["ActionOnFailure"] for step in steps if step.get("ActionOnFailure", "CONTINUE") != "CONTINUE"}
    if concurrency > 1 and wrong:
        raise refused(
            f"The ActionOnFailure setting is not valid: {', '.join(sorted(wrong))}. "
            "With a StepConcurrencyLevel above 1 only CONTINUE is."
        )


def _page(name: str, found: list[Wire], marker: str | None) -> Wire:
    """Return one page; a marker names the last item that has been seen."""
    start = 0
    if marker:
        try:
            last = base64.urlsafe_b64decode(marker).decode()
            start = next(number for number, item in enumerate(found, start=1) if item["Id"] == last)
        except (ValueError, StopIteration):
            raise invalid(f"Marker '{marker}' is not valid.") from None
    page = found[start : start + _PAGE]
    if start + _PAGE >= len(found):
        return {name: page}
    return {name: page, "Marker": base64.urlsafe_b64encode(page[-1]["Id"].encode()).decode()}
