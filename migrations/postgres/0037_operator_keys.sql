-- Keys of the host's operator, by which programs act in every account, made and revoked by the command line alone (LT-01).
CREATE TABLE operator_keys (
    id           UUID NOT NULL PRIMARY KEY,
    -- The operator calls it by its name, and so do the audit logs.
    name         TEXT NOT NULL UNIQUE,
    -- The first characters, by which people know it again.
    hint         TEXT NOT NULL,
    hash         BYTEA NOT NULL UNIQUE,
    -- The keys of its permissions, with commas between.
    permissions  TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);
