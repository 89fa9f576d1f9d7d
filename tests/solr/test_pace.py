"""How fast a Solr is asked, by a clock that only moves when somebody waits."""

import pytest

from reprise.errors import ServiceError, UnavailableError, UsageError
from reprise.solr.pace import PATIENCE_S, Pace


class Clock:
    """Time passes while Solr answers and while the pace sleeps."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def pace(self):
        return Pace(self.sleep, lambda: self.now)

    def answering(self, seconds, errors=()):
        """A call that takes so long, and first fails with each of these."""
        left = list(errors)

        def call():
            self.now += seconds
            if left:
                raise left.pop(0)
            return "answer"

        return call


def busy(retry_after_s=0.0):
    return UnavailableError("Solr asks to be asked later", "", retry_after_s)


def test_a_solr_that_answers_as_usual_is_never_paused():
    clock, times = Clock(), [0.01, 0.012, 0.02, 0.009] * 20
    pace = clock.pace()

    assert {"answer"} == {pace.call(clock.answering(seconds)) for seconds in times}
    assert clock.slept == []


def test_what_an_answer_takes_beyond_three_times_the_usual_is_rested():
    clock = Clock()
    pace = clock.pace()
    for _ in range(20):
        pace.call(clock.answering(0.01))

    for _ in range(100):  # being slow for long does not become usual
        pace.call(clock.answering(0.5))

    assert clock.slept == pytest.approx([0.47] * 100)


def test_a_refusal_is_waited_for_twice_as_long_each_time_and_remembered_a_while():
    clock = Clock()
    pace = clock.pace()

    assert pace.call(clock.answering(0.01, [busy(), busy(), busy()])) == "answer"
    for _ in range(3):
        pace.call(clock.answering(0.01))

    assert clock.slept == [0.5, 1.0, 2.0, 2.0, 1.0, 0.5, 0.25]


def test_solr_is_believed_when_it_says_how_long():
    clock = Clock()
    clock.pace().call(clock.answering(0.01, [busy(7.0)]))

    assert clock.slept[0] == 7.0


def test_patience_ends():
    clock = Clock()
    with pytest.raises(UnavailableError):
        clock.pace().call(clock.answering(0.01, [busy()] * 1000))

    assert PATIENCE_S <= sum(clock.slept) < 2 * PATIENCE_S


@pytest.mark.parametrize(("error", "attempts"), [(ServiceError("500"), 3), (UsageError("400"), 1)])
def test_an_error_that_waiting_does_not_mend_is_soon_told(error, attempts):
    clock = Clock()
    with pytest.raises(type(error)):
        clock.pace().call(clock.answering(1.0, [error] * 10))

    assert clock.now - sum(clock.slept) == attempts
