"""Blends: every share is valued as the one model that Solr would serve of it, and the best is the candidate."""

import json

import numpy as np
import pytest

from builders.small_service import publish_learnable, small_plan
from reprise.objects import ObjectStore
from reprise.settings import Gate
from reprise.solr import blend
from reprise.solr.cost import steps_per_document
from reprise.training import train
from reprise.training.blend import SHARES, BlendFamily, blended
from reprise.training.data import read_data
from reprise.training.family import find_family
from reprise.training.tuning.objectives import Objectives
from reprise.training.tuning.trials import Trials

PARTS = {name: {"trees": 15, "leaves": 4, "min_rows_per_leaf": 5} for name in ("lambdamart", "xendcg")}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    plan = small_plan(tmp_path_factory.mktemp("lake"), gate=PARTS)
    publish_learnable(plan, queries=40, noise=0.3)
    return plan


@pytest.fixture(scope="module")
def learned(plan):
    data = read_data(plan)
    gate = plan.deployment.gate
    return data, gate, [find_family(name).fit(data, gate) for name in gate.blend.of]


def test_every_share_is_valued_as_solr_would_score_it_and_the_best_is_taken(learned):
    data, gate, parts = learned
    fitted = BlendFamily().fit(data, gate)
    rows = data.validation.only_judged()
    spreads = [np.std(part.scores(data.validation).astype(float)) for part in parts]

    values = [one["values"]["consumption_ndcg"] for one in fitted.notes["blends"]]
    for share in (0.0, 0.3, 1.0):
        model = blend([part.model for part in parts], [share / spreads[0], (1 - share) / spreads[1]])
        assert values[round(share * 20)] == pytest.approx(
            rows.metric(type(fitted)(model, ("", b""), {}, {}, {}).scores(rows)), abs=1e-3
        )
    assert fitted.params["share"] == SHARES[int(np.argmax(values))]
    assert fitted.curve["validation"][0] == pytest.approx(max(values), abs=1e-3)
    assert (
        fitted.curve["validation"][0]
        >= max(part.curve["validation"][part.params["best_round"] - 1] for part in parts) - 1e-3
    )
    assert sum(fitted.importances.values()) == pytest.approx(1)


def test_a_share_that_is_given_is_kept(learned):
    data, gate, _ = learned
    given = Gate.model_validate({**PARTS, "blend": {"share": 0.25}})

    fitted = BlendFamily().fit(data, given)

    assert fitted.params["share"] == 0.25
    assert len(fitted.model["params"]["trees"]) == sum(
        find_family(name).fit(data, gate).params["best_round"] for name in given.blend.of
    )


def test_of_several_aims_the_front_over_all_shares_is_left_to_read(learned):
    data, gate, parts = learned
    aims = Objectives(["consumption_ndcg", "serving_cost", "new_release_exposure"], (1.0, 0.5), "popularity", 0.3)

    fitted, reports = blended(parts, data, gate, aims)

    told = json.loads(reports["front.json"])
    assert told["chosen"]["share"] == fitted.params["share"]
    assert told["chosen"] in told["front"]
    rows = data.validation
    assert told["chosen"]["values"]["serving_cost"] == pytest.approx(
        steps_per_document(fitted.model, rows.vectors, rows.names)
    )
    assert reports["front.png"].startswith(b"\x89PNG")


def test_a_blend_is_a_candidate_of_its_parts_best_trials(tmp_path):
    """Trained before its parts, which then find their studies done."""
    space = {name: {"leaves": [2, 4, 8]} for name in PARTS}
    plan = small_plan(tmp_path, gate={**PARTS, "tuning": {"trials": 3, "space": space}})
    publish_learnable(plan, queries=20)
    store = ObjectStore(plan.lake)
    train.run(plan, "blend")
    before = store.list(train.folder(plan, "xendcg"))

    train.run(plan, "xendcg")

    after = store.list(train.folder(plan, "xendcg"))
    assert before.items() <= after.items()
    summary = json.loads(store.get(f"{train.folder(plan, 'xendcg')}/summary.json"))
    native = json.loads(store.get(f"{train.folder(plan, 'blend')}/native.json"))
    best = Trials(store, train.folder(plan, "xendcg")).ranker(summary["tuning"]["best"])
    assert native["models"][1] == best.model
    model = json.loads(store.get(f"{train.folder(plan, 'blend')}/model.json"))
    counts = [len(part["params"]["trees"]) for part in native["models"]]
    shares = (native["share"], 1 - native["share"])
    assert len(model["params"]["trees"]) == sum(n for n, share in zip(counts, shares, strict=True) if share)


def test_a_family_is_not_blended_with_itself():
    with pytest.raises(ValueError, match="a blend of a family with itself is that family"):
        Gate.model_validate({"blend": {"of": ["xendcg", "xendcg"]}})
