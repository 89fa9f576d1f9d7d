"""The question put to named people before anything goes live."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from reprise.lifecycle import question
from reprise.lifecycle.links import MlflowRunLink, SolrModelLink, push
from reprise.lifecycle.notices import tell
from reprise.lifecycle.records import ANSWER, COMMENT, MAX_COMMENT, REPORT, Answer
from reprise.lifecycle.worker import open_plan, plain_failures, planned

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Who has answered where the deployment's policy asks nobody.
POLICY = "policy"
#: The XCom key of when the time to answer is up.
_DEADLINE = "deadline"


class ReviewOperator(ApprovalOperator):
    """Asks the reviewers in the plan to approve or reject; answers by ``policy`` where the plan asks for none.

    The ``Answer`` is kept as XCom ``answer``. Reject skips what follows; it is also the default when the time is up.
    A person's answer needs a comment, and an approval the digest of the report it is about: without them the
    question is put again, for what is left of the time, since Airflow does not check what comes by REST. It has no
    retries: a second try would show the old question.
    """

    operator_extra_links = (MlflowRunLink(), SolrModelLink())

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            subject="Approve the new ranking?",
            body="The report is being fetched.",
            defaults=self.REJECT,
            retries=0,
            **kwargs,
        )
        # Set afterwards: Airflow hands the graph's own form to every task's constructor.
        self.params = _form("")

    def execute(self, context: Context) -> Any:
        """Wait for the reviewers, or answer at once by policy."""
        with plain_failures():
            plan = open_plan(context)
            review = plan.deployment.gate.review
            push(context, mlflow_url=planned(context).mlflow_url)
            report = question.report_now(plan)
            if plan.review == "policy" and not review.required:
                return self.execute_complete(context, _by_policy(report))
            deadline = datetime.now(UTC) + timedelta(hours=review.timeout_hours)
            context["ti"].xcom_push(key=_DEADLINE, value=deadline.isoformat())
            self.subject = f"{plan.deployment.name}: approve the new ranking of {plan.as_of}?"
            self.body = question.body(plan, planned(context).mlflow_url)
            self.params = _form(report)
            self.response_timeout = deadline - datetime.now(UTC)
            self.assigned_users = [{"id": name, "name": name} for name in review.reviewers]
            tell(self.subject, f"{', '.join(review.reviewers)}: {plan.airflow.get('url', '')}")
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return the answer; a rejection skips promotion."""
        if "error" in event:
            return super().execute_complete(context, event)
        answer = Answer.from_response(event)
        if reason := question.asks_again(answer):
            self.log.warning("%s: the question is put again", reason)
            return self.ask_again(context)
        # Pushed first: where a rejection skips what follows, Airflow drops the task's own result.
        context["ti"].xcom_push(key=ANSWER, value=asdict(answer))
        # Exactly the form's keys and no more than it takes, whatever came: anything else would fail the task.
        given = {COMMENT: answer.comment, REPORT: answer.report}
        return super().execute_complete(context, {**event, "params_input": given})

    def ask_again(self, context: Context) -> Any:
        """Wait for another answer until the first deadline: Airflow keeps the question and drops the answer."""
        until = context["ti"].xcom_pull(task_ids=self.task_id, key=_DEADLINE)
        left = datetime.fromisoformat(str(until)) - datetime.now(UTC)
        self.response_timeout = max(left, timedelta(seconds=1))
        return super().execute(context)


def _form(report: str) -> ParamsDict:
    return ParamsDict(
        {
            COMMENT: Param(
                "",
                source="task",
                type="string",
                maxLength=MAX_COMMENT,
                title="Comment",
                description_md="Why; needed for either answer, and kept with the record.",
            ),
            REPORT: Param(
                report,
                source="task",
                type="string",
                maxLength=MAX_COMMENT,
                title="Report",
                description_md="Leave it as it is: it says which report you have seen.",
            ),
        }
    )


def _by_policy(report: str) -> dict[str, Any]:
    return {
        "chosen_options": [ApprovalOperator.APPROVE],
        "params_input": {COMMENT: "no person is asked: review.required is false", REPORT: report},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": POLICY, "name": POLICY},
    }
