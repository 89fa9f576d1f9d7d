"""What the plugin mounts: the page is imported at its first request, since every part of Airflow loads plugins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_Message = MutableMapping[str, Any]


class LazyPage:
    """An ASGI application that becomes the page when it is first asked for something."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(
        self, scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        """Answer one request."""
        if self._app is None:
            from reprise.lifecycle.page.app import build

            self._app = build()
        await self._app(scope, receive, send)
