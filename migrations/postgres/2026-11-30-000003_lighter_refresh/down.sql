ALTER TABLE codes RESET (fillfactor);
ALTER TABLE families RESET (fillfactor);
CREATE INDEX families_by_end ON families (idle_expires_at);
