"""The trigger forms. Airflow checks the shape; `plan` checks what only the deployment can know."""

from __future__ import annotations

from airflow.sdk import Param

from reprise.errors import UsageError
from reprise.settings import deployments_folder, list_deployments
from reprise.settings.families import FAMILIES


def default_deployment(names: list[str]) -> str:
    """Return which deployment a run is about that names none; none at all is an error."""
    if not names:
        raise UsageError(f"no deployment in {deployments_folder()}", "add a folder with a logs.yaml, see docs/adopt.md")
    return "demo" if "demo" in names else names[0]


def _deployment() -> Param:
    names = list_deployments()
    return Param(
        default_deployment(names),
        type="string",
        enum=names,
        title="Deployment",
        description_md="Whose logs and whose Solr: a folder of `include/deployments/`.",
    )


def _reason() -> Param:
    return Param(
        None,
        type=["null", "string"],
        maxLength=500,
        title="Reason",
        description_md="Why, for whoever reads the record later.",
    )


def _day(title: str, help_text: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description_md=help_text)


def retrain_params() -> dict[str, Param]:
    """Return the form of `retrain`; every field may be left as it is."""
    return {
        "deployment": _deployment(),
        "as_of": _day("As of", "The newest day to learn from (log time). Empty: the newest closed day in the sources."),
        "window_days": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=730,
            title="Window (days)",
            description_md="How many days back to read. Empty: `lookback_days` of `logs.yaml`.",
        ),
        "families": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": list(FAMILIES)},
            examples=list(FAMILIES),
            title="Families",
            description_md="Which rankers to train. Empty: those of `gate.yaml`.",
        ),
        "review": Param(
            "policy",
            type="string",
            enum=["policy", "required"],
            title="Review",
            description_md="`policy`: people are asked where `gate.yaml` says so. `required`: always.",
        ),
        "reason": _reason(),
    }


def extract_params() -> dict[str, Param]:
    """Return the form of `extract`; from and to make it a backfill."""
    return {
        "deployment": _deployment(),
        "from": _day("From", "First day to extract. Empty: as far back as `lookback_days` of `logs.yaml` says."),
        "to": _day("To", "Last day to extract. Empty: the newest closed day."),
    }


def publish_params() -> dict[str, Param]:
    """Return the form of `publish_features`; every field may be left as it is."""
    return {
        "deployment": _deployment(),
        "day": _day("Day", "Serve behaviour as of this day; any closed day can be published again. Empty: the newest."),
        "unchecked": Param(
            False,
            type="boolean",
            title="Even if out of band",
            description_md="Publish values whose spread moved further than `publish` in `solr.yaml` allows.",
        ),
        "reason": _reason(),
    }


def select_params() -> dict[str, Param]:
    """Return the form of `select_features`; every field may be left as it is."""
    return {
        "deployment": _deployment(),
        "run": Param(
            None,
            type=["null", "string"],
            title="Run",
            description_md="A retrain's short name (`reprise.run` in MLflow). Empty: the newest with a training set.",
        ),
        "adopt": Param(
            False,
            type="boolean",
            title="Adopt",
            description_md="Let retrains with `features: selected` in `gate.yaml` learn from what is found.",
        ),
        "reason": _reason(),
    }


def monitor_params() -> dict[str, Param]:
    """Return the form of `monitor`."""
    return {"deployment": _deployment()}


def rollback_params() -> dict[str, Param]:
    """Return the form of `rollback`."""
    return {
        "deployment": _deployment(),
        "to_release": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="To release",
            description_md="The release to put back; 0 is the engine's own order. Empty: the previous one.",
        ),
        "reason": _reason(),
    }
