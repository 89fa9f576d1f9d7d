"""RankLib's tree ensembles (MART, LambdaMART, random forests): the XML that it saves, after its ``##`` lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from reprise.errors import UsageError
from reprise.solr.convert.names import chosen
from reprise.solr.convert.trees import Grove, TreesExport, grown

_Rows = dict[int, tuple[int, float, int, int] | float]


def convert_ranklib(text: str, names: Sequence[str] | None = None) -> TreesExport:
    """Return the Solr model of a saved RankLib ensemble; it goes left where ``x <= t``, as Solr does.

    RankLib numbers features from 1: ``names`` are those of 1, 2, …; without them f1, f2, … as far as trees use them.
    Trees that are averaged (several ensembles in one file, a random forest) and other rankers are UsageErrors.
    """
    body = "\n".join(line for line in text.splitlines() if not line.startswith("##"))
    if "<!" in re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL):
        raise UsageError("the XML declares a document type or entities", "give what RankLib itself saved")
    if body.count("<ensemble") > 1:
        raise UsageError("a random forest averages its ensembles, Solr adds trees", "train with LambdaMART or MART")
    try:
        ensemble = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise UsageError(f"not a RankLib ensemble: {error}", "give what RankLib's -save wrote") from None
    trees = ensemble.findall("tree")
    if ensemble.tag != "ensemble" or not trees:
        raise UsageError("not a RankLib ensemble: it has no trees", "give what RankLib's -save wrote")
    try:
        found = [(float(tree.attrib["weight"]), _rows(tree)) for tree in trees]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"a tree cannot be read: {error!r}", "give what RankLib's -save wrote") from None
    used = max((row[0] + 1 for _, rows in found for row in rows.values() if isinstance(row, tuple)), default=1)
    grove = Grove(chosen(names, [], len(names) if names and len(names) >= used else used, first=1))
    for weight, rows in found:
        grove.add(grown(grove, rows, 0), weight)
    return grove.export()


def _rows(tree: ElementTree.Element) -> _Rows:
    """Return a tree's nodes by number: the order in which they are met."""
    root = tree.find("split")
    rows: _Rows = {}
    pending = [(root, 0)]
    free = 1
    while pending:
        node, number = pending.pop()
        if node is None:
            raise ValueError("a split without both branches")
        output = node.findtext("output")
        if output is not None:
            rows[number] = float(output)
            continue
        sides = {child.attrib.get("pos"): child for child in node.findall("split")}
        feature, threshold = int(node.findtext("feature", "")), float(node.findtext("threshold", ""))
        if feature < 1:
            raise ValueError(f"feature {feature}: RankLib counts from 1")
        rows[number] = (feature - 1, threshold, free, free + 1)
        pending += [(sides.get("left"), free), (sides.get("right"), free + 1)]
        free += 2
    return rows
