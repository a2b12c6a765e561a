-- How many seconds ago at most the provider was told that the person may have signed in there; NULL if it was told nothing.
ALTER TABLE oauth_attempts ADD COLUMN max_age BIGINT;

-- Why what the provider said, though it was told to have the person sign in anew, is no proof of it.
ALTER TABLE session_proofs ADD COLUMN shortfall TEXT;
