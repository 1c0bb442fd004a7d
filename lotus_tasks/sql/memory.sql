-- name: lock_writes
-- One writer at a time: memory numbers then become visible in their order, which is what recall's caches rest on.
SELECT pg_advisory_xact_lock(5499588);

-- name: upsert_segments
-- The numbers of segments, made where missing.
WITH wanted AS (
    SELECT DISTINCT thread, key FROM unnest(%(threads)s::text[], %(keys)s::text[]) AS wanted (thread, key)
), made AS (
    INSERT INTO memory_segments (thread, key) SELECT thread, key FROM wanted
    ON CONFLICT (thread, key) DO NOTHING
    RETURNING no, thread, key
)
SELECT no, thread, key FROM made
UNION ALL
SELECT no, thread, key FROM memory_segments JOIN wanted USING (thread, key);

-- name: thread_ends
-- Where each thread ends: its last position, and the segment and time of what stands there.
SELECT DISTINCT ON (memories.thread) memories.thread, position, key, coalesce(happened_at, created_at) AS last_at
FROM memories JOIN memory_segments ON memory_segments.no = memories.segment_no
WHERE memories.thread = ANY(%(threads)s)
ORDER BY memories.thread, position DESC, memories.no DESC;

-- name: insert_memory
-- A memory, unless its identity is known.
INSERT INTO memories (id, text, kind, tier, importance, source, origin, provenance, thread, segment_no, position, speaker,
                      happened_at, valid_from, valid_to, identity, likeness)
VALUES (%(id)s, %(text)s, %(kind)s, %(tier)s, %(importance)s, %(source)s, %(origin)s, %(provenance)s, %(thread)s, %(segment_no)s,
        %(position)s, %(speaker)s, %(happened_at)s, %(valid_from)s, %(valid_to)s, %(identity)s, %(likeness)s)
ON CONFLICT DO NOTHING
RETURNING no;

-- name: known_memory
-- The memory that has this id, or this identity.
SELECT id, valid_to FROM memories WHERE identity = %(identity)s OR id = %(id)s ORDER BY (id = %(id)s) DESC LIMIT 1;

-- name: alike_memory
-- A memory with the same words in other dress; facts and preferences are compared with their like only.
SELECT id, text FROM memories
WHERE likeness = %(likeness)s AND id <> %(id)s AND (kind IN ('preference', 'fact')) = %(persistent)s AND valid_to IS NULL
ORDER BY no LIMIT 1;

-- name: insert_source
-- A place where a memory was met.
INSERT INTO memory_sources (memory_id, source, seq, percept_id, wording)
VALUES (%(memory_id)s, %(source)s, %(seq)s, %(percept_id)s, %(wording)s)
ON CONFLICT (source, seq, memory_id) DO UPDATE SET percept_id = EXCLUDED.percept_id, met_at = now();

-- name: insert_terms
-- Terms that the lexicon doesn't know yet.
INSERT INTO memory_terms (term) SELECT DISTINCT term FROM unnest(%(terms)s::text[]) AS term
WHERE NOT EXISTS (SELECT FROM memory_terms AS known WHERE known.term = term.term)
ON CONFLICT (term) DO NOTHING;

-- name: term_numbers
-- The numbers of terms.
SELECT term, no FROM memory_terms WHERE term = ANY(%(terms)s);

-- name: insert_lexicon
-- What a memory's text is made of.
INSERT INTO memory_lexicon (memory_no, terms, counts, length, cues, told_first, told_last)
VALUES (%(no)s, %(terms)s, %(counts)s, %(length)s, %(cues)s, %(told_first)s, %(told_last)s);

-- name: insert_postings
-- Which memories hold a term, and how often.
INSERT INTO memory_postings (term_no, memory_no, count)
SELECT * FROM unnest(%(terms)s::int[], %(numbers)s::int[], %(counts)s::smallint[]);

-- name: insert_change
-- Why a memory is as it is.
INSERT INTO memory_changes (memory_id, action, reason, before, after, command_id)
VALUES (%(memory_id)s, %(action)s, %(reason)s, %(before)s, %(after)s, %(command_id)s);

-- name: changed
-- Tell every process that what it holds of the store is old.
UPDATE memory_state SET generation = generation + 1;

-- name: snapshot
-- Where the store stands. `store` names it in Chroma, `incarnation` is another one after the database was made anew.
SELECT md5(store::text || current_database()) AS store, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS incarnation,
       generation, coalesce((SELECT max(no) FROM memories), 0) AS last_no, lexicon, embedder FROM memory_state;

-- name: columns
-- The memories of a range of numbers as columns; -1, an empty string and NaN stand for none.
SELECT coalesce(array_agg(memories.no ORDER BY memories.no), '{}') AS no,
       coalesce(array_agg(coalesce(segment_no, -1) ORDER BY memories.no), '{}') AS segment,
       coalesce(array_agg(position ORDER BY memories.no), '{}') AS position,
       coalesce(array_agg(coalesce(length, 0) ORDER BY memories.no), '{}') AS length,
       coalesce(array_agg(coalesce(cues, 0) ORDER BY memories.no), '{}') AS cues,
       coalesce(array_agg(coalesce(told_first, -1) ORDER BY memories.no), '{}') AS told_first,
       coalesce(array_agg(coalesce(told_last, -1) ORDER BY memories.no), '{}') AS told_last,
       coalesce(array_agg(array_position(%(kinds)s::text[], kind) - 1 ORDER BY memories.no), '{}') AS kind,
       coalesce(array_agg(coalesce(extract(epoch FROM happened_at)::float8, 'NaN') ORDER BY memories.no), '{}') AS happened_s,
       coalesce(array_agg(coalesce(speaker, '') ORDER BY memories.no), '{}') AS speaker
FROM memories LEFT JOIN memory_lexicon ON memory_no = memories.no
WHERE memories.no > %(after_no)s AND memories.no <= %(up_to_no)s;

-- name: postings
-- The memories that hold each term.
SELECT term, array_agg(memory_no ORDER BY memory_no) AS numbers, array_agg(count ORDER BY memory_no) AS counts
FROM memory_terms JOIN memory_postings ON term_no = memory_terms.no
WHERE term = ANY(%(terms)s) AND memory_no > %(after_no)s AND memory_no <= %(up_to_no)s
GROUP BY term;

-- name: vectors
-- The vectors of memories.
SELECT memory_no, vector, tokens FROM memory_vectors WHERE memory_no = ANY(%(numbers)s);

-- name: embeddings
-- The embeddings of memories, in order of their numbers. One row each: a single joined value of that size takes libpq longer.
SELECT memory_no, vector, tokens FROM memory_vectors WHERE memory_no = ANY(%(numbers)s::int[]) ORDER BY memory_no;

-- name: memories_by_number
-- Memories by number.
SELECT * FROM memories WHERE no = ANY(%(numbers)s);

-- name: memories_by_id
-- Memories by id.
SELECT * FROM memories WHERE id = ANY(%(ids)s);

-- name: numbers_of_source
-- The memories met in a source.
SELECT no FROM memories WHERE source = %(source)s
UNION
SELECT no FROM memories JOIN memory_sources ON memory_id = id WHERE memory_sources.source = %(source)s
ORDER BY no;

-- name: threads_by_prefix
-- The conversations whose id begins so; one more than one is enough to know.
SELECT DISTINCT thread FROM memories WHERE starts_with(thread, %(prefix)s) LIMIT 2;

-- name: numbers_of_thread
-- The memories of a thread.
SELECT no FROM memories WHERE thread = %(thread)s ORDER BY no;

-- name: numbers_of_time
-- The memories that happened, or where that isn't known were stored, in a time.
SELECT no FROM memories
WHERE (%(since)s::timestamptz IS NULL OR coalesce(happened_at, created_at) >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR coalesce(happened_at, created_at) < %(until)s)
ORDER BY no;

-- name: without_vector
-- Memories that the current embedder has not embedded, newest first: what was just said is asked for first.
SELECT memories.no, text, coalesce(speaker, provenance->>'heading') AS caption FROM memories LEFT JOIN memory_vectors ON memory_no = memories.no
WHERE memory_no IS NULL
ORDER BY memories.no DESC LIMIT %(count)s;

-- name: evidence_without_vector
-- How much of what could be evidence, of a number above this one, waits for its vector; counted up to `most`.
SELECT count(*) AS waiting FROM (
    SELECT 1 FROM memories WHERE no > %(after_no)s AND kind = ANY(%(kinds)s)
      AND NOT EXISTS (SELECT 1 FROM memory_vectors WHERE memory_no = memories.no) LIMIT %(most)s
) AS waiting;

-- name: insert_vectors
-- Vectors, unless another worker was first or the memory is gone.
INSERT INTO memory_vectors (memory_no, embedder, vector, tokens)
SELECT wanted.no, %(embedder)s, wanted.vector, nullif(wanted.tokens, '')
FROM unnest(%(numbers)s::int[], %(vectors)s::bytea[], %(tokens)s::bytea[]) AS wanted (no, vector, tokens)
JOIN memories ON memories.no = wanted.no
ON CONFLICT (memory_no) DO NOTHING;

-- name: unindexed
-- Vectors that Chroma doesn't have.
SELECT memories.no, id, kind, thread, vector FROM memory_vectors JOIN memories ON memories.no = memory_no
WHERE NOT indexed ORDER BY memory_no DESC LIMIT %(count)s;

-- name: mark_indexed
-- Chroma has these.
UPDATE memory_vectors SET indexed = true WHERE memory_no = ANY(%(numbers)s) AND NOT indexed;

-- name: mark_unindexed
-- Chroma lost these.
UPDATE memory_vectors SET indexed = false WHERE indexed AND NOT memory_no = ANY(%(kept)s);

-- name: indexed_numbers
-- What Chroma should hold.
SELECT memory_no FROM memory_vectors WHERE indexed ORDER BY memory_no;

-- name: embedded_numbers
-- Every memory that has a vector.
SELECT memory_no FROM memory_vectors ORDER BY memory_no;

-- name: to_unindex
-- Deleted memories whose vectors are still in Chroma.
SELECT memory_id, memory_no FROM memory_unindex ORDER BY created_at LIMIT %(count)s;

-- name: unindexed_done
-- Chroma no longer has these.
DELETE FROM memory_unindex WHERE memory_id = ANY(%(ids)s);

-- name: index_lag
-- How many memories wait for their vector or for Chroma, and how many vectors wait to be removed.
SELECT (SELECT count(*) FROM memories) AS memories,
       (SELECT count(*) FROM memory_vectors WHERE indexed) AS indexed,
       (SELECT count(*) FROM memory_unindex) AS to_remove;

-- name: counts_by_tier
-- How many memories each tier holds.
SELECT tier, count(*) AS count FROM memories GROUP BY tier ORDER BY tier;

-- name: recent_for_tiers
-- What L1 and L2 are rebuilt from.
SELECT id, thread, kind, created_at FROM memories WHERE created_at > now() - %(age_s)s * interval '1 second'
ORDER BY created_at DESC, no DESC LIMIT %(count)s;

-- name: hold_percept
-- The version of a source that is being stored, which no newer one replaces meanwhile. No row: one has.
SELECT id FROM percepts WHERE id = %(percept_id)s FOR SHARE;

-- name: chunks_of_percept
-- What perception read.
SELECT seq, text, heading, source, origin FROM percept_chunks WHERE percept_id = %(percept_id)s ORDER BY seq;

-- name: move_chunk
-- A chunk's place in the newer version of its source.
UPDATE memories SET segment_no = %(segment_no)s, position = %(position)s, updated_at = now()
WHERE id = %(id)s AND source = %(source)s AND kind = 'chunk'
  AND (segment_no, position) IS DISTINCT FROM (%(segment_no)s::int, %(position)s::int);

-- name: leave_source
-- The places in a source that its newer version no longer has.
DELETE FROM memory_sources WHERE source = %(source)s AND percept_id IS NOT NULL AND percept_id <> %(percept_id)s
RETURNING memory_id;

-- name: orphaned_chunks
-- Of these, the chunks that no source holds any more.
SELECT id, no FROM memories WHERE id = ANY(%(ids)s) AND kind = 'chunk'
  AND NOT EXISTS (SELECT FROM memory_sources WHERE memory_id = memories.id);

-- name: move_source
-- A chunk that left its first source but is still met in another belongs there now.
UPDATE memories SET source = other.source, thread = other.source, updated_at = now()
FROM (SELECT DISTINCT ON (memory_id) memory_id, source FROM memory_sources WHERE memory_id = ANY(%(ids)s) ORDER BY memory_id, met_at) AS other
WHERE memories.id = other.memory_id AND memories.source = %(source)s AND other.source <> %(source)s;

-- name: delete_memories
-- Remove memories for good, remembering which vectors Chroma must drop.
WITH gone AS (
    DELETE FROM memories WHERE id = ANY(%(ids)s) RETURNING id, no
), dropped AS (
    INSERT INTO memory_unindex (memory_id, memory_no) SELECT id, no FROM gone ON CONFLICT DO NOTHING
)
SELECT id, no FROM gone;

-- name: delete_postings
-- Remove memories from the BM25 index. Returns the terms they held.
DELETE FROM memory_postings USING memory_lexicon AS lexicon
WHERE lexicon.memory_no IN (SELECT no FROM memories WHERE id = ANY(%(ids)s)) AND memory_postings.memory_no = lexicon.memory_no
  AND memory_postings.term_no = ANY(lexicon.terms)
RETURNING term_no;

-- name: delete_terms
-- Words that no memory holds any more are forgotten, too.
DELETE FROM memory_terms WHERE no = ANY(%(numbers)s) AND NOT EXISTS (SELECT FROM memory_postings WHERE term_no = memory_terms.no);

-- name: exchange
-- The question and the answer of a run. `by_itself`: LOTUS asked it, by a schedule or with an event's fields in it.
SELECT id, conversation_id, question, answer, result, created_at, finished_at,
       options ->> 'origin' AS question_origin, origin AS answer_origin,
       options ->> 'origin' IS DISTINCT FROM 'user'
       OR EXISTS (SELECT 1 FROM occasions WHERE run_id = runs.id) AS by_itself
FROM runs WHERE id = %(run_id)s;

-- name: set_embedder
-- The embedder whose vectors this store holds.
UPDATE memory_state SET embedder = %(embedder)s;

-- name: drop_other_vectors
-- Vectors of another embedder can't be compared.
DELETE FROM memory_vectors WHERE embedder <> %(embedder)s;

-- name: decay
-- Move memories down from a tier they have outlived; each move is recorded with its reason.
WITH outlived AS (
    SELECT id FROM (
        SELECT id, created_at, row_number() OVER (PARTITION BY CASE WHEN tier = 1 THEN thread END ORDER BY created_at DESC, no DESC) AS place
        FROM memories WHERE tier = %(tier)s
    ) AS ranked
    WHERE created_at < now() - %(age_s)s * interval '1 second' OR place > %(items)s
    LIMIT 5000
), moved AS (
    UPDATE memories SET tier = %(tier)s + 1 FROM outlived WHERE memories.id = outlived.id RETURNING memories.id
)
INSERT INTO memory_changes (memory_id, action, reason, before, after, command_id)
SELECT id, 'moved', %(reason)s, jsonb_build_object('tier', %(tier)s::int), jsonb_build_object('tier', %(tier)s::int + 1), %(command_id)s FROM moved
RETURNING memory_id;

-- name: memories_by_prefix
-- The memories whose id begins so, two at most.
SELECT * FROM memories WHERE id::text LIKE %(prefix)s LIMIT 2;

-- name: list_memories
-- The newest memories that fit.
SELECT * FROM memories
WHERE (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(thread)s::text IS NULL OR thread = %(thread)s)
  AND (%(source)s::text IS NULL OR source = %(source)s OR EXISTS (SELECT FROM memory_sources AS met WHERE met.memory_id = memories.id AND met.source = %(source)s))
  AND (%(tier)s::int IS NULL OR tier = %(tier)s)
  AND (%(since)s::timestamptz IS NULL OR coalesce(happened_at, created_at) >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR coalesce(happened_at, created_at) < %(until)s)
ORDER BY no DESC LIMIT %(limit)s;

-- name: sources_of_memory
-- Where a memory was met.
SELECT source, seq, wording, met_at FROM memory_sources WHERE memory_id = %(memory_id)s ORDER BY met_at, source, seq;

-- name: neighbours
-- The memories right before and after a place in a segment.
(SELECT * FROM memories WHERE segment_no = %(segment_no)s AND (position, no) < (%(position)s, %(no)s) ORDER BY position DESC, no DESC LIMIT 1)
UNION ALL
(SELECT * FROM memories WHERE segment_no = %(segment_no)s AND (position, no) > (%(position)s, %(no)s) ORDER BY position, no LIMIT 1);

-- name: changes_of_memory
-- What happened to a memory.
SELECT action, reason, before, after, created_at FROM memory_changes WHERE memory_id = %(memory_id)s ORDER BY id;

-- name: is_indexed
-- Whether Chroma has a memory's vector.
SELECT 1 FROM memory_vectors WHERE memory_no = %(no)s AND indexed;

-- name: counts_by_kind
-- How many memories of each kind.
SELECT kind, count(*) AS count FROM memories GROUP BY kind ORDER BY count DESC;

-- name: counts_by_source
-- The sources with most memories; of a conversation also since when there are any.
SELECT source, count(*) AS count, min(coalesce(happened_at, created_at)) FILTER (WHERE source LIKE 'conversation:%%') AS since FROM memories GROUP BY source ORDER BY count DESC LIMIT 20;

-- name: rewrite_memory
-- A memory as the user changed it.
UPDATE memories SET text = %(text)s, kind = %(kind)s, tier = %(tier)s, importance = %(importance)s, identity = %(identity)s, likeness = %(likeness)s, examined = false, asked = false, updated_at = now()
WHERE id = %(id)s;

-- name: drop_vector
-- A changed text needs another vector.
DELETE FROM memory_vectors WHERE memory_no = %(no)s;

-- name: drop_lexicon
-- A changed text has other terms.
DELETE FROM memory_lexicon WHERE memory_no = %(no)s;

-- name: chunk_places
-- Where the chunks among these memories were read.
SELECT DISTINCT met.percept_id, met.seq FROM memory_sources AS met JOIN memories ON memories.id = met.memory_id
WHERE met.memory_id = ANY(%(ids)s) AND memories.kind = 'chunk' AND met.percept_id IS NOT NULL AND met.seq IS NOT NULL;

-- name: forget_in_changes
-- What is kept of how other memories were changed, where it quotes a forgotten text.
UPDATE memory_changes
SET before = replace(before::text, %(json_text)s, %(json_blank)s)::jsonb, after = replace(after::text, %(json_text)s, %(json_blank)s)::jsonb,
    reason = replace(reason, %(text)s, %(blank)s)
WHERE before::text LIKE %(json_pattern)s OR after::text LIKE %(json_pattern)s OR reason LIKE %(pattern)s;

-- name: forget_changes
-- A forgotten memory leaves no history.
DELETE FROM memory_changes WHERE memory_id = ANY(%(ids)s);

-- name: forget_payloads
-- Commands that carried a forgotten text to memory.
UPDATE commands SET payload = '{"forgotten": true}'
WHERE name IN ('memory.remember', 'memory.edit') AND status NOT IN ('queued', 'running')
  AND (payload->>'text' = ANY(%(texts)s) OR EXISTS (SELECT FROM jsonb_array_elements(payload->'items') AS item WHERE item->>'text' = ANY(%(texts)s)));

-- name: forget_results
-- Recalls that found a forgotten memory. (memory.inspect and memory.transfer are in rows of old.)
UPDATE commands SET result = jsonb_set(result, '{memories}', (
    SELECT coalesce(jsonb_agg(CASE WHEN item->>'memory_id' = ANY(%(ids)s) THEN jsonb_build_object('memory_id', item->'memory_id', 'text', '[forgotten]', 'score', item->'score') ELSE item END), '[]')
    FROM jsonb_array_elements(result->'memories') AS item))
WHERE name IN ('memory.recall', 'memory.list', 'memory.export', 'memory.inspect', 'memory.transfer') AND jsonb_typeof(result->'memories') = 'array'
  AND EXISTS (SELECT FROM jsonb_array_elements(result->'memories') AS item WHERE item->>'memory_id' = ANY(%(ids)s));

-- name: forget_looks
-- What was shown of a forgotten memory.
UPDATE commands SET result = '{"forgotten": true}'
WHERE name IN ('memory.list', 'memory.show', 'memory.history', 'memory.explain', 'memory.facts', 'memory.profile', 'memory.inspect') AND result IS NOT NULL
  AND EXISTS (SELECT FROM unnest(%(ids)s::text[]) AS gone WHERE strpos(result::text, gone) > 0);

-- name: forget_plans
-- What a consolidation reported of a forgotten memory.
UPDATE commands SET result = jsonb_set(result, '{planned}', (
    SELECT coalesce(jsonb_agg(item), '[]') FROM jsonb_array_elements(result->'planned') AS item
    WHERE NOT coalesce(item->>'memory_id' = ANY(%(ids)s), false)))
WHERE name = 'memory.consolidate' AND jsonb_typeof(result->'planned') = 'array'
  AND EXISTS (SELECT FROM jsonb_array_elements(result->'planned') AS item WHERE item->>'memory_id' = ANY(%(ids)s));

-- name: copies
-- Memories with the very same text, summaries made of these memories, and summaries and answers that hold one of these texts.
SELECT id FROM memories
WHERE NOT id = ANY(%(ids)s)
  AND (text = ANY(%(texts)s) OR (kind IN ('summary', 'answer') AND text LIKE ANY(%(patterns)s::text[]))
       OR (kind = 'summary' AND jsonb_typeof(provenance->'derived_from') = 'array' AND provenance->'derived_from' ?| %(names)s::text[]));

-- name: withhold_chunk
-- A chunk without its secrets.
UPDATE percept_chunks SET text = %(text)s WHERE percept_id = %(percept_id)s AND seq = %(seq)s;

-- name: withhold_payload
-- A command whose text holds a secret keeps nothing of it.
UPDATE commands SET payload = '{"withheld": true}' WHERE id = %(command_id)s;

-- name: insert_fact
-- A fact, once for each memory that states it.
INSERT INTO memory_facts (id, memory_id, subject, predicate, value, subject_key, predicate_key, value_key, single, told_by, origin, valid_from, valid_to)
VALUES (%(id)s, %(memory_id)s, %(subject)s, %(predicate)s, %(value)s, %(subject_key)s, %(predicate_key)s, %(value_key)s,
        %(single)s, %(told_by)s, %(origin)s, %(valid_from)s, %(valid_to)s)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: rival_facts
-- The facts that say the same as one, or contradict it: another value where both say that there can be one, the opposite of the same
-- value else.
SELECT id, memory_id, subject, predicate, predicate_key, value_key, valid_from, valid_to FROM memory_facts
WHERE subject_key = %(subject_key)s AND predicate_key = ANY(%(predicate_keys)s) AND ((%(single)s AND single) OR value_key = %(value_key)s)
FOR UPDATE;

-- name: close_fact
-- A fact that a newer one has ended.
UPDATE memory_facts SET valid_to = %(valid_to)s, closed_by = %(closed_by)s WHERE id = %(id)s;

-- name: close_memory
-- A memory none of whose facts holds any more. Of several sentences a model may have read one: the others still hold.
UPDATE memories SET valid_to = %(valid_to)s
WHERE id = %(id)s AND kind IN ('note', 'preference', 'fact')
  AND NOT EXISTS (SELECT FROM memory_facts WHERE memory_id = memories.id AND valid_to IS NULL)
  AND (text !~ '[.!?。！？][[:space:]]+[^[:space:]]' OR NOT EXISTS (SELECT FROM memory_facts WHERE memory_id = memories.id AND told_by <> 'rules'))
RETURNING id;

-- name: reopen_memory
-- A memory that states what holds again.
UPDATE memories SET valid_to = NULL WHERE id = %(id)s RETURNING kind;

-- name: move_memory
-- Move a memory to another tier, if one is given, and write down why. What is told as a fact or a preference stays where it is.
WITH old AS (
    SELECT id, tier, kind FROM memories WHERE id = %(id)s
), moved AS (
    UPDATE memories SET tier = CASE WHEN old.kind IN ('preference', 'fact') THEN old.tier ELSE coalesce(%(tier)s::int, old.tier) END
    FROM old WHERE memories.id = old.id RETURNING memories.id, old.tier AS was, memories.tier AS is
)
INSERT INTO memory_changes (memory_id, action, reason, before, after, command_id)
SELECT id, %(action)s, %(reason)s, CASE WHEN was <> moved.is THEN jsonb_build_object('tier', was) END,
       CASE WHEN was <> moved.is THEN jsonb_build_object('tier', moved.is) END, %(command_id)s FROM moved;

-- name: reopen_rewritten
-- A memory that newer facts had ended says something else now.
UPDATE memories SET valid_to = NULL
WHERE id = %(id)s AND EXISTS (SELECT FROM memory_facts WHERE memory_id = memories.id AND closed_by IS NOT NULL);

-- name: reopen_facts
-- What the facts of these memories had ended is open again.
UPDATE memory_facts AS fact SET valid_to = NULL, closed_by = NULL
FROM memory_facts AS closer
WHERE closer.id = fact.closed_by AND closer.memory_id = ANY(%(ids)s) AND NOT fact.memory_id = ANY(%(ids)s)
RETURNING fact.*;

-- name: read_again
-- A fact is kept for the first memory that states it; others that hold its value may state it, too.
UPDATE memories SET examined = false
WHERE examined AND kind IN ('note', 'preference', 'fact', 'turn') AND NOT id = ANY(%(ids)s)
  AND EXISTS (SELECT FROM memory_facts AS fact WHERE fact.memory_id = ANY(%(ids)s) AND strpos(lower(memories.text), lower(fact.value)) > 0);

-- name: delete_facts
-- Facts of memories that no longer state them.
DELETE FROM memory_facts WHERE memory_id = ANY(%(ids)s);

-- name: facts_of_memory
-- What a memory states, and what was or is stated of the same things, oldest first.
SELECT other.id, other.memory_id, other.subject, other.predicate, other.value, other.told_by, other.origin, other.valid_from, other.valid_to, other.closed_by
FROM memory_facts AS other
WHERE EXISTS (
    SELECT FROM memory_facts AS own WHERE own.memory_id = %(memory_id)s AND own.subject_key = other.subject_key
      AND (own.id = other.id OR (own.single AND own.predicate_key = other.predicate_key) OR own.value_key = other.value_key))
ORDER BY other.subject, other.predicate, other.valid_from, other.created_at;

-- name: facts_stated
-- What these memories are known to state.
SELECT memory_id, subject_key, predicate_key, value_key FROM memory_facts WHERE memory_id = ANY(%(ids)s);

-- name: list_facts
-- Facts, those that hold first.
SELECT id, memory_id, subject, predicate, value, told_by, origin, valid_from, valid_to, closed_by FROM memory_facts
WHERE (%(subject_key)s::text IS NULL OR subject_key = %(subject_key)s) AND (%(closed)s OR valid_to IS NULL)
ORDER BY subject_key, predicate_key, valid_from LIMIT %(limit)s;

-- name: successors
-- For memories that no longer hold: the memories that ended them.
SELECT old.memory_id AS memory_id, new.memory_id AS successor FROM memory_facts AS old JOIN memory_facts AS new ON new.id = old.closed_by
WHERE old.memory_id = ANY(%(ids)s) AND new.memory_id <> old.memory_id;

-- name: unexamined
-- Memories that consolidation hasn't looked at, oldest first.
SELECT * FROM memories WHERE NOT examined ORDER BY no LIMIT %(count)s;

-- name: count_unexamined
-- How many consolidation has yet to look at.
SELECT count(*) AS count FROM memories WHERE NOT examined;

-- name: mark_examined
-- Consolidation has looked at these as they were.
UPDATE memories SET examined = true WHERE id = ANY(%(ids)s) AND NOT examined;

-- name: would_decay
-- How many memories have outlived a tier.
SELECT count(*) AS count FROM (
    SELECT created_at, row_number() OVER (PARTITION BY CASE WHEN tier = 1 THEN thread END ORDER BY created_at DESC, no DESC) AS place
    FROM memories WHERE tier = %(tier)s
) AS ranked WHERE created_at < now() - %(age_s)s * interval '1 second' OR place > %(items)s;

-- name: vectors_of_ids
-- The vectors of memories.
SELECT id, memory_no, vector FROM memory_vectors JOIN memories ON no = memory_no WHERE id = ANY(%(ids)s);

-- name: move_sources
-- A merged memory's places become those of the memory that stays.
INSERT INTO memory_sources (memory_id, source, seq, percept_id, wording, met_at)
SELECT %(kept)s, source, seq, percept_id, coalesce(wording, %(wording)s), met_at FROM memory_sources WHERE memory_id = %(dropped)s
UNION ALL
SELECT %(kept)s, source, position, NULL, %(wording)s, created_at FROM memories
WHERE id = %(dropped)s AND NOT EXISTS (SELECT FROM memory_sources WHERE memory_id = %(dropped)s)
ON CONFLICT (source, seq, memory_id) DO NOTHING;

-- name: resting_threads
-- Conversations at rest that have turns no summary covers yet.
SELECT thread, array_agg(id ORDER BY position, no) AS ids, max(position) AS last_position FROM memories
WHERE kind = 'turn' AND thread IS NOT NULL AND position > coalesce((
    SELECT max((provenance->>'to')::int) FROM memories AS summary WHERE summary.kind = 'summary' AND summary.provenance->>'conversation' = memories.thread), -1)
GROUP BY thread
HAVING count(*) >= %(turns)s AND max(created_at) < now() - %(rest_s)s * interval '1 second'
ORDER BY thread LIMIT %(count)s;

-- name: move_facts
-- What a merged memory stated is stated by the one that stays.
UPDATE memory_facts AS fact SET memory_id = %(kept)s
WHERE memory_id = %(dropped)s AND NOT EXISTS (
    SELECT FROM memory_facts AS own WHERE own.memory_id = %(kept)s AND own.subject_key = fact.subject_key
      AND own.predicate_key = fact.predicate_key AND own.value_key = fact.value_key);

-- name: former_texts
-- What memories said before, and in which other words they were told.
SELECT before->>'text' AS text FROM memory_changes WHERE memory_id = ANY(%(ids)s) AND before ? 'text'
UNION
SELECT after->>'wording' FROM memory_changes WHERE memory_id = ANY(%(ids)s) AND after ? 'wording'
UNION
SELECT wording FROM memory_sources WHERE memory_id = ANY(%(ids)s) AND wording IS NOT NULL;

-- name: export_memories
-- Memories with all that belongs to them, a page of them.
SELECT memories.no, memories.id::text AS memory_id, text, kind, 'L' || tier AS tier, importance, memories.source, memories.origin, provenance,
       memories.thread, memory_segments.key AS segment, position, speaker, to_json(happened_at) AS happened_at,
       to_json(valid_from) AS valid_from, to_json(valid_to) AS valid_to, to_json(created_at) AS created_at, examined,
       (SELECT coalesce(json_agg(json_build_object('source', source.source, 'seq', seq, 'percept_id', percept_id, 'wording', wording, 'met_at', met_at)), '[]')
        FROM memory_sources AS source WHERE memory_id = memories.id) AS sources,
       (SELECT coalesce(json_agg(to_jsonb(fact) - 'memory_id' ORDER BY fact.created_at), '[]') FROM memory_facts AS fact WHERE memory_id = memories.id) AS facts,
       (SELECT coalesce(json_agg(to_jsonb(change) - 'memory_id' - 'id' ORDER BY change.id), '[]') FROM memory_changes AS change WHERE memory_id = memories.id) AS changes
FROM memories LEFT JOIN memory_segments ON memory_segments.no = segment_no
WHERE memories.no > %(after_no)s ORDER BY memories.no LIMIT %(limit)s;

-- name: restore_memory
-- An imported memory's tier and age.
UPDATE memories SET tier = %(tier)s, created_at = coalesce(%(created_at)s, created_at), examined = %(examined)s WHERE id = %(id)s;

-- name: restore_sources
-- The places of an imported memory.
INSERT INTO memory_sources (memory_id, source, seq, percept_id, wording, met_at)
SELECT memory_id, source, seq, percept_id, wording, met_at FROM jsonb_populate_recordset(NULL::memory_sources, %(rows)s)
ON CONFLICT DO NOTHING;

-- name: restore_facts
-- The facts of an imported memory.
INSERT INTO memory_facts (id, memory_id, subject, predicate, value, subject_key, predicate_key, value_key, single, told_by, origin, valid_from, valid_to, closed_by, created_at)
SELECT id, memory_id, subject, predicate, value, subject_key, predicate_key, value_key, single, told_by, origin, valid_from, valid_to, closed_by, created_at
FROM jsonb_populate_recordset(NULL::memory_facts, %(rows)s)
ON CONFLICT DO NOTHING;

-- name: restore_changes
-- The history of an imported memory.
INSERT INTO memory_changes (memory_id, action, reason, before, after, command_id, created_at)
SELECT memory_id, action, reason, before, after, command_id, created_at FROM jsonb_populate_recordset(NULL::memory_changes, %(rows)s);

-- name: drop_payload
-- What an import brought is in memory now; the command keeps no copy.
UPDATE commands SET payload = '{"imported": true}' WHERE id = %(command_id)s;

-- name: set_lexicon
-- The version that the words are indexed by.
UPDATE memory_state SET lexicon = %(version)s;

-- name: memories_to_read
-- Memories whose words are to be indexed, in order. `asked`: the user's part of a run, held to state something.
SELECT id, no, text, coalesce(speaker, provenance->>'heading') AS caption, coalesce(happened_at, created_at) AS at,
       kind = 'turn' AND speaker = 'user' AND provenance ? 'run_id' AS asked FROM memories
WHERE no > %(after_no)s ORDER BY no LIMIT %(count)s;

-- name: set_kind
-- Memories that turned out to be of another kind.
UPDATE memories SET kind = %(kind)s WHERE id = ANY(%(ids)s);

-- name: drop_lexicons
-- Memories' words, to be written anew.
DELETE FROM memory_lexicon WHERE memory_no IN (SELECT no FROM memories WHERE id = ANY(%(ids)s));

-- name: reading_model
-- The first provider with a model that answers; with `local`, the first on this machine.
SELECT one->>'name' AS name FROM module_health, jsonb_array_elements(facts->'providers') WITH ORDINALITY AS listed (one, place)
WHERE module_health.name = 'providers' AND jsonb_typeof(facts->'providers') = 'array' AND checked_at > now() - interval '10 minutes'
  AND one->>'kind' <> 'offline' AND (one->>'configured')::boolean AND coalesce((one->>'reachable')::boolean, false)
  AND (NOT %(local)s OR coalesce((one->>'local')::boolean, false))
ORDER BY place LIMIT 1;

-- name: open_question
-- The question of a kind that has no answer yet; `due` where it is time to ask it again.
SELECT *, due_at IS NOT NULL AND due_at <= now() AS due FROM memory_questions WHERE kind = %(kind)s LIMIT 1;

-- name: unasked
-- What states something to a person and no model was given yet; `unexamined` ones, too, which consolidation reads first.
SELECT * FROM memories
WHERE NOT asked AND (examined OR %(unexamined)s) AND kind IN ('note', 'preference', 'fact', 'turn') AND valid_to IS NULL
ORDER BY no LIMIT %(count)s;

-- name: unasked_summary
-- A conversation's summary by rules that no model was asked to write better.
SELECT * FROM memories WHERE NOT asked AND kind = 'summary' AND provenance->>'by' = 'rules' ORDER BY no LIMIT 1;

-- name: turns_of_thread
-- What was said in a conversation, between two places.
SELECT * FROM memories WHERE thread = %(thread)s AND kind = 'turn' AND position BETWEEN %(first)s AND %(last)s ORDER BY position, no;

-- name: mark_asked
-- A model is given these, or they are nothing for one.
UPDATE memories SET asked = true WHERE id = ANY(%(ids)s) AND NOT asked;

-- name: mark_unasked
-- A model is to be asked of this once more.
UPDATE memories SET asked = false WHERE id = %(id)s;

-- name: begin_question
-- What a model is asked about.
INSERT INTO memory_questions (command_id, kind, about, memory_ids, tries, more)
VALUES (%(command_id)s, %(kind)s, %(about)s, %(memory_ids)s, %(tries)s, %(more)s);

-- name: ended_questions
-- Questions that a model has answered, or won't.
SELECT question.*, coalesce(commands.status::text, 'gone') AS status, commands.result
FROM memory_questions AS question LEFT JOIN commands ON commands.id = question.command_id
WHERE due_at IS NULL AND (commands.id IS NULL OR commands.status NOT IN ('queued', 'running'))
ORDER BY question.created_at FOR UPDATE OF question;

-- name: put_off_question
-- A question whose answer failed is asked again later.
UPDATE memory_questions SET due_at = now() + %(pause_s)s * interval '1 second' WHERE command_id = %(command_id)s;

-- name: end_question
-- A question that is done with.
DELETE FROM memory_questions WHERE command_id = %(command_id)s;

-- name: blank_question
-- What was put to a model is in memory; its command keeps no copy, nor what was answered.
UPDATE commands SET payload = '{"taken": true}',
       result = CASE WHEN result IS NOT NULL THEN jsonb_build_object('taken', true, 'provider', result->'provider', 'model', result->'model', 'usage', result->'usage') END
WHERE id = %(command_id)s;

-- name: withdraw_questions
-- Questions that hold a forgotten text: one that waits is not asked, an answer that came isn't taken; both are put anew without it.
-- What a model is answering just now is blanked when it is taken.
UPDATE commands SET payload = '{"forgotten": true}', result = NULL,
       status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END, finished_at = CASE WHEN status = 'queued' THEN now() ELSE finished_at END
WHERE id IN (SELECT command_id FROM memory_questions WHERE memory_ids && %(ids)s::uuid[]);

-- name: known_of_user
-- The newest facts of the user that hold, and preferences that gave no fact; oldest first.
SELECT memory_id, predicate, value, origin FROM (
    SELECT memory_id, predicate, value, origin, valid_from AS since, created_at, id FROM memory_facts
    WHERE subject_key = %(subject_key)s AND valid_to IS NULL
    UNION ALL
    SELECT id, %(preference)s, text, origin, coalesce(valid_from, happened_at, created_at), created_at, id FROM memories
    WHERE kind = 'preference' AND valid_to IS NULL AND coalesce(lower(speaker), 'user') IN ('user', 'me')
      AND NOT EXISTS (SELECT FROM memory_facts WHERE memory_id = memories.id)
    ORDER BY since DESC, created_at DESC, id LIMIT %(count)s
) AS known ORDER BY since, created_at, id;

-- name: profile
-- The user's profile.
SELECT * FROM memory_profile;

-- name: save_profile
-- The profile, made anew.
INSERT INTO memory_profile (text, told_by, origin, basis, memory_ids, reason, asked)
VALUES (%(text)s, %(told_by)s, %(origin)s, %(basis)s, %(memory_ids)s, %(reason)s, %(asked)s)
ON CONFLICT (one) DO UPDATE SET text = EXCLUDED.text, told_by = EXCLUDED.told_by, origin = EXCLUDED.origin, basis = EXCLUDED.basis,
    memory_ids = EXCLUDED.memory_ids, reason = EXCLUDED.reason, asked = EXCLUDED.asked, built_at = now();

-- name: refuse_profile
-- A model's text was not taken.
UPDATE memory_profile SET reason = %(reason)s;

-- name: mark_profile_asked
-- A model is asked to tell it.
UPDATE memory_profile SET asked = true;

-- name: drop_profile
-- Nothing is known of the user.
DELETE FROM memory_profile;
