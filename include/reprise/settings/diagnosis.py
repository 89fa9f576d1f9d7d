"""How far a training looks at itself beyond its own fit: ``diagnosis`` in ``gate.yaml``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from reprise.settings.base import Strict


class Diagnosis(Strict):
    """Fits beside the candidate's own, of the same family and settings; each value listed costs one."""

    sizes: list[float] = Field(
        default=[0.1, 0.2, 0.4, 0.7], description="shares of the training queries to learn from; none: no curve"
    )
    complexity: list[float] = Field(
        default=[0.25, 0.5, 2.0],
        description="multiples of how flexible the family is: of leaves or depth, or of one over the penalty",
    )
    resamples: int = Field(2, ge=0, description="fits on training queries drawn with replacement: the spread by chance")
    folds: int = Field(2, ge=0, description="parts of the training queries, each held out once; below 2: none")
    spark: Literal["brief", "full"] = Field(
        "brief",
        description="of families that Spark trains, seconds for each fit; brief: one part of the queries and no more",
    )
    seed: int = 7

    @field_validator("sizes")
    @classmethod
    def _shares(cls, sizes: list[float]) -> list[float]:
        if any(not 0 < size < 1 for size in sizes):
            raise ValueError("each size is a share of the training queries, between 0 and 1")
        return sorted(sizes)

    @field_validator("complexity")
    @classmethod
    def _multiples(cls, multiples: list[float]) -> list[float]:
        if any(multiple <= 0 for multiple in multiples):
            raise ValueError("each is a multiple of the setting, above 0")
        return sorted(multiples)
