-- name: destinations
-- Where text may be carried without a further yes.
SELECT destination FROM trusted_destinations;

-- name: list_trusted
-- The same, for a person.
SELECT destination, granted_at, run_id FROM trusted_destinations ORDER BY destination;

-- name: trust
-- A yes for good.
INSERT INTO trusted_destinations (destination, run_id) VALUES (%(destination)s, %(run_id)s) ON CONFLICT DO NOTHING;

-- name: revoke
-- It is taken back.
DELETE FROM trusted_destinations WHERE destination = %(destination)s RETURNING destination;

-- name: pins
-- What servers said of these tools when the user said yes.
SELECT tool, digest, description, parameters FROM tool_pins WHERE tool = ANY(%(tools)s);

-- name: pin_first
-- A tool is met.
INSERT INTO tool_pins (tool, server, digest, description, parameters)
VALUES (%(tool)s, %(server)s, %(digest)s, %(description)s, %(parameters)s) ON CONFLICT DO NOTHING;

-- name: pin
-- The user said yes to a tool as its server describes it.
INSERT INTO tool_pins (tool, server, digest, description, parameters)
VALUES (%(tool)s, %(server)s, %(digest)s, %(description)s, %(parameters)s)
ON CONFLICT (tool) DO UPDATE SET server = EXCLUDED.server, digest = EXCLUDED.digest, description = EXCLUDED.description,
    parameters = EXCLUDED.parameters, pinned_at = now();
