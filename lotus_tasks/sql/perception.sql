-- name: find_percept
-- What is kept of a source, and whether nothing that its capture started has failed.
SELECT id, source, status, content_hash, chunker, chunk_count, follow_ups,
       NOT EXISTS (SELECT FROM commands WHERE commands.id = ANY(follow_ups) AND commands.status IN ('failed', 'unknown', 'cancelled'))
           AS settled
FROM percepts WHERE source = %(source)s;

-- name: sources_below
-- Sources whose path begins so and that have chunks.
SELECT source FROM percepts WHERE starts_with(source, %(prefix)s) AND chunk_count > 0 ORDER BY source;

-- name: cancel_readings
-- End every reading that waits or is under way, and the storing of what was read; what is being committed just now is let be.
UPDATE commands SET status = 'cancelled', error = 'the reading was cancelled', finished_at = now(), lease_until = NULL
WHERE id IN (SELECT id FROM commands
             WHERE status IN ('queued', 'running') AND name IN ('perception.ingest', 'memory.store') AND run_id IS NULL
             FOR UPDATE SKIP LOCKED)
RETURNING id, name, pg_notify('lotus_ended', id::text);

-- name: count_readings
-- How many there are.
SELECT count(*) AS count FROM commands
WHERE status IN ('queued', 'running') AND name IN ('perception.ingest', 'memory.store') AND run_id IS NULL;

-- name: hold_source
-- Two readings of one source are kept one after the other.
SELECT pg_advisory_xact_lock(hashtextextended(%(source)s, 200));

-- name: drop_older
-- The version read before this one goes, and its chunks with it.
DELETE FROM percepts WHERE source = %(source)s AND read_at <= %(read_at)s;

-- name: insert_percept
-- A version of a source. No row: a later reading is kept.
INSERT INTO percepts (id, source, kind, status, reason, content_hash, size_bytes, modified_at, chunker, chunk_count, follow_ups, read_at)
VALUES (%(id)s, %(source)s, %(kind)s, %(status)s, %(reason)s, %(content_hash)s, %(size_bytes)s, %(modified_at)s, %(chunker)s,
        %(chunk_count)s, %(follow_ups)s::uuid[], %(read_at)s)
ON CONFLICT (source) DO NOTHING
RETURNING id;

-- name: insert_chunks
-- The chunks of a version, in their order.
INSERT INTO percept_chunks (percept_id, seq, source, origin, heading, text)
SELECT %(percept_id)s, seq - 1, %(source)s, %(origin)s, heading, text
FROM unnest(%(headings)s::text[], %(texts)s::text[]) WITH ORDINALITY AS chunk (heading, text, seq);

-- name: note_status
-- The source can't be read any more; its chunks stay.
UPDATE percepts SET status = %(status)s, reason = %(reason)s, read_at = coalesce(%(read_at)s, read_at), captured_at = now()
WHERE source = %(source)s
RETURNING id;

-- name: list_percepts
-- What was read, the latest first. A captured source is `indexed` once it is remembered, `pending` until then.
WITH states AS (
    SELECT source, kind, reason, chunk_count AS chunks, size_bytes, captured_at,
           CASE WHEN percepts.status <> 'captured' THEN percepts.status
                WHEN EXISTS (SELECT FROM commands WHERE commands.id = ANY(follow_ups)
                             AND commands.status IN ('failed', 'unknown', 'cancelled')) THEN 'failed'
                WHEN EXISTS (SELECT FROM commands WHERE commands.id = ANY(follow_ups)
                             AND commands.status IN ('queued', 'running')) THEN 'pending'
                ELSE 'indexed' END AS status,
           (SELECT error FROM commands WHERE commands.id = ANY(follow_ups)
            AND commands.status IN ('failed', 'unknown', 'cancelled') LIMIT 1) AS error
    FROM percepts
)
SELECT source, kind, status, coalesce(reason, 'it was read but not remembered: ' || error, '') AS reason, chunks, size_bytes, captured_at
FROM states
WHERE %(status)s::text IS NULL OR status = %(status)s
ORDER BY captured_at DESC, source LIMIT %(limit)s;

-- name: counted
-- What `status` counts of perception.
SELECT count(*) FILTER (WHERE status = 'captured') AS "sources read", coalesce(sum(chunk_count), 0)::bigint AS "chunks",
       count(*) FILTER (WHERE status = 'skipped') AS "skipped", count(*) FILTER (WHERE status = 'failed') AS "failed" FROM percepts;

-- name: ended_commands
-- Of these commands, those that have ended.
SELECT id, name, status, result, error FROM commands
WHERE id = ANY(%(ids)s) AND status NOT IN ('queued', 'running');

-- name: forget_chunks
-- What perception keeps of a forgotten text, wherever it was met, and the chunks of these places.
DELETE FROM percept_chunks
WHERE text = ANY(%(texts)s)
   OR (percept_id, seq) IN (SELECT * FROM unnest(%(percepts)s::uuid[], %(numbers)s::int[]));

-- name: forget_percept
-- A source of which no chunk is left was never read.
DELETE FROM percepts WHERE source = %(source)s AND NOT EXISTS (SELECT FROM percept_chunks WHERE percept_id = percepts.id);

-- name: forget_in_reasons
-- Why a source was left out, where that quotes a forgotten text.
UPDATE percepts SET reason = replace(reason, %(text)s, %(blank)s) WHERE reason LIKE %(pattern)s;
