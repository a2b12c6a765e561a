-- Roster as the OpenID provider of the platforms behind it.

-- The clients that were registered by `roster client add`; those of the settings file stand there alone.
CREATE TABLE platform_clients (
    id                   TEXT NOT NULL PRIMARY KEY,
    -- As in the settings file, as JSON.
    settings             TEXT NOT NULL,
    -- The hash of the secret; a client without one is public.
    secret_hash          BLOB,
    -- The one before it, while that is still taken.
    earlier_secret_hash  BLOB,
    earlier_secret_until INTEGER,
    created_at           INTEGER NOT NULL
);

-- The keys that tokens are signed with. The newest of its algorithm signs; the others are published as long as they are here.
CREATE TABLE signing_keys (
    id         BLOB NOT NULL PRIMARY KEY,
    algorithm  TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

-- What a user is called by clients: for all of them together, or for one that must not be able to compare.
CREATE TABLE platform_subjects (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sector  TEXT NOT NULL,
    subject TEXT NOT NULL UNIQUE,
    PRIMARY KEY (user_id, sector)
);

-- One sign-in of a member at a client: the code, and whatever came of it. It outlives session and membership until the client was told of its end.
CREATE TABLE platform_sign_ins (
    id              BLOB NOT NULL PRIMARY KEY,
    client_id       TEXT NOT NULL,
    account_id      BLOB NOT NULL,
    member_id       BLOB NOT NULL,
    user_id         BLOB NOT NULL,
    session_id      BLOB NOT NULL,
    -- What the client calls the user.
    subject         TEXT NOT NULL,
    redirect_uri    TEXT NOT NULL,
    scope           TEXT NOT NULL,
    nonce           TEXT,
    code_challenge  TEXT NOT NULL,
    code_hash       BLOB NOT NULL UNIQUE,
    code_expires_at INTEGER NOT NULL,
    code_used_at    INTEGER,
    authenticated_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    ended           BOOLEAN NOT NULL DEFAULT FALSE,
    -- When the client is told of the end, or told again.
    tell_at         INTEGER NOT NULL DEFAULT 0,
    tell_attempts   INTEGER NOT NULL DEFAULT 0,
    -- When it was told, or given up on.
    told_at         INTEGER
);
CREATE INDEX platform_sign_ins_by_user ON platform_sign_ins (user_id);
CREATE INDEX platform_sign_ins_by_member ON platform_sign_ins (account_id, member_id);
CREATE INDEX platform_sign_ins_by_age ON platform_sign_ins (created_at);
CREATE INDEX platform_sign_ins_to_tell ON platform_sign_ins (tell_at) WHERE ended AND told_at IS NULL;

CREATE TABLE platform_tokens (
    id         BLOB NOT NULL PRIMARY KEY,
    sign_in_id BLOB NOT NULL REFERENCES platform_sign_ins (id) ON DELETE CASCADE,
    -- access or refresh
    kind       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When a refresh token was exchanged for the next.
    used_at    INTEGER
);
CREATE INDEX platform_tokens_by_sign_in ON platform_tokens (sign_in_id);
CREATE INDEX platform_tokens_by_expiry ON platform_tokens (expires_at);
