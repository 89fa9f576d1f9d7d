"""The lake's ``expert_grades``: every import a partition of its own, never changed; the newest word of each counts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reprise import tables
from reprise.errors import MissingDataError, UsageError
from reprise.experts.grades import Grade, newest, to_csv

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.solr.client import SolrClient

VERSION = "1"
_SHOWN, _BATCH = 3, 500


def save(lake: Lake, grades: Sequence[Grade], source: str) -> bool:
    """Publish an import; return whether it was new. The same grades imported again change nothing.

    ``source`` says where they come from, such as the file's name.
    """
    import pyarrow as pa

    partition = f"import={hashlib.sha256(to_csv(grades).encode()).hexdigest()[:16]}"
    if lake.published("expert_grades", VERSION, partition):
        return False
    rows = [
        {
            "query": grade.query,
            "query_group": grade.query_group,
            "item": grade.item,
            "grade": grade.grade,
            "grader": grade.grader,
            "graded_at": grade.graded_at,
            "comment": grade.comment,
            "source": source,
            "purpose": grade.purpose,
        }
        for grade in grades
    ]
    lake.write("expert_grades", VERSION, partition, pa.Table.from_pylist(rows, tables.expert_grades))
    return True


def load(lake: Lake) -> list[Grade]:
    """Return the grades that count; none at all are an error."""
    if found := imported(lake):
        return found
    raise MissingDataError(f"{lake.uri} holds no expert grades", "import some: `reprise grades import --help`")


def imported(lake: Lake) -> list[Grade]:
    """Return each grader's last word on each pair; of one day's words, that of the import published later."""
    imports = lake.partitions("expert_grades", VERSION)
    age = lake.store.modified(f"expert_grades/v={VERSION}/")
    oldest_first = sorted(imports, key=lambda partition: min(age[key] for key in imports[partition].files))
    names = ["query", "item", "grade", "grader", "graded_at", "comment"]
    rows = [row for one in oldest_first for row in lake.read("expert_grades", VERSION, [one], names).to_pylist()]
    return newest(Grade(**row) for row in rows)


def require_known(grades: Sequence[Grade], client: SolrClient) -> None:
    """Ensure that Solr holds every graded item; the unknown ones are one error that names the first and counts all."""
    items = sorted({grade.item for grade in grades})
    known: set[str] = set()
    for start in range(0, len(items), _BATCH):
        some = items[start : start + _BATCH]
        params = {
            "q": f"{{!terms f={client.id_field} separator='\n' v=$items}}", "items": "\n".join(some),
            "fl": client.id_field, "rows": str(len(some)),
        }  # fmt: skip
        known |= {str(doc[client.id_field]) for doc in client.select(params).body["response"]["docs"]}
    if unknown := [item for item in items if item not in known]:
        raise UsageError(
            f"{len(unknown)} graded items are not in Solr, as {', '.join(unknown[:_SHOWN])}",
            "correct the ids, or import with --unchecked if they are yet to come; nothing was imported",
        )
