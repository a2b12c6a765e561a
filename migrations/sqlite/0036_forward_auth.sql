-- Forward-auth: platforms behind a proxy that asks Roster about every request.

-- The account that a setting of a host meant when it was first used: an address can become another account's. Outlives the account.
CREATE TABLE forward_auth_pins (
    host      TEXT NOT NULL,
    setting   TEXT NOT NULL,
    pinned_id BLOB NOT NULL,
    pinned_at INTEGER NOT NULL,
    PRIMARY KEY (host, setting)
);

-- One sign-in of a member at a host: its code, and then its cookie. It goes with its session.
CREATE TABLE forward_auth_sign_ins (
    id              BLOB NOT NULL PRIMARY KEY,
    host            TEXT NOT NULL,
    -- What the settings said of the account: one that is changed there takes the sign-in along.
    setting         TEXT NOT NULL,
    account_id      BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    session_id      BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- Where the person wanted to go.
    next            TEXT NOT NULL,
    nonce_hash      BLOB NOT NULL,
    code_hash       BLOB NOT NULL UNIQUE,
    code_expires_at INTEGER NOT NULL,
    -- There is one when the code was used.
    cookie_hash     BLOB UNIQUE,
    created_at      INTEGER NOT NULL
);
CREATE INDEX forward_auth_sign_ins_by_session ON forward_auth_sign_ins (session_id);
CREATE INDEX forward_auth_sign_ins_by_account ON forward_auth_sign_ins (account_id);
CREATE INDEX forward_auth_sign_ins_unused ON forward_auth_sign_ins (code_expires_at) WHERE cookie_hash IS NULL;
