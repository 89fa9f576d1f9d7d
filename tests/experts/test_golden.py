"""Golden queries: records that add up, expectations that do not contradict, and what becomes of them in a real Solr."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.solr_core import REQUEST, client_of, fill, linear_candidate
from reprise.errors import UsageError
from reprise.experts.golden import Expectation, Held, add, load, require_item, retire, version
from reprise.gate.golden import golden_checks
from reprise.lake import Lake
from reprise.release import ensure_release_zero, upload
from reprise.release.golden import check_candidate
from reprise.settings import Solr
from reprise.settings.golden import Golden

FIRST = Expectation("Night River", "song:1", "first", "never_break", "mira", why="its title")


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


def test_what_was_added_and_not_retired_counts(lake):
    other = Expectation("raga", "song:9", "never", by="mira")
    for one in (FIRST, other):
        add(lake, one)
    before = version(load(lake))

    retire(lake, Expectation("night  river", "song:1", "first"), "ana", "a new recording")

    assert [(one.query, one.rule) for one in load(lake)] == [("raga", "never")]
    assert version(load(lake)) != before
    assert len(lake.store.list("golden/")) == 3, "a record is never taken away"
    add(lake, FIRST)
    assert {one.query for one in load(lake)} == {"raga", "Night River"}
    assert all(one.at for one in load(lake))


def test_the_last_word_on_the_same_thing_counts(lake):
    add(lake, FIRST)
    add(lake, replace(FIRST, query="night river", strength="should_hold"))

    assert [(one.query, one.strength) for one in load(lake)] == [("night river", "should_hold")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(FIRST, item="song:2"), "only one can be first"),
        (replace(FIRST, rule="never"), "contradicts"),
        (replace(FIRST, query=" "), "empty"),
        (replace(FIRST, query="other", rule="second"), "no rule"),
        (replace(FIRST, query="x" * 501), "501 characters"),
    ],
)
def test_what_cannot_be_held_is_refused(lake, wrong, said):
    add(lake, FIRST)

    with pytest.raises(UsageError, match=said):
        add(lake, wrong)

    assert len(load(lake)) == 1


def test_nobody_can_retire_what_nobody_expects(lake):
    with pytest.raises(UsageError, match="nobody expects"):
        retire(lake, FIRST, "ana", "")


held = st.builds(
    Held,
    st.builds(
        Expectation,
        st.text(min_size=1, max_size=5),
        st.just("song:1"),
        st.just("first"),
        st.sampled_from(["never_break", "should_hold"]),
    ),
    st.sampled_from(["held", "broken", "stale"]),
    st.none() | st.integers(1, 100),
)


@given(st.lists(held, max_size=60))
def test_one_broken_is_too_many_where_nothing_may_break(some):
    checks = {check.name: check for check in golden_checks(some, Golden())}

    for name, strength, allowed in (
        ("golden_never_break", "never_break", 0.0),
        ("golden_should_hold", "should_hold", 0.02),
    ):
        ours = [one.outcome for one in some if one.expectation.strength == strength]
        asked, broken = len(ours) - ours.count("stale"), ours.count("broken")
        assert (name in checks) == bool(ours)
        if asked:
            assert checks[name].outcome == ("fail" if broken > allowed * asked + 1e-9 else "pass")
        elif ours:
            assert checks[name].outcome == ("inconclusive" if strength == "never_break" else "pass")


@pytest.mark.solr
def test_a_candidate_is_held_to_what_solr_really_answers(new_core):
    """Compared with the order of popularity itself, which this candidate ranks by."""
    candidate = linear_candidate(5000.0)
    solr = Solr.model_validate(
        {"features": [{"name": "engine_score", "kind": "match", "meaning": "score"}], "request": REQUEST.model_dump()}
    )
    with client_of(new_core()) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        upload(client, candidate, 1_000_000)
        require_item(client, "song:1")
        with pytest.raises(UsageError, match="holds no item 'song:gone'"):
            require_item(client, "song:gone")
        found = client.select({"q": "raga", "rows": 100, "fl": "id,popularity"}, "/search").body["response"]["docs"]
        order = [one["id"] for one in sorted(found, key=lambda one: -one["popularity"])]
        expected = [
            Expectation("raga", order[0], "first"),
            Expectation("raga", order[1], "first"),
            Expectation("raga", order[2], "top3"),
            Expectation("raga", order[3], "top3"),
            Expectation("raga", order[9], "never"),
            Expectation("raga", order[10], "never"),
            Expectation("raga", "song:gone", "top3"),
            Expectation("raga", "song:gone", "never"),
        ]

        held = check_candidate(client, solr, candidate, expected)

    assert [one.outcome for one in held] == ["held", "broken", "held", "broken", "broken", "held", "stale", "held"]
    assert [one.rank for one in held] == [1, 2, 3, 4, 10, 11, None, None]
    said = golden_checks(held, Golden())
    assert [(check.name, check.outcome) for check in said] == [("golden_should_hold", "fail")]
    assert said[0].reason.startswith("4 of 7 hold; broken: 'raga': ")
    assert "1 are stale" in said[0].reason
