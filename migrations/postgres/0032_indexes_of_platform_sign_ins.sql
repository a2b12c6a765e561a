-- Those that have not ended, by their sessions: what moves to another session, and what is over.
CREATE INDEX platform_sign_ins_live ON platform_sign_ins (session_id, user_id) WHERE NOT ended;
-- What one client is to be told, at its own pace.
CREATE INDEX platform_sign_ins_to_tell_client ON platform_sign_ins (client_id, tell_at) WHERE ended AND told_at IS NULL;
-- What can be deleted.
CREATE INDEX platform_sign_ins_by_told ON platform_sign_ins (told_at) WHERE told_at IS NOT NULL;
