-- What an account's owners settle for it (Settings → Account).
-- Counts the changes, so that nobody overwrites what they have not seen.
ALTER TABLE accounts ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN changed_at BIGINT;
-- Who changed it last; the row may be gone by now.
ALTER TABLE accounts ADD COLUMN changed_by UUID;
-- The role that invitations begin with; NULL for the one with the fewest permissions.
ALTER TABLE accounts ADD COLUMN invitation_role TEXT COLLATE "C";
-- How long their links are valid.
ALTER TABLE accounts ADD COLUMN invitation_hours BIGINT NOT NULL DEFAULT 168;
