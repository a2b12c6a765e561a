-- People, accounts, roles, login methods, sessions. Times are unix milliseconds, ids UUIDv7, *_key columns canonical text.

CREATE TABLE users (
    id                UUID PRIMARY KEY,
    email             TEXT NOT NULL,
    email_key         TEXT COLLATE "C" NOT NULL UNIQUE,
    name              TEXT NOT NULL,
    language          TEXT,
    email_verified_at BIGINT,
    created_at        BIGINT NOT NULL
);

CREATE TABLE password_credentials (
    user_id    UUID PRIMARY KEY REFERENCES users (id),
    phc        TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE accounts (
    id         UUID PRIMARY KEY,
    slug       TEXT COLLATE "C" NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    language   TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The head of the account's chain of audit events. Every change moves it, which also locks the account's row.
    audit_seq  BIGINT NOT NULL,
    audit_hash BYTEA NOT NULL
);

CREATE TABLE roles (
    account_id UUID NOT NULL REFERENCES accounts (id),
    key        TEXT COLLATE "C" NOT NULL,
    -- NULL for a built-in role: its name is a text of the product, its permissions stand in the catalogue.
    name       TEXT,
    PRIMARY KEY (account_id, key)
);

CREATE TABLE role_permissions (
    account_id UUID NOT NULL,
    role_key   TEXT COLLATE "C" NOT NULL,
    permission TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, role_key, permission),
    FOREIGN KEY (account_id, role_key) REFERENCES roles (account_id, key)
);

CREATE TABLE login_methods (
    id         UUID PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id),
    kind       TEXT NOT NULL,
    name       TEXT,
    enabled    BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX login_methods_by_account ON login_methods (account_id);

CREATE TABLE sessions (
    id           UUID PRIMARY KEY,
    hash         BYTEA NOT NULL UNIQUE,
    user_id      UUID NOT NULL REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    user_agent   TEXT NOT NULL,
    ip           TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);

-- What a session has proved, and when: the user's own password, later a login method of an account.
CREATE TABLE session_proofs (
    session_id      UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    login_method_id UUID REFERENCES login_methods (id),
    proved_at       BIGINT NOT NULL
);
CREATE INDEX session_proofs_by_session ON session_proofs (session_id);

-- Links and codes of one use: first set-up, mailed codes.
CREATE TABLE one_time_tokens (
    id         UUID PRIMARY KEY,
    purpose    TEXT NOT NULL,
    hash       BYTEA NOT NULL,
    subject_id UUID,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX one_time_tokens_by_hash ON one_time_tokens (purpose, hash);
CREATE INDEX one_time_tokens_by_subject ON one_time_tokens (purpose, subject_id);

CREATE TABLE rate_buckets (
    key        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- Thousandths of a token that are gone, and when that was so.
    used       BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
