-- What people do about a finding, and the links by which they do it.
ALTER TABLE finding ADD COLUMN pause TEXT;                          -- snoozed, acknowledged, pending; null where nobody asked for quiet
ALTER TABLE finding ADD COLUMN pause_until BIGINT;                  -- no reminder before then; null likewise
ALTER TABLE finding ADD COLUMN reset_at BIGINT;                     -- when somebody last said, in this opening, that the secret was reset

CREATE TABLE link (
    hash                TEXT    PRIMARY KEY,          -- SHA-256 of the token, which stands in the mail alone
    person_id           INTEGER NOT NULL REFERENCES person (id),
    mail_id             INTEGER NOT NULL REFERENCES mail (id),
    finding_id          INTEGER REFERENCES finding (id), -- null where it ends mails about low severities instead
    opening             BIGINT,                       -- of the finding: another one has other links
    until               BIGINT  NOT NULL
);
CREATE INDEX link_until ON link (until);

-- "Not mine": who is not told of a finding any more, in this opening of it.
CREATE TABLE disowned (
    finding_id          INTEGER NOT NULL REFERENCES finding (id),
    person_id           INTEGER NOT NULL REFERENCES person (id),
    opening             BIGINT  NOT NULL,
    PRIMARY KEY (finding_id, person_id)
);

-- Who wants no mail about low severities.
CREATE TABLE muted (
    person_id           INTEGER PRIMARY KEY REFERENCES person (id)
);

-- "Check again now".
CREATE TABLE asked (
    id                  INTEGER PRIMARY KEY,
    finding_id          INTEGER NOT NULL REFERENCES finding (id),
    credential_id       INTEGER NOT NULL REFERENCES credential (id),
    person_id           INTEGER NOT NULL REFERENCES person (id),
    at                  BIGINT  NOT NULL,
    answered_at         BIGINT                        -- null until the provider was asked, or could not be
);
CREATE INDEX asked_by_person ON asked (person_id, at);
CREATE INDEX asked_waiting ON asked (credential_id) WHERE answered_at IS NULL;
