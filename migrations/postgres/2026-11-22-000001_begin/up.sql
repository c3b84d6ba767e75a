-- Portable types only: TEXT, BYTEA, BIGINT, BOOLEAN. Instants are BIGINT microseconds since 1970; JSON is TEXT.
-- Names compare byte by byte (COLLATE "C"), as they do in SQLite.
-- Codes and families name users and clients without a foreign key: they are written on every login, and what they
-- belong to is checked by the statement that uses them.

CREATE TABLE clients (
    id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    disabled           BOOLEAN NOT NULL,
    -- Whether it has a backchannel_logout_uri, for the statement that ends a session.
    backchannel_logout BOOLEAN NOT NULL,
    document           TEXT NOT NULL
);

-- Clients that registered themselves. `token` is the hash of what they manage themselves with.
CREATE TABLE registrations (
    client_id     TEXT NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    token         BYTEA NOT NULL,
    scope         TEXT,
    initial_token TEXT,
    created_at    BIGINT NOT NULL,
    used_at       BIGINT
);
CREATE INDEX registrations_unused ON registrations (created_at) WHERE used_at IS NULL;

-- With one of these a client may be registered.
CREATE TABLE initial_tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       BYTEA NOT NULL UNIQUE,
    note       TEXT NOT NULL,
    scope      TEXT,
    clients    BIGINT NOT NULL,
    registered BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX initial_tokens_by_end ON initial_tokens (expires_at);

CREATE TABLE users (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email      TEXT COLLATE "C" NOT NULL UNIQUE,
    password   TEXT,
    roles      TEXT NOT NULL,
    claims     TEXT NOT NULL,
    disabled   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    hash            BYTEA NOT NULL PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    user_id         TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authentication  TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    last_seen_at    BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    ended_at        BIGINT
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (idle_expires_at);

CREATE TABLE attempts (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    browser          BYTEA NOT NULL,
    request          TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    consented        TEXT,
    consented_by     TEXT,
    account_selected BOOLEAN NOT NULL,
    finished_at      BIGINT
);
CREATE INDEX attempts_of_browser ON attempts (browser, created_at);
CREATE INDEX attempts_by_end ON attempts (expires_at);

CREATE TABLE consents (
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope      TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_of_client ON consents (client_id);

CREATE TABLE codes (
    hash           BYTEA NOT NULL PRIMARY KEY,
    client_id      TEXT COLLATE "C" NOT NULL,
    user_id        TEXT COLLATE "C" NOT NULL,
    session_id     TEXT COLLATE "C" NOT NULL,
    redirect_uri   TEXT NOT NULL,
    scope          TEXT NOT NULL,
    resources      TEXT NOT NULL,
    nonce          TEXT,
    claims         TEXT,
    code_challenge TEXT,
    authentication TEXT NOT NULL,
    issued_at      BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    redeemed_at    BIGINT,
    family_id      TEXT COLLATE "C"
);
CREATE INDEX codes_of_user ON codes (user_id);
CREATE INDEX codes_by_end ON codes (expires_at);

CREATE TABLE families (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id       TEXT COLLATE "C" NOT NULL,
    user_id         TEXT COLLATE "C" NOT NULL,
    session_id      TEXT COLLATE "C",
    scope           TEXT NOT NULL,
    resources       TEXT NOT NULL,
    offline         BOOLEAN NOT NULL,
    claims          TEXT,
    authentication  TEXT NOT NULL,
    generation      BIGINT NOT NULL,
    current_hash    BYTEA,
    previous_hash   BYTEA,
    successor       BYTEA,
    rotated_at      BIGINT,
    rotated_from    TEXT,
    created_at      BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT,
    revocation      TEXT
);
CREATE INDEX families_of_user ON families (user_id);
-- Who has too many of them at one client is found out at every sign-in.
CREATE INDEX families_alive ON families (user_id, client_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX families_of_client ON families (client_id);
CREATE INDEX families_by_end ON families (idle_expires_at);

-- Whom a session has signed in to.
CREATE TABLE session_clients (
    session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX session_clients_of_client ON session_clients (client_id);

-- Who has yet to be told that a session has ended.
CREATE TABLE logout_deliveries (
    session_id TEXT COLLATE "C" NOT NULL,
    client_id  TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    ended_at   BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX logout_deliveries_by_turn ON logout_deliveries (next_at);

-- Access tokens that are refused before they expire. `seq` is the value that the counter `denials` of `versions` took in
-- the same transaction: whoever has read the counter can see every row up to it.
CREATE TABLE denials (
    kind       TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    denied_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX denials_by_seq ON denials (seq);
CREATE INDEX denials_by_end ON denials (expires_at);

CREATE TABLE signing_keys (
    kid            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm      TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    public_jwk     TEXT NOT NULL,
    sealed_private BYTEA,
    published_at   BIGINT NOT NULL,
    activates_at   BIGINT,
    activated_at   BIGINT,
    retired_at     BIGINT,
    longest_token  BIGINT NOT NULL,
    leaves_at      BIGINT,
    revoked_at     BIGINT,
    revoked_reason TEXT
);
-- Each algorithm has one signing key and one that is published ahead; the database itself sees to it.
CREATE UNIQUE INDEX one_active_key ON signing_keys (algorithm) WHERE state = 'active';
CREATE UNIQUE INDEX one_next_key ON signing_keys (algorithm) WHERE state = 'next';

-- Assertions that clients have used, by a hash of client and jti.
CREATE TABLE assertions (
    hash       BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX assertions_by_end ON assertions (expires_at);

CREATE TABLE throttles (
    bucket        BYTEA NOT NULL PRIMARY KEY,
    started_at    BIGINT NOT NULL,
    taken         BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    forget_at     BIGINT NOT NULL
);
CREATE INDEX throttles_by_end ON throttles (forget_at);

CREATE TABLE versions (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO versions (name, value) VALUES ('clients', 1), ('keys', 1), ('denials', 1);

CREATE TABLE instance (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE setup_links (
    hash       BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
