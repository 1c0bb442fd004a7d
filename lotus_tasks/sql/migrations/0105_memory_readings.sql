-- What a model was asked to read facts from. `command_id` is the providers.complete; its answer is taken by a later round of
-- consolidation, which is the one that ends the row.
CREATE TABLE memory_readings (
    command_id uuid PRIMARY KEY,
    memory_ids uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- asked: a model has been given the memory, or need not be. What was there before is not asked of all at once.
ALTER TABLE memories ADD COLUMN asked boolean NOT NULL DEFAULT true;
ALTER TABLE memories ALTER COLUMN asked SET DEFAULT false;
CREATE INDEX memories_unasked ON memories (no) WHERE NOT asked;
