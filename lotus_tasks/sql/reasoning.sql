-- name: insert_conversation
-- A conversation, once.
INSERT INTO conversations (id, title, title_origin) VALUES (%(id)s, %(title)s, %(origin)s)
ON CONFLICT (id) DO UPDATE SET updated_at = now();

-- name: insert_run
-- A run, accepted.
INSERT INTO runs (id, conversation_id, question, options, origin)
VALUES (%(id)s, %(conversation_id)s, %(question)s, %(options)s, %(origin)s)
RETURNING created_at;

-- name: lock_run
-- A run that is still open, with its conversation's summary, locked until the transaction ends.
SELECT runs.id, conversation_id, question, options, attempt, runs.created_at, summary, summary_until, summary_origin,
       EXISTS (SELECT FROM runs AS earlier WHERE earlier.conversation_id = runs.conversation_id
                                             AND earlier.created_at < runs.created_at) AS goes_on
FROM runs JOIN conversations ON conversations.id = conversation_id
WHERE runs.id = %(id)s AND status IN ('queued', 'running', 'waiting') FOR UPDATE OF runs;

-- name: called_tools
-- The tools that a model's answer calls, of those that it was offered.
SELECT call ->> 'name' AS name FROM commands, jsonb_array_elements(result -> 'tool_calls') AS call
WHERE id = %(command_id)s AND jsonb_typeof(result -> 'tool_calls') = 'array'
  AND payload -> 'tools' @> jsonb_build_array(jsonb_build_object('name', call ->> 'name'));

-- name: steps_with_results
-- A run's steps, each with its command's result.
SELECT steps.seq, steps.kind, steps.status, steps.origin, steps.command_id, steps.detail, commands.result,
       commands.started_at AS began_at, commands.finished_at AS ended_at
FROM steps LEFT JOIN commands ON commands.id = steps.command_id
WHERE steps.run_id = %(id)s ORDER BY steps.seq;

-- name: history
-- The conversation's answered questions between its summary and this run, oldest first.
SELECT question, answer, question_origin, answer_origin FROM (
    SELECT question, answer, options ->> 'origin' AS question_origin, origin AS answer_origin, created_at FROM runs
    WHERE conversation_id = %(conversation_id)s AND status = 'succeeded' AND created_at < %(before)s
      AND created_at > coalesce(%(after)s, '-infinity'::timestamptz)
    ORDER BY created_at DESC LIMIT %(limit)s
) AS latest ORDER BY created_at;

-- name: insert_step
-- A step.
INSERT INTO steps (run_id, seq, kind, command_id, status, origin, detail, finished_at)
VALUES (%(run_id)s, %(seq)s, %(kind)s, %(command_id)s, %(status)s, %(origin)s, %(detail)s,
        CASE WHEN %(status)s IN ('running', 'waiting') THEN NULL ELSE now() END);

-- name: end_step
-- A step's end.
UPDATE steps SET status = %(status)s, origin = %(origin)s, detail = %(detail)s, finished_at = now()
WHERE run_id = %(run_id)s AND seq = %(seq)s AND status IN ('running', 'waiting');

-- name: release_step
-- A step that waited for a yes runs now.
UPDATE steps SET status = 'running', command_id = %(command_id)s
WHERE run_id = %(run_id)s AND seq = %(seq)s AND status = 'waiting';

-- name: set_waiting
-- Whether the run waits for the user.
UPDATE runs SET status = CASE WHEN %(waits)s THEN 'waiting' ELSE 'running' END::run_status
WHERE id = %(id)s AND status IN ('queued', 'running', 'waiting');

-- name: waiting_too_long
-- Runs whose question to the user has gone unanswered.
SELECT DISTINCT run_id FROM steps WHERE status = 'waiting' AND started_at < now() - %(limit_s)s * interval '1 second' LIMIT 100;

-- name: conclude_run
-- A run's end. Its commit waits for the disk, whatever the transaction said before: what was answered stays answered.
UPDATE runs SET status = %(status)s::run_status, origin = %(origin)s, answer = %(answer)s, error = %(error)s, result = %(result)s,
                finished_at = now()
WHERE id = %(id)s AND status IN ('queued', 'running', 'waiting')
RETURNING id, set_config('synchronous_commit', 'on', true);

-- name: timings
-- Where a run's time went since it was asked, or asked again by a retry, in milliseconds: until a worker took it up, in recall,
-- until the first token, in all.
WITH asked AS (
    SELECT id, coalesce((result ->> 'retried_at')::timestamptz, created_at) AS at FROM runs WHERE id = %(id)s
)
SELECT
    extract(epoch FROM min(commands.started_at) - asked.at) * 1000 AS queued,
    (sum(extract(epoch FROM commands.finished_at - commands.started_at)) FILTER (WHERE commands.name = 'memory.recall')) * 1000 AS recall,
    extract(epoch FROM clock_timestamp() - asked.at) * 1000 AS total,
    (max(extract(epoch FROM commands.started_at - asked.at) * 1000
         + (commands.result -> 'timings_ms' ->> 'first_token')::float) FILTER (WHERE commands.name = 'providers.complete')) AS first_token
FROM asked JOIN commands ON commands.run_id = asked.id AND commands.created_at >= asked.at
GROUP BY asked.id, asked.at;

-- name: cancel_run
-- Cancel an open run.
UPDATE runs SET status = 'cancelled', error = 'cancelled by the user', finished_at = now()
WHERE id = %(id)s AND status IN ('queued', 'running', 'waiting')
RETURNING id;

-- name: cancel_commands
-- Cancel what waits for a cancelled run; what is at work sees it within a second.
UPDATE commands SET status = 'cancelled', finished_at = now() WHERE run_id = %(id)s AND status = 'queued';

-- name: cancel_steps
-- Close the steps of a cancelled run.
UPDATE steps SET status = 'cancelled', finished_at = now() WHERE run_id = %(id)s AND status IN ('running', 'waiting');

-- name: restart_run
-- A failed or cancelled run, queued again. Its result says since when, until it concludes.
UPDATE runs SET status = 'queued', attempt = attempt + 1, error = NULL, answer = NULL, finished_at = NULL,
                result = jsonb_build_object('retried_at', now())
WHERE id = %(id)s AND status IN ('failed', 'cancelled')
RETURNING id;

-- name: show_run
-- A run, whole.
SELECT runs.*, (SELECT coalesce(sum(takeovers), 0) FROM commands WHERE commands.run_id = runs.id) AS resumed,
       (SELECT count(*) FROM steps WHERE steps.run_id = runs.id) AS step_count
FROM runs WHERE id = %(id)s;

-- name: show_steps
-- A run's steps for a person.
SELECT steps.seq, steps.kind, steps.status, steps.started_at, steps.finished_at, steps.detail,
       coalesce(commands.attempt, 1) AS attempt, commands.name AS task, commands.status AS command_status,
       commands.takeovers, commands.error,
       (SELECT sum(cost_usd)::float8 FROM provider_calls WHERE provider_calls.command_id = steps.command_id) AS cost_usd
FROM steps LEFT JOIN commands ON commands.id = steps.command_id
WHERE steps.run_id = %(id)s ORDER BY steps.seq;

-- name: waiting_steps
-- What a run asks the user.
SELECT seq, detail FROM steps WHERE run_id = %(id)s AND status = 'waiting' ORDER BY seq;

-- name: list_runs
-- The latest runs.
SELECT id, conversation_id, status, question, attempt, created_at, finished_at FROM runs
WHERE %(status)s::text IS NULL OR status = %(status)s::run_status
ORDER BY created_at DESC LIMIT %(limit)s;

-- name: find_run
-- Runs whose id begins so.
SELECT id FROM runs WHERE id::text LIKE %(prefix)s || '%%' ORDER BY created_at DESC LIMIT 2;

-- name: latest_conversation
-- The conversation used last.
SELECT conversation_id AS id FROM runs ORDER BY created_at DESC LIMIT 1;

-- name: find_conversation
-- Conversations whose id begins so.
SELECT id FROM conversations WHERE id::text LIKE %(prefix)s || '%%' LIMIT 2;

-- name: counted
-- What `status` counts of reasoning: the runs that are open, and those that wait for a person.
SELECT count(*) FILTER (WHERE status <> 'waiting') AS "runs open", count(*) FILTER (WHERE status = 'waiting') AS "waiting for a yes"
FROM runs WHERE status IN ('queued', 'running', 'waiting');

-- name: forget_answers
-- Answers, questions with what was attached to them, citations and errors that quote a forgotten text word for word.
UPDATE runs SET answer = replace(answer, %(text)s, %(blank)s),
       question = CASE WHEN question LIKE %(pattern)s THEN replace(question, %(text)s, %(blank)s) ELSE question END,
       result = replace(result::text, %(json_text)s, %(json_blank)s)::jsonb, error = replace(error, %(text)s, %(blank)s),
       options = replace(options::text, %(json_text)s, %(json_blank)s)::jsonb
WHERE answer LIKE %(pattern)s OR question LIKE %(pattern)s OR result::text LIKE %(json_pattern)s OR error LIKE %(pattern)s
   OR options::text LIKE %(json_pattern)s
RETURNING id, conversation_id;

-- name: forget_details
-- Tool calls that carried a forgotten text.
UPDATE steps SET detail = replace(detail::text, %(json_text)s, %(json_blank)s)::jsonb WHERE detail::text LIKE %(json_pattern)s;

-- name: forget_titles
-- Conversations whose title is a forgotten text or begins it.
UPDATE conversations SET title = %(blank)s
WHERE title <> '' AND (title LIKE %(pattern)s OR (length(title) >= 12 AND starts_with(%(plain)s::text, rtrim(title, '… '))));

-- name: forget_summaries
-- A model told these conversations in short, in its own words; what is left of them is told anew.
UPDATE conversations SET summary = '', summary_until = NULL, summary_origin = 'outside' WHERE summary <> '' AND (id::text = ANY(%(ids)s) OR summary LIKE ANY(%(patterns)s::text[]));

-- name: forget_in_occasions
-- Why a run of a schedule or a subscription began or didn't.
UPDATE occasions SET reason = replace(reason, %(text)s, %(blank)s) WHERE reason LIKE %(pattern)s;

-- name: forget_in_troubles
-- What a schedule's trouble quotes.
UPDATE schedules SET trouble = replace(trouble, %(text)s, %(blank)s) WHERE trouble LIKE %(pattern)s;

-- name: forget_in_slots
-- What is noted of a schedule's slots.
UPDATE schedule_slots SET note = replace(note, %(text)s, %(blank)s) WHERE note LIKE %(pattern)s;

-- name: forget_in_held_back
-- What is noted of events that a subscription held back.
UPDATE subscription_events SET note = replace(note, %(text)s, %(blank)s) WHERE note LIKE %(pattern)s;
