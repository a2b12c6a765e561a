-- When whom the invitation is for was reminded of it, once, before it expires.
ALTER TABLE invitations ADD COLUMN reminded_at INTEGER;
CREATE INDEX invitations_to_remind ON invitations (expires_at) WHERE state = 'pending' AND reminded_at IS NULL;

-- Does the account remind the people it invites?
ALTER TABLE accounts ADD COLUMN invitation_reminders BOOLEAN NOT NULL DEFAULT TRUE;
