"""The question put to named people before anything goes live."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from reprise.lifecycle.links import MlflowRunLink, SolrModelLink, push
from reprise.lifecycle.records import ANSWER, Answer
from reprise.lifecycle.worker import open_plan, plain_failures, planned

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Who has answered where the deployment's policy asks nobody.
POLICY = "policy"


class ReviewOperator(ApprovalOperator):
    """Asks the reviewers in the plan to approve or reject; answers by ``policy`` where the plan asks for none.

    The ``Answer`` is kept as XCom ``answer``. Reject skips what follows; it is also the default when the time is up. A
    rejection by a person needs a comment: without one the question is put again, since Airflow does not check
    what comes by REST. It has no retries: a second try would show the old question.
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
        self.params = ParamsDict(
            {
                "comment": Param(
                    "",
                    source="task",
                    type="string",
                    maxLength=2000,
                    title="Comment",
                    description_md="Needed where you reject; kept with the record.",
                )
            }
        )

    def execute(self, context: Context) -> Any:
        """Wait for the reviewers, or answer at once by policy."""
        from reprise.lifecycle.releasing import review_body

        with plain_failures():
            plan = open_plan(context)
            review = plan.deployment.gate.review
            push(context, mlflow_url=planned(context).mlflow_url)
            if plan.review == "policy" and not review.required:
                return self.execute_complete(context, _by_policy())
            self.subject = f"{plan.deployment.name}: approve the new ranking of {plan.as_of}?"
            self.body = review_body(plan, context)
            self.response_timeout = timedelta(hours=review.timeout_hours)
            self.assigned_users = [{"id": name, "name": name} for name in review.reviewers]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return the answer; a rejection skips promotion."""
        if "error" in event:
            return super().execute_complete(context, event)
        answer = Answer.from_response(event)
        if not answer.approved and answer.by and not answer.comment:
            self.log.warning("%s rejected without a comment: the question is put again", answer.by)
            return self.execute(context)
        # Pushed first: where a rejection skips what follows, Airflow drops the task's own result.
        context["ti"].xcom_push(key=ANSWER, value=asdict(answer))
        return super().execute_complete(context, event)


def _by_policy() -> dict[str, Any]:
    return {
        "chosen_options": [ApprovalOperator.APPROVE],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": POLICY, "name": POLICY},
    }
