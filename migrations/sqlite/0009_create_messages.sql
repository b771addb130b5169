-- Who of the operator's is told of the log's entries: how far each endpoint was told, and what is on its way there.
CREATE TABLE endpoint (
    name                TEXT    PRIMARY KEY,
    told_up_to          BIGINT  NOT NULL              -- the last entry of the log that a message for it was planned from
);

CREATE TABLE message (
    id                  INTEGER PRIMARY KEY,
    endpoint            TEXT    NOT NULL REFERENCES endpoint (name),
    message_id          TEXT    NOT NULL UNIQUE,      -- the same at every try
    body                TEXT    NOT NULL,             -- as it is sent; empty once it was
    events              BIGINT  NOT NULL,             -- entries of the log that it tells of
    state               TEXT    NOT NULL,             -- planned, sent, given_up
    formed_at           BIGINT  NOT NULL,
    attempts            BIGINT  NOT NULL DEFAULT 0,
    next_try_at         BIGINT,                       -- null where nothing is to be tried
    ended_at            BIGINT,
    error               TEXT
);
-- Oldest first, and nothing overtakes: what is next for an endpoint is its first that is planned.
CREATE INDEX message_waiting ON message (endpoint, id) WHERE state = 'planned';
