-- What an account's owners settle for it (Settings → Account).
-- Counts the changes, so that nobody overwrites what they have not seen.
ALTER TABLE accounts ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN changed_at INTEGER;
-- Who changed it last; the row may be gone by now.
ALTER TABLE accounts ADD COLUMN changed_by BLOB;
-- The role that invitations begin with; NULL for the one with the fewest permissions.
ALTER TABLE accounts ADD COLUMN invitation_role TEXT;
-- How long their links are valid.
ALTER TABLE accounts ADD COLUMN invitation_hours INTEGER NOT NULL DEFAULT 168;
