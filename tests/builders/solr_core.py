"""A small catalogue in a core, and candidates to serve from it."""

from datetime import UTC, datetime

import numpy as np

from reprise.release import Approval, Candidate
from reprise.settings import Request
from reprise.solr import SolrClient, convert_lightgbm

WORDS = ["raga", "night", "river", "dance", "monsoon", "light", "train", "heart"]
QUERIES = [*WORDS, *(f"{first} {second}" for first in WORDS[:4] for second in WORDS[4:])]
TINY = "beh_rate_abc123"  # lives far below Solr's threshold slack
ITEMS = 300
RATES = np.random.default_rng(12).exponential(3e-6, ITEMS).astype(np.float32)  # of song:0, song:1 …
REQUEST = Request(params={})
FEATURES = [
    {"name": "title", "class": "org.apache.solr.ltr.feature.SolrFeature", "params": {"q": "{!edismax qf=title}${q}"}},
    {"name": "artist", "class": "org.apache.solr.ltr.feature.SolrFeature", "params": {"q": "{!edismax qf=artist}${q}"}},
    {"name": "engine", "class": "org.apache.solr.ltr.feature.OriginalScoreFeature", "params": {}},
    {
        "name": "popularity",
        "class": "org.apache.solr.ltr.feature.FieldValueFeature",
        "params": {"field": "popularity", "defaultValue": 0.0},
    },
    {
        "name": "rate",
        "class": "org.apache.solr.ltr.feature.FieldValueFeature",
        "params": {"field": TINY, "defaultValue": 0.0},
    },
    {"name": "intercept", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}},
]
NAMES = [feature["name"] for feature in FEATURES]


def approval():
    return Approval("mira", datetime.now(UTC).isoformat(), "report-1")


def client_of(core_url, kind=SolrClient):
    base, _, core = core_url.rpartition("/")
    return kind([base], core)


def fill(client, behaviour=True):
    """Index the catalogue, with a behaviour field updated in place unless told otherwise; returns the client."""
    random = np.random.default_rng(11)
    documents = [
        {
            "id": f"song:{number}",
            "entity": "song",
            "title": " ".join(random.choice(WORDS, 4)),
            "artist": " ".join(random.choice(WORDS, 2)),
            "popularity": float(np.float32(random.random())),
        }
        for number in range(ITEMS)
    ]
    client.add(documents)
    if not behaviour:
        return client
    missing = client.update_fields((f"song:{n}", {TINY: float(rate)}) for n, rate in enumerate(RATES))
    assert missing == []
    return client


def linear_candidate(popularity=3.0, **changes):
    """Return a candidate that ranks mostly by popularity (negative: by unpopularity)."""
    weights = {"title": 0.31, "artist": -0.17, "engine": 0.05, "popularity": popularity, "rate": 1e4, "intercept": 0.1}
    model = {
        "class": "org.apache.solr.ltr.model.LinearModel",
        "features": [{"name": name} for name in NAMES],
        "params": {"weights": weights},
    }
    return candidate("linear", model, **changes)


def trees_candidate(vectors, rounds=60):
    """Return a candidate of LightGBM trees trained on vectors as Solr logged them (columns: NAMES)."""
    import lightgbm

    target = np.log(vectors[:, NAMES.index("rate")] + 1e-9) + 5 * vectors[:, NAMES.index("popularity")] ** 2
    data = lightgbm.Dataset(vectors.copy(), target.copy(), feature_name=NAMES, params={"verbose": -1})
    parameters = {"verbose": -1, "num_leaves": 15, "min_data_in_leaf": 3, "use_missing": False, "num_threads": 1}
    export = convert_lightgbm(lightgbm.train(parameters, data, rounds).model_to_string())
    assert export.misrouted(vectors, NAMES) == 0
    return candidate("lambdamart", export.model)


def candidate(family, model, **changes):
    fields = {
        "family": family,
        "model_json": model,
        "features": FEATURES,
        "rq_efi": {"q": "$q"},
        "rerank_docs": 100,
        "behaviour_fields": [TINY],
        "mlflow_run_id": "run-1",
        "trained_until": "2026-09-14",
    }
    return Candidate(**{**fields, **changes})
