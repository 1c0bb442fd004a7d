-- name: latest_events
-- The latest events, newest first.
SELECT id, name, payload, created_at FROM events
WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY id DESC LIMIT %(count)s;

-- name: newest_event
-- The highest id.
SELECT coalesce(max(id), 0) AS id FROM events;

-- name: events_after
-- Events published since, in their order.
SELECT id, name, payload, created_at FROM events
WHERE id > %(id)s AND (%(name)s::text IS NULL OR name = %(name)s)
ORDER BY id LIMIT 1000;
