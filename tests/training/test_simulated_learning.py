"""How a ranker is taught, judged by what the simulator's listeners would truly consume of everything a text finds."""

from dataclasses import replace

import numpy as np
import pytest

from builders.simulated_learning import BLOCKS, FEATURES, GATE, Learning, sampled, truly
from reprise.solr import score
from reprise.training.data import TrainingData
from reprise.training.lambdamart import LambdaMart

SEEDS = range(7, 13)
WINDOW, LAG = 7, 1


def known_before(days):
    """The days whose plays a block may know, and serving had when it began."""
    return range(max(0, days.start - LAG - WINDOW), days.start - LAG)


@pytest.fixture(scope="module")
def outcomes():
    """For each seed: true consumption per search in the test block, by how the ranker was taught."""
    found = []
    for seed in SEEDS:
        service = Learning(seed)
        before = {role: service.block(role, known_before(days)) for role, days in BLOCKS.items()}
        during = {role: service.block(role, days) for role, days in BLOCKS.items() if role != "test"}
        test = before["test"]
        ways = {
            "as we do": service.learned(before["train"], before["validation"]),
            "shown items alone": service.learned(before["train"], before["validation"], unshown=0),
            "features of the block itself": service.learned(during["train"], during["validation"]),
        }
        true = {name: truly(test, scores(test.rows)) for name, scores in ways.items()}
        found.append(true | {"engine": truly(test, -test.engine_rank), "best": truly(test, test.worth)})
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def test_it_beats_the_engine_in_every_service(outcomes):
    assert np.all(outcomes["as we do"] > outcomes["engine"])
    assert np.all(outcomes["as we do"] < outcomes["best"])


def test_unshown_negatives_are_what_makes_it_better_than_the_engine(outcomes):
    """Who learns from what was shown alone has never seen what a text finds far down, and brings it up."""
    assert np.all(outcomes["as we do"] > outcomes["shown items alone"])
    assert np.mean(outcomes["shown items alone"]) < np.mean(outcomes["engine"])


def test_features_of_the_time_before_beat_those_of_the_block_itself(outcomes):
    """On average over services, by more than twice its standard error."""
    gained = outcomes["as we do"] - outcomes["features of the block itself"]

    assert gained.mean() > 2 * gained.std(ddof=1) / np.sqrt(len(gained)) > 0


@pytest.mark.parametrize("seed", [7, 8])
def test_a_new_item_that_nobody_played_yet_is_not_last_by_construction(seed):
    """What each query wants most loses all its history: it still comes first for most queries, and never last."""
    service = Learning(seed)
    train, validation, test = (service.block(role, known_before(days)) for role, days in BLOCKS.items())
    masked = np.random.default_rng(3).random(len(train.rows.codes)) < 0.15
    scores = service.learned(replace(train, rows=forgotten(train.rows, masked)), validation)
    sizes = test.rows.group_sizes
    spans = [slice(end - size, end) for end, size in zip(np.cumsum(sizes), sizes, strict=True)]
    wanted = np.array([span.start + int(np.argmax(test.worth[span])) for span in spans])
    new = np.zeros(len(test.worth), bool)
    new[wanted] = True

    found = scores(forgotten(test.rows, new))

    above = np.array([(found[span] > found[item]).sum() for span, item in zip(spans, wanted, strict=True)])
    long = sizes > 10
    assert np.mean(above[long] == 0) > 0.6
    assert np.mean(above[long] < sizes[long] / 4) > 0.95
    assert not np.any(above[long] == sizes[long] - 1)


def forgotten(rows, which):
    """The rows with what behaviour says put to its default for some of them."""
    history = [FEATURES.index(name) for name in ("plays", "utility_per_play", "pair_clicks")]
    vectors = rows.vectors.copy()
    vectors[np.ix_(np.flatnonzero(which), history)] = 0
    return replace(rows, vectors=vectors)


def test_shuffled_labels_give_a_random_ranker():
    """Labels change places among all judged rows; what is learned orders the held-out queries no better than chance."""
    service = Learning(7)
    train, validation = (service.block(role, known_before(BLOCKS[role])).rows for role in ("train", "validation"))
    random = np.random.default_rng(5)

    def shuffled(rows):
        order = np.flatnonzero(rows.judged)
        new = random.permutation(order)
        g, grade = rows.g.copy(), rows.grade.copy()
        g[order], grade[order] = rows.g[new], rows.grade[new]
        return type(rows)(
            rows.names, rows.vectors, rows.codes, rows.judged, g, grade, rows.weight, rows.traffic
        ).only_judged()

    data = TrainingData(list(FEATURES), shuffled(train), shuffled(validation), [])
    held_out = service.block("test", known_before(BLOCKS["test"])).rows.only_judged()
    chances = [held_out.metric(random.random(len(held_out.codes))) for _ in range(200)]

    found = held_out.metric(predictions(LambdaMart().fit(data, GATE), held_out))

    assert abs(found - np.mean(chances)) < 4 * np.std(chances)
    real = TrainingData(list(FEATURES), sampled(train, 10, 1), validation, [])
    assert held_out.metric(predictions(LambdaMart().fit(real, GATE), held_out)) > np.max(chances)


def predictions(fitted, rows):
    return score(fitted.model, rows.vectors, rows.names)
