"""Days of a lake's daily tables, published without an extraction."""

import pyarrow as pa

from reprise import tables
from reprise.lake import DAYS, Lake, Manifest


def publish_day(
    lake: Lake, version: str, day: str, rows: dict[str, pa.Table | list[dict]], inputs=None, replaces=None
) -> Manifest:
    """Publish one day with these tables; rows as dictionaries may leave columns out."""
    attempt, counts = lake.attempt(DAYS, version), {}
    for table, given in rows.items():
        found = given if isinstance(given, pa.Table) else rows_of(table, given)
        lake.put_rows(f"{attempt.key}/{table}/day={day}/part-0.parquet", found)
        counts[table] = found.num_rows
    facts = {"rows": counts}
    return lake.publish(attempt, sum(counts.values()), inputs, facts, replaces, partition=f"dt={day}")


def rows_of(table: str, rows: list[dict]) -> pa.Table:
    """Return rows of a table; what is left out is null."""
    schema = getattr(tables, table)
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema)
