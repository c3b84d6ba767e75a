-- The same tables and columns as in ../../postgres; STRICT has no BIGINT and no BOOLEAN, so both are INTEGER here.
-- Instants are microseconds since 1970; JSON is TEXT. WITHOUT ROWID: one tree for each table, not two.
-- Codes and families name users and clients without a foreign key: they are written on every login, and what they
-- belong to is checked by the statement that uses them.

CREATE TABLE clients (
    id                 TEXT NOT NULL PRIMARY KEY,
    disabled           INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    -- Whether it has a backchannel_logout_uri, for the statement that ends a session.
    backchannel_logout INTEGER NOT NULL CHECK (backchannel_logout IN (0, 1)),
    document           TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Clients that registered themselves. `token` is the hash of what they manage themselves with.
CREATE TABLE registrations (
    client_id     TEXT NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    token         BLOB NOT NULL,
    scope         TEXT,
    initial_token TEXT,
    created_at    INTEGER NOT NULL,
    used_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_unused ON registrations (created_at) WHERE used_at IS NULL;

-- With one of these a client may be registered.
CREATE TABLE initial_tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    note       TEXT NOT NULL,
    scope      TEXT,
    clients    INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX initial_tokens_by_end ON initial_tokens (expires_at);

CREATE TABLE users (
    id         TEXT NOT NULL PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE,
    password   TEXT,
    roles      TEXT NOT NULL,
    claims     TEXT NOT NULL,
    disabled   INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    hash            BLOB NOT NULL PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authentication  TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    last_seen_at    INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (idle_expires_at);

CREATE TABLE attempts (
    id               TEXT NOT NULL PRIMARY KEY,
    browser          BLOB NOT NULL,
    request          TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    consented        TEXT,
    consented_by     TEXT,
    account_selected INTEGER NOT NULL CHECK (account_selected IN (0, 1)),
    finished_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_of_browser ON attempts (browser, created_at);
CREATE INDEX attempts_by_end ON attempts (expires_at);

CREATE TABLE consents (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope      TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_of_client ON consents (client_id);

CREATE TABLE codes (
    hash           BLOB NOT NULL PRIMARY KEY,
    client_id      TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    session_id     TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    scope          TEXT NOT NULL,
    resources      TEXT NOT NULL,
    nonce          TEXT,
    claims         TEXT,
    code_challenge TEXT,
    authentication TEXT NOT NULL,
    issued_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    redeemed_at    INTEGER,
    family_id      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_of_user ON codes (user_id);
CREATE INDEX codes_by_end ON codes (expires_at);

CREATE TABLE families (
    id              TEXT NOT NULL PRIMARY KEY,
    client_id       TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    session_id      TEXT,
    scope           TEXT NOT NULL,
    resources       TEXT NOT NULL,
    offline         INTEGER NOT NULL CHECK (offline IN (0, 1)),
    claims          TEXT,
    authentication  TEXT NOT NULL,
    generation      INTEGER NOT NULL,
    current_hash    BLOB,
    previous_hash   BLOB,
    successor       BLOB,
    rotated_at      INTEGER,
    rotated_from    TEXT,
    created_at      INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    revoked_at      INTEGER,
    revocation      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX families_of_user ON families (user_id);
-- Who has too many of them at one client is found out at every sign-in.
CREATE INDEX families_alive ON families (user_id, client_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX families_of_client ON families (client_id);
CREATE INDEX families_by_end ON families (idle_expires_at);

-- Whom a session has signed in to.
CREATE TABLE session_clients (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL,
    PRIMARY KEY (session_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_clients_of_client ON session_clients (client_id);

-- Who has yet to be told that a session has ended.
CREATE TABLE logout_deliveries (
    session_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    ended_at   INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    PRIMARY KEY (session_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX logout_deliveries_by_turn ON logout_deliveries (next_at);

-- Access tokens that are refused before they expire. `seq` is the value that the counter `denials` of `versions` took in
-- the same transaction: whoever has read the counter can see every row up to it.
CREATE TABLE denials (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    denied_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX denials_by_seq ON denials (seq);
CREATE INDEX denials_by_end ON denials (expires_at);

CREATE TABLE signing_keys (
    kid            TEXT NOT NULL PRIMARY KEY,
    algorithm      TEXT NOT NULL,
    state          TEXT NOT NULL,
    public_jwk     TEXT NOT NULL,
    sealed_private BLOB,
    published_at   INTEGER NOT NULL,
    activates_at   INTEGER,
    activated_at   INTEGER,
    retired_at     INTEGER,
    longest_token  INTEGER NOT NULL,
    leaves_at      INTEGER,
    revoked_at     INTEGER,
    revoked_reason TEXT
) STRICT, WITHOUT ROWID;
-- Each algorithm has one signing key and one that is published ahead; the database itself sees to it.
CREATE UNIQUE INDEX one_active_key ON signing_keys (algorithm) WHERE state = 'active';
CREATE UNIQUE INDEX one_next_key ON signing_keys (algorithm) WHERE state = 'next';

-- Assertions that clients have used, by a hash of client and jti.
CREATE TABLE assertions (
    hash       BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX assertions_by_end ON assertions (expires_at);

CREATE TABLE throttles (
    bucket        BLOB NOT NULL PRIMARY KEY,
    started_at    INTEGER NOT NULL,
    taken         INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    forget_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttles_by_end ON throttles (forget_at);

CREATE TABLE versions (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO versions (name, value) VALUES ('clients', 1), ('keys', 1), ('denials', 1);

CREATE TABLE instance (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setup_links (
    hash       BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
