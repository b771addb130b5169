-- Lists of what few are: connections that are not active, and credentials that are not live. What nearly all are has no index: a list
-- of those finds the next one at once by its number.
CREATE INDEX connection_by_status ON connection (status, id) WHERE status <> 'active';
CREATE INDEX credential_by_liveness ON credential (liveness, id) WHERE liveness <> 'live';
