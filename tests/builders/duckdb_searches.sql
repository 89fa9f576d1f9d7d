-- The extraction's definitions as SQL, from `mapped` (one row per raw record, fields as logged) to the daily tables.
-- Times are microseconds since 1970 (`us`); a listener is the keyed hash. Constants are variables: getvariable('…').

-- == 1. Fates: every record is used, dropped for a reason, or rejected for one ==

CREATE TABLE dated AS
SELECT *, coalesce(nullif(file_day, ''), day_of(us), '') AS day_of_file, coalesce(day_of(us), file_day) AS day
FROM mapped;

CREATE TABLE records AS
WITH judged AS (
  SELECT *, CASE
    -- Whoever opted out leaves nothing behind: not even a reject. Their day is left out below.
    WHEN opted_out THEN CASE WHEN user_id IS NULL THEN 'dropped:opted out' END
    WHEN internal THEN 'dropped:internal'
    WHEN NOT utf8 THEN 'rejected:not UTF-8'
    WHEN NOT readable THEN 'rejected:unreadable'
    WHEN kind = 'event' AND action IS NULL THEN 'rejected:unknown action'
    WHEN us IS NULL THEN 'rejected:bad or missing ts'
    WHEN seconds < 0 THEN 'rejected:negative seconds'
    WHEN user_id IS NULL THEN 'rejected:missing user'
    WHEN item IS NULL AND kind IN ('event', 'play') THEN 'rejected:missing item'
    WHEN query IS NULL AND kind = 'search' THEN 'rejected:missing query'
    WHEN search_id IS NULL AND (kind = 'search' OR action IN ('click', 'impression')) THEN 'rejected:missing search_id'
    WHEN position IS NULL AND action = 'impression' THEN 'rejected:missing position'
    WHEN kind = 'search' AND trim(query, ' ') = '' THEN 'dropped:empty query'
    WHEN us >= midnight(day_of_file) + 87300000000 THEN 'dropped:clock ahead'
    WHEN us < midnight(day_of_file) - 86400000000 THEN 'dropped:too late'
  END AS fate
  FROM dated
), listeners AS (
  SELECT user_id, day, hashed(user_id, day) AS listener
  FROM (SELECT DISTINCT user_id, day FROM dated WHERE user_id IS NOT NULL)
)
SELECT judged.* EXCLUDE (user_id), listener, row_number() OVER () AS id,
  -- what makes a record the same as another of its listener and kind
  CASE WHEN kind = 'search' THEN search_id ELSE coalesce(play_id, concat_ws('|', search_id, action, item, us)) END AS key
FROM judged LEFT JOIN listeners USING (user_id, day);

-- Days of a listener that are left out whole.
CREATE TABLE left_out AS
SELECT listener, day, CASE WHEN bool_or(opted_out) THEN 'dropped:opted out' ELSE 'dropped:extreme user' END AS mark
FROM records WHERE listener IS NOT NULL GROUP BY ALL
HAVING bool_or(opted_out)
  OR count(DISTINCT key) FILTER (kind = 'search' AND fate IS NULL) > getvariable('max_searches_per_user_day');

-- Of the records with one key one is kept. Which, its text alone decides, so the order of files does not matter.
CREATE TABLE copies AS
WITH same AS (
  SELECT id, listener, kind, key, line, day_of_file, source, min(line) OVER w <> max(line) OVER w AS differ
  FROM records WHERE fate IS NULL WINDOW w AS (PARTITION BY listener, kind, key)
)
SELECT id,
  dense_rank() OVER (PARTITION BY listener, kind, key ORDER BY CASE WHEN differ THEN digest(line) END) AS text_number,
  row_number() OVER (PARTITION BY listener, kind, key, line ORDER BY day_of_file, source) AS copy_number
FROM same;

CREATE TABLE cleaned AS
SELECT records.* EXCLUDE (fate), CASE
  WHEN mark = 'dropped:opted out' THEN mark
  WHEN fate IS NOT NULL THEN fate
  WHEN copy_number > 1 THEN 'dropped:duplicate'
  WHEN text_number > 1 THEN 'dropped:duplicate id'
  ELSE mark END AS fate
FROM records LEFT JOIN left_out USING (listener, day) LEFT JOIN copies USING (id);

CREATE TABLE requests AS
SELECT id, listener, search_id, us, query, results, shown_ms, coalesce(swapped, 0) AS swapped,
  coalesce(surface, '') AS surface, coalesce(scope, '') AS scope, coalesce(language, '') AS language,
  coalesce(ranker, '') AS ranker
FROM cleaned WHERE kind = 'search' AND fate IS NULL;

-- What stood on the screen: the logged list, or else the impression events; each item once, at its top place.
CREATE TABLE shown AS
SELECT listener, search_id, item, min(position)::BIGINT AS position
FROM (
  SELECT listener, search_id, unnest(results) AS item, generate_subscripts(results, 1) AS position
  FROM requests WHERE results IS NOT NULL
  UNION ALL
  SELECT e.listener, e.search_id, e.item, e.position
  FROM cleaned e JOIN requests r USING (listener, search_id)
  WHERE e.action = 'impression' AND e.fate IS NULL AND r.results IS NULL AND e.us >= r.us
)
WHERE item IS NOT NULL GROUP BY ALL;

CREATE TABLE event_fates AS
SELECT e.id, CASE
  WHEN r.search_id IS NULL THEN 'dropped:unknown search'
  WHEN s.item IS NULL AND e.action <> 'impression' THEN 'dropped:item not shown'
  WHEN e.us < r.us THEN 'dropped:before its search' END AS lost, r.us AS search_us
FROM cleaned e LEFT JOIN requests r USING (listener, search_id) LEFT JOIN shown s USING (listener, search_id, item)
WHERE e.kind = 'event' AND e.fate IS NULL AND e.search_id IS NOT NULL;

CREATE TABLE too_many_plays AS
SELECT id, 'dropped:more plays than a listener''s' AS farmed
FROM cleaned WHERE kind = 'play' AND fate IS NULL
QUALIFY row_number() OVER (PARTITION BY listener, item, day ORDER BY us, key)
  > getvariable('max_plays_per_user_item_day');

CREATE TABLE fates AS
SELECT cleaned.* EXCLUDE (fate), search_us, coalesce(fate, lost, farmed, 'used') AS fate
FROM cleaned LEFT JOIN event_fates USING (id) LEFT JOIN too_many_plays USING (id);

-- == 2. Settled searches: prefixes less than settle_s apart collapse into the last, or into one that was acted on ==

CREATE TABLE touches AS
SELECT DISTINCT listener, search_id, item, action, us
FROM fates WHERE fate = 'used' AND search_id IS NOT NULL
  AND (action = 'click' OR (action = 'save' AND us - search_us <= getvariable('save_us')));

CREATE TABLE typed AS
SELECT *, row_number() OVER w AS n, lead(us) OVER w - us AS gap,
  gap IS NULL OR gap >= getvariable('settle_us') OR acted AS settled,
  NOT settled AND coalesce(shown_ms * 1000, gap) >= getvariable('displayed_us') AS displayed
FROM (
  SELECT requests.*, coalesce(acted, false) AS acted
  FROM requests LEFT JOIN (SELECT DISTINCT listener, search_id, true AS acted FROM touches) USING (listener, search_id)
)
WINDOW w AS (PARTITION BY listener ORDER BY us, search_id);

CREATE TABLE runs AS
SELECT t.listener, t.search_id, t.us, t.displayed, s.search_id AS settled_id
FROM typed t ASOF JOIN (SELECT listener, n, search_id FROM typed WHERE settled) s
  ON t.listener = s.listener AND t.n <= s.n;

CREATE TABLE settled AS
SELECT t.* EXCLUDE (results, acted, displayed), keystrokes, began_us
FROM typed t JOIN (
  SELECT listener, settled_id AS search_id, count(*) AS keystrokes, min(us) AS began_us FROM runs GROUP BY ALL
) USING (listener, search_id)
WHERE settled;

-- == 3. Plays, and which search each came from: the latest that showed what it was opened from ==

CREATE TABLE plays AS
SELECT *, coalesce(seconds >= listen_s, false) AS listened, CASE
  WHEN seconds >= listen_s THEN getvariable('satisfied')
    + (1 - getvariable('satisfied')) * least(1.0, (seconds - listen_s) / greatest(end_s - listen_s, 1.0))
  WHEN seconds >= getvariable('bounce_s') THEN getvariable('sampled')
  WHEN seconds IS NOT NULL THEN 0.0 END AS utility
FROM (
  SELECT listener, us, day, key AS play, item, coalesce(from_item, item) AS touch, seconds, duration,
    coalesce(autoplay, false) AS autoplay,
    least(getvariable('listen_s'), duration / 2) AS listen_s, least(getvariable('joy_cap_s'), duration) AS end_s
  FROM fates WHERE kind = 'play' AND fate = 'used'
);

CREATE TABLE repeated AS
SELECT DISTINCT p.listener, p.play, true AS repeated
FROM plays p JOIN plays a USING (listener, item)
WHERE (a.us, a.play) > (p.us, p.play) AND a.us - p.us <= getvariable('save_us') AND a.listened AND NOT a.autoplay;

CREATE TABLE last_touch AS
SELECT p.listener, p.play, p.us, p.listened AND NOT p.autoplay AS success,
  max({'us': s.us, 'search_id': s.search_id}).search_id AS search_id
FROM plays p JOIN shown i ON i.listener = p.listener AND i.item = p.touch
  JOIN settled s ON s.listener = i.listener AND s.search_id = i.search_id
    AND p.us - s.us BETWEEN 0 AND getvariable('attribution_us')
GROUP BY ALL;

-- == 4. Journeys: a listener's consecutive searches until a success, or idle_s without a search ==

CREATE TABLE successes AS
SELECT listener, us FROM last_touch WHERE success
UNION
SELECT t.listener, t.us FROM touches t JOIN settled USING (listener, search_id)
WHERE t.action = 'save' OR getvariable('clicks_only');

CREATE TABLE journeyed AS
WITH ordered AS (
  SELECT listener, search_id, us, lag(us) OVER (PARTITION BY listener ORDER BY us, search_id) AS previous FROM settled
), begun AS (
  -- What happens at the instant of a search follows from it or from one before it, so it ends that one's journey.
  SELECT o.*, o.previous IS NULL OR o.us - o.previous > getvariable('idle_us')
    OR coalesce(s.us >= o.previous, false) AS new
  FROM ordered o ASOF LEFT JOIN successes s ON o.listener = s.listener AND o.us > s.us
)
SELECT *, sum(new::INT) OVER (PARTITION BY listener ORDER BY us, search_id ROWS UNBOUNDED PRECEDING) AS journey,
  NOT new AND us - previous <= getvariable('reformulation_us') AS reformulated
FROM begun;

CREATE TABLE heads AS
SELECT listener, journey, first.search_id AS journey_id, day_of(first.us) AS dt
FROM (SELECT listener, journey, min({'us': us, 'search_id': search_id}) AS first FROM journeyed GROUP BY ALL);

CREATE TABLE searches AS
SELECT s.*, journey, reformulated, journey_id, dt
FROM settled s JOIN journeyed USING (listener, search_id) JOIN heads USING (listener, journey);

CREATE TABLE under_way AS SELECT listener, us, max(journey) AS journey FROM searches GROUP BY ALL;

-- A play counts for its search unless another journey has begun since; so does a save, as a success.
CREATE TABLE attributed AS
SELECT m.listener, m.play, m.us, m.success, s.search_id, s.journey_id
FROM last_touch m ASOF JOIN under_way u ON m.listener = u.listener AND m.us >= u.us
  JOIN searches s ON s.listener = m.listener AND s.search_id = m.search_id
WHERE s.journey = u.journey;

CREATE TABLE attributed_touches AS
SELECT t.listener, t.us, s.journey_id
FROM touches t ASOF JOIN under_way u ON t.listener = u.listener AND t.us >= u.us
  JOIN searches s ON s.listener = t.listener AND s.search_id = t.search_id
WHERE s.journey = u.journey AND (t.action = 'save' OR getvariable('clicks_only'));

-- Autoplay counts for the first track only.
CREATE TABLE credited AS
SELECT a.*, p.* EXCLUDE (listener, play, us)
FROM attributed a JOIN plays p USING (listener, play)
QUALIFY NOT autoplay
  OR row_number() OVER (PARTITION BY a.listener, a.search_id, p.touch ORDER BY a.us, a.play) = 1;

-- == 5. What the listener got from each item shown ==

CREATE TABLE outcomes AS
WITH heard AS (
  SELECT listener, search_id, touch AS item, sum(seconds) AS seconds, coalesce(sum(utility), 0) AS summed,
    bool_or(seconds IS NULL) AS partly, bool_or(coalesce(repeated, false)) AS repeated, max(us) AS played_us
  FROM credited LEFT JOIN repeated USING (listener, play) GROUP BY ALL
), touched AS (
  SELECT listener, search_id, item, bool_or(action = 'click') AS clicked, bool_or(action = 'save') AS saved,
    max(us) AS acted_us
  FROM touches GROUP BY ALL
), playable AS (SELECT DISTINCT split_part(item, ':', 1) AS entity FROM plays)
SELECT s.*, item, i.position, coalesce(clicked, false) AS clicked, seconds, coalesce(saved, false) AS saved,
  greatest(played_us, acted_us) AS touched_us, CASE
    WHEN getvariable('clicks_only') THEN coalesce(clicked, false)::DOUBLE
    WHEN saved OR repeated THEN 1.0
    WHEN played_us IS NULL AND clicked AND split_part(item, ':', 1) IN (FROM playable) THEN NULL
    WHEN played_us IS NULL THEN 0.0
    WHEN partly AND summed <= nearly_one() THEN NULL
    ELSE least(1.0, summed) END AS utility
FROM searches s JOIN shown i USING (listener, search_id)
  LEFT JOIN heard USING (listener, search_id, item) LEFT JOIN touched USING (listener, search_id, item);

CREATE TABLE journey_outcomes AS
SELECT listener, journey_id, coalesce(sum(utility), 0) AS summed, bool_or(utility IS NULL) AS partly,
  max({'us': touched_us, 'item': item, 'utility': utility}) FILTER (utility IS NULL OR utility > 0) AS final
FROM outcomes GROUP BY ALL;

CREATE TABLE all_impressions AS
SELECT dt, search_id, journey_id, listener, us, query, surface, scope, ranker, swapped, item, position, clicked,
  seconds, saved, utility, 1.0 AS prefix_weight, true AS settled
FROM outcomes WHERE dt IN (FROM days)
UNION ALL
-- A displayed prefix is credited with the item that its journey ended at.
SELECT s.dt, p.search_id, s.journey_id, p.listener, p.us, p.query, p.surface, p.scope, p.ranker, p.swapped,
  i.item, i.position, false, NULL, false,
  CASE WHEN i.item = o.final.item THEN o.final.utility ELSE 0.0 END, getvariable('displayed_weight'), false
FROM runs r JOIN typed p USING (listener, search_id)
  JOIN searches s ON s.listener = r.listener AND s.search_id = r.settled_id
  JOIN shown i ON i.listener = p.listener AND i.search_id = p.search_id
  LEFT JOIN journey_outcomes o ON o.listener = s.listener AND o.journey_id = s.journey_id
WHERE r.displayed AND s.dt IN (FROM days);

-- == 6. The tables ==

CREATE TABLE texts AS SELECT query, normalised(query) AS q FROM (SELECT DISTINCT query FROM requests);

CREATE VIEW table_searches AS
SELECT dt, search_id, journey_id, listener AS "user", make_timestamp(us) AS ts, query, q, surface, scope, language,
  ranker, swapped, keystrokes, reformulated
FROM searches JOIN texts USING (query) WHERE dt IN (FROM days);

CREATE TABLE table_impressions AS
SELECT dt, search_id, journey_id, listener AS "user", make_timestamp(us) AS ts, q, surface, scope, ranker, swapped,
  item, position, clicked, seconds, saved, utility, prefix_weight, settled
FROM all_impressions JOIN texts USING (query);

CREATE VIEW counted AS
SELECT *, coalesce(nullif(day_of_file, ''), (SELECT min(dt) FROM days)) AS dt FROM fates;

CREATE VIEW table_rejects AS
SELECT dt, source, file, fate[length('rejected:') + 1:] AS reason, coalesce(raw, line) AS raw
FROM counted WHERE starts_with(fate, 'rejected:') AND dt IN (FROM days);

CREATE VIEW table_log_counts AS
SELECT dt, source, fate, count(*) AS records, count_if(coalesce(us < midnight(nullif(file_day, '')), false)) AS late
FROM counted WHERE dt IN (FROM days) GROUP BY ALL;

-- One bit for each listener's group, of 63: which group, Spark's hash of the listener decides.
CREATE VIEW table_query_stats AS
WITH groups AS (
  SELECT listener, 1::BIGINT << ((digest(listener) % 63 + 63) % 63)::INTEGER AS listener_bit
  FROM (SELECT DISTINCT listener FROM searches)
)
SELECT dt, q, language, count(*) AS searches, bit_or(listener_bit) AS listeners
FROM searches JOIN texts USING (query) JOIN groups USING (listener) WHERE dt IN (FROM days) GROUP BY ALL;

CREATE VIEW table_query_item_stats AS
WITH capped AS (
  SELECT * FROM table_impressions WHERE utility IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY dt, "user", item ORDER BY ts, search_id, position)
    <= getvariable('max_impressions_per_user_item_day')
)
SELECT dt, q, item, position, ranker, surface, scope, swapped, sum(prefix_weight) AS impressions,
  sum(prefix_weight * clicked::INT) AS clicks, sum(prefix_weight * utility) AS utility_sum,
  sum(prefix_weight * utility ** 2) AS utility_sq_sum, count(DISTINCT "user") AS user_days
FROM capped GROUP BY ALL;

CREATE VIEW table_item_stats AS
WITH played AS (
  SELECT p.day AS dt, p.item, count(*) AS plays, count(*) FILTER (a.play IS NULL) AS organic_plays,
    count(*) FILTER (p.seconds IS NOT NULL AND NOT p.listened) AS skips,
    count(*) FILTER (p.seconds >= 0.9 * p.duration) AS completions, count(DISTINCT p.listener) AS listeners,
    count(c.play) AS search_plays
  FROM plays p LEFT JOIN attributed a ON a.listener = p.listener AND a.play = p.play
    LEFT JOIN credited c ON c.listener = p.listener AND c.play = p.play
  GROUP BY ALL
), saved AS (
  SELECT day AS dt, item, count(*) AS saves FROM fates WHERE fate = 'used' AND action = 'save' GROUP BY ALL
), found AS (
  SELECT dt, item, sum(utility) AS search_utility_sum FROM table_impressions WHERE settled AND utility > 0 GROUP BY ALL
)
SELECT dt, item, coalesce(plays, 0) AS plays, coalesce(organic_plays, 0) AS organic_plays, coalesce(skips, 0) AS skips,
  coalesce(completions, 0) AS completions, coalesce(listeners, 0) AS listeners, coalesce(saves, 0) AS saves,
  coalesce(search_utility_sum, 0) AS search_utility_sum, coalesce(search_plays, 0) AS search_plays
FROM played FULL JOIN saved USING (dt, item) FULL JOIN found USING (dt, item) WHERE dt IN (FROM days);

CREATE VIEW table_journey_stats AS
WITH whole AS (
  SELECT listener, journey_id, dt, min(began_us) AS began_us, sum(keystrokes) AS keystrokes,
    min({'us': us, 'search_id': search_id, 'scope': scope, 'ranker': ranker, 'surface': surface}) AS first
  FROM searches WHERE dt IN (FROM days) GROUP BY ALL
), succeeded AS (
  SELECT listener, journey_id, min(us) AS success_us
  FROM (SELECT listener, journey_id, us FROM attributed WHERE success UNION ALL BY NAME FROM attributed_touches)
  GROUP BY ALL
), first_play AS (
  SELECT listener, journey_id, min({'us': us, 'play': play, 'seconds': seconds}).seconds AS first_seconds
  FROM credited GROUP BY ALL
), scored AS (
  SELECT *, least(1.0, coalesce(summed, 0)) AS score
  FROM whole LEFT JOIN journey_outcomes USING (listener, journey_id) LEFT JOIN succeeded USING (listener, journey_id)
    LEFT JOIN first_play USING (listener, journey_id)
  WHERE coalesce(summed, 0) > nearly_one() OR NOT coalesce(partly, false)
)
SELECT dt, first.scope AS scope, first.ranker AS ranker, first.surface AS surface,
  ('0x' || listener[:8])::BIGINT % getvariable('user_buckets') AS user_bucket,
  count(*) AS journeys, sum(score) AS score_sum, sum(score ** 2) AS score_sq_sum,
  count(success_us) AS successes, count(*) FILTER (first_seconds < getvariable('bounce_s')) AS bounces,
  coalesce(sum((success_us - began_us) / 1e6), 0) AS time_to_success_s_sum, sum(keystrokes) AS keystrokes_sum
FROM scored GROUP BY ALL;
