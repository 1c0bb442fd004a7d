-- L4: facts with the time they hold. A newer contradicting fact closes the older one and keeps it.
CREATE TABLE memory_facts (
    id uuid PRIMARY KEY,
    memory_id uuid NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
    subject text NOT NULL,
    predicate text NOT NULL,
    value text NOT NULL,
    -- the same, folded: what is compared
    subject_key text NOT NULL,
    predicate_key text NOT NULL,
    value_key text NOT NULL,
    single boolean NOT NULL,
    -- 'rules' or the name of a model
    origin text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    -- the fact that ended it; an import may bring that one later
    closed_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (memory_id, subject_key, predicate_key, value_key)
);
CREATE INDEX memory_facts_of_subject ON memory_facts (subject_key, predicate_key, valid_from);

-- examined: consolidation has looked at the memory as it is; a change of its text takes it back.
ALTER TABLE memories ADD COLUMN examined boolean NOT NULL DEFAULT false;
CREATE INDEX memories_unexamined ON memories (no) WHERE NOT examined;
