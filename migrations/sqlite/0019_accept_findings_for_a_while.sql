-- What the operator accepts for a while: a finding may be open, exempt or closed.
ALTER TABLE finding ADD COLUMN exempt_until BIGINT;                 -- the first instant at which it is open again; null unless it is exempt
ALTER TABLE finding ADD COLUMN exempt_reason TEXT;                  -- why, in the operator's words; null likewise
ALTER TABLE finding ADD COLUMN exempt_by TEXT;                      -- who accepted it; null where the configuration doesn't say
ALTER TABLE finding ADD COLUMN exempt_terms TEXT;                   -- what the exemption covers, in words; null unless it is exempt
CREATE INDEX finding_exempt ON finding (exempt_terms) WHERE state = 'exempt';
