-- The row of a member who was removed long ago and whom other rows still name: the name is left of it, and it is shown nowhere.
ALTER TABLE members ADD COLUMN purged_at BIGINT;

-- What the daily clean-up looks for.
CREATE INDEX sessions_by_age ON sessions (created_at);
CREATE INDEX sessions_by_use ON sessions (last_seen_at);
CREATE INDEX rate_buckets_by_age ON rate_buckets (updated_at);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);
CREATE INDEX outbox_settled ON outbox (COALESCE(done_at, created_at)) WHERE state <> 'queued';
CREATE INDEX delivery_events_by_age ON delivery_events (at);
CREATE INDEX decisions_by_age ON decisions (decided_at) WHERE outcome IS NOT NULL;
CREATE INDEX members_removed ON members (removed_at) WHERE state = 'removed' AND purged_at IS NULL;
CREATE INDEX members_invited ON members (invitation_id) WHERE state = 'invited' AND purged_at IS NULL;
CREATE INDEX invitations_answered ON invitations (answered_at) WHERE answered_at IS NOT NULL;
-- What a row that goes is named by.
CREATE INDEX members_by_remover ON members (removed_by) WHERE removed_by IS NOT NULL;
CREATE INDEX members_by_voucher ON members (vouched_by) WHERE vouched_by IS NOT NULL;
CREATE INDEX members_by_changer ON members (changed_by) WHERE changed_by IS NOT NULL;
CREATE INDEX invitations_by_any_sponsor ON invitations (sponsor_id);
CREATE INDEX invitation_tokens_by_invitation ON invitation_tokens (invitation_id);
CREATE INDEX outbox_by_member ON outbox (member_id);
CREATE INDEX decisions_by_member ON decisions (member_id);
CREATE INDEX oauth_attempts_by_invitation ON oauth_attempts (invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX oauth_attempts_by_configuration ON oauth_attempts (configuration_id);
