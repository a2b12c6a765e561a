-- When the account is to be deleted, once an owner asked for it; and who asked, or took it back.
ALTER TABLE accounts ADD COLUMN delete_at BIGINT;
ALTER TABLE accounts ADD COLUMN delete_by UUID;
CREATE INDEX accounts_to_delete ON accounts (delete_at) WHERE delete_at IS NOT NULL;

-- Addresses that accounts gave up. For a while nobody else gets them: bookmarks and mails still name them.
CREATE TABLE former_slugs (
    slug       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    until      BIGINT NOT NULL
);
CREATE INDEX former_slugs_by_account ON former_slugs (account_id);
CREATE INDEX former_slugs_by_age ON former_slugs (until);

-- What the rows of an account's members are named by, when all of them go.
CREATE INDEX invitation_token_holders_by_holder ON invitation_token_holders (member_id);
CREATE INDEX decisions_by_decider ON decisions (decided_by) WHERE decided_by IS NOT NULL;
CREATE INDEX login_method_configurations_by_creator ON login_method_configurations (created_by) WHERE created_by IS NOT NULL;
