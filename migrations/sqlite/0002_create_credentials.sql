CREATE TABLE credential (
    id                  INTEGER PRIMARY KEY,
    fingerprint         TEXT    NOT NULL UNIQUE,      -- 64 hex digits of a keyed hash
    source_id           INTEGER NOT NULL REFERENCES source (id),
    provider            TEXT    NOT NULL,
    key_id              TEXT,                         -- the public half
    region              TEXT,
    base_url            TEXT,
    kind                TEXT,                         -- which kind of key the provider took it for
    placeholder         BIGINT  NOT NULL DEFAULT 0,   -- stands in for a row without a secret
    liveness            TEXT    NOT NULL DEFAULT 'unverified',
    belief              TEXT    NOT NULL DEFAULT '{}',-- JSON of domain::belief::Belief
    parts               TEXT,                         -- JSON of the last answer's parts
    secret_since        BIGINT  NOT NULL,
    provenance          TEXT    NOT NULL,
    idle_since          BIGINT,                       -- when keysweep first saw that no use was open; null while one is
    probe_at            BIGINT                        -- when it is next looked at; null for never
);
CREATE INDEX credential_due ON credential (provider, probe_at) WHERE probe_at IS NOT NULL;

-- Sealed copies alone. A row is never deleted and never changes its size: shredding overwrites it in place, so that no
-- page keeps an older image of it (see migrations/README.md).
CREATE TABLE escrow (
    id                  INTEGER PRIMARY KEY,
    credential_id       INTEGER NOT NULL REFERENCES credential (id),
    held                BIGINT  NOT NULL,             -- 1 while the copy is whole, 0 once it is overwritten
    sealed              TEXT    NOT NULL              -- base64; all '0' once it is overwritten
);
CREATE INDEX escrow_by_credential ON escrow (credential_id, held);

CREATE TABLE use (
    id                  INTEGER PRIMARY KEY,
    connection_id       INTEGER NOT NULL REFERENCES connection (id),
    credential_id       INTEGER NOT NULL REFERENCES credential (id),
    account_id          INTEGER NOT NULL REFERENCES account (id),
    since               BIGINT  NOT NULL,
    until               BIGINT,                       -- null while open
    ended_by            TEXT,                         -- deleted, absent, replaced, identified
    ended_seen_at       BIGINT,
    ended_at_first_sight BIGINT NOT NULL DEFAULT 0,
    first_run           BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX use_by_connection ON use (connection_id, id);
CREATE INDEX use_by_credential ON use (credential_id, account_id, until);
-- Whether a credential is idle must not cost a walk over all the connections that ever shared it.
CREATE INDEX use_open_by_credential ON use (credential_id, until) WHERE until IS NULL;
CREATE UNIQUE INDEX use_open_once ON use (connection_id) WHERE until IS NULL;

-- The last acceptance per source and endpoint: what lets a refusal count (DESIGN.md 4, positive control).
CREATE TABLE control (
    source_id           BIGINT  NOT NULL,             -- 0 for the operator's own control credential
    provider            TEXT    NOT NULL,
    protocol            TEXT    NOT NULL,
    endpoint            TEXT    NOT NULL,
    accepted_at         BIGINT  NOT NULL,
    credential_id       BIGINT,                       -- who was accepted then; null for the operator's own
    other_at            BIGINT,                       -- when another than that was last accepted
    PRIMARY KEY (provider, source_id, protocol, endpoint)
);

-- Connections that a neighbour's flip made due, still to be marked, page by page.
CREATE TABLE dirty (
    kind                TEXT    NOT NULL,             -- credential, account, all
    subject_id          BIGINT  NOT NULL,
    cursor              BIGINT  NOT NULL DEFAULT 0,   -- the last connection marked
    PRIMARY KEY (kind, subject_id)
);
