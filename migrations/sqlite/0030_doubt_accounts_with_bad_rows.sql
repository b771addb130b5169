-- An account lists somebody in a row that could not be taken: that it has no owner can't be said.
ALTER TABLE account ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
CREATE INDEX account_unsure ON account (source_id) WHERE unsure = 1;
