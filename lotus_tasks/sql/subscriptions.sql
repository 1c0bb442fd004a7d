-- name: insert_subscription
-- A subscription; no row where the name is taken.
INSERT INTO subscriptions (id, name, event, patterns, question, options, per_hour)
VALUES (%(id)s, %(name)s, %(event)s, %(patterns)s, %(question)s, %(options)s, %(per_hour)s)
ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: list_subscriptions
-- All subscriptions with what they started and held back.
SELECT subscriptions.*, coalesce(counts.started, 0) AS started, coalesce(counts.held_back, 0) AS held_back, counts.last_at,
       (SELECT note FROM subscription_events WHERE subscription_id = subscriptions.id AND note IS NOT NULL
        ORDER BY created_at DESC LIMIT 1) AS last_note
FROM subscriptions
LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE note IS NULL) AS started, count(*) FILTER (WHERE note IS NOT NULL) AS held_back,
                          max(created_at) AS last_at
                   FROM subscription_events WHERE subscription_id = subscriptions.id) AS counts ON true
ORDER BY subscriptions.created_at;

-- name: find_subscription
-- The subscription of this name, else those whose id begins so.
SELECT * FROM subscriptions WHERE name = %(wanted)s OR (id::text LIKE %(prefix)s || '%%')
ORDER BY name = %(wanted)s DESC LIMIT 2;

-- name: pause_subscription
-- Events of this time start nothing.
UPDATE subscriptions SET paused_at = coalesce(paused_at, now()) WHERE id = %(id)s;

-- name: resume_subscription
-- Events from now on count again.
UPDATE subscriptions SET paused_at = NULL WHERE id = %(id)s;

-- name: remove_subscription
-- Gone; the runs it started stay.
DELETE FROM subscriptions WHERE id = %(id)s;

-- name: event_with_ancestry
-- An event, and the subscriptions that led to the run whose work published it.
SELECT events.name, events.payload, events.created_at, coalesce(occasions.ancestry, '{}') AS ancestry
FROM events LEFT JOIN occasions ON occasions.run_id = events.origin WHERE events.id = %(id)s;

-- name: subscriptions_to
-- Who subscribed to an event before it happened.
SELECT * FROM subscriptions WHERE event = %(event)s AND paused_at IS NULL AND created_at <= %(published_at)s ORDER BY id;

-- name: lock_subscription
-- One subscription, locked, so that two events are counted one after the other.
SELECT id FROM subscriptions WHERE id = %(id)s AND paused_at IS NULL FOR UPDATE;

-- name: count_started
-- How many runs it started since.
SELECT count(*) AS started FROM subscription_events
WHERE subscription_id = %(id)s AND note IS NULL AND created_at > %(since)s;

-- name: take_event
-- An event is dealt with once by each subscription: no row where it was.
INSERT INTO subscription_events (event_id, subscription_id, note, created_at)
VALUES (%(event_id)s, %(id)s, %(note)s, %(now)s)
ON CONFLICT (event_id, subscription_id) DO NOTHING RETURNING event_id;

-- name: set_event_run
-- The run that an event got.
UPDATE subscription_events SET run_id = %(run_id)s WHERE event_id = %(event_id)s AND subscription_id = %(id)s;
