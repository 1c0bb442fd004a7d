-- name: insert_occasion
-- Why LOTUS started a run by itself.
INSERT INTO occasions (run_id, kind, name, reason, ancestry)
VALUES (%(run_id)s, %(kind)s, %(name)s, %(reason)s, %(ancestry)s);

-- name: list_inbox
-- Answers, unread unless all are wanted, and runs that wait for a yes, whoever asked; newest first.
SELECT runs.id, coalesce(occasions.kind, 'ask') AS kind, coalesce(occasions.name, 'ask') AS name,
       coalesce(occasions.reason, 'you asked') AS reason, occasions.read_at, runs.status, runs.question, runs.answer,
       runs.error, runs.created_at, runs.finished_at
FROM runs LEFT JOIN occasions ON occasions.run_id = runs.id
WHERE runs.status = 'waiting' AND (%(all)s OR occasions.read_at IS NULL)
   OR occasions.run_id IS NOT NULL AND runs.status IN ('succeeded', 'failed') AND (%(all)s OR occasions.read_at IS NULL)
ORDER BY coalesce(runs.finished_at, runs.created_at) DESC, runs.id LIMIT %(limit)s;

-- name: find_inbox
-- What is in the inbox under this beginning of a run's id.
SELECT runs.id FROM runs LEFT JOIN occasions ON occasions.run_id = runs.id
WHERE runs.id::text LIKE %(prefix)s || '%%' AND (occasions.run_id IS NOT NULL OR runs.status = 'waiting') LIMIT 2;

-- name: occasion
-- Why a run was started.
SELECT coalesce(kind, 'ask') AS kind, coalesce(name, 'ask') AS name, coalesce(reason, 'you asked') AS reason, read_at
FROM runs LEFT JOIN occasions ON run_id = runs.id WHERE runs.id = %(id)s;

-- name: mark_read
-- One answer was seen.
UPDATE occasions SET read_at = now() WHERE run_id = %(id)s AND read_at IS NULL;

-- name: clear_inbox
-- Every answer there is was seen; what waits for a yes stays.
UPDATE occasions SET read_at = now() FROM runs
WHERE runs.id = occasions.run_id AND runs.status IN ('succeeded', 'failed') AND occasions.read_at IS NULL
RETURNING run_id;

-- name: count_under_way
-- How many runs of schedules and subscriptions have no answer yet.
SELECT count(*) AS open FROM occasions JOIN runs ON runs.id = occasions.run_id WHERE runs.status IN ('queued', 'running');
