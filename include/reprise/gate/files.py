"""The gate from plain files: values by query and model, or TREC rankings with judgments. No lake, no Solr, no Airflow.

What such files do not say is not asked, and the report names it: what was learned from which days, leaking features,
reach, fit, Solr's scores and its speed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from pydantic import ValidationError

from reprise import tables
from reprise.errors import MissingDataError, UsageError
from reprise.gate.checks import not_overfitted
from reprise.gate.gains import moved
from reprise.gate.page import to_html
from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, METRIC, Paired, paired
from reprise.gate.pick import best_of
from reprise.gate.report import Report
from reprise.gate.weigh import Case, weigh
from reprise.metrics import UNJUDGED_POLICIES
from reprise.settings.gate import Policy
from reprise.training.baselines import BASELINES, RETRAINED
from reprise.verdict import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

_NEEDED = ("model", "query_group", "value")
_USUAL: dict[str, Any] = {
    "block": "test", "role": "test", "theta_variant": DECIDING_THETA, "unjudged": DECIDING_UNJUDGED, "metric": METRIC,
    "traffic": 1, "segment": "", "language": "", "seen_before": True,
    "length": "", "item_type": "", "release": "",
}  # fmt: skip
_MOST_ROWS = 20_000_000
_MOST_BYTES = 500_000_000
_NOT_ASKED = [
    "untouched_test_block",
    "reachable",
    "no_leaking_feature",
    "keeps_consumption",
    "parity",
    "latency",
    "skew",
]


def read_policy(path: Path | None) -> Policy:
    """Return the policy of a YAML file (the block ``policy`` of a gate.yaml, or that alone), or the usual one."""
    if path is None:
        return Policy()
    try:
        content = yaml.safe_load(_text(path, 1_000_000)) or {}
        if isinstance(content, dict) and isinstance(content.get("policy"), dict):
            content = content["policy"]
        return Policy.model_validate(content)
    except yaml.YAMLError as error:
        raise UsageError(f"{path.name} is no YAML: {' '.join(str(error).split())[:200]}", "correct it") from error
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the whole file'}: {e['msg']}" for e in error.errors()[:5])
        raise UsageError(f"{path.name}: {told}", "see `policy` in docs/gate.md") from error


def of_scores(path: Path, candidate: str | None, champion: str | None, policy: Policy, out: Path) -> Verdict:
    """Weigh a candidate by a Parquet table of values, as `evaluate` publishes it, and write the report.

    Needed are the columns model, query_group and value; every other column of the table ``scores`` is used if there.
    """
    table = _scores(path)
    metrics = sorted(set(table["metric"].unique().to_pylist()))
    metric = METRIC if METRIC in metrics else metrics[0]
    if metric != METRIC and len(metrics) > 1:
        raise UsageError(f"{path.name} holds {', '.join(metrics)}", f"leave one, or {METRIC}")
    test = paired(table, "test", metric)
    rival = champion or ("champion" if "champion" in test.models else "engine_order")
    name = candidate or _only_candidate(test.models - {rival}, path)
    for asked in (name, rival):
        if asked not in test.models:
            raise UsageError(f"{path.name} holds no model {asked}", f"it holds {', '.join(sorted(test.models))}")
    roles = set(table["role"].unique().to_pylist())
    other = {role: paired(table, role, metric) for role in ("train", "validation") if role in roles}
    return _report(path.name, metric, (name, rival), policy, test, out, other, (name, rival))


def of_runs(
    qrels: Path, candidate: Path, champion: Path, traffic: Path | None, metric: str, policy: Policy, out: Path
) -> Verdict:
    """Weigh one TREC run beside another by judgments, and write the report.

    ``traffic``: `query, tab, searches` of each query; without it each counts once.
    """
    from reprise.metrics.trec import values_of_runs

    for path in (qrels, candidate, champion):
        _refuse_huge(path, _MOST_BYTES)
    if candidate.resolve() == champion.resolve():
        raise UsageError("candidate and champion are the same file", "give two rankings")
    queries, values = values_of_runs(qrels, {"candidate": candidate, "champion": champion}, metric)
    counts = _traffic(traffic, queries) if traffic else np.ones(len(queries))
    readings = {(model, DECIDING_THETA, str(unjudged)): value for (model, unjudged), value in values.items()}
    test, shown = Paired(queries, counts, {}, readings), (candidate.name, champion.name)
    return _report(candidate.name, metric, ("candidate", "champion"), policy, test, out, {}, shown)


def _report(
    source: str,
    metric: str,
    names: tuple[str, str],
    policy: Policy,
    test: Paired,
    out: Path,
    other: Mapping[str, Paired],
    shown: tuple[str, str],
) -> Verdict:
    name, rival = names
    readings = {(theta, unjudged) for model, theta, unjudged in test.values if model == name}
    unjudged = {(DECIDING_THETA, one) for one in UNJUDGED_POLICIES} <= readings
    thetas = {(one, DECIDING_UNJUDGED) for one in ("one", "assumed", "steep")} <= readings
    case = Case(
        name, rival, policy, test,
        rivals=[one for one in BASELINES if one in test.models and one != rival],
        retrained=RETRAINED in test.models and RETRAINED not in (name, rival),
        theta_measured=not thetas, unjudged=unjudged,
    )  # fmt: skip
    weighed = weigh(case)
    held = other.get("validation", test)
    fit = []
    if len(other) == 2:
        learned, kept = (other[role].mean(name).traffic_weighted for role in ("train", "validation"))
        fit = [not_overfitted(learned, kept, policy)]
    not_asked = [*_NOT_ASKED, *([] if fit else ["not_overfitted"]), *([] if unjudged else ["robust_to_unjudged"])]
    ours, theirs = test.mean(name), test.mean(rival)
    winners, losers = moved(test, name, rival, {query: query for query in test.queries}, "")
    report = Report(
        run=source, deployment="", family=shown[0], champion=shown[1], metric=metric,
        theta_measured=False, theta_reason="the files do not say", test_first="", test_last="",
        confidence=policy.confidence, candidate_mean=ours.traffic_weighted, champion_mean=theirs.traffic_weighted,
        candidate_mean_per_query=ours.per_query, champion_mean_per_query=theirs.per_query,
        dropped_traffic_share=ours.dropped_traffic_share, comparison=weighed.comparison,
        validation={name: held.mean(name).traffic_weighted}, pick=best_of(held, [name], {}, policy, 0.0),
        sensitivity={}, checks=[*fit, *weighed.checks], slices=weighed.slices, winners=winners, losers=losers,
        not_asked=not_asked,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    for file, text in (("report.json", report.to_json()), ("report.html", to_html(report))):
        (out / file).write_text(text, encoding="utf-8")
    page = str(out / "report.html")
    return Verdict(report.answer, report.reason, "" if report.answer == "yes" else f"read {page}", {"page": page})


def _scores(path: Path) -> pa.Table:
    """Return the file's rows with every column of the table ``scores``; what cannot be one is an error."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise MissingDataError(f"there is no file {path}", "correct the path")
    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > _MOST_ROWS:
            raise UsageError(
                f"{path.name} holds {file.metadata.num_rows:,} rows, more than {_MOST_ROWS:,}",
                "leave the test rows alone",
            )
        if missing := [name for name in _NEEDED if name not in file.schema_arrow.names]:
            raise UsageError(f"{path.name} lacks {', '.join(missing)}", f"columns: {', '.join(tables.scores.names)}")
        table = file.read([name for name in tables.scores.names if name in file.schema_arrow.names])
    except pa.ArrowException as error:
        raise UsageError(f"{path.name} is no Parquet: {str(error)[:200]}", "give a Parquet file of scores") from error
    if not table.num_rows:
        raise MissingDataError(f"{path.name} holds no rows", "correct the path")
    columns = {}
    for field in tables.scores:
        try:
            given = table[field.name] if field.name in table.column_names else pa.repeat(_USUAL[field.name], len(table))
            columns[field.name] = given.cast(field.type)
        except pa.ArrowException as error:
            told = f"{path.name}: {field.name} must be {field.type}"
            raise UsageError(f"{told}: {str(error)[:200]}", "correct the column") from error
    if any(columns[name].null_count for name in _NEEDED[:2]) or columns["traffic"].null_count:
        raise UsageError(f"{path.name}: model, query_group or traffic is empty in some rows", "fill them in")
    found = pa.table(columns)
    keys = ["model", "block", "theta_variant", "unjudged", "query_group", "metric"]
    if (distinct := found.group_by(keys).aggregate([]).num_rows) < found.num_rows:
        more = found.num_rows - distinct
        raise UsageError(f"{path.name} scores {more:,} times a query of a model again", "leave one row of each")
    return found


def _only_candidate(models: set[str], path: Path) -> str:
    found = sorted(models - {*BASELINES, RETRAINED})
    if len(found) == 1:
        return found[0]
    raise UsageError(f"{path.name} holds {len(found)} candidates: {', '.join(found)}", "say which by --candidate")


def _traffic(path: Path, queries: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    found: dict[str, float] = {}
    rows = csv.reader(_text(path, _MOST_BYTES).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate((row for row in rows if row), start=1):
        if len(row) != 2 or not row[1].strip().isdigit():
            raise UsageError(f"{path.name}: line {number} is not `query, tab, searches`", "correct it")
        found[row[0]] = float(row[1])
    if missing := [query for query in queries if query not in found]:
        raise UsageError(
            f"{path.name} has no searches of {len(missing)} judged queries, as {missing[0]}", "add them, 0 if none"
        )
    return np.array([found[query] for query in queries])


def _text(path: Path, most: int) -> str:
    _refuse_huge(path, most)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is no UTF-8 text", "give a text file") from error


def _refuse_huge(path: Path, most: int) -> None:
    if not path.is_file():
        raise MissingDataError(f"there is no file {path}", "correct the path")
    if path.stat().st_size > most:
        raise UsageError(f"{path.name} is larger than {most:,} bytes", "take a part of it")
