"""What `upload` gives Solr so that a candidate finds its behaviour fields filled; read from the lake, without Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reprise.features.catalogue import behaviour_features

if TYPE_CHECKING:
    from reprise.plan import Plan


def serving_values(plan: Plan, as_of: str | None = None) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield item → {Solr field: value} as of a day (by default the plan's newest), as `featurize` published it."""
    if not behaviour_features(plan.deployment.solr):
        return
    rows = plan.open_lake().read("behaviour", plan.training_version, [f"dt={as_of or plan.as_of}"])
    fields = [name for name in rows.column_names if name != "item"]
    for batch in rows.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield row["item"], {field: row[field] for field in fields}
