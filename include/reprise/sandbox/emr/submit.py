"""The four ways in which a ``spark-submit`` command differs here from EMR, and no fifth.

1. ``--deploy-mode cluster`` is dropped: there is no YARN to hold the driver.
2. ``--master yarn`` becomes ``local[n]``.
3. Driver and executor memory are capped.
4. ``/home/hadoop``, the home of a cluster's user, is the cluster's own folder.

The same holds where the setting is given as ``--name=value`` or by ``--conf``; what follows the application file
belongs to the application, and only the fourth reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

#: spark-submit's options that take no value.
_FLAGS = {"--verbose", "-v", "--supervise", "--help", "-h", "--version", "--usage-error"}
#: The long form of what ``--conf`` can set too.
_CONF = {
    "spark.submit.deployMode": "--deploy-mode",
    "spark.master": "--master",
    "spark.driver.memory": "--driver-memory",
    "spark.executor.memory": "--executor-memory",
}
_HOME = re.compile(r"(?<![\w.-])/home/hadoop(?=[/:,]|$)")
_UNITS = {"k": 1, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}


def refusal(jar: str, args: Sequence[str]) -> str:
    """Return why a step's jar and arguments cannot be run here, or nothing."""
    if jar != "command-runner.jar":
        return f"Cannot run jar {jar}: the sandbox runs command-runner.jar alone"
    if list(args[:1]) != ["spark-submit"]:
        program = args[0] if args else ""
        return f'Cannot run program "{program}": the sandbox\'s command-runner.jar knows spark-submit alone'
    return ""


def rewrite(args: Sequence[str], *, cores: int, memory: str, home: Path) -> list[str]:
    """Return the arguments after ``spark-submit`` as they are run here.

    ``memory`` is the cap in Spark's notation, e.g. ``2g``; ``home`` stands for ``/home/hadoop``.
    """
    ours: list[str] = []
    for option, value in _options(args):
        ours += _rewritten(option, value, cores, memory)
    return [map_home(arg, home) for arg in ours]


def map_home(text: str, home: Path) -> str:
    """Return the text with every path under ``/home/hadoop`` moved to the cluster's folder."""
    return _HOME.sub(lambda _: str(home), text)


def _rewritten(option: str, value: str | None, cores: int, memory: str) -> list[str]:
    name, given = option, value
    if option in ("--conf", "-c") and value is not None:
        key, _, given = value.partition("=")
        name = _CONF.get(key.strip(), option)
    if given is None or name not in _CONF.values():
        return [option] if value is None else [option, value]
    if name == "--deploy-mode":
        return []
    if name == "--master":
        return [name, f"local[{cores}]" if given.startswith("yarn") else given]
    return [name, min(given, memory, key=_kibibytes)]


def _options(args: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield (option, value) up to the application file, then (word, None) for it and what is its own."""
    rest = iter(args)
    for arg in rest:
        if not arg.startswith("-"):
            yield arg, None
            break
        option, equals, value = arg.partition("=")
        if arg in _FLAGS:
            yield arg, None
        else:
            yield option, value if equals else next(rest, None)
    yield from ((arg, None) for arg in rest)


def _kibibytes(memory: str) -> int:
    """Return a Spark memory size in KiB; without a unit it is MiB, as in Spark."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b?", memory.strip().lower())
    return int(found[1]) * _UNITS[found[2] or "m"] if found else 0
