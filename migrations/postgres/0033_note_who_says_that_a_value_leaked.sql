-- Until now the operator's note told, where it was another's word.
ALTER TABLE credential ADD COLUMN compromised_by TEXT COLLATE "C"; -- operator, platform (by an event) or account (its own people)
UPDATE credential SET compromised_by = CASE compromised_note
    WHEN 'the platform says so' THEN 'platform' WHEN 'the account''s own people say so' THEN 'account' ELSE 'operator' END
WHERE compromised_at IS NOT NULL;
UPDATE credential SET compromised_note = NULL WHERE compromised_by <> 'operator';
