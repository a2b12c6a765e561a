-- Whom a mailed link went to, as a digest for the account: whoever holds the link speaks for that address, even after the invitation was
-- corrected to another one. NULL for copied links, and for those that are older than this column.
ALTER TABLE invitation_tokens ADD COLUMN address_digest BLOB;

-- Who said "never again" to invitations of an account. The address itself is not kept.
CREATE TABLE invitation_refusals (
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    digest     BLOB NOT NULL,
    refused_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest)
);

-- The offer of ownership that a mail is about.
ALTER TABLE outbox ADD COLUMN offer_id BLOB REFERENCES ownership_offers (id) ON DELETE SET NULL;
CREATE INDEX outbox_by_offer ON outbox (offer_id) WHERE offer_id IS NOT NULL;
CREATE INDEX ownership_offers_by_age ON ownership_offers (COALESCE(ended_at, expires_at));
