-- Every call to a model, failed ones too: latency, error rate, tokens and cost come from here.

CREATE TABLE provider_calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command_id uuid NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    started_at timestamptz NOT NULL,
    input_tokens int NOT NULL,
    output_tokens int NOT NULL,
    estimated boolean NOT NULL,
    cost_usd numeric(14, 8) NOT NULL,
    first_token_ms real,
    total_ms real NOT NULL,
    failure text
);
CREATE INDEX provider_calls_by_day ON provider_calls (started_at, provider);
