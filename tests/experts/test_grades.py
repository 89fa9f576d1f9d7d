"""Grades as files: what is written is read again, and every mistake is named with its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.errors import MissingDataError, UsageError
from reprise.experts.grades import Grade, median, newest, read_csv, read_qrels, to_csv, to_qrels
from reprise.metrics.trec import read_qrels as read_judged

HEAD = "query,item,grade,grader,graded_at,comment\n"
word = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)


@given(st.lists(st.builds(Grade, word, word, st.integers(0, 4), word, st.just("2026-09-28"), word), min_size=1,
                unique_by=lambda g: (g.grader, g.query_group, g.item)))  # fmt: skip
def test_csv_there_and_back(tmp_path_factory, grades):
    path = tmp_path_factory.mktemp("grades") / "grades.csv"
    path.write_text(to_csv(grades), encoding="utf-8", newline="")

    assert read_csv(path) == grades


def write(tmp_path, text, name="grades.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_two_columns_may_be_left_out(tmp_path):
    path = write(tmp_path, "\ufeffgrader,query,item,grade\nasha,tum hi ho,song:1,4\n")

    assert read_csv(path) == [Grade("tum hi ho", "song:1", 4, "asha")]


def test_all_mistakes_at_once_with_their_lines(tmp_path):
    path = write(
        tmp_path,
        HEAD
        + "jopali,a,5,asha,,\njopali,b,x,asha,,\n,c,1,asha,,\njopali,d,1,asha,yesterday,\n"
        + "jopali,e,1,asha,,\nJopali,e,2,asha,,\n",
    )

    with pytest.raises(UsageError) as error:
        read_csv(path)
    told = str(error.value)
    assert "2 lines have no grade from 0 to 4, as line 2: 5, line 3: x" in told
    assert "1 lines have no query, as line 4" in told
    assert "1 lines have no day such as 2026-09-28 in graded_at, as line 5: yesterday" in told
    assert "1 lines grade a pair again, as line 7 (as line 6)" in told
    assert "nothing was imported" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("query,item,grade\na,b,1\n", "grader missing"),
        ("query,item,grade,grader,mood\na,b,1,c,d\n", "mood unknown"),
        ("", "missing"),
    ],
)
def test_other_columns_are_named(tmp_path, text, says):
    with pytest.raises(UsageError, match=says):
        read_csv(write(tmp_path, text))


def test_no_file_and_no_grade(tmp_path):
    with pytest.raises(MissingDataError, match="no file"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(MissingDataError, match="no grade"):
        read_csv(write(tmp_path, HEAD))


def test_qrels_there_and_back(tmp_path):
    """Several graders become their median; the file is one that `reprise evaluate` reads."""
    grades = [Grade("tum hi ho", "a", g, str(g)) for g in (4, 1, 2)] + [Grade("jopali", "b", 3, "asha")]
    path = write(tmp_path, to_qrels(grades), "judged.txt")

    assert path.read_text() == "jopali 0 b 3\ntum_hi_ho 0 a 2\n"
    assert read_qrels(path, "panel") == [Grade("jopali", "b", 3, "panel"), Grade("tum hi ho", "a", 2, "panel")]
    assert read_judged(path) == {("jopali", "b"): 3, ("tum_hi_ho", "a"): 2}
    with pytest.raises(UsageError, match="line 2 is not"):
        read_qrels(write(tmp_path, "q 0 a 1\nq a 1\n", "bad.txt"), "panel")


def test_the_lower_of_two_middle_grades():
    assert [median(g) for g in ([3], [1, 4], [4, 0, 1], [0, 2, 3, 4])] == [3, 1, 1, 2]


def test_a_graders_last_word_counts():
    """By day, whatever the order of imports; of one day the later line."""
    first, second = Grade("q", "a", 1, "asha", "2026-09-01"), Grade("Q", "a", 3, "asha", "2026-09-02")
    other = Grade("q", "a", 0, "ben", "2026-09-01")

    assert set(newest([second, first, other])) == set(newest([first, other, second])) == {second, other}
    assert newest([first, Grade("q", "a", 2, "asha", "2026-09-01")])[0].grade == 2


def test_half_of_the_queries_teach_and_none_does_both():
    """All spellings of a query are on one side."""
    purposes = [Grade(f"query {n}", "a", 1, "asha").purpose for n in range(2000)]

    assert purposes.count("teach") == pytest.approx(1000, abs=100)
    assert Grade("Beyoncé", "a", 1, "x").purpose == Grade("beyonce", "b", 2, "y").purpose
