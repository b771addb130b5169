-- Lists that begin with the worst, or with the newest; and a credential by the digits that name it. What a list is of is put
-- together, so that no statement that asks for a state or a rule in passing is drawn to these. The first index served none.
DROP INDEX finding_open;
CREATE INDEX finding_worst ON finding ((state || ' ' || severity), since, id);
CREATE INDEX finding_worst_of_rule ON finding ((rule || ' ' || state || ' ' || severity), since, id);
CREATE INDEX finding_newest ON finding ((state || ' '), opened_at, id);
CREATE INDEX credential_by_name ON credential (substr(fingerprint, 57)); -- the last eight digits
