"""What a report holds survives being written, grows with the package, and is drawn and tabled for people."""

import json
import re
from dataclasses import replace

import pytest

from builders.gate_cases import case
from reprise.errors import MissingDataError
from reprise.gate.checks import Check
from reprise.gate.page import checks_table, drawing, to_html
from reprise.gate.pick import Pick
from reprise.gate.report import Report, add_verification
from reprise.gate.weigh import weigh
from reprise.settings.gate import Policy

SOLR = {
    "pairs": 1200, "mismatching": 0, "min_pairs": 1000, "examples": [], "unmatched": 0, "unreachable": 0,
    "without_model": {"median_ms": 4.0, "p95_ms": 9.0}, "with_model": {"median_ms": 8.0, "p95_ms": 21.0}, "skew": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def report():
    """A report on a planted candidate."""
    found = weigh(case(1, gain=0.2, estimated=0.01))
    pick = Pick("candidate", "candidate", 270, 270, {"candidate": 0.6}, {"candidate": 0.0}, {"candidate": 0.0}, {})
    return Report(
        "r1", "tiny", "candidate", "release 3", "consumption_ndcg_at_10", True, "", "2026-09-19", "2026-09-20", 0.95,
        0.6, 0.55, 0.6, 0.55, 0.1, found.comparison, {"candidate": 0.6}, pick, {}, found.checks, found.slices,
    )  # fmt: skip


def golden(outcome="pass", name="golden_never_break"):
    return Check(name, "Do golden queries hold?", outcome, "40 of 40 hold", effect=1.0, threshold=1.0)


def test_every_check_with_an_interval_says_what_it_was_held_against(report):
    checks = {check.name: check for check in report.checks}

    for name in ("superior_to_champion", "beats_popularity", "no_segment_loses", "keeps_consumption"):
        one = checks[name]
        assert one.lower <= one.effect <= one.upper, name
        assert one.threshold is not None, name
    assert checks["enough_data"].effect == report.comparison.queries
    assert checks["superior_to_champion"].effect == report.comparison.difference


def test_a_report_of_the_first_version_is_still_read(report):
    """It had no effect, interval and threshold; and what a later version adds is left."""
    old = json.loads(report.to_json())
    old["schema_version"] = 1
    for check in old["checks"]:
        for name in ("effect", "lower", "upper", "threshold"):
            del check[name]
    old["invented"], old["checks"][0]["invented"], old["slices"][0]["invented"] = 1, 2, 3
    read = Report.from_json(json.dumps(old))

    assert read.answer == report.answer
    assert [check.effect for check in read.checks] == [None] * len(report.checks)
    assert read.slices == report.slices
    to_html(read)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"checks": 3}', "\x00", '{"answer": "yes", "comparison": null}'])
def test_what_is_no_report_is_an_error(text):
    with pytest.raises(MissingDataError, match="no gate report"):
        Report.from_json(text)


def test_other_checks_of_the_same_solr_join_and_are_replaced(report):
    """A verification done again takes back what an earlier one said, whatever checks that had."""
    policy = Policy()
    first = add_verification(report, SOLR, policy, [golden(), golden("fail", "metamorphic")])
    again = add_verification(Report.from_json(first.to_json()), SOLR, policy, [golden()])
    bare = add_verification(first, SOLR, policy)

    assert (report.answer, first.answer, again.answer) == ("yes", "no", "yes")
    assert [check.name for check in again.checks][-3:] == ["parity", "latency", "golden_never_break"]
    assert "golden_never_break" not in {check.name for check in bare.checks}
    assert len({check.name for check in again.checks}) == len(again.checks)


def test_the_page_draws_what_was_measured(report):
    page = to_html(add_verification(report, SOLR, Policy(), [golden()]))
    drawn = re.findall(r'<svg viewBox="0 0 120 14".*?</svg>', page, re.DOTALL)

    assert len(drawn) == sum(check.effect is not None for check in report.checks) + 3
    assert "<script" not in page
    at = drawing(replace(golden(), effect=0.0, lower=-0.02, upper=0.04, threshold=-0.01))
    assert at["lower"] < at["threshold"] < at["effect"] < at["upper"]
    assert (at["lower"] > 0, at["upper"] < 120) == (True, True)
    assert drawing(Check("x", "?", "pass", "no number")) is None


def test_the_table_of_checks_stays_a_table(report):
    """Whatever a reason holds: a model's name or a segment may come from anybody."""
    hostile = Check("x", "?", "fail", "a | b\n<script>alert(1)</script> [click](http://evil) `c`")
    rows = checks_table(replace(report, checks=[*report.checks, hostile]))

    assert len(rows) == 2 + len(report.checks) + 1
    assert all("\n" not in row for row in rows)
    assert len(re.findall(r"(?<!\\)\|", rows[-1])) == 4
    assert "<script" not in rows[-1]
    assert "[click]" not in rows[-1].replace("\\[", "")
