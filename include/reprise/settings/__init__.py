"""A deployment's four files, typed.

What a team edits is small: each file holds only differences from the defaults below, and ``extends:`` takes
everything else from another deployment. Every mistake in every file is reported at once.
Addresses and secrets are never in these files: see connections.py.
"""

from reprise.settings.deployment import Deployment, deployments_folder, digest_of, list_deployments, load_deployment
from reprise.settings.emr import Emr
from reprise.settings.families import LightGbm, Linear
from reprise.settings.features import (
    BehaviourFeature,
    ContextFeature,
    Feature,
    ItemFeature,
    MatchFeature,
    QueryFeature,
)
from reprise.settings.gate import Blocks, Gate, Judging, Policy, Review, Selection, Theta
from reprise.settings.logs import Journeys, Logs, Utility
from reprise.settings.solr import Publish, Request, Solr
from reprise.settings.sources import Source
from reprise.settings.tuning import Tuning

__all__ = [
    "BehaviourFeature",
    "Blocks",
    "ContextFeature",
    "Deployment",
    "Emr",
    "Feature",
    "Gate",
    "ItemFeature",
    "Journeys",
    "Judging",
    "LightGbm",
    "Linear",
    "Logs",
    "MatchFeature",
    "Policy",
    "Publish",
    "QueryFeature",
    "Request",
    "Review",
    "Selection",
    "Solr",
    "Source",
    "Theta",
    "Tuning",
    "Utility",
    "deployments_folder",
    "digest_of",
    "list_deployments",
    "load_deployment",
]
