"""One cluster from STARTING to TERMINATED: bootstrap actions, then steps, then idleness, then the end.

A thread per cluster decides, a thread per running process waits for it; every change is made under one lock and
is on disk before anyone can see it.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprise.errors import RepriseError
from reprise.sandbox.emr import aws, logs
from reprise.sandbox.emr.faults import Faults
from reprise.sandbox.emr.image import Image
from reprise.sandbox.emr.models import Cluster, Step
from reprise.sandbox.emr.runner import Process, kill_marked
from reprise.sandbox.emr.store import Store
from reprise.sandbox.emr.submit import refusal

_log = logging.getLogger(__name__)
_INTERRUPTED = "interrupted: the sandbox was stopped while the step ran"


class Life:
    """A living cluster. ``cluster`` is seen and changed under ``seeing`` and ``changing``."""

    def __init__(self, cluster: Cluster, image: Image, store: Store, faults: Faults) -> None:
        self.cluster = cluster
        self._image, self._store, self._faults = image, store, faults
        self._folder = store.folder(cluster.id)
        self._changed = threading.Condition(threading.RLock())
        self._processes: dict[str, Process] = {}
        self._interrupted: list[Step] = []  # by the end of an earlier server
        self._closed = False  # the server ends; the cluster does not
        self._thread = threading.Thread(target=self._live, name=cluster.id, daemon=True)

    @contextmanager
    def changing(self) -> Iterator[Cluster]:
        """Give the cluster to change; then it is saved, and whoever waits for it looks again."""
        with self._changed:
            yield self.cluster
            self._store.save(self.cluster)
            self._changed.notify_all()

    @contextmanager
    def seeing(self) -> Iterator[Cluster]:
        """Give the cluster to look at, while nobody changes it."""
        with self._changed:
            yield self.cluster

    def start(self) -> None:
        """Begin the cluster's life."""
        with self.changing():
            pass
        self._thread.start()

    def resume(self) -> None:
        """Go on after the server was stopped or killed; none of the processes it left behind lives on.

        A cluster that had its machines goes on, as its folder is still there, and its running steps are FAILED
        as interrupted. One that was still starting ends with errors; one that was ending ends.
        """
        kill_marked(self.cluster.id)
        with self.changing() as cluster:
            for step in cluster.steps:
                if step.state == "CANCEL_PENDING":
                    step.end("CANCELLED", "Step cancelled by user")
                elif step.state == "RUNNING":
                    self._interrupted.append(step)
                    key = f"{cluster.id}/steps/{step.id}/stderr.gz"
                    log = {"LogFile": f"{cluster.log_uri}/{key}"} if cluster.log_uri else {}
                    step.end("FAILED", _INTERRUPTED, {"Reason": "interrupted", "Message": _INTERRUPTED, **log})
                    self._after_failure(step)
        if self.cluster.state in ("STARTING", "BOOTSTRAPPING"):
            self.terminate("INTERNAL_ERROR", "The sandbox was stopped while the cluster was starting")
        self._thread.start()

    def add(self, steps: list[Step]) -> None:
        """Queue steps."""
        with self.changing() as cluster:
            cluster.steps += steps

    def cancel(self, step: Step, *, force: bool) -> None:
        """Cancel a pending step, or end a running one's whole process tree."""
        with self.changing():
            if step.state == "PENDING":
                step.end("CANCELLED", "Step cancelled by user")
                return
            step.state = "CANCEL_PENDING"
            if step.id in self._processes:
                self._processes[step.id].stop(grace_s=0.0 if force else self._image.grace_s)

    def terminate(self, code: str, message: str) -> None:
        """Begin the cluster's end, for the reason given; a cluster that ends already is left to it."""
        with self.changing() as cluster:
            if not cluster.live:
                return
            cluster.to("TERMINATING", message, code)
            for process in self._processes.values():
                process.stop(grace_s=0.0)

    def close(self) -> None:
        """Stop every process because the server ends; its next start finds the steps interrupted."""
        with self._changed:
            self._closed = True
            for process in self._processes.values():
                process.stop(grace_s=0.0)
            self._changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait for the cluster's thread to end, if it ever began."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # --- the cluster's thread

    def _live(self) -> None:
        try:
            for step in self._interrupted:
                logs.publish(self.cluster.log_uri, f"{self.cluster.id}/steps/{step.id}", self._work("steps", step.id))
            if self.cluster.state == "STARTING":
                self._start_machines()
            self._serve()
        except Exception as error:  # a cluster must end, whatever happens to it
            _log.exception("cluster %s failed", self.cluster.id)
            self.terminate("INTERNAL_ERROR", f"the sandbox failed: {error}")
        self._end()

    def _start_machines(self) -> None:
        actions = self.cluster.request.get("BootstrapActions") or []
        self._image.prepare(self._folder, self.cluster.request.get("Configurations") or [])
        for number, action in enumerate(actions, start=1):
            with self.changing() as cluster:
                if not cluster.live:
                    return
                cluster.to("BOOTSTRAPPING", "Running bootstrap actions")
            code = self._bootstrap(number, action["ScriptBootstrapAction"])
            if self._closed:
                return
            if code != 0:
                problem = f"On the master instance (i-{self.cluster.id[2:].lower()}), bootstrap action {number}"
                self.terminate("BOOTSTRAP_FAILURE", f"{problem} returned a non-zero return code")
                return
        with self.changing() as cluster:
            if cluster.live:
                cluster.to("RUNNING", "Running step")

    def _bootstrap(self, number: int, script: dict[str, Any]) -> int:
        """Run one bootstrap action and return its exit code."""
        work = self._work("bootstrap-actions", str(number))
        path = work / script["Path"].rsplit("/", 1)[1]
        try:
            aws.copy(script["Path"], path, recursive=False)
            path.chmod(0o755)
            mark = f"{self.cluster.id}/bootstrap-{number}"
            environment = self._image.bootstrap_environment(self._folder, work, mark)
            logs.note(work, f"running {script['Path']} {' '.join(script.get('Args') or [])}")
            code = self._run(mark, [str(path), *(script.get("Args") or [])], environment, work)
        except (RepriseError, OSError) as error:
            (work / "stderr").write_text(f"{error}\n", encoding="utf-8")
            code = 1
        logs.note(work, f"bootstrap action ended with exit code {code}")
        instance = f"i-{self.cluster.id[2:].lower()}"
        key = f"{self.cluster.id}/node/{instance}/bootstrap-actions/{number}"
        logs.publish(self.cluster.log_uri, key, work)
        return code

    def _run(self, name: str, argv: list[str], environment: dict[str, str], work: Path) -> int:
        with self._changed:
            if not self.cluster.live or self._closed:
                return -15
            process = Process(argv, environment, work, work / "stdout", work / "stderr")
            self._processes[name] = process
        code = process.wait()
        with self._changed:
            del self._processes[name]
        return code

    def _serve(self) -> None:
        """Run steps until the cluster is to end."""
        with self._changed:
            while self.cluster.live and not self._closed:
                self._start_pending()
                wait_s = self._settle()
                self._store.save(self.cluster)
                self._changed.wait(wait_s)

    def _start_pending(self) -> None:
        pending = [step for step in self.cluster.steps if step.state == "PENDING"]
        running = sum(step.active for step in self.cluster.steps) - len(pending)
        for step in pending[: max(0, self.cluster.step_concurrency - running)]:
            self._start_step(step)

    def _settle(self) -> float | None:
        """Say whether the cluster runs, waits or is done; return for how many seconds that stays so."""
        cluster = self.cluster
        if any(step.active for step in cluster.steps):
            if cluster.state != "RUNNING":
                cluster.to("RUNNING", "Running step")
            return None
        if not cluster.keep_alive:
            self.terminate("ALL_STEPS_COMPLETED", "Steps completed")
            return 0.0
        if cluster.state != "WAITING":
            ended = max(cluster.steps, key=lambda step: step.ended or 0.0, default=None)
            last = f"Cluster ready after last step {ended.state.lower()}." if ended else "Cluster ready to run steps."
            cluster.to("WAITING", last)
        if cluster.idle_timeout_s is None:
            return None
        left = cluster.idle_since + cluster.idle_timeout_s * self._image.second_s - time.time()
        if left <= 0:
            self.terminate("ALL_STEPS_COMPLETED", f"Cluster auto-terminated: idle for {cluster.idle_timeout_s} seconds")
        return max(left, 0.0)

    def _end(self) -> None:
        """Wait for what still runs, cancel what waits, and write the last state."""
        with self._changed:
            while self._processes or any(s.state in ("RUNNING", "CANCEL_PENDING") for s in self.cluster.steps):
                if self._closed and not self._processes:
                    return
                self._changed.wait(1.0)
        if self._closed and self.cluster.live:
            return
        self._store.clear(self.cluster.id)
        with self.changing() as cluster:
            for step in cluster.steps:
                if step.active:
                    step.end("CANCELLED", "Job terminated")
            good = cluster.code in ("ALL_STEPS_COMPLETED", "USER_REQUEST")
            cluster.to("TERMINATED" if good else "TERMINATED_WITH_ERRORS", cluster.message, cluster.code)
        _log.info("cluster %s (%s) ended: %s", cluster.id, cluster.name, cluster.message)

    # --- steps

    def _start_step(self, step: Step) -> None:
        work = self._work("steps", step.id)
        logs.note(work, f"startExec 'hadoop jar {step.jar} {' '.join(step.args)}'")
        step.state, step.started = "RUNNING", time.time()
        process, problem = None, refusal(step.jar, step.args)
        if not problem:
            environment = self._image.environment(self._folder, work, f"{self.cluster.id}/{step.id}")
            command = self._image.command(step.args[1:], self._folder)
            logs.note(work, f"the sandbox runs {command} with {' '.join(sorted(environment))}")
            try:
                process = Process(command, environment, work, work / "stdout", work / "stderr")
                self._processes[step.id] = process
            except OSError as error:
                problem = f'Cannot run program "{command[0]}": {error.strerror}'
        if problem:
            (work / "stderr").write_text(f"{problem}\n", encoding="utf-8")
        _log.info("step %s (%s) of %s started", step.id, step.name, self.cluster.id)
        threading.Thread(target=self._follow, args=(step, process, work), daemon=True).start()

    def _follow(self, step: Step, process: Process | None, work: Path) -> None:
        delay = self._faults.kill_after(step.name)
        if delay is not None and process is not None:
            threading.Timer(delay, process.stop, kwargs={"grace_s": 0.0}).start()
        code = process.wait() if process else 1
        shutil.rmtree(work / "tmp", ignore_errors=True)
        logs.note(work, f"waitProcessCompletion ended with exit code {code}")
        if not self._closed:  # before the state changes, so that who sees it finds the logs
            logs.publish(self.cluster.log_uri, f"{self.cluster.id}/steps/{step.id}", work)
        with self.changing():
            self._processes.pop(step.id, None)
            if not self._closed:
                self._finish(step, work, code)

    def _finish(self, step: Step, work: Path, code: int) -> None:
        """Give a step its final state, and do what it asks for on failure."""
        if step.state == "CANCEL_PENDING":
            step.end("CANCELLED", "Step cancelled by user")
        elif self.cluster.state == "TERMINATING":
            step.end("CANCELLED", "Job terminated")
        elif code == 0:
            step.end("COMPLETED")
        else:
            key = f"{self.cluster.id}/steps/{step.id}"
            step.end("FAILED", "", logs.failure(work, self.cluster.log_uri, key))
            self._after_failure(step)
        _log.info("step %s (%s) of %s: %s, exit code %s", step.id, step.name, self.cluster.id, step.state, code)

    def _after_failure(self, step: Step) -> None:
        """Do what ActionOnFailure says; a protected cluster only cancels what is pending."""
        if step.action_on_failure == "CONTINUE":
            return
        if step.action_on_failure != "CANCEL_AND_WAIT" and not self.cluster.protected:
            self.terminate("STEP_FAILURE", "Shut down as step failed")
        for other in self.cluster.steps:
            if other.state == "PENDING":
                other.end("CANCELLED", "Job terminated" if not self.cluster.live else "Step cancelled after a failure")

    def _work(self, kind: str, name: str) -> Path:
        work = self._folder / kind / name
        (work / "tmp").mkdir(parents=True, exist_ok=True)
        return work
