-- What a user proves besides the password when signing in. A row without confirmed_at is being set up and counts for nothing.
CREATE TABLE second_factors (
    id           BLOB NOT NULL PRIMARY KEY,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    -- As the user calls it.
    name         TEXT NOT NULL,
    -- The seed of an authenticator app.
    sealed       BLOB,
    -- The time step of the last code of an app that was accepted: neither it nor an earlier one is accepted again.
    last_step    INTEGER,
    created_at   INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_used_at INTEGER
);
CREATE INDEX second_factors_by_user ON second_factors (user_id);

-- Codes of one use, for a user who has lost the second factors.
CREATE TABLE recovery_codes (
    id         BLOB NOT NULL PRIMARY KEY,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- Sign-ins whose password was right and whose second factor is still to come. They open nothing.
CREATE TABLE pending_sign_ins (
    id              BLOB NOT NULL PRIMARY KEY,
    hash            BLOB NOT NULL UNIQUE,
    user_id         BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Where to go on, and the account whose sign-in page it began on; empty if neither is known.
    next            TEXT NOT NULL,
    account         TEXT NOT NULL,
    -- The login method for whose reauthentication the password stands in.
    login_method_id BLOB REFERENCES login_methods (id) ON DELETE CASCADE,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
);
CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
