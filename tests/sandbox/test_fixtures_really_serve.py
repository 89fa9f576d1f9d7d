"""The shared fixtures serve what they promise."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.s3
@pytest.mark.spark
def test_spark_writes_to_s3_what_boto3_reads(spark, s3, new_bucket):
    bucket = new_bucket()

    spark.range(10).repartition(2).write.parquet(f"s3://{bucket}/numbers")

    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="numbers/part-")["Contents"]]
    assert len(keys) == 2
    assert spark.read.parquet(f"s3://{bucket}/numbers").count() == 10


@pytest.mark.solr
def test_every_core_is_empty_and_its_own(new_core):
    first, second = new_core(), new_core()
    document = {"id": "song:1", "entity": "song", "title": "Kesariyā"}
    httpx.post(f"{first}/update", params={"commit": "true"}, json=[document]).raise_for_status()

    found = [httpx.get(f"{core}/search", params={"q": "kesari"}).json()["response"] for core in (first, second)]

    expected = [["song:1"], []]
    assert expected == [[doc["id"] for doc in answer["docs"]] for answer in found]
