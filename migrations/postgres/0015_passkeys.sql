-- A passkey: the id that its authenticator gave it, its public key, and what changes with its use. Empty for an app.
ALTER TABLE second_factors ADD COLUMN credential_id BYTEA;
ALTER TABLE second_factors ADD COLUMN credential_key BYTEA;
ALTER TABLE second_factors ADD COLUMN credential_state BYTEA;
-- How the authenticator can be reached, for the browser to know.
ALTER TABLE second_factors ADD COLUMN transports BIGINT;
CREATE UNIQUE INDEX second_factors_by_credential ON second_factors (credential_id);

-- What browsers were asked about passkeys. Each is answered once.
CREATE TABLE passkey_challenges (
    id         UUID PRIMARY KEY,
    purpose    TEXT COLLATE "C" NOT NULL,
    -- The session or the pending sign-in that it is for; empty for signing in by a passkey alone.
    subject_id UUID,
    state      BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_by_age ON passkey_challenges (expires_at);
