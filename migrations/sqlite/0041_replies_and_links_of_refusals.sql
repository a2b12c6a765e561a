-- Do answers to the emails of invitations go to whoever invites?
ALTER TABLE accounts ADD COLUMN invitation_replies BOOLEAN NOT NULL DEFAULT FALSE;

-- By which link a refusal can be taken back, when the invitation and its tokens are gone. NULL for refusals that are older than these columns.
ALTER TABLE invitation_refusals ADD COLUMN token_hash BLOB;
ALTER TABLE invitation_refusals ADD COLUMN invitation_id BLOB;
CREATE UNIQUE INDEX invitation_refusals_by_token ON invitation_refusals (token_hash) WHERE token_hash IS NOT NULL;
