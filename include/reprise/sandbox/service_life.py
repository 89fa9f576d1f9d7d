"""The demo's music service between runs: it lives on for some days, and its logs can be copied corrupted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from reprise.plan import lay_blocks
from reprise.sandbox import music
from reprise.sandbox.home import LAKE, Home
from reprise.sandbox.services import aws_client
from reprise.settings import load_deployment
from reprise.solr.client import connect

#: deployment → the world it logs
SCALES = {"demo": "demo", "demo-small": "small"}


def live_on(home: Home, deployment: str, days: int) -> str:
    """Let the service live some days more, answered by what is live in Solr; return what happened in a sentence."""
    from reprise import release

    world = music.World.build(scale=SCALES[deployment])
    with connect(load_deployment(deployment).solr.core) as client:
        if days_lived(home, deployment) == 0:
            music.index_catalogue(world, client)
        number = release.live(client).number
        lived = music.simulate(
            world,
            music.SolrFirstStage(client, moment=_milliseconds(music.day_name(days_lived(home, deployment)))),
            aws_client(home, "s3"),
            truth_folder(home, deployment),
            days,
            buckets=_buckets(deployment),
            ranker="A" if number == 0 else f"release-{number}",
        )
    return (
        f"{lived.days[0]} to {lived.days[-1]}: {lived.searches:,} searches, {lived.clicks:,} clicks, "
        f"{lived.plays:,} plays, {lived.bytes / 1e6:.1f} MB of raw logs; "
        f"release {number} answered {lived.requests:,} different requests"
    )


def days_lived(home: Home, deployment: str) -> int:
    """Return how many days the service has lived."""
    return music.days_lived(truth_folder(home, deployment))


def truth_folder(home: Home, deployment: str) -> Path:
    """Return where the truth about a simulated service is kept, outside every bucket."""
    return home.folder("truth", deployment)


def corrupt_copy(home: Home, source: str, target: str) -> str:
    """Copy a service's raw logs, with played and clicked items permuted within each training day; volumes stay."""
    days = [music.day_name(day) for day in range(days_lived(home, source))]
    blocks = lay_blocks(days[:-1], load_deployment(target).gate.blocks)
    spoilt = [day for block in blocks if block.role == "train" for day in block.days]
    music.corrupt(aws_client(home, "s3"), load_deployment(source), load_deployment(target), spoilt)
    return f"played items are permuted on {spoilt[0]} to {spoilt[-1]}"


def frequent_queries(deployment: str, run: str, most: int = 200) -> list[str]:
    """Return the most frequent query texts of a run's test block, as its lake has them."""
    from reprise.plan import read_plan

    plan = read_plan(f"{LAKE}/{deployment}/runs/{run}/plan.json")
    rows = plan.open_lake().read("query_groups", plan.judgments_version, [plan.partition]).to_pylist()
    test = sorted((r for r in rows if r["block"] == "test"), key=lambda r: (-r["searches"], r["query"]))
    return [row["query"] for row in test[:most]]


def _milliseconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def _buckets(deployment: str) -> music.Buckets:
    suffix = deployment.removeprefix("demo")
    return music.Buckets(f"music-search-logs{suffix}", f"music-play-logs{suffix}")
