-- Lists of what few are: connections that are not active, and credentials that are not live. What nearly all are has no index: a list
-- of those finds the next one at once by its number.
CREATE INDEX connection_by_status ON connection (status, id) WHERE status <> 'active';
CREATE INDEX credential_by_liveness ON credential (liveness, id) WHERE liveness <> 'live';

-- Lists of findings by number that are narrowed to a state, rule, severity, provider or source: each state in that order, with what else
-- is asked for beside it. New findings have the greatest numbers, so the index grows at its end.
CREATE INDEX finding_by_number ON finding ((state || ':'), id, rule, provider, source_id, severity, state);
