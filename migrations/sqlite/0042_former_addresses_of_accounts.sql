-- The addresses that an account had lead to it for as long as it lives, and nobody else gets them. Those of a deleted account lead nowhere: they have no
-- account, and are kept from all until some time has passed.
CREATE TABLE kept_slugs (
    slug       TEXT NOT NULL PRIMARY KEY,
    account_id BLOB REFERENCES accounts (id) ON DELETE CASCADE,
    until      INTEGER
);
INSERT INTO kept_slugs (slug, account_id) SELECT slug, account_id FROM former_slugs;
DROP TABLE former_slugs;
ALTER TABLE kept_slugs RENAME TO former_slugs;
CREATE INDEX former_slugs_by_account ON former_slugs (account_id);
CREATE INDEX former_slugs_by_age ON former_slugs (until);
