"""Whatever comes by REST, a review is never red: an answer counts, or the question is put again."""

import json

import pytest

from builders.airflow_process import ROOT, run_with_airflow
from builders.small_service import small_plan
from reprise.errors import UsageError
from reprise.lifecycle.planning import check_review

MIRA = {"id": "mira", "name": "mira"}
WHY, SEEN = "better where it matters", "0123456789abcdef"
FORM = {"comment": WHY, "report": SEEN}
LONG, MARKUP = "no " * 9000, "<script>x</script> {{ ti }}"


def answered(option, given, by=MIRA):
    return {"chosen_options": [option], "params_input": given, "responded_by_user": by}


#: What comes → what counts of it (approved, comment), or None where the question is put again.
ANSWERS = {
    "approved": (answered("Approve", FORM), (True, WHY)),
    "rejected": (answered("Reject", FORM), (False, WHY)),
    "rejected by somebody who did not say which report": (answered("Reject", {"comment": WHY}), (False, WHY)),
    "more than the form asks": (answered("Approve", {**FORM, "release": 7, "nested": {"a": []}}), (True, WHY)),
    "longer than the form takes": (answered("Reject", {**FORM, "comment": LONG}), (False, LONG[:2000])),
    "markup": (answered("Reject", {**FORM, "comment": MARKUP}), (False, MARKUP)),
    "approved without a comment": (answered("Approve", {**FORM, "comment": ""}), None),
    "approved with blanks": (answered("Approve", {**FORM, "comment": " \n "}), None),
    "approved without a report": (answered("Approve", {"comment": WHY}), None),
    "rejected without a comment": (answered("Reject", {**FORM, "comment": ""}), None),
    "nothing but the option": (answered("Approve", None), None),
    "a comment that is no text": (answered("Reject", {**FORM, "comment": ["a", 1]}), None),
    "nobody in time": (answered("Reject", {}, None), (False, "")),
    "nobody, the form as it was": (answered("Reject", {"comment": "", "report": SEEN}, None), (False, "")),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    (home / "answers.json").write_text(json.dumps({name: answer for name, (answer, _) in ANSWERS.items()}))
    program = ROOT / "tests" / "builders" / "review_answers.py"
    return json.loads(run_with_airflow(home, str(program), str(home / "answers.json")))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_counts_or_is_asked_for_again(outcomes, name):
    answer, counts = ANSWERS[name]
    found = outcomes[name]

    if counts is None:
        assert found == {"taken": "asked again", "kept": None}
    else:
        kept = found["kept"]
        assert counts == (kept["approved"], kept["comment"])
        assert (kept["by"] == "mira") == (answer["responded_by_user"] is not None)
        assert set(found["taken"]) == {"comment", "report"}
        assert kept["report"] == (answer["params_input"] or {}).get("report", "")


@pytest.mark.parametrize(("asked", "required"), [("required", False), ("policy", True), ("required", True)])
def test_a_review_that_nobody_may_give_is_refused_at_the_plan(tmp_path, asked, required):
    """Airflow takes a question to nobody as a question to anybody."""
    plan = small_plan(tmp_path, gate={"review": {"required": required, "reviewers": []}})

    with pytest.raises(UsageError, match=r"nobody may give it → name reviewers"):
        check_review(plan.deployment, asked)


def test_where_no_review_is_required_nobody_need_be_named(tmp_path):
    check_review(small_plan(tmp_path, gate={"review": {"required": False}}).deployment, "policy")
