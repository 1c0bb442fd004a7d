-- A long conversation's earlier part, told in short: what was said up to `summary_until`.
-- `summary_outside`: it was made with text that others may have written.

ALTER TABLE conversations
    ADD COLUMN summary text NOT NULL DEFAULT '',
    ADD COLUMN summary_until timestamptz,
    ADD COLUMN summary_outside boolean NOT NULL DEFAULT false;
