CREATE TABLE scan (
    id                  INTEGER PRIMARY KEY,
    started_at          BIGINT  NOT NULL,
    finished_at         BIGINT,
    outcome             TEXT,                         -- complete, incomplete, failed, interrupted, killed; null while it runs
    counts              TEXT    NOT NULL DEFAULT '{}' -- JSON object
);

-- Append-only: transitions, findings, mails, people's acts.
CREATE TABLE event (
    id                  INTEGER PRIMARY KEY,
    at                  BIGINT  NOT NULL,
    kind                TEXT    NOT NULL,
    subject             TEXT    NOT NULL,
    data                TEXT    NOT NULL
);
CREATE INDEX event_by_subject ON event (subject, id);
CREATE TRIGGER event_is_append_only_update BEFORE UPDATE ON event
BEGIN
    SELECT raise(ABORT, 'the event log is append-only');
END;
CREATE TRIGGER event_is_append_only_delete BEFORE DELETE ON event
BEGIN
    SELECT raise(ABORT, 'the event log is append-only');
END;

CREATE TABLE meta (
    key                 TEXT    PRIMARY KEY,          -- ledger_id, wrapped_key, master_key_id, mail_mode, judged_under
    value               TEXT    NOT NULL
);
