"""``emr.yaml``: the cluster and how it is watched."""

from __future__ import annotations

from pydantic import Field

from reprise.settings.base import Strict


class Emr(Strict):
    """``emr.yaml``: the cluster and how it is watched."""

    release_label: str = "emr-7.9.0"
    log_uri: str = Field("", description="default: emr-logs/ in the lake")
    service_role: str = "EMR_DefaultRole"
    job_flow_role: str = "EMR_EC2_DefaultRole"
    subnet_id: str = ""
    core_instance_type: str = "m6g.xlarge"
    core_instances: int = Field(1, ge=1)
    task_instance_type: str = "m6g.xlarge"
    task_instances: int = Field(0, ge=0)
    step_concurrency: int = Field(2, ge=1, le=256)
    idle_timeout_s: int = Field(900, ge=60)
    poll_s: float = Field(15.0, gt=0)
    step_timeout_s: int = Field(4 * 3600, ge=60)
    driver_memory: str = "2g"
    executor_memory: str = "4g"
    max_executors: int = Field(10, ge=1)
