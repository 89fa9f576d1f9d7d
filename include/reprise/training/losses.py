"""What a weighted sum of features may be fitted by; each loss is one of Spark ML's own estimators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from reprise.settings.families import Gamma, Lasso, Linear, Pairwise, Ridge, Tweedie
from reprise.training.data import Floats
from reprise.training.standardised import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: How the sum stands to expected consumption g: g itself, log g, the log-odds of g, or its order alone.
Link = Literal["identity", "log", "logit", "order"]


@dataclass(frozen=True)
class Fit:
    """Weights of the columns of ``x``, the constant, and what the estimator says of itself."""

    weights: Floats
    intercept: float
    notes: dict[str, float]


@dataclass(frozen=True)
class Loss:
    """``fit``: from rows with key, x, target and weight, and the family's block of a gate."""

    link: Link
    fit: Callable[[DataFrame, Any], Fit]


def _squared(rows: DataFrame, chosen: Linear) -> Fit:
    from pyspark.ml.regression import LinearRegression

    model = LinearRegression(
        featuresCol="x", labelCol="target", weightCol="weight", standardization=False, solver="normal",
        **_elastic_net(chosen),
    ).fit(rows)  # fmt: skip
    notes = {"r2_train": float(model.summary.r2), "rmse_train": float(model.summary.rootMeanSquaredError)}
    return Fit(model.coefficients.toArray(), float(model.intercept), notes)


def _log_link(rows: DataFrame, chosen: Ridge, **distribution: Any) -> Fit:
    """Iteratively reweighted least squares; its penalty is relative to the sum of the last step's weights."""
    from pyspark.ml.regression import GeneralizedLinearRegression

    model = GeneralizedLinearRegression(
        featuresCol="x", labelCol="target", weightCol="weight", regParam=chosen.ridge, maxIter=100, tol=1e-8,
        **distribution,
    ).fit(rows)  # fmt: skip
    explained = 1 - model.summary.deviance / model.summary.nullDeviance if model.summary.nullDeviance else 0.0
    return Fit(model.coefficients.toArray(), float(model.intercept), {"deviance_explained_train": float(explained)})


def _poisson(rows: DataFrame, chosen: Ridge) -> Fit:
    return _log_link(rows, chosen, family="poisson", link="log")


def _gamma(rows: DataFrame, chosen: Gamma) -> Fit:
    from pyspark.sql import functions as f

    lifted = rows.withColumn("target", f.greatest("target", f.lit(chosen.floor)))
    return _log_link(lifted, chosen, family="gamma", link="log")


def _tweedie(rows: DataFrame, chosen: Tweedie) -> Fit:
    return _log_link(rows, chosen, family="tweedie", variancePower=chosen.power, linkPower=0.0)


def _logistic(rows: DataFrame, chosen: Lasso) -> Fit:
    """g is the share of looks that end in consumption: each row stands for both endings, weighted by g and 1 − g."""
    from pyspark.sql import functions as f

    endings = f.array(
        f.struct(f.lit(1.0).alias("label"), (f.col("weight") * f.col("target")).alias("mass")),
        f.struct(f.lit(0.0).alias("label"), (f.col("weight") * (1 - f.col("target"))).alias("mass")),
    )
    both = rows.select("x", f.explode(endings).alias("ending")).select("x", "ending.*").where("mass > 0")
    return _classified(both, chosen, constant=True)


def _pairwise(rows: DataFrame, chosen: Pairwise) -> Fit:
    return _classified(pairs(rows, chosen), chosen, constant=False)


def pairs(rows: DataFrame, chosen: Pairwise) -> DataFrame:
    """Return differences of a query's items: ``x`` of one minus the other, ``label`` 1 if the one is consumed more.

    ``mass`` is how much more, times the lesser of the two rows' weights. Every item meets at most ``pairs_per_item``
    worse ones, drawn by a hash, and half of all pairs stand the other way round.
    """
    from pyspark.ml.functions import array_to_vector, vector_to_array
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    query, item = KEY[:2], KEY[2]
    plain = rows.withColumn("x", vector_to_array(f.col("x")))
    worse = plain.select(*query, *(f.col(name).alias(f"other_{name}") for name in (item, "x", "target", "weight")))
    drawn = f.xxhash64(*query, item, "other_item", f.lit(chosen.seed))
    met = plain.join(worse, on=list(query)).where("target > other_target").withColumn("drawn", drawn)
    order = Window.partitionBy(*KEY).orderBy("drawn", "other_item")
    kept = met.withColumn("place", f.row_number().over(order)).where(f.col("place") <= chosen.pairs_per_item)
    sign = f.when(f.col("drawn") % 2 == 0, 1.0).otherwise(-1.0)
    apart = f.zip_with("x", "other_x", lambda one, other: (one - other) * sign)
    return kept.select(
        array_to_vector(apart).alias("x"),
        ((sign + 1) / 2).alias("label"),
        ((f.col("target") - f.col("other_target")) * f.least("weight", "other_weight")).alias("mass"),
    )


def _classified(rows: DataFrame, chosen: Lasso, constant: bool) -> Fit:
    from pyspark.ml.classification import LogisticRegression

    model = LogisticRegression(
        featuresCol="x", labelCol="label", weightCol="mass", standardization=False, fitIntercept=constant,
        maxIter=200, tol=1e-8, **_elastic_net(chosen),
    ).fit(rows)  # fmt: skip
    steps = model.summary.objectiveHistory
    return Fit(model.coefficients.toArray(), float(model.intercept), {"log_loss_train": float(steps[-1])})


def _elastic_net(chosen: Lasso) -> dict[str, Any]:
    """Return Spark's way to say the two penalties: their sum, and the share of the one on absolute weights."""
    strength = chosen.ridge + chosen.lasso
    return {"regParam": strength, "elasticNetParam": chosen.lasso / strength if strength else 0.0}


LOSSES: dict[str, Loss] = {
    "linear": Loss("identity", _squared),
    "poisson": Loss("log", _poisson),
    "gamma": Loss("log", _gamma),
    "tweedie": Loss("log", _tweedie),
    "logistic": Loss("logit", _logistic),
    "pairwise": Loss("order", _pairwise),
}
#: Family → its link, of those whose loss has one; a forest averages g itself.
LINKS: dict[str, Link] = {name: loss.link for name, loss in LOSSES.items()} | {"forest": "identity"}
