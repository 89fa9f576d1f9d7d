"""A simulated music service: catalogue, listeners, raw logs, and the truth about them."""

from reprise.sandbox.music.config import SCALES, Switches, day_name
from reprise.sandbox.music.corrupt import corrupt
from reprise.sandbox.music.first_stage import FirstStage, SolrFirstStage, sent_along
from reprise.sandbox.music.simulate import Buckets, Lived, days_lived, index_catalogue, simulate
from reprise.sandbox.music.truth import Truth, true_consumption
from reprise.sandbox.music.world import World

__all__ = [
    "SCALES",
    "Buckets",
    "FirstStage",
    "Lived",
    "SolrFirstStage",
    "Switches",
    "Truth",
    "World",
    "corrupt",
    "day_name",
    "days_lived",
    "index_catalogue",
    "sent_along",
    "simulate",
    "true_consumption",
]
