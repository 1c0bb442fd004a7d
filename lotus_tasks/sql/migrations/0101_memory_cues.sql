-- What ranking reads beside terms and vectors.

-- The sign bits of the last hidden states of a memory's content tokens, 48 bytes a token (memory/adapters/minilm.py).
ALTER TABLE memory_vectors ADD COLUMN tokens bytea;
ALTER TABLE memory_vectors ALTER COLUMN tokens SET STORAGE EXTERNAL;

-- Bits that memory/cues.py gives a text: it asks, names a time, and so on.
ALTER TABLE memory_lexicon ADD COLUMN cues smallint NOT NULL DEFAULT 0;

-- Stands for a text but for case, punctuation and articles: what is told again in other dress is linked, not stored twice.
ALTER TABLE memories ADD COLUMN likeness bytea;
CREATE INDEX memories_by_likeness ON memories (likeness) WHERE likeness IS NOT NULL;
