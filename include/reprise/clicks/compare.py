"""Which click model foretells clicks best on sessions it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reprise.clicks.models import Fitted, Floats, Name, Setting, fit
from reprise.clicks.sessions import Sessions
from reprise.errors import MissingDataError

NAMES: tuple[Name, ...] = ("pbm", "sdbn", "dbn")
_TINY = 1e-9


@dataclass(frozen=True)
class Foretold:
    """One model on held-out sessions.

    ``log_likelihood``: mean per session, of its clicks, each given those above; nearer to 0 is better.
    ``perplexity``: by place, of the click knowing the list alone; 1 is certainty, 2 a coin. ``mean_perplexity``: over
    places, each once.
    """

    model: str
    log_likelihood: float
    perplexity: tuple[float, ...]
    sessions: int

    @property
    def mean_perplexity(self) -> float:
        """The mean over places, as the literature prints it."""
        return float(np.mean(self.perplexity))


def foretold(fitted: Fitted, sessions: Sessions) -> Foretold:
    """Return how well a fitted model foretells the clicks of sessions."""
    given = _of_what_happened(fitted.given_clicks_above(sessions), sessions)
    alone = _of_what_happened(fitted.marginal(sessions), sessions)
    at = sessions.shown.sum(axis=0)
    bits = np.divide(-np.log2(alone).sum(axis=0), at, out=np.zeros(len(at)), where=at > 0)
    return Foretold(
        fitted.name,
        float(np.log(given).sum() / len(given)),
        tuple(float(2**b) for b, n in zip(bits, at, strict=True) if n),
        len(given),
    )


def compared(
    sessions: Sessions, names: Sequence[Name] = NAMES, setting: Setting | None = None, held_out: float = 0.2
) -> list[Foretold]:
    """Return every model, best log-likelihood first, fitted on some sessions and tried on the others, the last ones."""
    count = len(sessions.pair)
    first = round(count * (1 - held_out))
    if not 0 < first < count:
        raise MissingDataError(f"{count} sessions leave none to fit on or none to try on", "give more sessions")
    rows = np.arange(count)
    fit_on, try_on = sessions.take(rows < first), sessions.take(rows >= first)
    return sorted((foretold(fit(name, fit_on, setting), try_on) for name in names), key=lambda f: -f.log_likelihood)


def _of_what_happened(chance: Floats, sessions: Sessions) -> Floats:
    """Return P(what happened) at each place, 1 where nothing was shown; never 0: one surprise is not infinitely bad."""
    chance = np.clip(chance, _TINY, 1 - _TINY)
    return np.where(sessions.shown, np.where(sessions.clicked, chance, 1 - chance), 1.0)
