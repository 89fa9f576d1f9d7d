"""What holds for every DAG; each message says how to mend it."""

import ast
import json

import pytest

from builders.airflow_process import ROOT, run_with_airflow

EXPECTED = ["extract", "monitor", "publish_features", "retrain", "rollback", "select_features"]
HEAVY = ("pandas", "mlflow", "pyspark", "lightgbm", "matplotlib", "boto3", "pyarrow", "reprise.sandbox")
#: A coarse budget: a graph that needs longer than this on a loaded machine imports something it should not.
PARSE_BUDGET_S = 20.0
PROGRAM = """
import json, logging, sys, time
from airflow.dag_processing.dagbag import DagBag
logging.disable(logging.CRITICAL)
started = time.perf_counter()
bag = DagBag({dags!r})
seconds = time.perf_counter() - started
def param(param):
    return [param.schema.get("title"), param.schema.get("description_md")]
def graph(dag):
    return {{
        "doc": dag.doc_md or "", "tags": sorted(dag.tags), "catchup": dag.catchup, "start_date": str(dag.start_date),
        "active": dag.max_active_runs, "paused": dag.is_paused_upon_creation,
        "timeout_s": dag.dagrun_timeout and dag.dagrun_timeout.total_seconds(),
        "run_immediately": str(getattr(dag.timetable, "run_immediately", None)),
        "params": {{name: param(dag.params.get_param(name)) for name in dag.params}},
        "tasks": {{t.task_id: {{
            "type": t.task_type, "down": sorted(t.downstream_task_ids), "owner": t.owner, "retries": t.retries,
            "setup": t.is_setup, "teardown": t.is_teardown, "rule": str(t.trigger_rule),
            "fails_run": bool(getattr(t, "on_failure_fail_dagrun", False)),
            "links": [link.name for link in t.operator_extra_links],
        }} for t in dag.tasks}},
    }}
heavy = sorted(name for name in {heavy!r} if name in sys.modules)
graphs = {{d: graph(dag) for d, dag in bag.dags.items()}}
print(json.dumps({{"errors": bag.import_errors, "dags": graphs, "heavy": heavy, "seconds": seconds}}))
"""

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    program = PROGRAM.format(dags=str(ROOT / "dags"), heavy=HEAVY)
    return json.loads(run_with_airflow(tmp_path_factory.mktemp("airflow"), "-c", program))


@pytest.fixture(scope="module")
def retrain(parsed):
    return parsed["dags"]["retrain"]


def test_every_file_parses(parsed):
    assert parsed["errors"] == {}, "a DAG file does not import: the trace names the line"


def test_the_dags_are_these(parsed):
    files = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))

    assert sorted(parsed["dags"]) == EXPECTED, "add the new DAG to EXPECTED and to docs/operations.md"
    assert files == sorted(parsed["dags"]), "name the file like its dag_id"


def test_parsing_loads_nothing_heavy(parsed):
    assert parsed["heavy"] == [], "move the import into the function that needs it: the scheduler parses all day"


def test_parsing_stays_within_its_budget(parsed):
    assert parsed["seconds"] < PARSE_BUDGET_S, "look with `python -X importtime` for what a DAG file pulls in"


@pytest.mark.parametrize("dag_id", EXPECTED)
def test_every_dag_is_documented_and_bounded(parsed, dag_id):
    dag = parsed["dags"][dag_id]

    for word in ("Steps", "Form", "Endings", "roll back"):
        assert word in dag["doc"], f"say it in the module docstring of dags/{dag_id}.py, which is the page in the UI"
    assert "reprise" in dag["tags"], 'tags=["reprise", …] lets operators filter'
    assert dag["active"] == 1, "two runs at once would compare with a champion the other replaces"
    assert dag["timeout_s"], "set dagrun_timeout: a run that hangs must end"
    assert not dag["catchup"], "runs are about the newest closed day; there is nothing to catch up"
    assert dag["start_date"] == "None", "a start_date would start the last missed run when the DAG is unpaused"
    for name, (title, help_text) in dag["params"].items():
        assert title, f"Param {name} needs a title"
        assert help_text, f"Param {name} needs a help text (description_md)"


@pytest.mark.parametrize("dag_id", ["extract", "monitor", "publish_features", "retrain"])
def test_a_schedule_waits_until_it_is_asked(parsed, dag_id):
    dag = parsed["dags"][dag_id]

    assert dag["paused"], "is_paused_upon_creation=True: a new installation starts nothing by itself"
    assert dag["run_immediately"] == "0:00:00", "run_immediately=timedelta(0): else unpausing starts a missed run"


@pytest.mark.parametrize("dag_id", ["extract", "publish_features", "retrain"])
def test_every_cluster_has_a_teardown_that_fails_the_run(parsed, dag_id):
    tasks = parsed["dags"][dag_id]["tasks"]
    openers = [name for name, task in tasks.items() if task["type"] == "OpenClusterOperator"]

    assert openers == ["open_cluster"]
    assert tasks["open_cluster"]["setup"], "close_cluster.as_teardown(setups=open_cluster)"
    for name in ("close_cluster", "finish"):
        assert tasks[name]["teardown"], f"{name}.as_teardown(…): it must run whatever happened"
        assert tasks[name]["fails_run"], "on_failure_fail_dagrun=True, or its crash is green"
    assert tasks["close_cluster"]["down"] == ["finish"], "nothing but finish may depend on a teardown"


def test_retrain_has_exactly_these_edges(retrain):
    expected = {
        "plan": ["open_cluster", "train"],  # train is mapped over plan's families
        "open_cluster": ["close_cluster", "extract"],
        "extract": ["check_logs"],
        "check_logs": ["judge"],
        "judge": ["featurize"],
        "featurize": ["train"],
        "train": ["evaluate"],
        "evaluate": ["close_cluster", "gate"],  # gate: the only edge out of the bracket
        "close_cluster": ["finish"],
        "gate": ["reject", "upload"],
        "reject": ["finish"],
        "upload": ["verify"],
        "verify": ["review"],
        "review": ["promote"],
        "promote": ["finish"],
        "finish": [],
    }

    assert expected == {name: task["down"] for name, task in retrain["tasks"].items()}


def test_publish_features_has_exactly_these_edges(parsed):
    expected = {
        "plan": ["open_cluster"],
        "open_cluster": ["close_cluster", "extract"],
        "extract": ["check_logs"],
        "check_logs": ["behaviour"],
        "behaviour": ["close_cluster", "publish"],  # publish: the only edge out of the bracket
        "close_cluster": ["finish"],
        "publish": ["finish"],
        "finish": [],
    }

    assert expected == {name: task["down"] for name, task in parsed["dags"]["publish_features"]["tasks"].items()}


def test_only_teardowns_have_another_trigger_rule(retrain):
    others = {name for name, task in retrain["tasks"].items() if "all_success" not in task["rule"].lower()}

    assert {"close_cluster", "finish"} == others, "all_done or none_failed lets a crashed run reach promote"


def test_review_is_never_tried_again(retrain):
    assert retrain["tasks"]["review"]["retries"] == 0, "a second try would show the first one's report"


def test_a_run_outlasts_its_longest_review(retrain):
    four_days = 4 * 24 * 3600

    assert retrain["timeout_s"] > four_days


@pytest.mark.parametrize(
    ("task", "link"),
    [
        ("plan", "MLflow run"),
        ("train", "MLflow run"),
        ("evaluate", "EMR step logs"),
        ("upload", "Solr model"),
        ("promote", "Solr model"),
    ],
)
def test_tasks_lead_to_what_they_made(retrain, task, link):
    assert link in retrain["tasks"][task]["links"]


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.stem)
def test_a_dag_file_only_wires(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    branching = [
        n.lineno for n in ast.walk(tree) if isinstance(n, ast.If | ast.For | ast.While | ast.FunctionDef | ast.Try)
    ]

    assert branching == [], "put it into reprise/lifecycle: a DAG file draws edges and nothing else"


@pytest.mark.parametrize("path", sorted((ROOT / "plugins").glob("*.py")), ids=lambda path: path.stem)
def test_a_plugin_file_only_registers(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, "put the code into reprise/lifecycle"
    assert path.stem != "reprise", "a plugin named reprise.py would shadow the package"
