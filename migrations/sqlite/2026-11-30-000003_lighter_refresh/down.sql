DROP INDEX families_alive;
CREATE INDEX families_alive ON families (user_id, client_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX families_by_end ON families (idle_expires_at);
