-- Mails waiting and gone, what mail servers said to them, and who did what to whom.

CREATE TABLE outbox (
    id            UUID PRIMARY KEY,
    account_id    UUID REFERENCES accounts (id),
    member_id     UUID REFERENCES members (id),
    invitation_id UUID REFERENCES invitations (id),
    user_id       UUID REFERENCES users (id),
    kind          TEXT NOT NULL,
    language      TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    -- What only the mail may say (a code), under the instance's key.
    sealed        BYTEA,
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'accepted', 'refused', 'no_server', 'dropped')),
    attempts      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    next_at       BIGINT NOT NULL,
    lease_until   BIGINT,
    done_at       BIGINT,
    last_answer   TEXT
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'queued';
CREATE INDEX outbox_by_account ON outbox (account_id, id);
CREATE INDEX outbox_by_invitation ON outbox (invitation_id, id);

CREATE TABLE delivery_events (
    id        UUID PRIMARY KEY,
    outbox_id UUID NOT NULL REFERENCES outbox (id),
    at        BIGINT NOT NULL,
    outcome   TEXT NOT NULL,
    answer    TEXT
);
CREATE INDEX delivery_events_by_mail ON delivery_events (outbox_id);

-- Hash-chained per account. `data` holds ids and keys alone; names and addresses stand in audit_details, tied in by a salted digest,
-- so that they can be erased without breaking the chain.
CREATE TABLE audit_events (
    account_id UUID NOT NULL REFERENCES accounts (id),
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    actor_id   UUID,
    target_id  UUID,
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL,
    details    BYTEA NOT NULL,
    hash       BYTEA NOT NULL,
    PRIMARY KEY (account_id, seq)
);

CREATE TABLE audit_details (
    account_id UUID NOT NULL,
    seq        BIGINT NOT NULL,
    salt       BYTEA NOT NULL,
    actor      TEXT,
    target     TEXT,
    ip         TEXT,
    PRIMARY KEY (account_id, seq),
    FOREIGN KEY (account_id, seq) REFERENCES audit_events (account_id, seq)
);
