"""The live model's order on the listeners' true consumption, beside the engine's and the best possible.

The truth is the simulator's own, which no stage of the lifecycle can read. Every text is asked of the real Solr;
rankings are reorderings of the engine's top reRankDocs, so "best possible" is the best that reranking can do.
"""

from __future__ import annotations

from collections.abc import Iterator

from reprise import release
from reprise.plan import Plan
from reprise.sandbox import music
from reprise.sandbox.home import Home
from reprise.sandbox.service_life import frequent_queries
from reprise.solr.client import SolrClient, connect

MOST = 1000


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table, for the heaviest query texts of the test block."""
    world = music.World.build(scale="demo")
    days = [day for day in range(400) if music.day_name(day) in set(plan.block("test")[0].days)]
    truth = music.Truth(world, days)
    queries = [q for q in frequent_queries(plan.deployment.name, plan.run, MOST) if q in world.text_index]
    with connect(plan.deployment.solr.core) as client:
        live = release.live(client)
        orders = {
            "engine": {q: _ask(client, q, plan, None) for q in queries},
            f"live (release {live.number})": {q: _ask(client, q, plan, live) for q in queries},
        }
    engine = orders["engine"]
    orders["best possible"] = {q: truth.best_order(q, engine[q]) for q in queries}
    weights = {q: truth.weight(q) for q in queries}
    total = sum(weights.values())
    values = {n: sum(weights[q] * truth.consumption(q, o[q]) for q in queries) / total for n, o in orders.items()}
    base, best = values["engine"], values["best possible"]
    yield f"{len(queries)} heaviest texts, {total:.0%} of first searches; expected consumption per search\n"
    yield "| order | true consumption | beside the engine | share of what is possible |"
    yield "|---|---|---|---|"
    for name, value in values.items():
        yield f"| {name} | {value:.4f} | {value / base:.3f} | {(value - base) / (best - base):.0%} |"


def _ask(client: SolrClient, text: str, plan: Plan, live: release.Release | None) -> list[str]:
    request = plan.deployment.solr.request
    how = live.paramset() if live else request.params
    asked = {"q": text, "rows": request.rerank_docs, "fl": "id", **how, **music.sent_along(text)}
    asked["NOW"] = plan.block("test")[0].end  # the listeners' days are not ours
    answer = client.select(asked, request.handler)
    return [str(document["id"]) for document in answer.body["response"]["docs"]]
