"""The image's ``aws``: of the AWS command line, ``s3 cp [--recursive] SOURCE DESTINATION`` and no more.

A bootstrap action fetches its files by it, here as on a real cluster. Local folders stand in for ``s3://``, so
that a sandbox without an S3 server can bootstrap too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reprise.errors import RepriseError, UsageError
from reprise.objects import ObjectStore

_USAGE = "the sandbox's aws knows `aws s3 cp [--recursive] SOURCE DESTINATION` only"


def copy(source: str, destination: Path, *, recursive: bool) -> int:
    """Copy an object, or everything under a prefix, to this machine; return how many files were written."""
    folder, _, name = source.rstrip("/").rpartition("/")
    store = ObjectStore(source if recursive else folder)
    keys = sorted(store.list()) if recursive else [name]
    for key in keys:
        content = store.get(key)
        if content is None:
            raise UsageError(f"there is no {store.uri(key)}", "upload it, or correct the address")
        target = destination / key if recursive or destination.is_dir() else destination
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return len(keys)


def main(argv: list[str]) -> int:
    """Run one command; return AWS's own exit codes: 0 done, 1 failed, 252 wrong use."""
    words = [word for word in argv if not word.startswith("--")]
    if words[:2] != ["s3", "cp"] or len(words) != 4 or set(argv) - set(words) - {"--recursive", "--quiet"}:
        print(_USAGE, file=sys.stderr)
        return 252
    try:
        copied = copy(words[2], Path(words[3]), recursive="--recursive" in argv)
    except RepriseError as error:
        print(f"fatal error: {error}", file=sys.stderr)
        return 1
    if not copied:
        print(f"fatal error: nothing under {words[2]}", file=sys.stderr)
    return 0 if copied else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
