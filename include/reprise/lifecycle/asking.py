"""What is asked of an uploaded candidate beside the proof of its scores: what experts expect, and what always holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprise.gate.checks import Check
    from reprise.plan import Plan
    from reprise.release import Candidate
    from reprise.solr.client import SolrClient

#: Frequent searches that relations are asked of, six requests each.
RELATED = 50


def further_checks(client: SolrClient, plan: Plan, candidate: Candidate, texts: Sequence[str]) -> list[Check]:
    """Return the checks of golden queries, as they are recorded now, and of relations that hold whatever the model.

    An expectation that is recorded during a run counts for it. ``texts``: frequent searches.
    """
    from reprise.experts.golden import load
    from reprise.gate.golden import golden_checks
    from reprise.gate.metamorphic import metamorphic_checks
    from reprise.release.golden import check_candidate
    from reprise.release.relations import relations

    solr, settings = plan.deployment.solr, plan.deployment.gate.golden
    held = check_candidate(client, solr, candidate, load(plan.open_lake()))
    found = relations(client, solr, candidate, texts[:RELATED])
    return [*golden_checks(held, settings), *metamorphic_checks(found, settings)]
