-- name: insert_schedule
-- A schedule; no row where the name is taken.
INSERT INTO schedules (id, name, timetable, zone, missed, question, options, next_due, created_at)
VALUES (%(id)s, %(name)s, %(timetable)s, %(zone)s, %(missed)s, %(question)s, %(options)s, %(next_due)s, %(now)s)
ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: list_schedules
-- All schedules with their last run, the next due first.
SELECT schedules.*, latest.slot AS last_slot, latest.run_id AS last_run_id, runs.status AS last_status,
       (SELECT CASE WHEN run_id IS NULL THEN note END FROM schedule_slots WHERE schedule_id = schedules.id
        ORDER BY slot DESC LIMIT 1) AS last_note
FROM schedules
LEFT JOIN LATERAL (SELECT slot, run_id FROM schedule_slots
                   WHERE schedule_id = schedules.id AND run_id IS NOT NULL ORDER BY slot DESC LIMIT 1) AS latest ON true
LEFT JOIN runs ON runs.id = latest.run_id
ORDER BY schedules.next_due NULLS LAST, schedules.name;

-- name: find_schedule
-- The schedule of this name, else those whose id begins so.
SELECT * FROM schedules WHERE name = %(wanted)s OR (id::text LIKE %(prefix)s || '%%')
ORDER BY name = %(wanted)s DESC LIMIT 2;

-- name: latest_slots
-- A schedule's latest due times.
SELECT slot, run_id, note, runs.status FROM schedule_slots LEFT JOIN runs ON runs.id = run_id
WHERE schedule_id = %(id)s ORDER BY slot DESC LIMIT 10;

-- name: pause_schedule
-- Nothing is due until it is resumed.
UPDATE schedules SET paused_at = coalesce(paused_at, %(now)s) WHERE id = %(id)s;

-- name: resume_schedule
-- Due again; what would have been due during the pause is not made up for.
UPDATE schedules SET paused_at = NULL, trouble = NULL, next_due = %(next_due)s WHERE id = %(id)s;

-- name: remove_schedule
-- Gone; the runs it started stay.
DELETE FROM schedules WHERE id = %(id)s;

-- name: is_any_due
-- Whether there is anything to start.
SELECT EXISTS (SELECT 1 FROM schedules WHERE next_due <= %(now)s AND paused_at IS NULL) AS due;

-- name: lock_due
-- What is due, locked; what another worker is starting is left to it.
SELECT * FROM schedules WHERE next_due <= %(now)s AND paused_at IS NULL
ORDER BY next_due LIMIT 50 FOR UPDATE SKIP LOCKED;

-- name: unfinished_run
-- A run that a schedule's time started and that has not ended; one by hand is no time of its own.
SELECT runs.id FROM schedule_slots JOIN runs ON runs.id = run_id
WHERE schedule_id = %(id)s AND note IS NULL AND runs.status IN ('queued', 'running', 'waiting') LIMIT 1;

-- name: take_slot
-- A due time is dealt with once: no row where it was.
INSERT INTO schedule_slots (schedule_id, slot, note) VALUES (%(schedule_id)s, %(slot)s, %(note)s)
ON CONFLICT (schedule_id, slot) DO NOTHING RETURNING slot;

-- name: set_slot_run
-- The run that a due time got.
UPDATE schedule_slots SET run_id = %(run_id)s WHERE schedule_id = %(schedule_id)s AND slot = %(slot)s;

-- name: set_next_due
-- When it is due again; NULL: never.
UPDATE schedules SET next_due = %(next_due)s WHERE id = %(id)s;

-- name: set_trouble
-- Paused by LOTUS itself, which can't read it any more.
UPDATE schedules SET paused_at = %(now)s, trouble = %(trouble)s WHERE id = %(id)s;

-- name: prune_slots
-- Due times dealt with long ago: `next_due` has passed them.
DELETE FROM schedule_slots WHERE created_at < now() - %(keep_days)s * interval '1 day';
