-- What was open is drawn from one scan of each day, however many there were.
CREATE INDEX scan_by_beginning ON scan (started_at, id);
