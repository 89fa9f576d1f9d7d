"""A service of a few items and queries: plans over it, its daily statistics, its judgments and training set."""

import numpy as np
import pyarrow as pa

from builders.days import publish_day
from reprise import tables
from reprise.plan import Plan, days_between, lay_blocks
from reprise.settings import Deployment
from reprise.settings.gate import Blocks

DAYS = days_between("2026-09-01", "2026-09-08")
WORDS = ["raga", "night", "river", "dance", "monsoon", "light", "train", "heart"]
FEATURES = [
    {"name": "engine_score", "kind": "match", "meaning": "the engine's own score"},
    {"name": "title_terms", "kind": "match", "meaning": "words in the title", "query": "{!edismax qf=title mm=1}${q}"},
    {"name": "popularity", "kind": "item", "meaning": "frozen popularity", "field": "popularity"},
    {"name": "is_song", "kind": "item", "meaning": "a song", "field": "entity", "equals": "song"},
    {"name": "plays", "kind": "behaviour", "meaning": "plays", "measure": "plays"},
    {"name": "completion", "kind": "behaviour", "meaning": "heard to the end", "measure": "completion", "prior": 5},
]
NAMES = [feature["name"] for feature in FEATURES]


def small_plan(lake, *, days=DAYS, urls=(), gate=None, **solr):
    """A plan with two days each of history, train, validation and test."""
    source = {"name": "app", "kind": "search", "uris": ["s3://logs/{date}"]}
    source["fields"] = {"user": "u", "ts": "t", "query": "q", "search_id": "i"}
    blocks = {"test_days": 2, "validation_days": 2, "train_block_days": 2, "min_history_days": 2}
    deployment = Deployment.model_validate(
        {
            "name": "tiny",
            "logs": {"sources": [source]},
            "solr": {"features": FEATURES, **solr},
            "gate": {"blocks": blocks, **(gate or {})},
        }
    )
    families = ["linear", "lambdamart"]
    return Plan("r1", deployment, str(lake), list(days), lay_blocks(list(days), Blocks(**blocks)), families, list(urls))


def item_stats(days, items, seed=3):
    """Rows of ``item_stats``, an item missing on some days."""
    random = np.random.default_rng(seed)
    rows = []
    for day in days:
        for item in items:
            plays = int(random.poisson(4))
            if not plays:
                continue
            completions = int(random.binomial(plays, 0.6))
            rows.append(
                {
                    "dt": day, "item": item, "plays": plays, "organic_plays": plays // 2, "skips": plays - completions,
                    "completions": completions, "listeners": max(1, plays - 1),
                    "saves": int(random.binomial(plays, 0.1)),
                    "search_utility_sum": plays * 0.3, "search_plays": plays // 2,
                }
            )  # fmt: skip
    return rows


def publish_daily(plan, table, rows):
    """Write rows of a daily table into the plan's lake, day by day."""
    for day in plan.days:
        publish_day(plan.open_lake(), plan.logs_version, day, {table: [row for row in rows if row["dt"] == day]})


def publish_run(plan, table, rows, version=None, schema=None, facts=None):
    """Write rows of a table of the run."""
    schema = schema or getattr(tables, table)
    rows = pa.Table.from_pylist(rows, schema) if isinstance(rows, list) else rows
    plan.open_lake().write(table, version or plan.judgments_version, plan.partition, rows, facts=facts)


def judgment(block, group, item, utility, examined, variant="measured", prior=0.1, m=2.0):
    """A row of ``judgments`` by its own formula."""
    g = min(1.0, (utility + m * prior) / (examined + m))
    grade = sum(g >= cut for cut in (0.05, 0.15, 0.3, 0.5))
    return {
        "block": block, "theta_variant": variant, "query_group": group, "item": item, "g": g, "grade": grade,
        "impressions": examined, "utility_sum": utility, "examination_sum": examined,
    }  # fmt: skip


def query_group(block, group, searches, query=None, users=100):
    """A row of ``query_groups``."""
    segment = "head" if searches > 50 else "tail"
    return {
        "block": block, "query_group": group, "query": query or group, "searches": searches, "language": "en",
        "segment": segment, "seen_before": False, "users": users, "lists": float(searches),
    }  # fmt: skip


def wanted(values):
    """What g is worth by default: it rises with plays where the title matches."""
    return 0.8 * values[NAMES.index("plays")] * (values[NAMES.index("title_terms")] > 0.4)


def publish_learnable(
    plan, *, queries=60, depth=12, noise=0.02, shuffled=False, seed=5, change=None, truth=wanted, taught=None
):
    """Judgments, groups and a training set whose g is known: ``truth`` of a row's features, and noise.

    ``shuffled`` permutes the labels of the train and validation blocks among all rows: then nothing is to be learned.
    ``change`` makes another row of each row. ``taught``: training rows of these queries alone.
    """
    from reprise.features.catalogue import columns

    random = np.random.default_rng(seed)
    rows, judgments, groups = [], [], []
    for block in plan.blocks:
        for query in range(queries):
            group, traffic = f"q{query}", 1 + int(200 / (query + 1))
            groups.append(query_group(block.name, group, traffic))
            for rank in range(1, depth + 1):
                values = random.random(len(NAMES)).astype(np.float32)
                worth = truth(values) + noise * random.standard_normal()
                judged = bool(random.random() < 0.7)
                label = judgment(block.name, group, f"song:{query}-{rank}", max(0.0, worth) * 30, 30.0)
                judgments += [label] if judged else []
                rows.append(
                    {
                        "block": block.name, "role": block.role, "query_group": group, "query": group,
                        "item": label["item"], "engine_rank": rank, "judged": judged,
                        "g": label["g"] if judged else None, "grade": label["grade"] if judged else 0,
                        "weight": 0.9 if judged else 0.1, "traffic": traffic,
                        **dict(zip(NAMES, values.tolist(), strict=True)),
                    }
                )  # fmt: skip
    if shuffled:
        learned = [row for row in rows if row["role"] != "test" and row["judged"]]
        for row, other in zip(learned, [learned[n] for n in random.permutation(len(learned))], strict=True):
            row["new"] = (other["g"], other["grade"])
        for row in learned:
            row["g"], row["grade"] = row.pop("new")
    rows = [change(row) for row in rows] if change else rows
    rows = [row for row in rows if row["role"] != "train" or taught is None or row["query_group"] in taught]
    publish_run(plan, "judgments", judgments, facts={"theta_measured": True, "theta_reason": ""})
    publish_run(plan, "query_groups", groups)
    curve = [
        {"theta_variant": "measured", "surface": "", "position": k, "theta": 1 / k, "pairs": 9, "method": "all_pairs"}
        for k in (1, 2)
    ]
    publish_run(plan, "propensities", curve)
    facts = {"features": NAMES, "columns": columns(plan.deployment.solr, []), "recall": {"test": 0.9}}
    facts["unreachable_share"] = {"test": 0.1}
    publish_run(plan, "training_set", rows, plan.training_version, tables.training_set(NAMES), facts)
