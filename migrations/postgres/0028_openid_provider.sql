-- Roster as the OpenID provider of the platforms behind it.

-- The clients that were registered by `roster client add`; those of the settings file stand there alone.
CREATE TABLE platform_clients (
    id                   TEXT COLLATE "C" PRIMARY KEY,
    -- As in the settings file, as JSON.
    settings             TEXT NOT NULL,
    -- The hash of the secret; a client without one is public.
    secret_hash          BYTEA,
    -- The one before it, while that is still taken.
    earlier_secret_hash  BYTEA,
    earlier_secret_until BIGINT,
    created_at           BIGINT NOT NULL
);

-- The keys that tokens are signed with. The newest of its algorithm signs; the others are published as long as they are here.
CREATE TABLE signing_keys (
    id         UUID PRIMARY KEY,
    algorithm  TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What a user is called by clients: for all of them together, or for one that must not be able to compare.
CREATE TABLE platform_subjects (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sector  TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL UNIQUE,
    PRIMARY KEY (user_id, sector)
);

-- One sign-in of a member at a client: the code, and whatever came of it. It outlives session and membership until the client was told of its end.
CREATE TABLE platform_sign_ins (
    id              UUID PRIMARY KEY,
    client_id       TEXT COLLATE "C" NOT NULL,
    account_id      UUID NOT NULL,
    member_id       UUID NOT NULL,
    user_id         UUID NOT NULL,
    session_id      UUID NOT NULL,
    -- What the client calls the user.
    subject         TEXT COLLATE "C" NOT NULL,
    redirect_uri    TEXT NOT NULL,
    scope           TEXT NOT NULL,
    nonce           TEXT,
    code_challenge  TEXT NOT NULL,
    code_hash       BYTEA NOT NULL UNIQUE,
    code_expires_at BIGINT NOT NULL,
    code_used_at    BIGINT,
    authenticated_at BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    ended           BOOLEAN NOT NULL DEFAULT FALSE,
    -- When the client is told of the end, or told again.
    tell_at         BIGINT NOT NULL DEFAULT 0,
    tell_attempts   BIGINT NOT NULL DEFAULT 0,
    -- When it was told, or given up on.
    told_at         BIGINT
);
CREATE INDEX platform_sign_ins_by_user ON platform_sign_ins (user_id);
CREATE INDEX platform_sign_ins_by_member ON platform_sign_ins (account_id, member_id);
CREATE INDEX platform_sign_ins_by_age ON platform_sign_ins (created_at);
CREATE INDEX platform_sign_ins_to_tell ON platform_sign_ins (tell_at) WHERE ended AND told_at IS NULL;

CREATE TABLE platform_tokens (
    id         UUID PRIMARY KEY,
    sign_in_id UUID NOT NULL REFERENCES platform_sign_ins (id) ON DELETE CASCADE,
    -- access or refresh
    kind       TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When a refresh token was exchanged for the next.
    used_at    BIGINT
);
CREATE INDEX platform_tokens_by_sign_in ON platform_tokens (sign_in_id);
CREATE INDEX platform_tokens_by_expiry ON platform_tokens (expires_at);
