-- How often something beside the inventory made connections due: a judgement that was under way then is made anew.
ALTER TABLE turn ADD COLUMN acts BIGINT NOT NULL DEFAULT 0;

-- When the list was made that the last complete reading read.
ALTER TABLE source ADD COLUMN last_taken BIGINT;
