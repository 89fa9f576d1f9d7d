"""What tuning is worth, by nested cross-validation: the choice itself is repeated, and judged where it had no say.

Query groups are dealt into outer folds. For each, a whole study runs without the fold's queries, and its winner is
valued on these queries' validation rows: later than what it learned from, and never asked before. Over all folds every
query is valued once, by a ranker that knew nothing of it (Varma and Simon, *BMC Bioinformatics* 7, 2006, on why the
inner figure is too good).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import UsageError
from reprise.metrics import means
from reprise.training.blend import blended
from reprise.training.data import Floats, TrainingData, chosen, data_of, read_table, rows_of
from reprise.training.diagnose import standard_error
from reprise.training.family import Fitted, find_family
from reprise.training.train import folder
from reprise.training.tuning.objectives import kept_value
from reprise.training.tuning.trials import Trials
from reprise.training.tuning.tune import objectives_of, tune
from reprise.verdict import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Plan
    from reprise.training.data import Rows


@dataclass(frozen=True)
class Fold:
    """``inner``: the winner's value on the queries that chose it; ``tuned``, ``default``: on the fold's own queries."""

    queries: int
    trials: int
    settings: dict[str, Any]
    inner: float
    tuned: float
    default: float


def run(plan: Plan, family: str, folds: int, trials: int | None = None) -> Verdict:
    """Write ``nested/report.json`` and ``.txt`` beside the family's candidate; a run that broke off goes on.

    Yes: tuned is better than the settings as they stand by more than twice the standard error; else cannot tell.
    """
    if folds < 2:
        raise UsageError(f"{family} in {folds} folds", "ask for two folds or more")
    table, manifest = read_table(plan)
    names, store = chosen(plan, list(manifest.facts["features"])), plan.open_lake().store
    base = where(plan, family, folds, trials)
    found, parts = [], []
    for number, groups in enumerate(_dealt(table, folds, plan.deployment.gate.tuning.seed)):
        data, held_out = _apart(plan, table, names, groups, f"{base}/fold-{number}")
        study = _study(plan, family, data, f"{base}/fold-{number}", trials)
        values = [held_out.per_query(fitted.scores(held_out)) for fitted in (study.tuned, study.default)]
        parts.append((*values, held_out.traffic_per_query))
        means_ = [means(value, held_out.traffic_per_query).traffic_weighted for value in values]
        found.append(Fold(held_out.queries, study.trials, study.settings, kept_value(study.tuned), *means_))
    report = _report(family, found, *(np.concatenate(column) for column in zip(*parts, strict=True)))
    store.put(f"{base}/report.json", json.dumps(report, indent=1).encode())
    store.put(f"{base}/report.txt", _text(report).encode())
    proven = report["gain"] > 2 * report["error"]
    return Verdict("yes" if proven else "cannot tell", report["words"], facts=report)


def where(plan: Plan, family: str, folds: int, trials: int | None = None) -> str:
    """Return the key, within the lake, of all that a nested cross-validation leaves."""
    return f"{folder(plan, family)}/nested/{folds}-{trials or plan.deployment.gate.tuning.trials}"


@dataclass(frozen=True)
class _Study:
    """``default``: the family, or blend, of the settings as they stand, by the same rows."""

    tuned: Fitted
    default: Fitted
    trials: int
    settings: dict[str, Any]


def _study(plan: Plan, family: str, data: TrainingData, base: str, trials: int | None) -> _Study:
    gate, store = plan.deployment.gate, plan.open_lake().store
    if trials:
        gate = gate.model_copy(update={"tuning": gate.tuning.model_copy(update={"trials": trials})})
    if not gate.tuning.trials:
        raise UsageError("there is no tuning to nest: tuning.trials is 0", "set it in gate.yaml, or give --trials")
    aims = objectives_of(plan)
    folders = {part: f"{base}/{part}" for part in gate.blend.of} if family == "blend" else {family: base}
    found = {part: tune(store, key, find_family(part), data, gate, aims) for part, key in folders.items()}
    tuned, default = [one.fitted for one in found.values()], [Trials(store, key).ranker(0) for key in folders.values()]
    count = sum(len(one.trials) for one in found.values())
    if family != "blend":
        return _Study(tuned[0], default[0], count, found[family].facts["settings"])
    choosing = next(iter(found.values())).data
    mixed, plain = (blended(parts, choosing, gate, aims)[0] for parts in (tuned, default))
    settings = {f"{part}.{name}": value for part, one in found.items() for name, value in one.facts["settings"].items()}
    return _Study(mixed, plain, count, {"share": mixed.params["share"], **settings})


def _dealt(table: pa.Table, folds: int, seed: int) -> list[list[str]]:
    """Return the query groups of each fold: sorted by traffic and dealt in turns: all have heads and tails."""
    searches: dict[str, int] = {}
    columns = (table[name].to_pylist() for name in ("query_group", "traffic", "role"))
    for group, traffic, role in zip(*columns, strict=True):
        if role == "validation":
            searches[group] = max(traffic, searches.get(group, 0))
    known = sorted(searches, key=lambda group: (-searches[group], group))
    random = np.random.default_rng(seed)
    found: list[list[str]] = [[] for _ in range(folds)]
    for start in range(0, len(known), folds):
        for fold, group in zip(random.permutation(folds), known[start : start + folds], strict=False):
            found[fold].append(group)
    if not all(found):
        raise UsageError(f"{len(known)} validation queries are too few for {folds} folds", "ask for fewer folds")
    return found


def _apart(plan: Plan, table: pa.Table, names: list[str], groups: list[str], where: str) -> tuple[TrainingData, Rows]:
    """Return the data without some query groups, and their judged validation rows; of the test block, nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    of_fold = pc.is_in(table["query_group"], pa.array(groups))
    tested = pc.equal(table["role"], "test")
    rest = table.filter(pc.and_not(pc.invert(of_fold), tested))
    lake, key = plan.open_lake(), f"{where}/rows.parquet"
    lake.put_rows(key, rest)  # what Spark trains, it reads from files
    held_out = table.filter(pc.and_(of_fold, pc.equal(table["role"], "validation")))
    return data_of(plan, rest, names, [lake.store.uri(key)]), rows_of(held_out, names).only_judged()


def _report(family: str, folds: list[Fold], tuned: Floats, default: Floats, traffic: Floats) -> dict[str, Any]:
    gain = means(tuned - default, traffic).traffic_weighted
    error = standard_error(tuned - default, traffic)
    found = {
        "family": family,
        "queries": len(tuned),
        "tuned": means(tuned, traffic).traffic_weighted,
        "default": means(default, traffic).traffic_weighted,
        "inner": float(np.mean([fold.inner for fold in folds])),
        "gain": gain,
        "error": error,
        "folds": [asdict(fold) for fold in folds],
    }
    trials = sum(fold.trials for fold in folds)
    words = (
        f"{family}, tuned anew in each of {len(folds)} folds ({trials} trials): {found['tuned']:.4f} on queries that "
        f"had no say, {found['default']:.4f} as it stands, a gain of {gain:+.4f} ± {error:.4f}; those that chose said "
        f"{found['inner']:.4f}"
    )
    return found | {"words": words}


def _text(report: dict[str, Any]) -> str:
    lines = [report["words"], "", "fold  queries  tuned   as it stands  by those that chose  settings"]
    for number, fold in enumerate(report["folds"]):
        pairs = (
            (name, f"{value:.4g}" if isinstance(value, float) else value) for name, value in fold["settings"].items()
        )
        settings = ", ".join(f"{name} {value}" for name, value in pairs)
        lines.append(
            f"{number:<5} {fold['queries']:<8} {fold['tuned']:.4f}  {fold['default']:.4f}        {fold['inner']:.4f}"
            f"               {settings}"
        )
    return "\n".join(lines) + "\n"
