-- Lists that begin with the worst, or with the newest; and a credential by the digits that name it. The first index
-- served no question.
DROP INDEX finding_open;
CREATE INDEX finding_worst ON finding (state, severity, since, id);
CREATE INDEX finding_worst_of_rule ON finding (rule, state, severity, since, id);
CREATE INDEX finding_newest ON finding (state, opened_at, id);
CREATE INDEX credential_by_name ON credential (substr(fingerprint, 57)); -- the last eight digits
