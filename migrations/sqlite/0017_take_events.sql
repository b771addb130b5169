-- What the platform tells by events. A connection has three dates, for what an event leaves out stays as it was known.
ALTER TABLE connection ADD COLUMN told_at BIGINT;                   -- when an event last told of it, by our clock; null where none did
ALTER TABLE connection ADD COLUMN row_at BIGINT;                    -- how old its facts are, but for its status; null: as facts_at
ALTER TABLE connection ADD COLUMN secret_at BIGINT;                 -- how old the last word on its secret is; null: as facts_at
ALTER TABLE person ADD COLUMN told_at BIGINT;                       -- likewise
ALTER TABLE person ADD COLUMN facts_at BIGINT;                      -- how old these facts are; null where that is not known
ALTER TABLE source ADD COLUMN last_event BIGINT;                    -- when an event was last taken; null for never

-- Which messages were taken: one that comes again does nothing. Kept for a few days.
CREATE TABLE delivery (
    source_id           INTEGER NOT NULL REFERENCES source (id),
    message_id          TEXT    NOT NULL,
    at                  BIGINT  NOT NULL,
    PRIMARY KEY (source_id, message_id)
);
CREATE INDEX delivery_at ON delivery (at);

-- Credentials of uses that an event ended: asked about at once, until that is done.
CREATE TABLE awaited (
    credential_id       INTEGER PRIMARY KEY REFERENCES credential (id),
    at                  BIGINT  NOT NULL
);

-- How often the inventory was written: who compares with what is known, and then writes, finds out whether another was faster.
CREATE TABLE turn (
    id                  INTEGER PRIMARY KEY CHECK (id = 1),
    number              BIGINT  NOT NULL
);
