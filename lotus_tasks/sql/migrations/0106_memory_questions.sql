-- What consolidation asks models: facts of memories, a summary's better words, a profile's. One question of each kind at a time.
-- It is open until the answer of `command_id` (a providers.complete) was taken, or waits to be asked again when `due_at` is set.
ALTER TABLE memory_readings RENAME TO memory_questions;
ALTER TABLE memory_questions
    -- facts | summary | profile
    ADD COLUMN kind text NOT NULL DEFAULT 'facts',
    -- the summary that is to be written better, or the basis of the profile
    ADD COLUMN about text NOT NULL DEFAULT '',
    ADD COLUMN tries smallint NOT NULL DEFAULT 1,
    -- how many questions of its kind may follow before the next round
    ADD COLUMN more smallint NOT NULL DEFAULT 0,
    ADD COLUMN due_at timestamptz;

-- What is known of the user, told in one piece. At most one row; it is made of facts and preferences and of nothing else.
CREATE TABLE memory_profile (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    text text NOT NULL,
    -- 'rules' or the name of a model
    origin text NOT NULL,
    -- stands for the facts it was made of: another basis, another profile
    basis text NOT NULL,
    memory_ids uuid[] NOT NULL,
    -- why it is as it is
    reason text NOT NULL,
    asked boolean NOT NULL DEFAULT false,
    built_at timestamptz NOT NULL DEFAULT now()
);
