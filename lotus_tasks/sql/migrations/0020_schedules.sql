-- Runs that LOTUS starts by itself: at times (schedules) and after events (subscriptions).

-- `timetable` is what the user wrote; it is read in `zone`, and an interval counts from `created_at`.
-- `next_due` NULL: there is nothing to come. `trouble`: why LOTUS paused it by itself.
CREATE TABLE schedules (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    timetable text NOT NULL,
    zone text NOT NULL,
    missed text NOT NULL CHECK (missed IN ('once', 'skip', 'all')),
    question text NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    next_due timestamptz,
    paused_at timestamptz,
    trouble text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX schedules_by_due ON schedules (next_due) WHERE next_due IS NOT NULL AND paused_at IS NULL;

-- One row a slot that was dealt with: a second tick, beat or worker finds it and starts nothing. `run_id` NULL: passed over.
CREATE TABLE schedule_slots (
    schedule_id uuid NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    slot timestamptz NOT NULL,
    run_id uuid REFERENCES runs (id) ON DELETE SET NULL,
    note text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schedule_id, slot)
);
CREATE INDEX schedule_slots_of_run ON schedule_slots (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX schedule_slots_by_age ON schedule_slots (created_at);

-- `patterns`: field → glob, all of which must match.
CREATE TABLE subscriptions (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    event text NOT NULL,
    patterns jsonb NOT NULL DEFAULT '{}',
    question text NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    per_hour int NOT NULL CHECK (per_hour > 0),
    paused_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscriptions_by_event ON subscriptions (event) WHERE paused_at IS NULL;

-- Tasks that an event starts beside those the manifests name: the outbox asks when it inserts one.
CREATE VIEW event_followers AS
    SELECT DISTINCT event, 'reasoning.follow_up' AS task FROM subscriptions WHERE paused_at IS NULL;

-- One row an event that matched: started (run_id) or held back (note).
CREATE TABLE subscription_events (
    event_id bigint NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    subscription_id uuid NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    run_id uuid REFERENCES runs (id) ON DELETE SET NULL,
    note text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, subscription_id)
);
CREATE INDEX subscription_events_by_age ON subscription_events (subscription_id, created_at);
CREATE INDEX subscription_events_of_run ON subscription_events (run_id) WHERE run_id IS NOT NULL;

-- Why a run was started that nobody typed, and whether its answer was seen.
-- `ancestry`: the subscriptions on the way from the first event to this run, its own last.
CREATE TABLE occasions (
    run_id uuid PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('schedule', 'subscription')),
    name text NOT NULL,
    reason text NOT NULL,
    ancestry uuid[] NOT NULL DEFAULT '{}',
    read_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX occasions_unread ON occasions (created_at DESC) WHERE read_at IS NULL;

-- The run whose work led here, over any number of commands and events without a run of their own; NULL where none did.
ALTER TABLE commands ADD COLUMN origin uuid;
ALTER TABLE events ADD COLUMN origin uuid;
