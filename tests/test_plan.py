"""Plans: blocks laid over days, versions that follow definitions, a round trip through JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.errors import UsageError
from reprise.plan import Plan, days_between, lay_blocks
from reprise.settings import Blocks, Deployment, load_deployment


def test_a_month_gives_history_train_validation_test():
    """27 closed days: 6 of history and three weeks."""
    blocks = lay_blocks(days_between("2026-09-01", "2026-09-27"), Blocks(min_history_days=2))

    assert [(b.role, b.first, b.last) for b in blocks] == [
        ("train", "2026-09-07", "2026-09-13"),
        ("validation", "2026-09-14", "2026-09-20"),
        ("test", "2026-09-21", "2026-09-27"),
    ]


@given(
    days=st.integers(1, 90),
    test=st.integers(1, 7),
    validation=st.integers(1, 7),
    train=st.integers(1, 14),
    history=st.integers(0, 9),
)
def test_blocks_are_ordered_disjoint_and_end_with_the_newest_day(days, test, validation, train, history):
    """Whatever the sizes: labels never overlap, and the test block is the newest."""
    window = days_between("2026-01-01", "2026-12-31")[:days]
    sizes = Blocks(test_days=test, validation_days=validation, train_block_days=train, min_history_days=history)
    if days < test + validation + train + history:
        with pytest.raises(UsageError, match="too few"):
            lay_blocks(window, sizes)
        return
    blocks = lay_blocks(window, sizes)
    covered = [day for block in blocks for day in block.days]

    assert covered == window[len(window) - len(covered) :]
    assert [b.role for b in blocks][-2:] == ["validation", "test"]
    assert history <= days - len(covered) < history + train


def planned(file: str, **changes: object) -> Plan:
    content = load_deployment("demo").model_dump(mode="json")
    content[file] = {**content[file], **changes}
    deployment = Deployment.model_validate(content)
    days = days_between("2026-09-01", "2026-09-28")
    return Plan("r", deployment, "/nowhere", days, lay_blocks(days, deployment.gate.blocks), ["linear"], [])


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("gate", {"review": {"required": True, "reviewers": ["someone"]}}),
        ("gate", {"policy": {"confidence": 0.9, "resamples": 500, "segment_margin": 0.02}}),
        ("gate", {"selection": {"halves": 10}}),
        ("solr", {"max_model_bytes": 5}),
        ("solr", {"publish": {"max_drift": 0.5}}),
    ],
    ids=["review", "policy", "selection", "bytes", "publish"],
)
def test_what_is_asked_afterwards_retrains_nothing(file, changes):
    """Who reviews and what the gate demands say nothing of what was learned."""
    assert planned(file, **changes).models_version == planned("gate").models_version


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("gate", {"policy": {"max_train_gap": 0.01}}),
        ("gate", {"traffic_power": 0.5}),
        ("solr", {"unshown_weight": 0.7}),
    ],
    ids=["read by training", "families", "training set"],
)
def test_what_training_reads_makes_other_models(file, changes):
    """A verdict on fit is kept beside its model, so its threshold belongs to the version."""
    assert planned(file, **changes).models_version != planned("gate").models_version
