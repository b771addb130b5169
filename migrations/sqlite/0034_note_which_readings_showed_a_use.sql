-- A use that ended between two readings has no date of its own: what tells whether another began before or after that is which
-- readings showed them.
ALTER TABLE use ADD COLUMN begun_in BIGINT; -- when the reading or the event began that first showed it; null for those from before
ALTER TABLE use ADD COLUMN ended_in BIGINT; -- when that began which no longer showed it open; null while open, and where its end has a date
