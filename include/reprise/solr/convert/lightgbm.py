"""LightGBM's trees: a text model, or the JSON of its dump. LightGBM itself ends the process where a text is cut."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reprise.errors import UsageError
from reprise.solr.convert.damage import whole
from reprise.solr.convert.names import chosen
from reprise.solr.convert.trees import Grove, Node, Row, TreesExport, grown

# The bits of a split's decision_type in the text model.
_CATEGORY, _MISSING = 1, {0: "None", 4: "Zero", 8: "NaN"}
_REMEDY = "give what Booster.save_model wrote, or dump_model() as JSON"


def convert_lightgbm(text: str, names: Sequence[str] | None = None) -> TreesExport:
    """Return the Solr model of ``Booster.model_to_string`` or of ``json.dumps(Booster.dump_model())``: the raw score.

    An objective's link (logistic, log) is not applied: it is monotone, so the order is the same. A random forest's
    trees weigh one over their number. Splits on categories, linear leaves, several classes, and any treatment of
    missing values other than "NaN counts as 0" are UsageErrors. ``names`` replace the model's own.
    """
    with whole("LightGBM model", _REMEDY):
        return _from_dump(json.loads(text), names) if text.lstrip().startswith("{") else _from_text(text, names)


def _from_dump(dump: Mapping[str, Any], names: Sequence[str] | None) -> TreesExport:
    _refuse_classes(dump["num_class"], dump["num_tree_per_iteration"])
    grove = Grove(chosen(names, dump["feature_names"], len(dump["feature_names"])))
    trees = dump["tree_info"]
    for info in trees:
        grove.add(_node(info["tree_structure"], grove), 1.0 / len(trees) if dump["average_output"] else 1.0)
    return grove.export()


def _from_text(text: str, names: Sequence[str] | None) -> TreesExport:
    """Read the text model: a header, and a block of lists for each tree, in bytes as the header's tree_sizes say."""
    body, end, _ = text.partition("end of trees\n")
    header, *blocks = re.split(r"^(?=Tree=)", body, flags=re.MULTILINE)
    fields = _fields(header)
    sizes = [int(size) for size in fields["tree_sizes"].split()]
    if not end or sizes != [len(block.encode()) for block in blocks]:
        raise UsageError("the LightGBM model is cut or was edited: its trees are not as long as it says", _REMEDY)
    _refuse_classes(int(fields["num_class"]), int(fields["num_tree_per_iteration"]))
    own = fields["feature_names"].split(" ")
    grove = Grove(chosen(names, own, int(fields["max_feature_idx"]) + 1))
    for block in blocks:
        weight = 1.0 / len(blocks) if "average_output" in fields else 1.0
        grove.add(grown(grove, _rows(_fields(block), grove), 0), weight)
    return grove.export()


def _fields(block: str) -> dict[str, str]:
    """Return the lines ``key=value``; a key alone, such as average_output, has no value."""
    return {key: value for key, _, value in (line.partition("=") for line in block.splitlines())}


def _rows(tree: Mapping[str, str], grove: Grove) -> dict[int, Row]:
    """Return a tree's nodes by number, leaves after the splits: LightGBM writes leaf n as child -n - 1."""
    if int(tree.get("is_linear", "0")):
        raise UsageError("a leaf holds a linear model (linear_tree)", "train with linear_tree=false")
    leaves = [float(value) for value in tree["leaf_value"].split()]
    splits = len(leaves) - 1
    if int(tree["num_leaves"]) != len(leaves):
        raise UsageError(f"a tree has {len(leaves)} leaves, not {tree['num_leaves']} as it says", _REMEDY)
    rows: dict[int, Row] = {splits + number: value for number, value in enumerate(leaves)}
    if not splits:
        return rows
    columns = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    for number, (feature, threshold, kind, *sides) in enumerate(zip(*(tree[c].split() for c in columns), strict=True)):
        column, bits = int(feature), int(kind)
        _refuse_split(grove.names[column], bool(bits & _CATEGORY), _MISSING.get(bits & 12, "NaN"))
        left, right = (child if child >= 0 else splits - child - 1 for child in map(int, sides))
        rows[number] = (column, float(threshold), left, right)
    return rows


def _refuse_classes(classes: int, trees_a_round: int) -> None:
    if classes > 1 or trees_a_round > 1:
        raise UsageError(f"a model of {classes} classes has no single score", "train a ranker or regressor")


def _refuse_split(name: str, by_category: bool, missing: str) -> None:
    if by_category:
        raise UsageError(f"{name!r} is split by category, which Solr cannot", "encode it as numbers before training")
    if missing == "NaN":
        raise UsageError(
            f"a split on {name!r} treats missing values apart", "fill them and train with use_missing=false"
        )
    if missing == "Zero":
        raise UsageError(f"a split on {name!r} takes 0 as missing", "train with zero_as_missing=false")


def _node(node: Mapping[str, Any], grove: Grove) -> Node:
    if "leaf_coeff" in node:
        raise UsageError("a leaf holds a linear model (linear_tree)", "train with linear_tree=false")
    if "split_feature" not in node:
        return grove.leaf(float(node["leaf_value"]))
    _refuse_split(grove.names[node["split_feature"]], node["decision_type"] != "<=", node["missing_type"])
    left, right = _node(node["left_child"], grove), _node(node["right_child"], grove)
    return grove.split(node["split_feature"], float(node["threshold"]), left, right)
