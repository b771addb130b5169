-- To which address a mail was sent, and that it came back although its server had taken it.
ALTER TABLE mail ADD COLUMN sent_to     TEXT;   -- the reader's address at the last attempt
ALTER TABLE mail ADD COLUMN returned_at BIGINT;
ALTER TABLE mail ADD COLUMN returned    TEXT;   -- whose fault: passing, ours, address
