"""Which raw files belong to which day, on local folders."""

from datetime import timedelta

import pytest

from builders.logs import Logs, at
from reprise.errors import MissingDataError
from reprise.searches.addresses import interval, template
from reprise.searches.calendar import RawFile, closed_days, files_for, inputs_of, raw_files
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
        ("s3://logs-*/{date}.gz", "s3://logs-eu/2026-09-01.gz", "2026-09-01"),
        ("/l/{epoch_s}.gz", "/l/1788287400.gz", "2026-09-01"),
        ("/l/{epoch_ms}-?.gz", "/l/1788287400000-a.gz", "2026-09-01"),
        ("/l/{epoch_s}.gz", "/l/178828740.gz", None),
        ("/l/{date}.gz", "/l/2026-02-30.gz", None),
    ],
)
def test_the_day_of_an_address(uri, address, day):
    """Day parts are read, globs stay within a folder, other characters are meant literally."""
    assert day == template(uri).day(address)


def test_an_epochs_day_is_one_of_the_sources_zone():
    """In India half past midnight is still the day before in UTC."""
    address, shape = "/l/1788289200.gz", template("/l/{epoch_s}.gz")

    assert (shape.day(address), shape.day(address, "Asia/Kolkata")) == ("2026-09-01", "2026-09-02")


def test_a_day_of_another_zone_is_a_stretch_of_utc():
    """A day of 24, 23 and 25 hours; India's begins half an hour before UTC's evening is over."""
    india, spring, autumn = interval("2026-09-02", "Asia/Kolkata"), *(
        interval(day, "Europe/Berlin") for day in ("2026-03-29", "2026-10-25")
    )  # fmt: skip

    assert india.begins.isoformat() == "2026-09-01T18:30:00+00:00"
    assert [(each.ends - each.begins) / timedelta(hours=1) for each in (india, spring, autumn)] == [24, 23, 25]


def test_a_file_is_an_input_of_the_days_that_it_touches_and_their_neighbours():
    """India's second is made of hours of the first and the second in UTC."""
    file = RawFile("app", "/x", "1", "2026-09-02", interval("2026-09-02", "Asia/Kolkata"))

    assert file.needed_for == ("2026-08-31", "2026-09-03")
    assert files_for([file], ["2026-08-30"]) == []
    assert files_for([file], ["2026-08-31"]) == [file]


def test_days_that_stay_open_longer(tmp_path):
    """Where records come two days late, a day waits for the second after it."""
    logs = Logs(tmp_path)
    logs.quiet_days(range(4))
    logs.write()

    assert closed_days(logs.deployment(closes_after_days=2)) == ["2026-09-01", "2026-09-02"]


@pytest.mark.s3
def test_one_glob_over_buckets(s3, new_bucket):
    """Two buckets of one log; another that only looks like them is left alone."""
    made = new_bucket()
    names = [f"{made}-eu", f"{made}-us", f"not-{made}-eu"]
    for name in names:
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="search/2026-09-01/a.jsonl", Body=b"x")
        s3.put_object(Bucket=name, Key="other/2026-09-01/a.jsonl", Body=b"x")

    found = list(template(f"s3://{made}-*/search/{{date}}/*").listed())

    assert [address for address, _ in found] == [f"s3://{name}/search/2026-09-01/a.jsonl" for name in names[:2]]
    assert {listed.size for _, listed in found} == {1}


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
    before = {day: inputs_of(raw_files(logs.deployment().logs), day) for day in ("2026-09-01", "2026-09-03")}
    (tmp_path / "app" / "dt=2026-09-04" / "late.jsonl.gz").write_bytes(b"")
    after = {day: inputs_of(raw_files(logs.deployment().logs), day) for day in ("2026-09-01", "2026-09-03")}

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
        ("1756684800", "epoch_s", "2025-09-01T00:00:00+00:00"),
        ("7", "epoch_s", None),  # seconds where the century is missing
        ("2026-09-01T00:00:00", "auto", "2026-09-01T00:00:00+00:00"),
        ("1756684800", "auto", "2025-09-01T00:00:00+00:00"),
        ("1756684800000", "auto", "2025-09-01T00:00:00+00:00"),
        ("1756684800000000", "auto", "2025-09-01T00:00:00+00:00"),
        ("2026", "auto", None),
        ("yesterday", "iso", None),
        (None, "epoch_ms", None),
    ],
)
def test_raw_times(raw, time_format, expected):
    """UTC from any offset; nonsense is no time."""
    time = moment(raw, time_format)

    assert expected == (time and time.isoformat())
