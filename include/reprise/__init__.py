"""Reprise: a search engine's own logs become a better ranking, again and again.

The rooms, left to right, as the data flows:
``searches → judgments → features → training → gate → release``; beside them ``metrics``, ``solr`` and
``tracking``, which know no stage, ``lifecycle`` (Airflow's side) and ``sandbox`` (one machine).
"""

__version__ = "0.1.0"
