"""Random RankLib models in its own text form, and what RankLib 2.x computes of them, by its ``Ensemble.eval``."""

from xml.etree import ElementTree

import numpy as np

LAMBDAMART = "## LambdaMART\n## No. of trees = {trees}\n## No. of leaves = 8\n## Learning rate = 0.1\n\n"
FOREST = "## Random Forests\n## No. of bags = {trees}\n## Sub-sampling = 1.0\n\n"


def ensemble(random, features, trees, values, weight="0.1", depth=4):
    """Return an ``<ensemble>``; thresholds are drawn from ``values``, written as Java writes floats."""
    lines = ["<ensemble>"]
    for number in range(trees):
        lines += [f'\t<tree id="{number + 1}" weight="{weight}">', "\t\t<split>"]
        lines += [*_inside(random, features, values, depth), "\t\t</split>", "\t</tree>"]
    return "\n".join([*lines, "</ensemble>", ""])


def _inside(random, features, values, depth):
    if depth == 0 or random.random() < 0.15:
        return [f"<output>{float(np.float32(random.normal()))!r} </output>"]
    feature, threshold = random.integers(1, features + 1), np.float32(random.choice(values))
    lines = [f"<feature>{feature} </feature>", f"<threshold> {str(threshold).replace('e', 'E')} </threshold>"]
    for side in ("left", "right"):
        lines += [f'<split pos="{side}">', *_inside(random, features, values, depth - 1), "</split>"]
    return lines


def ranklib_scores(text, rows):
    """Return RankLib's score of each row: a float sum of double products; bags are averaged in double."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    bags = ElementTree.fromstring(f"<all>{body}</all>").findall("ensemble")
    found = []
    for row in rows:
        totals = []
        for bag in bags:
            total = np.float32(0)
            for tree in bag:
                product = float(_leaf(tree[0], row)) * float(np.float32(tree.attrib["weight"]))
                total = np.float32(float(total) + product)
            totals.append(float(total))
        found.append(sum(totals) / len(totals))
    return np.array(found)


def _leaf(split, row):
    """RankLib reads children by place: feature, threshold, left, right; or the output alone."""
    while split[0].tag == "feature":
        left = row[int(split[0].text) - 1] <= np.float32(split[1].text.strip())
        split = split[2] if left else split[3]
    return np.float32(split[0].text.strip())
