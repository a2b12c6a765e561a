-- Answers of the REST API that are given again to a request with the same Idempotency-Key, for a day.
CREATE TABLE api_answers (
    account_id      BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key_id          BLOB NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    idempotency_key TEXT NOT NULL,
    request_hash    BLOB NOT NULL,
    -- Empty while the request is under way.
    status          INTEGER,
    body            TEXT,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (key_id, idempotency_key)
);
CREATE INDEX api_answers_by_account ON api_answers (account_id);
CREATE INDEX api_answers_by_age ON api_answers (created_at);
