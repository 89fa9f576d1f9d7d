"""What reviewers are asked, and what may come back: Airflow keeps the first question of a task for ever.

A task that runs again keeps its old body and form (Airflow replaces the answer alone). So the body has no figure that
could grow old, only where they are and the digest of the report, which an answer has to name.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from reprise.lifecycle.records import Answer, report_digest

if TYPE_CHECKING:
    from reprise.plan import Plan

#: The ranking page, below Airflow's own address: the UI resolves relative links from its base.
RANKING_PAGE = "plugin/ranking"
_LOOKED_AT = 50  # endings
_SHOWN = 500  # characters of a comment


def report_now(plan: Plan) -> str:
    """Return the digest of the run's gate report as it is in the lake now; empty without one."""
    content = plan.open_lake().store.get(f"runs/{plan.run}/gate/report.json")
    return report_digest(content) if content else ""


def body(plan: Plan, mlflow_url: str) -> str:
    """Return what the reviewers read, in Markdown: what is asked, where everything is, and which report counts."""
    from reprise.gate.report import load_report

    report, earlier = load_report(plan.open_lake(), plan.run), last_rejection(plan)
    places = [f"[see both rankings and the report side by side]({RANKING_PAGE})"]
    if mlflow_url:
        places.append(f"[the MLflow run]({mlflow_url}) → Artifacts → `gate/report.html`, `gate/why.html`")
    return "\n".join(
        [
            f"**{report.family}** instead of {report.champion}, learned from {plan.days[0]} to {plan.days[-1]}.",
            "",
            *([f"The last candidate was rejected: *{_plain(earlier)}*", ""] if earlier else []),
            *(f"- {place}" for place in places),
            "",
            f"Your answer is about the report `{report_now(plan)}`. Should the report change, an approval of this one"
            " promotes nothing.",
            "",
            "Both answers need a comment; without one the question is put again.",
        ]
    )


def last_rejection(plan: Plan) -> str:
    """Return who rejected the last candidate that anybody was asked about, and why; empty if it was approved."""
    lake = plan.open_lake()
    written = {key: at for key, at in lake.store.modified("runs/").items() if key.endswith("/ending.json")}
    for key in sorted(written, key=lambda key: -written[key])[:_LOOKED_AT]:
        ended = lake.get_json(key) or {}
        if ended.get("ending") in ("promoted", "rejected"):
            return str(ended.get("reason", "")) if ended["ending"] == "rejected" else ""
    return ""


def _plain(text: str) -> str:
    """Return a person's text on one line, without anything that Markdown or HTML would act on."""
    line = " ".join(text.split())[:_SHOWN]
    return html.escape(re.sub(r"[\\`*_{}\[\]()#!|~]", " ", line), quote=False)


def asks_again(answer: Answer) -> str:
    """Return why an answer does not count and the question is put again; empty where it counts."""
    if answer.expired:
        return ""
    if not answer.comment:
        return f"{answer.by} answered without a comment"
    if answer.approved and not answer.report:
        return f"{answer.by} approved without saying which report"
    return ""
