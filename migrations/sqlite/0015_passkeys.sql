-- A passkey: the id that its authenticator gave it, its public key, and what changes with its use. Empty for an app.
ALTER TABLE second_factors ADD COLUMN credential_id BLOB;
ALTER TABLE second_factors ADD COLUMN credential_key BLOB;
ALTER TABLE second_factors ADD COLUMN credential_state BLOB;
-- How the authenticator can be reached, for the browser to know.
ALTER TABLE second_factors ADD COLUMN transports INTEGER;
CREATE UNIQUE INDEX second_factors_by_credential ON second_factors (credential_id);

-- What browsers were asked about passkeys. Each is answered once.
CREATE TABLE passkey_challenges (
    id         BLOB NOT NULL PRIMARY KEY,
    purpose    TEXT NOT NULL,
    -- The session or the pending sign-in that it is for; empty for signing in by a passkey alone.
    subject_id BLOB,
    state      BLOB NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX passkey_challenges_by_age ON passkey_challenges (expires_at);
