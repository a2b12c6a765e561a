-- Browsers in which the password alone signs a user in for a while, though the user has a second factor.
CREATE TABLE remembered_browsers (
    id         UUID PRIMARY KEY,
    hash       BYTEA NOT NULL UNIQUE,
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX remembered_browsers_by_user ON remembered_browsers (user_id);
CREATE INDEX remembered_browsers_by_expiry ON remembered_browsers (expires_at);
