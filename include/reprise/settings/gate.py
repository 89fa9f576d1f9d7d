"""``gate.yaml``: blocks, families, position bias, policy, reviewers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from reprise.settings.base import Strict
from reprise.settings.diagnosis import Diagnosis
from reprise.settings.families import Blend, Family, Forest, Gamma, Lasso, LightGbm, Linear, Pairwise, Ridge, Tweedie
from reprise.settings.golden import Golden
from reprise.settings.monitor import Monitor
from reprise.settings.tuning import Tuning, check_space


class Blocks(Strict):
    """Days per block, counted back from the as-of day; what is left over at the front is history."""

    test_days: int = Field(7, ge=1, le=7)
    validation_days: int = Field(7, ge=1, le=7)
    train_block_days: int = Field(7, ge=1)
    min_history_days: int = Field(2, ge=0)


class Theta(Strict):
    """Position bias: how it is measured, and the curves used where it cannot be."""

    method: Literal["all_pairs", "adjacent", "given"] = Field(
        "all_pairs", description="contrasts of all positions, or of neighbours alone; given: take `assumed` as it is"
    )
    assumed: list[float] = Field(default=[1.0, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.17, 0.15, 0.13])
    trust: bool = Field(
        False, description="measure too what a position brings by itself, and take it off: affine correction"
    )
    steep_power: float = Field(1.5, gt=1)
    clip: float = Field(0.02, gt=0, lt=1)
    min_pairs: int = Field(30, ge=1, description="contrasts (query, item, day) of each position with higher ones")
    min_surface_pairs: int | None = Field(
        300, ge=1, description="with so many for each position a surface has a curve of its own; none: never"
    )
    resamples: int = Field(200, ge=0, description="of the queries, for the interval of each θ")
    pool_from: int | None = Field(
        None, ge=2, description="from this position down, neighbouring steps are pooled up to min_pairs; none: nowhere"
    )


class Judging(Strict):
    """The prior of a judgment, and the absolute cuts of its grades 0–4."""

    prior_weight: float = Field(2.0, ge=0)
    min_overlap: float = Field(
        0.3, ge=0, le=1, description="of most shown items that two spellings need in common to be one query; 0: none"
    )
    top_results: int = Field(10, ge=1, description="how many most shown items are compared")
    expert_looks: float = Field(
        5.0, ge=0, description="how many looks of listeners the experts' word on a pair weighs; 0: none"
    )
    expert_worth: list[float] = Field(
        default=[0.0, 0.1, 0.2, 0.4, 0.8], min_length=5, max_length=5, description="consumption per look, by grade 0–4"
    )
    grade_cuts: list[float] = Field(default=[0.05, 0.15, 0.3, 0.5], min_length=4, max_length=4)


class Selection(Strict):
    """How features are selected: on train and validation rows; the test block is never looked at."""

    repeats_from: float = Field(0.9, gt=0, le=1, description="mean |ρ| from which features are of one cluster")
    halves: int = Field(50, ge=2, description="of the queries, for stability selection")
    chosen: int = Field(10, ge=1, description="features that each half may choose")
    allowed_loss: float = Field(0.005, ge=0, description="of the deciding metric, by leaving features out")
    confidence: float = Field(0.95, gt=0.5, lt=1)
    latency_searches: int = Field(100, ge=1, description="frequent queries that each subset is timed with")


class Policy(Strict):
    """What the gate demands; every comparison is paired by query."""

    confidence: float = Field(0.95, gt=0.5, lt=1)
    min_gain: float = Field(0.0, ge=0, description="the interval's lower end must lie above this")
    baseline_margin: float = Field(0.0, ge=0)
    resamples: int = Field(2000, ge=100)
    min_queries: int = Field(100, ge=2)
    head_queries: int = Field(50, ge=0, description="a fixed stratum: always all of them, with their labels' noise")
    simpler_within: float = Field(
        1.0,
        ge=0,
        description="where settings were searched for: paired standard errors behind the best, up to which one at "
        "a tenth of its cost is tested in its place",
    )
    refresh_after_days: int = Field(
        28, ge=1, description="age of what the champion learned from its last, from which its own recipe may replace it"
    )
    refresh_margin: float = Field(
        0.005, ge=0, description="of the deciding metric: by how much a refresh might at most be worse"
    )
    segment_margin: float = Field(0.01, ge=0, description="of the deciding metric: what a segment may lose at most")
    segment_floor: float = Field(
        0.02, ge=0, le=1, description="share of searches from which a segment's loss stops a candidate"
    )
    consumption_margin: float = Field(
        0.02, ge=0, description="of expected consumption per search: by how much it might at most fall"
    )
    new_release_loss: float = Field(
        0.5, ge=0, le=1, description="of the looks that new releases get now: what share they may lose at most"
    )
    max_hole_rate: float = Field(
        0.25, gt=0, le=1, description="of what listeners would look at, never shown for the query: more is not judged"
    )
    max_train_gap: float = Field(0.15, gt=0, description="train minus validation, of the deciding metric")
    max_single_feature_auc: float = Field(
        0.95, gt=0.5, le=1, description="a feature that by itself tells good from bad so well may have seen the label"
    )
    max_unreachable_share: float = Field(0.5, gt=0, le=1)
    max_added_p95_ms: float = Field(100.0, ge=0, description="of a search, by reranking, as Solr measured it")
    max_added_p99_ms: float | None = Field(
        None, ge=0, description="the same of one search in a hundred; none: three times max_added_p95_ms"
    )
    max_skew_share: float = Field(0.05, ge=0, le=1, description="pairs whose feature differs between training and Solr")


class Review(Strict):
    """Who may approve, how long they have, and whether the policy asks for them at all."""

    required: bool = True
    reviewers: list[str] = Field(default_factory=list)
    timeout_hours: float = Field(72.0, gt=0)


class Gate(Strict):
    """``gate.yaml``: blocks, families, position bias, policy, reviewers."""

    blocks: Blocks = Blocks()
    features: list[str] | Literal["all", "selected"] = Field(
        "all", description="what families learn from: all, those that `reprise select --adopt` left, or these"
    )
    traffic_power: float = Field(
        0.0,
        ge=0,
        le=1,
        description="a row weighs its evidence times its query's traffic to this power; 0: all alike",
    )
    selection: Selection = Selection()
    families: list[Family] = Field(default=["linear", "lambdamart"], min_length=1)
    theta: Theta = Theta()
    judging: Judging = Judging()
    linear: Linear = Linear()
    poisson: Ridge = Ridge()
    gamma: Gamma = Gamma()
    tweedie: Tweedie = Tweedie()
    logistic: Lasso = Lasso()
    pairwise: Pairwise = Pairwise()
    forest: Forest = Forest()
    lambdamart: LightGbm = LightGbm()
    xendcg: LightGbm = LightGbm()
    blend: Blend = Blend()
    tuning: Tuning = Tuning()
    diagnosis: Diagnosis = Diagnosis()
    policy: Policy = Policy()
    review: Review = Review()
    golden: Golden = Golden()
    monitor: Monitor = Monitor()

    @model_validator(mode="after")
    def _spaces_fit(self) -> Gate:
        for family, space in self.tuning.space.items():
            check_space(family, space, type(getattr(self, family)))
        return self

    @model_validator(mode="after")
    def _engines_can(self) -> Gate:
        if self.xendcg.engine == "xgboost":
            raise ValueError("XGBoost has no rank_xendcg: leave xendcg.engine at lightgbm")
        if self.lambdamart.engine == "xgboost" and self.traffic_power:
            raise ValueError(
                "XGBoost's Spark ranker takes no weights: set traffic_power to 0, or lambdamart.engine to lightgbm"
            )
        return self
