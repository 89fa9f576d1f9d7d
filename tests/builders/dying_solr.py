"""Clients that count what they send, or end in the middle of it."""

from __future__ import annotations

from reprise.solr import SolrClient


class Counting(SolrClient):
    """Keeps method and path of every request, to show what an action did, and did not need."""

    def __init__(self, urls, core):
        super().__init__(urls, core)
        self.sent = []
        send = self._transport.send

        def counted(method, url, **more):
            action = (more.get("params") or {}).get("action", "")
            self.sent.append((method, f"{url.partition(f'/{core}')[2] or url.rpartition('/solr')[2]}{action}"))
            return send(method, url, **more)

        self._transport.send = counted


class Killed(BaseException):
    """Stands for a process that ends at this very moment."""


class Dying(SolrClient):
    """Ends before its nth request (``after=False``) or when Solr has done it but nobody heard (``after=True``)."""

    def __init__(self, urls, core, number, after):
        super().__init__(urls, core)
        send, self.left = self._transport.send, number

        def mortal(*some, **more):
            self.left -= 1
            if self.left < 0 and not after:
                raise Killed
            answer = send(*some, **more)
            if self.left < 0:
                raise Killed
            return answer

        self._transport.send = mortal
