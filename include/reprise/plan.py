"""What one run will do, decided once: dates, blocks, definitions, champion. Later stages read only this.

A plan is plain JSON at ``runs/<run>/plan.json`` in the lake. It carries the resolved deployment and no secret.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from reprise.errors import MissingDataError, UsageError
from reprise.lake import Lake
from reprise.objects import ObjectStore
from reprise.settings import Blocks, Deployment, digest_of

_DAY_S = 86_400
#: Of a deployment's settings, what no training set depends on: it says how Solr is written to and watched.
_SERVING = {"publish", "serving", "max_model_bytes"}
#: Of gate.yaml, what no candidate and no score depends on, so that naming a reviewer retrains nothing.
_AFTERWARDS = {"selection", "policy", "review", "golden", "monitor"}
#: Of the policy, what training itself reads: its verdicts on fit, suspects and holes are kept beside the models.
_TRAINING_POLICY = {"max_train_gap", "max_single_feature_auc", "max_hole_rate"}
Role = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Block:
    """A run of days that are labelled together; ``first`` and ``last`` are inclusive ISO dates."""

    name: str
    role: Role
    first: str
    last: str

    @property
    def days(self) -> list[str]:
        """The block's days in order."""
        return days_between(self.first, self.last)

    @property
    def end(self) -> int:
        """The moment after the block's last day, in milliseconds since 1970, UTC."""
        return int(datetime.fromisoformat(self.last).replace(tzinfo=UTC).timestamp() + _DAY_S) * 1000


@dataclass(frozen=True)
class Plan:
    """One run. ``lake`` is the deployment's own prefix; ``champion`` is the release record that was live."""

    run: str
    deployment: Deployment
    lake: str
    days: list[str]
    blocks: list[Block]
    families: list[str]
    solr_urls: list[str]
    champion: dict[str, Any] = field(default_factory=dict)
    bundle: str = ""
    review: Literal["policy", "required"] = "policy"
    reason: str = ""
    mlflow: dict[str, str] = field(default_factory=dict)  # experiment_id, run_id; empty outside Airflow
    airflow: dict[str, str] = field(default_factory=dict)  # dag_id, run_id, url
    serving: dict[str, dict[str, Any]] = field(default_factory=dict)  # field → definition; empty: the catalogue's

    @property
    def as_of(self) -> str:
        """The newest closed day."""
        return self.days[-1]

    @property
    def partition(self) -> str:
        """The partition of every table that belongs to this run."""
        return f"run={self.run}"

    @property
    def logs_version(self) -> str:
        """Version of what `extract` writes: changes when a source's mapping or a definition changes."""
        return logs_version(self.deployment)

    @property
    def judgments_version(self) -> str:
        """Version of propensities, judgments and query groups."""
        gate = self.deployment.gate.model_dump(mode="json", include={"theta", "judging"})
        return digest_of(["2", self.logs_version, gate])  # "2": raised when the meaning of a column changes

    @property
    def training_version(self) -> str:
        """Version of the training set."""
        return digest_of([self.judgments_version, self.deployment.solr.model_dump(mode="json", exclude=_SERVING)])

    @property
    def models_version(self) -> str:
        """Version of candidates and scores: what is asked of them afterwards is no part of it."""
        gate = self.deployment.gate
        learned = gate.model_dump(mode="json", exclude=_AFTERWARDS)
        judged = gate.policy.model_dump(mode="json", include=_TRAINING_POLICY)
        return digest_of([self.training_version, learned, judged])

    def block(self, role: Role) -> list[Block]:
        """Return the blocks of one role, in time order."""
        return [block for block in self.blocks if block.role == role]

    def open_lake(self) -> Lake:
        """Return the deployment's lake."""
        return Lake(self.lake)

    def to_json(self) -> str:
        """Return the plan as one JSON document."""
        return json.dumps(
            {**asdict(self), "deployment": self.deployment.model_dump(mode="json")}, indent=1, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Return the plan that ``to_json`` wrote."""
        fields = json.loads(text)
        fields["deployment"] = Deployment.model_validate(fields["deployment"])
        fields["blocks"] = [Block(**block) for block in fields["blocks"]]
        return cls(**fields)

    def save(self) -> str:
        """Write ``runs/<run>/plan.json`` and return its address."""
        store = ObjectStore(self.lake)
        store.put(f"runs/{self.run}/plan.json", self.to_json().encode())
        return store.uri(f"runs/{self.run}/plan.json")


def read_plan(uri: str) -> Plan:
    """Return the plan at an address."""
    folder, _, name = uri.rpartition("/")
    content = ObjectStore(folder).get(name)
    if content is None:
        raise MissingDataError(f"there is no plan at {uri}", "run the plan task first, or correct the address")
    return Plan.from_json(content)


def logs_version(deployment: Deployment) -> str:
    """Return the version of what `extract` writes for a deployment."""
    logs = deployment.logs.model_dump(mode="json", include={"sources", "journeys", "utility"})
    return digest_of(["4", logs])  # "4": raised when the meaning of a column changes


def days_between(first: str, last: str) -> list[str]:
    """Return all ISO dates from first to last, both included."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def lay_blocks(days: list[str], blocks: Blocks) -> list[Block]:
    """Return train, validation and test blocks over consecutive days, counted back from the newest.

    What is left at the front is history, for behaviour features; it is at least ``min_history_days``.
    Too few days is an error that says how many are needed.
    """
    needed = blocks.min_history_days + blocks.train_block_days + blocks.validation_days + blocks.test_days
    if len(days) < needed:
        raise UsageError(
            f"{len(days)} closed days ({', '.join(days[:1] + days[-1:])}) are too few: the blocks need {needed}",
            "wait for more logs, raise window_days, or make the blocks in gate.yaml shorter",
        )
    end = len(days)
    test = Block("test", "test", days[end - blocks.test_days], days[end - 1])
    end -= blocks.test_days
    validation = Block("validation", "validation", days[end - blocks.validation_days], days[end - 1])
    end -= blocks.validation_days
    train: list[Block] = []
    while end - blocks.train_block_days >= blocks.min_history_days:
        first = days[end - blocks.train_block_days]
        train.insert(0, Block(f"train-{first}", "train", first, days[end - 1]))
        end -= blocks.train_block_days
    return [*train, validation, test]
