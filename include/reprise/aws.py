"""Clients of AWS, or of whatever ``AWS_ENDPOINT_URL*`` names; credentials and region are the environment's."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Literal

_WHO = (
    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_EMR", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION",
)  # fmt: skip
#: S3 asks to slow down for seconds; EMR throttles readily, and boto waits longer before each new attempt.
RETRIES: dict[str, dict[str, Any]] = {
    "s3": {"max_attempts": 5, "mode": "standard"},
    "emr": {"max_attempts": 10, "mode": "adaptive"},
}


def client(service: Literal["s3", "emr"]) -> Any:
    """Return a boto3 client, the same one for the same environment: to make one takes longer than most calls."""
    return _client(service, *(os.environ.get(name) for name in _WHO))


@lru_cache
def _client(service: str, *environment: str | None) -> Any:
    import boto3
    from botocore.config import Config

    # A session of its own: boto3's default one would keep the first credentials it ever saw.
    session: Any = boto3.session.Session()
    return session.client(service, config=Config(retries=RETRIES[service], s3={"addressing_style": "path"}))  # type: ignore[arg-type]
