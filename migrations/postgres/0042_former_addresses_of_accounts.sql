-- The addresses that an account had lead to it for as long as it lives, and nobody else gets them. Those of a deleted account lead nowhere: they have no
-- account, and are kept from all until some time has passed.
ALTER TABLE former_slugs ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE former_slugs ALTER COLUMN until DROP NOT NULL;
UPDATE former_slugs SET until = NULL;
