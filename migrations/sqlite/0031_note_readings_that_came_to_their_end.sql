-- When the last reading of everything began that came to its end, though a row in it may have been about nobody knows whom.
ALTER TABLE source ADD COLUMN last_through INTEGER;
UPDATE source SET last_through = last_complete;
