-- Readings of what changed alone. When the last one that came to its end began, for people; from when on the next one
-- asks, and what it goes by, both null where the next reading is of everything.
ALTER TABLE source ADD COLUMN last_changes BIGINT;
ALTER TABLE source ADD COLUMN changes_from BIGINT;
ALTER TABLE source ADD COLUMN changes_basis TEXT;
