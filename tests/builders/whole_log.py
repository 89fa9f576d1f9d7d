"""One log that holds everything: two simulated worlds with all their dirt, edge cases, wild records and a crowd.

Each part has days of its own, so one extraction serves many tests, and a part can be read by its days.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from builders import odd_logs
from builders.logs import Logs, at, plan_of
from builders.music import PlainFirstStage, local_deployment, simulate_locally
from reprise.plan import Plan
from reprise.sandbox.music import Lived, Switches, World, day_name
from reprise.searches.calendar import RawFile, raw_files
from reprise.searches.extract import run
from reprise.searches.privacy import UserKey
from reprise.settings import Deployment

#: Days of each part, counted from the log's first; those around them are read too.
SIMULATED, SWITCHED, EDGY, ODD, BROKEN, CROWD = (0, 1, 2), (40, 41), (60, 61), (69, 70), (75,), (80,)
LATE, FAR = (90,), (95,)
PARTS = (*SIMULATED, *SWITCHED, *EDGY, *ODD, *BROKEN, *CROWD, *LATE, *FAR)
BOT_RECORDS, STUCK_EVENTS = 20_000, 5_000
#: The second begins at a midnight among the switched world's days: whoever is awake then becomes somebody else.
KEYS = [
    UserKey("2026-06-01", "2026-10-11", b"the first key of the whole log.."),
    UserKey("2026-10-12", "2027-01-31", b"the second key of the whole log."),
]


@dataclass
class WholeLog:
    """The raw files, the simulated worlds behind them, and the days as Spark extracted them."""

    root: Path
    worlds: dict[int, World]
    stages: dict[int, PlainFirstStage]
    lived: dict[int, Lived]
    deployment: Deployment
    plan: Plan

    @property
    def files(self) -> list[RawFile]:
        """Every raw file there is."""
        return raw_files(self.deployment.logs)

    def table(self, name: str, days: Sequence[int] = PARTS) -> pa.Table:
        """Return the published rows of some days."""
        return read(self.plan, name, days)

    def rows(self, name: str, days: Sequence[int] = PARTS) -> list[dict[str, Any]]:
        """Return the same as dictionaries."""
        return self.table(name, days).to_pylist()


def write_whole_log(root: Path) -> WholeLog:
    """Write every part, and return it with a plan for its days and the keys in place."""
    worlds = {7: World.build(7, "small")}
    worlds[11] = World.build(11, "small", Switches(cascade_stop=True, trust_bias=0.2, drift=0.3))
    stages = {seed: PlainFirstStage(world) for seed, world in worlds.items()}
    days = {7: range(SIMULATED[-1] + 2), 11: range(SWITCHED[0], SWITCHED[-1] + 2)}
    lived = {seed: simulate_locally(root, worlds[seed], stages[seed], days[seed]) for seed in worlds}
    hand = _written_by_hand(root / "hand")
    deployment = local_deployment(root)
    sources = [*deployment.logs.sources, *hand.deployment().logs.sources]
    sources[-2] = sources[-2].model_copy(
        update={"name": "hand", "actions": {"click": "click", "save": "save", "impression": "impression"}}
    )
    sources[-1] = sources[-1].model_copy(update={"name": "hand-plays"})
    logs = deployment.logs.model_copy(update={"sources": sources})
    deployment = deployment.model_copy(update={"logs": logs})
    plan = plan_of(deployment, root / "lake", [day_name(day) for day in PARTS])
    put_keys(plan)
    return WholeLog(root, worlds, stages, lived, deployment, plan)


def _written_by_hand(root: Path) -> Logs:
    logs = Logs(root)
    odd_logs.edgy_listeners(logs, 80, at(EDGY[0], 22))
    odd_logs.capped_listeners(logs, at(EDGY[1], 9))
    odd_logs.stuck_screen(logs, at(CROWD[0], 9), STUCK_EVENTS)
    rng = random.Random(1)
    for make, day in ((odd_logs.odd_record, ODD[1]), (odd_logs.broken_line, BROKEN[0])):
        for _ in range(250):
            source, line = make(rng, at(day))
            logs.raw(source, at(day), line)
    for day in (*LATE, *FAR):
        logs.search(f"here-{day}", at(day, 9), "hello", user="here")
        logs.play(f"here-{day}", at(day, 9, 30), "song:1", user="here")
    logs.write()
    path = root / "app" / f"dt={day_name(CROWD[0])}" / "crowd.jsonl.gz"
    path.write_bytes(odd_logs.crowd(at(CROWD[0], 0), BOT_RECORDS))
    return logs


def put_keys(plan: Plan) -> None:
    """Put the keys into a plan's lake: random ones would make every run another one."""
    for key in KEYS:
        content = {"first": key.first, "last": key.last, "secret": key.secret.hex()}
        plan.open_lake().put_json(f"keys/users/{key.first}.json", content)


def extracted_elsewhere(log: WholeLog, deployment: Deployment, lake: Path, days: Sequence[int]) -> Plan:
    """Extract days of other files with the same keys into a lake of its own, and return the plan."""
    plan = dataclasses.replace(log.plan, deployment=deployment, lake=str(lake), days=[day_name(day) for day in days])
    put_keys(plan)
    run(plan)
    return plan


def read(plan: Plan, name: str, days: Sequence[int]) -> pa.Table:
    """Return the published rows of a table on these days."""
    return plan.open_lake().read(name, plan.logs_version, [f"dt={day_name(day)}" for day in days])
