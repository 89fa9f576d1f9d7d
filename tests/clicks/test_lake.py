"""Sessions of a lake are its impressions, row for row; what few asked stays there."""

import csv
import io

import numpy as np
import pytest

from builders.days import publish_day
from builders.small_service import small_plan
from reprise import cli
from reprise.clicks.lake import sessions_of_plan, widely_asked
from reprise.errors import MissingDataError


def published(tmp_path, searches=60, seed=1):
    """Searches of two queries, one of them asked by four listeners only, on the two test days."""
    rng = np.random.default_rng(seed)
    plan = small_plan(tmp_path)
    expected = {}
    for number, day in enumerate(plan.block("test")[0].days):
        rows = []
        for n in range(searches):
            key, q = f"{day}-{n}", ("jopali", "rare")[n % 2]
            for place, item in enumerate(rng.permutation(6)[: rng.integers(1, 6)], start=1):
                clicked = bool(rng.random() < 0.4)
                seconds = float(rng.choice([10, 29.5, 30, 200])) if clicked else 0.0
                saved = clicked and bool(rng.random() < 0.1)
                row = {"search_id": key, "q": q, "item": f"song:{item}", "position": place, "clicked": clicked}
                rows.append(row | {"seconds": seconds or None, "saved": saved, "prefix_weight": 1.0})
                expected[key, place] = (q, f"song:{item}", clicked, clicked and (seconds >= 30 or saved))
            rows.append({**rows[-1], "search_id": f"{key}-prefix", "prefix_weight": 0.3})
        asked = [
            {"dt": day, "q": "jopali", "searches": 30, "listeners": (1 << 40) - 1, "language": "en"},
            {"dt": day, "q": "rare", "searches": 30, "listeners": 0b1111 << number, "language": "en"},
        ]
        publish_day(plan.open_lake(), plan.logs_version, day, {"impressions": rows, "query_stats": asked})
    plan.save()
    return plan, expected


def seen(sessions):
    """Return every place of every session, as a bag."""
    rows, places = np.nonzero(sessions.shown)
    return sorted(
        (place + 1, *sessions.pairs[sessions.pair[at]], sessions.clicked[at], sessions.satisfied[at])
        for *at, place in zip(rows, places, places, strict=True)
        for at in [tuple(at)]
    )  # fmt: skip


def test_every_settled_search_is_a_session(tmp_path):
    """The logs have no plays here, so the last click satisfies; prefixes are left out."""
    plan, expected = published(tmp_path)
    found = sessions_of_plan(plan)
    clicks_only = [(place, *row[:3]) for (_, place), row in expected.items()]

    assert not found.plays
    assert [row[:4] for row in seen(found)] == sorted(clicks_only)
    assert found.satisfied.sum() == found.clicked.any(axis=1).sum()


def test_plays_of_half_a_minute_satisfy_where_plays_are_known(tmp_path):
    plan, expected = published(tmp_path)
    play = plan.deployment.logs.sources[0].model_copy(update={"kind": "play"})
    plan.deployment.logs.sources.append(play)
    version = plan.logs_version
    known = {(place, *row) for (_, place), row in expected.items()}
    # The mapping is another one now, and so is the version that its days are published under.
    for day, manifest in (
        small_plan(tmp_path).open_lake().partitions("impressions", small_plan(tmp_path).logs_version).items()
    ):
        rows = plan.open_lake().read("impressions", small_plan(tmp_path).logs_version, [day])
        publish_day(plan.open_lake(), version, manifest.partition[3:], {"impressions": rows})
    found = sessions_of_plan(plan)

    assert found.plays
    assert set(seen(found)) == known


def test_no_more_than_asked_for_is_read(tmp_path):
    plan, _ = published(tmp_path)

    assert len(sessions_of_plan(plan, most=1).pair) == 60  # one day, the last


def test_a_query_that_few_asked_is_in_no_file(tmp_path, capsys):
    plan, _ = published(tmp_path)
    uri = f"{plan.lake}/runs/{plan.run}/plan.json"

    assert widely_asked(plan) == {"jopali"}
    assert cli.exit_code(["judge", "--plan", uri, "--method", "sdbn"]) == 0
    assert {row["query"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))} == {"jopali"}
    assert cli.exit_code(["judge", "--plan", uri, "--method", "compare"]) == 0
    table = capsys.readouterr().out
    assert "120 sessions" in table
    assert "jopali" not in table


def test_an_empty_block_is_named(tmp_path):
    plan = small_plan(tmp_path)
    for day in plan.block("test")[0].days:
        publish_day(plan.open_lake(), plan.logs_version, day, {"impressions": []})

    with pytest.raises(MissingDataError, match="no impressions"):
        sessions_of_plan(plan)
