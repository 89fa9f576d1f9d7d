"""Starting and ending, on small real servers: what runs stays, what fails is named, nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import httpx
import psutil
import pytest

from reprise.errors import ServiceError, UsageError
from reprise.sandbox import processes, supervisor
from reprise.sandbox.home import Home
from reprise.sandbox.ports import free_ports
from reprise.sandbox.services import SERVICES, Service

SERVER = "import sys, subprocess, http.server as h; {before}; "
SERVER += "h.test(h.SimpleHTTPRequestHandler, bind='127.0.0.1', port={port})"
BROOD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"


def toy(before="pass", patience_s=20.0):
    """A service that is Python's own file server, after doing ``before``."""

    def trouble(home):
        try:
            httpx.get(home.url("toy"))
        except httpx.HTTPError as error:
            return str(error)
        return ""

    def commands(home):
        return {"toy": [sys.executable, "-c", SERVER.format(before=before, port=home.ports["toy"])]}

    return Service(title="Toy", commands=commands, trouble=trouble, patience_s=patience_s)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A home that knows the services ``toy`` and, on a port of its own, ``other``."""
    toy_port, other_port = free_ports(2)
    home = Home(
        tmp_path / "home",
        {"toy": toy_port, "other": other_port, "s3": 1, "emr": 1, "solr": 1} | {"mlflow": 1, "airflow": 1},
    )
    monkeypatch.setitem(SERVICES, "toy", toy(before=BROOD))
    yield home
    supervisor.down(home)


def marked(home):
    """Every process that inherited this home's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("REPRISE_SANDBOX_MARK") == home.secrets["mark"]:
                found.append(process.pid)
        except psutil.Error:
            continue
    return sorted(found)


def test_up_twice_leaves_what_runs_alone(house):
    supervisor.up(house, ["toy"])
    first = marked(house)
    supervisor.up(house, ["toy"])

    assert len(first) == 2
    assert first == marked(house)
    (state,) = supervisor.status(house, ["toy"])
    assert (state.trouble, state.running, state.processes) == ("", 1, 1)


def test_down_takes_children_along_and_nobody_else(house):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    supervisor.up(house, ["toy"])

    supervisor.down(house)

    assert marked(house) == []
    assert processes.records(house) == []
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_children_of_a_killed_parent_are_ended_too(house):
    supervisor.up(house, ["toy"])
    (record,) = processes.records(house)
    os.kill(record.pid, signal.SIGKILL)

    supervisor.down(house)

    assert marked(house) == []


RETITLED = "import setproctitle, time; setproctitle.setproctitle('x' * 5000); time.sleep(600)"


def test_orphans_that_overwrote_their_environment_are_ended_too(house, monkeypatch):
    """Airflow's workers do this: their title is written over what we would know them by."""
    monkeypatch.setitem(SERVICES, "toy", toy(before=f"subprocess.Popen([sys.executable, '-c', {RETITLED!r}])"))
    supervisor.up(house, ["toy"])
    (record,) = processes.records(house)
    (child,) = record.leader().children()
    while child.environ():
        time.sleep(0.05)
    os.kill(record.pid, signal.SIGKILL)
    psutil.Process(record.pid).wait()

    supervisor.down(house)

    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_strangers_session_under_a_reused_pid_is_left_alone_whatever_it_shows(house):
    stranger = subprocess.Popen([sys.executable, "-c", RETITLED], start_new_session=True)
    while psutil.Process(stranger.pid).environ():
        time.sleep(0.05)
    stale = {"name": "toy", "pid": stranger.pid, "started": time.time() - 86_400, "command": "x", "log": "x"}
    (house.folder("run") / "toy.json").write_text(json.dumps(stale))

    supervisor.down(house)

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_reused_pid_is_not_taken_for_ours(house):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    stale = {"name": "toy", "pid": stranger.pid, "started": time.time() - 86_400, "command": "x", "log": "x"}
    (house.folder("run") / "toy.json").write_text(json.dumps(stale))

    supervisor.down(house)

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_who_holds_the_port_is_named_with_the_way_out(house):
    argv = [sys.executable, "-c", SERVER.format(before="pass", port=house.ports["toy"])]
    stranger = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while supervisor.is_free(house.ports["toy"]):
        time.sleep(0.05)

    with pytest.raises(ServiceError, match=rf"is held by python\S* \(pid {stranger.pid}\) → .*REPRISE_TOY_PORT"):
        supervisor.up(house, ["toy"])

    assert marked(house) == []
    stranger.kill()
    stranger.wait()


def test_a_failed_start_names_the_log_and_takes_the_others_down(house, monkeypatch):
    monkeypatch.setitem(SERVICES, "other", Service("Other", _dies, lambda home: "no answer"))

    with pytest.raises(ServiceError, match=r"Other: other ended at its start \(no licence\) → see .*logs/other\.log"):
        supervisor.up(house, ["toy", "other"])

    assert marked(house) == []
    assert processes.records(house) == []


def _dies(home):
    return {"other": [sys.executable, "-c", "import time; time.sleep(0.5); raise SystemExit('no licence')"]}


def test_a_preparation_that_fails_is_named_and_nothing_is_started(house, monkeypatch):
    first = {"toy-prepare": [sys.executable, "-c", "raise SystemExit('the database is from the future')"]}
    monkeypatch.setitem(SERVICES, "toy", replace(toy(), first=lambda home: first))

    with pytest.raises(ServiceError, match=r"toy-prepare failed \(the database is from the future\) → see .*\.log"):
        supervisor.up(house, ["toy"])

    assert marked(house) == []
    assert processes.records(house) == []


def test_what_ran_before_a_failed_start_runs_on(house, monkeypatch):
    supervisor.up(house, ["toy"])
    before = marked(house)
    monkeypatch.setitem(SERVICES, "other", Service("Other", _dies, lambda home: "no answer"))

    with pytest.raises(ServiceError):
        supervisor.up(house, ["toy", "other"])

    assert before == marked(house)


def test_a_service_that_never_works_is_given_up_in_time(house, monkeypatch):
    monkeypatch.setitem(SERVICES, "toy", toy(before="import time; time.sleep(600)", patience_s=0.5))

    with pytest.raises(ServiceError, match=r"Toy did not work after 0 s: .* → see .*logs/toy\.log"):
        supervisor.up(house, ["toy"])

    assert marked(house) == []


def test_other_settings_mean_another_process(house, monkeypatch):
    supervisor.up(house, ["toy"])
    before = marked(house)
    monkeypatch.setitem(SERVICES, "toy", toy(before="pass"))
    supervisor.up(house, ["toy"])

    after = marked(house)
    assert len(after) == 1
    assert not set(before) & set(after)


def test_an_unknown_service_is_named(house):
    with pytest.raises(UsageError, match=r"no such service: mongo → choose from: s3"):
        supervisor.up(house, ["mongo"])


def test_too_little_disk_is_said_before_anything_starts(house, monkeypatch):
    monkeypatch.setattr(supervisor, "_MIN_FREE_BYTES", 10**18)

    with pytest.raises(ServiceError, match=r"GB free where .* → free some space, or set REPRISE_HOME"):
        supervisor.up(house, ["toy"])


@pytest.mark.s3
@pytest.mark.solr
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_start_leaves_no_orphan(tmp_path, number):
    ports = dict(zip(("s3", "emr", "solr", "mlflow", "airflow"), free_ports(5), strict=True))
    home = Home(tmp_path / "home", ports)
    code = "from reprise.sandbox.home import Home; from reprise.sandbox import supervisor as s; "
    code += "s.up(Home.from_environment(), ['s3', 'solr'])"
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        env=home.process_environment() | {"REPRISE_SANDBOX_MARK": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(processes.records(home)) < 2 and starter.poll() is None:
        time.sleep(0.02)
    starter.send_signal(number)
    starter.wait(30)

    if number == signal.SIGKILL:  # nobody was left to tidy up: `down` does
        supervisor.down(home)

    assert marked(home) == []
    assert starter.returncode != 0
