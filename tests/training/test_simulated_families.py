"""Families by what the simulator's listeners would truly consume of everything a text finds."""

import numpy as np
import pytest

from builders.simulated_learning import BLOCKS, GATE, Learning, filed, sampled, solr_scores, truly
from reprise.training.family import find_family

FAMILIES = ("linear", "poisson", "logistic", "pairwise", "forest")


def known_before(days):
    return range(max(0, days.start - 8), days.start - 1)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, spark):
    """Family → true consumption per search in the test block, for two services."""
    found = []
    for seed in (7, 8):
        service = Learning(seed)
        block = {role: service.block(role, known_before(days)) for role, days in BLOCKS.items()}
        learned = sampled(block["train"].rows, 10, 3)
        data = filed(tmp_path_factory.mktemp("rows"), learned, block["validation"].rows)
        test = block["test"]
        scores = {family: solr_scores(find_family(family).fit(data, GATE), test.rows) for family in FAMILIES}
        true = {family: truly(test, one) for family, one in scores.items()}
        found.append(true | {"engine": truly(test, -test.engine_rank), "best": truly(test, test.worth)})
    return {name: np.array([one[name] for one in found]) for name in found[0]}


@pytest.mark.spark
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_beats_the_engine_in_every_service(outcomes, family):
    """By more than a quarter of what the best order would bring."""
    reachable = outcomes["best"] - outcomes["engine"]

    assert np.all(outcomes[family] - outcomes["engine"] > 0.25 * reachable)
    assert np.all(outcomes[family] < outcomes["best"])
