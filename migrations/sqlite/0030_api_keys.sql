-- Keys by which programs act in an account, each for the member who made it or took it over (LT-01).
CREATE TABLE api_keys (
    id            BLOB NOT NULL PRIMARY KEY,
    account_id    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    member_id     BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    -- The first characters, by which people know it again.
    hint          TEXT NOT NULL,
    hash          BLOB NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    -- Since when it is this member's: a key from before somebody joined again is dead (INV-12).
    owned_since   INTEGER NOT NULL,
    -- Did the session that made it, or took it over, prove a second factor that counts in the account (LT-09)?
    proved_factor BOOLEAN NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER
);
CREATE INDEX api_keys_by_account ON api_keys (account_id);
CREATE INDEX api_keys_by_member ON api_keys (member_id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at);

CREATE TABLE api_key_permissions (
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key_id     BLOB NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (key_id, permission)
);
CREATE INDEX api_key_permissions_by_account ON api_key_permissions (account_id);

-- The name of the key by which somebody acted.
ALTER TABLE audit_details ADD COLUMN key_name TEXT;
