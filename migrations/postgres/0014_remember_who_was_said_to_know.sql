-- "Somebody else knows this secret", of a key that another account has as well: the opening in which it was said; null where nobody did.
ALTER TABLE finding ADD COLUMN leak_said BIGINT;
