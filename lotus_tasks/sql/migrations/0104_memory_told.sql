-- The days that a memory's own words tell of ("yesterday", "last Friday", "on 7 May 2023"), read against its time: the first and
-- the last, as days since 0001-01-01 (that one is 1); both NULL where it names none. memory/dates.py reads them.
ALTER TABLE memory_lexicon ADD COLUMN told_first int, ADD COLUMN told_last int;
