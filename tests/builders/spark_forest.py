"""Random forests in the form that Spark ML 3.5 saves (and loads), and what Spark predicts of them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KIND = "org.apache.spark.ml.regression.RandomForestRegressionModel"
TREE = "org.apache.spark.ml.regression.DecisionTreeRegressionModel"
_STATS = pa.list_(pa.field("element", pa.float64(), nullable=False))


def _whole(name, kind):
    return pa.field(name, kind, nullable=False)


_SPLIT = pa.struct(
    [
        _whole("featureIndex", pa.int32()),
        pa.field("leftCategoriesOrThreshold", _STATS),
        _whole("numCategories", pa.int32()),
    ]
)
_NODE = pa.struct(
    [
        _whole("id", pa.int32()), _whole("prediction", pa.float64()), _whole("impurity", pa.float64()),
        pa.field("impurityStats", _STATS), _whole("rawCount", pa.int64()), _whole("gain", pa.float64()),
        _whole("leftChild", pa.int32()), _whole("rightChild", pa.int32()), pa.field("split", _SPLIT),
    ]
)  # fmt: skip


def save_forest(folder, random, features, trees, values, depth=4):
    """Write a forest whose thresholds are drawn from ``values``, doubles; return its nodes, tree by tree."""
    grown = [_grow(random, features, values, depth, []) for _ in range(trees)]
    for part in ("metadata", "data", "treesMetadata"):
        (folder / part).mkdir(parents=True)
    about = {"timestamp": 1, "sparkVersion": "3.5.9", "paramMap": {}, "defaultParamMap": {"impurity": "variance"}}
    named = {
        "class": KIND,
        "uid": "forest",
        **about,
        "paramMap": {"numTrees": trees},
        "numFeatures": features,
        "numTrees": trees,
    }
    (folder / "metadata" / "part-00000").write_text(json.dumps(named) + "\n")
    rows = [{"treeID": number, "nodeData": node} for number, nodes in enumerate(grown) for node in nodes]
    schema = pa.schema([_whole("treeID", pa.int32()), pa.field("nodeData", _NODE)])
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "data" / "part-00000.parquet")
    about_trees = [
        {"treeID": n, "metadata": json.dumps({"class": TREE, "uid": f"tree_{n}", **about}), "weights": 1.0}
        for n in range(trees)
    ]
    weighed = pa.schema(
        [_whole("treeID", pa.int32()), pa.field("metadata", pa.string()), _whole("weights", pa.float64())]
    )
    pq.write_table(pa.Table.from_pylist(about_trees, weighed), folder / "treesMetadata" / "part-00000.parquet")
    return grown


def _grow(random, features, values, depth, nodes):
    """Append a subtree in the order of a walk from the root, left first, and return all nodes."""
    node = {
        "id": len(nodes), "prediction": float(random.normal()), "impurity": 0.5, "impurityStats": [1.0, 0.0, 0.0],
        "rawCount": 1, "gain": -1.0, "leftChild": -1, "rightChild": -1,
        "split": {"featureIndex": -1, "leftCategoriesOrThreshold": [], "numCategories": -1},
    }  # fmt: skip
    nodes.append(node)
    if depth and random.random() > 0.15:
        threshold = float(random.choice(values)) * (1.0 + float(random.choice([0.0, 1e-12, -1e-12])))
        split = {"featureIndex": int(random.integers(features)), "leftCategoriesOrThreshold": [threshold]}
        node.update(split={**split, "numCategories": -1}, gain=0.1)
        for side in ("leftChild", "rightChild"):
            node[side] = len(nodes)
            _grow(random, features, values, depth - 1, nodes)
    return nodes


def forest_scores(grown, rows):
    """Return Spark's prediction of each row: the mean of the leaves, in double."""
    found = []
    for row in rows:
        total = 0.0
        for nodes in grown:
            node = nodes[0]
            while node["leftChild"] != -1:
                split = node["split"]
                left = float(row[split["featureIndex"]]) <= split["leftCategoriesOrThreshold"][0]
                node = nodes[node["leftChild"] if left else node["rightChild"]]
            total += node["prediction"]
        found.append(total / len(grown))
    return np.array(found)
