-- A member row is the line in the list, whatever its state.

CREATE TABLE members (
    id              BLOB NOT NULL PRIMARY KEY,
    account_id      BLOB NOT NULL REFERENCES accounts (id),
    user_id         BLOB REFERENCES users (id),
    -- Copies of the user's once somebody accepted; the address stands in for the name while there is none.
    email           TEXT NOT NULL,
    email_key       TEXT NOT NULL,
    name            TEXT,
    name_key        TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('invited', 'active', 'suspended', 'removed')),
    role_key        TEXT NOT NULL,
    login_method_id BLOB NOT NULL REFERENCES login_methods (id),
    -- The latest invitation, whatever came of it.
    invitation_id   BLOB,
    invited_at      INTEGER NOT NULL,
    joined_at       INTEGER,
    removed_at      INTEGER,
    removed_by      BLOB REFERENCES members (id),
    -- Who answers for a mailbox that no mail has proved.
    vouched_by      BLOB REFERENCES members (id),
    last_active_at  INTEGER,
    version         INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL,
    changed_by      BLOB REFERENCES members (id),
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
    account_id BLOB NOT NULL,
    member_id  BLOB NOT NULL REFERENCES members (id),
    permission TEXT NOT NULL,
    PRIMARY KEY (member_id, permission)
);

CREATE TABLE invitations (
    id           BLOB NOT NULL PRIMARY KEY,
    account_id   BLOB NOT NULL REFERENCES accounts (id),
    member_id    BLOB NOT NULL REFERENCES members (id),
    email_key    TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'held', 'accepted', 'declined', 'revoked')),
    sponsor_id   BLOB NOT NULL REFERENCES members (id),
    language     TEXT NOT NULL,
    lifetime_ms  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    mailed_at    INTEGER,
    answered_at  INTEGER,
    asked_at     INTEGER,
    resends      INTEGER NOT NULL
);
CREATE UNIQUE INDEX invitations_one_pending ON invitations (account_id, email_key) WHERE state IN ('pending', 'held');
CREATE INDEX invitations_by_member ON invitations (member_id);
CREATE INDEX invitations_by_sponsor ON invitations (account_id, sponsor_id) WHERE state IN ('pending', 'held');

CREATE TABLE invitation_tokens (
    id            BLOB NOT NULL PRIMARY KEY,
    account_id    BLOB NOT NULL,
    invitation_id BLOB NOT NULL REFERENCES invitations (id),
    channel       TEXT NOT NULL CHECK (channel IN ('mailed', 'copied')),
    hash          BLOB NOT NULL UNIQUE,
    -- The token itself under the instance's key, for retries and Copy link; erased when the token dies.
    sealed        BLOB,
    created_at    INTEGER NOT NULL,
    dead_at       INTEGER
);
CREATE UNIQUE INDEX invitation_tokens_one_live ON invitation_tokens (invitation_id, channel) WHERE dead_at IS NULL;

-- Who was given a copied link, and when last: without a mail server they vouch for the mailbox, and the link ends with them.
CREATE TABLE invitation_token_holders (
    token_id   BLOB NOT NULL REFERENCES invitation_tokens (id),
    account_id BLOB NOT NULL,
    member_id  BLOB NOT NULL REFERENCES members (id),
    held_at    INTEGER NOT NULL,
    PRIMARY KEY (token_id, member_id)
);
CREATE INDEX invitation_token_holders_by_member ON invitation_token_holders (account_id, member_id);
