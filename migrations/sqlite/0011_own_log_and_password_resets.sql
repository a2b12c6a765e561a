-- The user's own log: what happened to their login. Roster's own records of accounts are audit_events.
CREATE TABLE user_events (
    id         BLOB NOT NULL PRIMARY KEY,
    user_id    BLOB NOT NULL REFERENCES users (id),
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL,
    -- Where it was done; NULL for the host's operator.
    ip         TEXT,
    user_agent TEXT
);
CREATE INDEX user_events_by_user ON user_events (user_id, id);
CREATE INDEX user_events_by_age ON user_events (at);

-- Links to choose a new password. A row is written for every address that is typed, whether there is such a user or not; the mail worker
-- finds that out. It holds for the address, and not for whoever has it.
CREATE TABLE password_resets (
    id         BLOB NOT NULL PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    email_key  TEXT NOT NULL,
    -- A link that came by mail proves the mailbox; one that the host's operator handed over does not.
    mailed     BOOLEAN NOT NULL,
    -- The page to go on to afterwards.
    next       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
);
CREATE INDEX password_resets_by_address ON password_resets (email_key) WHERE ended_at IS NULL;
CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);
