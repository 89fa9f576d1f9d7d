"""The tables between stages: one schema each, checked wherever a table is written.

Names and order are the contract; every stage writes exactly these columns. ``dt`` is the UTC day a journey
began. Partition columns are in the rows too, so that a file stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from reprise.errors import RepriseError

_text, _int, _float, _bool = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_time = pa.timestamp("us", tz="UTC")


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


#: One settled search (the last prefix the listener stopped at).
searches = _schema(
    dt=_text, search_id=_text, journey_id=_text, user=_text, ts=_time,
    query=_text,  # as typed
    q=_text,  # minimally normalised: NFKC, lower case, single spaces
    surface=_text, scope=_text, language=_text,
    ranker=_text,  # who ordered the answer: release number or the name the application logged
    swapped=_int,  # upper position of an adjacent swap made on purpose; 0 none
    keystrokes=_int,  # prefixes collapsed into this search
    reformulated=_bool,  # follows an unsuccessful search of the same journey
)  # fmt: skip

#: One item shown in one settled search.
impressions = _schema(
    dt=_text, search_id=_text, journey_id=_text, user=_text, ts=_time, q=_text,
    surface=_text, scope=_text, ranker=_text, swapped=_int,
    item=_text, position=_int,  # 1 is the top
    clicked=_bool, seconds=_float, saved=_bool,
    utility=_float,  # 0..1; null where a click's play is missing (unknown, not zero)
    prefix_weight=_float,  # 1 for the settled search; less for an earlier prefix credited with the final item
)  # fmt: skip

#: A raw record that could not be used, verbatim.
rejects = _schema(dt=_text, source=_text, file=_text, reason=_text, raw=_text)

#: How many raw records of a source ended where: ``used``, ``dropped:<reason>`` or ``rejected:<reason>``.
#: Of the raw records in a day's files: ``late`` ones began before that day.
log_counts = _schema(dt=_text, source=_text, fate=_text, records=_int, late=_int)

#: Searches for a query on a day. ``listeners`` has one bit set for each of 63 groups of them that searched it: ored
#: over days of one user key and counted, there were at least so many listeners, and nobody can be told from it.
query_stats = _schema(dt=_text, q=_text, language=_text, searches=_int, listeners=_int)

#: Per day, query, item and how it was shown. Impressions whose utility is unknown (a click without a play record)
#: are in none of these sums: not in ``impressions``, not in ``clicks``; unknown is not zero.
query_item_stats = _schema(
    dt=_text, q=_text, item=_text, position=_int, ranker=_text, surface=_text, scope=_text, swapped=_int,
    impressions=_float, clicks=_float, utility_sum=_float, utility_sq_sum=_float,
    user_days=_int,
)  # fmt: skip

#: All plays of an item on a day; organic means not caused by a search.
item_stats = _schema(
    dt=_text, item=_text, plays=_int, organic_plays=_int, skips=_int, completions=_int,
    listeners=_int, saves=_int, search_utility_sum=_float, search_plays=_int,
)  # fmt: skip

journey_stats = _schema(
    dt=_text, scope=_text, ranker=_text, surface=_text, user_bucket=_int,
    journeys=_int, score_sum=_float, score_sq_sum=_float, successes=_int, bounces=_int,
    time_to_success_s_sum=_float, keystrokes_sum=_int,
)  # fmt: skip

#: Examination probability by position, position 1 = 1; ``theta_variant``: measured | one | assumed | steep, and em,
#: which only checks the measured one.
propensities = _schema(
    theta_variant=_text,
    surface=_text,  # empty: of all surfaces that have no curve of their own
    position=_int, theta=_float,
    low=_float, high=_float,  # the 95 % interval; null where nothing was measured
    trust=_float,  # what the position brings by itself, per impression; 0 unless that was measured
    pairs=_int, method=_text,
)  # fmt: skip

#: What listeners wanted: one row per block, θ variant, query group and item that was shown there.
judgments = _schema(
    block=_text, theta_variant=_text, query_group=_text, item=_text,
    g=_float,  # expected consumption if examined, 0..1
    grade=_int, impressions=_float, utility_sum=_float, examination_sum=_float,
    trust_sum=_float,  # of the utility, what the positions brought by themselves; 0 unless that was measured
    error=_float,  # standard error of g
    graders=_int,  # experts whose word is in the sums; 0: listeners alone
)  # fmt: skip

#: Spellings that share a fold key, of keys with several: which are one query, and why.
query_variants = _schema(
    q=_text, query_group=_text,
    compared_with=_text,  # the key's most searched spelling that was answered
    overlap=_float,  # share of their most shown items in common; null where it was never answered
    pooled=_bool, searches=_int,
)  # fmt: skip

#: What experts say of an item for a query, 0 to 4; ``purpose``: teach | test, one of them for all of a query group.
expert_grades = _schema(
    query=_text, query_group=_text, item=_text, grade=_int, grader=_text, graded_at=_text, comment=_text,
    source=_text,  # the file it was imported from
    purpose=_text,
)  # fmt: skip

#: One row per query group and block: the text sent to Solr for it and how often it was searched there.
query_groups = _schema(
    block=_text, query_group=_text, query=_text, searches=_int, language=_text,
    segment=_text,  # head | torso | tail by traffic in the block
    seen_before=_bool,  # searched in an earlier block of the window
    users=_int,  # at least so many listeners searched it in the block; few of them: its text stays in the lake
    lists=_float,  # how often its results stood before a listener: searches, and displayed prefixes by their weight
)  # fmt: skip


def training_set(feature_names: list[str]) -> pa.Schema:
    """Return the schema of the training set for these features (float32, as Solr has them)."""
    fixed = _schema(
        block=_text, role=_text,  # train | validation | test
        query_group=_text, query=_text, item=_text,
        engine_rank=_int,  # 1-based place in the engine's own top reRankDocs; 0 = not retrieved (unreachable)
        judged=_bool,  # False: retrieved, never shown in the block
        g=_float,  # null where unjudged
        grade=_int, weight=_float, traffic=_int,
    )  # fmt: skip
    for name in feature_names:
        fixed = fixed.append(pa.field(name, pa.float32()))
    return fixed


def retrieved(request: Sequence[str], feature_names: list[str]) -> pa.Schema:
    """Return the schema of what Solr answered: a request's own columns, and of each item it found the features."""
    known = [pa.field(name, _text) for name in (*request, "item")]
    features = [pa.field(name, pa.float32()) for name in feature_names]
    return pa.schema([*known, pa.field("engine_rank", _int), *features])


def behaviour(fields: list[str]) -> pa.Schema:
    """Return the schema of what Solr is to serve of each item, as of the day of its partition."""
    return pa.schema([pa.field("item", _text), *(pa.field(name, pa.float32()) for name in fields)])


#: model × block × θ variant × unjudged policy × query group → metric values, with traffic and segments.
scores = _schema(
    model=_text,  # engine_order | popularity | champion | linear | lambdamart
    block=_text, role=_text, theta_variant=_text,
    unjudged=_text,  # judged_only | zero | prior
    query_group=_text, metric=_text, value=_float,
    traffic=_int, segment=_text, language=_text, seen_before=_bool,
    length=_text,  # of the query's text, in words
    item_type=_text, release=_text,  # of the item that listeners wanted most: song, …; new release | older
)  # fmt: skip


def check(name: str, schema: pa.Schema, expected: pa.Schema) -> None:
    """Ensure a frame's columns are exactly the table's; every difference is named at once."""
    have = {field.name: field.type for field in schema}
    want = {field.name: field.type for field in expected}
    wrong = [f"missing {n}" for n in want if n not in have] + [f"unexpected {n}" for n in have if n not in want]
    wrong += [f"{n} is {have[n]}, must be {want[n]}" for n in want if n in have and have[n] != want[n]]
    if wrong:
        raise RepriseError(f"table {name} does not fit its schema: {'; '.join(wrong)}", "mend the stage that writes it")
