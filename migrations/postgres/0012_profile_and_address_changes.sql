-- How the person wants pages and mails: the zone of times by its IANA name, and light or dark; NULL leaves either to the browser.
ALTER TABLE users ADD COLUMN time_zone TEXT;
ALTER TABLE users ADD COLUMN theme TEXT;
-- When the login is to be deleted, once the person asked for it.
ALTER TABLE users ADD COLUMN delete_at BIGINT;
CREATE INDEX users_to_delete ON users (delete_at) WHERE delete_at IS NOT NULL;

-- Changes of a person's address: asked for, confirmed at the new one, taken back from the old one.
CREATE TABLE address_changes (
    id            UUID NOT NULL PRIMARY KEY,
    user_id       UUID NOT NULL REFERENCES users (id),
    old_email     TEXT NOT NULL,
    old_email_key TEXT COLLATE "C" NOT NULL,
    new_email     TEXT NOT NULL,
    new_email_key TEXT COLLATE "C" NOT NULL,
    -- The token that confirms is in the mail to the new address, the one that takes back in the mail to the old one.
    confirm_hash  BYTEA NOT NULL UNIQUE,
    undo_hash     BYTEA UNIQUE,
    created_at    BIGINT NOT NULL,
    -- Until when the present token is valid.
    expires_at    BIGINT NOT NULL,
    confirmed_at  BIGINT,
    ended_at      BIGINT
);
CREATE INDEX address_changes_by_user ON address_changes (user_id);
CREATE INDEX address_changes_by_expiry ON address_changes (expires_at);

-- The open invitations to an address, for the person who owns it.
CREATE INDEX invitations_to_address ON invitations (email_key) WHERE state = 'pending';
