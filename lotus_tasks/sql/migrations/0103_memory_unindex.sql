-- A vector's id in Chroma holds the memory's number, so that a query needs no metadata back; removing one needs it, too.
DELETE FROM memory_unindex;
ALTER TABLE memory_unindex ADD COLUMN memory_no int NOT NULL;
UPDATE memory_vectors SET indexed = false;
