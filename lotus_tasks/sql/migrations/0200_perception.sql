-- Perception: what LOTUS has read, one row a source, and the chunks that its newest version was cut into.

-- status: captured (its chunks are below) | skipped (nothing to read in it; `reason` says why) | failed (it could not be read)
-- A newer version of a source is a new percept with a new id; the older one goes, and its chunks with it.
CREATE TABLE percepts (
    id uuid PRIMARY KEY,
    source text NOT NULL UNIQUE,
    kind text NOT NULL,
    status text NOT NULL,
    reason text,
    content_hash text NOT NULL,
    size_bytes bigint NOT NULL,
    modified_at timestamptz,
    chunker int NOT NULL,
    chunk_count int NOT NULL DEFAULT 0,
    -- the commands that its percept.captured started: it is remembered once they have succeeded
    follow_ups uuid[] NOT NULL DEFAULT '{}',
    read_at timestamptz NOT NULL,
    captured_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX percepts_by_age ON percepts (captured_at DESC);

-- heading: the path of headings above the chunk, "Boat › Keys"; empty where there is none.
CREATE TABLE percept_chunks (
    percept_id uuid NOT NULL REFERENCES percepts (id) ON DELETE CASCADE,
    seq int NOT NULL,
    source text NOT NULL,
    heading text NOT NULL DEFAULT '',
    text text NOT NULL,
    PRIMARY KEY (percept_id, seq)
);
