-- Mails waiting and gone, what mail servers said to them, and who did what to whom.

CREATE TABLE outbox (
    id            BLOB NOT NULL PRIMARY KEY,
    account_id    BLOB REFERENCES accounts (id),
    member_id     BLOB REFERENCES members (id),
    invitation_id BLOB REFERENCES invitations (id),
    user_id       BLOB REFERENCES users (id),
    kind          TEXT NOT NULL,
    language      TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    -- What only the mail may say (a code), under the instance's key.
    sealed        BLOB,
    state         TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'refused', 'no_server', 'dropped')),
    attempts      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    next_at       INTEGER NOT NULL,
    lease_until   INTEGER,
    done_at       INTEGER,
    last_answer   TEXT
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'queued';
CREATE INDEX outbox_by_account ON outbox (account_id, id);
CREATE INDEX outbox_by_invitation ON outbox (invitation_id, id);

CREATE TABLE delivery_events (
    id        BLOB NOT NULL PRIMARY KEY,
    outbox_id BLOB NOT NULL REFERENCES outbox (id),
    at        INTEGER NOT NULL,
    outcome   TEXT NOT NULL,
    answer    TEXT
);
CREATE INDEX delivery_events_by_mail ON delivery_events (outbox_id);

-- Hash-chained per account. `data` holds ids and keys alone; names and addresses stand in audit_details, tied in by a salted digest,
-- so that they can be erased without breaking the chain.
CREATE TABLE audit_events (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    seq        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    actor_id   BLOB,
    target_id  BLOB,
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL,
    details    BLOB NOT NULL,
    hash       BLOB NOT NULL,
    PRIMARY KEY (account_id, seq)
);

CREATE TABLE audit_details (
    account_id BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    salt       BLOB NOT NULL,
    actor      TEXT,
    target     TEXT,
    ip         TEXT,
    PRIMARY KEY (account_id, seq),
    FOREIGN KEY (account_id, seq) REFERENCES audit_events (account_id, seq)
);
