"""The parts of a day in addresses that were listed."""

import pytest

from reprise.searches.addresses import template
from reprise.searches.layout import with_day_parts


@pytest.mark.parametrize(
    ("files", "uri", "expected"),
    [
        (["dt=2026-11-01/a.gz", "dt=2026-11-02/b.gz"], "*/*.gz", "dt={date}/*.gz"),
        (["2026/11/01/a.gz", "2026/11/02/b.gz"], "**/*.gz", "{yyyy}/{mm}/{dd}/*.gz"),
        (["2026/11/01/13/a.gz", "2026/11/02/14/b.gz"], "*/*/*/*/*", "{yyyy}/{mm}/{dd}/{hh}/*"),
        (["year=2026/month=11/day=01/a.gz"], "*/*/*/*", "year={yyyy}/month={mm}/day={dd}/*"),
        (["app-1793000000.gz", "app-1793003600.gz"], "app-*.gz", "app-{epoch_s}.gz"),
        (["1793000000123-0.gz", "1793003600456-1.gz"], "*", "{epoch_ms}-*.gz"),
        (["logs-20261101.gz", "logs-20261102.gz"], "*.gz", "logs-{yyyy}{mm}{dd}.gz"),
        (["2026110100.gz", "2026110223.gz"], "*.gz", "{yyyy}{mm}{dd}{hh}.gz"),
        (["x/a-2026-11-01-07.gz"], "x/*.gz", "x/a-{date}-*.gz"),
        (["2026-11-01/a.gz"], "2026-11-01/*.gz", "{date}/*.gz"),
        (["a.gz", "b.gz"], "*.gz", "*.gz"),
        (["2026-11-01/a.gz", "other/b.gz"], "*/*.gz", "*/*.gz"),
        (["2026-13-01/a.gz"], "*/*.gz", "*/*.gz"),
        (["2026-11-01/a.gz", "deeper/2026-11-01/b.gz"], "**/*.gz", "**/*.gz"),
    ],
)
def test_the_parts_of_a_day(tmp_path, files, uri, expected):
    """Only what every file has, and never one file fewer than the address names."""
    addresses = [f"{tmp_path}/{name}" for name in files]
    actual = with_day_parts(f"{tmp_path}/{uri}", addresses)

    assert actual == f"{tmp_path}/{expected}"
    assert all(template(actual).day(address) is not None for address in addresses)


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_buckets_keep_their_scheme(scheme):
    """A glob over buckets stays one, whatever day a bucket's name looks like."""
    uri = f"{scheme}://events-*/app/*/*.gz"
    addresses = [f"{scheme}://events-{where}/app/2026-11-0{n}/a.gz" for where in ("in", "lk") for n in (1, 2)]

    assert with_day_parts(uri, addresses) == f"{scheme}://events-*/app/{{date}}/*.gz"


def test_an_address_that_has_parts_keeps_them(tmp_path):
    uri = f"{tmp_path}/{{date}}/*.gz"
    assert with_day_parts(uri, [f"{tmp_path}/2026-11-01/2026/11/01/a.gz"]) == uri
