-- The same tables and columns as in ../../postgres.

-- AUTOINCREMENT: a number is never given twice.
CREATE TABLE audit (
    id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    event     TEXT NOT NULL,
    actor     TEXT NOT NULL,
    client_id TEXT,
    sub       TEXT,
    kid       TEXT,
    address   TEXT,
    reference TEXT,
    detail    TEXT NOT NULL
) STRICT;
-- Rows are added and never changed. Old ones may go (telemetry.audit_keep), but none of the last 30 days.
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the table audit only grows');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN OLD.at > (unixepoch() - 2592000) * 1000000 BEGIN
    SELECT RAISE(ABORT, 'the table audit only grows');
END;

CREATE TABLE jwks_readers (
    address  TEXT NOT NULL,
    agent    TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    fetches  INTEGER NOT NULL,
    etag     TEXT NOT NULL,
    PRIMARY KEY (address, agent)
) STRICT, WITHOUT ROWID;
CREATE INDEX jwks_readers_by_end ON jwks_readers (last_at);

CREATE TABLE key_usage (
    kid    TEXT NOT NULL,
    hour   INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (kid, hour)
) STRICT, WITHOUT ROWID;
