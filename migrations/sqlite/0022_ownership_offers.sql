-- Offers of an owner to hand the account over to another member (R34).
CREATE TABLE ownership_offers (
    id          BLOB NOT NULL PRIMARY KEY,
    account_id  BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    from_member BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    to_member   BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    -- What the other one was then: with another role, the offer is off.
    to_role     TEXT NOT NULL,
    offered_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    accepted    BOOLEAN NOT NULL DEFAULT FALSE
);
-- An owner has one at a time.
CREATE UNIQUE INDEX ownership_offers_open ON ownership_offers (from_member) WHERE ended_at IS NULL;
CREATE INDEX ownership_offers_by_member ON ownership_offers (to_member);
CREATE INDEX ownership_offers_by_owner ON ownership_offers (from_member);
CREATE INDEX ownership_offers_by_account ON ownership_offers (account_id);
