-- Webhooks: addresses that are told of what happens in an account (LT-10).
CREATE TABLE webhooks (
    id            UUID NOT NULL PRIMARY KEY,
    account_id    UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Who answers for it: it stops when this member has no access any more. Empty once the member's row is deleted.
    member_id     UUID REFERENCES members (id) ON DELETE SET NULL,
    -- Since when it is this member's: one from before somebody joined again is stopped (INV-12).
    owned_since   BIGINT NOT NULL,
    url           TEXT NOT NULL,
    description   TEXT NOT NULL,
    -- Is it told of everything, whatever stands in webhook_events?
    all_events    BOOLEAN NOT NULL,
    -- on, off, failing, gone or ownerless
    status        TEXT COLLATE "C" NOT NULL,
    -- Since when nothing was delivered any more.
    failing_since BIGINT,
    created_at    BIGINT NOT NULL
);
CREATE INDEX webhooks_by_account ON webhooks (account_id);
CREATE INDEX webhooks_by_member ON webhooks (member_id);
CREATE INDEX webhooks_on ON webhooks (id) WHERE status = 'on';

-- What a webhook is told of.
CREATE TABLE webhook_events (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    webhook_id UUID NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (webhook_id, event)
);
CREATE INDEX webhook_events_by_account ON webhook_events (account_id);

-- What deliveries are signed with: the newest, and for a day the one before.
CREATE TABLE webhook_secrets (
    id          UUID NOT NULL PRIMARY KEY,
    account_id  UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    webhook_id  UUID NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sealed      BYTEA NOT NULL,
    -- Until when it signs as well, once there is a newer one.
    valid_until BIGINT
);
CREATE INDEX webhook_secrets_by_account ON webhook_secrets (account_id);
CREATE INDEX webhook_secrets_by_webhook ON webhook_secrets (webhook_id);
CREATE INDEX webhook_secrets_by_end ON webhook_secrets (valid_until);

-- What webhooks are told, written in the transaction of what happened. The id is that of the message, however often it is sent.
CREATE TABLE webhook_deliveries (
    id            UUID NOT NULL PRIMARY KEY,
    account_id    UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    webhook_id    UUID NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event         TEXT COLLATE "C" NOT NULL,
    -- Whom it concerns.
    about_member  UUID,
    payload       TEXT NOT NULL,
    -- queued, delivered, failed or dropped
    state         TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT NOT NULL,
    -- When it was queued, the last time that it was.
    queued_at     BIGINT NOT NULL,
    next_at       BIGINT NOT NULL,
    lease_until   BIGINT,
    -- Counts every attempt, and tells whether a lease is still the one that a result belongs to.
    attempts      BIGINT NOT NULL DEFAULT 0,
    done_at       BIGINT,
    -- What came of the last attempt.
    attempted_at  BIGINT,
    duration_ms   BIGINT,
    answer_status BIGINT,
    answer        TEXT,
    fault         TEXT COLLATE "C"
);
CREATE INDEX webhook_deliveries_by_account ON webhook_deliveries (account_id);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE state = 'queued';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (done_at);
