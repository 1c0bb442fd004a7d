-- What was learned of a server's models from their refusals: fields they don't know, tools they don't take, what they really hold.

CREATE TABLE provider_findings (
    server text NOT NULL,
    model text NOT NULL,
    refused text[] NOT NULL DEFAULT '{}',
    refused_at timestamptz,
    context_tokens int,
    context_at timestamptz,
    PRIMARY KEY (server, model)
);
