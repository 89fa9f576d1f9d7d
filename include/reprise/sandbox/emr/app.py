"""The HTTP server: ``POST /`` with ``X-Amz-Target: ElasticMapReduce.<Action>``, JSON 1.1.

Signatures are not checked: the server listens to this machine alone. ``/_faults`` is for tests, ``/_health`` for
who waits until it is up.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reprise.errors import UsageError
from reprise.sandbox.emr.calls import ACTIONS
from reprise.sandbox.emr.cloud import Cloud
from reprise.sandbox.emr.protocol import ApiError, check_input

_log = logging.getLogger(__name__)
_TARGET = "ElasticMapReduce."


def build_app(cloud: Cloud) -> Starlette:
    """Return the server's application; the cloud is opened when it starts and closed when it ends."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(cloud.open)
        yield
        await run_in_threadpool(cloud.close)

    async def call(request: Request) -> Response:
        target, body = request.headers.get("x-amz-target", ""), await request.body()
        status, answer = await run_in_threadpool(_answer, cloud, target, body)
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        return Response(json.dumps(answer), status, headers, "application/x-amz-json-1.1")

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                cloud.faults.set(await request.json())
            except UsageError as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(cloud.faults.show())

    async def health(_: Request) -> Response:
        return JSONResponse({"clusters": len(cloud.lives())})

    routes = [
        Route("/", call, methods=["POST"]),
        Route("/_faults", faults, methods=["GET", "POST"]),
        Route("/_health", health),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _answer(cloud: Cloud, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON answer of one call."""
    try:
        return 200, _call(cloud, target, body)
    except ApiError as error:
        return error.status, error.to_wire()
    except Exception as error:
        _log.exception("%s failed", target)
        failure = ApiError("InternalServerException", f"the sandbox failed: {error}")
        return failure.status, failure.to_wire()


def _call(cloud: Cloud, target: str, body: bytes) -> dict[str, Any]:
    action = target.removeprefix(_TARGET)
    if cloud.faults.throttled():
        raise ApiError("ThrottlingException", "Rate exceeded")
    if not target.startswith(_TARGET) or action not in ACTIONS:
        known = ", ".join(ACTIONS)
        raise ApiError("UnknownOperationException", f"{target or 'no X-Amz-Target'}: the sandbox knows {known}")
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        raise ApiError("SerializationException", "the body is not JSON") from None
    if not isinstance(request, dict):
        raise ApiError("SerializationException", "the body is not a JSON object")
    check_input(action, request)
    return ACTIONS[action](cloud, request)
