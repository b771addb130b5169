-- The inventory's frame: who and what the platform says exists. Times are milliseconds since 1970, UTC.
CREATE TABLE source (
    id                  INTEGER PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    last_complete       BIGINT,                       -- start of the last complete snapshot
    last_people         BIGINT,                       -- start of the last complete reading of the people
    last_read           BIGINT,                       -- end of the last reading, complete or not
    last_rows           BIGINT  NOT NULL DEFAULT 0,
    last_error          TEXT,
    quarantined         BIGINT  NOT NULL DEFAULT 0,   -- rows set aside by the last reading
    held_back           BIGINT  NOT NULL DEFAULT 0,   -- connections held back by vanish_limit
    held_back_people    BIGINT  NOT NULL DEFAULT 0,
    remarks             TEXT    NOT NULL DEFAULT '[]' -- JSON list of sentences
);

CREATE TABLE quarantine (
    source_id           INTEGER NOT NULL REFERENCES source (id),
    row_number          BIGINT  NOT NULL,
    field               TEXT    NOT NULL,
    reason              TEXT    NOT NULL
);
CREATE INDEX quarantine_by_source ON quarantine (source_id);

CREATE TABLE account (
    id                  INTEGER PRIMARY KEY,
    source_id           INTEGER NOT NULL REFERENCES source (id),
    external_id         TEXT    NOT NULL,
    UNIQUE (source_id, external_id)
);

CREATE TABLE person (
    id                  INTEGER PRIMARY KEY,
    source_id           INTEGER NOT NULL REFERENCES source (id),
    account_id          INTEGER NOT NULL REFERENCES account (id),
    member_id           TEXT    NOT NULL,
    email               TEXT    NOT NULL,
    role                TEXT    NOT NULL,             -- owner, member
    status              TEXT    NOT NULL,             -- active, suspended, removed
    verified            BIGINT  NOT NULL,
    locale              TEXT,
    timezone            TEXT,
    digest              TEXT    NOT NULL,
    absent_since        BIGINT,                       -- missing since that complete snapshot
    UNIQUE (account_id, member_id)
);
CREATE INDEX person_by_source ON person (source_id, id);
CREATE INDEX person_owner ON person (account_id) WHERE role = 'owner'; -- an account may have any number of members

CREATE TABLE connection (
    id                  INTEGER PRIMARY KEY,          -- dense: a bit each is enough to remember what was seen
    source_id           INTEGER NOT NULL REFERENCES source (id),
    external_id         TEXT    NOT NULL,
    account_id          INTEGER NOT NULL REFERENCES account (id),
    provider            TEXT    NOT NULL,
    name                TEXT,
    status              TEXT    NOT NULL,             -- active, paused, deleted, absent
    auth                TEXT    NOT NULL,             -- key, oauth
    created_at          BIGINT,
    deleted_at          BIGINT,
    facts_at            BIGINT  NOT NULL,
    last_sync_at        BIGINT,
    created_by          TEXT,
    running_jobs        BIGINT  NOT NULL DEFAULT 0,
    used_for            TEXT    NOT NULL DEFAULT '[]',
    tags                TEXT    NOT NULL DEFAULT '[]',
    digest              TEXT    NOT NULL,
    absent_since        BIGINT,
    judge_at            BIGINT,                       -- the earliest instant at which a verdict can change; null for never
    UNIQUE (source_id, external_id)
);
CREATE INDEX connection_due ON connection (judge_at) WHERE judge_at IS NOT NULL;
CREATE INDEX connection_by_account ON connection (account_id, id);
CREATE INDEX connection_open ON connection (source_id, id) WHERE status IN ('active', 'paused');
