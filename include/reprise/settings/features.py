"""One feature in ``solr.yaml``: what it is called, what it means, and which kind of thing computes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from reprise.settings.base import Strict

Cost = Literal["free", "cheap", "dear"]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Named(Strict):
    """What every feature says of itself.

    ``default`` is its value where nothing is known, in training as in Solr. ``monotone`` is what is known beforehand:
    more of it never makes an item worse (rising), or never better (falling); LambdaMART holds to it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    default: Number = 0.0
    monotone: Literal["rising", "falling"] | None = None
    cost: Cost | None = Field(None, description="what it costs Solr at query time; None: as is usual for its kind")


def _is_script(name: str) -> bool:
    from fontTools.unicodedata import script_code

    return bool(script_code(name, default=""))


class MatchFeature(Named):
    """A Solr query whose score is the feature; ``${q}`` is the listener's text."""

    kind: Literal["match"]
    query: str | None = Field(None, description="a SolrFeature's q; None: the engine's own score")


class QueryFeature(Named):
    """What the text itself says, the same for every item; the application computes it and sends it along.

    See features/query_text.py for what each is.
    """

    kind: Literal["query"]
    computes: Literal["characters", "words", "last_word", "script", "says"]
    of: tuple[str, ...] = Field((), description="the script, or the words")

    @model_validator(mode="after")
    def _says_what_of(self) -> QueryFeature:
        wanted = {"script": "the name of one script, such as [Arabic]", "says": "the words to look for"}
        expected = wanted.get(self.computes)
        if (self.computes == "script" and len(self.of) != 1) or (self.computes == "says" and not self.of):
            raise ValueError(f"`of` is missing: write {expected}")
        if self.of and expected is None:
            raise ValueError(f"`of` has no meaning for {self.computes!r}: remove it")
        if self.computes == "script" and not _is_script(self.of[0]):
            raise ValueError(f"{self.of[0]!r} is no script of Unicode's: write its name, as in Arabic, Devanagari, Han")
        return self


class ItemFeature(Named):
    """A field of the document, read by Solr: its number; whether it has a value; or its age in days."""

    kind: Literal["item"]
    field: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    equals: str | None = Field(None, description="1 where the field has this value, else 0")
    age: bool = Field(False, description="days between the field's date and the search; `default` without a date")

    @model_validator(mode="after")
    def _one_reading(self) -> ItemFeature:
        if self.age and self.equals is not None:
            raise ValueError("`equals` and `age` read a field in two ways: keep one, and write two features for both")
        return self


class ContextFeature(Named):
    """1 where a field of the item has what the application says of the listener, else 0."""

    kind: Literal["context"]
    field: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    context: Literal["language"] = "language"


class BehaviourFeature(Named):
    """A rate or count from daily statistics, point in time; see features/measures.py for the measures."""

    kind: Literal["behaviour"]
    measure: Literal[
        "plays", "listeners", "search_plays", "trend", "completion", "skip_rate", "save_rate", "search_utility"
    ]
    days: int = Field(28, ge=1)
    prior: float = Field(20.0, ge=0, description="pseudo-events drawn towards the entity type's mean")
    recent_days: int = Field(7, ge=1, description="of `trend`: the days that are set against all of them")

    @model_validator(mode="after")
    def _recent_within_all(self) -> BehaviourFeature:
        if self.measure == "trend" and self.recent_days >= self.days:
            raise ValueError(f"a trend of {self.recent_days} against {self.days} days says nothing: lower recent_days")
        return self


Feature = Annotated[
    MatchFeature | QueryFeature | ItemFeature | ContextFeature | BehaviourFeature, Field(discriminator="kind")
]
