-- name: insert_command
-- A command to be sent, once per id. `sends` 0 leaves it to the relay; 1 says that the inserter sends after its commit.
-- A command without a run keeps the run that its parent, the command whose work submits it, worked for or came from.
INSERT INTO commands (id, run_id, name, queue, payload, max_attempts, idempotent, background, not_before, sends, next_send_at,
                      origin)
VALUES (%(id)s, %(run_id)s, %(name)s, %(queue)s, %(payload)s, %(max_attempts)s, %(idempotent)s, %(background)s,
        coalesce(%(not_before)s, now()), %(sends)s,
        greatest(coalesce(%(not_before)s, now()), now() + %(grace_s)s * interval '1 second'),
        CASE WHEN %(run_id)s::uuid IS NULL
             THEN (SELECT coalesce(run_id, origin) FROM commands WHERE id = %(parent)s::uuid) END)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: wake_relay
-- Tell the relay that unsent commands are waiting.
SELECT pg_notify('lotus_commands', '');

-- name: commit_quickly
-- This transaction's commit doesn't wait for the disk: a power cut may forget it whole, with all that followed from it.
SELECT set_config('synchronous_commit', 'off', true);

-- name: publish_event
-- An event, once per key, with the run whose work led to it, and a command for each task that the manifests start for it.
-- `followers`: the tasks it starts for the user's subscriptions. No row: the event is known.
WITH origin AS (
    SELECT coalesce(%(run_id)s::uuid, (SELECT coalesce(run_id, origin) FROM commands WHERE id = %(parent)s::uuid)) AS run_id
), published AS (
    INSERT INTO events (key, name, payload, origin) SELECT %(key)s, %(name)s, %(payload)s, run_id FROM origin
    ON CONFLICT (key) DO NOTHING
    RETURNING id
), started AS (
    INSERT INTO commands (id, run_id, name, queue, payload, background, sends, next_send_at, origin)
    SELECT task.id, %(run_id)s::uuid, task.name, task.queue,
           %(payload)s || jsonb_build_object('event', %(name)s::text, 'event_id', published.id),
           %(background)s, %(sends)s, now() + %(grace_s)s * interval '1 second',
           CASE WHEN %(run_id)s::uuid IS NULL THEN origin.run_id END
    FROM published, origin, unnest(%(ids)s::uuid[], %(tasks)s::text[], %(queues)s::text[]) AS task (id, name, queue)
    ON CONFLICT (id) DO NOTHING
)
SELECT id, ARRAY(SELECT task FROM event_followers WHERE event = %(name)s) AS followers FROM published;

-- name: claim
-- Take a command: its attempt and its fence are counted here. No row: it is taken, done, not due, or out of attempts.
-- Waits for the disk only where the work can't be repeated: a claim of idempotent work that a power cut forgets is claimed again.
WITH taken AS (
    UPDATE commands
    SET status = 'running', attempt = attempt + 1, fence = nextval('fences'), owner = %(owner)s,
        takeovers = takeovers + (status = 'running')::int,
        lease_until = now() + %(lease_s)s * interval '1 second', started_at = coalesce(started_at, now())
    WHERE id = %(id)s AND attempt < max_attempts
      AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = commands.run_id AND runs.status = 'cancelled')
      AND ((status = 'queued' AND not_before <= now())
           OR (status = 'running' AND idempotent AND lease_until < now()))
    RETURNING id, run_id, name, payload, attempt, max_attempts, idempotent, fence, created_at
), started AS (
    UPDATE runs SET status = 'running', started_at = coalesce(started_at, now())
    FROM taken WHERE runs.id = taken.run_id AND runs.status = 'queued'
)
SELECT taken.*, set_config('synchronous_commit', CASE WHEN idempotent THEN 'off' ELSE 'on' END, true) FROM taken;

-- name: renew
-- Renew leases that are still ours, and learn which are not and whose run was cancelled. A row that is locked is not waited for:
-- it is being finished, which may take long, and nobody can take it over until that has ended; the others' leases would run out.
WITH held AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS held (id, fence)
), free AS (
    SELECT commands.id FROM commands JOIN held ON commands.id = held.id AND commands.fence = held.fence
    WHERE commands.status = 'running' AND %(extend)s
    FOR UPDATE OF commands SKIP LOCKED
), renewed AS (
    UPDATE commands SET lease_until = now() + %(lease_s)s * interval '1 second' FROM free WHERE commands.id = free.id
)
SELECT held.id, set_config('synchronous_commit', 'off', true),
       commands.status = 'running' AND commands.fence = held.fence AS current,
       coalesce(runs.status = 'cancelled', false) AS cancelled
FROM held JOIN commands ON commands.id = held.id LEFT JOIN runs ON runs.id = commands.run_id;

-- name: finish
-- Succeed, if the fence is still ours; who waits for a command of no run is told. `quick`: the commit doesn't wait for the disk.
UPDATE commands SET status = 'succeeded', result = %(result)s, finished_at = now(), lease_until = NULL
WHERE id = %(id)s AND fence = %(fence)s AND status = 'running'
RETURNING id, CASE WHEN run_id IS NULL THEN pg_notify('lotus_ended', id::text) END,
          CASE WHEN %(quick)s THEN set_config('synchronous_commit', 'off', true) END;

-- name: keep_result
-- What a succeeded command's result became while its transaction went on.
UPDATE commands SET result = %(result)s WHERE id = %(id)s AND fence = %(fence)s;

-- name: retry_later
-- Back to the queue after a transient error. No row: its attempts are spent, or its run was cancelled.
UPDATE commands
SET status = 'queued', error = %(error)s, lease_until = NULL, sends = 0,
    not_before = now() + %(delay_s)s * interval '1 second', next_send_at = now() + %(delay_s)s * interval '1 second'
WHERE id = %(id)s AND fence = %(fence)s AND status = 'running' AND attempt < max_attempts
  AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = commands.run_id AND runs.status = 'cancelled')
RETURNING id;

-- name: hand_back
-- Back to the queue at once, without spending the attempt: the worker is stopping. What was cancelled stays so.
UPDATE commands
SET status = CASE WHEN EXISTS (SELECT 1 FROM runs WHERE runs.id = commands.run_id AND runs.status = 'cancelled')
                  THEN 'cancelled' ELSE 'queued' END::command_status,
    takeovers = takeovers + 1, attempt = attempt - 1, lease_until = NULL, sends = 0, next_send_at = now()
WHERE id = %(id)s AND fence = %(fence)s AND status = 'running'
RETURNING id;

-- name: end_without_result
-- Fail, or be cancelled, if the fence is still ours.
UPDATE commands SET status = %(status)s::command_status, error = %(error)s, finished_at = now(), lease_until = NULL
WHERE id = %(id)s AND fence = %(fence)s AND status = 'running'
RETURNING id, run_id, name, status, error, payload ->> 'event' AS delivers;

-- name: fail_run
-- An open run that can't go on.
UPDATE runs SET status = 'failed', error = %(error)s, finished_at = now()
WHERE id = %(id)s AND status IN ('queued', 'running', 'waiting');

-- name: end_lost
-- Commands whose worker died and that must not run again: out of attempts, or not idempotent.
UPDATE commands
SET status = CASE WHEN idempotent THEN 'failed' ELSE 'unknown' END::command_status,
    error = CASE WHEN idempotent THEN name || ': its worker died ' || attempt || ' times'
                 ELSE name || ': its worker died in the middle; whether it took effect is unknown, so it was not run again' END,
    finished_at = now(), lease_until = NULL, fence = nextval('fences')
WHERE id IN (SELECT id FROM commands
             WHERE status = 'running' AND lease_until < now() AND (attempt >= max_attempts OR NOT idempotent)
             LIMIT 100 FOR UPDATE SKIP LOCKED)
RETURNING id, run_id, name, status, error, payload ->> 'event' AS delivers;

-- name: due
-- What may need a wake-up call: never sent, or sent long enough ago and still unclaimed, or its lease ran out.
-- What surely needs one comes first, whatever waits before it. `queues`: those of this LOTUS; what is on another one is left
-- until a living worker has it.
SELECT id, name, queue, sends, status = 'running' AS lost
FROM commands
WHERE status IN ('queued', 'running') AND next_send_at <= now()
  AND (queue = ANY(%(queues)s) OR queue IN (SELECT unnest(queues) FROM workers WHERE seen_at > now() - %(silent_s)s * interval '1 second'))
  AND ((status = 'queued' AND not_before <= now()) OR (status = 'running' AND lease_until < now()))
ORDER BY (status = 'running' OR sends = 0) DESC, created_at
LIMIT 1000;

-- name: take_fresh
-- Commands nobody has sent yet, on this LOTUS's queues, taken for sending; taking them needn't be on disk.
UPDATE commands SET sends = 1, next_send_at = now() + %(grace_s)s * interval '1 second'
WHERE id IN (SELECT id FROM commands
             WHERE status = 'queued' AND sends = 0 AND next_send_at <= now() AND not_before <= now() AND queue = ANY(%(queues)s)
             ORDER BY created_at LIMIT 500 FOR UPDATE SKIP LOCKED)
RETURNING id, name, queue, background, set_config('synchronous_commit', 'off', true);

-- name: stranded
-- Queues on which commands wait and that nobody has: neither this LOTUS nor a living worker.
SELECT queue, count(*) AS waiting FROM commands
WHERE status = 'queued' AND NOT queue = ANY(%(queues)s) AND NOT queue IN
      (SELECT unnest(queues) FROM workers WHERE seen_at > now() - %(silent_s)s * interval '1 second')
GROUP BY queue ORDER BY queue;

-- name: unclaimed
-- How many sent commands of each queue nobody has claimed.
SELECT queue, count(*) AS unclaimed FROM commands
WHERE status = 'queued' AND sends > 0 AND not_before <= now() GROUP BY queue;

-- name: mark_sent
-- Take commands for sending; two relays never take one twice.
UPDATE commands
SET sends = sends + 1, next_send_at = now() + least(3 * 2 ^ least(sends, 4), %(longest_s)s) * interval '1 second'
WHERE id IN (SELECT id FROM commands WHERE id = ANY(%(ids)s) AND next_send_at <= now() FOR UPDATE SKIP LOCKED)
RETURNING id, name, queue, background;

-- name: expire_leases_of
-- The worker of this name has just started, so what its former self held is free.
UPDATE commands SET lease_until = now() - interval '1 second', next_send_at = now()
WHERE status = 'running' AND owner = %(owner)s;

-- name: command
-- One command's state.
SELECT id, run_id, name, status, attempt, result, error FROM commands WHERE id = %(id)s;

-- name: record_worker
-- A worker is alive.
INSERT INTO workers (name, pid, queues, slots, busy) VALUES (%(name)s, %(pid)s, %(queues)s, %(slots)s, %(busy)s)
ON CONFLICT (name) DO UPDATE SET
    started_at = CASE WHEN workers.pid = excluded.pid THEN workers.started_at ELSE now() END,
    pid = excluded.pid, queues = excluded.queues, slots = excluded.slots, busy = excluded.busy, seen_at = now();

-- name: forget_worker
-- A worker stopped.
DELETE FROM workers WHERE name = %(name)s AND pid = %(pid)s;

-- name: record_health
-- A module's health, as its worker found it.
INSERT INTO module_health (name, status, detail, facts) VALUES (%(name)s, %(status)s, %(detail)s, %(facts)s)
ON CONFLICT (name) DO UPDATE SET
    status = excluded.status, detail = excluded.detail, facts = excluded.facts, checked_at = now();

-- name: take_tick
-- A tick is done once, whoever asks: no row when this slot, or the next one, was taken. A slot far ahead was taken by a clock
-- that has been set right since.
INSERT INTO ticks (job, slot) VALUES (%(job)s, %(slot)s)
ON CONFLICT (job) DO UPDATE SET slot = excluded.slot, taken_at = now()
    WHERE ticks.slot < excluded.slot OR ticks.slot > excluded.slot + 1
RETURNING slot;

-- name: has_open
-- Whether a command of this name is waiting or at work.
SELECT EXISTS (SELECT 1 FROM commands WHERE name = %(name)s AND status IN ('queued', 'running')) AS open;

-- name: end_unserved
-- Commands that no module serves: nothing would ever claim them.
UPDATE commands
SET status = 'failed', error = 'no module serves ' || name, finished_at = now()
WHERE status = 'queued' AND NOT name = ANY(%(names)s)
RETURNING id, run_id, name, status, error, payload ->> 'event' AS delivers;

-- name: prune_commands
-- Ended commands that belong to no run; those that succeeded sooner.
DELETE FROM commands
WHERE run_id IS NULL AND finished_at < now() - %(done_keep_days)s * interval '1 day'
  AND (status = 'succeeded' OR finished_at < now() - %(keep_days)s * interval '1 day');

-- name: prune_payloads
-- What the commands of a run were given, prompts above all, once it is over for good; a cancelled run's may be needed by a retry
-- for a while, a failed run's for ever.
UPDATE commands SET payload = '{"pruned": true}' FROM runs
WHERE runs.id = commands.run_id AND runs.status IN ('succeeded', 'cancelled')
  AND runs.finished_at < now() - interval '1 day'
                             * CASE runs.status WHEN 'succeeded' THEN %(done_keep_days)s ELSE %(keep_days)s END
  AND commands.finished_at IS NOT NULL AND commands.payload <> '{"pruned": true}';

-- name: prune_events
-- Events older than the limit.
DELETE FROM events WHERE created_at < now() - %(keep_days)s * interval '1 day';

-- name: prune_workers
-- Workers that stopped without a word.
DELETE FROM workers WHERE seen_at < now() - interval '1 hour';

-- name: forget_in_commands
-- Commands that hold a forgotten text word for word.
UPDATE commands SET payload = replace(payload::text, %(json_text)s, %(json_blank)s)::jsonb, result = replace(result::text, %(json_text)s, %(json_blank)s)::jsonb,
       error = replace(error, %(text)s, %(blank)s)
WHERE status NOT IN ('queued', 'running') AND (payload::text LIKE %(json_pattern)s OR result::text LIKE %(json_pattern)s OR error LIKE %(pattern)s);

-- name: forget_in_events
-- Events that hold a forgotten text word for word.
UPDATE events SET payload = replace(payload::text, %(json_text)s, %(json_blank)s)::jsonb WHERE payload::text LIKE %(json_pattern)s;
