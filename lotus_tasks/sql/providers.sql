-- name: last_health
-- What the last health check found of each provider, and how long ago.
SELECT facts -> 'providers' AS providers, extract(epoch FROM now() - checked_at)::float8 AS age_s
FROM module_health WHERE name = 'providers';

-- name: insert_call
-- One call to a model, answered or failed.
INSERT INTO provider_calls (command_id, provider, model, started_at, input_tokens, output_tokens, estimated, cost_usd,
                            first_token_ms, total_ms, failure)
VALUES (%(command_id)s, %(provider)s, %(model)s, %(started_at)s, %(input_tokens)s, %(output_tokens)s, %(estimated)s,
        %(cost_usd)s, %(first_token_ms)s, %(total_ms)s, %(failure)s);

-- name: usage_by_day
-- Calls, failures, latency, tokens and cost by day (in the session's time zone), provider and model, latest first.
SELECT started_at::date AS day, provider, model,
       count(*) AS calls,
       count(failure) AS failed,
       round(count(failure)::numeric / count(*), 4)::float8 AS error_rate,
       array_remove(array_agg(DISTINCT failure), NULL) AS failures,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY first_token_ms) FILTER (WHERE failure IS NULL))::float8 AS first_token_ms_p50,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY total_ms) FILTER (WHERE failure IS NULL))::float8 AS total_ms_p50,
       sum(input_tokens)::bigint AS input_tokens,
       sum(output_tokens)::bigint AS output_tokens,
       bool_or(estimated AND failure IS NULL) AS estimated,
       sum(cost_usd)::float8 AS cost_usd
FROM provider_calls
WHERE started_at >= now() - %(days)s * interval '1 day'
GROUP BY day, provider, model
ORDER BY day DESC, calls DESC, provider, model;

-- name: spent_since
-- What a provider's calls have cost since a moment.
SELECT coalesce(sum(cost_usd), 0)::float8 AS usd FROM provider_calls
WHERE provider = %(provider)s AND started_at >= %(since)s;

-- name: prune_calls
-- Calls older than the limit.
DELETE FROM provider_calls WHERE started_at < now() - %(keep_days)s * interval '1 day';

-- name: forget_in_failures
-- What a server said when a call failed, where that quotes a forgotten text.
UPDATE provider_calls SET failure = replace(failure, %(text)s, %(blank)s) WHERE failure LIKE %(pattern)s;

-- name: findings
-- What is known of servers' models, as far as it isn't too old.
SELECT server, model,
       CASE WHEN refused_at > now() - %(refused_s)s * interval '1 second' THEN refused ELSE '{}' END AS refused,
       CASE WHEN context_at > now() - %(context_s)s * interval '1 second' THEN context_tokens END AS context_tokens
FROM provider_findings
WHERE refused_at > now() - %(refused_s)s * interval '1 second' OR context_at > now() - %(context_s)s * interval '1 second';

-- name: note_refused
-- A model refused these fields; what was known of it before stays, unless it is too old.
INSERT INTO provider_findings AS known (server, model, refused, refused_at)
VALUES (%(server)s, %(model)s, %(refused)s, now())
ON CONFLICT (server, model) DO UPDATE SET
    refused = ARRAY(SELECT DISTINCT unnest(
        CASE WHEN known.refused_at > now() - %(refused_s)s * interval '1 second' THEN known.refused ELSE '{}' END || excluded.refused
    )),
    refused_at = now();

-- name: note_context
-- What a model really holds.
INSERT INTO provider_findings (server, model, context_tokens, context_at)
VALUES (%(server)s, %(model)s, %(context_tokens)s, now())
ON CONFLICT (server, model) DO UPDATE SET context_tokens = excluded.context_tokens, context_at = excluded.context_at;

-- name: prune_findings
-- Findings that are too old.
DELETE FROM provider_findings
WHERE greatest(refused_at, context_at) < now() - %(keep_days)s * interval '1 day';
