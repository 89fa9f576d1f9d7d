"""The gate report: everything the verdict leans on, as JSON for machines and a page for a music editor."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from reprise.errors import MissingDataError
from reprise.gate.checks import Check, answer
from reprise.gate.pick import Pick
from reprise.gate.proof import solr_checks
from reprise.gate.slices import Slice
from reprise.lake import Lake
from reprise.metrics import Comparison
from reprise.pages import finite
from reprise.settings.gate import Policy
from reprise.verdict import Answer

SCHEMA_VERSION = 2  # 1: checks without effect, interval and threshold; it is still read
#: What an earlier version's verification added.
_FROM_SOLR = ("parity", "latency", "skew")
#: The check of each way through: proven better, or the champion's own recipe anew and no worse.
_WAYS = {"superior_to_champion": "superior", "no_worse_than_champion": "refresh"}


def hidden(min_users: int) -> str:
    """Return what stands in a report for the text of a query that too few listeners asked."""
    return f"a query of fewer than {min_users} listeners"


@dataclass(frozen=True)
class Moved:
    """A query whose answer changed for better or worse; ``weight`` is its share of the overall difference."""

    query: str
    searches: int
    candidate: float
    champion: float
    weight: float


@dataclass(frozen=True)
class Report:
    """What was compared, what came out, and why. ``verification`` is empty until Solr has been asked."""

    run: str
    deployment: str
    family: str
    champion: str  # its release and model, in words
    metric: str
    theta_measured: bool
    theta_reason: str
    test_first: str
    test_last: str
    confidence: float
    candidate_mean: float
    champion_mean: float
    candidate_mean_per_query: float
    champion_mean_per_query: float
    dropped_traffic_share: float
    comparison: Comparison
    validation: dict[str, float]  # family → mean on all validation queries
    pick: Pick
    sensitivity: dict[str, float]  # reading → difference
    checks: list[Check]
    slices: list[Slice] = field(default_factory=list)
    winners: list[Moved] = field(default_factory=list)
    losers: list[Moved] = field(default_factory=list)
    live: list[dict[str, Any]] = field(default_factory=list)  # consumption score of the test days, by ranker
    expected: dict[str, Any] = field(default_factory=dict)  # expected consumption, candidate beside champion
    dropped: dict[str, str] = field(default_factory=dict)  # family that learned nothing → why
    verification: dict[str, Any] = field(default_factory=dict)
    not_asked: list[str] = field(default_factory=list)  # checks that what was given cannot answer
    schema_version: int = SCHEMA_VERSION

    @property
    def answer(self) -> Answer:
        """The verdict over all checks."""
        return answer(self.checks)

    @property
    def reason(self) -> str:
        """One sentence: the first check that decided it, or the effect where all passed."""
        wanted = {"no": "fail", "cannot tell": "inconclusive"}.get(self.answer)
        for check in self.checks:
            if check.outcome == wanted:
                return f"{check.name}: {check.reason}"
        return next(c.reason for c in self.checks if c.name in _WAYS)

    @property
    def way(self) -> str:
        """Which way through the gate was asked for: ``superior``, or ``refresh``."""
        return next((_WAYS[check.name] for check in self.checks if check.name in _WAYS), "superior")

    def to_json(self) -> str:
        """Return the report as strict JSON with its answer; what is not a number becomes null."""
        content = {**asdict(self), "answer": self.answer, "reason": self.reason}
        return json.dumps(finite(content), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Return the report that ``to_json`` wrote, now or in an earlier version; what this one does not know is left.

        What holds no report is an error.
        """
        try:
            content = _known(cls, json.loads(text))
            content["comparison"] = Comparison(**_nan(_known(Comparison, content["comparison"])))
            content["checks"] = [Check(**_known(Check, check)) for check in content["checks"]]
            content["slices"] = [_slice(one) for one in content["slices"]]
            content["sensitivity"], content["validation"] = _nan(content["sensitivity"]), _nan(content["validation"])
            by_family = {name: _nan(content["pick"][name]) for name in ("values", "behind", "errors")}
            content["pick"] = Pick(**{**_known(Pick, content["pick"]), **by_family})
            for name in ("winners", "losers"):
                content[name] = [Moved(**_known(Moved, moved)) for moved in content[name]]
            return cls(**_nan(content))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MissingDataError(f"this is no gate report: {error}", "run `reprise gate` again") from error


def add_verification(
    report: Report, verification: Mapping[str, Any], policy: Policy, extra_checks: Sequence[Check] = ()
) -> Report:
    """Return the report completed with what Solr measured; done twice, the newer replaces the older.

    ``extra_checks`` were asked of the same Solr. Examples lose the listener's text: how many listeners a probe had is
    not known here.
    """
    verification = {**verification, "examples": [_without_text(e) for e in verification["examples"]]}
    checks = [*solr_checks(verification, policy), *extra_checks]
    before = set(report.verification.get("checks", _FROM_SOLR)) | {check.name for check in checks}
    kept = [check for check in report.checks if check.name not in before]
    content = {**verification, "checks": [check.name for check in checks]}
    return replace(report, checks=[*kept, *checks], verification=content)


def save_report(report: Report, lake: Lake) -> dict[str, str]:
    """Write ``runs/<run>/gate/report.json`` and ``report.html``; return their addresses."""
    from reprise.gate.page import to_html

    folder, addresses = f"runs/{report.run}/gate", {}
    for name, text in (("report.json", report.to_json()), ("report.html", to_html(report))):
        lake.store.put(f"{folder}/{name}", text.encode())
        addresses[name] = lake.store.uri(f"{folder}/{name}")
    return addresses


def load_report(lake: Lake, run: str) -> Report:
    """Return a run's gate report; a run without one is an error."""
    content = lake.store.get(f"runs/{run}/gate/report.json")
    if content is None:
        raise MissingDataError(f"run {run} has no gate report in {lake.uri}", "run `reprise gate` first")
    return Report.from_json(content)


def _without_text(example: Mapping[str, Any]) -> dict[str, Any]:
    params = {name: value for name, value in example.get("params", {}).items() if name != "q"}
    return {**example, "params": params}


def _slice(content: Mapping[str, Any]) -> Slice:
    comparison = Comparison(**_nan(_known(Comparison, content["comparison"])))
    return Slice(**{**_nan(_known(Slice, content)), "comparison": comparison})


def _known(kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in content.items() if name in names}


def _nan(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in fields.items()}
