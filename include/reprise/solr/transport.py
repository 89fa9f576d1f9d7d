"""Requests to one Solr address, and every failure as one clear line."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from reprise.errors import RepriseError, ServiceError, UnavailableError, UsageError
from reprise.solr.versions import LINES

_DOWN = "start Solr (`reprise sandbox up` on one machine), or correct the Solr connection's address"
# What Solr says → what to do. Solr answers 500 for some wrong uses, so the text decides before the status.
_REMEDIES: tuple[tuple[str, type[RepriseError], str], ...] = (
    ("already contained in the store", UsageError, "use another store: a store's features are never changed"),
    ("already exists. Please use a different name", UsageError, "use another name: a model is never overwritten"),
    ("cannot find model", UsageError, "upload the model, or reload the core that does not know it yet"),
    ("Missing or empty feature store", UsageError, "put the feature store before the model"),
    ("requires efi parameter", UsageError, "pass every efi that the features name"),
    ("not available due to init failure", ServiceError, "see Solr's log; a deleted feature store stops a core"),
    (
        "editing is not enabled",
        ServiceError,
        f"start Solr without {LINES['8.11'].config_edit_switch} (from 10 on {LINES['10'].config_edit_switch}):"
        " promotion writes request parameters",
    ),
)


_LATER = (429, 502, 503, 504)  # too many requests, and whatever stands before a Solr that is away


@dataclass(frozen=True)
class Answer:
    """Solr's JSON answer and how long the client waited for it (seconds)."""

    body: dict[str, Any]
    seconds: float


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than most requests."""
    return httpx.create_ssl_context()


class Transport:
    """Sends requests and turns every failure into a ServiceError or UsageError that names address and remedy."""

    def __init__(self, timeout_s: float, login: tuple[str, str] | None) -> None:
        self._http = httpx.Client(timeout=timeout_s, auth=login, verify=_certificates())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Return Solr's answer to one request; ``form`` is for long queries, ``body`` is sent as JSON.

        ``timeout_s``: how long to wait for this one; None: as for all.
        """
        started = time.perf_counter()
        wait = httpx.USE_CLIENT_DEFAULT if timeout_s is None else httpx.Timeout(timeout_s)
        try:
            response = self._http.request(method, url, params=params, data=form, json=body, timeout=wait)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise UnavailableError(f"Solr at {url} does not answer: {said}", _DOWN) from None
        seconds = time.perf_counter() - started
        if response.is_success:
            return Answer(_json(response), seconds)
        raise _failure(response, url)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        raise ServiceError(f"{response.url} did not answer with JSON", "is this a Solr address?") from None
    if not isinstance(content, dict):
        raise ServiceError(f"{response.url} did not answer with a JSON object", "is this a Solr address?")
    return content


def _failure(response: httpx.Response, url: str) -> RepriseError:
    try:
        error = response.json()["error"]
        said = str(error.get("msg") or error.get("trace", "").split("\n")[0])
        details = error.get("details")
        said = f"{said} {details}" if details and "errorMessages" in str(details) else said
    except (ValueError, KeyError, TypeError, AttributeError):
        said = "no such core or handler" if response.status_code == 404 else response.reason_phrase
    said = " ".join(said.split())
    for text, kind, remedy in _REMEDIES:
        if text in said:
            return kind(f"Solr at {url} refused ({response.status_code}): {said}", remedy)
    if response.status_code in _LATER:
        problem = f"Solr at {url} asks to be asked later ({response.status_code}): {said}"
        return UnavailableError(
            problem, "lower requests_in_flight in solr.yaml, or give Solr more room", _wait(response)
        )
    if response.status_code in (401, 403):
        return UsageError(f"Solr at {url} refused the log-in ({response.status_code})", "correct login and password")
    if response.status_code == 404:
        return UsageError(f"Solr has nothing at {url}: {said}", "correct the core's name or the address")
    kind = ServiceError if response.status_code >= 500 else UsageError
    return kind(f"Solr at {url} refused ({response.status_code}): {said}", "correct the request; see Solr's log")


def _wait(response: httpx.Response) -> float:
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else 0.0
