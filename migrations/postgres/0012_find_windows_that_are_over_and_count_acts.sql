-- "I have reset it": the windows whose end is to be answered for. Few at any time, however many findings there are.
CREATE INDEX finding_window ON finding (pause_until) WHERE pause = 'pending' AND state = 'open';

-- What people asked for, and what became of it: counted here, since several processes do it.
CREATE TABLE acted (
    act                  TEXT COLLATE "C" NOT NULL,
    outcome              TEXT COLLATE "C" NOT NULL,                      -- done, nothing, refused
    times                BIGINT NOT NULL,
    PRIMARY KEY (act, outcome)
);
