"""Grades in the lake: imported once, the last word counts, items must be in Solr; and the commands around them."""

import pytest

from builders.small_service import judgment, publish_run, query_group, small_plan
from builders.solr_core import client_of, fill
from reprise import cli
from reprise.errors import MissingDataError, UsageError
from reprise.experts.disagreement import disagreements
from reprise.experts.grades import Grade, to_csv
from reprise.experts.store import load, require_known, save
from reprise.lake import Lake

GRADES = [Grade("jopali", "a", 4, "asha", "2026-09-01"), Grade("jopali", "b", 1, "ben", "2026-09-01")]


def test_imports_add_up_and_the_last_word_counts(tmp_path):
    lake = Lake(str(tmp_path))
    again = [Grade("Jopali", "a", 2, "asha", "2026-09-02")]

    assert save(lake, GRADES, "first.csv")
    assert save(lake, again, "second.csv")
    assert sorted(load(lake), key=lambda g: g.item) == [again[0], GRADES[1]]


def test_the_same_grades_twice_change_nothing(tmp_path):
    lake = Lake(str(tmp_path))
    save(lake, GRADES, "first.csv")
    before = lake.store.list()

    assert not save(lake, GRADES, "copy.csv")
    assert lake.store.list() == before


def test_rows_say_where_they_come_from_and_what_they_are_for(tmp_path):
    lake = Lake(str(tmp_path))
    save(lake, GRADES, "first.csv")
    (partition,) = lake.partitions("expert_grades", "1")
    rows = lake.read("expert_grades", "1", [partition]).to_pylist()

    assert {row["source"] for row in rows} == {"first.csv"}
    assert {row["purpose"] for row in rows} == {GRADES[0].purpose}


def test_no_grades_are_an_error_with_the_remedy(tmp_path):
    with pytest.raises(MissingDataError, match="reprise grades import"):
        load(Lake(str(tmp_path)))


@pytest.mark.solr
def test_items_that_solr_lacks_are_named(module_core):
    with fill(client_of(module_core)) as client:
        require_known([Grade("q", f"song:{n}", 1, "asha") for n in range(300)], client)
        strange = [Grade("q", item, 1, "asha") for item in ("song:1", "gone:2", "gone:1", "a,b c", "gone:3", 'd"e')]
        with pytest.raises(UsageError, match='5 graded items are not in Solr, as a,b c, d"e, gone:1'):
            require_known(strange, client)


def judged_plan(tmp_path):
    plan = small_plan(tmp_path)
    labels = [
        judgment("test", "jopali", "a", 0.0, 100.0),  # nobody wants it: grade 0
        judgment("test", "jopali", "b", 20.0, 100.0),  # grade 2
        judgment("test", "rare", "a", 0.0, 100.0),
        judgment("test", "teso", "a", 0.0, 100.0),
        judgment("test", "= aura!", "a", 0.0, 100.0),
        judgment("validation", "jopali", "c", 0.0, 100.0),
    ]
    publish_run(plan, "judgments", labels)
    groups = [
        query_group("test", "jopali", 50, query="Jopali"),
        query_group("test", "rare", 900, users=2),
        query_group("test", "teso", 80),
        query_group("test", "= aura!", 10, query="aura!"),
    ]
    publish_run(plan, "query_groups", groups)
    alone = {"q": "aura!", "query_group": "= aura!", "compared_with": "aura", "overlap": 0.0, "pooled": False}
    publish_run(plan, "query_variants", [alone | {"searches": 9}])
    return plan


def test_disagreement_is_listed_by_traffic_and_names_no_rare_query(tmp_path):
    plan = judged_plan(tmp_path)
    grades = [
        Grade("jopali", "a", 4, "asha"), Grade("jopali", "a", 3, "ben"), Grade("jopali", "b", 2, "asha"),
        Grade("rare", "a", 4, "asha"), Grade("teso", "a", 3, "asha"), Grade("jopali", "c", 4, "asha"),
        Grade("Aura!", "a", 4, "asha"),
    ]  # fmt: skip
    found = disagreements(plan, grades)

    assert (found.shared, found.alike) == (5, 1)
    assert [(one.query, one.item, one.experts, one.graders, one.logs) for one in found.differ] == [
        ("teso", "a", 3, 1, 0),
        ("Jopali", "a", 3, 2, 0),
        ("aura!", "a", 4, 1, 0),
    ]


def test_the_commands_from_file_to_list(tmp_path, monkeypatch, capsys):
    """Import, agreement, export and disagreement as they are typed."""
    plan = judged_plan(tmp_path / "tiny")
    plan.save()
    lake = plan.open_lake()
    monkeypatch.setattr("reprise.experts.commands.open_deployment", lambda name: (plan.deployment, lake))
    file, out = tmp_path / "grades.csv", tmp_path / "out.qrels"
    file.write_text(to_csv([Grade("teso", "a", 3, "asha"), Grade("teso", "a", 2, "ben")]))

    for arguments in (
        ["grades", "import", "tiny", str(file), "--unchecked"],
        ["grades", "import", "tiny", str(file), "--unchecked"],
        ["grades", "agreement", "tiny"],
        ["grades", "export", "tiny", str(out)],
        ["grades", "disagreement", "--plan", f"{plan.lake}/runs/{plan.run}/plan.json"],
    ):
        assert cli.exit_code(arguments) == 0, arguments
    told = capsys.readouterr().out

    assert "imported 2 grades of 1 queries" in told
    assert "imported before" in told
    assert "asha: +1.00 grades beside the others" in told
    assert out.read_text() == "teso 0 a 2\n"
    assert "teso  a: experts 2 (2), logs 0" in told


@pytest.mark.parametrize(
    "arguments",
    [["grades.csv", "--grader", "panel"], ["judged.qrels"], ["missing.csv"], ["missing.qrels", "--grader", "panel"]],
)
def test_wrong_use_is_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "reprise.experts.commands.open_deployment", lambda name: (small_plan(tmp_path).deployment, None)
    )

    assert cli.exit_code(["grades", "import", "tiny", *arguments, "--unchecked"]) == 64
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
