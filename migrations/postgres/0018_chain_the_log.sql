-- What shows that the event log is as it was written: each link covers the one before it and the entries since.
CREATE TABLE chain (
    up_to                BIGINT           PRIMARY KEY,                   -- the last entry that it covers
    mac                  TEXT COLLATE "C" NOT NULL                       -- under a key that the database doesn't have
);
CREATE TRIGGER chain_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only();
