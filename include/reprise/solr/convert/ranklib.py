"""RankLib's models as it saves them: ensembles of trees (XML after ``##`` lines), and its two linear rankers.

Source: ``Ensemble``, ``Split``, ``RFRanker``, ``CoorAscent`` and ``LinearRegRank`` of RankLib 2.x.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from reprise.errors import UsageError
from reprise.solr.convert.damage import whole
from reprise.solr.convert.linear import LinearExport, convert_linear
from reprise.solr.convert.names import chosen
from reprise.solr.convert.trees import Grove, Row, TreesExport, grown
from reprise.solr.numbers import parse_float32

_LINEAR = ("Coordinate Ascent", "Linear Regression")
_SAVED = "give what RankLib's -save wrote"


def convert_ranklib(text: str, names: Sequence[str] | None = None) -> TreesExport | LinearExport:
    """Return the Solr model of a saved RankLib ranker; its trees go left where ``x <= t`` in float32, as Solr's do.

    MART and LambdaMART give the sum of their weighted trees, random forests the mean of their bags, Coordinate Ascent
    and linear regression a weighted sum. RankLib numbers features from 1: ``names`` are those of 1, 2, …; without them
    f1, f2, … as far as they are used. What ``-norm`` did to the features is not in the file: feed features as RankLib
    saw them. Other rankers are UsageErrors.
    """
    kind, body = _parts(text)
    if "<ensemble" in body:
        return _trees(body, names)
    if kind in _LINEAR:
        return _linear(body, names)
    known = ", ".join(("MART", "LambdaMART", "Random Forests", *_LINEAR))
    raise UsageError(
        f"RankLib's {kind or 'nameless'} model is no ensemble of trees and not linear", f"train one of: {known}"
    )


def _parts(text: str) -> tuple[str, str]:
    """Return the ranker's name, from the first ``##`` line, and what is not such a line."""
    lines = text.splitlines()
    comments = [line.lstrip("# ").strip() for line in lines if line.startswith("##")]
    return comments[0] if comments else "", "\n".join(line for line in lines if not line.startswith("##"))


def _linear(body: str, names: Sequence[str] | None) -> LinearExport:
    """Read ``1:0.25 2:-0.5``; number 0 is the constant."""
    try:
        weights = {int(number): float(weight) for number, weight in (pair.split(":") for pair in body.split())}
    except ValueError:
        raise UsageError("the weights cannot be read: they are not number:weight", _SAVED) from None
    intercept = weights.pop(0, 0.0)
    numbered = _names(names, max(weights, default=1))
    return convert_linear({numbered[number - 1]: weight for number, weight in sorted(weights.items())}, intercept)


def _trees(body: str, names: Sequence[str] | None) -> TreesExport:
    if "<!" in re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL):
        raise UsageError("the XML declares a document type or entities", "give what RankLib itself saved")
    try:
        bags = ElementTree.fromstring(f"<bags>{body}</bags>").findall("ensemble")
    except ElementTree.ParseError as error:
        raise UsageError(f"not a RankLib ensemble: {error}", _SAVED) from None
    with whole("RankLib ensemble", _SAVED):
        found = [
            (float(parse_float32(tree.attrib["weight"])) / len(bags), _rows(tree))
            for bag in bags
            for tree in bag.findall("tree")
        ]
    used = [row[0] + 1 for _, rows in found for row in rows.values() if isinstance(row, tuple)]
    grove = Grove(_names(names, max(used, default=1)))
    for weight, rows in found:
        grove.add(grown(grove, rows, 0), weight)
    return grove.export()


def _names(given: Sequence[str] | None, used: int) -> list[str]:
    """Return names of the features from 1 to the greatest used, or to the last that is given."""
    return chosen(given, [], max(used, len(given or [])), first=1)


def _rows(tree: ElementTree.Element) -> dict[int, Row]:
    """Return a tree's nodes by number: the order in which they are met."""
    rows: dict[int, Row] = {}
    pending = [(tree.find("split"), 0)]
    free = 1
    while pending:
        node, number = pending.pop()
        if node is None:
            raise ValueError("a split without both branches")
        output = node.findtext("output")
        if output is not None:
            rows[number] = float(parse_float32(output))
            continue
        sides = {child.attrib.get("pos"): child for child in node.findall("split")}
        feature, threshold = int(node.findtext("feature", "")), parse_float32(node.findtext("threshold", ""))
        if feature < 1:
            raise ValueError(f"feature {feature}: RankLib counts from 1")
        rows[number] = (feature - 1, float(threshold), free, free + 1)
        pending += [(sides.get("left"), free), (sides.get("right"), free + 1)]
        free += 2
    return rows
