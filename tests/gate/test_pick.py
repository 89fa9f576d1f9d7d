"""Which family the gate tests: not the one that was lucky where it was tuned, and where in doubt one far cheaper."""

from dataclasses import replace

import numpy as np
import pytest

from builders.lucky import paired_of, retrain
from builders.small_service import publish_learnable, small_plan
from reprise.gate import choice, decide
from reprise.gate.paired import paired
from reprise.gate.pick import best_of, figures, pick, undecided
from reprise.settings.gate import Policy
from reprise.training import evaluate, train

FAMILIES = ["plain", "searched"]
POLICY = Policy(resamples=200)


def shares(ahead, retrains=150):
    """How often the family of many settings is picked: by all validation queries, and by those kept back."""
    found = []
    for seed in range(retrains):
        one = retrain(seed, ahead=ahead)
        held = one.validation.where(one.kept)
        found.append([best_of(some, FAMILIES, {}, POLICY, 0).family == "searched" for some in (one.validation, held)])
    return np.mean(found, axis=0)


def test_many_settings_that_are_all_worse_win_by_luck_where_they_were_tuned_and_not_on_other_queries():
    by_all, by_held = shares(ahead=0.02)

    assert by_all > 0.5
    assert by_held < 0.35


def test_families_that_are_alike_are_picked_as_often():
    """150 retrains: three standard errors are 0.12."""
    by_all, by_held = shares(ahead=0.0)

    assert by_all > 0.8
    assert by_held == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(
    ("ahead", "within", "expected"),
    [(0.001, 1.0, "sum"), (0.001, 0.0, "trees"), (0.1, 1.0, "trees"), (-0.1, 1.0, "sum")],
)
def test_a_dearer_family_has_to_be_better_beyond_noise(ahead, within, expected):
    random = np.random.default_rng(3)
    base = random.uniform(0.4, 0.7, 90)
    noise = 0.05 * random.standard_normal(90)
    held = paired_of({"sum": base, "trees": base + ahead + noise - noise.mean()}, np.ones(90))
    steps = {"sum": 6.0, "trees": 400.0}

    found = best_of(held, ["sum", "trees"], steps, POLICY, within)

    assert found.family == expected
    assert found.behind[found.best] == 0
    differing = held.of("trees") - held.of("sum")
    assert max(found.behind.values()) == pytest.approx(abs(differing.mean()))
    assert max(found.errors.values()) == pytest.approx(differing.std(ddof=1) / np.sqrt(90), rel=0.2)
    assert ("400 steps for each document, not 6" in found.words) == (found.family != found.best)


@pytest.mark.parametrize(("cheap", "expected"), [(300.0, "trees"), (41.0, "trees"), (40.0, "other"), (None, "trees")])
def test_of_equals_that_cost_about_the_same_the_best_is_taken(cheap, expected):
    random = np.random.default_rng(4)
    base = random.uniform(0.4, 0.7, 90)
    noise = 0.05 * random.standard_normal(90)
    held = paired_of({"other": base, "trees": base + 0.001 + noise - noise.mean()}, np.ones(90))
    steps = {"trees": 400.0} | ({} if cheap is None else {"other": cheap})
    best = best_of(held, ["other", "trees"], steps, POLICY, 0).family

    assert best == "trees"
    assert best_of(held, ["other", "trees"], steps, POLICY, 1).family == expected


def test_where_nothing_counts_the_choice_does_not_fail():
    nothing = paired_of({"sum": np.full(3, np.nan), "trees": np.full(3, np.nan)}, np.ones(3))

    assert best_of(nothing, ["sum", "trees"], {}, POLICY, 1).family == "trees"


GATE = {
    "lambdamart": {"trees": 20, "leaves": 4, "min_rows_per_leaf": 5},
    "xendcg": {"trees": 20, "leaves": 4, "min_rows_per_leaf": 5},
    "diagnosis": {"sizes": [], "complexity": [], "folds": 0, "resamples": 0},
}
TUNED = {"tuning": {"trials": 4, "space": {name: {"leaves": [2, 4, 8]} for name in ("lambdamart", "xendcg")}}}
BLENDED = {"blend": {"of": ["lambdamart", "xendcg"]}}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Settings and families → a run that was trained and evaluated."""

    def made(settings, families):
        plan = replace(small_plan(tmp_path_factory.mktemp("lake"), gate=GATE | settings), families=families)
        publish_learnable(plan, queries=40, noise=0.2)
        plan.open_lake().put_json(
            f"runs/{plan.run}/champion.json", {"release": {"number": 0}, "model": None, "features": []}
        )
        facts = {family: train.run(plan, family).facts for family in families}
        evaluate.run(plan)
        scores = plan.open_lake().read("scores", plan.models_version, [plan.partition])
        return plan, paired(scores, "validation"), facts

    return made


def test_tuned_families_are_compared_on_the_queries_that_their_studies_kept_back(evaluated):
    """The value of each is the one that its own study reported there."""
    plan, validation, facts = evaluated(TUNED, ["lambdamart", "xendcg"])
    lake = plan.open_lake()

    found = pick(plan, lake, validation)

    reported = {family: fact["tuning"]["reported_on"] for family, fact in facts.items()}
    assert found.values == pytest.approx({family: one["best"] for family, one in reported.items()}, abs=1e-6)
    assert {one["queries"] for one in reported.values()} == {len(undecided(plan, lake, validation).queries)}
    assert found.queries < found.of / 2
    assert f"on {found.queries} of {found.of} validation queries" in found.words
    assert {family: figures(plan)[family].traffic_weighted for family in facts} == found.values
    report = decide.examine(plan, lake)
    assert report.pick == type(report).from_json(report.to_json()).pick == found
    assert (report.family, report.pick.words) == (found.family, found.words)
    assert report.validation["xendcg"] == validation.mean("xendcg").traffic_weighted
    assert found.words in choice.write(plan, found.family)
    page = lake.store.get(f"runs/{plan.run}/gate/report.html").decode() if decide.run(plan) else ""
    assert found.words in page


def test_a_blend_chose_its_share_on_other_queries_than_it_is_compared_on(evaluated):
    plan, validation, facts = evaluated(BLENDED, ["lambdamart", "xendcg", "blend"])

    found = pick(plan, plan.open_lake(), validation)

    assert found.queries < found.of / 2
    chose = validation.where(~np.isin(validation.queries, undecided(plan, plan.open_lake(), validation).queries))
    for family, fact in facts.items():
        assert fact["metrics"]["validation/consumption_ndcg_at_10"] == pytest.approx(
            chose.mean(family).traffic_weighted, abs=1e-6
        )


def test_where_nothing_was_looked_for_all_of_validation_chooses(evaluated):
    plan, validation, _ = evaluated({}, ["lambdamart"])

    found = pick(plan, plan.open_lake(), validation)

    assert (found.family, found.queries) == ("lambdamart", found.of)
    assert found.values["lambdamart"] == validation.mean("lambdamart").traffic_weighted
    assert found.steps["lambdamart"] > 0
