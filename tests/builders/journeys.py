"""The extraction's definitions once more, in plain Python over one user's records at a time: slow and obvious."""

from collections import defaultdict
from datetime import timedelta

from reprise.searches.utility import of_plays
from reprise.settings import Logs


def utility_of(seconds, duration, constants):
    """Return one play's utility; None is unknown."""
    import numpy as np

    if seconds is None:
        return None
    return float(of_plays(np.array([seconds]), np.array([np.nan if duration is None else duration]), constants)[0])


def brute_force(searches, clicks, saves, plays, logs: Logs, playable=frozenset({"song"})):
    """Return (settled searches by id, (search_id, item) → outcome) for one user.

    ``searches``: (id, ts, shown items, shown_ms); ``clicks``/``saves``: (search id, ts, item); ``plays``:
    (id, ts, item, from_item, seconds, duration, autoplay).
    """
    settled = _settle(searches, clicks, saves, logs)
    plays = sorted(plays, key=lambda p: (p[1], p[0]))
    home = {play[0]: _latest(play, settled, logs) for play in plays}
    successes = [
        p[1] for p in plays
        if home[p[0]] and not p[6] and (utility_of(p[4], p[5], logs.utility) or 0) >= logs.utility.satisfied
    ] + [ts for search_id, ts, _ in saves if any(search_id == s["id"] for s in settled)]  # fmt: skip
    _number_journeys(settled, successes, logs)
    return settled, _outcomes(settled, clicks, saves, plays, home, logs, playable)


def _settle(searches, clicks, saves, logs):
    acted = {search_id for search_id, _, _ in clicks + saves}
    settled, run = [], []
    ordered = sorted(searches, key=lambda s: (s[1], s[0]))
    for n, (search_id, ts, shown, _) in enumerate(ordered):
        run.append(search_id)
        following = ordered[n + 1][1] if n + 1 < len(ordered) else None
        if following is None or (following - ts).total_seconds() >= logs.journeys.settle_s or search_id in acted:
            settled.append({"id": search_id, "ts": ts, "shown": shown, "keystrokes": len(run)})
            run = []
    return settled


def _latest(play, settled, logs):
    _, ts, item, from_item, *_ = play
    window = timedelta(seconds=logs.journeys.attribution_s)
    shown = [s for s in settled if s["ts"] <= ts <= s["ts"] + window and (from_item or item) in s["shown"]]
    return max(shown, key=lambda s: (s["ts"], s["id"]))["id"] if shown else None


def _number_journeys(settled, successes, logs):
    number = 0
    for n, search in enumerate(settled):
        before = settled[n - 1] if n else None
        if before is None:
            new = True
        else:
            gap = (search["ts"] - before["ts"]).total_seconds()
            new = gap > logs.journeys.idle_s or any(before["ts"] <= ts < search["ts"] for ts in successes)
        number += new
        search["journey"] = number
        search["reformulated"] = not new and gap <= logs.journeys.reformulation_s
    for search in settled:
        first = next(s for s in settled if s["journey"] == search["journey"])
        search["journey_id"], search["dt"] = first["id"], first["ts"].date().isoformat()


def _outcomes(settled, clicks, saves, plays, home, logs, playable):
    journey = {s["id"]: s["journey"] for s in settled}
    heard = defaultdict(list)
    for play in plays:
        under_way = [s for s in settled if s["ts"] <= play[1]]
        if home[play[0]] and under_way[-1]["journey"] == journey[home[play[0]]]:
            heard[home[play[0]], play[3] or play[2]].append(play)
    outcomes = {}
    for search in settled:
        for item in search["shown"]:
            mine = [p for n, p in enumerate(heard[search["id"], item]) if n == 0 or not p[6]]
            clicked = any(c[0] == search["id"] and c[2] == item for c in clicks)
            saved = any(s[0] == search["id"] and s[2] == item for s in saves)
            known = [utility_of(p[4], p[5], logs.utility) for p in mine]
            total = sum(u for u in known if u is not None)
            if saved or any(_repeated(p, plays, logs) for p in mine):
                utility = 1.0
            elif not mine:
                utility = None if clicked and item.split(":")[0] in playable else 0.0
            else:
                utility = None if None in known and total < 1 else min(1.0, total)
            outcomes[search["id"], item] = utility
    return outcomes


def _repeated(play, plays, logs):
    def again(other):
        listened = (utility_of(other[4], other[5], logs.utility) or 0) >= logs.utility.satisfied
        return other[2] == play[2] and not other[6] and listened

    later = [p for p in plays if (p[1], p[0]) > (play[1], play[0]) and again(p)]
    return bool(later) and (later[0][1] - play[1]).total_seconds() <= logs.journeys.save_s
