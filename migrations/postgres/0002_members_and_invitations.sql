-- A member row is the line in the list, whatever its state.

CREATE TABLE members (
    id              UUID PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id),
    user_id         UUID REFERENCES users (id),
    -- Copies of the user's once somebody accepted; the address stands in for the name while there is none.
    email           TEXT NOT NULL,
    email_key       TEXT COLLATE "C" NOT NULL,
    name            TEXT,
    name_key        TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL CHECK (state IN ('invited', 'active', 'suspended', 'removed')),
    role_key        TEXT COLLATE "C" NOT NULL,
    login_method_id UUID NOT NULL REFERENCES login_methods (id),
    -- The latest invitation, whatever came of it.
    invitation_id   UUID,
    invited_at      BIGINT NOT NULL,
    joined_at       BIGINT,
    removed_at      BIGINT,
    removed_by      UUID REFERENCES members (id),
    -- Who answers for a mailbox that no mail has proved.
    vouched_by      UUID REFERENCES members (id),
    last_active_at  BIGINT,
    version         BIGINT NOT NULL,
    changed_at      BIGINT NOT NULL,
    changed_by      UUID REFERENCES members (id),
    FOREIGN KEY (account_id, role_key) REFERENCES roles (account_id, key)
);
CREATE UNIQUE INDEX members_one_row_a_user ON members (account_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX members_one_row_an_address ON members (account_id, email_key) WHERE user_id IS NULL;
CREATE INDEX members_by_name ON members (account_id, name_key, id);
CREATE INDEX members_by_activity ON members (account_id, COALESCE(last_active_at, 0), id);
CREATE INDEX members_by_invited ON members (account_id, invited_at, id);
CREATE INDEX members_by_email ON members (account_id, email_key);
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE member_permissions (
    account_id UUID NOT NULL,
    member_id  UUID NOT NULL REFERENCES members (id),
    permission TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (member_id, permission)
);

CREATE TABLE invitations (
    id           UUID PRIMARY KEY,
    account_id   UUID NOT NULL REFERENCES accounts (id),
    member_id    UUID NOT NULL REFERENCES members (id),
    email_key    TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'held', 'accepted', 'declined', 'revoked')),
    sponsor_id   UUID NOT NULL REFERENCES members (id),
    language     TEXT NOT NULL,
    lifetime_ms  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    mailed_at    BIGINT,
    answered_at  BIGINT,
    asked_at     BIGINT,
    resends      BIGINT NOT NULL
);
CREATE UNIQUE INDEX invitations_one_pending ON invitations (account_id, email_key) WHERE state IN ('pending', 'held');
CREATE INDEX invitations_by_member ON invitations (member_id);
CREATE INDEX invitations_by_sponsor ON invitations (account_id, sponsor_id) WHERE state IN ('pending', 'held');

CREATE TABLE invitation_tokens (
    id            UUID PRIMARY KEY,
    account_id    UUID NOT NULL,
    invitation_id UUID NOT NULL REFERENCES invitations (id),
    channel       TEXT NOT NULL CHECK (channel IN ('mailed', 'copied')),
    hash          BYTEA NOT NULL UNIQUE,
    -- The token itself under the instance's key, for retries and Copy link; erased when the token dies.
    sealed        BYTEA,
    created_at    BIGINT NOT NULL,
    dead_at       BIGINT
);
CREATE UNIQUE INDEX invitation_tokens_one_live ON invitation_tokens (invitation_id, channel) WHERE dead_at IS NULL;

-- Who was given a copied link, and when last: without a mail server they vouch for the mailbox, and the link ends with them.
CREATE TABLE invitation_token_holders (
    token_id   UUID NOT NULL REFERENCES invitation_tokens (id),
    account_id UUID NOT NULL,
    member_id  UUID NOT NULL REFERENCES members (id),
    held_at    BIGINT NOT NULL,
    PRIMARY KEY (token_id, member_id)
);
CREATE INDEX invitation_token_holders_by_member ON invitation_token_holders (account_id, member_id);
