"""`reprise gate` from files alone, as the page of documentation says, and what it refuses."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markupsafe import escape
from typer.testing import CliRunner

from reprise.cli import app
from reprise.errors import MissingDataError, UsageError
from reprise.gate.report import Report

DOCS = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
HOSTILE = "<script>alert('x')</script>"


def scores(folder, gain=0.08, queries=300, name="scores.parquet", **extra):
    """A Parquet file of a candidate and what serves."""
    random = np.random.default_rng(4)
    base = random.uniform(0.3, 0.7, queries)
    rows = [
        {
            "model": model, "query_group": f"{HOSTILE} {n}", "value": float(value), "traffic": 1 + 1000 // (n + 1),
            "language": ("hi", "en")[n % 2],
        }
        for model, values in (("new", base + gain + random.normal(0, 0.1, queries)), ("engine_order", base))
        for n, value in enumerate(values)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows)
    for column, values in extra.items():
        table = table.append_column(column, pa.array(values(table.num_rows)))
    pq.write_table(table, folder / name)
    return folder / name


def trec(folder, queries=200, depth=5):
    """Judgments, the engine's order by chance, and a better one; and searches of each query."""
    random = np.random.default_rng(2)
    judged, before, after, searches = [], [], [], []
    for query in range(queries):
        for item, grade in enumerate(random.integers(0, 4, depth)):
            judged.append(f"q{query} 0 d{item} {grade}")
            before.append(f"q{query} Q0 d{item} 1 {random.random():.4f} before")
            after.append(f"q{query} Q0 d{item} 1 {grade + random.normal(0, 1):.4f} after")
        searches.append(f"q{query}\t{1 + 300 // (query + 1)}")
    files = {"judged.txt": judged, "before.txt": before, "after.txt": after, "searches.tsv": searches}
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines))


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in ("gate", *arguments)])


@pytest.mark.parametrize(("gain", "said", "code"), [(0.08, "yes", 0), (0.0, "cannot tell", 2), (-0.08, "no", 1)])
def test_scores_are_weighed_and_the_exit_code_says_it(tmp_path, gain, said, code):
    found = run("--scores", scores(tmp_path, gain), "--out", tmp_path / "report")
    report = Report.from_json((tmp_path / "report" / "report.json").read_bytes())

    assert (found.exit_code, report.answer) == (code, said), found.output
    assert found.output.startswith(said)
    assert (report.family, report.champion) == ("new", "engine_order")
    assert {one.kind for one in report.slices} == {"language"}
    assert {"parity", "untouched_test_block"} <= set(report.not_asked)


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    """Word for word; `policy.yaml` is the one that the page shows."""
    trec(tmp_path)
    scores(tmp_path)
    (tmp_path / "policy.yaml").write_text(re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^reprise (gate --(?:scores|qrels)[^\\\n]*(?:\\\n.*)?)$", DOCS, re.MULTILINE)

    assert len(commands) == 2
    for command in commands:
        found = CliRunner().invoke(app, command.replace("\\\n", " ").split())
        assert found.exit_code == 0, found.output
        folder = tmp_path / command.split("--out ")[1].strip()
        assert json.loads((folder / "report.json").read_text())["answer"] == "yes"


def test_traffic_weighs_queries_and_without_it_each_counts_once(tmp_path):
    trec(tmp_path)
    files = ["--qrels", tmp_path / "judged.txt", "--run", tmp_path / "after.txt", "--champion", tmp_path / "before.txt"]
    run(*files, "--out", tmp_path / "once")
    run(*files, "--traffic", tmp_path / "searches.tsv", "--out", tmp_path / "often")
    once, often = (Report.from_json((tmp_path / name / "report.json").read_bytes()) for name in ("once", "often"))

    assert once.comparison.effective_n == pytest.approx(once.comparison.queries)
    assert often.comparison.effective_n < 0.5 * once.comparison.effective_n
    assert once.candidate_mean_per_query == pytest.approx(often.candidate_mean_per_query)
    assert (once.family, once.champion) == ("after.txt", "before.txt")


def test_text_of_the_files_is_escaped(tmp_path):
    run("--scores", scores(tmp_path), "--out", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()

    assert escape(HOSTILE) in page
    assert "<script" not in page


def not_parquet(folder):
    (folder / "scores.parquet").write_bytes(b"model,query\n")
    return folder / "scores.parquet"


def no_values(folder):
    pq.write_table(pa.table({"model": ["a"], "query": ["q"]}), folder / "scores.parquet")
    return folder / "scores.parquet"


def words_for_values(folder):
    columns = {"model": ["a"], "query_group": ["q"], "value": ["high"]}
    pq.write_table(pa.table(columns), folder / "scores.parquet")
    return folder / "scores.parquet"


def twice(folder):
    path = scores(folder)
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 7)]), path)
    return path


def two_candidates(folder):
    path = scores(folder)
    table = pq.read_table(path)
    other = table.set_column(0, "model", pa.array(["other"] * len(table)))
    pq.write_table(pa.concat_tables([table, other.slice(0, 300)]), path)
    return path


def of_another_role(folder):
    return scores(folder, role=lambda n: ["train"] * n)


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (not_parquet, "scores.parquet is no Parquet"),
        (no_values, "lacks query_group, value"),
        (words_for_values, "value must be double"),
        (twice, "scores 7 times a query of a model again"),
        (two_candidates, "2 candidates: new, other"),
        (of_another_role, "for the test blocks"),
        (lambda folder: folder / "none.parquet", "there is no file"),
        (lambda folder: scores(folder, name="x") and folder, "there is no file"),
    ],
)
def test_a_bad_file_of_scores_is_named(tmp_path, plant, message):
    found = run("--scores", plant(tmp_path), "--out", tmp_path / "report")

    assert isinstance(found.exception, UsageError | MissingDataError)
    assert message in str(found.exception)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("policy.yaml", "confidence: 3", "confidence: Input should be less than 1"),
        ("policy.yaml", "policy:\n  no_such: 1", "no_such: Extra inputs"),
        ("policy.yaml", "a: [", "no YAML"),
        ("policy.yaml", "- 1", "policy.yaml: the whole file"),
        ("policy.yaml", "x" * 1_000_001, "larger than 1,000,000 bytes"),
        ("searches.tsv", "q1 3", "line 1 is not `query, tab, searches`"),
        ("searches.tsv", "q1\t3", "no searches of 199 judged queries"),
        ("after.txt", "q1 Q0 d1 1 nan after", "have no score"),
        ("after.txt", "q1 Q0 d1 1 0.3 after", "queries of champion are not in every run"),
        ("judged.txt", "q1 0 d1 7000", "no grade from 0 to 31"),
    ],
)
def test_other_bad_files_are_named(tmp_path, name, content, message):
    trec(tmp_path)
    (tmp_path / name).write_text(content)
    found = run(
        "--qrels", tmp_path / "judged.txt", "--run", tmp_path / "after.txt", "--champion", tmp_path / "before.txt",
        "--traffic", tmp_path / "searches.tsv", "--out", tmp_path / "report",
        *(["--policy", tmp_path / "policy.yaml"] if name == "policy.yaml" else []),
    )  # fmt: skip

    assert isinstance(found.exception, UsageError | MissingDataError), found.output
    assert message in str(found.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        "", "--scores a --plan b", "--qrels a", "--qrels a --run b", "--plan a --run b", "--plan a --policy p",
        "--qrels a --run b --champion c --candidate d", "--scores a --traffic t",
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(arguments):
    assert isinstance(run(*arguments.split()).exception, UsageError)
