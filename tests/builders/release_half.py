"""The half of a retrain that touches what listeners get, from the gate's word to `finish`, without Airflow around it.

The tasks' own bodies run in the graph's order on a real Solr, a lake and a real MLflow. Of Airflow only this is
replaced: who calls the next task, one retry, skipping, and where XComs are kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import AirflowException

from builders.faults import Killed, Listener, Network
from builders.small_service import publish_run, small_plan
from builders.solr_core import FEATURES, NAMES, QUERIES, REQUEST, fill, linear_candidate
from reprise import release, tables
from reprise.errors import RepriseError
from reprise.gate.checks import Check
from reprise.gate.pick import Pick
from reprise.gate.report import Report, save_report
from reprise.lifecycle import ending, question, recording, releasing
from reprise.lifecycle.records import ANSWER, Answer, Planned
from reprise.lifecycle.worker import PLANNED
from reprise.metrics import Comparison
from reprise.release.record import utc_now
from reprise.solr import SolrClient

NAME = "matrix"
_ONE_MORE = {"name": "one_more", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 2}}
OLD = linear_candidate(-5000.0, behaviour_fields=[])
#: They share a feature store, which is not OLD's.
NEW, OTHER = (linear_candidate(w, behaviour_fields=[], features=[*FEATURES, _ONE_MORE]) for w in (5000.0, 4000.0))
#: What the gate's one check says for each of its words.
_OUTCOME = {"yes": "pass", "no": "fail", "cannot tell": "inconclusive"}
TASKS = ("gate", "reject", "upload", "verify", "review", "promote", "finish")


class Tasks:
    """What Airflow keeps of a run: states and XComs. It is each task's ``ti``."""

    dag_id, run_id, task = "retrain", "a test", ""

    def __init__(self) -> None:
        self.states = dict.fromkeys(TASKS, "none")
        self.kept: dict[tuple[str, str], Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.kept[self.task, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.kept.get((task_ids, key))

    def get_task_states(self, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str]]:
        return {self.run_id: dict(self.states)}


class Retrain:
    """One run: ``go`` runs what has not run yet, ``clear`` makes a red run go on from what broke."""

    def __init__(self, lake, client, candidate, *, name, run, probes=QUERIES, network=None, trained=None) -> None:
        gate = {"review": {"required": False}, "policy": {"max_added_p95_ms": 5000.0}}  # a busy machine is no refusal
        plan = small_plan(lake, urls=client.nodes, core=client.core, gate=gate)
        plan = replace(plan, run=run, deployment=plan.deployment.model_copy(update={"name": name}))
        champion = release.live(client).to_dict()
        self.plan = recording.with_run(replace(plan, champion=champion, families=[candidate.family]))
        self.network, self.candidate = network or Network(), candidate
        self.ti = Tasks()
        uri = self.plan.save()
        self.ti.kept["plan", PLANNED] = Planned(run, uri, name).to_dict()
        self.context: Any = {"ti": self.ti, "params": {"deployment": name}, "dag_run": SimpleNamespace()}
        self.trouble, self.comment = "", "for a reason"
        key = f"candidates/v={self.plan.models_version}/{self.plan.partition}/{candidate.family}/candidate.json"
        self.plan.open_lake().put_json(key, candidate.to_dict())
        self._teach(client, probes[:12], trained or {})

    def _teach(self, client, queries, trained) -> None:
        """What training saw of the searches that prove the candidate: Solr's own popularity, or as ``trained``."""
        rows = []
        for traffic, query in enumerate(queries, 1):
            asked = {"q": query, "rows": 8, "fl": "id,popularity"}
            for rank, one in enumerate(client.select(asked, "/search").body["response"]["docs"], 1):
                rows.append({
                    "block": "test", "role": "test", "query_group": query, "query": query, "item": one["id"],
                    "engine_rank": rank, "traffic": traffic, "popularity": one["popularity"], **trained,
                })  # fmt: skip
        publish_run(self.plan, "training_set", rows, self.plan.training_version, tables.training_set(NAMES))

    @property
    def record(self) -> dict[str, Any]:
        """What `finish` wrote of the run's end."""
        return dict(self.plan.open_lake().get_json(f"runs/{self.plan.run}/ending.json") or {})

    @property
    def colour(self) -> str:
        """Green, red, or grey while it waits."""
        return {"success": "green", "failed": "red"}.get(self.ti.states["finish"], "grey")

    def go(self, verdict: str, answer: str, until: str = "finish") -> str:
        """Run every task that has not run, up to one; return the colour."""
        for task in TASKS[: TASKS.index(until) + 1]:
            if self.ti.states[task] == "none":
                self._run(task, verdict, answer)
        return self.colour

    def clear(self) -> None:
        """Clear what broke, with what follows it."""
        broken = [task for task in TASKS if self.ti.states[task] == "failed"]
        for task in TASKS[TASKS.index(broken[0]) :]:
            if self.ti.states[task] != "skipped" or task == "finish":
                self.ti.states[task] = "none"

    def run_again(self, task: str) -> None:
        """Run a task once more, as one that was cleared alone."""
        self._run(task, "yes", "approve")

    def _run(self, task: str, verdict: str, answer: str) -> None:
        states = self.ti.states
        if task != "finish" and "failed" in states.values():
            states[task] = "upstream_failed"
            return
        for _ in range(1 if task == "review" else 2):
            self.ti.task = task
            for key in [key for key in self.ti.kept if key[0] == task]:
                del self.ti.kept[key]
            states[task] = "running"
            self.network.begin(task)
            try:
                result = self._body(task, verdict, answer)
            except (AirflowException, RepriseError, Killed) as error:
                states[task], self.trouble = "failed", str(error)
                continue
            self.ti.xcom_push("return_value", result)
            states[task] = "success"
            return

    def _body(self, task: str, verdict: str, answer: str) -> Any:
        match task:
            case "gate":
                self._gate(verdict)
                self._skip(*(["reject"] if verdict == "yes" else TASKS[2:-1]))
            case "reject":
                return releasing.reject(self.context)
            case "upload":
                return releasing.upload(self.context)
            case "verify":
                proven = releasing.verify(self.context)
                self._skip(*([] if proven else ["review", "promote"]))
                return proven
            case "review":
                said = self._answer(answer)
                self.ti.xcom_push(ANSWER, asdict(said))
                self._skip(*([] if said.approved else ["promote"]))
            case "promote":
                return releasing.promote(self.context)
            case "finish":
                return self._finish()
        return None

    def _finish(self) -> dict[str, Any]:
        ended = ending.finish(self.context)
        if ending.broken_tasks(self.context):
            raise RepriseError(f"failed in {ending.broken_tasks(self.context)}")
        return ended

    def _gate(self, verdict: str) -> None:
        report = planted_report(self.plan, self.candidate.family, verdict)
        addresses = save_report(report, self.plan.open_lake())
        facts = {"family": report.family, "page": addresses["report.html"]}
        self.ti.xcom_push("verdict", {"answer": report.answer, "reason": report.reason, "facts": facts})

    def _answer(self, answer: str) -> Answer:
        by = {"nobody": "", "policy": "policy"}.get(answer, "mira")
        now = datetime.now(UTC).isoformat()
        return Answer(answer in ("approve", "policy"), by, self.comment, now, question.report_now(self.plan))

    def _skip(self, *tasks: str) -> None:
        for task in tasks:
            self.ti.states[task] = "skipped"


def planted_report(plan, family: str, verdict: str) -> Report:
    """A gate report whose deciding check says so."""
    gain = Comparison(0.04, 0.02, 0.06, 0.01, 0.03, 0.001, 300, 120.0)
    return Report(
        run=plan.run, deployment=plan.deployment.name, family=family, champion="release 1 (reprise_linear_old)",
        metric="consumption_ndcg_at_10", theta_measured=True, theta_reason="", test_first=plan.days[-2],
        test_last=plan.days[-1], confidence=0.95, candidate_mean=0.54, champion_mean=0.5, candidate_mean_per_query=0.54,
        champion_mean_per_query=0.5, dropped_traffic_share=0.0, comparison=gain, validation={family: 0.55},
        pick=Pick(family, family, 300, 300, {family: 0.55}, {family: 0.0}, {family: 0.0}, {family: 6.0}),
        sensitivity={},
        checks=[Check("superior_to_champion", "Is it better?", _OUTCOME[verdict], "planted")],
    )  # fmt: skip


@dataclass
class World:
    """A core or a collection in which release 1 (``OLD``) is live, and what listeners are answered."""

    client: SolrClient
    lake: str

    def retrain(self, run, candidate=NEW, network=None, **more) -> Retrain:
        """A run whose candidate is to become release 2."""
        return Retrain(self.lake, self.client, candidate, name=NAME, run=run, network=network, **more)

    @property
    def addresses(self) -> list[str]:
        """Every replica's core."""
        return [self.client.address(url) for url in self.client.urls]

    def named(self) -> dict[str, str]:
        """Everything in Solr that has a name of ours → its content."""
        stores = {name: str(self.client.features(name)) for name in self.client.feature_stores()}
        found = {**{str(model["name"]): str(model) for model in self.client.models()}, **stores}
        return {name: content for name, content in found.items() if name.startswith("reprise_")}

    def popular_first(self, query="raga") -> list[str]:
        """What release 2 is to answer, from the documents alone: their popularity."""
        asked = {"q": query, "rows": 100, "fl": "id,popularity"}
        found = self.client.select(asked, "/search").body["response"]["docs"]
        return [one["id"] for one in sorted(found, key=lambda one: -one["popularity"])]

    def assert_whole(self, listener: Listener, before: dict[str, str]) -> None:
        """No error, one release per answer, one order per release and the right one; no name has another content."""
        assert listener.errors == []
        assert listener.searches > 2
        for answered, orders in listener.answers.items():
            assert len(answered) == 1, answered
            assert len(orders) == 1, answered
        for order in listener.answers.get(("2",), set()):
            assert list(order[:10]) == self.popular_first()[:10]
        after = self.named()
        assert {name: after.get(name, content) for name, content in before.items()} == before


def prepared(client, folder) -> World:
    """Fill a core or collection and make release 1 live."""
    fill(client, behaviour=False)
    release.ensure_release_zero(client, REQUEST)
    release.upload(client, OLD, 1_000_000)
    release.promote(client, OLD, 0, release.Approval("mira", utc_now(), "r"))
    return World(client, f"{folder}/{NAME}")
