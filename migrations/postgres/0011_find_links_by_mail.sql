-- Whether a mail may be forgotten must not cost a walk over all links.
CREATE INDEX link_by_mail ON link (mail_id);
