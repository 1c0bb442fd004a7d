-- name: run
-- Runs a person may mean, the latest first: a short id, and the question.
SELECT left(id::text, 8), left(regexp_replace(question, '\s+', ' ', 'g'), 60) FROM runs ORDER BY created_at DESC LIMIT 30;

-- name: waiting_run
-- Runs that wait for a yes.
SELECT left(id::text, 8), left(regexp_replace(question, '\s+', ' ', 'g'), 60) FROM runs WHERE status = 'waiting'
ORDER BY created_at DESC LIMIT 30;

-- name: open_run
-- Runs that can be cancelled.
SELECT left(id::text, 8), left(regexp_replace(question, '\s+', ' ', 'g'), 60) FROM runs
WHERE status IN ('queued', 'running', 'waiting') ORDER BY created_at DESC LIMIT 30;

-- name: ended_run
-- Runs that can be tried again.
SELECT left(id::text, 8), left(regexp_replace(question, '\s+', ' ', 'g'), 60) FROM runs
WHERE status IN ('failed', 'cancelled') ORDER BY created_at DESC LIMIT 30;

-- name: answer
-- What is in the inbox.
SELECT left(run_id::text, 8), name FROM occasions JOIN runs ON runs.id = run_id ORDER BY runs.created_at DESC LIMIT 30;

-- name: conversation
-- The conversations used last.
SELECT left(id::text, 8), left(regexp_replace(title, '\s+', ' ', 'g'), 60) FROM conversations ORDER BY updated_at DESC LIMIT 30;

-- name: memory
-- The newest memories.
SELECT left(id::text, 8), left(regexp_replace(text, '\s+', ' ', 'g'), 60) FROM memories ORDER BY created_at DESC LIMIT 30;

-- name: schedule
-- Schedules by name.
SELECT name, timetable FROM schedules ORDER BY name;

-- name: subscription
-- Subscriptions by name.
SELECT name, event FROM subscriptions ORDER BY name;

-- name: provider
-- Providers as the last health check found them.
SELECT one ->> 'name', coalesce(one ->> 'model', '') FROM module_health, jsonb_array_elements(facts -> 'providers') AS one
WHERE module_health.name = 'providers';

-- name: model
-- Models that the last health check found.
SELECT DISTINCT model, one ->> 'name' FROM module_health, jsonb_array_elements(facts -> 'providers') AS one,
jsonb_array_elements_text(coalesce(one -> 'models', '[]') || jsonb_build_array(one ->> 'model')) AS model
WHERE module_health.name = 'providers' AND model <> '';

-- name: trusted
-- Destinations that text may be carried to.
SELECT destination, to_char(granted_at, 'YYYY-MM-DD') FROM trusted_destinations ORDER BY destination;
