"""The worker's half of recording in MLflow: what a step left in the lake is recorded once it has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from reprise import tracking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprise.lifecycle.records import Answer, Ending
    from reprise.plan import Plan
    from reprise.release import Release


def with_run(plan: Plan) -> Plan:
    """Return the plan with its MLflow experiment and parent run, made here: later tasks may run side by side."""
    return replace(plan, mlflow=tracking.start_run(plan))


def record_step(plan: Plan, command: str, family: str | None) -> str:
    """Record what a step left, where it leaves anything for MLflow; return the page that shows it."""
    if command == "train" and family:
        return tracking.record_training(plan, family)
    if command == "evaluate":
        from reprise.gate.beside import differences
        from reprise.gate.pick import figures

        return tracking.record_evaluation(plan, differences(plan), figures(plan))
    return tracking.run_url(plan.mlflow)


def record_report(
    plan: Plan, stage: Literal["logs", "gate", "selection", "model_choice"], answer: str, reason: str
) -> str:
    """Record a stage's report as it now is in the lake; a completed one takes the earlier one's place."""
    if not plan.mlflow:
        return ""
    store, folder = plan.open_lake().store, f"runs/{plan.run}/{stage}/"
    files = {key.removeprefix(folder): store.get(key) or b"" for key in store.list(folder)}
    return tracking.record_report(plan, stage, answer, files, {"reason": reason})


def end_run(
    mlflow: dict[str, str],
    ending: Ending,
    reason: str,
    answer: Answer | None,
    compared: Mapping[str, int],
    live: int | None = None,
    was: int | None = None,
) -> None:
    """End the parent run with its word and reason, which release is live and was, and what reviewers said."""
    said = {"reprise.review.by": answer.by, "reprise.review.comment": answer.comment} if answer else {}
    said |= {f"reprise.review.won.{ranker}": str(won) for ranker, won in compared.items()}
    said |= {f"reprise.{name}": str(release) for name, release in (("live", live), ("was", was)) if release is not None}
    status: Literal["FAILED", "FINISHED"] = "FAILED" if ending == "failed" else "FINISHED"
    tracking.finish_run(mlflow, status, ending, {"reprise.reason": reason[:5000], **said})


def mirror(deployment: str, live: Release | None, previous: Release | None) -> None:
    """Move MLflow's aliases to what Solr serves."""
    tracking.set_champion(deployment, live.model if live else "", previous.model if previous else "")
