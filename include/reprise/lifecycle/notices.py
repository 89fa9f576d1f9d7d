"""Words to people outside: by e-mail and by a chat's webhook, where a connection says so. They never stop a task.

``AIRFLOW_CONN_REPRISE_CHAT``: a webhook that takes ``{"text": …}``, as Slack's do. ``AIRFLOW_CONN_REPRISE_MAIL``: a
mail server, with ``to`` and ``from`` in ``extra``. Without them nothing is sent.
"""

from __future__ import annotations

import logging
import os
import smtplib
from email.message import EmailMessage

from reprise.connections import Connection, connection

log = logging.getLogger(__name__)
_PATIENCE_S = 10.0
_LONGEST = 2000


def tell(subject: str, text: str) -> list[str]:
    """Send words wherever a connection says so; return what could not be sent, which is also logged.

    A server that is down costs ten seconds, and never the task.
    """
    trouble = []
    for service, send in (("chat", _chat), ("mail", _mail)):
        if not os.environ.get(f"AIRFLOW_CONN_REPRISE_{service.upper()}"):
            continue
        try:
            send(connection(service), subject[:200], text[:_LONGEST])  # type: ignore[arg-type]
        except Exception as error:  # whatever it is, the ranking matters more than the word about it
            trouble.append(f"{service}: {type(error).__name__}")
            log.warning("no notice by %s: %s", service, type(error).__name__)  # its text may hold the address
    return trouble


def _chat(where: Connection, subject: str, text: str) -> None:
    import httpx

    # & < > are what Slack's markup is made of; whatever was typed stays text.
    plain = f"{subject}\n{text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    httpx.post(where.uri, json={"text": plain}, timeout=_PATIENCE_S).raise_for_status()


def _mail(where: Connection, subject: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = str(where.extra.get("from") or "reprise@localhost")
    to = where.extra["to"]
    message["To"] = ", ".join(to) if isinstance(to, list) else str(to)
    message.set_content(text)
    host, _, port = where.uri.partition("://")[2].partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=_PATIENCE_S) as server:
        if where.extra.get("starttls"):
            server.starttls()
        if where.login:
            server.login(where.login, where.password or "")
        server.send_message(message)
