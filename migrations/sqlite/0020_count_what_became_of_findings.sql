-- What became of findings, and how long each had been so: counted here when they close, so that nobody has to look for it.
CREATE TABLE closing (
    provider            TEXT    NOT NULL,             -- of the credential
    rule                TEXT    NOT NULL,
    why                 TEXT    NOT NULL,             -- dead, rotated, ended, cleared
    took                TEXT    NOT NULL,             -- a band of spans: domain::span::Took
    times               BIGINT  NOT NULL,
    seconds             BIGINT  NOT NULL,             -- of all of them together
    PRIMARY KEY (provider, rule, why, took)
);
