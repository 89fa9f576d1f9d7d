"""The gate on planted scores: one case per ending, and the report."""

import html
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from reprise import tables
from reprise.errors import MissingDataError
from reprise.gate.beside import differences
from reprise.gate.checks import answer
from reprise.gate.decide import examine, run
from reprise.gate.report import add_verification, load_report, save_report
from reprise.metrics import UNJUDGED_POLICIES
from reprise.plan import Plan, days_between, lay_blocks
from reprise.settings import Deployment
from reprise.settings.gate import Blocks

QUERIES = 300
LIVE = {"number": 3, "model": "reprise_lambdamart_0123456789ab", "trained_until": "2026-09-18"}
THETAS = ("measured", "one", "assumed", "steep")


class World:
    """A lake with planted scores. ``gains`` and ``noise`` are by how much a model beats the champion, per query."""

    def __init__(self, folder, seed=1, queries=QUERIES, live=LIVE):
        blocks = {"test_days": 2, "validation_days": 2, "train_block_days": 2, "min_history_days": 0}
        days = days_between("2026-09-15", "2026-09-20")
        fields = {"user": "u", "ts": "t", "query": "q", "search_id": "i"}
        source = {"name": "app", "kind": "search", "uris": ["s3://logs/{date}"], "fields": fields}
        deployment = Deployment.model_validate(
            {
                "name": "tiny",
                "logs": {"sources": [source]},
                "solr": {"features": [{"name": "plays", "meaning": "", "kind": "behaviour", "measure": "plays"}]},
                "gate": {"blocks": blocks, "policy": {"resamples": 500}},
            }
        )
        self.plan = Plan(
            "r1", deployment, str(folder), days, lay_blocks(days, Blocks(**blocks)), ["linear", "lambdamart"], []
        )
        self.rng, self.queries, self.live = np.random.default_rng(seed), queries, live
        self.traffic = np.floor(2000 / np.arange(1, queries + 1)) + 1
        self.gains = {
            "linear": 0.02,
            "lambdamart": 0.06,
            "engine_order": -0.05,
            "popularity": -0.1,
            "best_feature": -0.08,
        }
        self.noise = 0.08
        self.by_reading = {}  # (θ variant, unjudged) → what the candidates gain there instead
        self.train_extra = 0.03
        self.trained_until, self.theta_measured, self.unreachable = "2026-09-18", True, 0.1
        self.users, self.suspects = lambda i: 5, []

    def model_values(self, model, role):
        base = np.random.default_rng(7).uniform(0.4, 0.7, self.queries)
        if model == "champion":
            return base
        extra = self.train_extra if role == "train" and model in self.plan.families else 0.0
        return base + self.gains[model] + extra + self.rng.normal(0, self.noise, self.queries)

    def rows(self):
        models = [*self.gains, *(["champion"] if self.live["number"] else [])]
        for block in self.plan.blocks:
            for model in models:
                values = self.model_values(model, block.role)
                for theta in THETAS:
                    for unjudged in UNJUDGED_POLICIES:
                        other = self.by_reading.get((theta, unjudged)) if model in self.plan.families else None
                        shown = values if other is None else values - self.gains[model] + other
                        yield self._part(model, block, theta, unjudged, shown)

    def _part(self, model, block, theta, unjudged, values):
        n = self.queries
        constant = {
            "model": model,
            "block": block.name,
            "role": block.role,
            "theta_variant": theta,
            "unjudged": unjudged,
        }
        columns = {name: [value] * n for name, value in constant.items()} | {
            "query_group": [f"q{i}" for i in range(n)],
            "metric": ["consumption_ndcg_at_10"] * n,
            "value": [None if i % 10 == 9 else float(v) for i, v in enumerate(values)],
            "traffic": self.traffic.astype(int).tolist(),
            "segment": ["head" if i < 5 else "torso" if i < 40 else "tail" for i in range(n)],
            "language": [("hi", "en", None)[i % 3] for i in range(n)],
            "seen_before": [i % 4 > 0 for i in range(n)],
            "length": [("1 to 3 letters", "7 letters or more")[i % 2] for i in range(n)],
            "item_type": [("song", "artist", "album")[i % 3] for i in range(n)],
            "release": [("older", "new release", None)[i % 3] for i in range(n)],
        }
        return pa.table(columns, tables.scores)

    def build(self):
        """Write everything the gate reads, and return the plan."""
        plan, lake = self.plan, self.plan.open_lake()
        facts = {} if self.suspects is None else {"suspects": self.suspects}
        lake.write("scores", plan.models_version, plan.partition, pa.concat_tables(self.rows()), facts=facts)
        lake.put_json(f"runs/{plan.run}/champion.json", {"release": self.live, "model": None, "features": []})
        for family in plan.families:
            key = f"candidates/v={plan.models_version}/{plan.partition}/{family}/candidate.json"
            lake.put_json(key, {"family": family, "trained_until": self.trained_until})
        facts = {"theta_measured": self.theta_measured, "theta_reason": "" if self.theta_measured else "one ranker"}
        empty = pa.Table.from_pylist([], tables.judgments)
        lake.write("judgments", plan.judgments_version, plan.partition, empty, facts=facts)
        groups = [
            dict(
                zip(
                    tables.query_groups.names,
                    ("test", f"q{i}", f"तुम <{i}>", 2 * n, "hi", "tail", True, self.users(i), 2.0 * n),
                    strict=True,
                )
            )
            for i, n in enumerate(self.traffic.astype(int).tolist())
        ]
        texts = pa.Table.from_pylist(groups, tables.query_groups)
        lake.write("query_groups", plan.judgments_version, plan.partition, texts)
        share = {"unreachable_share": {} if self.unreachable is None else {"test": self.unreachable}}
        lake.write("training_set", plan.training_version, plan.partition, pa.table({"x": [1]}), facts=share)
        return plan


def nothing(world):
    """The planted world as it is: a clear gain."""


def tie(world):
    world.gains |= {"lambdamart": 0.0, "linear": -0.02}


def loss(world):
    world.gains |= {
        "lambdamart": -0.06,
        "linear": -0.08,
        "engine_order": -0.2,
        "popularity": -0.2,
        "best_feature": -0.2,
    }


def popularity_is_better(world):
    world.gains["popularity"] = 0.16


def one_feature_is_better(world):
    world.gains["best_feature"] = 0.16


def engine_order_is_as_good(world):
    world.gains["engine_order"] = 0.06


def unjudged_items_decide(world):
    world.by_reading[("measured", "zero")] = -0.05


def steep_bias_turns_it(world):
    world.theta_measured = False
    world.by_reading[("steep", "judged_only")] = -0.05


def unmeasured_but_robust(world):
    world.theta_measured = False


def measured_so_others_only_inform(world):
    world.by_reading[("steep", "judged_only")] = -0.05


def champion_saw_the_test_days(world):
    world.live = LIVE | {"trained_until": "2026-09-19"}


def champion_does_not_say(world):
    world.live = LIVE | {"trained_until": ""}


def candidate_saw_the_test_days(world):
    world.trained_until = "2026-09-20"


def learned_by_heart(world):
    world.train_extra = 0.25


def out_of_reach(world):
    world.unreachable = 0.8


def reach_unknown(world):
    world.unreachable = None


def a_feature_tells_all(world):
    world.suspects = ["search_utility"]


def features_were_not_looked_at(world):
    world.suspects = None


def one_language_is_broken(world):
    plain, broken = world.model_values, np.arange(QUERIES) % 3 == 1
    world.model_values = lambda model, role: plain(model, role) - 0.25 * broken * (model in world.plan.families)
    world.gains |= {"lambdamart": 0.15, "linear": 0.1}


def logs_broke(world):
    wrong = {"wrong": ["2026-09-19: 12 searches (at least 100)"]}
    world.plan.open_lake().put_json(f"runs/{world.plan.run}/logs/health.json", wrong)


def logs_are_fine(world):
    world.plan.open_lake().put_json(f"runs/{world.plan.run}/logs/health.json", {"wrong": []})


def no_model_yet(world):
    world.live = {"number": 0, "model": ""}


@pytest.mark.parametrize(
    ("change", "expected", "culprits"),
    [
        (nothing, "yes", set()),
        (tie, "cannot tell", {"superior_to_champion"}),
        (loss, "no", {"superior_to_champion", "no_segment_loses"}),
        (popularity_is_better, "no", {"beats_popularity"}),
        (one_feature_is_better, "no", {"beats_best_feature"}),
        (engine_order_is_as_good, "cannot tell", {"beats_engine_order"}),
        (unjudged_items_decide, "cannot tell", {"robust_to_unjudged"}),
        (steep_bias_turns_it, "cannot tell", {"robust_to_position_bias"}),
        (unmeasured_but_robust, "yes", set()),
        (measured_so_others_only_inform, "yes", set()),
        (champion_saw_the_test_days, "cannot tell", {"untouched_test_block"}),
        (champion_does_not_say, "cannot tell", {"untouched_test_block"}),
        (candidate_saw_the_test_days, "cannot tell", {"untouched_test_block"}),
        (learned_by_heart, "no", {"not_overfitted"}),
        (out_of_reach, "cannot tell", {"reachable"}),
        (reach_unknown, "cannot tell", {"reachable"}),
        (a_feature_tells_all, "cannot tell", {"no_leaking_feature"}),
        (features_were_not_looked_at, "cannot tell", {"no_leaking_feature"}),
        (no_model_yet, "yes", set()),
        (one_language_is_broken, "no", {"no_segment_loses"}),
        (logs_broke, "cannot tell", {"logs_are_sound"}),
        (logs_are_fine, "yes", set()),
    ],
)
def test_every_ending(tmp_path, change, expected, culprits):
    """One thing is planted, and exactly the check that should notice does."""
    world = World(tmp_path)
    change(world)
    report = examine(world.build(), world.plan.open_lake())
    noticed = {check.name for check in report.checks if check.outcome != "pass"}

    assert report.answer == expected
    assert noticed == culprits, report.reason
    if culprits:
        assert report.reason.split(":")[0] in culprits


def test_too_few_queries_are_never_a_pass(tmp_path):
    """However large the gain looks."""
    world = World(tmp_path, queries=60)
    world.gains["lambdamart"] = 0.3
    report = examine(world.build(), world.plan.open_lake())

    assert report.answer == "cannot tell"
    assert "54 queries count" in report.reason
    assert "100 are needed" in report.reason


def test_no_candidate_is_chosen_on_the_test_block(tmp_path):
    """Linear would win the test, but validation chose lambdamart; the winner's luck stays out."""
    world = World(tmp_path)
    plain = world.model_values
    world.model_values = lambda model, role: plain(model, role) + (0.1 if (model, role) == ("linear", "test") else 0)
    report = examine(world.build(), world.plan.open_lake())

    assert report.family == "lambdamart"
    assert report.validation["lambdamart"] > report.validation["linear"]


def test_engine_order_is_champion_until_there_is_one(tmp_path):
    """With release 0 live the engine's order is asked once, as the champion, not twice."""
    world = World(tmp_path, live={"number": 0, "model": ""})
    report = examine(world.build(), world.plan.open_lake())

    assert "engine's own order" in report.champion
    assert "beats_engine_order" not in {check.name for check in report.checks}
    assert report.comparison.difference == pytest.approx(0.11, abs=0.03)


def test_the_verdict_carries_the_choice_and_the_report(tmp_path):
    """What the next task reads: the family and where the report is; the page is beside it."""
    world = World(tmp_path)
    verdict = run(world.build())
    again = run(world.plan)

    assert (verdict.answer, verdict.facts["family"]) == ("yes", "lambdamart")
    assert verdict == again
    assert load_report(world.plan.open_lake(), "r1").answer == "yes"


def test_a_verdict_without_an_interval_is_still_json(tmp_path):
    """One query that counts has no spread: its ends are null, and the answer is not a yes."""
    verdict = run(World(tmp_path, queries=1).build())

    assert verdict.answer == "cannot tell"
    assert verdict.facts["interval"] == [None, None]
    assert json.loads(verdict.to_json(), parse_constant=pytest.fail)["facts"]["interval"] == [None, None]


def test_searches_that_no_metric_counts_are_reported(tmp_path):
    """Half the searches were for queries that were never scored, and a tenth of the queries have no value."""
    world = World(tmp_path)
    report = examine(world.build(), world.plan.open_lake())
    counted = world.traffic[np.arange(QUERIES) % 10 != 9].sum()

    assert report.dropped_traffic_share == pytest.approx(1 - counted / (2 * world.traffic.sum()))


def test_missing_pieces_are_named(tmp_path):
    world = World(tmp_path)
    del world.gains["popularity"]

    with pytest.raises(MissingDataError, match="nothing of popularity"):
        run(world.build())


def test_the_report_survives_json(tmp_path):
    """Strict JSON: what is not a number is null, and comes back as it was."""
    world = World(tmp_path, queries=3)
    report = examine(world.build(), world.plan.open_lake())
    text = report.to_json()
    back = type(report).from_json(text)

    assert json.loads(text)["answer"] == report.answer == back.answer
    assert back.to_json() == text
    assert any(math.isnan(s.comparison.lower) for s in back.slices)


class Reader(HTMLParser):
    """Collects text, and addresses a page would fetch."""

    def __init__(self, text):
        super().__init__()
        self.text, self.fetched = [], []
        self.feed(text)

    def handle_data(self, data):
        self.text.append(data.strip())

    def handle_starttag(self, tag, attrs):
        self.fetched += [v for k, v in attrs if k in ("src", "href")] + (["script"] if tag == "script" else [])


def test_the_page_says_it_in_words_and_fetches_nothing(tmp_path):
    """Verdict first; every check, slice and moved query is on it; user text is escaped."""
    world = World(tmp_path)
    run(world.build())
    report = load_report(world.plan.open_lake(), "r1")
    source = world.plan.open_lake().store.get("runs/r1/gate/report.html").decode()
    page = Reader(source)

    assert next(t for t in page.text[page.text.index("Gate report, run r1") + 1 :] if t and "{" not in t) == (
        "Better, and proven"
    )
    assert page.fetched == []
    assert {check.question for check in report.checks} <= set(page.text)
    assert {moved.query for moved in (*report.winners, *report.losers)} <= set(page.text)
    assert report.winners[0].query not in source
    assert html.escape(report.winners[0].query) in source


def test_queries_of_few_listeners_are_named_nowhere(tmp_path):
    """Every other query had four listeners: page and report count them, and show neither text nor group."""
    world, plain = World(tmp_path / "few"), World(tmp_path / "plain")
    world.users = lambda i: 4 + i % 2
    run(world.build())
    run(plain.build())
    store = world.plan.open_lake().store
    report = load_report(world.plan.open_lake(), "r1")
    written = json.loads(store.get("runs/r1/gate/report.json"))
    page = html.unescape(store.get("runs/r1/gate/report.html").decode())
    everywhere = page + json.dumps(written, ensure_ascii=False)
    moved = [*report.winners, *report.losers]
    openly = load_report(plain.plan.open_lake(), "r1")
    was = [m.query for m in (*openly.winners, *openly.losers)]

    assert [f"<{i}>" for i in range(0, QUERIES, 2) if f"तुम <{i}>" in everywhere] == []
    assert not [m.query for m in moved if re.fullmatch(r"q\d+", m.query)]
    hidden = "a query of fewer than 5 listeners"
    expected = [hidden if int(text[5:-1]) % 2 == 0 else text for text in was]
    assert [m.query for m in moved] == expected
    assert {hidden} < set(expected)
    assert report.comparison == openly.comparison


def test_examples_of_a_verification_carry_no_text(tmp_path):
    """A mismatch keeps item and scores; what the listener typed stays in the lake."""
    world = World(tmp_path)
    run(world.build())
    example = {"url": "u", "params": {"q": "very private", "rows": 10}, "item": "song:1", "solr": 1.0, "offline": 2.0}
    policy = world.plan.deployment.gate.policy
    report = add_verification(
        load_report(world.plan.open_lake(), "r1"), verification(mismatching=1, examples=[example]), policy
    )
    text = report.to_json()

    assert "very private" not in text
    assert "song:1" in text


def verification(**changes):
    """What the release room measured."""
    plain = {
        "pairs": 1200, "mismatching": 0, "min_pairs": 1000, "examples": [], "unmatched": 0, "unreachable": 0,
        "without_model": {"median_ms": 4.0, "p95_ms": 9.0}, "with_model": {"median_ms": 8.0, "p95_ms": 21.0},
        "skew": [{"feature": "title_match", "pairs": 900, "differing_share": 0.01, "largest_difference": 0.2}],
    }  # fmt: skip
    return plain | changes


@pytest.mark.parametrize(
    ("changes", "expected", "culprit"),
    [
        ({}, "yes", None),
        ({"mismatching": 1}, "no", "parity"),
        (
            {"with_model": {"p95_ms": 21.0, "p99_ms": 700.0}, "without_model": {"p95_ms": 9, "p99_ms": 30}},
            "no",
            "latency",
        ),
        ({"pairs": 999}, "cannot tell", "parity"),
        ({"with_model": {"median_ms": 8.0, "p95_ms": 210.0}}, "no", "latency"),
        ({"skew": [{"feature": "f", "pairs": 9, "differing_share": 0.2, "largest_difference": 1.0}]}, "no", "skew"),
    ],
)
def test_solr_completes_the_report(tmp_path, changes, expected, culprit):
    """Parity, latency and skew join the checks; done twice, nothing doubles."""
    world = World(tmp_path)
    lake, policy = world.plan.open_lake(), world.plan.deployment.gate.policy
    run(world.build())
    first = add_verification(load_report(lake, "r1"), verification(), policy)
    report = add_verification(first, verification(**changes), policy)
    save_report(report, lake)

    assert load_report(lake, "r1").answer == expected
    assert [c.name for c in report.checks if c.outcome != "pass"] == ([culprit] if culprit else [])
    assert len({c.name for c in report.checks}) == len(report.checks)


def test_no_check_at_all_proves_nothing():
    assert answer([]) == "cannot tell"


@pytest.mark.parametrize(("live", "rival"), [(LIVE, "champion"), ({"number": 0}, "engine_order")])
def test_every_model_stands_beside_what_serves_by_the_gates_own_comparison(tmp_path, live, rival):
    world = World(tmp_path, live=live)
    plan = world.build()

    found = differences(plan)
    report = examine(plan, plan.open_lake())

    assert found[report.family] == report.comparison
    assert set(found) == {*world.gains, rival}
    assert (found[rival].difference, found[rival].lower, found[rival].upper) == (0, 0, 0)
    apart = found["lambdamart"].difference - found["linear"].difference
    assert apart == pytest.approx(0.04, abs=0.03)
