"""TREC files: the same numbers as trec_eval's, one clear error for bad ones, and the command that shows them."""

import ir_measures
import numpy as np
import pytest

from reprise.cli import exit_code
from reprise.errors import MissingDataError, UsageError
from reprise.metrics.names import metric_of_grades
from reprise.metrics.trec import evaluate_files, read_qrels, read_run


@pytest.fixture
def files(tmp_path):
    """Judgments of 40 queries and two runs, the second better; queries 38 and 39 have nothing relevant."""
    rng = np.random.default_rng(5)
    qrels, runs = [], {"before": [], "after": []}
    for query in range(40):
        items = [f"song:{n}" for n in rng.permutation(200)[:30]]
        grades = rng.integers(0, 4, 30) * (query < 38)
        qrels += [f"q{query} 0 {item} {grade}" for item, grade in zip(items[:25], grades[:25], strict=True)]
        for name, noise in (("before", 3.0), ("after", 0.5)):
            scores = grades + rng.normal(0, noise, 30)
            ranked = sorted(zip(scores, items, strict=True), reverse=True)[:20]
            runs[name] += [f"q{query} Q0 {item} {n} {score:.6f} {name}" for n, (score, item) in enumerate(ranked, 1)]
    written = {"qrels": qrels, **runs}
    for name, lines in written.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return {name: tmp_path / f"{name}.txt" for name in written}


def test_agrees_with_trec_eval(files):
    """Its convention for queries without a relevant item, zero, is one of ours."""
    names = ("ndcg@10", "map@100", "precision@10", "recall@100", "mrr@10", "success@5", "judged@10")
    theirs = (
        ir_measures.nDCG @ 10, ir_measures.AP @ 100, ir_measures.P @ 10, ir_measures.R @ 100, ir_measures.RR @ 10,
        ir_measures.Success @ 5, ir_measures.Judged @ 10,
    )  # fmt: skip
    qrels = list(ir_measures.read_trec_qrels(str(files["qrels"])))
    expected = [
        ir_measures.calc_aggregate([measure], qrels, ir_measures.read_trec_run(str(files[run])))[measure]
        for measure in theirs
        for run in ("before", "after")
    ]

    found = evaluate_files(files["qrels"], [files["before"], files["after"]], names, empty="zero")

    assert [line.means.per_query for line in found.lines] == pytest.approx(expected)


def test_runs_are_compared_by_query_with_an_interval(files):
    found = evaluate_files(files["qrels"], [files["before"], files["after"]], ["ndcg@10"])
    first, second = found.lines

    assert first.beside_first is None
    assert second.beside_first.difference == pytest.approx(second.means.per_query - first.means.per_query)
    assert 0 < second.beside_first.lower < second.beside_first.difference < second.beside_first.upper
    assert first.means.dropped_query_share == pytest.approx(2 / 40)
    assert 0.5 < found.judged_at_10["before.txt"] < 1


def test_unjudged_items_are_as_the_policy_says(tmp_path):
    """One unjudged item above one of grade 2: nothing, out of the way, or what an item is worth on average."""
    (tmp_path / "qrels").write_text("q 0 known 2\nq 0 other 0\n")
    (tmp_path / "run").write_text("q Q0 new 1 2.0 x\nq Q0 known 2 1.0 x\n")
    found = {
        policy: evaluate_files(tmp_path / "qrels", [tmp_path / "run"], ["ndcg@10"], policy).lines[0].means.per_query
        for policy in ("zero", "judged_only", "prior")
    }

    assert found["zero"] == pytest.approx(1 / np.log2(3))
    assert found["judged_only"] == 1.0
    assert found["prior"] == pytest.approx((1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3)))


@pytest.mark.parametrize(
    ("read", "lines", "said"),
    [
        (read_qrels, ["q 0 a 1", "q 0 a 2", "q 0 a 3"], "2 lines judge a pair again, as line 2: q a, line 3: q a"),
        (read_qrels, ["q 0 a 32", "q 0 b x"], "2 lines have no grade from 0 to 31, as line 1: 32, line 2: x"),
        (read_qrels, ["q a 1"], "1 lines are not `query 0 item grade`, as line 1"),
        (read_run, ["q Q0 a 1 nan x"], "1 lines have no score, as line 1: nan"),
        (read_run, ["q Q0 a 1 1 x", "", "q Q0 a 2 1 x"], "1 lines rank an item again, as line 3: q a"),
        (read_run, ["q Q0 a 1 1"] * 5, "5 lines are not `query Q0 item rank score tag`, as line 1, line 2, line 3 "),
    ],
)
def test_bad_lines_are_counted_and_named(tmp_path, read, lines, said):
    path = tmp_path / "file.txt"
    path.write_text("\n".join(lines))

    with pytest.raises(UsageError) as caught:
        read(path)

    assert str(caught.value).startswith(f"file.txt: {said}".rstrip())


def test_queries_of_one_run_alone_are_named(files):
    lines = files["after"].read_text().splitlines()
    files["after"].write_text("\n".join(line for line in lines if not line.startswith("q7 ")))

    with pytest.raises(UsageError, match=r"1 queries of before\.txt are not in every run, as q7"):
        evaluate_files(files["qrels"], [files["before"], files["after"]], ["ndcg@10"])


def test_a_missing_or_empty_file_is_named(tmp_path, files):
    with pytest.raises(MissingDataError, match=r"there is no file .*nowhere"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(MissingDataError, match="empty holds nothing"):
        evaluate_files(tmp_path / "empty", [files["before"]], ["ndcg@10"])


def test_names_come_back_as_metrics():
    for name in ("ndcg_at_10", "ndcg_exponential_at_5", "err_at_10", "mrr_at_3", "map_at_100", "rbp_80", "rbp_82_5"):
        assert metric_of_grades(name, 4).name == name
    with pytest.raises(UsageError, match=r"no metric 'ngcd@10' → perhaps ndcg_at_10; there are ndcg_at_10, "):
        metric_of_grades("ngcd@10", 4)


def test_the_command_shows_a_table(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    runs = ["--run", str(files["before"]), "--run", str(files["after"])]

    assert exit_code(["evaluate", "--qrels", str(files["qrels"]), *runs, "--metric", "ndcg@10"]) == 0
    shown = capsys.readouterr().out
    assert "40 judged queries" in shown
    assert shown.count("ndcg_at_10") == 2
    assert "95 % interval" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "evaluate takes a plan, or qrels with runs"),
        (["--qrels", "x"], "evaluate takes a plan, or qrels with runs"),
        (["--plan", "x", "--qrels", "y"], "evaluate takes a plan, or qrels with runs"),
        (["--qrels", "x", "--run", "y", "--verdict", "z"], "evaluate takes a plan, or qrels with runs"),
        (["--qrels", "x", "--run", "y", "--empty", "nan"], "--empty is 'nan' → there are drop, zero, one"),
        (
            ["--qrels", "x", "--run", "y", "--unjudged", "one"],
            "--unjudged is 'one' → there are judged_only, zero, prior",
        ),
    ],
)
def test_wrong_use_is_one_line(words, said, capsys):
    assert exit_code(["evaluate", *words]) == 64
    assert said in capsys.readouterr().err
