-- What the user said yes to for good.

-- destination: host:example.org | server:NAME (lotus_tasks/destinations.py). run_id: of the run that asked; none where it was granted by hand.
CREATE TABLE trusted_destinations (
    destination text PRIMARY KEY,
    run_id uuid,
    granted_at timestamptz NOT NULL DEFAULT now()
);

-- What an MCP server said of a tool at the user's first yes: `digest` stands for all of it, the rest is what a change is told from.
CREATE TABLE tool_pins (
    tool text PRIMARY KEY,
    server text NOT NULL,
    digest text NOT NULL,
    description text NOT NULL,
    parameters jsonb NOT NULL,
    pinned_at timestamptz NOT NULL DEFAULT now()
);
