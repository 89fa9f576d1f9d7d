"""`evaluate`: every model, query by query, on every block, for every θ variant and unjudged policy.

Candidates and champion are scored by the exact Solr scorer on float32, so that what is compared is what is served.
Training blocks hold only a sample of what was never shown, so there the judged items alone count.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise import tables
from reprise.errors import MissingDataError
from reprise.metrics import UNJUDGED_POLICIES, Unjudged, consumption_ndcg, resolve_unjudged
from reprise.metrics.expected import Expected
from reprise.training import asked, beside, ceiling, counterfactual, experts, feature_report
from reprise.training.baselines import BestFeature, best_feature, champions, plain_scores
from reprise.training.data import query_codes, read_table
from reprise.training.dropped import learned
from reprise.training.served import Scores, Served, candidate
from reprise.verdict import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Block, Plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labels:
    """One θ variant's labels of a block's rows: g (NaN unjudged), what was really consumed, and the block's prior."""

    variant: str
    g: npt.NDArray[np.float64]
    consumed: npt.NDArray[np.bool_]
    prior: float


def run(plan: Plan) -> Verdict:
    """Publish ``scores`` for all models; return at once where that is done. Always yes."""
    if done := finished(plan):
        return done
    import pyarrow as pa
    import pyarrow.compute as pc

    lake = plan.open_lake()
    table, manifest = read_table(plan)
    judgments = lake.read("judgments", plan.judgments_version, [plan.partition])
    groups = lake.read("query_groups", plan.judgments_version, [plan.partition])
    families = learned(plan)
    served, best = served_models(plan), best_feature(table, list(manifest.facts["features"]))
    parts, expected = [], {}
    for block in plan.blocks:
        rows = table.filter(pc.equal(table["block"], block.name))
        if not rows.num_rows:
            continue
        codes = query_codes(rows)
        about = _about(plan, rows, codes, groups, judgments, block)
        models = model_scores(plan, rows, manifest.facts["columns"], served, best)
        all_labels = _labels(rows, judgments, block)
        parts += _block(block, codes, about, all_labels, models)
        if block.role != "train":
            parts += _beside(plan, block, codes, about, all_labels, models)
        if block.role == "test":
            lists = counterfactual.lists(block, about["query_group"].to_pylist(), groups)
            found = counterfactual.estimates(plan, rows, codes, lists, judgments, models)
            expected = counterfactual.facts(found, lists)
            weighed = about.set_column(about.column_names.index("traffic"), "traffic", [np.round(lists).astype(int)])
            parts += [_expected(plan, weighed, one, model, block) for model, one in found.items()]
            parts += _exposure(plan, rows, codes, about, models, block)
            for model, by_grades in experts.values(plan, rows, codes, about.num_rows, models).items():
                parts.append(_scores(about, by_grades, model, block, "measured", "judged_only", experts.NAME))
    if not parts:
        raise MissingDataError(f"the training set of run {plan.run} is empty", "run `reprise featurize` anew")
    scores = pa.concat_tables(parts)
    facts: dict[str, Any] = {"models": sorted(set(scores["model"].to_pylist())), "metric": consumption_ndcg().name}
    facts |= {"expected_consumption": expected, "best_feature": asdict(best) if best else None}
    facts["suspects"] = feature_report.write(
        plan, table, list(manifest.facts["features"]), reach := ceiling.measure(plan, table, judgments, groups)
    )
    facts["reachable_share"] = reach["reachable_share"]
    held_out = table.filter(pc.equal(table["role"], "validation"))
    facts["steps"] = {name: served[name].steps(held_out, manifest.facts["columns"]) for name in families}
    inputs = {"training_set": manifest.attempt}
    published = lake.write("scores", plan.models_version, plan.partition, scores, inputs, facts)
    return Verdict("yes", f"{published.rows:,} rows", facts={"scores": published.rows, **facts})


def finished(plan: Plan) -> Verdict | None:
    """Return the answer where the run's scores are published, else None."""
    done = plan.open_lake().published("scores", plan.models_version, plan.partition)
    return Verdict("yes", "already published", facts={"scores": done.rows, **done.facts}) if done else None


def model_scores(
    plan: Plan, rows: pa.Table, columns: dict[str, str], served: Mapping[str, Served], best: BestFeature | None
) -> dict[str, Scores]:
    """Return model → score of each row, baselines first."""
    plain: dict[str, Scores] = plain_scores(plan, rows, best)
    return plain | {name: one.scores(rows, columns) for name, one in served.items()}


def served_models(plan: Plan) -> dict[str, Served]:
    """Return the champion unless it is release 0, its recipe trained anew, and the candidates that did not drop out."""
    return champions(plan) | {family: candidate(plan, family) for family in learned(plan)}


def _block(
    block: Block,
    codes: npt.NDArray[np.int64],
    about: pa.Table,
    all_labels: list[Labels],
    models: dict[str, Scores],
) -> list[pa.Table]:
    """Return the block's rows of ``scores`` by the deciding metric, in every reading."""
    metric, parts = consumption_ndcg(), []
    policies: tuple[Unjudged, ...] = ("judged_only",) if block.role == "train" else UNJUDGED_POLICIES
    for labels in all_labels:
        for policy in policies:
            keep, gains = resolve_unjudged(labels.g, policy, labels.prior)
            for model, scored in models.items():
                values = metric.per_query(
                    codes[keep], scored[keep].astype(float), gains[keep], about.num_rows, labels.consumed[keep]
                )
                parts.append(_scores(about, values, model, block, labels.variant, policy, metric.name))
    return parts


def _beside(
    plan: Plan,
    block: Block,
    codes: npt.NDArray[np.int64],
    about: pa.Table,
    all_labels: list[Labels],
    models: dict[str, Scores],
) -> list[pa.Table]:
    measured = next((labels for labels in all_labels if labels.variant == counterfactual.VARIANT), None)
    if measured is None:
        return []
    theta = counterfactual.curve(plan)
    found = beside.values(codes, measured.g, measured.consumed, models, about.num_rows, theta)
    return [
        _scores(about, values, model, block, measured.variant, "judged_only", name)
        for model, by_name in found.items()
        for name, values in by_name.items()
    ]


def _expected(plan: Plan, about: pa.Table, found: Expected, model: str, block: Block) -> pa.Table:
    name = counterfactual.metric_name(plan.deployment.solr.request.rows)
    variant, unjudged = counterfactual.VARIANT, counterfactual.UNJUDGED
    return _scores(about, found.doubly_robust, model, block, variant, unjudged, name)


def _exposure(
    plan: Plan, rows: pa.Table, codes: npt.NDArray[np.int64], about: pa.Table, models: dict[str, Scores], block: Block
) -> list[pa.Table]:
    """Return the block's rows of how much of what is looked at is new, where items have an age."""
    theta, parts = counterfactual.curve(plan), []
    for model, scored in models.items():
        shares = asked.new_release_exposure(plan, rows, codes, scored, about.num_rows, theta)
        if shares is not None:
            parts.append(_scores(about, shares, model, block, "measured", "judged_only", asked.EXPOSURE))
    return parts


def _labels(rows: pa.Table, judgments: pa.Table, block: Block) -> list[Labels]:
    import pyarrow.compute as pc

    index = {
        key: place
        for place, key in enumerate(zip(rows["query_group"].to_pylist(), rows["item"].to_pylist(), strict=True))
    }
    found = []
    mine = judgments.filter(pc.equal(judgments["block"], block.name))
    for variant in sorted(set(mine["theta_variant"].to_pylist())):
        part = mine.filter(pc.equal(mine["theta_variant"], variant))
        keys = zip(part["query_group"].to_pylist(), part["item"].to_pylist(), strict=True)
        places = np.array([index.get(key, -1) for key in keys], dtype=np.int64)
        there = places >= 0
        g, consumed = np.full(rows.num_rows, np.nan), np.zeros(rows.num_rows, dtype=bool)
        utility, examined = part["utility_sum"].to_numpy(), part["examination_sum"].to_numpy()
        trust = np.nan_to_num(part["trust_sum"].to_numpy(zero_copy_only=False).astype(float))
        g[places[there]] = part["g"].to_numpy()[there]
        consumed[places[there]] = utility[there] > 0
        found.append(Labels(variant, g, consumed, float((utility.sum() - trust.sum()) / examined.sum())))
    return found


def _about(
    plan: Plan, rows: pa.Table, codes: npt.NDArray[np.int64], groups: pa.Table, judgments: pa.Table, block: Block
) -> pa.Table:
    """Return query group, traffic and what segments ask of each query code, in order of the codes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    mine = groups.filter(pc.equal(groups["block"], block.name))
    known = {row["query_group"]: row for row in mine.to_pylist()}
    texts = rows["query_group"].take(pa.array(first)).to_pylist()
    fields = {"traffic": "searches", "segment": "segment", "language": "language", "seen_before": "seen_before"}
    columns = {"query_group": texts, **{n: [known[t][source] for t in texts] for n, source in fields.items()}}
    columns |= asked.labels(plan, block, rows, judgments, [known[t]["query"] for t in texts], texts)
    return pa.table({name: pa.array(values, tables.scores.field(name).type) for name, values in columns.items()})


def _scores(
    about: pa.Table, values: npt.NDArray[np.float64], model: str, block: Block, variant: str, policy: str, metric: str
) -> pa.Table:
    """Return one model's rows under one variant and policy; a query that does not count has a null value."""
    import pyarrow as pa

    fixed = {
        "model": model, "block": block.name, "role": block.role, "theta_variant": variant,
        "unjudged": policy, "metric": metric,
    }  # fmt: skip
    columns: dict[str, Any] = {name: pa.repeat(pa.scalar(text), about.num_rows) for name, text in fixed.items()}
    columns["value"] = pa.array(values, mask=np.isnan(values))
    columns |= {name: about[name] for name in about.column_names}
    return pa.table({name: columns[name] for name in tables.scores.names}).cast(tables.scores)
