"""The sandbox's S3 is one that a lake can stand on: one winner per conditional put, and nothing lost."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import boto3
import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from reprise.sandbox import processes, supervisor
from reprise.sandbox.home import DEFAULT_PORTS, Home
from reprise.sandbox.ports import free_ports
from reprise.sandbox.services import aws_client

pytestmark = pytest.mark.s3


def test_of_many_writers_of_a_new_object_one_wins(s3, new_bucket):
    bucket = new_bucket()

    def write(number):
        try:
            s3.put_object(Bucket=bucket, Key="manifest", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
        return number

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(write, range(8)))
        winners = [answer for answer in answers if answer < 8]

        assert len(winners) == 1
        assert {409, 412} >= set(answers) - set(winners)
        assert str(winners[0]).encode() == s3.get_object(Bucket=bucket, Key="manifest")["Body"].read()
        s3.delete_object(Bucket=bucket, Key="manifest")


def test_who_has_not_the_credentials_is_refused(s3, new_bucket, home):
    bucket = new_bucket()
    stranger = boto3.client(
        "s3", endpoint_url=home.url("s3"), region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )

    with pytest.raises(ClientError, match=r"403|InvalidAccessKeyId|AccessDenied"):
        stranger.put_object(Bucket=bucket, Key="k", Body=b"v")


def test_a_power_cut_loses_no_object(tmp_path):
    home = Home(tmp_path / "home", dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True)))
    big = tmp_path / "big"
    big.write_bytes(os.urandom(11_000_000))
    try:
        supervisor.up(home, ["s3"])
        s3 = aws_client(home, "s3")
        s3.put_object(Bucket="reprise-lake", Key="a b/ü=1", Body=b"kept", Metadata={"rows": "7"})
        s3.upload_file(str(big), "reprise-lake", "big", Config=TransferConfig(multipart_threshold=5 << 20))
        before = {entry["Key"]: entry["ETag"] for entry in s3.list_objects_v2(Bucket="reprise-lake")["Contents"]}
        for record in processes.records(home):
            os.kill(record.pid, signal.SIGKILL)
            psutil.Process(record.pid).wait(30)  # to its last thread
        supervisor.up(home, ["s3"])

        assert before == {e["Key"]: e["ETag"] for e in s3.list_objects_v2(Bucket="reprise-lake")["Contents"]}
        kept = s3.get_object(Bucket="reprise-lake", Key="a b/ü=1")
        assert (kept["Body"].read(), kept["Metadata"]) == (b"kept", {"rows": "7"})
        assert big.read_bytes() == s3.get_object(Bucket="reprise-lake", Key="big")["Body"].read()
    finally:
        supervisor.down(home)
