"""How fast a Solr is asked: again where it was away, and more slowly the more it is pressed."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import TypeVar

import tenacity

from reprise.errors import ServiceError, UnavailableError

T = TypeVar("T")
log = logging.getLogger(__name__)
#: How long a Solr that does not answer, or asks to be asked later, is waited for.
PATIENCE_S = 120.0
_ATTEMPTS = 3  # of a call that Solr answers with an error of its own
_SLOW = 3.0  # times the usual time of an answer: from there on Solr is being pressed
_LONGEST_PAUSE_S = 30.0


class Pace:
    """One after the other, with pauses between: none while Solr answers as usual.

    An answer that takes more than three times the usual time (the least median of 20 answers so far) is followed by a
    pause as long as the excess. A Solr that asks to be asked later is waited for, twice as long each time, and at
    least as long as it says; the pauses it gets from then on halve with every answer.
    """

    def __init__(
        self, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self._times: deque[float] = deque(maxlen=20)
        self._usual_s = float("inf")
        self._held_back_s = 0.0

    def call(self, ask: Callable[[], T]) -> T:
        """Return what a call answers, and rest before the next where Solr needs it.

        A Solr that is away is asked for ``PATIENCE_S``; an error of Solr's own three times; wrong use once.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ServiceError),
            stop=_stop,
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=_say,
            reraise=True,
        )
        answer = retrying(lambda: self._timed(ask))
        self._held_back_s /= 2
        return answer

    def _timed(self, ask: Callable[[], T]) -> T:
        started = self._clock()
        answer = ask()
        self._rest(self._clock() - started)
        return answer

    def _rest(self, seconds: float) -> None:
        excess = max(0.0, seconds - _SLOW * self._usual_s)
        self._times.append(seconds)
        if len(self._times) == self._times.maxlen:
            self._usual_s = min(self._usual_s, median(self._times))
        if pause := min(_LONGEST_PAUSE_S, excess + self._held_back_s):
            self._sleep(pause)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after_s if isinstance(error, UnavailableError) else 0.0
        self._held_back_s = min(_LONGEST_PAUSE_S, max(2 * self._held_back_s, 0.5))
        return max(told, self._held_back_s)


def _stop(state: tenacity.RetryCallState) -> bool:
    if state.outcome and isinstance(state.outcome.exception(), UnavailableError):
        return state.idle_for >= PATIENCE_S
    return state.attempt_number >= _ATTEMPTS


def _say(state: tenacity.RetryCallState) -> None:
    log.warning("asking again in %.1f s: %s", state.upcoming_sleep, state.outcome and state.outcome.exception())
