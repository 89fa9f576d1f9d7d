"""The lock in the lake: one holder, whoever asks; expired and released locks are free."""

import subprocess
import sys
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


def die(tmp_path, **more):
    """Take the lock in a process that is killed while it holds it."""
    code = f"""
import os
from reprise.lifecycle.lock import lake_lock
lake_lock({str(tmp_path)!r}, "solr-music", "run 1", **{more!r}).__enter__()
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9


def test_a_dead_holder_s_lock_expires(tmp_path):
    die(tmp_path, expires_s=0.2)

    with lake_lock(str(tmp_path), "solr-music", "run 2", wait_s=5):
        pass


def test_the_same_run_s_retry_takes_over(tmp_path):
    die(tmp_path)

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


def test_a_holder_that_lives_keeps_it_beyond_its_end(tmp_path):
    with lake_lock(str(tmp_path), "solr-music", "run 1", expires_s=0.6) as held:
        time.sleep(1.5)
        with pytest.raises(ServiceError, match="run 1 holds"):
            lake_lock(str(tmp_path), "solr-music", "run 2", wait_s=0).__enter__()
        held.require()


def test_a_holder_that_was_paused_is_told_before_it_writes(tmp_path):
    """A paused process renews nothing; here its renewing ends without it."""
    with lake_lock(str(tmp_path), "solr-music", "run 1", expires_s=0.2) as paused:
        paused.leave()
        with lake_lock(str(tmp_path), "solr-music", "run 2", wait_s=5) as held:
            held.require()
            with pytest.raises(ServiceError, match="run 1 has lost the lock"):
                paused.require()
