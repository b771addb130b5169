-- Where a key has one secret at a time, an accepted one proves the others dead: they are found by the public half that they share.
CREATE INDEX credential_by_key ON credential (provider, key_id, id) WHERE key_id IS NOT NULL;
