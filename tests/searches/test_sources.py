"""One log in many formats is one log; files that Spark cannot read cost what they have lost, and nothing else."""

import zlib
from collections import Counter

import pytest

from builders import formats
from builders.logs import Logs, at, plan_of
from reprise.searches import salvage
from reprise.searches.check import check
from reprise.searches.extract import run

DAYS = ["2026-09-01", "2026-09-02", "2026-09-03"]
SAME = ("searches", "impressions", "query_item_stats")


def tables_of(deployment, lake, days=DAYS, names=SAME):
    """Extract and return rows by table, in an order of their own."""
    plan = plan_of(deployment, lake, days)
    run(plan)
    opened, partitions = plan.open_lake(), [f"dt={day}" for day in plan.days]
    rows = {name: opened.read(name, plan.logs_version, partitions).to_pylist() for name in names}
    return {name: sorted(map(_rounded, found), key=repr) for name, found in rows.items()}


def _rounded(row):
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in row.items()}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The small log as plain JSON lines."""
    log = formats.small_log(tmp_path_factory.mktemp("raw"))
    log.write()
    return log


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """One lake for all, so that listeners have the same hashes."""
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def plain(spark, log, lake):
    """What the plain log becomes."""
    return tables_of(log.deployment(), lake)


@pytest.mark.spark
@pytest.mark.parametrize("form", [formats.as_csv, formats.as_parquet, formats.as_zstd])
def test_a_format_makes_no_difference(plain, log, lake, tmp_path, form):
    """Nor do its layout, its clock, its spelling of times, or which file a record is in."""
    actual = tables_of(form(log, tmp_path), lake)

    assert len(plain["searches"]) == 16
    for name in SAME:
        assert plain[name] == actual[name], name


@pytest.mark.parametrize("form", [formats.as_csv, formats.as_parquet, formats.as_zstd])
def test_check_reads_every_format(log, tmp_path, form):
    """The same kinds of records as in the plain log, everything maps, and nobody who opted out is shown."""
    plain, report = check(log.deployment()), check(form(log, tmp_path))

    assert [source.kinds for source in plain.sources] == [source.kinds for source in report.sources]
    assert [source.drops for source in plain.sources] == [source.drops for source in report.sources]
    assert report.sources[0].drops == {"opted out": 1, "internal": 1}
    assert (plain.searches, plain.play_join) == (report.searches, report.play_join)
    assert "secret wish" not in {query for _, query, _ in report.searches}


def test_check_says_that_conditions_leave_nothing(log, tmp_path):
    """A misspelt `only_when` is the next edit, not a field that no record has."""
    deployment = formats.as_zstd(log, tmp_path)
    deployment.logs.sources[0].only_when["type"] = ["serch.*"]

    report = check(deployment)

    assert report.sources[0].kinds == {}
    assert report.edits[0].startswith("logs.yaml: sources.app: `only_when` and `skip_when` leave no record")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A day in five files, the second cut short and the third scribbled over; returns the log and the ids by file."""
    logs = Logs(tmp_path_factory.mktemp("damaged"))
    logs.quiet_days(range(4))
    logs.write()
    ids = []
    for number in range(5):
        part = Logs(logs.root)
        for n in range(200):
            part.search(f"f{number}-{n}", at(1, 6 + number, 10 * n), f"query {n * 7919 % 1009}", ["song:1"], f"u{n}")
        part.write_one(_part(logs, number))
        ids.append({f"f{number}-{n}" for n in range(200)})
    cut, scribbled = (_part(logs, number) for number in (1, 2))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    content = scribbled.read_bytes()
    middle = len(content) // 2
    scribbled.write_bytes(content[:middle] + b"\xff" * 64 + content[middle + 64 :])
    return logs, ids


def _part(logs, number):
    return logs.root / "app" / "dt=2026-09-02" / f"part-1{number}.jsonl.gz"


@pytest.mark.spark
def test_torn_files_cost_what_they_have_lost(spark, damaged, tmp_path):
    """The other files are used whole, a torn one up to its tear, and each tear is one reject that names its file."""
    logs, ids = damaged
    deployment = logs.deployment(plays=False)
    tables = tables_of(deployment, tmp_path, DAYS[1:2], ("searches", "rejects", "log_counts"))
    searches, rejects, counts = tables.values()
    used = {row["search_id"] for row in searches}

    assert ids[0] | ids[3] | ids[4] <= used
    whole_lines = zlib.decompressobj(31).decompress(_part(logs, 1).read_bytes()).count(b"\n")
    assert 0 < whole_lines == len(ids[1] & used) < 200
    assert ids[2] & used
    torn = Counter(row["file"].rpartition("/")[2] for row in rejects if row["reason"] == "truncated file")
    assert torn == {"part-11.jsonl.gz": 1, "part-12.jsonl.gz": 1}
    fates = {row["fate"]: row["records"] for row in counts}
    assert fates["rejected:truncated file"] == 2
    assert fates["used"] == len(used)
    read = [salvage.salvaged(str(path)) for path in _part(logs, 0).parent.iterdir()]
    assert sum(fates.values()) == sum(len(list(lines)) for lines in read)


@pytest.mark.spark
def test_a_parquet_file_without_its_footer_is_a_reject(spark, log, lake, tmp_path, plain):
    """A copy that was cut short adds nothing but the reject; whatever it held is there already."""
    deployment = formats.as_parquet(log, tmp_path)
    path = tmp_path / "app" / "2026-09-02.parquet"
    (path.parent / "copy").mkdir()
    deployment.logs.sources[0].uris.append(f"{path.parent}/copy/{{date}}.parquet")
    (path.parent / "copy" / path.name).write_bytes(path.read_bytes()[:-100])

    actual = tables_of(deployment, lake, names=(*SAME, "rejects"))

    assert [row["reason"] for row in actual["rejects"]] == ["truncated file"]
    assert plain["impressions"] == actual["impressions"]
