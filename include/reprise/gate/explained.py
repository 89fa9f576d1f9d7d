"""The pages beside a gate's report that tell why: they decide nothing, so that one that fails stops nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from reprise.gate import choice, moved, why

if TYPE_CHECKING:
    from reprise.plan import Plan

logger = logging.getLogger(__name__)


def explain(plan: Plan, family: str) -> dict[str, str]:
    """Write the pages of the family that the gate chose; return page → what it says in words, or why there is none.

    A page that cannot be written is logged with its error.
    """
    said: dict[str, str] = {}
    for page, write in (("why", why.write), ("model_choice", choice.write), ("moved", moved.write)):
        try:
            written = write(plan, family)
            said[page] = written if isinstance(written, str) else "written"
        except Exception as error:
            logger.exception("run %s has no page %s", plan.run, page)
            said[page] = f"not written: {error}"
    return said
