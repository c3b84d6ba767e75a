-- What happened, who reads the keys, and how much each key signs. Conventions as in the first migration.

CREATE TABLE audit (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        BIGINT NOT NULL,
    event     TEXT COLLATE "C" NOT NULL,
    actor     TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C",
    sub       TEXT COLLATE "C",
    kid       TEXT COLLATE "C",
    address   TEXT COLLATE "C",
    reference TEXT COLLATE "C",
    detail    TEXT NOT NULL
);
-- Rows are added and never changed. Old ones may go (telemetry.audit_keep), but none of the last 30 days.
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table audit only grows';
END
$$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
    FOR EACH ROW WHEN (OLD.at > (EXTRACT(EPOCH FROM now()) - 2592000) * 1000000)
    EXECUTE FUNCTION audit_only_grows();

CREATE TABLE jwks_readers (
    address  TEXT COLLATE "C" NOT NULL,
    agent    TEXT COLLATE "C" NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    fetches  BIGINT NOT NULL,
    etag     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (address, agent)
);
CREATE INDEX jwks_readers_by_end ON jwks_readers (last_at);

CREATE TABLE key_usage (
    kid    TEXT COLLATE "C" NOT NULL,
    hour   BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (kid, hour)
);
