-- Memory: every memory is a row here. Redis and Chroma hold nothing that cannot be rebuilt from these tables.

-- A stretch of a thread that belongs together: one sitting of a conversation, one heading of a document.
CREATE TABLE memory_segments (
    no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread text NOT NULL,
    key text NOT NULL,
    UNIQUE (thread, key)
);

-- kind: note | turn | question | answer | chunk | preference | fact | summary
-- tier: 1 working, 2 short-term, 3 long-term, 4 persistent; moved by consolidation, each move recorded in memory_changes
CREATE TABLE memories (
    id uuid PRIMARY KEY,
    no int GENERATED ALWAYS AS IDENTITY UNIQUE,
    text text NOT NULL,
    kind text NOT NULL,
    tier smallint NOT NULL,
    importance real NOT NULL DEFAULT 0.5,
    source text NOT NULL,
    provenance jsonb NOT NULL DEFAULT '{}',
    thread text,
    segment_no int REFERENCES memory_segments (no),
    position int NOT NULL DEFAULT 0,
    speaker text,
    happened_at timestamptz,
    valid_from timestamptz,
    valid_to timestamptz,
    identity bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX memories_of_source ON memories (source);
CREATE INDEX memories_of_thread ON memories (thread, position) WHERE thread IS NOT NULL;
CREATE INDEX memories_by_tier ON memories (tier, created_at);
CREATE INDEX memories_by_age ON memories (created_at);

-- Every place a memory was met: the chunks of a source, and what was told again and therefore not stored again.
CREATE TABLE memory_sources (
    memory_id uuid NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
    source text NOT NULL,
    seq int NOT NULL DEFAULT 0,
    percept_id uuid,
    wording text,
    met_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, seq, memory_id)
);
CREATE INDEX memory_sources_of_memory ON memory_sources (memory_id);

-- The BM25 index, kept in the transaction that writes the memory.
CREATE TABLE memory_terms (
    no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term text NOT NULL UNIQUE
);
CREATE TABLE memory_lexicon (
    memory_no int PRIMARY KEY REFERENCES memories (no) ON DELETE CASCADE,
    terms int[] NOT NULL,
    counts smallint[] NOT NULL,
    length int NOT NULL
);
CREATE TABLE memory_postings (
    term_no int NOT NULL,
    memory_no int NOT NULL,
    count smallint NOT NULL,
    PRIMARY KEY (term_no, memory_no) INCLUDE (count)
);
-- Recall reads postings from the index alone, which needs the visibility map to be fresh.
ALTER TABLE memory_postings SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 10000);

-- Unit vectors as little-endian float16: what Chroma is rebuilt from without embedding again.
-- indexed: the vector has been written to Chroma.
CREATE TABLE memory_vectors (
    memory_no int PRIMARY KEY REFERENCES memories (no) ON DELETE CASCADE,
    embedder text NOT NULL,
    vector bytea NOT NULL,
    indexed boolean NOT NULL DEFAULT false
);
ALTER TABLE memory_vectors ALTER COLUMN vector SET STORAGE PLAIN;
CREATE INDEX memory_vectors_unindexed ON memory_vectors (memory_no) WHERE NOT indexed;

-- Vectors of deleted memories that are still in Chroma.
CREATE TABLE memory_unindex (
    memory_id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Why a memory is as it is: one row a change. `before` and `after` hold what the change touched and no more.
CREATE TABLE memory_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    memory_id uuid NOT NULL,
    action text NOT NULL,
    reason text NOT NULL,
    before jsonb,
    after jsonb,
    command_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX memory_changes_of_memory ON memory_changes (memory_id, id);

-- One row. `store` tells this store's vectors from another's on a shared Chroma; `generation` grows when a memory that recall
-- may hold in its process has changed or gone; `lexicon` and `embedder` say what the indexes were made with.
CREATE TABLE memory_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    store uuid NOT NULL DEFAULT gen_random_uuid(),
    generation bigint NOT NULL DEFAULT 0,
    lexicon text NOT NULL DEFAULT '',
    embedder text NOT NULL DEFAULT ''
);
INSERT INTO memory_state DEFAULT VALUES;
