-- Login methods that accounts set up: what counts and what is tried out, who is known by them, sign-ins under way, what admins must decide.

-- The User identifier that somebody is invited by, exact to the byte.
ALTER TABLE members ADD COLUMN identifier TEXT COLLATE "C";

CREATE TABLE login_method_configurations (
    id              UUID PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id),
    login_method_id UUID NOT NULL REFERENCES login_methods (id),
    -- Edits make a draft; a passing test makes it live, and the one before it retired.
    stage           TEXT COLLATE "C" NOT NULL CHECK (stage IN ('draft', 'live', 'retired')),
    configuration   TEXT NOT NULL,
    -- The client secret, under the instance's key.
    secret          BYTEA,
    created_at      BIGINT NOT NULL,
    created_by      UUID REFERENCES members (id),
    tested_at       BIGINT,
    -- The identifier that the passing test received: an example for those who invite.
    example         TEXT
);
CREATE UNIQUE INDEX login_method_configurations_one_draft ON login_method_configurations (login_method_id) WHERE stage = 'draft';
CREATE UNIQUE INDEX login_method_configurations_one_live ON login_method_configurations (login_method_id) WHERE stage = 'live';

-- (login method, identifier) of a user at a provider. An address is never a key.
CREATE TABLE identities (
    id              UUID PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id),
    login_method_id UUID NOT NULL REFERENCES login_methods (id),
    user_id         UUID NOT NULL REFERENCES users (id),
    identifier      TEXT COLLATE "C" NOT NULL,
    -- What the provider last called the person's address.
    email           TEXT,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_by_identifier ON identities (login_method_id, identifier);
CREATE UNIQUE INDEX identities_by_user ON identities (user_id, login_method_id);

-- Ways to a provider and back: of one use, of one browser.
CREATE TABLE oauth_attempts (
    id               UUID PRIMARY KEY,
    state_hash       BYTEA NOT NULL UNIQUE,
    browser_hash     BYTEA NOT NULL,
    account_id       UUID NOT NULL REFERENCES accounts (id),
    login_method_id  UUID NOT NULL REFERENCES login_methods (id),
    configuration_id UUID NOT NULL REFERENCES login_method_configurations (id),
    purpose          TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('sign_in', 'join', 'test')),
    invitation_id    UUID REFERENCES invitations (id),
    session_id       UUID,
    next             TEXT NOT NULL,
    -- PKCE verifier and nonce before the return, what the provider said after it, under the instance's key.
    sealed           BYTEA,
    fault            TEXT COLLATE "C",
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    returned_at      BIGINT,
    used_at          BIGINT
);
CREATE INDEX oauth_attempts_by_expiry ON oauth_attempts (expires_at);

-- Somebody came back from a provider as another than the one invited.
CREATE TABLE decisions (
    id              UUID PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id),
    member_id       UUID NOT NULL REFERENCES members (id),
    invitation_id   UUID NOT NULL REFERENCES invitations (id),
    login_method_id UUID NOT NULL REFERENCES login_methods (id),
    identifier      TEXT COLLATE "C" NOT NULL,
    email           TEXT,
    created_at      BIGINT NOT NULL,
    outcome         TEXT COLLATE "C" CHECK (outcome IN ('used', 'rejected', 'superseded')),
    decided_at      BIGINT,
    decided_by      UUID REFERENCES members (id)
);
CREATE UNIQUE INDEX decisions_one_open ON decisions (member_id) WHERE outcome IS NULL;
CREATE INDEX decisions_by_invitation ON decisions (invitation_id);

-- What a form has to show on the page that it leads to, under the instance's key.
CREATE TABLE flashes (
    id         UUID PRIMARY KEY,
    session_id UUID NOT NULL,
    sealed     BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX flashes_by_expiry ON flashes (expires_at);
