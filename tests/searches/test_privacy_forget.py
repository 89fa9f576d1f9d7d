"""Forgetting one listener: nothing of theirs is left in any object, and everything else is as it was."""

import base64
import io
import json

import pyarrow.parquet as pq
import pytest

from builders.days import publish_day, rows_of
from reprise.errors import MissingDataError, UsageError
from reprise.lake import Lake
from reprise.objects import ObjectStore
from reprise.searches.forget import forget
from reprise.searches.privacy import ensure_keys, forgotten, hash_user, hashes_of, load_keys

DAYS = ["2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08"]
USERS = ["mira", "tomas", "देव/7"]


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def lake(request, tmp_path):
    """Four days over a change of keys, with every user-level table, statistics, and files that nobody reads."""
    where = str(tmp_path / "lake")
    if request.param == "s3":
        where = f"s3://{request.getfixturevalue('new_bucket')()}/demo"
    lake = Lake(where)
    ensure_keys(lake, DAYS, 2)
    for day in DAYS:
        publish(lake, day)
    publish(lake, DAYS[0], replaces=lake.published("searches", "v1", f"dt={DAYS[0]}"))  # the first one still lies there
    lost = lake.attempt("days", "v1")
    lake.put_rows(f"{lost.key}/impressions/day={DAYS[1]}/part-0.parquet", impressions(lake, DAYS[1]))
    lake.store.put(f"{lost.key}/impressions/day={DAYS[1]}/part-1.parquet", b"half a file")
    return lake


def hash_on(lake, user, day):
    (key,) = [key for key in load_keys(lake) if key.covers(day)]
    return hash_user(user, key.secret)


def searches(lake, day):
    rows = [{"dt": day, "user": hash_on(lake, u, day), "search_id": f"{u}-{n}"} for u in USERS for n in range(2)]
    return rows_of("searches", rows)


def impressions(lake, day):
    rows = [{"dt": day, "user": hash_on(lake, u, day), "item": f"song:{n}"} for u in USERS for n in range(3)]
    return rows_of("impressions", rows)


def rejects(day):
    texts = [json.dumps({"user": u, "q": "x"}, ensure_ascii=escaped) for u in USERS for escaped in (True, False)]
    texts.append("base64:" + base64.b64encode(b'{"user": "mira\xff"').decode())
    return rows_of("rejects", [{"dt": day, "raw": text} for text in [*texts, "nobody", None]])


def publish(lake, day, replaces=None):
    """Every table that tells listeners apart, in two files each, and statistics."""
    daily = {"impressions": impressions(lake, day), "rejects": rejects(day), "searches": searches(lake, day)}
    attempt, rows = lake.attempt("days", "v1"), {"journey_stats": 1}
    for name, mine in daily.items():
        folder = f"{attempt.key}/{name}/day={day}"
        lake.put_rows(f"{folder}/part-0.parquet", mine)
        lake.put_rows(f"{folder}/part-1.parquet", rows_of(name, [{"dt": day, **others(name)}]))
        rows[name] = mine.num_rows + 1
    stats = rows_of("journey_stats", [{"dt": day, "journeys": 6}])
    lake.put_rows(f"{attempt.key}/journey_stats/day={day}/part-0.parquet", stats)
    lake.publish(attempt, sum(rows.values()), {"raw": day}, {"rows": rows}, replaces, partition=f"dt={day}")


def others(name):
    return {"raw": "more"} if name == "rejects" else {"user": "somebody else"}


def everything(lake):
    """Every published row by table and day, as the reader sees it."""
    return {
        (table, day): lake.read(table, "v1", [f"dt={day}"]).to_pylist()
        for table in ("searches", "impressions", "rejects", "journey_stats")
        for day in DAYS
    }


def theirs(lake, user):
    """Every object of the lake with a row of this user: Parquet is opened, all else searched as bytes."""
    hashes, found = hashes_of(user, load_keys(lake)), []
    for key in lake.store.list():
        content = lake.store.get(key)
        if content[:4] != b"PAR1":
            if user.encode() in content or (
                key[:15] != "keys/forgotten/" and any(h.encode() in content for h in hashes)
            ):
                found.append(key)
            continue
        for row in pq.read_table(io.BytesIO(content)).to_pylist():
            raw = row.get("raw") or ""
            raw = base64.b64decode(raw[7:]).decode(errors="replace") if raw.startswith("base64:") else raw
            if row.get("user") in hashes or user in raw or json.dumps(user)[1:-1] in raw:
                found.append(key)
    return found


@pytest.mark.parametrize("user", ["mira", "देव/7"])
def test_nothing_is_left_of_one_and_all_of_the_others(lake, user):
    """Published, replaced and lost files, raw text in any escape; row for row the rest, in its order."""
    hashes, before = hashes_of(user, load_keys(lake)), everything(lake)
    assert theirs(lake, user)

    def kept(row):
        raw = row.get("raw") or ""
        broken = user == "mira" and raw.startswith("base64:")
        return row.get("user") not in hashes and user not in raw and json.dumps(user)[1:-1] not in raw and not broken

    done = forget(lake, user)

    assert theirs(lake, user) == []
    assert everything(lake) == {key: [r for r in rows if kept(r)] for key, rows in before.items()}
    assert done.rows == sum(len(rows) for rows in before.values()) - sum(map(len, everything(lake).values()))
    assert done.days == 4
    assert done.other_files == 5  # three replaced, one lost, and half a file
    assert forgotten(lake) == hashes
    for day in DAYS:
        manifest = lake.published("searches", "v1", f"dt={day}")
        for table in ("searches", "impressions", "rejects", "journey_stats"):
            assert manifest.rows_of(table) == len(everything(lake)[table, day])
        assert set(manifest.files) <= set(lake.store.list())
    assert lake.published("searches", "v1", f"dt={DAYS[1]}").inputs == {"raw": DAYS[1]}  # so it is not extracted again


def test_twice_is_once(lake):
    forget(lake, "mira")
    before = lake.store.list()
    again = forget(lake, "mira")

    assert (again.rows, again.days, again.other_files) == (0, 0, 0)
    assert set(lake.store.list()) == set(before)


def test_somebody_unknown_changes_no_row(lake):
    """Only the standing list has the hashes; half a file goes, since nobody can tell whose it is."""
    before = everything(lake)

    assert forget(lake, "nobody known").rows == 0
    assert everything(lake) == before


class Dying(ObjectStore):
    """A store whose process dies before its n-th change."""

    left = 0

    def _change(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def put(self, key, content):
        self._change()
        super().put(key, content)

    def put_new(self, key, content):
        self._change()
        return super().put_new(key, content)

    def delete(self, keys):
        for key in keys:
            self._change()
            super().delete([key])


def test_killed_at_every_step_it_can_be_run_again(tmp_path):
    """Before each change in turn: readers see whole days, and the next run leaves nothing."""
    steps = 0
    while True:
        lake = Lake(str(tmp_path / str(steps)))
        ensure_keys(lake, DAYS[:2], 1)
        for day in DAYS[:2]:
            publish(lake, day)
        whole = lake.read("searches", "v1", [f"dt={day}" for day in DAYS[:2]]).num_rows
        lake.store = Dying(lake.uri)
        lake.store.left = steps
        try:
            forget(lake, "mira")
        except KeyboardInterrupt:
            lake.store = ObjectStore(lake.uri)
            assert whole - 4 <= lake.read("searches", "v1", [f"dt={day}" for day in DAYS[:2]]).num_rows <= whole
            forget(lake, "mira")
            assert theirs(lake, "mira") == []
            assert lake.read("searches", "v1", [f"dt={day}" for day in DAYS[:2]]).num_rows == whole - 4
            steps += 1
            continue
        break

    assert steps > 10


def test_another_writer_of_the_same_day_loses_nothing(lake):
    """A day rebuilt while it is rewritten: the rebuilt rows count, and the listener is in neither."""
    day = f"dt={DAYS[2]}"
    rebuilt = [{"user": "new"}, {"user": hash_on(lake, "mira", DAYS[2])}]

    class Rebuilding(ObjectStore):
        done = False

        def put_new(self, key, content):
            if not self.done and key.startswith(f"days/v=v1/{day}/"):
                self.done = True
                other = Lake(self.root)
                newest = other.published("searches", "v1", day)
                publish_day(other, "v1", DAYS[2], {"searches": rebuilt}, replaces=newest)
            return super().put_new(key, content)

    lake.store = Rebuilding(lake.uri)
    forget(lake, "mira")

    assert lake.read("searches", "v1", [day])["user"].to_pylist() == ["new"]
    assert theirs(lake, "mira") == []


def test_wrong_use_is_named(tmp_path):
    """No id, and a lake that never had keys."""
    with pytest.raises(UsageError, match="empty"):
        forget(Lake(str(tmp_path)), "  ")
    with pytest.raises(MissingDataError, match="no user keys"):
        forget(Lake(str(tmp_path)), "mira")
