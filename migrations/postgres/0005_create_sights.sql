-- What is remembered of one endpoint of a provider: its recent answers, judged together before any of them is believed
-- (DESIGN.md 4, blindness).
CREATE TABLE sight (
    provider             TEXT COLLATE "C" NOT NULL,
    protocol             TEXT COLLATE "C" NOT NULL,
    endpoint             TEXT COLLATE "C" NOT NULL,
    answers              TEXT COLLATE "C" NOT NULL,                      -- JSON of domain::blindness::Window, at most 128 answers
    state                TEXT COLLATE "C" NOT NULL,                      -- JSON of domain::blindness::State
    word_at              BIGINT,                                         -- the operator's word against the blind period that began before
    PRIMARY KEY (provider, protocol, endpoint)
);

-- Few at any time: those whose refusals turn out to have been everybody's go back.
CREATE INDEX credential_suspect ON credential (provider, id) WHERE liveness = 'suspect';
