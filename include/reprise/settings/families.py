"""Families of rankers in ``gate.yaml``: one block of settings each, under the family's name."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, field_validator

from reprise.settings.base import Strict

Family = Literal[
    "linear", "poisson", "gamma", "tweedie", "logistic", "pairwise", "forest", "lambdamart", "xendcg", "blend"
]  # fmt: skip
FAMILIES: tuple[str, ...] = get_args(Family)


class Ridge(Strict):
    """A weighted sum of standardised features, or of their first principal components (Spark ML)."""

    ridge: float = Field(0.01, ge=0, description="strength of the penalty on squared weights")
    components: int | None = Field(None, ge=1, description="of a PCA that the regression sees; none: all features")


class Lasso(Ridge):
    """The same where Spark ML can also drop features: ridge and lasso together are the elastic net."""

    lasso: float = Field(0.0, ge=0, description="strength of the penalty on absolute weights, which makes some 0")


class Linear(Lasso):
    """Least squares of expected consumption."""


class Gamma(Ridge):
    """Gamma regression, log link: it knows no zero."""

    floor: float = Field(0.01, gt=0, description="what an item that nobody consumed counts as")


class Tweedie(Ridge):
    """Tweedie regression, log link: many zeros, and a skewed rest."""

    power: float = Field(1.5, gt=1, lt=2, description="of the mean that the variance grows with")


class Pairwise(Lasso):
    """Logistic regression of which of two items of a query is consumed more."""

    ridge: float = Field(0.001, ge=0, description="strength of the penalty on squared weights")
    pairs_per_item: int = Field(5, ge=1, description="items that each item is set against, drawn among the worse ones")
    seed: int = 7


class Forest(Strict):
    """A random forest of regression trees (Spark ML); every tree is exported exactly."""

    trees: int = Field(60, ge=1)
    depth: int = Field(7, ge=1, le=30)
    min_rows_per_leaf: int = Field(10, ge=1)
    features_share: float = Field(0.5, gt=0, le=1, description="of the features, drawn anew for each split")
    rows_share: float = Field(0.7, gt=0, le=1, description="of the rows, drawn anew for each tree")
    bins: int = Field(64, ge=2, description="values of a feature that are tried as thresholds")
    seed: int = 7


class LightGbm(Strict):
    """LambdaMART's settings; every tree is exported exactly."""

    trees: int = Field(200, ge=1)
    leaves: int = Field(15, ge=2)
    learning_rate: float = Field(0.07, gt=0)
    min_rows_per_leaf: int = Field(30, ge=1)
    features_share: float = Field(1.0, gt=0, le=1, description="of the features, drawn anew for each tree")
    early_stopping_rounds: int = Field(25, ge=1)
    newness: float = Field(0.0, ge=0, le=1, description="share of the label that is given for being a new release")
    seed: int = 7
    engine: Literal["lightgbm", "xgboost"] = Field(
        "lightgbm",
        description="lightgbm: on one machine; xgboost: on as many as there are workers, and slower on few rows",
    )
    workers: int = Field(2, ge=1, description="of xgboost: executors, each with its share of the rows")
    worker_cores: int = Field(1, ge=1, description="of each worker")


class Blend(Strict):
    """A weighted sum of two families of trees, which is one model of trees again."""

    of: list[Literal["forest", "lambdamart", "xendcg"]] = Field(
        default=["lambdamart", "xendcg"], min_length=2, max_length=2, description="trained by their own settings"
    )
    share: float | None = Field(
        None, ge=0, le=1, description="of the first, both scaled to the same spread; none: what validation likes best"
    )

    @field_validator("of")
    @classmethod
    def _two(cls, of: list[str]) -> list[str]:
        if of[0] == of[1]:
            raise ValueError("a blend of a family with itself is that family: name two")
        return of
