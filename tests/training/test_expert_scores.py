"""Models on graded queries: by hand, teaching grades left out, and in the scores table."""

import numpy as np
import pyarrow as pa
import pytest

from builders.small_service import publish_run, small_plan
from reprise.experts.grades import Grade
from reprise.experts.store import save
from reprise.training.experts import NAME, values

TEST = next(q for q in ("river", "raga", "night", "dance") if Grade(q, "a", 0, "x").purpose == "test")
TEACH = next(
    q for q in ("river", "raga", "night", "dance", "monsoon", "light") if Grade(q, "a", 0, "x").purpose == "teach"
)


def plan_with(tmp_path, grades):
    plan = small_plan(tmp_path)
    publish_run(plan, "query_variants", [])
    if grades:
        save(plan.open_lake(), grades, "grades.csv")
    return plan


def rows(*groups):
    return pa.table({"query_group": [g for g in groups for _ in "abc"], "item": list("abc") * len(groups)})


def test_ndcg_of_what_testing_grades_say(tmp_path):
    """Grades 3 (of 2, 3 and 4) and 1, the ungraded item left out; the lesser first: (1 + 3/1.585) / (3 + 1/1.585)."""
    grades = [Grade(TEST, "a", g, str(g)) for g in (2, 3, 4)] + [Grade(TEST, "b", 1, "x"), Grade(TEACH, "a", 4, "x")]
    codes = np.repeat([0, 1], 3)
    scores = np.array([1.0, 2, 3, 1, 2, 3])
    found = values(plan_with(tmp_path, grades), rows(TEST, TEACH), codes, 2, {"m": scores})

    assert found["m"][0] == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))
    assert np.isnan(found["m"][1])
    assert NAME == "expert_ndcg_at_10"


def test_without_grades_there_is_nothing(tmp_path):
    assert values(plan_with(tmp_path, []), rows(TEST), np.zeros(3, int), 1, {"m": np.ones(3)}) == {}
