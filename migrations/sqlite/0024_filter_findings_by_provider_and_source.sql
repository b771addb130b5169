-- What lists of findings are filtered by stands in the finding itself, and in the indexes that they are read from: a filter
-- that few match walks an index, and looks nothing up for those that don't. Neither changes: a credential's provider is part
-- of what it is, and a connection's source is.
ALTER TABLE finding ADD COLUMN provider TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN source_id INTEGER NOT NULL DEFAULT 0;
UPDATE finding SET
    provider = (SELECT k.provider FROM credential AS k WHERE k.id = finding.credential_id),
    source_id = (SELECT c.source_id FROM connection AS c WHERE c.id = finding.connection_id);
DROP INDEX finding_worst;
DROP INDEX finding_worst_of_rule;
DROP INDEX finding_newest;
CREATE INDEX finding_worst ON finding
    ((state || ' ' || severity), since, id, rule, provider, source_id, severity, state);
CREATE INDEX finding_newest ON finding ((state || ' '), opened_at, id, rule, provider, source_id, severity, state);
