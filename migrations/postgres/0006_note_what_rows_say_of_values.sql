-- What a row says of the value that it shows, beside that it is used; the operator's word that a value leaked; and when a
-- credential was first seen.
ALTER TABLE use ADD COLUMN own_from BIGINT;                         -- from when the value is known to be the row's own; null where no other was there before
ALTER TABLE use ADD COLUMN compromised_at BIGINT;                   -- when it leaked, as the platform says
ALTER TABLE use ADD COLUMN syncs BIGINT NOT NULL DEFAULT 0;         -- it synchronises lists
ALTER TABLE use ADD COLUMN sends BIGINT NOT NULL DEFAULT 0;         -- it sends mail
UPDATE use SET own_from = since
WHERE EXISTS (SELECT 1 FROM use AS b WHERE b.connection_id = use.connection_id AND b.id < use.id
              AND b.credential_id <> use.credential_id AND b.ended_by <> 'identified');
UPDATE use SET
    syncs = CASE WHEN c.used_for LIKE '%"sync"%' THEN 1 ELSE 0 END,
    sends = CASE WHEN c.used_for LIKE '%"transactional"%' OR c.used_for LIKE '%"smtp"%' THEN 1 ELSE 0 END
FROM connection AS c WHERE c.id = use.connection_id;
-- A neighbour asks whether there is one, and must not walk all that share a key.
CREATE INDEX use_compromised ON use (credential_id, account_id, compromised_at) WHERE compromised_at IS NOT NULL;
CREATE INDEX use_syncing ON use (credential_id, account_id, until, syncs) WHERE syncs = 1;
CREATE INDEX use_sending ON use (credential_id, account_id, until, sends) WHERE sends = 1;

ALTER TABLE credential ADD COLUMN compromised_at BIGINT;            -- when it leaked, as the operator says
ALTER TABLE credential ADD COLUMN compromised_note TEXT COLLATE "C"; -- the operator's own note
ALTER TABLE credential ADD COLUMN first_seen_at BIGINT;             -- null for those that were seen before there was this column

ALTER TABLE source ADD COLUMN syncs_told BIGINT NOT NULL DEFAULT 0; -- 1 once a row of it told of a synchronisation
