-- The accounts that require a second factor of their members. Without a row, an account requires none.
CREATE TABLE second_factor_requirements (
    account_id UUID NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- Of everybody, or of the roles below alone.
    everybody  BOOLEAN NOT NULL,
    set_at     BIGINT NOT NULL,
    -- From then on, nobody gets in without one.
    starts_at  BIGINT NOT NULL
);
CREATE TABLE second_factor_roles (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role_key   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, role_key)
);

-- The account that a second factor counts in; NULL for one that belongs to the login. Whoever signs in by an account's provider alone sets it up
-- for that account.
ALTER TABLE second_factors ADD COLUMN account_id UUID REFERENCES accounts (id) ON DELETE CASCADE;

-- The values of `amr` or `acr` by which a provider says that it asked for a second factor, one to a line; empty if its word does not count.
ALTER TABLE login_methods ADD COLUMN second_factor_values TEXT NOT NULL DEFAULT '';
-- What the last test of the method brought in them, one to a line; NULL before there was one.
ALTER TABLE login_methods ADD COLUMN tested_factor_values TEXT;
-- When the provider last said so of this person.
ALTER TABLE identities ADD COLUMN second_factor_at BIGINT;

-- When the member was last reminded to set a second factor up.
ALTER TABLE members ADD COLUMN second_factor_reminded_at BIGINT;

-- Whether those whose invitations to the old address are still open are told the new one, as the person chose.
ALTER TABLE address_changes ADD COLUMN tell_inviters BOOLEAN NOT NULL DEFAULT FALSE;
