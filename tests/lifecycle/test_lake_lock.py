"""The lock in the lake: one holder, whoever asks; expired and released locks are free."""

import threading
import time

import pytest

from reprise.errors import ServiceError
from reprise.lifecycle.lock import lake_lock


def test_a_held_lock_names_its_holder(tmp_path):
    with (
        lake_lock(str(tmp_path), "solr-music", "run 1"),
        pytest.raises(ServiceError, match="run 1 holds the lock"),
        lake_lock(str(tmp_path), "solr-music", "run 2", wait_s=0),
    ):
        raise AssertionError("both are in")


def test_a_released_lock_is_free(tmp_path):
    entered = []
    for owner in ("run 1", "run 2", "run 1"):
        with lake_lock(str(tmp_path), "solr-music", owner, wait_s=0):
            entered.append(owner)

    assert entered == ["run 1", "run 2", "run 1"]
    assert len(list(tmp_path.rglob("*.json"))) == 1, "old locks are swept"


def test_an_error_inside_releases_it(tmp_path):
    with pytest.raises(KeyError), lake_lock(str(tmp_path), "solr-music", "run 1"):
        raise KeyError

    with lake_lock(str(tmp_path), "solr-music", "run 2", wait_s=0):
        pass


def test_a_dead_holder_s_lock_expires(tmp_path):
    dead = lake_lock(str(tmp_path), "solr-music", "run 1", expires_s=0.2)
    dead.__enter__()

    with lake_lock(str(tmp_path), "solr-music", "run 2", wait_s=5):
        pass


def test_the_same_run_s_retry_takes_over(tmp_path):
    lake_lock(str(tmp_path), "solr-music", "run 1").__enter__()

    with lake_lock(str(tmp_path), "solr-music", "run 1", wait_s=0):
        pass


def test_locks_of_other_names_are_independent(tmp_path):
    with lake_lock(str(tmp_path), "solr-music", "run 1"), lake_lock(str(tmp_path), "solr-other", "run 2", wait_s=0):
        pass


def test_of_many_one_is_inside_at_a_time(tmp_path):
    inside, most = [], []

    def work(owner):
        with lake_lock(str(tmp_path), "solr-music", owner, wait_s=60):
            inside.append(owner)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(owner)

    threads = [threading.Thread(target=work, args=(f"run {n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 5
