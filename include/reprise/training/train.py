"""`train`: one family learns from the training set and leaves a candidate, exactly as Solr would serve it."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import UsageError
from reprise.features.catalogue import (
    behaviour_features,
    behaviour_field,
    efi,
    request_parameters,
    store_entries,
)
from reprise.metrics import consumption_ndcg
from reprise.pages import finite
from reprise.release.candidate import Candidate
from reprise.training import dropped
from reprise.training.blend import blended
from reprise.training.data import TrainingData, read_data
from reprise.training.diagnose import Diagnosis, diagnose, standard_error
from reprise.training.dropped import NothingLearnedError
from reprise.training.effects import effects
from reprise.training.family import Fitted, find_family
from reprise.training.learning_curves import learn
from reprise.training.tuning.split import choices_made, split
from reprise.training.tuning.tune import objectives_of, tune
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from reprise.plan import Plan

logger = logging.getLogger(__name__)
METRIC = consumption_ndcg().name


def folder(plan: Plan, family: str) -> str:
    """Return the key, within the lake, of everything one family's training leaves."""
    return f"candidates/v={plan.models_version}/{plan.partition}/{family}"


def run(plan: Plan, family: str) -> Verdict:
    """Write ``model.json``, the native model, ``summary.json`` and, last, ``candidate.json``; trained once only.

    Always yes. Facts: metric on train and validation, the candidate's digest. A family that learns nothing leaves
    ``dropped.json`` alone, and the fact ``dropped`` says why.
    """
    if done := finished(plan, family):
        return done
    store, key = plan.open_lake().store, folder(plan, family)
    trainer, started = find_family(family), time.monotonic()
    data = read_data(plan)
    try:
        learned = _learn(plan, family, data)
        _check_tells_apart(learned.fitted, data)
    except NothingLearnedError as error:
        logger.warning("%s drops out of run %s: %s", family, plan.run, error)
        plan.open_lake().put_json(dropped.key(plan, family), {"reason": str(error)})
        return _dropped_out(family, str(error))
    fitted, seconds = learned.fitted, time.monotonic() - started
    candidate = _candidate(plan, family, fitted, data.features)
    diagnosis = _diagnosis(learned.data, fitted, plan.deployment.gate.policy.max_train_gap)
    beside = None
    try:
        beside = learn(trainer, learned.data, plan.deployment.gate, fitted, diagnosis.chance)
    except NothingLearnedError as error:  # from a part of the rows, or at another size
        logger.warning("%s has no learning curves: %s", family, error)
    summary = {**_summary(data, fitted, candidate, seconds), "diagnosis": asdict(diagnosis)}
    if beside:
        summary["learning"] = finite(asdict(beside))
    summary["effects"] = effects(fitted, learned.data.validation.only_judged())
    if learned.tuning:
        summary["tuning"] = learned.tuning
    for name, content in (
        ("model.json", json.dumps(candidate.solr_model()).encode()),
        fitted.native,
        *((f"tuning/{name}", content) for name, content in learned.reports.items()),
        ("summary.json", json.dumps(summary, indent=1).encode()),
    ):
        store.put(f"{key}/{name}", content)
    store.put_new(f"{key}/candidate.json", json.dumps(candidate.to_dict(), sort_keys=True).encode())
    logger.info("trained %s: %s", family, _facts(summary))
    return Verdict("yes", f"{family} is trained", facts=_facts(summary))


def _check_tells_apart(fitted: Fitted, data: TrainingData) -> None:
    if np.ptp(fitted.scores(data.train)) == 0:
        raise NothingLearnedError(
            "it scores all training rows alike", "loosen its settings in gate.yaml, or leave the family out"
        )


def _dropped_out(family: str, reason: str) -> Verdict:
    return Verdict("yes", f"{family} learned nothing and drops out: {reason}", facts={"dropped": reason})


@dataclass(frozen=True)
class _Learned:
    """``data``: its validation rows are those that the curve is of."""

    fitted: Fitted
    data: TrainingData
    tuning: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, bytes] = field(default_factory=dict)


def _learn(plan: Plan, family: str, data: TrainingData) -> _Learned:
    """Return what the family learns: by the settings as they stand, or the best trial of its study.

    The parts of a blend are the best trials of theirs: a study belongs to the run, and who comes second reads it.
    """
    gate, store = plan.deployment.gate, plan.open_lake().store
    if not gate.tuning.trials:
        if choices_made(gate, plan.families):
            data, _ = split(data, gate.tuning.report_one_in, gate.tuning.seed)
        return _Learned(find_family(family).fit(data, gate), data)
    objectives = objectives_of(plan)
    parts = gate.blend.of if family == "blend" else [family]
    tuned = [tune(store, folder(plan, part), find_family(part), data, gate, objectives) for part in parts]
    if family != "blend":
        return _Learned(tuned[0].fitted, tuned[0].data, tuned[0].facts, tuned[0].reports)
    fitted, reports = blended([one.fitted for one in tuned], tuned[0].data, gate, objectives)
    return _Learned(fitted, tuned[0].data, reports=reports)


def study(plan: Plan, family: str) -> Verdict:
    """Search for the family's best settings and leave the study where ``run`` takes its ranker from; always yes."""
    if not plan.deployment.gate.tuning.trials:
        raise UsageError("there is nothing to search for: tuning.trials is 0", "set tuning in gate.yaml")
    learned = _learn(plan, family, read_data(plan))
    return Verdict("yes", learned.tuning.get("words", f"the parts of {family} are tuned"), facts=learned.tuning)


def finished(plan: Plan, family: str) -> Verdict | None:
    """Return the answer where the family's candidate is there, else None."""
    store, key = plan.open_lake().store, folder(plan, family)
    if out := plan.open_lake().get_json(dropped.key(plan, family)):
        return _dropped_out(family, str(out["reason"]))
    if not store.get(f"{key}/candidate.json"):
        return None
    summary = json.loads(store.get(f"{key}/summary.json") or b"{}")
    return Verdict("yes", f"{family} is trained already", facts=_facts(summary))


def _candidate(plan: Plan, family: str, fitted: Fitted, names: list[str]) -> Candidate:
    solr = plan.deployment.solr
    own = [entry for entry in store_entries(solr) if entry["name"] in names]
    return Candidate(
        family=family,
        model_json=fitted.model,
        features=[*own, *fitted.extra_features],
        rq_efi=efi(own),
        rerank_docs=solr.request.rerank_docs,
        behaviour_fields=[behaviour_field(one) for one in behaviour_features(solr) if one.name in names],
        mlflow_run_id=plan.mlflow.get("run_id", ""),
        trained_until=plan.block("validation")[-1].last,
        parameters=request_parameters(solr, own, {}),
    )


def _diagnosis(data: TrainingData, fitted: Fitted, allowed_gap: float) -> Diagnosis:
    """Return the verdict on a family's fit, by judged rows of the training and the validation block."""
    learned, held_out = data.train.only_judged(), data.validation.only_judged()
    return diagnose(
        fitted.curve["train"],
        fitted.curve["validation"],
        int(fitted.params.get("best_round", 1)),
        learned.metric(np.zeros(len(learned.codes))),
        standard_error(held_out.per_query(fitted.scores(held_out)), held_out.traffic_per_query),
        allowed_gap,
    )


def _summary(data: TrainingData, fitted: Fitted, candidate: Candidate, seconds: float) -> dict[str, Any]:
    best = int(fitted.params.get("best_round", 1)) - 1
    return {
        "family": candidate.family,
        "model": candidate.model,
        "store": candidate.store,
        "digest": candidate.sha,
        "native": fitted.native[0],
        "params": fitted.params,
        "features": data.features,
        "importances": fitted.importances,
        "curve": fitted.curve,
        "metrics": {f"{name}/{METRIC}": curve[best] for name, curve in fitted.curve.items()},
        "rows": {"train": len(data.train.codes), "validation": len(data.validation.codes)},
        "queries": {"train": data.train.queries, "validation": data.validation.queries},
        "notes": fitted.notes,
        "seconds": round(seconds, 3),
    }


def _facts(summary: dict[str, Any]) -> dict[str, Any]:
    learning = (summary.get("learning") or {}).get("words")
    return {"learning": learning} | {
        name: summary.get(name) for name in ("model", "digest", "metrics", "rows", "seconds", "diagnosis", "tuning")
    }
