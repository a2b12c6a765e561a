-- The account that a client is bound to, by its id: an address can change hands. Empty once that account is erased.
CREATE TABLE platform_client_accounts (
    client_id  TEXT COLLATE "C" PRIMARY KEY,
    account_id UUID
);

-- The origins of the pages that public clients are made of; those of the settings file stand there alone.
CREATE TABLE platform_client_origins (
    origin    TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL REFERENCES platform_clients (id) ON DELETE CASCADE,
    PRIMARY KEY (origin, client_id)
);
CREATE INDEX platform_client_origins_by_client ON platform_client_origins (client_id);
