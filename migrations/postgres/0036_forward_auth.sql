-- Forward-auth: platforms behind a proxy that asks Roster about every request.

-- The account that a setting of a host meant when it was first used: an address can become another account's. Outlives the account.
CREATE TABLE forward_auth_pins (
    host      TEXT COLLATE "C" NOT NULL,
    setting   TEXT COLLATE "C" NOT NULL,
    pinned_id UUID NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (host, setting)
);

-- One sign-in of a member at a host: its code, and then its cookie. It goes with its session.
CREATE TABLE forward_auth_sign_ins (
    id              UUID PRIMARY KEY,
    host            TEXT COLLATE "C" NOT NULL,
    -- What the settings said of the account: one that is changed there takes the sign-in along.
    setting         TEXT COLLATE "C" NOT NULL,
    account_id      UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    session_id      UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- Where the person wanted to go.
    next            TEXT NOT NULL,
    nonce_hash      BYTEA NOT NULL,
    code_hash       BYTEA NOT NULL UNIQUE,
    code_expires_at BIGINT NOT NULL,
    -- There is one when the code was used.
    cookie_hash     BYTEA UNIQUE,
    created_at      BIGINT NOT NULL
);
CREATE INDEX forward_auth_sign_ins_by_session ON forward_auth_sign_ins (session_id);
CREATE INDEX forward_auth_sign_ins_by_account ON forward_auth_sign_ins (account_id);
CREATE INDEX forward_auth_sign_ins_unused ON forward_auth_sign_ins (code_expires_at) WHERE cookie_hash IS NULL;
