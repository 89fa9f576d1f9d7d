"""What a stage answers: yes, no or cannot tell, with the reason and the facts behind it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from reprise.errors import EXIT_CANNOT_TELL, EXIT_NO, EXIT_YES

Answer = Literal["yes", "no", "cannot tell"]
_EXIT: dict[str, int] = {"yes": EXIT_YES, "no": EXIT_NO, "cannot tell": EXIT_CANNOT_TELL}


@dataclass(frozen=True)
class Verdict:
    """A stage's answer; ``facts`` is small and JSON-ready (addresses, counts, digests)."""

    answer: Answer = "yes"
    reason: str = ""
    remedy: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 yes, 1 no, 2 cannot tell."""
        return _EXIT[self.answer]

    def to_json(self) -> str:
        """Return the verdict as one JSON document."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Verdict:
        """Return the verdict that ``to_json`` wrote."""
        return cls(**json.loads(text))
