"""Queries that gain and lose most by a real candidate, and the items that moved."""

from dataclasses import replace

import pytest

from builders.small_service import publish_learnable, small_plan
from reprise.features.catalogue import store_entries
from reprise.gate import gains, why
from reprise.training import evaluate, train

GATE = {"lambdamart": {"trees": 40, "leaves": 7, "min_rows_per_leaf": 5}}


@pytest.fixture(scope="module", params=[0, 3], ids=["engine", "champion"])
def plan(tmp_path_factory, request):
    """A run with a trained LambdaMART beside the engine's order, or beside a champion that ranks by plays."""
    plan = replace(small_plan(tmp_path_factory.mktemp("lake"), gate=GATE), families=["lambdamart"])
    publish_learnable(plan)
    entry = next(one for one in store_entries(plan.deployment.solr) if one["name"] == "plays")
    weights = {"class": "org.apache.solr.ltr.model.LinearModel", "features": [{"name": "plays"}]}
    model = {**weights, "params": {"weights": {"plays": 1.0}}} if request.param else None
    champion = {"release": {"number": request.param}, "model": model, "features": [entry] if model else []}
    plan.open_lake().put_json(f"runs/{plan.run}/champion.json", champion)
    train.run(plan, "lambdamart")
    evaluate.run(plan)
    return plan


def test_items_moved_for_what_they_are_worth(plan):
    gains, losses = why.moved(plan, "lambdamart")

    assert len(gains) == 10
    for one in gains:
        assert one.new > one.now
        assert one.place_new < one.place_now
        assert one.explained.above.id == one.item
        assert one.explained.above.place == one.place_new
        lead = one.explained.above.score - one.explained.below.score
        assert sum(part.brings for part in one.explained.parts) == pytest.approx(lead, abs=1e-5)
    for one in losses:
        assert one.new < one.now
        assert one.place_new > one.place_now
        assert one.explained.below.id == one.item
    weights = [one.searches * (one.new - one.now) for one in gains]
    assert weights == sorted(weights, reverse=True)


def test_the_page_tells_them_and_hides_who_asked_alone(plan):
    files = why.write(plan, "lambdamart")

    page = files["why.html"].decode()
    assert plan.open_lake().store.get(f"runs/{plan.run}/gate/why.html") == files["why.html"]
    winners, _ = why.moved(plan, "lambdamart")
    assert all(one.words.split(" ")[0] in page for one in winners)
    private = {"logs": plan.deployment.logs.model_copy(update={"privacy": plan.deployment.logs.privacy.model_copy(
        update={"min_users_per_query": 101})})}  # fmt: skip
    alone = replace(plan, deployment=plan.deployment.model_copy(update=private))
    assert gains.shown_texts(alone, gains.asked_groups(alone)) == {}
