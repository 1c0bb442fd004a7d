-- name: modules
-- Each module's last report and how old it is.
SELECT name, status, detail, facts, checked_at, extract(epoch FROM now() - checked_at)::float8 AS age_s FROM module_health;

-- name: workers
-- Each worker's last sign of life.
SELECT name, queues, slots, busy, extract(epoch FROM now() - seen_at)::float8 AS age_s FROM workers;

-- name: queues
-- What waits on each queue and is due, and for how long the oldest has been waiting.
SELECT queue, count(*) AS unclaimed, extract(epoch FROM now() - min(greatest(created_at, not_before)))::float8 AS oldest_s
FROM commands WHERE status = 'queued' AND not_before <= now() GROUP BY queue;

-- name: last_tick
-- How long ago beat's sweep was last done.
SELECT extract(epoch FROM now() - max(taken_at))::float8 AS last_tick_s FROM ticks WHERE job = 'system.sweep';

-- name: ended_last_hour
-- How commands ended within the last hour, how many attempts they took, and how often a lease was taken over.
SELECT status::text AS status, count(*) AS commands, coalesce(sum(attempt), 0)::bigint AS attempts,
       coalesce(sum(takeovers), 0)::bigint AS takeovers
FROM commands WHERE finished_at > now() - interval '1 hour' GROUP BY status;
