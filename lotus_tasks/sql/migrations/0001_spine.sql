-- The spine: runs, their steps, the commands that carry them on, and the events between modules.

CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    title text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_by_age ON conversations (updated_at DESC);

-- queued → running → succeeded | failed | cancelled; running → waiting → running (an approval); failed → queued (retry)
CREATE TYPE run_status AS ENUM ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled');

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    status run_status NOT NULL DEFAULT 'queued',
    question text NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    attempt int NOT NULL DEFAULT 1,
    answer text,
    result jsonb NOT NULL DEFAULT '{}',
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX runs_by_age ON runs (created_at DESC);
CREATE INDEX runs_of_conversation ON runs (conversation_id, created_at);

-- queued → running → succeeded | failed | unknown | cancelled
-- running → queued: a retry after a transient error, or handed back by a worker that stops
-- running → running: taken over after the lease ran out (the fence grows)
CREATE TYPE command_status AS ENUM ('queued', 'running', 'succeeded', 'failed', 'unknown', 'cancelled');

CREATE TABLE commands (
    id uuid PRIMARY KEY,
    run_id uuid REFERENCES runs (id) ON DELETE CASCADE,
    name text NOT NULL,
    queue text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    status command_status NOT NULL DEFAULT 'queued',
    attempt int NOT NULL DEFAULT 0,
    max_attempts int NOT NULL DEFAULT 3,
    idempotent boolean NOT NULL DEFAULT true,
    background boolean NOT NULL DEFAULT false,
    fence bigint NOT NULL DEFAULT 0,
    takeovers int NOT NULL DEFAULT 0,
    owner text,
    lease_until timestamptz,
    not_before timestamptz NOT NULL DEFAULT now(),
    sends int NOT NULL DEFAULT 0,
    next_send_at timestamptz NOT NULL DEFAULT now(),
    result jsonb,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
);
-- Never the same number twice, also where a power cut or a crash made PostgreSQL forget a claim that didn't wait for the disk.
CREATE SEQUENCE fences;
CREATE INDEX commands_open ON commands (queue, next_send_at) WHERE status IN ('queued', 'running');
CREATE INDEX commands_of_run ON commands (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX commands_ended ON commands (finished_at) WHERE finished_at IS NOT NULL;

-- waiting (for the user's yes) → running → succeeded | failed | unknown | cancelled; waiting → denied | cancelled
CREATE TABLE steps (
    run_id uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq int NOT NULL,
    kind text NOT NULL,
    command_id uuid,
    status text NOT NULL DEFAULT 'running',
    detail jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (run_id, seq)
);
CREATE UNIQUE INDEX steps_by_command ON steps (command_id) WHERE command_id IS NOT NULL;

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    name text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_by_age ON events (created_at);

-- One row a job: a tick is taken by whoever raises the slot first, so two beats never do one twice.
CREATE TABLE ticks (
    job text PRIMARY KEY,
    slot bigint NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE module_health (
    name text PRIMARY KEY,
    status text NOT NULL,
    detail text NOT NULL,
    facts jsonb NOT NULL DEFAULT '{}',
    checked_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workers (
    name text PRIMARY KEY,
    pid int NOT NULL,
    queues text[] NOT NULL,
    slots int NOT NULL,
    busy int NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
);
