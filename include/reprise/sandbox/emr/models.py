"""Clusters and steps: their states, and the form in which EMR describes them.

States, reason codes and field names are EMR's own (API version 2009-03-31); times are epoch seconds.
"""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import asdict, dataclass, field
from typing import Any

CLUSTER_LIVE = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
CLUSTER_ENDED = ("TERMINATED", "TERMINATED_WITH_ERRORS")
STEP_ACTIVE = ("PENDING", "CANCEL_PENDING", "RUNNING")
ARN = "arn:aws:elasticmapreduce:us-east-1:000000000000:cluster/"
#: What RunJobFlow takes and DescribeCluster gives back unchanged; the sandbox does nothing with it.
ECHOED = (
    "ReleaseLabel", "Applications", "Configurations", "Tags", "ServiceRole", "AutoScalingRole", "ScaleDownBehavior",
    "SecurityConfiguration", "CustomAmiId", "EbsRootVolumeSize", "RepoUpgradeOnBoot", "OSReleaseLabel",
)  # fmt: skip


def new_id(prefix: str) -> str:
    """Return a fresh identifier in EMR's form, e.g. ``j-2AXXXXXXGAPLF``."""
    return f"{prefix}-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13))


@dataclass
class Step:
    """One step: what it runs, and what has become of it."""

    id: str
    name: str
    action_on_failure: str
    jar: str
    args: list[str]
    properties: dict[str, str] = field(default_factory=dict)
    main_class: str = ""
    state: str = "PENDING"
    message: str = ""
    failure: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None

    @classmethod
    def from_wire(cls, config: dict[str, Any]) -> Step:
        """Return a pending step from EMR's StepConfig."""
        jar = config["HadoopJarStep"]
        return cls(
            id=new_id("s"),
            name=config["Name"],
            action_on_failure=config.get("ActionOnFailure") or "TERMINATE_CLUSTER",
            jar=jar["Jar"],
            args=list(jar.get("Args") or []),
            properties={p["Key"]: p["Value"] for p in jar.get("Properties") or []},
            main_class=jar.get("MainClass") or "",
        )

    @property
    def active(self) -> bool:
        """Whether the step is yet to end."""
        return self.state in STEP_ACTIVE

    def end(self, state: str, message: str = "", failure: dict[str, str] | None = None) -> None:
        """Set a final state, its reason and the time."""
        self.state, self.message, self.failure = state, message, failure or {}
        self.ended = time.time()

    def to_wire(self) -> dict[str, Any]:
        """Return EMR's StepSummary, which is DescribeStep's Step too."""
        config = {"Jar": self.jar, "Args": self.args, "Properties": self.properties, "MainClass": self.main_class}
        reason = {"Code": "NONE", "Message": self.message} if self.message else {}
        timeline = {"CreationDateTime": self.created, "StartDateTime": self.started, "EndDateTime": self.ended}
        status = {"State": self.state, "StateChangeReason": reason, "Timeline": _present(timeline)}
        if self.failure:
            status["FailureDetails"] = self.failure
        return {
            "Id": self.id,
            "Name": self.name,
            "Config": _present(config) | {"Args": self.args, "Properties": self.properties},
            "ActionOnFailure": self.action_on_failure,
            "Status": status,
        }


@dataclass
class Cluster:
    """One cluster: what was asked for, and what has become of it. ``request`` is RunJobFlow's own input."""

    id: str
    name: str
    request: dict[str, Any]
    steps: list[Step] = field(default_factory=list)
    state: str = "STARTING"
    code: str = ""
    message: str = "Configuring cluster software"
    protected: bool = False
    created: float = field(default_factory=time.time)
    ready: float | None = None
    ended: float | None = None

    @classmethod
    def from_wire(cls, request: dict[str, Any]) -> Cluster:
        """Return a starting cluster from RunJobFlow's input."""
        steps = [Step.from_wire(config) for config in request.get("Steps") or []]
        protected = bool(request["Instances"].get("TerminationProtected"))
        return cls(new_id("j"), request["Name"], request, steps, protected=protected)

    @property
    def live(self) -> bool:
        """Whether the cluster takes steps."""
        return self.state in CLUSTER_LIVE

    @property
    def keep_alive(self) -> bool:
        """Whether the cluster waits when no step is left."""
        return bool(self.request["Instances"].get("KeepJobFlowAliveWhenNoSteps"))

    @property
    def idle_timeout_s(self) -> int | None:
        """Seconds of WAITING after which the cluster ends itself; None: never."""
        return (self.request.get("AutoTerminationPolicy") or {}).get("IdleTimeout")

    @property
    def idle_since(self) -> float:
        """When the last step ended, or the cluster became ready."""
        return max([step.ended for step in self.steps if step.ended], default=self.ready or self.created)

    @property
    def step_concurrency(self) -> int:
        """How many steps may run at once."""
        return int(self.request.get("StepConcurrencyLevel") or 1)

    @property
    def log_uri(self) -> str:
        """Where logs go, without a trailing slash; empty: nowhere."""
        return (self.request.get("LogUri") or "").replace("s3n://", "s3://").rstrip("/")

    def step(self, step_id: str) -> Step | None:
        """Return a step by its id."""
        return next((step for step in self.steps if step.id == step_id), None)

    def to(self, state: str, message: str, code: str = "") -> None:
        """Set a state with its reason, and the times that hang on it."""
        self.state, self.message, self.code = state, message, code
        if state in ("RUNNING", "WAITING") and self.ready is None:
            self.ready = time.time()
        if state in CLUSTER_ENDED:
            self.ended = time.time()

    def summary(self) -> dict[str, Any]:
        """Return EMR's ClusterSummary."""
        timeline = {"CreationDateTime": self.created, "ReadyDateTime": self.ready, "EndDateTime": self.ended}
        status = {
            "State": self.state,
            "StateChangeReason": _present({"Code": self.code, "Message": self.message}),
            "Timeline": _present(timeline),
        }
        fixed = {"Id": self.id, "Name": self.name, "ClusterArn": ARN + self.id, "NormalizedInstanceHours": 0}
        return fixed | {"Status": status}

    def to_wire(self) -> dict[str, Any]:
        """Return EMR's Cluster."""
        instances = self.request["Instances"]
        subnet = {"Ec2KeyName": instances.get("Ec2KeyName"), "Ec2SubnetId": instances.get("Ec2SubnetId")}
        described = self.summary() | {
            "LogUri": f"{self.log_uri}/" if self.log_uri else None,
            "AutoTerminate": not self.keep_alive,
            "TerminationProtected": self.protected,
            "VisibleToAllUsers": True,
            "MasterPublicDnsName": "localhost" if self.ready else None,
            "StepConcurrencyLevel": self.step_concurrency,
            "InstanceCollectionType": "INSTANCE_FLEET" if instances.get("InstanceFleets") else "INSTANCE_GROUP",
            "Ec2InstanceAttributes": _present(subnet),
        }
        return _present(described | {name: self.request.get(name) for name in ECHOED}, keep_false=True)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for the disk."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Cluster:
        """Return the cluster that ``to_json`` described."""
        return cls(**{**fields, "steps": [Step(**step) for step in fields["steps"]]})


def _present(fields: dict[str, Any], *, keep_false: bool = False) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value or (keep_false and value in (False, 0))}
