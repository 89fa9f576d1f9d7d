"""How what a live Solr serves of behaviour stands: each figure against what was done to Solr and to the lake."""

import dataclasses

import numpy as np
import pytest

from builders.behaviour import ITEMS, behave, plan_at, some
from builders.small_service import DAYS
from reprise.features import publish
from reprise.features.standing import Standing, stand

pytestmark = pytest.mark.solr


def served(core, plan, values, **how):
    """Publish the plan's day: item → plays, rate."""
    publish.keep_definitions(plan)
    behave(plan, values)
    publish.run(core, plan, checked=False, **how)


def standing(core, plan, newest=DAYS[-1], learned_until=DAYS[0]):
    plays, rate = publish.serving_fields(plan)
    found = {one.field: one for one in stand(core, plan.open_lake(), [rate, plays], newest, learned_until)}
    return found[plays], found[rate]


def test_what_was_just_published_is_fresh_the_same_and_has_not_moved(core, tmp_path):
    plan = plan_at(tmp_path, core)
    served(core, plan, some(1))

    plays, rate = standing(core, plan)

    assert (plays.day, plays.begun, plays.age_days) == (DAYS[-1], "", 0)
    assert (plays.differing_share, plays.learned, plays.drift) == (0.0, DAYS[-1], 0.0)
    assert rate == dataclasses.replace(plays, field=rate.field)


def test_a_publish_that_stopped_grows_old_and_listeners_who_play_otherwise_move_it(core, tmp_path):
    first = some(1)
    changed = {item: (plays * 4 + 1, rate) for item, (plays, rate) in first.items()}
    for day, values in ((DAYS[1], first), (DAYS[2], some(2)), (DAYS[4], changed)):
        served(core, plan_at(tmp_path, core, day), values)

    plays, rate = standing(core, plan_at(tmp_path, core, DAYS[4]))

    assert (plays.day, plays.age_days) == (DAYS[4], 3)
    before, after = (np.array([values[item][0] for item in ITEMS]) for values in (first, changed))
    edges = [-np.inf, *np.quantile(before, np.arange(1, 10) / 10), np.inf]
    shares = [(np.histogram(-x, [-e for e in reversed(edges)])[0] + 0.5) / (len(x) + 5) for x in (before, after)]
    psi = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()
    assert plays.drift == pytest.approx(psi, rel=1e-3)
    assert (plays.learned, rate.drift) == (DAYS[1], 0.0)
    assert standing(core, plan_at(tmp_path, core, DAYS[4]), learned_until=DAYS[2])[0].learned == DAYS[2]


def test_documents_that_were_indexed_anew_or_changed_differ(core, tmp_path):
    plan = plan_at(tmp_path, core)
    served(core, plan, some(1))
    core.add({"id": item, "entity": "song", "title": "raga night remastered"} for item in ITEMS[:30])
    plays_field, _ = publish.serving_fields(plan)
    core.update_fields((item, {plays_field: 77.0}) for item in ITEMS[30:45])

    plays, rate = standing(core, plan)

    assert (plays.differing_share, rate.differing_share) == (45 / 300, 30 / 300)


def test_a_half_written_field_is_not_compared_and_one_without_a_definition_has_only_its_day(core, tmp_path):
    plan = plan_at(tmp_path, core)
    served(core, plan, some(1))
    plays_field, rate_field = publish.serving_fields(plan)
    lake = plan.open_lake()
    lake.put_json(publish.RECORD, {plays_field: {"day": DAYS[-2], "begun": DAYS[-1]}, "beh_old": {"day": DAYS[0]}})

    found = stand(core, lake, ["beh_old", plays_field, rate_field], DAYS[-1], DAYS[0])

    assert found[0] == Standing("beh_old", DAYS[0], age_days=7)
    by_field = {one.field: one for one in found}
    assert (by_field[plays_field].begun, by_field[plays_field].differing_share) == (DAYS[-1], None)
    assert (by_field[rate_field].day, by_field[rate_field].age_days) == ("", None)


def test_each_field_is_found_among_versions_of_other_fields(core, tmp_path):
    """A retrain writes the catalogue's fields, a publish those that releases read."""
    plan = plan_at(tmp_path, core, DAYS[2])
    publish.keep_definitions(plan)
    plays_field, _ = publish.serving_fields(plan)
    kept = publish.definitions(plan.open_lake(), [plays_field])
    behave(plan, some(1))
    fewer = dataclasses.replace(plan_at(tmp_path, core), serving=kept)
    values = {item: pair[:1] for item, pair in some(1).items()}
    behave(fewer, values)
    publish.run(core, plan)
    publish.run(core, fewer)

    plays, rate = standing(core, plan)

    assert (plays.day, plays.learned, plays.differing_share, plays.drift) == (DAYS[-1], DAYS[2], 0.0, 0.0)
    assert (rate.day, rate.learned, rate.differing_share, rate.drift) == (DAYS[2], DAYS[2], 0.0, 0.0)


def test_without_fields_solr_is_not_asked(tmp_path):
    assert stand(None, None, [], DAYS[-1], "") == []
