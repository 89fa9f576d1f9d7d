"""What travels between tasks by XCom: small records of addresses, names and words, never data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: The XCom key of what a review answered.
ANSWER = "answer"
#: What the review's form asks for: why, and the digest of the report that was seen.
COMMENT, REPORT = "comment", "report"
#: A longer comment is cut: Airflow's own form takes no more, but its REST API does.
MAX_COMMENT = 2000
#: How a run can end. Everything but ``failed`` is green.
Ending = Literal[
    "promoted",
    "refused",
    "inconclusive",
    "rejected",
    "expired",
    "superseded",
    "bad logs",
    "extracted",
    "published",
    "held back",
    "nothing to do",
    "failed",
]


def report_digest(content: bytes) -> str:
    """Return the short digest by which an approval names the gate report (``report.json``) that was seen."""
    return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True)
class Planned:
    """What `plan` hands on; everything else is in the plan at ``uri``."""

    run: str
    uri: str
    deployment: str
    families: list[str] = field(default_factory=list)
    mlflow_url: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as XCom stores it, one entry per key."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Planned:
        """Return the record that ``to_dict`` wrote."""
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Answer:
    """What the reviewers (or the policy) said; ``by`` is empty where nobody responded in time.

    ``report``: the digest of the gate report that whoever answered had before them.
    """

    approved: bool
    by: str = ""
    comment: str = ""
    at: str = ""
    report: str = ""

    @property
    def expired(self) -> bool:
        """Whether the default was chosen because nobody responded."""
        return not self.approved and not self.by

    @classmethod
    def from_response(cls, response: Mapping[str, Any]) -> Answer:
        """Return the answer in Airflow's response to a human-in-the-loop task; what is no text counts as none."""
        user = response.get("responded_by_user") or {}
        fields = user if isinstance(user, Mapping) else vars(user)
        given = response.get("params_input")
        texts = {name: text for name, text in given.items() if isinstance(text, str)} if given else {}
        said = {name: text.strip()[:MAX_COMMENT] for name, text in texts.items()}
        return cls(
            approved=list(response["chosen_options"]) == ["Approve"],
            by=str(fields.get("name") or fields.get("id") or ""),
            comment=said.get(COMMENT, ""),
            at=str(response.get("responded_at") or ""),
            report=said.get(REPORT, ""),
        )
