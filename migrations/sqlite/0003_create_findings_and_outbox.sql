CREATE TABLE finding (
    id                  INTEGER PRIMARY KEY,
    rule                TEXT    NOT NULL,
    connection_id       INTEGER NOT NULL REFERENCES connection (id),
    credential_id       INTEGER NOT NULL REFERENCES credential (id),
    account_id          INTEGER NOT NULL REFERENCES account (id),
    state               TEXT    NOT NULL,             -- open, closed
    opening             BIGINT  NOT NULL,
    severity            TEXT    NOT NULL,
    since               BIGINT  NOT NULL,
    opened_at           BIGINT  NOT NULL,             -- of this opening
    closed_at           BIGINT,
    closed_why          TEXT,
    evidence            TEXT    NOT NULL,             -- JSON object
    mailed              BIGINT  NOT NULL,             -- 0: counted for the operator, never mailed
    last_step           BIGINT,                       -- of this opening; null before the first
    next_step_at        BIGINT,                       -- null for never
    UNIQUE (connection_id, rule, credential_id)
);
CREATE INDEX finding_open ON finding (rule, severity) WHERE state = 'open';
CREATE INDEX finding_step_due ON finding (next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX finding_by_credential ON finding (credential_id);
CREATE INDEX finding_by_account ON finding (account_id);

-- One digest for one person and run.
CREATE TABLE mail (
    id                  INTEGER PRIMARY KEY,
    run_id              BIGINT  NOT NULL,             -- the scan that formed it
    person_id           INTEGER NOT NULL REFERENCES person (id),
    message_id          TEXT    NOT NULL UNIQUE,
    state               TEXT    NOT NULL,             -- planned, claimed, sending, sent, maybe_sent, failed, cancelled
    formed_at           BIGINT  NOT NULL,
    claimed_until       BIGINT,
    maybe_sent          BIGINT  NOT NULL DEFAULT 0,   -- 1 once an attempt may have arrived
    attempts            BIGINT  NOT NULL DEFAULT 0,
    next_try_at         BIGINT,                       -- null where nothing is to be tried
    sent_at             BIGINT,
    reply               TEXT,
    error               TEXT
);
CREATE INDEX mail_due ON mail (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX mail_by_state ON mail (state);
CREATE INDEX mail_by_person ON mail (person_id, id);

-- The intent: one finding's step for one person.
CREATE TABLE notice (
    id                  INTEGER PRIMARY KEY,
    finding_id          INTEGER NOT NULL REFERENCES finding (id),
    opening             BIGINT  NOT NULL,
    step                BIGINT  NOT NULL,
    person_id           INTEGER NOT NULL REFERENCES person (id),
    planned_at          BIGINT  NOT NULL,
    mail_id             INTEGER REFERENCES mail (id), -- null until a digest takes it up
    state               TEXT    NOT NULL DEFAULT 'planned', -- planned, sent, cancelled
    UNIQUE (finding_id, opening, step, person_id)
);
CREATE INDEX notice_waiting ON notice (person_id) WHERE mail_id IS NULL AND state = 'planned';
CREATE INDEX notice_by_mail ON notice (mail_id);

CREATE TABLE suppressed (
    person_id           INTEGER PRIMARY KEY REFERENCES person (id),
    email               TEXT    NOT NULL,             -- another address of the same person is not suppressed
    until               BIGINT  NOT NULL,
    reason              TEXT    NOT NULL
);
