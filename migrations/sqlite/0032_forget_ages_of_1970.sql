-- A day written as a number (20261101), or none at all (0), was read as an instant of 1970. What is left is when the value was first seen.
UPDATE credential SET secret_since = first_seen_at, provenance = 'first_seen'
WHERE secret_since < 946684800000 AND first_seen_at IS NOT NULL;
