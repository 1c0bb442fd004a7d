-- Where every text comes from: user | model | own_file | tool:NAME | outside (lotus_tasks/origins.py). What says nothing is outside.
-- Rows from before get the least trusted origin that is true of them.

ALTER TABLE conversations
    ADD COLUMN title_origin text NOT NULL DEFAULT 'outside',
    ADD COLUMN summary_origin text NOT NULL DEFAULT 'outside';
UPDATE conversations SET
    summary_origin = CASE WHEN summary_outside THEN 'outside' ELSE 'model' END,
    title_origin = CASE WHEN (SELECT coalesce((options ->> 'outside')::boolean, false) FROM runs WHERE conversation_id = conversations.id
                              ORDER BY created_at LIMIT 1) IS FALSE THEN 'user' ELSE 'outside' END;
ALTER TABLE conversations DROP COLUMN summary_outside;

-- origin: the least trusted thing that the run's model saw; of its question alone, see options.
ALTER TABLE runs ADD COLUMN origin text NOT NULL DEFAULT 'outside';
UPDATE runs SET origin = 'model' WHERE result ->> 'outside' = 'false';
UPDATE runs SET
    result = result - 'outside',
    options = (options - 'outside') || jsonb_build_object(
        'origin', CASE WHEN coalesce((options ->> 'outside')::boolean, false) THEN 'outside' ELSE 'user' END,
        'schema_origin', 'own_file',
        'attachments', coalesce((
            SELECT jsonb_agg(one || jsonb_build_object('origin', CASE WHEN one ->> 'name' = 'standard input' THEN 'outside' ELSE 'own_file' END)
                             ORDER BY place)
            FROM jsonb_array_elements(CASE WHEN jsonb_typeof(options -> 'attachments') = 'array' THEN options -> 'attachments' ELSE '[]' END)
                 WITH ORDINALITY AS listed (one, place)), '[]'));

ALTER TABLE steps ADD COLUMN origin text NOT NULL DEFAULT 'outside';
UPDATE steps SET origin = CASE
    WHEN steps.kind = 'act' AND (steps.command_id IS NULL OR commands.result ->> 'outside' = 'false') THEN 'model'
    WHEN steps.kind = 'act' THEN 'tool:' || left(regexp_replace(coalesce(steps.detail ->> 'tool', '_'), '[^a-zA-Z0-9_.-]', '_', 'g'), 80)
    ELSE runs.origin END
FROM runs, steps AS itself LEFT JOIN commands ON commands.id = itself.command_id
WHERE runs.id = steps.run_id AND itself.run_id = steps.run_id AND itself.seq = steps.seq;

ALTER TABLE memories ADD COLUMN origin text NOT NULL DEFAULT 'outside';
UPDATE memories SET
    provenance = provenance - 'origin',
    origin = CASE
        WHEN provenance ->> 'origin' = 'outside' THEN 'outside'
        WHEN kind = 'chunk' THEN CASE WHEN starts_with(source, '/') THEN 'own_file' ELSE 'outside' END
        WHEN kind IN ('answer', 'summary') OR provenance ->> 'tool' = 'remember' THEN 'model'
        ELSE 'user' END;

ALTER TABLE percept_chunks ADD COLUMN origin text NOT NULL DEFAULT 'outside';
UPDATE percept_chunks SET origin = 'own_file' WHERE starts_with(source, '/');

-- told_by: 'rules' or the name of a model.
ALTER TABLE memory_facts RENAME COLUMN origin TO told_by;
ALTER TABLE memory_facts ADD COLUMN origin text NOT NULL DEFAULT 'outside';
UPDATE memory_facts SET origin = CASE WHEN memories.origin = 'user' AND told_by <> 'rules' THEN 'model' ELSE memories.origin END
FROM memories WHERE memories.id = memory_id;

ALTER TABLE memory_profile RENAME COLUMN origin TO told_by;
ALTER TABLE memory_profile ADD COLUMN origin text NOT NULL DEFAULT 'outside';
UPDATE memory_profile SET origin = 'model'
WHERE NOT EXISTS (SELECT FROM memories WHERE id = ANY(memory_ids) AND origin NOT IN ('user', 'model'));
