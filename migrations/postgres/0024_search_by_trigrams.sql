-- Finds the rows whose search key holds a fragment by the fragment's trigrams, and not by looking through all of them. Where the extension is not
-- there or may not be made, search looks through the rows of the account, as before; README.md says how to make both later.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX members_search ON members USING gin (search_key gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'no index for the search of the Users list: %', SQLERRM;
END $$;

-- Rows that the job which writes keys has not come to yet.
CREATE INDEX members_without_keys ON members (account_id) WHERE search_key = '' AND purged_at IS NULL;
