"""Verdict × answer × fault: whatever happens, searches get whole answers, and the run says what is live.

Each row is a retrain over a real Solr in which release 1 is live. Its candidate becomes release 2, or does not; in a
red run what broke is mended and the run cleared.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient

from builders.faults import Fault, listening, network
from builders.release_half import NAME, NEW, OLD, OTHER, prepared
from builders.solr_cloud import collection, wait_until_active
from builders.solr_core import client_of
from reprise.experts import golden
from reprise.experts.golden import Expectation
from reprise.lifecycle import emr_api, question
from reprise.release import live, releases, rollback
from reprise.release.record import utc_now
from reprise.tracking.registry import find_version

pytestmark = [pytest.mark.solr, pytest.mark.services]
NUMBERS = itertools.count(1)
YES, NO, OPEN = "yes", "no", "cannot tell"
#: Requests that write, as "METHOD path?query" has them.
STORE, MODEL, RELOAD, SWITCH = "POST .*feature-store", "POST .*model-store", "action=RELOAD", "POST .*config/params"

#: Row → the gate's verdict, the reviewers' answer, what breaks → colour, ending, what the record says is live; and,
#: once all is mended and the red run cleared, the ending and what is live then.
ROWS = {
    # --- nothing breaks: every verdict, every answer
    "approved": (YES, "approve", None, "green promoted 2", ""),
    "none asked": (YES, "policy", None, "green promoted 2", ""),
    "rejected": (YES, "reject", None, "green rejected 1", ""),
    "expired": (YES, "nobody", None, "green expired 1", ""),
    "refused": (NO, "approve", None, "green refused 1", ""),
    "refused, none asked": (NO, "policy", None, "green refused 1", ""),
    "not proven": (OPEN, "approve", None, "green inconclusive 1", ""),
    "not proven, none asked": (OPEN, "policy", None, "green inconclusive 1", ""),
    "Solr sees other features": ("skewed", "approve", None, "green refused 1", ""),
    "Solr shows too little": ("few", "policy", None, "green inconclusive 1", ""),
    # --- Solr goes away, and is back when the run is cleared
    "down before upload": (YES, "approve", Fault("upload", "down"), "red failed ?", "promoted 2"),
    "down between store and model": (YES, "approve", Fault("upload", "down", MODEL), "red failed ?", "promoted 2"),
    "down after the store": (YES, "policy", Fault("upload", "down", STORE, True), "red failed ?", "promoted 2"),
    "down after the model": (YES, "reject", Fault("upload", "down", MODEL, True), "red failed ?", "rejected 1"),
    "down after upload": (YES, "approve", Fault("verify", "down"), "red failed ?", "promoted 2"),
    "down after the approval": (YES, "approve", Fault("promote", "down"), "red failed ?", "promoted 2"),
    "down before the switch": (YES, "policy", Fault("promote", "down", SWITCH), "red failed ?", "promoted 2"),
    "down in the switch": (YES, "approve", Fault("promote", "down", SWITCH, True), "red failed ?", "promoted 2"),
    "down at the end": (YES, "approve", Fault("finish", "down"), "red promoted ?", "promoted 2"),
    "down at the end of a rejected": (YES, "reject", Fault("finish", "down"), "red rejected ?", "rejected 1"),
    # --- Solr goes away for one try of a task: the retry finds what the first has left
    "away at upload": (YES, "approve", Fault("upload", "down", MODEL, True, False), "green promoted 2", ""),
    "away at verify": (YES, "nobody", Fault("verify", "down", "/search", False, False), "green expired 1", ""),
    "away in the switch": (YES, "approve", Fault("promote", "down", SWITCH, True, False), "green promoted 2", ""),
    # --- Solr refuses, or does not do what it says
    "store refused": (YES, "approve", Fault("upload", "refused", STORE), "red failed 1", "promoted 2"),
    "model refused": (YES, "approve", Fault("upload", "refused", MODEL), "red failed 1", "promoted 2"),
    "model lost": (YES, "approve", Fault("upload", "ignored", MODEL), "red failed 1", "promoted 2"),
    "reload fails": (YES, "approve", Fault("upload", "refused", RELOAD), "red failed 1", "promoted 2"),
    "switch refused": (YES, "policy", Fault("promote", "refused", SWITCH), "red failed 1", "promoted 2"),
    "switch ignored": (YES, "approve", Fault("promote", "ignored", SWITCH), "green superseded 1", ""),
    # --- the run's process ends, in both tries; then it is cleared
    "killed at upload": (YES, "approve", Fault("upload", "killed"), "red failed 1", "promoted 2"),
    "killed after the store": (YES, "policy", Fault("upload", "killed", STORE, True), "green promoted 2", ""),
    "killed at the model": (YES, "approve", Fault("upload", "killed", MODEL), "red failed 1", "promoted 2"),
    "killed at the reload": (YES, "reject", Fault("upload", "killed", RELOAD, True), "red failed 1", "rejected 1"),
    "killed at verify": (YES, "approve", Fault("verify", "killed", "/search"), "red failed 1", "promoted 2"),
    "killed at promote": (YES, "approve", Fault("promote", "killed"), "red failed 1", "promoted 2"),
    "killed before the switch": (YES, "approve", Fault("promote", "killed", SWITCH), "red failed 1", "promoted 2"),
    "killed after the switch": (YES, "approve", Fault("promote", "killed", SWITCH, True), "green promoted 2", ""),
    "killed at the end": (YES, "approve", Fault("finish", "killed"), "red None ?", "promoted 2"),
    "killed while it prunes": (YES, "reject", Fault("finish", "killed", "DELETE"), "red None ?", "rejected 1"),
    "killed once and retried": (YES, "approve", Fault("upload", "killed", MODEL, True, False), "green promoted 2", ""),
}  # fmt: skip


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path, mlflow_server):
    monkeypatch.setattr(emr_api, "close_clusters", lambda name: None)  # none of these runs has one
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_LAKE", f'{{"conn_type": "generic", "host": "file://{tmp_path}"}}')


@pytest.fixture
def world(new_core, tmp_path):
    with client_of(new_core()) as client:
        yield prepared(client, tmp_path)


@pytest.fixture
def watched(world):
    """Searches all the while, and at the end looks at what was answered, and whether a name has another content."""
    before = world.named()
    with listening(world.addresses) as listener:
        yield world
    world.assert_whole(listener, before)


def run_id(row):
    return f"{next(NUMBERS)}-{row}".replace(" ", "-").replace(",", "")


def said(run):
    """What the run itself says: colour, ending, what is live."""
    live_now = run.record.get("live")
    return f"{run.colour} {run.record.get('ending')} {'?' if live_now is None else live_now}"


@pytest.mark.parametrize("row", ROWS)
def test_whatever_breaks_searches_go_on_and_the_run_says_what_is_live(watched, row):
    verdict, answer, fault, expected, mended = ROWS[row]
    few = {"probes": ["raga"]} if verdict == "few" else {}
    skewed = {"popularity": 9.0} if verdict == "skewed" else {}
    with network() as between:
        run = watched.retrain(run_id(row), network=between, trained=skewed, **few)
        between.fault = fault
        run.go(verdict if verdict in (YES, NO, OPEN) else YES, answer)
        between.mend()

        assert said(run) == expected, run.trouble
        assert between.met > 0 or fault is None
        serving = live(watched.client).number
        assert run.record.get("live") in (serving, None)
        if mended:
            run.clear()
            run.go(verdict, answer)
            assert said(run) == f"green {mended}", run.trouble
    serving = live(watched.client)
    assert (run.record["live"], run.record["was"], run.record["note"]) == (serving.number, 1, "")
    assert serving.model == (NEW if serving.number == 2 else OLD).model
    assert [one.number for one in releases(watched.client)] == [*range(serving.number + 1)]
    assert [model["name"] for model in watched.client.models()] == sorted(
        {OLD.model, serving.model}, key=[OLD.model, NEW.model].index
    )


@pytest.mark.parametrize(("place", "expected"), [(0, "green promoted 2"), (-1, "green refused 1")])
def test_a_candidate_that_breaks_a_golden_query_goes_no_further(watched, place, expected):
    run = watched.retrain(run_id("golden"))
    item = watched.popular_first()[place]
    golden.add(
        run.plan.open_lake(), Expectation("raga", item, "first", "never_break", "mira", utc_now(), "its own title")
    )

    run.go(YES, "policy")

    assert said(run) == expected, run.record
    assert ("golden_never_break" in run.record["reason"]) == (expected == "green refused 1")
    assert {model["name"] for model in watched.client.models()} == {OLD.model, live(watched.client).model}


# --- another hand at the same time -----------------------------------------------------------------------------------


def test_a_rollback_during_the_review_stands(watched):
    run = watched.retrain(run_id("rollback"))
    run.go(YES, "approve", until="review")
    rollback(watched.client, 0, "worse", "ops")

    run.go(YES, "approve")

    assert said(run) == "green superseded 0"
    assert "but live is release 0" in run.record["reason"]
    assert run.record["was"] == 1


@pytest.mark.parametrize(
    ("request_of_promote", "expected"), [("GET .*model-store", "green superseded 0"), (SWITCH, "green superseded 2")]
)
def test_a_rollback_in_the_middle_of_promote_is_told_as_it_came_out(watched, request_of_promote, expected):
    """Before the second look it stands; between that and the write nobody can help it, but the run says so."""
    with network() as between:
        run = watched.retrain(run_id("race"), network=between)
        between.meanwhile = ("promote", request_of_promote, lambda: rollback(watched.client, 0, "worse", "ops"))

        run.go(YES, "approve")

    assert said(run) == expected, run.record
    assert live(watched.client).number == run.record["live"]


def test_of_two_retrains_the_later_approval_is_superseded(watched):
    first, second = watched.retrain(run_id("first")), watched.retrain(run_id("second"), OTHER)
    for run in (first, second):
        run.go(YES, "approve", until="review")

    first.go(YES, "approve")
    second.go(YES, "approve")

    assert [said(run) for run in (first, second)] == ["green promoted 2", "green superseded 2"]
    assert live(watched.client).model == NEW.model


def test_a_rejected_run_leaves_the_other_ones_candidate_alone(watched):
    first, second = watched.retrain(run_id("first")), watched.retrain(run_id("second"), OTHER)
    for run in (first, second):
        run.go(YES, "nobody", until="verify")

    first.go(YES, "reject")
    second.go(YES, "approve")

    assert [said(run) for run in (first, second)] == ["green rejected 1", "green promoted 2"]
    assert live(watched.client).model == OTHER.model


def test_of_two_retrains_that_promote_at_once_one_is_superseded(watched):
    runs = [watched.retrain(run_id("one")), watched.retrain(run_id("other"), OTHER)]
    for run in runs:
        run.go(YES, "policy", until="review")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda run: run.go(YES, "policy", until="promote"), runs))
    for run in runs:
        run.go(YES, "policy")

    assert sorted(said(run) for run in runs) == ["green promoted 2", "green superseded 2"]
    (winner,) = [run for run in runs if run.record["ending"] == "promoted"]
    assert live(watched.client).sha == winner.candidate.sha


def test_an_approval_of_another_report_promotes_nothing(watched):
    run = watched.retrain(run_id("report"))
    run.go(YES, "approve", until="review")
    run.run_again("verify")

    run.go(YES, "approve")

    assert said(run) == "green superseded 1"
    assert "the run's report is" in run.record["reason"]


def test_why_the_last_candidate_was_rejected_is_told_to_the_next_reviewers(watched):
    first = watched.retrain(run_id("first"))
    first.comment = "no *devotional* songs\n<img src=x onerror=alert(1)> [here](http://evil)"
    first.go(YES, "reject")
    second = watched.retrain(run_id("second"))
    second.go(YES, "approve", until="verify")

    asked = question.body(second.plan, "http://mlflow/")

    assert "rejected: *mira: no devotional songs &lt;img src=x onerror=alert 1 &gt; here http://evil" in " ".join(
        asked.replace("  ", " ").split()
    )
    assert question.report_now(second.plan) in asked
    assert "](plugin/ranking)" in asked
    assert first.record["answer"]["comment"] == first.comment
    second.go(YES, "approve")
    assert question.last_rejection(second.plan) == ""


# --- the mirrors -----------------------------------------------------------------------------------------------------


def champion(version_of):
    client = MlflowClient()
    aliases = client.get_registered_model(f"reprise-{NAME}").aliases
    return aliases.get("champion") == find_version(client, NAME, version_of.model)


def test_mlflow_down_at_the_alias_holds_nothing_up(watched, monkeypatch, mlflow_server):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    run = watched.retrain(run_id("mlflow"))
    run.go(YES, "approve", until="review")
    with monkeypatch.context() as away:
        away.setenv("AIRFLOW_CONN_REPRISE_MLFLOW", '{"conn_type": "http", "host": "http://127.0.0.1:9"}')
        run.go(YES, "approve")

    assert run.ti.states["promote"] == "success"
    assert said(run) == "red promoted 2"
    assert "MLflow at http://127.0.0.1:9 does not answer" in run.trouble
    run.clear()
    run.go(YES, "approve")
    assert said(run) == "green promoted 2"
    assert champion(NEW)


def test_mlflow_that_is_back_at_the_end_is_brought_along(watched, monkeypatch, mlflow_server):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    run = watched.retrain(run_id("mlflow back"))
    run.go(YES, "approve", until="review")
    with monkeypatch.context() as away:
        away.setenv("AIRFLOW_CONN_REPRISE_MLFLOW", '{"conn_type": "http", "host": "http://127.0.0.1:9"}')
        run.go(YES, "approve", until="promote")

    run.go(YES, "approve")

    assert said(run) == "green promoted 2"
    assert champion(NEW)


# --- two replicas ----------------------------------------------------------------------------------------------------


@pytest.fixture
def replicated(cloud, tmp_path):
    with collection(cloud) as client:
        yield prepared(client, tmp_path)


#: As above; "stale" is a reload that SolrCloud confirms and does not do.
CLOUD_ROWS = {
    "approved": (None, "green promoted 2", ""),
    "stale": (Fault("upload", "ignored", "action=RELOAD"), "red failed 1", "promoted 2"),
    "killed after the switch": (Fault("promote", "killed", SWITCH, True), "green promoted 2", ""),
}


@pytest.mark.parametrize("row", CLOUD_ROWS)
def test_on_two_replicas_of_solrcloud(replicated, row):
    fault, expected, mended = CLOUD_ROWS[row]
    before = replicated.named()
    with network() as between, listening(replicated.addresses) as listener:
        run = replicated.retrain(run_id(row), network=between)
        between.fault = fault
        run.go(YES, "approve")
        between.mend()

        assert said(run) == expected, run.trouble
        if mended:
            run.clear()
            run.go(YES, "approve")
            assert said(run) == f"green {mended}", run.trouble
    replicated.assert_whole(listener, before)


def test_with_a_replica_down_the_old_release_stays_and_is_said_to(replicated, cloud):
    """Down before the promotion; searches at the other replica go on, and clearing goes on once it is back."""
    before = replicated.named()
    run = replicated.retrain(run_id("replica"))
    run.go(YES, "approve", until="review")
    away = replicated.client.replicas()[1]
    with listening([replicated.client.address()]) as listener:
        cloud.kill(cloud.nodes.index(away.url))
        run.go(YES, "approve")

        assert said(run) == "red failed 1", run.trouble
        assert away.address in run.record["note"]
        cloud.start(cloud.nodes.index(away.url))
        wait_until_active(replicated.client)
        run.clear()
        run.go(YES, "approve")
        assert said(run) == "green promoted 2", run.trouble
    replicated.assert_whole(listener, before)
