"""Which raw files belong to which day, on local folders."""

import pytest

from builders.logs import Logs, at
from reprise.errors import MissingDataError
from reprise.searches.calendar import closed_days, raw_inputs, template
from reprise.searches.sample import moment
from reprise.settings import load_deployment


@pytest.mark.parametrize(
    ("uri", "address", "day"),
    [
        ("s3://b/ubi/dt={date}/*.gz", "s3://b/ubi/dt=2026-09-01/a.gz", "2026-09-01"),
        ("s3://b/{yyyy}/{mm}/{dd}/{hh}/*", "s3a://b/2026/09/01/23/x", "2026-09-01"),
        ("s3://b/p/{yyyy}-{mm}-{dd}/**", "s3://b/p/2026-09-01/deep/x.gz", "2026-09-01"),
        ("/logs/x?.json", "file:///logs/x1.json", ""),
        ("s3://b/ubi/dt={date}/*.gz", "s3://b/ubi/dt=2026-09-01/sub/a.gz", None),
        ("s3://b/a+b/{date}.gz", "s3://b/aab/2026-09-01.gz", None),
    ],
)
def test_the_day_of_an_address(uri, address, day):
    """Day parts are read, globs stay within a folder, other characters are meant literally."""
    assert day == template(uri).day(address)


def test_a_day_is_closed_once_a_later_one_has_files_in_every_source(tmp_path):
    """The newest complete day itself is still open."""
    logs = Logs(tmp_path)
    logs.quiet_days(range(4))
    logs.search("s", at(4))  # day 4 has searches and no plays yet
    logs.write()

    assert closed_days(logs.deployment()) == ["2026-09-01", "2026-09-02", "2026-09-03"]


def test_a_day_is_made_from_its_own_files_and_its_neighbours(tmp_path):
    """A file that is added next to a day changes what the day is made from; one further away does not."""
    logs = Logs(tmp_path)
    logs.quiet_days(range(5))
    logs.write()
    before = {day: raw_inputs(logs.deployment(), day) for day in ("2026-09-01", "2026-09-03")}
    (tmp_path / "app" / "dt=2026-09-04" / "late.jsonl.gz").write_bytes(b"")
    after = {day: raw_inputs(logs.deployment(), day) for day in ("2026-09-01", "2026-09-03")}

    assert len(before["2026-09-03"]) == 6
    assert before["2026-09-01"] == after["2026-09-01"]
    assert set(after["2026-09-03"]) - set(before["2026-09-03"]) == {f"{tmp_path}/app/dt=2026-09-04/late.jsonl.gz"}


def test_a_source_without_files_is_named(tmp_path):
    """The message says which source, where it looked, and which file to correct."""
    with pytest.raises(MissingDataError, match=r"source 'app' has no files at .*/app/dt=.*logs.yaml"):
        closed_days(Logs(tmp_path).deployment())


@pytest.mark.s3
def test_a_missing_bucket_is_named(s3, tmp_path):
    """No traceback of boto3's, but the bucket and what to do."""
    deployment = Logs(tmp_path).deployment()
    raw = deployment.model_dump(mode="json")
    raw["logs"]["sources"][0]["uris"] = ["s3://nowhere-at-all/{date}/*"]

    with pytest.raises(MissingDataError, match="nowhere-at-all"):
        closed_days(type(deployment).model_validate(raw))


def test_an_undated_source_has_the_days_of_its_records(ubi_fixture):
    """One file that holds all days."""
    assert closed_days(load_deployment("ubi")) == ["2025-03-01", "2025-03-02", "2025-03-03"]


@pytest.mark.parametrize(
    ("raw", "time_format", "expected"),
    [
        ("2026-09-01T05:30:00+05:30", "iso", "2026-09-01T00:00:00+00:00"),
        ("2026-09-01T00:00:00.250Z", "iso", "2026-09-01T00:00:00.250000+00:00"),
        ("1756684800000", "epoch_ms", "2025-09-01T00:00:00+00:00"),
        (1756684800, "epoch_s", "2025-09-01T00:00:00+00:00"),
        (7, "epoch_s", None),  # seconds where the century is missing
        ("yesterday", "iso", None),
        (None, "epoch_ms", None),
    ],
)
def test_raw_times(raw, time_format, expected):
    """UTC from any offset; nonsense is no time."""
    time = moment(raw, time_format)

    assert expected == (time and time.isoformat())
