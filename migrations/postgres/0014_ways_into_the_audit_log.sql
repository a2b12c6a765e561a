-- What Settings → Audit filters by.
CREATE INDEX audit_events_by_kind ON audit_events (account_id, kind, seq);
CREATE INDEX audit_events_by_target ON audit_events (account_id, target_id, seq);
CREATE INDEX audit_events_by_actor ON audit_events (account_id, actor_id, seq);
