-- What shows that the event log is as it was written: each link covers the one before it and the entries since.
CREATE TABLE chain (
    up_to               INTEGER PRIMARY KEY,          -- the last entry that it covers
    mac                 TEXT    NOT NULL              -- under a key that the database doesn't have
);
CREATE TRIGGER chain_is_append_only_update BEFORE UPDATE ON chain
BEGIN
    SELECT raise(ABORT, 'the event log is append-only');
END;
CREATE TRIGGER chain_is_append_only_delete BEFORE DELETE ON chain
BEGIN
    SELECT raise(ABORT, 'the event log is append-only');
END;
