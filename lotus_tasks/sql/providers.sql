-- name: last_health
-- What the last health check found of each provider, and how long ago.
SELECT facts -> 'providers' AS providers, extract(epoch FROM now() - checked_at)::float8 AS age_s
FROM module_health WHERE name = 'providers';
