"""LightGBM's trees: a text model, or the JSON of its dump."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reprise.errors import UsageError
from reprise.solr.convert.damage import whole
from reprise.solr.convert.names import chosen
from reprise.solr.convert.trees import Grove, Node, TreesExport


def convert_lightgbm(text: str, names: Sequence[str] | None = None) -> TreesExport:
    """Return the Solr model of ``Booster.model_to_string`` or of ``json.dumps(Booster.dump_model())``: the raw score.

    An objective's link (logistic, log) is not applied: it is monotone, so the order is the same. A random forest's
    trees weigh one over their number. Splits on categories, linear leaves, several classes, and any treatment of
    missing values other than "NaN counts as 0" are UsageErrors. ``names`` replace the model's own.
    """
    dump = _dump(text)
    with whole("LightGBM dump", "dump the model anew by dump_model()"):
        _refuse_shape(dump)
        grove = Grove(chosen(names, dump["feature_names"], len(dump["feature_names"])))
        trees = dump["tree_info"]
        for info in trees:
            grove.add(_node(info["tree_structure"], grove), 1.0 / len(trees) if dump["average_output"] else 1.0)
    return grove.export()


def _dump(text: str) -> dict[str, Any]:
    import lightgbm

    if text.lstrip().startswith("{"):
        try:
            found: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"not JSON: {error}", "give what json.dumps(Booster.dump_model()) returns") from None
        return found
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise UsageError(f"not a LightGBM text model: {error}", "give what Booster.save_model wrote") from None
    return dict(booster.dump_model())


def _refuse_shape(dump: Mapping[str, Any]) -> None:
    if dump["num_class"] > 1 or dump["num_tree_per_iteration"] > 1:
        raise UsageError(f"a model of {dump['num_class']} classes has no single score", "train a ranker or regressor")


def _node(node: Mapping[str, Any], grove: Grove) -> Node:
    if "leaf_coeff" in node:
        raise UsageError("a leaf holds a linear model (linear_tree)", "train with linear_tree=false")
    if "split_feature" not in node:
        return grove.leaf(node["leaf_value"])
    name = grove.names[node["split_feature"]]
    if node["decision_type"] != "<=":
        raise UsageError(f"{name!r} is split by category, which Solr cannot", "encode it as numbers before training")
    if node["missing_type"] == "NaN":
        raise UsageError(
            f"a split on {name!r} treats missing values apart", "fill them and train with use_missing=false"
        )
    if node["missing_type"] == "Zero":
        raise UsageError(f"a split on {name!r} takes 0 as missing", "train with zero_as_missing=false")
    left, right = _node(node["left_child"], grove), _node(node["right_child"], grove)
    return grove.split(node["split_feature"], float(node["threshold"]), left, right)
