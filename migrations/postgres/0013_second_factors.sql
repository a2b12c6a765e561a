-- What a user proves besides the password when signing in. A row without confirmed_at is being set up and counts for nothing.
CREATE TABLE second_factors (
    id           UUID PRIMARY KEY,
    user_id      UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT COLLATE "C" NOT NULL,
    -- As the user calls it.
    name         TEXT NOT NULL,
    -- The seed of an authenticator app.
    sealed       BYTEA,
    -- The time step of the last code of an app that was accepted: neither it nor an earlier one is accepted again.
    last_step    BIGINT,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX second_factors_by_user ON second_factors (user_id);

-- Codes of one use, for a user who has lost the second factors.
CREATE TABLE recovery_codes (
    id         UUID PRIMARY KEY,
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- Sign-ins whose password was right and whose second factor is still to come. They open nothing.
CREATE TABLE pending_sign_ins (
    id              UUID PRIMARY KEY,
    hash            BYTEA NOT NULL UNIQUE,
    user_id         UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Where to go on, and the account whose sign-in page it began on; empty if neither is known.
    next            TEXT NOT NULL,
    account         TEXT COLLATE "C" NOT NULL,
    -- The login method for whose reauthentication the password stands in.
    login_method_id UUID REFERENCES login_methods (id) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
