"""``reprise check --draft URI``: a source of logs.yaml as its own records suggest it, to be read and corrected.

Up to two thousand records are read, newest files first. What is recognised is mapped, with the share of records that
have it; what is needed and was not recognised is a comment that names the paths there are. No value of a record is
shown but the few words of its action.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reprise.errors import MissingDataError
from reprise.searches.addresses import template
from reprise.searches.layout import with_day_parts
from reprise.searches.profiles import Profile, profiles
from reprise.searches.recognise import Pair, actions, has_plays, kind_of, recognise
from reprise.searches.sniff import Format, sample, sniff
from reprise.searches.vocabulary import is_search
from reprise.settings.sources import NEEDED
from reprise.verdict import Verdict

_RECORDS = 2_000  # twice what `check` reads: one listener in a few hundred opts out, and that field must be seen
_CANDIDATES = 12  # paths named where something needed was not recognised
_WORDS = 20  # of an action
_RARE = 0.01
_YAML_WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])


@dataclass(frozen=True)
class Draft:
    """One drafted source: ``text`` belongs below ``sources:``; ``missing`` is needed, and was not recognised."""

    uri: str
    text: str
    missing: tuple[str, ...]


def drafts(uris: Sequence[str]) -> list[Draft]:
    """Return one draft per address, each with a name of its own; an address without files is an error."""
    found: list[Draft] = []
    names: list[str] = []
    for uri in uris:
        addresses = _listed(uri)
        dated = with_day_parts(uri, addresses)
        name = _name(dated)
        names.append(name)
        number = names.count(name)
        found.append(_draft(name if number == 1 else f"{name}-{number}", dated, addresses))
    return found


def verdict(found: Sequence[Draft]) -> Verdict:
    """Return yes where all that is needed was recognised everywhere, else no with the first that was not."""
    for one in found:
        if one.missing:
            reason = f"nothing at {one.uri} was recognised as {', '.join(one.missing)}"
            return Verdict("no", reason, "say in `fields` where it is", {"missing": list(one.missing)})
    return Verdict("yes", "all that a source needs was recognised; read it before you trust it")


def share(part: int, total: int) -> str:
    """Return a part of the records as a person reads it; a few are not none."""
    return "<1%" if 0 < part < 0.005 * total else f"{part / total:.0%}"


def _listed(uri: str) -> list[str]:
    """Return the addresses of all files there, the newest day first."""
    shape = template(uri)
    days = [(day, address) for address, _ in shape.listed() if (day := shape.day(address)) is not None]
    if not days:
        raise MissingDataError(
            f"there are no files at {uri}", "name them with globs, as in s3://my-logs/search/**/*.json.gz"
        )
    return [address for _, address in sorted(set(days), reverse=True)]


def _draft(name: str, uri: str, addresses: list[str]) -> Draft:
    form = next((form for form in map(sniff, addresses[:5]) if form), None)
    records = list(sample(form.source(uri), addresses, _RECORDS)) if form else []
    seen = profiles(records, flat=form is not None and form.format == "csv")
    kind = kind_of(seen)
    pairs = recognise(kind, seen)
    missing = tuple(field for field in NEEDED[kind] if field not in pairs)
    about = f"{len(records):,} records of {len(addresses):,} file{'s' * (len(addresses) != 1)}"
    if not form or not pairs:
        why = "no field of ours was recognised" if records else "no records in JSON lines, bulk, CSV or Parquet"
        lines = [f"# {name}: {about} at {_scalar(uri)}: {why}"]
        lines += _candidates(NEEDED[kind], seen, {}, len(records)) if records else []
    else:
        lines = [f"# {about}", *_source(name, uri, form, kind, pairs, seen, len(records))]
    return Draft(uri, "".join(f"  {line}\n" for line in lines), missing)


def _source(
    name: str, uri: str, form: Format, kind: str, pairs: dict[str, Pair], seen: Mapping[str, Profile], total: int
) -> Iterator[str]:
    """Yield the lines of a source, each with what there is to say of it."""
    yield f"- name: {_scalar(name)}"
    yield f"  kind: {kind}"
    yield f"  uris: [{_quoted(uri)}]" + ("" if template(uri).dated else "  # no day parts: read for every day")
    yield from _form(form)
    yield from _spelling(form, pairs, seen)
    yield "  fields:"
    yield from (f"    {field}: {_scalar(pair.path)}  # {share(pair.records, total)}" for field, pair in pairs.items())
    missing = [field for field in NEEDED[kind] if field not in pairs]
    yield from (f"    {line}" for line in _candidates(missing, seen, pairs, total))
    if "optout" not in pairs:
        yield "    # optout: ?  where listeners can opt out, say by which path, and drop_when: {optout: [...]}"
    if "action" in pairs:
        yield from _actions(seen[pairs["action"].path], total)
    if "optout" in pairs:
        yes = ", ".join(_quoted(word) for word in seen[pairs["optout"].path].yes)
        yield f"  drop_when: {{optout: [{yes}]}}  # listeners who opted out"
    if kind == "search" and has_plays(seen):
        yield "  # plays seem to be in these files too: a source of `kind: play`, and `only_when` to tell them apart"


def _form(form: Format) -> Iterator[str]:
    if form.format != "jsonl":
        yield f"  format: {form.format}"
    if form.delimiter != ",":
        yield f"  delimiter: {_quoted(form.delimiter)}"
    if form.columns:
        yield f"  columns: [{', '.join(form.columns)}]  # there is no header line: name them"


def _spelling(form: Format, pairs: dict[str, Pair], seen: Mapping[str, Profile]) -> Iterator[str]:
    """Yield how lists, positions and times are written, where anything is to be said of it."""
    if "results" in pairs and not seen[pairs["results"].path].listed:
        mark = seen[pairs["results"].path].separator.replace("[", "|")
        if mark != "|" or form.format not in ("csv", "parquet"):
            yield f"  list_separator: {_quoted(mark)}"
    if "position" in pairs:
        whole = seen[pairs["position"].path].whole
        base = int(whole.count(0) <= _RARE * len(whole))
        yield f"  position_base: {base}  # the lowest seen is {base}"
    if "ts" in pairs:
        times = seen[pairs["ts"].path]
        zone = times.zoneless
        yield f"  time_format: {times.time_format}" + (
            "  # some without an offset: state time_zone where it is not UTC" if zone else ""
        )


def _candidates(
    missing: Sequence[str], seen: Mapping[str, Profile], pairs: Mapping[str, Pair], total: int
) -> Iterator[str]:
    """Yield a comment for each field that is missing, with the paths it could still be, commonest first."""
    used = {pair.path for pair in pairs.values()}
    # A rare path may be no name at all but somebody's id, used as a key.
    free = [one for one in seen.values() if one.path not in used and one.records > max(1, 0.05 * total)]
    free.sort(key=lambda one: (-one.records, one.path))
    named = ", ".join(f"{one.path} ({share(one.records, total)})" for one in free[:_CANDIDATES])
    more = f" and {len(free) - _CANDIDATES} more" if len(free) > _CANDIDATES else ""
    yield from (f"# {field}: ?  {f'seen: {named}{more}' if named else 'nothing is left'}" for field in missing)


def _actions(profile: Profile, total: int) -> Iterator[str]:
    words = {word: ours for word, ours in actions(profile).items() if word.isprintable()}
    known = ", ".join(f"{_scalar(word)}: {ours}" for word, ours in words.items() if ours)
    yield f"  actions: {{{known}}}"
    for word in [word for word, ours in words.items() if not ours][:_WORDS]:
        often = share(profile.words[word], total)
        what = (
            "marks searches: give them a source of their own, with only_when and without `action`, and skip_when here"
            if is_search(word)
            else "is rejected unless it is an impression, click or save"
        )
        yield f"  # actions: {_scalar(word)} ({often}) {what}"


def _name(uri: str) -> str:
    """Return the last folder of an address that is one name and says something."""
    folders = re.sub(r"^[a-z0-9]+:/*", "", uri).strip("/").split("/")[:-1]
    plain = [folder for folder in folders if re.fullmatch(r"[A-Za-z][\w.-]*", folder)]
    return plain[-1] if plain else "logs"


def _scalar(text: str) -> str:
    """Return a text as YAML, quoted where it must be."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text) and text.lower() not in _YAML_WORDS
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
