"""Vectors that tell models apart: values at a model's thresholds and beside them, and floats of every odd kind."""

import numpy as np

SLACK = np.float32(1e-6)
ODD = [
    0.0, -0.0, 1e-45, -1e-45, 1e-38, 1e-7, -1e-7, 1e-6, 2e-6, -1e-6, 0.5, 31.0, 32.0, 16777217.0, -16777217.0,
    1e9 + 1, 3.4028235e38, -3.4028235e38,
]  # fmt: skip
NOT_FINITE = [float("inf"), float("-inf"), float("nan")]


def thresholds(model):
    """Return, for each feature of a Solr tree model, the last values that go left."""
    found = {feature["name"]: [] for feature in model["features"]}
    pending = [tree["root"] for tree in model["params"]["trees"]]
    while pending:
        node = pending.pop()
        if "value" not in node:
            found[node["feature"]].append(np.float32(node["threshold"]) + SLACK)
            pending += [node["left"], node["right"]]
    return found


def edge_vectors(model, rows, seed=0, also=()):
    """Return float32 rows whose values are thresholds, their neighbours, and odd floats (and those in ``also``)."""
    random = np.random.default_rng(seed)
    columns = []
    for last in thresholds(model).values():
        at = np.array(last, np.float32)
        with np.errstate(over="ignore"):
            up, down = (np.nextafter(at, np.float32(side)) for side in (np.inf, -np.inf))
        values = np.concatenate([at, up, down, at + SLACK, at - SLACK, np.array([*ODD, *also], np.float32)])
        finite = values[np.isfinite(values) | np.isin(values, also) | (np.isnan(values) & bool(len(also)))]
        columns.append(random.choice(finite, rows))
    return np.stack(columns, axis=1)


def assert_same_scores(actual, expected):
    """Hold two scores to float32's rounding, and to one order wherever they are further apart than that."""
    scale = max(np.abs(expected).max(), 1e-30)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * scale)
    order = np.argsort(expected)
    apart = np.diff(expected[order]) > 4e-6 * scale
    assert apart.any()
    assert (np.diff(actual[order])[apart] > 0).all()
