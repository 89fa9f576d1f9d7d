"""What only a live Solr can say, as further checks: parity, latency, skew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprise.gate.checks import Check
from reprise.settings.gate import Policy


def solr_checks(verification: Mapping[str, Any], policy: Policy) -> list[Check]:
    """Return the checks of a verification (`Verification.to_dict()` of the release room).

    Skew is asked where training values were compared; behaviour features move by design, so whoever probes leaves
    them out.
    """
    checks = [_parity(verification), _latency(verification, policy)]
    return [*checks, _skew(verification["skew"], policy)] if verification["skew"] else checks


def _parity(verification: Mapping[str, Any]) -> Check:
    pairs, wrong, needed = (int(verification[key]) for key in ("pairs", "mismatching", "min_pairs"))
    return Check(
        "parity",
        "Does Solr score exactly as we did?",
        "fail" if wrong else "pass" if pairs >= needed else "inconclusive",
        f"{wrong} scores differ, {pairs} pairs compared bit for bit ({needed} needed)",
        {"pairs": pairs, "mismatching": wrong, "min_pairs": needed, "examples": list(verification["examples"])},
        effect=pairs,
        threshold=needed,
    )


def _latency(verification: Mapping[str, Any], policy: Policy) -> Check:
    added, told, slow = {}, [], False
    rare = 3 * policy.max_added_p95_ms if policy.max_added_p99_ms is None else policy.max_added_p99_ms
    for name, share, most in (
        ("p95", "twenty", policy.max_added_p95_ms),
        ("p99", "a hundred", rare),
    ):
        before, after = (verification[key].get(f"{name}_ms") for key in ("without_model", "with_model"))
        if before is None or after is None:
            continue  # an earlier version measured no p99
        added[name], slow = after - before, slow or after - before > most
        told.append(f"one search in {share} exceeds {after:.1f} ms, before {before:.1f} (at most {most:g} more)")
    limits = {"max_added_p95_ms": policy.max_added_p95_ms, "max_added_p99_ms": rare}
    return Check(
        "latency",
        "Does a search stay fast?",
        "fail" if slow else "pass",
        "; ".join(told),
        {**{f"added_{name}_ms": value for name, value in added.items()}, **limits},
        effect=added["p95"],
        threshold=policy.max_added_p95_ms,
    )


def _skew(skew: list[Mapping[str, Any]], policy: Policy) -> Check:
    worst = max(skew, key=lambda s: (s["differing_share"], s["feature"]))
    within = worst["differing_share"] <= policy.max_skew_share
    return Check(
        "skew",
        "Does Solr see the features that training saw?",
        "pass" if within else "fail",
        f"{worst['feature']} differs in {worst['differing_share']:.1%} of pairs (at most {policy.max_skew_share:.1%})",
        {"features": [dict(s) for s in skew], "max_skew_share": policy.max_skew_share},
        effect=worst["differing_share"],
        threshold=policy.max_skew_share,
    )
