-- name: list_conversations
-- The conversations used last, newest first.
SELECT conversations.id, title, created_at, updated_at, count(*) AS questions
FROM conversations JOIN (SELECT conversation_id FROM runs) AS asked ON asked.conversation_id = conversations.id
GROUP BY conversations.id ORDER BY updated_at DESC LIMIT %(limit)s;

-- name: show_conversation
-- A conversation without its questions.
SELECT id, title, created_at, updated_at, summary, summary_until FROM conversations WHERE id = %(id)s;

-- name: show_turns
-- What was asked in a conversation, oldest first.
SELECT id, status, question, answer, error, created_at, finished_at FROM runs WHERE conversation_id = %(id)s ORDER BY created_at;

-- name: cancel_runs
-- Cancel what is still open in a conversation, so that no model goes on for it.
UPDATE runs SET status = 'cancelled', error = 'its conversation was deleted', finished_at = now()
WHERE conversation_id = %(id)s AND status IN ('queued', 'running', 'waiting') RETURNING id;

-- name: delete_conversation
-- Delete a conversation with its questions, answers and steps.
DELETE FROM conversations WHERE id = %(id)s RETURNING id;

-- name: lock_summary
-- A conversation's summary, locked until the transaction ends.
SELECT summary, summary_until, summary_origin FROM conversations WHERE id = %(id)s FOR UPDATE;

-- name: turns_after
-- The answered questions that no summary tells yet, oldest first.
SELECT question, answer, options ->> 'origin' AS question_origin, origin AS answer_origin, created_at FROM runs
WHERE conversation_id = %(id)s AND status = 'succeeded' AND created_at > coalesce(%(after)s, '-infinity'::timestamptz)
ORDER BY created_at;

-- name: save_summary
-- A conversation's summary and up to where it tells.
UPDATE conversations SET summary = %(summary)s, summary_until = %(until)s, summary_origin = %(origin)s WHERE id = %(id)s;

-- name: take_summary
-- The summary that a model wrote, unless a later one is there, or no model wrote it.
UPDATE conversations SET summary = left(btrim(commands.result ->> 'text'), %(characters)s)
FROM commands
WHERE commands.id = %(command_id)s AND commands.status = 'succeeded' AND commands.payload ->> 'purpose' = 'summary'
  AND commands.result ->> 'provider' <> 'offline' AND btrim(commands.result ->> 'text') <> ''
  AND conversations.id = (commands.payload ->> 'conversation_id')::uuid
  AND conversations.summary_until = (commands.payload ->> 'until')::timestamptz;
