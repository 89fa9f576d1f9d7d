"""What serves now, and every model of a run beside it: the columns that a person compares by. None of them decides."""

from __future__ import annotations

from typing import Any

from reprise.errors import MissingDataError
from reprise.gate.paired import Beside, paired
from reprise.lake import Lake
from reprise.metrics import Comparison
from reprise.plan import Plan


def champion_release(plan: Plan, lake: Lake) -> dict[str, Any]:
    """Return the record of the release that served when the run was planned; a run without one is an error."""
    content = lake.get_json(f"runs/{plan.run}/champion.json")
    if content is None:
        raise MissingDataError(f"run {plan.run} has no champion.json in {lake.uri}", "run the plan task again")
    return dict(content["release"])


def serving(release: dict[str, Any]) -> str:
    """Return under what name the scores hold a release: release 0 is the engine's own order."""
    return "champion" if release.get("number", 0) else "engine_order"


def differences(plan: Plan) -> dict[str, Comparison]:
    """Return each model of the run minus what serves, on the test block, by the gate's own paired resampling.

    What serves stands beside itself: no difference. The intervals are each model's own: who looks at many at once
    finds the luckiest, so the gate looks at one, chosen on the validation block.
    """
    lake = plan.open_lake()
    scores = lake.read("scores", plan.models_version, [plan.partition])
    test, rival = paired(scores, "test"), serving(champion_release(plan, lake))
    models = sorted(test.models)
    found = test.compare_all([Beside(model, rival) for model in models], plan.deployment.gate.policy)
    return dict(zip(models, found, strict=True))
