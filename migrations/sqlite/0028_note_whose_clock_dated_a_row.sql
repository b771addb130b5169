-- A row's own date is not held against the instant at which an undated row was read.
ALTER TABLE connection ADD COLUMN own_date INTEGER NOT NULL DEFAULT 0; -- 1 where the platform dated facts_at, 0 where it is the start of a reading, or not known
