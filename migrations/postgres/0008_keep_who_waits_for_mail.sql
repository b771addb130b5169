-- Who waits for a mail and why; which findings were there at the baseline; notes that end a tombstone.
ALTER TABLE finding ADD COLUMN baseline BIGINT NOT NULL DEFAULT 0;  -- 1: of this opening, it was there when the baseline was recorded, and is not told
ALTER TABLE notice ADD COLUMN closing BIGINT NOT NULL DEFAULT 0;    -- 1: tells that the finding has closed
CREATE UNIQUE INDEX notice_closing ON notice (finding_id, opening, person_id) WHERE closing = 1;

-- People whose digest is put off: their notices stay unformed meanwhile.
CREATE TABLE put_off (
    person_id            BIGINT           PRIMARY KEY REFERENCES person (id),
    run_id               BIGINT           NOT NULL,                      -- the run that put them off: the digest will be its
    until                BIGINT,                                         -- null for the next run
    why                  TEXT COLLATE "C" NOT NULL                       -- cap, held, quiet, ramp
);
CREATE INDEX put_off_until ON put_off (until) WHERE until IS NOT NULL;
-- An address may be several people's, and has one limit a day.
CREATE INDEX person_by_email ON person (email);
