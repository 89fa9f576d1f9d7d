"""What only the whole shows: `retrain` in Airflow, with EMR steps, Spark, MLflow and Solr, over a small service's logs.

One run does everything. The others run on copies of its lake, each deployment with its own; all share one Solr, in
which the engine's own order is live when each of them begins. What reviewers may say and what may break from the gate's
word onwards is in test_matrix.py, every ending of the graph in tests/dags/test_endings.py.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from builders import real_lifecycle as real
from builders.browser import CHROMIUM
from builders.kills import killing
from builders.page_review import review
from reprise import release
from reprise.features.publish import behaviour_version
from reprise.release.record import Pointer, read_pointer
from reprise.sandbox import service_life, supervisor

pytestmark = [pytest.mark.services, pytest.mark.spark, pytest.mark.timeout(1200)]

DAYS = 9
WHY = "better where it matters"
MODELS = {"engine_order", "popularity", "best_feature", "linear", "lambdamart"}
VARIANTS = {
    "shaken": {},
    "hasty": {},
    "sparse": {"logs": {"min_searches_per_day": 1_000_000}},
}
JUDGED = ("propensities", "query_groups", "judgments", "training_set")
TRAINED = (*JUDGED, "candidates", "scores")
#: Every task that a run of an expired review has, but the review itself: Airflow gives that one no second try.
KILLED = (
    "plan", "open_cluster", "extract", "check_logs", "judge", "featurize", "train", "evaluate", "close_cluster", "gate",
    "upload", "verify", "finish",
)  # fmt: skip


@dataclass(frozen=True)
class First:
    """The undisturbed run, and what was to be seen right after it."""

    run: real.Run
    pointer: Pointer
    engine: dict[str, list[str]]  # query → first page in the engine's order
    live: dict[str, list[str]]  # and as an application gets it
    mlflow: dict
    page: dict | None  # what the reviewer saw in a browser; None where there is no chromium

    @property
    def other_family(self):
        """The family that was not promoted: its model is in no release, so it may be pruned."""
        (other,) = {"linear", "lambdamart"} - {self.pointer.live.family}
        return other


@pytest.fixture(scope="module")
def service(home, tmp_path_factory):
    deployments = tmp_path_factory.mktemp("deployments")
    real.write_deployments(deployments, VARIANTS)
    with real.living_service(home, deployments, DAYS) as service:
        yield service


@pytest.fixture(scope="module")
def first(service, tmp_path_factory):
    run = service.start(real.FIRST)
    run.wait_for_review()
    run.answer("Approve", "")
    real.wait_until(lambda: service.mira.waiting_reviews("retrain", run.id), 120, "the question to be put again")
    page = None
    if CHROMIUM:
        url, token, folder = service.home.url("airflow"), service.mira.token, tmp_path_factory.mktemp("chromium")
        page = review(url, token, folder, real.FIRST, WHY)
    else:
        run.answer("Approve", WHY)
    assert run.end() == "green", run.tasks
    queries = service_life.frequent_queries(real.FIRST, run.plan.run, 50)
    for variant in VARIANTS:
        service.copy_days(variant)
    return First(
        run,
        service.pointer,
        {query: service.found(query) for query in queries},
        {query: service.found(query, useParams="reprise_live") for query in queries},
        recorded(run),
        page,
    )


@pytest.fixture
def before(service, first):
    """What Solr says of releases when a run begins: the engine's order is live."""
    release.rollback(service.solr, 0, reason="as it was before the first run", by="mira")
    return service.pointer


def recorded(run):
    """What MLflow holds of a run and of its deployment's model."""
    return {
        "parents": recorded_parents(run),
        "children": run.mlflow.children(),
        "versions": run.mlflow.versions(),
        "aliases": run.mlflow.aliases(),
    }


def never_two_clusters(run):
    times = run.closed_clusters()
    return all(one["EndDateTime"] <= following["CreationDateTime"] for one, following in pairwise(times))


# --- the whole way -------------------------------------------------------------------------------------------------


def test_the_first_run_makes_release_1_live(first):
    live = first.pointer.live

    assert (live.number, live.approver) == (1, "mira")
    assert [(s.action, s.from_release, s.to_release) for s in first.pointer.switches] == [("promote", 0, 1)]
    assert (first.run.ending, first.run.record["live"], first.run.record["was"]) == ("promoted", 1, 0)
    assert {"reject"} == {task for task, states in first.run.tasks.items() if states != ["success"] * len(states)}
    assert first.run.plan.mlflow["run_id"] == live.mlflow_run


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium")
def test_a_reviewer_compares_and_approves_on_the_page(service, first, before):
    """One sitting at the page, in a real browser; what it shows is what Solr answered when nothing was live yet."""
    page = first.page
    release.rollback(service.solr, 1, reason="to look at it", by="mira")

    assert page["errors"] == []
    assert "waits for your answer" in page["before"]
    assert page["queries"] > 0
    assert page["whose before"] == ["", ""], "whose list is whose is not told before a preference"
    assert sorted(page["whose"]) == ["the new ranking", "what is live"]
    ours, theirs = (page["lists"][page["whose"].index(who)] for who in ("the new ranking", "what is live"))
    assert ours != theirs
    assert theirs == service.found(page["query"])[: len(theirs)], "live was the engine's own order"
    assert ours == service.found(page["query"], useParams="reprise_live")[: len(ours)], "which is live now"
    assert (page["graded"], page["reasons"] > 0) == ("3", True)
    assert page["kept"].startswith("One grade is kept")
    assert (page["title"], page["made"]) == ("Ranking", 0), "what is typed never becomes markup"
    assert (page["unreadable"], page["too wide"]) == ([], False)
    assert page["lists"][0][0] in page["golden"]
    assert "mira" in page["golden"]
    assert page["without a comment"].startswith("Say why")
    assert page["answered"].startswith("Approved")
    compared = first.run.record["compared"]
    assert (sum(compared.values()), sum(compared[won] for won in ("candidate", "live"))) == (1, 1)


def test_mlflow_has_one_parent_one_child_per_model_and_the_champion(first):
    assert first.mlflow["parents"] == [("FINISHED", "promoted")]
    assert {model: ["FINISHED"] for model in MODELS} == first.mlflow["children"]
    assert {"1": first.pointer.live.model} == first.mlflow["versions"]
    assert first.mlflow["aliases"] == {"champion": "1"}


def test_its_one_cluster_is_closed(first):
    assert len(first.run.closed_clusters()) == 1


def test_searches_get_the_new_order_and_a_rollback_brings_the_old_one_back(service, first, before):
    rolled_back = {query: service.found(query, useParams="reprise_live") for query in first.engine}
    release.rollback(service.solr, 1, reason="forward again", by="mira")
    forward = {query: service.found(query, useParams="reprise_live") for query in first.engine}

    assert len(first.engine) > 20
    moved = [query for query in first.engine if first.engine[query] != first.live[query]]
    several = [query for query in first.engine if len(first.engine[query]) > 2]  # one answer has one order
    assert len(moved) > len(several) / 2
    assert first.engine == rolled_back
    assert first.live == forward


def test_an_earlier_day_is_published_and_the_newest_again_while_searches_go_on(service, first, before):
    """What the live release's fields hold of every document, before, between and after."""
    release.rollback(service.solr, 1, reason="as promoted", by="mira")
    fields, days = first.pointer.live.behaviour_fields, first.run.plan.days
    as_uploaded = served(service, fields)

    earlier = service.publish(real.FIRST, day=days[-2], unchecked=True)
    assert earlier.end() == "green", earlier.tasks
    between = served(service, fields)
    behind, asked = service.look(real.FIRST)
    newest = service.publish(real.FIRST, unchecked=True)  # so few listeners are never alike
    assert newest.end() == "green", newest.tasks

    assert [run.ending for run in (earlier, newest)] == ["published", "published"]
    table = earlier.lake.read("behaviour", behaviour_version(earlier.plan), [f"dt={days[-2]}"]).to_pylist()
    expected = {row["item"]: [np.float32(row[field]) for field in fields] for row in table}
    assert sum(between[item] == values for item, values in expected.items() if item in between) > 300
    assert all(between[item] == values for item, values in expected.items() if item in between)
    assert as_uploaded == served(service, fields)
    facts = newest.lake.get_json(f"runs/{newest.plan.run}/published.json")
    assert 0 < facts["changed"] < facts["documents"]
    assert [facts["searches"][when]["errors"] for when in ("before", "meanwhile")] == [0, 0]
    assert len(newest.closed_clusters()) == 1
    assert (behind["live"], behind["day"], asked) == (1, days[-1], "skipped")
    standings = [(one["field"], one["day"], one["age_days"]) for one in behind["behaviour"]]
    assert standings == [(field, days[-2], 1) for field in sorted(fields)]
    assert {one["differing_share"] for one in behind["behaviour"]} == {0.0}


def served(service, fields):
    """Document → what it holds of these fields; where it holds nothing, what a feature reads."""
    asked = {"q": "*:*", "rows": 10_000, "fl": ",".join(["id", *fields])}
    documents = service.solr.select(asked).body["response"]["docs"]
    return {one["id"]: [np.float32(one.get(field, 0.0)) for field in fields] for one in documents}


# --- green, and nothing live has changed ---------------------------------------------------------------------------


def test_bad_logs_end_a_run_before_anything_is_learned(service, first, before):
    run = service.start("sparse")

    assert run.end() == "green", run.tasks
    assert run.ending == "bad logs"
    assert [run.tasks[task] for task in ("check_logs", "judge")] == [["success"], ["skipped"]]
    assert before == service.pointer
    assert recorded_parents(run) == [("FINISHED", "bad logs")]
    assert never_two_clusters(run)


def test_drift_starts_one_retrain_whose_review_nobody_answers_and_each_of_its_tasks_is_killed_once(
    service, first, before
):
    """To a look that no change is small enough for, every day has drifted; the family is one that no release has."""
    hasty = {"families": [first.other_family], "review": {"timeout_hours": 0.002}}
    service.settle("hasty", "gate", {**hasty, "monitor": {"max_change": 1e-9, "quiet_days": 0}})
    run_id = f"drift__hasty__{first.run.plan.days[-1]}"
    with killing(service.admin, "retrain", run_id, KILLED) as killed:
        seen, started = service.look("hasty")
        run = service.triggered("retrain", run_id)
        service.hand_over(first.run, run, TRAINED)
        run.wait_for_review()
        staged = service.solr_models
        again, started_again = service.look("hasty")
        assert run.end() == "green", run.tasks

    assert killed == dict.fromkeys(KILLED, "up_for_retry")
    assert (started, started_again) == ("success", "skipped")
    assert (seen["drifted"], seen["live"]) == (again["drifted"], 0)
    assert set(run.plan.reason.removeprefix("drift: ").split("; ")) == set(seen["drifted"].values())
    assert run.ending == "expired"
    assert (run.record["live"], run.record["was"], run.record["note"]) == (0, 0, "")
    assert run.steps() == []  # what the lake holds is not made again
    assert {run.candidate(first.other_family)["model"]} == staged - service.solr_models
    assert before == service.pointer
    assert recorded_parents(run) == [("FINISHED", "expired")]


def recorded_parents(run):
    return [(parent.info.status, parent.data.tags["reprise.ending"]) for parent in run.mlflow.parents()]


# --- red, cleared, and in the end as if nothing had happened ---------------------------------------------------------


def test_a_run_that_broke_four_times_ends_like_an_undisturbed_one(service, first, before):
    models = service.solr_models
    run = service.start("shaken")
    service.hand_over(first.run, run, JUDGED)
    crash_a_step(service, run, before)
    run.clear("train")
    kill_the_question(service, run, before)
    run.clear("review")
    run.wait_for_review()
    crash_promote_before_its_write(service, run, before)
    run.clear("promote")
    kill_promote_after_its_write(service, run)

    assert run.end() == "green", run.tasks
    assert (run.ending, run.record["live"], run.record["was"]) == ("promoted", 2, 0)
    assert first.mlflow == recorded(run)
    for family in ("linear", "lambdamart"):
        assert first.run.candidate(family)["digest"] == run.candidate(family)["digest"]
    assert scores(first.run).equals(scores(run))
    after = service.pointer
    assert first.pointer.live.sha == after.live.sha
    assert len(before.releases) + 1 == len(after.releases)
    assert models == service.solr_models
    assert never_two_clusters(run)
    assert {name.split("-")[0] for name in run.steps()} == {"train", "evaluate"}


def crash_a_step(service, run, before):
    """The step is killed in both attempts: red, the cluster closed, MLflow's runs ended."""
    for _ in range(2):
        service.kill_step("train-lambdamart-*")
        real.wait_until(lambda: not service.fault_is_pending(), 200, "the step to be killed")
    assert run.end() == "red", run.tasks
    assert (run.ending, *run.tasks["evaluate"]) == ("failed", "upstream_failed")
    assert "failed" in run.tasks["train"]
    assert len(run.closed_clusters()) == 1
    assert recorded_parents(run) == [("FAILED", "failed")]
    assert "RUNNING" not in {status for statuses in run.mlflow.children().values() for status in statuses}
    assert before == service.pointer


def kill_the_question(service, run, before):
    """The process that puts the question is killed: red, since Airflow gives it no second try, and nothing is live."""
    with killing(service.admin, "retrain", run.id, ["review"], cleared=False) as killed:
        assert run.end() == "red", run.tasks
    assert (killed, run.ending) == ({"review": "failed"}, "failed")
    assert before == service.pointer


def crash_promote_before_its_write(service, run, before):
    """Solr is gone when the approval comes: red, and Solr comes back with what was live."""
    real.stop(service.home, "solr")
    run.answer("Approve", "better where it matters")
    colour = run.end()
    supervisor.up(service.home, ["solr"])
    assert (colour, run.ending, run.tasks["promote"]) == ("red", "failed", ["failed"])
    assert run.record["live"] is None
    assert "does not answer" in run.record["note"]
    assert recorded_parents(run) == [("FAILED", "failed")]
    assert before == service.pointer


def kill_promote_after_its_write(service, run):
    """The pointer is switched, the mirrors are not: the retry finds its release live and does the rest."""
    with service.solr as solr:
        version = read_pointer(solr).version
        real.wait_until(lambda: read_pointer(solr).version > version, 60, "the write of promote", pause_s=0.005)
    run.kill("promote")
    run.wait_for("promote", "up_for_retry")


def scores(run):
    found = run.lake.read("scores", run.plan.models_version, [run.plan.partition])
    return found.sort_by([(name, "ascending") for name in found.column_names if name != "value"])
