"""What a review's response means: approved, rejected with a reason, or expired."""

from reprise.lifecycle.records import Answer, Planned


def response(**changed):
    answered = {
        "chosen_options": ["Approve"],
        "params_input": {"comment": " good "},
        "responded_at": "2026-11-23 23:35:06+00:00",
        "responded_by_user": {"id": "mira", "name": "mira"},
    }
    return {**answered, **changed}


def test_an_approval_names_who_and_when():
    answer = Answer.from_response(response())

    assert Answer(True, "mira", "good", "2026-11-23 23:35:06+00:00") == answer
    assert not answer.expired


def test_a_rejection_by_a_person_is_not_an_expiry():
    answer = Answer.from_response(response(chosen_options=["Reject"]))

    assert not answer.approved
    assert not answer.expired


def test_the_default_chosen_by_nobody_is_an_expiry():
    answer = Answer.from_response(response(chosen_options=["Reject"], responded_by_user=None, params_input=None))

    assert answer.expired
    assert answer.comment == ""


def test_airflow_s_own_user_objects_are_read_too():
    class User:
        def __init__(self):
            self.id, self.name = "mira", "Mira"

    assert Answer.from_response(response(responded_by_user=User())).by == "Mira"


def test_what_plan_hands_on_survives_xcom():
    planned = Planned(
        "0123456789ab", "s3://lake/demo/runs/0123456789ab/plan.json", "demo", ["linear"], "http://mlflow/"
    )

    assert Planned.from_dict(planned.to_dict()) == planned
