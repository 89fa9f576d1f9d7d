"""Waiting for an EMR step in the triggerer, by boto3 in threads: no worker slot is held, no library is added."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from reprise.errors import ServiceError
from reprise.lifecycle import emr_api

#: So many polls in a row may go unanswered before the wait is given up.
PATIENCE = 20


class StepTrigger(BaseTrigger):
    """Fires once when the step has ended, timed out, or EMR stays silent; never before ``earliest``.

    ``poll_s`` is the time between two looks; ``earliest`` and ``deadline`` are in epoch seconds, so that a
    triggerer's restart does not start the wait anew.
    """

    def __init__(self, cluster: str, step_id: str, poll_s: float, earliest: float, deadline: float) -> None:
        super().__init__()
        self.cluster, self.step_id, self.poll_s = cluster, step_id, poll_s
        self.earliest, self.deadline = earliest, deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to go on with the wait."""
        fields = {name: getattr(self, name) for name in ("cluster", "step_id", "poll_s", "earliest", "deadline")}
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the step's final state and reason."""
        yield TriggerEvent(await self._wait())

    async def on_kill(self) -> None:
        """Cancel the step where a user marks or clears the waiting task."""
        await asyncio.to_thread(emr_api.cancel_step, self.cluster, self.step_id)

    async def _wait(self) -> dict[str, str]:
        silent = 0
        await asyncio.sleep(max(0.0, self.earliest - time.time()))
        while True:
            try:
                status = await asyncio.to_thread(emr_api.step_status, self.cluster, self.step_id)
                silent = 0
            except ServiceError as error:
                silent += 1
                if silent >= PATIENCE:
                    return {"state": "UNKNOWN", "reason": str(error)}
                status = {"state": "UNKNOWN", "reason": ""}
            except Exception as error:
                return {"state": "UNKNOWN", "reason": str(error)}
            if status["state"] in emr_api.ENDED:
                return status
            if time.time() > self.deadline:
                await self.on_kill()
                return {"state": "TIMED_OUT", "reason": "it ran longer than step_timeout_s of emr.yaml"}
            await asyncio.sleep(self.poll_s)
