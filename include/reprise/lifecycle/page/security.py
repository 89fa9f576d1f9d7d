"""Who may look and who may write: Airflow's log-in on every route, and no write that another site could have sent.

SameSite cookies do not know ports: a page of MLflow on the same machine is the same site as Airflow. So a write must
say that it comes from this page, and be JSON, which no form can send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_Message = MutableMapping[str, Any]


def own_write(request: Request) -> None:
    """Ensure that a write was sent by this page or by a program with a token of its own; else 403, or 415."""
    content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content != "application/json":
        raise HTTPException(415, "send JSON")
    if "authorization" in request.headers:
        return  # a browser adds no such header by itself
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        own = site == "same-origin"
    else:
        own = urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "-")
    if not own:
        raise HTTPException(403, "this was not sent by the ranking page")


class Headers:
    """Adds to every answer what tells a browser to run nothing but the page's own script, and to keep nothing."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(
        self, scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        """Answer one request."""

        async def with_headers(message: _Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                names = {name for name, _ in own}
                message["headers"] = [*(pair for pair in message["headers"] if pair[0].lower() not in names), *own]
            await send(message)

        await self._app(scope, receive, with_headers)
